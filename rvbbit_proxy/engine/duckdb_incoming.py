"""Columns of PostgreSQL's wire forms, as COPY brings them, to Arrow columns that DuckDB inserts.

Whole columns where that is easy, else value by value with the codecs of the wire; types whose text DuckDB reads as
PostgreSQL does stay text. :func:`find_refused` finds the value that made an insert fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from rvbbit_proxy.engine.duckdb_parameters import duckdb_form
from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.read_columns import read_column
from rvbbit_proxy.wire.types.registry import decode_value
from rvbbit_proxy.wire.types.style import TextStyle

_READ_BY_DUCKDB = frozenset({oids.NUMERIC, oids.UUID, oids.JSON, oids.JSONB})
"""Types whose text DuckDB reads as PostgreSQL does."""
_AS_JSON = ("STRUCT(", "MAP(", "UNION(")
"""DuckDB's types that are json on the wire."""


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column to fill: its DuckDB type as SQL, and the type the client sees."""

    name: str
    sql_type: str
    type_oid: int

    def cast(self, expression: str) -> str:
        """Return the expression of the incoming value in the column's own type."""
        if self.sql_type.startswith(_AS_JSON) and not self.sql_type.endswith("]"):
            expression = f"CAST({expression} AS JSON)"
        return f"CAST({expression} AS {self.sql_type})"


class RefusedValue(Exception):
    """A value its type refuses; ``fault`` says why."""

    def __init__(self, row: int, fault: RvbbitError) -> None:
        super().__init__(fault.message)
        self.row = row
        self.fault = fault


def incoming_column(column: pa.Array, type_oid: int, format_code: int, style: TextStyle) -> pa.Array:
    """Return what DuckDB is given for a column of strings or, in binary, of bytes. Raises RefusedValue."""
    if not format_code and type_oid in _READ_BY_DUCKDB:
        return column
    found = read_column(column, type_oid, format_code)
    if found is not None:
        return found
    values = [_read(row, value, type_oid, format_code, style) for row, value in enumerate(column.to_pylist())]
    try:
        return pa.array(values)
    except pa.ArrowException:  # 'infinity' among dates, say
        return pa.array([_text(value) for value in values])


def _read(row: int, value: str | bytes | None, type_oid: int, format_code: int, style: TextStyle) -> Any:
    form = value.encode() if isinstance(value, str) else value
    try:
        decoded = decode_value(form, format_code, type_oid, style)
        read = str(decoded) if isinstance(decoded, Decimal) else duckdb_form(decoded)
    except RvbbitError as fault:
        raise RefusedValue(row, fault) from fault
    if isinstance(read, time) and read.tzinfo is not None:
        return str(read)  # Arrow's times have no zone
    return read


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(item) for item in value]
    return None if value is None else str(value)


def find_refused(
    columns: Sequence[pa.Array], targets: Sequence[TargetColumn], format_code: int, style: TextStyle
) -> tuple[int, int, RvbbitError | None] | None:
    """Return row, column and, where PostgreSQL's words are known, fault of the first value DuckDB cannot cast."""
    found: list[tuple[int, int, RvbbitError | None]] = []
    with duckdb.connect() as scratch:
        for place, (column, target) in enumerate(zip(columns, targets, strict=True)):
            row = _first_refused(column, target, format_code, style, scratch)
            if row is not None:
                found.append((row, place, _fault(column[row].as_py(), target, format_code, style)))
    return min(found, key=lambda place: place[:2], default=None)


def _first_refused(
    column: pa.Array, target: TargetColumn, format_code: int, style: TextStyle, scratch: duckdb.DuckDBPyConnection
) -> int | None:
    values = incoming_column(column, target.type_oid, format_code, style)
    scratch.register("incoming", pa.table({"row": range(len(values)), "value": values}))
    tried = target.cast("value").replace("CAST(", "TRY_CAST(", 1)
    try:
        scratch.execute(f"SELECT min(row) FROM incoming WHERE value IS NOT NULL AND {tried} IS NULL")
        found = scratch.fetchall()
    except duckdb.Error:
        return None  # a type of the user's own, or a nested value: the place stays unknown
    return found[0][0] if found else None


def _fault(value: Any, target: TargetColumn, format_code: int, style: TextStyle) -> RvbbitError | None:
    try:
        _read(0, value, target.type_oid, format_code, style)
    except RefusedValue as refused:
        return refused.fault
    if target.type_oid == oids.NUMERIC and target.sql_type.startswith("DECIMAL("):
        return _overflow(target.sql_type)
    return None


def _overflow(sql_type: str) -> RvbbitError:
    """Return PostgreSQL's error of a number too large for numeric(p,s)."""
    precision, scale = (int(part) for part in sql_type[len("DECIMAL(") : -1].split(","))
    limit = f"10^{precision - scale}" if precision > scale else "1"
    return RvbbitError(
        "numeric field overflow",
        detail=f"A field with precision {precision}, scale {scale} must round to an absolute value less than {limit}.",
        sqlstate="22003",
    )
