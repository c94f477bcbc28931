"""Stage inputs and results between PostgreSQL and Arrow.

In: binary rows, decoded by psycopg's loaders into the Arrow type that :data:`ARROW_TYPES` names. Any other type is
cast to text by the server and carried as Arrow's opaque type over strings, so that a key column that goes back in
:func:`create_table_sql` has its own type again. Out: CSV for COPY, written by Arrow's own writer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from psycopg import pq
from psycopg.adapt import Transformer
from pyarrow import csv

from rvbbit_proxy.engine.upstream import Column
from rvbbit_proxy.wire.types import oids

COPY_BATCH_ROWS = 65_536
VENDOR = "PostgreSQL"

ARROW_TYPES: dict[int, pa.DataType] = {
    oids.BOOL: pa.bool_(),
    oids.INT2: pa.int16(),
    oids.INT4: pa.int32(),
    oids.INT8: pa.int64(),
    oids.FLOAT4: pa.float32(),
    oids.FLOAT8: pa.float64(),
    oids.TEXT: pa.string(),
    oids.VARCHAR: pa.string(),
    oids.BPCHAR: pa.string(),
    oids.NAME: pa.string(),
    oids.BYTEA: pa.binary(),
    oids.DATE: pa.date32(),
    oids.TIMESTAMP: pa.timestamp("us"),
    oids.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
}
"""Arrow's type for a PostgreSQL type; numeric takes the precision its values need."""

PARTIAL = frozenset((oids.NUMERIC, oids.DATE, oids.TIMESTAMP, oids.TIMESTAMPTZ))
"""Types with values that Python or Arrow lacks (NaN, infinity, BC)."""

_SQL_TYPES: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "smallint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_int32, "integer"),
    (pa.types.is_integer, "bigint"),
    (pa.types.is_float32, "real"),
    (pa.types.is_floating, "double precision"),
    (pa.types.is_decimal, "numeric"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None, "timestamptz"),
    (pa.types.is_timestamp, "timestamp"),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), "bytea"),
    (lambda kind: pa.types.is_struct(kind) or pa.types.is_map(kind), "jsonb"),
)


def is_native(type_oid: int) -> bool:
    """Tell whether a type, or an array's element type, has an Arrow type here."""
    element = oids.element_oid_of(type_oid) or type_oid
    return element in ARROW_TYPES or element == oids.NUMERIC


def fetch_projection(columns: Sequence[Column], *, partial: bool) -> str | None:
    """Return a SELECT list over c1…cn with foreign types as text; None where there are none.

    ``partial`` False casts the types of :data:`PARTIAL` too.
    """
    casts = [needs_text(column.type_oid, partial=partial) for column in columns]
    if not any(casts):
        return None
    return ", ".join(f"c{number}::text" if cast else f"c{number}" for number, cast in enumerate(casts, start=1))


def needs_text(type_oid: int, *, partial: bool) -> bool:
    """Tell whether a column is fetched as the server's text."""
    if not is_native(type_oid):
        return True
    return not partial and (oids.element_oid_of(type_oid) or type_oid) in PARTIAL


def to_arrow(
    columns: Sequence[Column],
    rows: Sequence[tuple[bytes | None, ...]],
    type_names: Sequence[str | None],
) -> pa.Table:
    """Return the table of binary rows; a column with a type name holds that type's text.

    Raises ``psycopg.DataError`` or ``pa.ArrowException`` for a value of :data:`PARTIAL` that Python lacks.
    """
    transformer = Transformer()
    types = [oids.TEXT if name else column.type_oid for column, name in zip(columns, type_names, strict=True)]
    transformer.set_loader_types(types, pq.Format.BINARY)
    values = zip(*(transformer.load_sequence(row) for row in rows), strict=True) if rows else [[] for _ in columns]
    arrays = [_array(list(items), oid, name) for items, oid, name in zip(values, types, type_names, strict=True)]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(values: list[Any], type_oid: int, type_name: str | None) -> pa.Array:
    if type_name is not None:
        storage = pa.array(values, pa.string())
        return pa.ExtensionArray.from_storage(pa.opaque(pa.string(), type_name, VENDOR), storage)
    element = oids.element_oid_of(type_oid)
    if element:
        return pa.array(values) if _nested(values) else _list_array(values, element)
    if type_oid == oids.NUMERIC:
        return _decimals(values)
    return pa.array(values, ARROW_TYPES[type_oid])


def _nested(values: Sequence[Any]) -> bool:
    return any(isinstance(item, list) for value in values if value for item in value)


def _list_array(values: list[Any], element: int) -> pa.Array:
    if element == oids.NUMERIC:
        return pa.array(values) if any(values) else pa.array(values, pa.list_(pa.decimal128(38, 0)))
    return pa.array(values, pa.list_(ARROW_TYPES[element]))


def _decimals(values: list[Any]) -> pa.Array:
    if all(value is None for value in values):
        return pa.array(values, pa.decimal128(38, 0))
    return pa.array(values)


# Arrow to PostgreSQL


def sql_type(kind: pa.DataType) -> str:
    """Return the PostgreSQL type a column of this Arrow type is loaded into.

    >>> sql_type(pa.list_(pa.string())), sql_type(pa.timestamp("us", tz="UTC"))
    ('text[]', 'timestamptz')
    """
    if isinstance(kind, pa.OpaqueType) and kind.vendor_name == VENDOR:
        return str(kind.type_name)
    if isinstance(kind, pa.BaseExtensionType):
        return sql_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return sql_type(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return sql_type(kind.value_type).removesuffix("[]") + "[]"
    return next((name for fits, name in _SQL_TYPES if fits(kind)), "text")


def create_table_sql(quoted_name: str, schema: pa.Schema) -> str:
    """Return CREATE TEMPORARY TABLE for an Arrow schema."""
    columns = ", ".join(f"{quote_identifier(field.name)} {sql_type(field.type)}" for field in schema)
    return f"CREATE TEMPORARY TABLE {quoted_name} ({columns})"


def quote_identifier(name: str) -> str:
    """Return the name as a quoted identifier.

    >>> quote_identifier('a "b"')
    '"a ""b\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def copy_csv(batch: pa.RecordBatch) -> bytes:
    """Return the rows as COPY's CSV: NULL is an empty field, an empty string is quoted."""
    columns = [_plain(column) for column in batch.columns]
    sink = io.BytesIO()
    table = pa.Table.from_arrays(columns, names=batch.schema.names)
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
    return sink.getvalue()


def _plain(column: pa.Array) -> pa.Array:
    """Return a column that Arrow's CSV writer writes as PostgreSQL reads it."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(column.storage)
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _texts(column, lambda value: "\\x" + value.hex())
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return _texts(column, lambda value: json.dumps(value, default=str))
    if pa.types.is_nested(kind):
        return _texts(column, array_literal)
    return column


def _texts(column: pa.Array, render: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if value is None else render(value) for value in column.to_pylist()], pa.string())


def array_literal(values: Sequence[Any]) -> str:
    """Return PostgreSQL's array literal.

    >>> array_literal(["a", None, 'say "x"', 1.5])
    '{"a",NULL,"say \\\\"x\\\\"",1.5}'
    """
    return "{" + ",".join(map(_array_item, values)) + "}"


def _array_item(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return array_literal(value)
    if isinstance(value, bytes):
        value = "\\x" + value.hex()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (bool, int, float)):
        return str(value)
    return f'"{value}"'
