"""The seven tasks: what is asked, in words that every system is given, and what the right answers are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from cases import LATE, TOPICS, Data

TASKS = ("W1", "W2", "W3", "W4", "W5", "W6", "W7")
TITLES = {
    "W1": "filter 2,000 rows, 1,200 distinct",
    "W2": "the same, a cheap predicate keeps 10 %",
    "W3": "the same as W1, LIMIT 10",
    "W4": "summaries of 500 rows in 5 groups",
    "W5": "join 100 x 100",
    "W6": "top 10 of 200 by a criterion",
    "W7": "classify 500 rows, extract two fields",
}
CRITERION = "complains about a late delivery"
WATER = "damage caused by water"
LABELS = ", ".join(TOPICS)
NAME, ORDER = "customer name", "order number"

Answer = Any
"""As JSON: W1 to W3 row numbers; W4 region to summary; W5 pairs (item, kind) of row numbers; W6 row numbers, the
best first; W7 row number (as text) to (label, name, order)."""


def export_rows(data: Data) -> dict[str, list[dict[str, Any]]]:
    """Return the four tables as every system is given them, without the truth."""
    return {
        "messages": [{"id": i, "year": year, "body": case.text} for i, (case, year) in enumerate(data.messages)],
        "grouped": [
            {"id": i, "region": region, "body": case.text} for i, (case, region) in enumerate(data.groups)
        ],
        "items": [{"id": i, "item": goods.text} for i, goods in enumerate(data.items)],
        "kinds": [{"id": i, "kind": goods.text} for i, goods in enumerate(data.kinds)],
        "ranked": [{"id": i, "body": case.text} for i, case in enumerate(data.ranked)],
        "forms": [{"id": i, "body": case.text} for i, case in enumerate(data.forms)],
    }


def agreement(task: str, data: Data, answer: Answer, summaries: Mapping[str, Collection[str]]) -> float:
    """Return the share of the answer that is right, from 0 to 1.

    ``summaries`` are the cases that each summary the model wrote is known to rest on, by the summary's number.
    """
    return _AGREEMENTS[task](data, answer, summaries)


def _filter(data: Data, answer: Answer, years: Collection[int] | None) -> float:
    right = {
        i for i, (case, year) in enumerate(data.messages) if case.topic == LATE and (not years or year in years)
    }
    return _overlap(right, answer)


def _overlap(right: Collection[Any], given: Sequence[Any]) -> float:
    """Return the F1 of what is given."""
    return 2 * len(set(right) & set(given)) / max(1, len(right) + len(given))


def _first_ten(data: Data, answer: Answer) -> float:
    return sum(data.messages[i][0].topic == LATE for i in set(answer)) / max(10, len(answer))


def _coverage(data: Data, answer: Answer, summaries: Mapping[str, Collection[str]]) -> float:
    covered = 0
    for region, text in answer.items():
        known = {code for number, codes in summaries.items() if number in (text or "") for code in codes}
        covered += sum(case.code in known for case, its_region in data.groups if its_region == region)
    return covered / len(data.groups)


def _pairs(data: Data, answer: Answer) -> float:
    right = {
        (i, k)
        for i, item in enumerate(data.items)
        for k, kind in enumerate(data.kinds)
        if item.concept == kind.concept
    }
    return _overlap(right, [tuple(pair) for pair in answer])


def _top(data: Data, answer: Answer) -> float:
    ranked = sorted(range(len(data.ranked)), key=lambda i: -data.ranked[i].wetness)
    return len(set(ranked[:10]) & set(answer)) / max(10, len(answer))


def _fields(data: Data, answer: Answer) -> float:
    right = 0
    for i, case in enumerate(data.forms):
        given = answer.get(str(i)) or (None, None, None)
        right += sum(a == b for a, b in zip(given, (case.topic, case.name, case.order), strict=True))
    return right / (3 * len(data.forms))


_AGREEMENTS: Mapping[str, Callable[[Data, Answer, Mapping[str, Collection[str]]], float]] = {
    "W1": lambda data, answer, _: _filter(data, answer, None),
    "W2": lambda data, answer, _: _filter(data, answer, {2020}),
    "W3": lambda data, answer, _: _first_ten(data, answer),
    "W4": _coverage,
    "W5": lambda data, answer, _: _pairs(data, answer),
    "W6": lambda data, answer, _: _top(data, answer),
    "W7": lambda data, answer, _: _fields(data, answer),
}
