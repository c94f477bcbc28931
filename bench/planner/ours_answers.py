"""The scripted model's answers to our own prompts, single and batch form, told by how they ask to be answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from cases import Case
from tasks import NAME, ORDER
from truth import Truth

_LINE = re.compile(r"^(\d+)[.:)] ?(.*)$", re.MULTILINE)
_GROUP = re.compile(r"^(\d+)\.\n((?:- .*\n?)+)", re.MULTILINE)


def answer(task: str, system: str, prompt: str, truth: Truth) -> str:
    """Answer one prompt of ours; raises ``ValueError`` for one that is not understood."""
    if task == "W4":
        return _summaries(system, prompt, truth)
    if "comma-separated" in system and "Criteria:\n" in prompt:
        return _matching_pairs(prompt, truth)
    lines = _LINE.findall(prompt)
    if not lines:
        return _value(task, system, prompt, truth)(prompt)
    header = prompt[: prompt.index(lines[0][1])].rpartition("\n")[0]
    value = _value(task, system, header, truth)
    if task == "W5":
        header_goods = " / ".join(goods.text for goods in truth.goods(header))
        values = [(number, value(f"{header_goods} / {text}")) for number, text in lines]
    else:
        values = [(number, value(text)) for number, text in lines]
    if "number:score" in system:
        return ",".join(f"{number}:{score}" for number, score in values if score != "0") or "none"
    if "comma-separated" in system:
        return ",".join(number for number, text in values if text == "true") or "none"
    if "one line per" in system:
        return "\n".join(f"{number}: {text}" for number, text in values)
    raise ValueError(f"how is this batch to be answered? {system}")


def _summaries(system: str, prompt: str, truth: Truth) -> str:
    """Write one summary, or one of each numbered group."""
    if "each numbered group" not in system:
        return truth.summary(prompt)
    return "\n".join(f"{number}: {truth.summary(texts)}" for number, texts in _GROUP.findall(prompt))


def _matching_pairs(prompt: str, truth: Truth) -> str:
    """Answer a block of the join: the numbers of the texts that match each criterion."""
    listed, _, texts = prompt.partition("\nTexts:\n")
    by_concept: dict[frozenset[int], list[str]] = {}
    for number, text in _LINE.findall(texts):
        by_concept.setdefault(truth.concepts(text), []).append(number)
    lines = []
    for number, criterion in _LINE.findall(listed):
        found = by_concept.get(truth.concepts(criterion))
        if found:
            lines.append(f"{number}:{','.join(found)}")
    return "\n".join(lines) or "none"


def _value(task: str, system: str, shared: str, truth: Truth) -> Callable[[str], str]:
    """Return what answers one text."""
    if task in ("W1", "W2", "W3", "W5"):
        return lambda text: str(truth.matches(task, text)).lower()
    if task == "W6":
        percent = "to 100" in system
        return lambda text: (
            f"{_only(truth, text).wetness * 100:.0f}" if percent else f"{_only(truth, text).wetness:.2f}"
        )
    if "wanted fields" in system:
        return lambda text: json.dumps([(case := _only(truth, text)).topic, case.name, case.order])
    if "label" in system:
        return lambda text: _only(truth, text).topic
    if NAME in shared:
        return lambda text: _only(truth, text).name
    if ORDER in shared:
        return lambda text: _only(truth, text).order
    raise ValueError(f"what is asked? {system}\n{shared}")


def _only(truth: Truth, text: str) -> Case:
    (case,) = truth.cases(text)
    return case
