"""DuckDB's types as PostgreSQL knows them, and the SQL that makes a column fit for the wire.

The wire takes a fixed list of Arrow forms. A DuckDB type outside of it (HUGEINT, TIMETZ, STRUCT, …) is cast in
DuckDB itself, by the expression that :func:`wire_expression` gives, before the rows become Arrow.
Differs from PostgreSQL: STRUCT, MAP, UNION and VARIANT are json; ENUM is text where it is computed; sum() of integers is
numeric in a view or with DISTINCT.
Source: https://duckdb.org/docs/stable/sql/data_types/overview, pg_type of PostgreSQL 16.
"""

from __future__ import annotations

from typing import TypeAlias

from duckdb.sqltypes import DuckDBPyType

from rvbbit_proxy.wire.types import oids

TypeAndModifier: TypeAlias = tuple[int, int]

_OIDS = {
    "boolean": oids.BOOL,
    "tinyint": oids.INT2,
    "smallint": oids.INT2,
    "utinyint": oids.INT2,
    "integer": oids.INT4,
    "usmallint": oids.INT4,
    "bigint": oids.INT8,
    "uinteger": oids.INT8,
    "ubigint": oids.NUMERIC,
    "hugeint": oids.NUMERIC,
    "uhugeint": oids.NUMERIC,
    "bignum": oids.NUMERIC,
    "float": oids.FLOAT4,
    "double": oids.FLOAT8,
    "varchar": oids.TEXT,
    "enum": oids.TEXT,
    "sqlnull": oids.TEXT,
    "null": oids.TEXT,
    "blob": oids.BYTEA,
    "bit": oids.VARBIT,
    "uuid": oids.UUID,
    "date": oids.DATE,
    "time": oids.TIME,
    "time_ns": oids.TIME,
    "time with time zone": oids.TIMETZ,
    "timestamp": oids.TIMESTAMP,
    "timestamp_s": oids.TIMESTAMP,
    "timestamp_ms": oids.TIMESTAMP,
    "timestamp_ns": oids.TIMESTAMP,
    "timestamp with time zone": oids.TIMESTAMPTZ,
    "interval": oids.INTERVAL,
    "struct": oids.JSON,
    "map": oids.JSON,
    "union": oids.JSON,
    "variant": oids.JSON,
}

_CASTS = {
    "tinyint": "SMALLINT",
    "utinyint": "SMALLINT",
    "usmallint": "INTEGER",
    "uinteger": "BIGINT",
    "ubigint": "DECIMAL(20, 0)",
    "hugeint": "VARCHAR",  # 39 digits: one more than Arrow's decimal128 holds
    "uhugeint": "VARCHAR",
    "bignum": "VARCHAR",
    "bit": "VARCHAR",
    "time_ns": "TIME",
    "time with time zone": "VARCHAR",
    "timestamp_s": "TIMESTAMP",
    "timestamp_ms": "TIMESTAMP",
    "timestamp_ns": "TIMESTAMP",
}
FREE_PRECISION, FREE_SCALE = 38, 10
"""numeric without precision; a product of such has twice the scale."""
_AS_JSON = frozenset({"struct", "map", "union", "variant"})
_LISTS = frozenset({"list", "array"})

SQL_NAMES = {
    oids.BOOL: "BOOLEAN",
    oids.INT2: "SMALLINT",
    oids.INT4: "INTEGER",
    oids.INT8: "BIGINT",
    oids.OID: "BIGINT",
    oids.NUMERIC: "DECIMAL(38, 10)",
    oids.FLOAT4: "FLOAT",
    oids.FLOAT8: "DOUBLE",
    oids.BYTEA: "BLOB",
    oids.UUID: "UUID",
    oids.DATE: "DATE",
    oids.TIME: "TIME",
    oids.TIMETZ: "TIME WITH TIME ZONE",
    oids.TIMESTAMP: "TIMESTAMP",
    oids.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
    oids.INTERVAL: "INTERVAL",
    oids.JSON: "JSON",
    oids.JSONB: "JSON",
    oids.BIT: "BIT",
    oids.VARBIT: "BIT",
}
"""DuckDB's name of a PostgreSQL type; what is not here is VARCHAR."""


def numeric_typmod(precision: int, scale: int) -> int:
    """Return PostgreSQL's typmod of numeric(precision, scale).

    >>> numeric_typmod(10, 2)
    655366
    """
    return ((precision << 16) | scale) + 4


