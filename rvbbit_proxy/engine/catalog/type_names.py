"""PostgreSQL's names of types as ``format_type`` prints them, and DuckDB's types by their names in its catalog."""

from __future__ import annotations

import duckdb

from rvbbit_proxy.engine.duckdb_types import postgres_type
from rvbbit_proxy.wire.types import oids

ARRAY_SUFFIX = "[]"

_SPELLED = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bpchar": "character",
    "varchar": "character varying",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "varbit": "bit varying",
    "char": '"char"',
    "any": '"any"',
}
_DUCKDB_SCALARS = (
    "BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT FLOAT DOUBLE DECIMAL"
    " VARCHAR BLOB BIT UUID DATE TIME TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS INTERVAL JSON"
).split()
_DUCKDB_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")


def _sql_name(entry: oids.TypeName) -> str:
    if entry.element_oid:
        return _sql_name(oids.TYPES[entry.element_oid]) + ARRAY_SUFFIX
    return _SPELLED.get(entry.name, entry.name)


SQL_NAMES = {oid: _sql_name(entry) for oid, entry in sorted(oids.TYPES.items())}
"""format_type of every built-in type."""


def duckdb_type_oids() -> dict[str, int]:
    """Return the oid each DuckDB type is announced with, by the word before its parentheses.

    >>> duckdb_type_oids()["VARCHAR"] == oids.TEXT, duckdb_type_oids()["STRUCT"] == oids.JSON
    (True, True)
    """
    names = (*_DUCKDB_SCALARS, "TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE")
    return {name: postgres_type(duckdb.sqltype(name))[0] for name in names} | dict.fromkeys(
        _DUCKDB_NESTED, oids.JSON
    )
