"""Bound parameters on their way into DuckDB.

A value is decoded by the type it was declared or inferred to have and bound as a typed DuckDB value, so that the
result has the columns ``describe`` told. Text stays untyped: DuckDB lets a text parameter take the type of what it
is compared with, as PostgreSQL does with unknown literals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb

from rvbbit_proxy.engine.duckdb_types import SQL_NAMES, duckdb_name
from rvbbit_proxy.engine.statement import parameter_marks
from rvbbit_proxy.engine.upstream import Parameter
from rvbbit_proxy.errors import ValueOutOfRange
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.interval import Interval
from rvbbit_proxy.wire.types.registry import decode_value
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle

MAX_DIGITS = 38
_BEFORE_CHRIST = re.compile(r"\d{4,}-\d\d-\d\d(?: [\d:.+-]+)? BC")
_UNTYPED = frozenset((oids.NUMERIC, oids.JSON, oids.JSONB))


def bind_parameters(
    sql: str, parameters: Sequence[Parameter], type_oids: Sequence[int], style: TextStyle = DEFAULT_STYLE
) -> dict[str, Any]:
    """Return DuckDB's parameters by number; only those the statement names, others would be refused.

    Raises ``InvalidTextRepresentation`` where a value does not fit its type.
    """
    named = {mark.number for mark in parameter_marks(sql)}
    return {
        str(number): bind_value(parameter, type_oid, style)
        for number, (parameter, type_oid) in enumerate(zip(parameters, type_oids, strict=True), start=1)
        if number in named
    }


def bind_value(parameter: Parameter, type_oid: int, style: TextStyle = DEFAULT_STYLE) -> Any:
    """Return what DuckDB is given for one parameter."""
    value = duckdb_form(decode_value(parameter.value, parameter.format, type_oid, style))
    if type_oid in _UNTYPED or (type_oid not in SQL_NAMES and not oids.element_oid_of(type_oid)):
        return value
    return duckdb.Value(value, duckdb.sqltype(duckdb_name(type_oid)))


def duckdb_form(value: Any) -> Any:
    """Return a decoded value in the form that DuckDB's binding takes.

    >>> duckdb_form("0044-03-01 12:00:00 BC")
    '0044-03-01 (BC) 12:00:00'
    """
    if isinstance(value, list):
        return [duckdb_form(item) for item in value]
    if isinstance(value, Interval):
        return f"{value.months} months {value.days} days {value.microseconds} microseconds"
    if isinstance(value, Decimal) and value.is_finite() and _digits(value) > MAX_DIGITS:
        raise ValueOutOfRange(
            "numeric value is out of range", detail=f"DuckDB's numeric has at most {MAX_DIGITS} digits."
        )
    if isinstance(value, str) and _BEFORE_CHRIST.fullmatch(value):
        day, _, time = value.removesuffix(" BC").partition(" ")
        return f"{day} (BC) {time}".strip()
    return value


def _digits(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # finite
    return max(len(digits), -exponent) if exponent < 0 else len(digits) + exponent


def substitute_parameters(sql: str, replacements: Mapping[int, str]) -> str:
    """Return the statement with ``$n`` replaced by SQL text.

    >>> substitute_parameters("SELECT $1, '$1'", {1: "NULL"})
    "SELECT NULL, '$1'"
    """
    pieces, end = [], 0
    for mark in parameter_marks(sql):
        pieces += [sql[end : mark.start], replacements.get(mark.number, f"${mark.number}")]
        end = mark.end
    return "".join([*pieces, sql[end:]])


def original_position(sql: str, replacements: Mapping[int, str], position: int) -> int:
    """Return where a 1-based position in the substituted statement was in ``sql``.

    >>> original_position("SELECT $1, x", {1: "NULL"}, 14)
    12
    """
    shift = 0
    for mark in parameter_marks(sql):
        if mark.start + shift >= position - 1:
            break
        shift += len(replacements.get(mark.number, f"${mark.number}")) - (mark.end - mark.start)
    return max(1, position - shift)


def null_parameters(parameters: Sequence[Parameter], type_oids: Sequence[int]) -> dict[int, str]:
    """Return SQL for the parameters that are NULL of a known type, which DuckDB forgets when it is bound."""
    return {
        number: text
        for number, text in typed_nulls(type_oids).items()
        if number <= len(parameters)
        and parameters[number - 1].value is None
        and type_oids[number - 1] != oids.TEXT
    }


def typed_nulls(type_oids: Sequence[int]) -> dict[int, str]:
    """Return for each parameter a NULL of its type, to let DuckDB bind a statement without values."""
    return {number: f"CAST(NULL AS {duckdb_name(oid)})" for number, oid in enumerate(type_oids, start=1)}
