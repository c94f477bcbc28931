"""The truth by the texts in a prompt, whatever system wrote the prompt: which texts stand in it, what is right.

A text counts as seen only where it stands whole. Summaries are numbered (``S0007``) and remembered with the cases
they rest on, so that a summary of summaries is known to cover what its parts cover.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from cases import LATE, Case, Data, Goods

_CASE = re.compile(r"Case (\d{5})\. ")
_SUMMARY = re.compile(r"\bS\d{4}\b")


@dataclass
class Truth:
    """The planted truth, and the summaries written so far: number to the codes of the cases behind it."""

    data: Data
    summaries: dict[str, frozenset[str]] = field(default_factory=dict)
    _concepts: dict[str, frozenset[int]] = field(default_factory=dict)

    @cached_property
    def _goods(self) -> re.Pattern[str]:
        texts = sorted(self.data.goods_by_text, key=len, reverse=True)
        return re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in texts))

    @cached_property
    def _items(self) -> frozenset[str]:
        return frozenset(goods.text for goods in self.data.items)

    def cases(self, prompt: str) -> list[Case]:
        """Return the cases whose whole text stands in the prompt, in order, each as often as it stands there."""
        return [case for case, _ in self.cases_at(prompt)]

    def cases_at(self, prompt: str) -> list[tuple[Case, int]]:
        """Return the cases and where they begin."""
        found = ((self.data.by_code.get(match[1]), match.start()) for match in _CASE.finditer(prompt))
        return [(case, at) for case, at in found if case is not None and prompt.startswith(case.text, at)]

    def goods(self, prompt: str) -> list[Goods]:
        """Return the items and kinds of the join in the prompt, in order."""
        return [self.data.goods_by_text[match[0]] for match in self._goods.finditer(prompt)]

    def concepts(self, text: str) -> frozenset[int]:
        """Return what the items and kinds in the text are; a text is searched once."""
        if text not in self._concepts:
            self._concepts[text] = frozenset(goods.concept for goods in self.goods(text))
        return self._concepts[text]

    def items(self, prompt: str) -> list[Goods]:
        """Return the items of the join in the prompt, in order."""
        return [goods for goods in self.goods(prompt) if goods.text in self._items]

    def kinds(self, prompt: str) -> list[Goods]:
        """Return the kinds of the join in the prompt, in order."""
        return [goods for goods in self.goods(prompt) if goods.text not in self._items]

    def matches(self, task: str, text: str) -> bool:
        """Tell whether what stands in the text matches: a case the criterion, or an item its kind."""
        if task == "W5":
            return len(self.concepts(text)) == 1
        (case,) = self.cases(text)
        return case.topic == LATE

    def summary(self, prompt: str) -> str:
        """Write a summary of all cases and summaries in the prompt."""
        codes = {case.code for case in self.cases(prompt)}
        for number in _SUMMARY.findall(prompt):
            codes |= self.summaries.get(number, frozenset())
        number = f"S{len(self.summaries):04d}"
        self.summaries[number] = frozenset(codes)
        return (
            f"{number}: the customers write about late parcels, broken goods, wrong bills, locked accounts, and some "
            "only to praise; they name the order and the product, and ask for an answer by letter or by phone."
        )