def decimal_size(duckdb_type: DuckDBPyType) -> tuple[int, int]:
    """Return a DECIMAL's precision and scale."""
    facts = dict(duckdb_type.children)
    return int(str(facts["precision"])), int(str(facts["scale"]))


def is_free(precision: int, scale: int) -> bool:
    """Tell whether a DECIMAL stands for numeric without precision: zeros at its end say nothing."""
    return precision == FREE_PRECISION and scale >= FREE_SCALE


def kind_of(duckdb_type: DuckDBPyType) -> str:
    """Return the type's family in lower case; JSON, an alias of VARCHAR, is ``json``."""
    if str(duckdb_type) == "JSON":
        return "json"
    return str(duckdb_type.id)


def postgres_type(duckdb_type: DuckDBPyType) -> TypeAndModifier:
    """Return the oid and typmod a column of this type is announced with; unknown types are text."""
    kind = kind_of(duckdb_type)
    if kind in _LISTS:
        return _array_oid(duckdb_type), -1
    if kind == "decimal":
        precision, scale = decimal_size(duckdb_type)
        free = is_free(precision, scale)
        return oids.NUMERIC, -1 if free else numeric_typmod(precision, scale)
    if kind == "json":
        return oids.JSON, -1
    return _OIDS.get(kind, oids.TEXT), -1


def _array_oid(duckdb_type: DuckDBPyType) -> int:
    element = _innermost(duckdb_type)
    return oids.array_oid_of(postgres_type(element)[0]) or oids.array_oid_of(oids.TEXT)


def _innermost(duckdb_type: DuckDBPyType) -> DuckDBPyType:
    while kind_of(duckdb_type) in _LISTS:
        duckdb_type = _child(duckdb_type)
    return duckdb_type


def _child(duckdb_type: DuckDBPyType) -> DuckDBPyType:
    child = dict(duckdb_type.children)["child"]
    assert isinstance(child, DuckDBPyType)
    return child


def wire_expression(duckdb_type: DuckDBPyType, column: str) -> str | None:
    """Return the SQL that makes ``column`` fit for the wire, None where it already fits."""
    kind = kind_of(duckdb_type)
    if kind in _AS_JSON:
        return f"to_json({column})::VARCHAR"
    if kind == "decimal" and is_free(*decimal_size(duckdb_type)):
        return f"rtrim(rtrim(CAST({column} AS VARCHAR), '0'), '.')"
    if kind in _CASTS:
        return f"CAST({column} AS {_CASTS[kind]})"
    if kind not in _LISTS and kind not in _OIDS and kind not in ("decimal", "json"):
        return f"CAST({column} AS VARCHAR)"
    return _list_expression(duckdb_type, column) if kind in _LISTS else None


def _list_expression(duckdb_type: DuckDBPyType, column: str, depth: int = 0) -> str | None:
    item = f"item{depth}"
    child = _child(duckdb_type)
    if kind_of(child) in _LISTS:
        inner = _list_expression(child, item, depth + 1)
    else:
        inner = wire_expression(child, item)
    if inner is None:
        return f"CAST({column} AS {_child(duckdb_type)}[])" if kind_of(duckdb_type) == "array" else None
    return f"list_transform({column}, lambda {item}: {inner})"


def duckdb_name(oid: int) -> str:
    """Return DuckDB's name of a PostgreSQL type.

    >>> duckdb_name(oids.INT4), duckdb_name(oids.array_oid_of(oids.INT4)), duckdb_name(oids.VARCHAR)
    ('INTEGER', 'INTEGER[]', 'VARCHAR')
    """
    element = oids.element_oid_of(oid)
    if element:
        return f"{SQL_NAMES.get(element, 'VARCHAR')}[]"
    return SQL_NAMES.get(oid, "VARCHAR")


_FETCHED_AS_TEXT = frozenset({"bit", "bignum", "time with time zone"})


def fetch_expression(duckdb_type: DuckDBPyType, column: str) -> str | None:
    """Return the SQL that makes a column of a stage input plain Arrow; None where it is."""
    kind = kind_of(duckdb_type)
    if kind in _FETCHED_AS_TEXT or kind in _AS_JSON:
        return wire_expression(duckdb_type, column)
    return None
