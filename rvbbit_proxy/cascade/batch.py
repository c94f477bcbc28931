"""Several inputs in one prompt: numbered lines in, answers told apart by number.

The form is as short as can be, because prompts are the product's cost: instructions once, ``1. text`` per input,
and back only what carries information. An answer in which a number is missing, twice or unknown is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rvbbit_proxy.cascade.output import (
    AnswerFault,
    Expected,
    check_value,
    parse_answer,
    parse_json,
    strip_fence,
)
from rvbbit_proxy.cascade.spec import BatchSpec
from rvbbit_proxy.cascade.template import render_lines

_NUMBERS = re.compile(r"\d+(?:[\s,]+\d+)*")
_LINE = re.compile(r"(\d+)\s*[:.)]\s*(.*)")
_PERCENTS = re.compile(r"\d+\s*[:=]\s*-?\d+%?(?:[\s,;]+\d+\s*[:=]\s*-?\d+%?)*[,;.]?")
_PERCENT = re.compile(r"(\d+)\s*[:=]\s*(-?\d+)")


def render_batch(batch: BatchSpec, items: Sequence[Mapping[str, Any]]) -> str:
    """Return the prompt: what the items share, then one numbered line per item."""
    common = render_lines(batch.prompt, items[0])
    lines = [f"{number}.{_item(batch, item)}" for number, item in enumerate(items, 1)]
    return "\n".join([common, *lines] if common else lines)


def _item(batch: BatchSpec, item: Mapping[str, Any]) -> str:
    listed = any(isinstance(value, list | tuple) for value in item.values())
    return ("\n" if listed else " ") + render_lines(batch.item, item)


def batch_instruction(batch: BatchSpec, expected: Expected) -> str:
    """Say to the model how to answer a batch."""
    value = "a JSON array of strings" if expected.type == "text[]" else expected.instruction
    return _INSTRUCTIONS[batch.answer].format(value=value)


_INSTRUCTIONS = {
    "matching": "the numbers of the matching items, comma-separated, or none",
    "percents": "number:score of the items whose score is not 0, whole hundredths, comma-separated, or none",
    "numbered": "one line per item, number: value; the value is {value}",
    "json": "a JSON object from item number to value; the value is {value}",
}


def parse_batch(text: str, batch: BatchSpec, count: int, expected: Expected) -> list[Any]:
    """Return one value per item, in the items' order. Raises :class:`AnswerFault`."""
    bare = strip_fence(text)
    if not bare:
        raise AnswerFault("the answer is empty")
    return _PARSERS[batch.answer](bare, count, expected)


def _parse_matching(text: str, count: int, _expected: Expected) -> list[Any]:
    bare = text.removesuffix(".").strip().removeprefix("[").removesuffix("]").strip()
    if bare.lower() == "none":
        return [False] * count
    if not _NUMBERS.fullmatch(bare):
        raise AnswerFault("the answer is neither comma-separated numbers nor none")
    numbers = [int(number) for number in re.findall(r"\d+", bare)]
    _check_numbers(numbers, count, complete=False)
    return [number in set(numbers) for number in range(1, count + 1)]


def _parse_percents(text: str, count: int, expected: Expected) -> list[Any]:
    scores = [0] * count
    if text.removesuffix(".").strip().lower() != "none":
        if not _PERCENTS.fullmatch(text):
            raise AnswerFault("the answer is neither number:score, comma-separated, nor none")
        found = [(int(number), int(score)) for number, score in _PERCENT.findall(text)]
        _check_numbers([number for number, _ in found], count, complete=False)
        for number, score in found:
            scores[number - 1] = score
    return [_checked(number, score / 100, expected) for number, score in enumerate(scores, 1)]


def _parse_numbered(text: str, count: int, expected: Expected) -> list[Any]:
    found: list[tuple[int, str]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            raise AnswerFault(f"line {line[:60]!r} is not 'number: value'")
        found.append((int(match.group(1)), match.group(2)))
    _check_numbers([number for number, _ in found], count)
    return [_parse_item(number, value, expected) for number, value in sorted(found)]


def _parse_item(number: int, value: str, expected: Expected) -> Any:
    if expected.type == "text[]" and not value.startswith("["):
        raise AnswerFault(f"item {number}: {value[:60]!r} is not a JSON array")
    try:
        return parse_answer(value, expected)
    except AnswerFault as fault:
        raise AnswerFault(f"item {number}: {fault}") from fault


def _checked(number: int, value: Any, expected: Expected) -> Any:
    try:
        return check_value(value, expected)
    except AnswerFault as fault:
        raise AnswerFault(f"item {number}: {fault}") from fault


def _parse_json(text: str, count: int, expected: Expected) -> list[Any]:
    answer = parse_json(text)
    if isinstance(answer, list):
        answer = {str(number): value for number, value in enumerate(answer, 1)}
    if not isinstance(answer, dict) or not all(key.isdigit() for key in answer):
        raise AnswerFault("the answer is not an object whose keys are item numbers")
    values = {int(key): value for key, value in answer.items()}
    if len(values) != len(answer):
        raise AnswerFault("an item number stands twice")
    _check_numbers(list(values), count)
    return [_checked(number, values[number], expected) for number in range(1, count + 1)]


_PARSERS: Mapping[str, Callable[[str, int, Expected], list[Any]]] = {
    "matching": _parse_matching,
    "percents": _parse_percents,
    "numbered": _parse_numbered,
    "json": _parse_json,
}


def _check_numbers(numbers: Sequence[int], count: int, *, complete: bool = True) -> None:
    """Raise unless every number is an item's and stands once, and, if ``complete``, every item has one."""
    unknown = sorted(number for number in set(numbers) if not 1 <= number <= count)
    if unknown:
        raise AnswerFault(f"there is no item {unknown[0]}, items are 1 to {count}")
    if len(set(numbers)) != len(numbers):
        raise AnswerFault("an item number stands twice")
    missing = sorted(set(range(1, count + 1)) - set(numbers))
    if complete and missing:
        raise AnswerFault(f"no answer for item {', '.join(map(str, missing[:10]))}")
