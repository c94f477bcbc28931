"""Several inputs in one prompt: numbered lines in, answers told apart by number.

The form is as short as can be, because prompts are the product's cost: instructions once, ``1. text`` per input,
and back only what carries information. JSON, bullets, words before the first item and the like are understood; an
answer in which a number is missing, twice or unknown is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rvbbit_proxy.cascade.output import (
    AnswerFault,
    Expected,
    parse_answer,
    parse_json,
    parse_value,
    strip_frame,
    strip_title,
)
from rvbbit_proxy.cascade.spec import BatchSpec
from rvbbit_proxy.cascade.template import render_lines

_SEPARATOR = r"(?:[\s,]+(?:and\s+)?)"
_NUMBERS = re.compile(rf"#?\d+(?:{_SEPARATOR}#?\d+)*[,.]?")
_LINE = re.compile(r"(?:[-*•]\s+)?\**(?:(?:item|text|group|no\.|number)\s+)?#?(\d+)\**\s*[:.)]\**\s*(.*)", re.I)
_PERCENTS = re.compile(r"\d+\s*[:=]\s*-?\d+%?(?:[\s,;]+\d+\s*[:=]\s*-?\d+%?)*[,;.]?")
_PERCENT = re.compile(r"(\d+)\s*[:=]\s*(-?\d+)")
_TRUTH = Expected("boolean")


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
    bare = strip_frame(text)
    if not bare:
        raise AnswerFault("the answer is empty")
    if bare[0] in "{[" and (values := _json_values(bare)) is not None:
        return _READERS[batch.answer](values, count, expected)
    return _PARSERS[batch.answer](bare, count, expected)


def _json_values(text: str) -> dict[str, Any] | list[Any] | None:
    """Return an object or an array, that of an object's only key where it is one; None where the text is none."""
    try:
        answer = parse_json(text)
    except AnswerFault:
        return None
    while isinstance(answer, dict) and len(answer) == 1 and not _is_numbered(answer):
        (answer,) = answer.values()
    return answer if isinstance(answer, dict | list) else None


def _is_numbered(values: Mapping[str, Any]) -> bool:
    return all(key.isdecimal() for key in values)


def _parse_matching(text: str, count: int, _expected: Expected) -> list[Any]:
    bare = strip_title(text).removesuffix(".").strip()
    if bare.lower() == "none":
        return [False] * count
    if _NUMBERS.fullmatch(bare):
        return _flags([int(number) for number in re.findall(r"\d+", bare)], count)
    try:
        return _parse_numbered(text, count, _TRUTH)
    except AnswerFault as fault:
        raise AnswerFault("the answer is neither comma-separated numbers nor none") from fault


def _flags(numbers: Sequence[int], count: int) -> list[Any]:
    _check_numbers(numbers, count, complete=False)
    return [number in set(numbers) for number in range(1, count + 1)]


def _read_matching(values: dict[str, Any] | list[Any], count: int, _expected: Expected) -> list[Any]:
    if isinstance(values, list) and not any(isinstance(value, bool) for value in values):
        if all(re.fullmatch(r"\d+", str(value)) for value in values):
            return _flags([int(value) for value in values], count)
    return _read_all(values, count, _TRUTH)


def _parse_percents(text: str, count: int, expected: Expected) -> list[Any]:
    bare = strip_title(text)
    if bare.removesuffix(".").strip().lower() == "none":
        return _scores({}, count, expected)
    if not _PERCENTS.fullmatch(bare):
        raise AnswerFault("the answer is neither number:score, comma-separated, nor none")
    found = [(int(number), int(score)) for number, score in _PERCENT.findall(bare)]
    _check_numbers([number for number, _ in found], count, complete=False)
    return _scores(dict(found), count, expected)


def _scores(found: Mapping[int, int], count: int, expected: Expected) -> list[Any]:
    return [_checked(number, found.get(number, 0) / 100, expected) for number in range(1, count + 1)]


def _read_percents(values: dict[str, Any] | list[Any], count: int, expected: Expected) -> list[Any]:
    if not isinstance(values, dict) or not _is_numbered(values):
        raise AnswerFault("the answer is not an object from item number to score")
    _check_numbers([int(key) for key in values], count, complete=False)
    scores = {int(key): parse_value(value, Expected("integer")) for key, value in values.items()}
    return _scores(scores, count, expected)


def _parse_numbered(text: str, count: int, expected: Expected) -> list[Any]:
    found: list[tuple[int, str]] = []
    for index, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        match = _LINE.fullmatch(line)
        if match is not None:
            found.append((int(match.group(1)), match.group(2)))
        elif found and expected.type == "text" and not expected.labels:
            number, begun = found[-1]
            found[-1] = number, f"{begun}\n{line}"
        elif index or not line.endswith(":"):  # words before the first item do no harm
            raise AnswerFault(f"line {line[:60]!r} is not 'number: value'")
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
        return parse_value(value, expected)
    except AnswerFault as fault:
        raise AnswerFault(f"item {number}: {fault}") from fault


def _parse_json(text: str, _count: int, _expected: Expected) -> list[Any]:
    parse_json(text)
    raise AnswerFault("the answer is not an object whose keys are item numbers")


def _read_all(values: dict[str, Any] | list[Any], count: int, expected: Expected) -> list[Any]:
    """Return the values of an object keyed by number, or of an array that has them all."""
    if isinstance(values, list):
        values = {str(number): value for number, value in enumerate(values, 1)}
    if not _is_numbered(values):
        raise AnswerFault("the answer is not an object whose keys are item numbers")
    numbered = {int(key): value for key, value in values.items()}
    if len(numbered) != len(values):
        raise AnswerFault("an item number stands twice")
    _check_numbers(list(numbered), count)
    return [_checked(number, numbered[number], expected) for number in range(1, count + 1)]


_READERS: Mapping[str, Callable[[dict[str, Any] | list[Any], int, Expected], list[Any]]] = {
    "matching": _read_matching,
    "percents": _read_percents,
    "numbered": _read_all,
    "json": _read_all,
}
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
