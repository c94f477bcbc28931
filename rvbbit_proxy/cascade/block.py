"""Pairs of inputs in one prompt: two numbered lists in, the pairs that match out.

A join asks about m times n pairs of m and n texts; here each text stands once. The rights come first, because they
are what blocks side by side share: providers keep prefixes. The lefts are numbered on from the rights, so that no
number means two things, whichever way round an answer is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rvbbit_proxy.cascade.output import AnswerFault, Expected, check_value, parse_json, strip_frame
from rvbbit_proxy.cascade.spec import BlockSpec, CascadeSpec
from rvbbit_proxy.cascade.template import render_lines

Inputs = Mapping[str, Any]

_NUMBER = r"\d+(?:\s*=\s*-?\d+%?)?"
_LINE = re.compile(
    rf"(?:[-*•]\s+)?\**(\d+)\**\s*[:.)]\**\s*({_NUMBER}(?:[\s,]+{_NUMBER})*[,.]?|none)", re.IGNORECASE
)
_ENTRY = re.compile(r"(\d+)(?:\s*=\s*(-?\d+))?")


@dataclass(frozen=True, slots=True)
class Block:
    """Pairs to ask about: the distinct sides, and for every pair the positions of its sides, from 0."""

    lefts: tuple[Inputs, ...]
    rights: tuple[Inputs, ...]
    pairs: tuple[tuple[int, int], ...]


def split_sides(spec: CascadeSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the arguments on the left, those of each input, and on the right, the shared ones."""
    args = spec.sql_function.args if spec.sql_function else ()
    return tuple(arg.name for arg in args if not arg.shared), tuple(arg.name for arg in args if arg.shared)


def make_block(spec: CascadeSpec, items: Sequence[Inputs]) -> Block | None:
    """Return the inputs as pairs; None where the cascade has no block form or what is shared is the same."""
    if spec.block is None:
        return None
    (lefts, left_of), (rights, right_of) = (number_sides(items, names) for names in split_sides(spec))
    if len(rights) < 2:
        return None
    return Block(tuple(lefts), tuple(rights), tuple(zip(left_of, right_of, strict=True)))


def number_sides(items: Sequence[Inputs], names: Sequence[str]) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the distinct values of these arguments, in order of appearance, and for every item which it has."""
    known: dict[Any, int] = {}
    sides: list[dict[str, Any]] = []
    numbers = []
    for item in items:
        values = [item.get(name) for name in names]
        key = values[0] if len(values) == 1 and type(values[0]) is str else (json.dumps(values, default=str),)
        number = known.setdefault(key, len(sides))
        if number == len(sides):
            sides.append({name: item[name] for name in names if name in item})
        numbers.append(number)
    return sides, numbers


def render_block(spec: BlockSpec, block: Block) -> str:
    """Return the prompt: both lists, numbered through."""
    first_left = len(block.rights) + 1
    rights = [f"{number}. {render_lines(spec.right, side)}" for number, side in enumerate(block.rights, 1)]
    lefts = [f"{number}. {render_lines(spec.left, side)}" for number, side in enumerate(block.lefts, first_left)]
    return "\n".join([f"{spec.right_title}:", *rights, f"{spec.left_title}:", *lefts])


def block_instruction(spec: BlockSpec) -> str:
    """Say to the model how to answer a block."""
    entry = "number=score in whole hundredths" if spec.answer == "percents" else "number"
    lefts, right = spec.left_title.lower(), spec.right_title.lower()
    return f"a line 'number: numbers' for each of the {right} that anything matches, with the {lefts}' {entry}, or none"


def parse_block(text: str, spec: BlockSpec, block: Block, expected: Expected) -> dict[tuple[int, int], Any]:
    """Return the values that the answer states, by pair; what it leaves out is false or 0.

    Pairs that were not asked are left out. Raises :class:`AnswerFault`.
    """
    bare = _as_lines(strip_frame(text))
    if not bare:
        raise AnswerFault("the answer is empty")
    if bare.removesuffix(".").lower() == "none":
        return {}
    found: dict[tuple[int, int], Any] = {}
    for index, line in enumerate(filter(None, map(str.strip, re.split(r"[\n;]", bare)))):
        match = _LINE.fullmatch(line)
        if match is None and not index and line.endswith(":"):
            continue  # words before the first line do no harm
        if match is None:
            raise AnswerFault(f"line {line[:60]!r} is not 'number: numbers'")
        for number, score in _ENTRY.findall(match[2]):
            pair = _pair(int(match[1]), int(number), block)
            if pair in found:
                raise AnswerFault(f"the pair of {match[1]} and {number} stands twice")
            found[pair] = _value(score, spec, expected)
    asked = set(block.pairs)
    return {pair: value for pair, value in found.items() if pair in asked}


def _as_lines(text: str) -> str:
    """Return an answer that is JSON, an object from number to numbers, as the lines that were asked for."""
    if not text.startswith("{"):
        return text
    answer = parse_json(text)
    lines = []
    for key, entries in answer.items() if isinstance(answer, dict) else ():
        if isinstance(entries, dict):
            entries = [f"{number}={score}" for number, score in entries.items()]
        listed = entries if isinstance(entries, list) else [entries]
        if listed:
            lines.append(f"{key}: {','.join(map(str, listed))}")
    return "\n".join(lines) or "none"


def _pair(one: int, other: int, block: Block) -> tuple[int, int]:
    """Return the positions of two numbers of the prompt, whichever is the right one's."""
    right, left = sorted((one, other))
    count, total = len(block.rights), len(block.rights) + len(block.lefts)
    if not 1 <= right <= count < left <= total:
        raise AnswerFault(
            f"{one} and {other} are no pair: one is from 1 to {count}, one from {count + 1} to {total}"
        )
    return left - count - 1, right - 1


def _value(score: str, spec: BlockSpec, expected: Expected) -> Any:
    if (spec.answer == "percents") != bool(score):
        raise AnswerFault("a score is missing" if spec.answer == "percents" else "numbers have no scores")
    return check_value(int(score) / 100 if score else True, expected)
