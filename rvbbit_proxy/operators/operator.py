"""Operators from cascades: names, words, arguments; conflicts are faults at load.

A syntax template is either ``{{ left }} WORD [WORD…] {{ right }}`` or ``NAME({{ arg }}, …)``; names and words
are read without regard to case, as PostgreSQL reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rvbbit_proxy.cascade.source import Location
from rvbbit_proxy.cascade.spec import CascadeSpec, LlmCell, Shape, SqlFunction, SqlType
from rvbbit_proxy.errors import ConfigurationFault
from rvbbit_proxy.operators.keywords import FOLLOWING, FORMS, RESERVED

_HOLE = r"\{\{\s*([a-z_][a-z0-9_]*)\s*\}\}"
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_INFIX = re.compile(rf"\s*{_HOLE}\s+({_WORD}(?:\s+{_WORD})*)\s+{_HOLE}\s*")
_CALL = re.compile(rf"\s*({_WORD})\s*\(\s*({_HOLE}(?:\s*,\s*{_HOLE})*)\s*\)\s*")

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatorArg:
    """One argument; ``default`` counts only where ``required`` is false."""

    name: str
    sql_type: SqlType
    default: Any = None
    shared: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class Operator:
    """What SQL can call.

    ``names``: lower-case function names; ``infix``: upper-case words that stand between the first two
    arguments. ``version`` is the cascade's content hash, part of every cache key. In an aggregate the first
    argument's item value is the list of the group's values. ``propagates_null``: NULL for a required argument
    is answered NULL without a call. ``batched``: several items fit in one run, at most ``batch_size`` of them
    (None: no bound of its own).
    """

    name: str
    cascade: CascadeSpec = field(repr=False, compare=False)
    names: tuple[str, ...]
    infix: tuple[Words, ...]
    args: tuple[OperatorArg, ...]
    returns: SqlType
    shape: Shape
    version: str
    batched: bool
    batch_size: int | None
    cached: bool
    cache_ttl_s: float | None
    propagates_null: bool
    proxied: bool  # similarity of the first two arguments tells of the answer
    accuracy: float | None
    asks_model: bool  # false: made of deterministic cells only
    offline: bool  # answers without a model
    approximate: bool  # what it answers without a model is approximate
    description: str


@dataclass(frozen=True, slots=True)
class Operators:
    """All operators: by function name, and by infix words with the longest first."""

    by_name: Mapping[str, Operator]
    infix: Sequence[tuple[Words, Operator]]


def load_operators(cascades: Mapping[str, CascadeSpec]) -> Operators:
    """Return the operators of all cascades that SQL can call. Raises :class:`ConfigurationFault`."""
    operators = [
        load_operator(spec, spec.sql_function) for spec in cascades.values() if spec.sql_function is not None
    ]
    by_name: dict[str, Operator] = {}
    by_words: dict[Words, Operator] = {}
    for operator in operators:
        for name in operator.names:
            _claim(by_name, name, operator, f"function {name}")
        for words in operator.infix:
            _claim(by_words, words, operator, f"operator {' '.join(words)}")
    longest_first = sorted(by_words.items(), key=lambda entry: (-len(entry[0]), entry[0]))
    return Operators(by_name, tuple(longest_first))


def load_operator(spec: CascadeSpec, function: SqlFunction) -> Operator:
    """Return the operator of one cascade. Raises :class:`ConfigurationFault`."""
    _check_args(spec, function)
    names, infix = [function.name, *function.aliases], []
    for index, template in enumerate(function.syntax):
        at: Location = ["sql_function", "syntax", index]
        words = _infix_words(spec, function, template, at)
        if words is not None:
            infix.append(words)
        else:
            names.append(_call_name(spec, function, template, at))
    for name in names:
        if name in RESERVED | FORMS:
            raise _fault(spec, ["sql_function"], f"{name!r} is a word of PostgreSQL's own")
    asks_model = any(isinstance(cell, LlmCell) for cell in spec.cells)
    return Operator(
        name=function.name,
        cascade=spec,
        names=tuple(dict.fromkeys(names)),
        infix=tuple(dict.fromkeys(infix)),
        args=tuple(
            OperatorArg(arg.name, arg.type, arg.default, arg.shared, arg.required) for arg in function.args
        ),
        returns=function.returns,
        shape=function.shape,
        version=spec.genus_hash,
        batched=spec.batched,
        batch_size=spec.batch.size if spec.batch else None,
        cached=function.cache,
        cache_ttl_s=function.cache_ttl_s,
        propagates_null=function.nulls == "propagate",
        proxied=function.proxy is not None,
        accuracy=function.accuracy,
        asks_model=asks_model,
        offline=spec.offline is not None or not asks_model,
        approximate=spec.offline is not None and spec.offline.approximate,
        description=spec.description,
    )


def _claim(taken: dict[Any, Operator], key: Any, operator: Operator, what: str) -> None:
    other = taken.setdefault(key, operator)
    if other is not operator:
        where = _fault(other.cascade, ["sql_function"], "").message.rstrip(": ")
        raise _fault(operator.cascade, ["sql_function"], f"{what} is also in {where}")


def _check_args(spec: CascadeSpec, function: SqlFunction) -> None:
    seen: set[str] = set()
    optional = False
    for index, arg in enumerate(function.args):
        at: Location = ["sql_function", "args", index]
        if arg.name in seen:
            raise _fault(spec, at, f"two arguments are named {arg.name!r}")
        if arg.required and optional:
            raise _fault(spec, at, f"argument {arg.name!r} has no default and follows one that has")
        optional = optional or not arg.required
        seen.add(arg.name)


def _infix_words(spec: CascadeSpec, function: SqlFunction, template: str, at: Location) -> Words | None:
    """Return the words of an infix template, None if it is none."""
    match = _INFIX.fullmatch(template)
    if match is None:
        return None
    left, text, right = match.groups()
    words = tuple(text.upper().split())
    _check_holes(spec, function, (left, right), at)
    if words[0].lower() in RESERVED | FOLLOWING:
        raise _fault(spec, at, f"{words[0]} is a word of PostgreSQL's own")
    if any(arg.required for arg in function.args[2:]):
        raise _fault(spec, at, "an infix form takes two arguments; the others need defaults")
    return words


def _call_name(spec: CascadeSpec, function: SqlFunction, template: str, at: Location) -> str:
    match = _CALL.fullmatch(template)
    if match is None:
        raise _fault(
            spec, at, f"{template!r} is neither '{{{{ a }}}} WORD {{{{ b }}}}' nor 'NAME({{{{ a }}}}, …)'"
        )
    holes = re.findall(_HOLE, match.group(2))
    _check_holes(spec, function, holes, at)
    if any(arg.required for arg in function.args[len(holes) :]):
        raise _fault(spec, at, "the template leaves out an argument that has no default")
    return match.group(1).lower()


def _check_holes(spec: CascadeSpec, function: SqlFunction, holes: Sequence[str], at: Location) -> None:
    """Raise unless the template names the first arguments in their order."""
    known = [arg.name for arg in function.args]
    for hole in holes:
        if hole not in known:
            raise _fault(spec, at, f"the template names an unknown argument {hole!r}")
    if list(holes) != known[: len(holes)]:
        raise _fault(spec, at, f"the template must name the arguments in order: {', '.join(known)}")


def _fault(spec: CascadeSpec, location: Location, reason: str) -> ConfigurationFault:
    if spec.source is None:
        return ConfigurationFault(f"{spec.cascade_id}:1: {reason}")
    return spec.source.fault(location, reason)


def distinct_operators(operators: Operators) -> list[Operator]:
    """Return every operator once, by name."""
    return sorted({operator.name: operator for operator in operators.by_name.values()}.values(), key=_name)


def _name(operator: Operator) -> str:
    return operator.name
