"""Ready rule sets, by name: what the scripted model answers when a test or bench needs no answer of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from scripted_model.rules import Message, Rule, content_of

_LINE = re.compile(r"^(\d+)\. (.*)$", re.MULTILINE)
_GROUP = re.compile(r"^(\d+)\.\n((?:- .*\n?)+)", re.MULTILINE)

RULE_SETS: dict[str, Callable[[], list[Rule]]] = {}
"""Rule sets that ``python -m scripted_model --rules NAME`` can load."""


def rule_set(make: Callable[[], list[Rule]]) -> Callable[[], list[Rule]]:
    """Register a rule set under its function's name."""
    RULE_SETS[make.__name__] = make
    return make


@rule_set
def always_yes() -> list[Rule]:
    """Answer ``yes`` to everything."""
    return [Rule("", "yes")]


@rule_set
def bundled_operators() -> list[Rule]:
    """Answer the bundled operators by plain rules over their prompts, single and batched.

    A text matches a criterion when it holds one of its words; its score is the share of the words it holds.
    """
    return [
        Rule(
            "does the text match",
            lambda messages: str(_holds(_tagged(messages, "text"), _criterion(messages))).lower(),
        ),
        Rule(r"\nFields: whether it matches '[^\n]*; relevance to '", _match_and_score),
        Rule("which texts match the criterion", _matching_numbers),
        Rule("which texts match which criteria", _matching_pairs),
        Rule(
            "how relevant is the text",
            lambda messages: f"{_share(_tagged(messages, 'text'), _criterion(messages)):.2f}",
        ),
        Rule("how relevant is each text to the topic", _percents),
        Rule("how relevant is each text to each topic", _pair_percents),
        Rule("what is the text's sentiment", lambda messages: "-0.5"),
        Rule("what is each text's sentiment", lambda messages: _numbered(messages, lambda text: "-0.5")),
        Rule("summarize the texts", lambda messages: f"Summary of {_lines(messages)} lines."),
        Rule(
            "summarize each numbered group",
            lambda messages: _each_group(messages, lambda lines: f"Summary of {len(lines)} lines."),
        ),
        Rule("name the main themes of the texts", "first theme\nsecond theme"),
        Rule(
            "name the main themes of each",
            lambda messages: _each_group(messages, lambda lines: '["first theme", "second theme"]'),
        ),
        Rule("say the text in one", lambda messages: "short: " + _tagged(messages, "text")[:20].strip()),
        Rule(
            "say each text in one",
            lambda messages: _numbered(messages, lambda text: "short: " + text[:20].strip()),
        ),
    ]


def _tagged(messages: Sequence[Message], tag: str) -> str:
    found = re.findall(rf"<{tag}>\s*(.*?)\s*</{tag}>", content_of(messages[-1]), re.DOTALL)
    return str(found[-1]) if found else ""


def _criterion(messages: Sequence[Message]) -> str:
    return _tagged(messages, "criterion") or _tagged(messages, "topic")


def _share(text: str, criterion: str) -> float:
    words = criterion.lower().split()
    return sum(word in text.lower() for word in words) / max(len(words), 1)


def _holds(text: str, criterion: str) -> bool:
    return _share(text, criterion) > 0


def _items(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return _LINE.findall(content_of(messages[-1]))


def _batch_criterion(messages: Sequence[Message]) -> str:
    return content_of(messages[-1]).splitlines()[0].partition(": ")[2]


def _matching_numbers(messages: Sequence[Message]) -> str:
    criterion = _batch_criterion(messages)
    return ",".join(number for number, text in _items(messages) if _holds(text, criterion)) or "none"


def _percents(messages: Sequence[Message]) -> str:
    criterion = _batch_criterion(messages)
    scores = [(number, round(100 * _share(text, criterion))) for number, text in _items(messages)]
    return ",".join(f"{number}:{score}" for number, score in scores if score) or "none"


def _match_and_score(messages: Sequence[Message]) -> str:
    """Answer a prompt that a predicate and a score share."""
    found = re.search(r"whether it matches '(.*?)': .*; relevance to '(.*?)',", content_of(messages[-1]))
    criterion, topic = found.groups() if found else ("", "")
    return "\n".join(
        f'{number}: ["{str(_holds(text, criterion)).lower()}", "{_share(text, topic):.2f}"]'
        for number, text in _items(messages)
    )


def _matching_pairs(messages: Sequence[Message]) -> str:
    return _pairs(messages, lambda number, text, criterion: number if _holds(text, criterion) else "")


def _pair_percents(messages: Sequence[Message]) -> str:
    def entry(number: str, text: str, topic: str) -> str:
        percent = round(100 * _share(text, topic))
        return f"{number}={percent}" if percent else ""

    return _pairs(messages, entry)


def _pairs(messages: Sequence[Message], entry: Callable[[str, str, str], str]) -> str:
    """Answer a block: a line per right with the entries of the lefts, those that are empty left out."""
    listed, _, texts = content_of(messages[-1]).partition("\nTexts:\n")
    lines = []
    for number, right in _LINE.findall(listed):
        entries = [found for left, text in _LINE.findall(texts) if (found := entry(left, text, right))]
        if entries:
            lines.append(f"{number}: {','.join(entries)}")
    return "\n".join(lines) or "none"


def _each_group(messages: Sequence[Message], answer: Callable[[list[str]], str]) -> str:
    groups = _GROUP.findall(content_of(messages[-1]))
    return "\n".join(f"{number}: {answer(texts.splitlines())}" for number, texts in groups)


def _numbered(messages: Sequence[Message], answer: Callable[[str], str]) -> str:
    return "\n".join(f"{number}: {answer(text)}" for number, text in _items(messages))


def _lines(messages: Sequence[Message]) -> int:
    return len(_tagged(messages, "texts").splitlines())
