"""Makes the catalog ``rvbbit_pg``: PostgreSQL's system relations and functions, as DuckDB views and macros.

Schemas: ``pg`` is what clients know as pg_catalog, ``info`` is information_schema (DuckDB reserves both names),
``base`` what those are computed with; the other schemas say when: ``rows`` when asked, ``fixed`` once, ``changing`` and
``made`` with every snapshot (``snapshots.py``), whose tables are in ``shared``. It lives in memory and is made once per
process.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import duckdb
import pyarrow as pa

from rvbbit_proxy.engine.catalog.type_names import ARRAY_SUFFIX, SQL_NAMES, duckdb_type_oids
from rvbbit_proxy.wire.types import oids

CATALOG = "rvbbit_pg"
FUNCTIONS_CATALOG = "rvbbit_fn"
FUNCTIONS = f"{FUNCTIONS_CATALOG}.main"
"""What is in every session's search path: apart from ``rvbbit_pg``, which may be made while a transaction is open."""
SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")
SCHEMAS = ("base", "made", "shared", "changing", "fixed", "rows", "pg", "info")
SNAPSHOT_PREFIX = "rvbbit_base_"
_LISTS = {oids.INT2VECTOR: "SMALLINT[]", oids.OIDVECTOR: "BIGINT[]", oids.ANYARRAY: "VARCHAR[]"}
_SCALARS = {
    oids.BOOL: "BOOLEAN",
    oids.INT2: "SMALLINT",
    oids.INT4: "INTEGER",
    oids.INT8: "BIGINT",
    oids.FLOAT4: "FLOAT",
    oids.FLOAT8: "DOUBLE",
    oids.NUMERIC: "DECIMAL",
    oids.BYTEA: "BLOB",
    oids.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
    oids.TIMESTAMP: "TIMESTAMP",
    oids.DATE: "DATE",
    oids.INTERVAL: "INTERVAL",
}
_NUMBERED = frozenset(
    (oids.OID, oids.XID, oids.CID, oids.XID8, oids.REGPROC, oids.REGCLASS, oids.REGTYPE, oids.REGNAMESPACE)
)
_EMPTY = {"VARCHAR": "''", "BOOLEAN": "false"}
_RESERVED = "reserved_words"
_RELATION = re.compile(
    r'^CREATE VIEW rvbbit_pg\.(?P<kind>made|changing|fixed|rows)\."?(?P<name>\w+)', re.MULTILINE
)
_SESSION_TABLE = re.compile(r"^CREATE TEMP TABLE rvbbit_base_(\w+)", re.MULTILINE)


@cache
def column_types() -> dict[str, dict[str, dict[str, int]]]:
    """Return the value type's oid of each column by schema, relation and column, in order."""
    types: dict[str, dict[str, dict[str, int]]] = {}
    for row in _facts("columns"):
        types.setdefault(row["nspname"], {}).setdefault(row["relname"], {})[row["attname"]] = int(row["valuetype"])
    return types


@cache
def relation_oids() -> dict[tuple[str, str], int]:
    """Return the oid of each system relation by schema and name."""
    return {(row["nspname"], row["relname"]): int(row["reloid"]) for row in _facts("columns")}


@cache
def proc_kinds() -> dict[str, set[tuple[str, bool]]]:
    """Return, for each function by name, its kinds as in pg_proc and whether they return sets."""
    kinds: dict[str, set[tuple[str, bool]]] = {}
    for row in _facts("pg_proc"):
        kinds.setdefault(row["proname"], set()).add((row["prokind"], row["proretset"] == "t"))
    return kinds


def duckdb_type(oid: int) -> str:
    """Return the DuckDB type that holds a catalog column of this PostgreSQL type.

    >>> duckdb_type(oids.NAME), duckdb_type(oids.OID), duckdb_type(oids.INT2VECTOR)
    ('VARCHAR', 'BIGINT', 'SMALLINT[]')
    """
    if oid in _LISTS:
        return _LISTS[oid]
    element = oids.element_oid_of(oid)
    if element:
        return f"{duckdb_type(element)}[]"
    return "BIGINT" if oid in _NUMBERED else _SCALARS.get(oid, "VARCHAR")


def install_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions that sessions find by their search path, unless this instance has them."""
    if _is_attached(connection, FUNCTIONS_CATALOG):
        return
    connection.execute(f"ATTACH ':memory:' AS {FUNCTIONS_CATALOG}")
    connection.execute(f"CREATE SCHEMA {FUNCTIONS_CATALOG}.base")
    connection.execute(f"SET SESSION search_path = 'main,{FUNCTIONS}'")
    connection.execute(";".join(_statements("functions.sql")))


def _is_attached(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = ?", [name]).fetchone()
    return found is not None


def install_catalog(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the catalog unless this instance has it; the operators' rows join in once they are published."""
    if _is_attached(connection, CATALOG):
        return
    connection.execute(f"ATTACH ':memory:' AS {CATALOG}")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {CATALOG}.{schema}")
    _make_base(connection)
    for statement in (*_statements("objects.sql"), *session_statements()):
        connection.execute(statement)
    for name in _SESSION_TABLE.findall(_text("session.sql")):
        _read_through(connection, name)
    relations = column_types()
    _make_tables(connection, relations)
    for file, schema in (
        ("snapshot.sql", ""),
        ("relations.sql", "pg_catalog"),
        ("information_schema.sql", "information_schema"),
    ):
        for statement in _statements(file):
            connection.execute(statement)
            found = _RELATION.match(statement)
            if found is not None:
                name = found["name"]
                _KINDS[found["kind"]](connection, schema, name, relations.get(schema, {}).get(name, {}))
    for statement in _statements("macros.sql"):
        connection.execute(statement)


@cache
def session_statements() -> tuple[str, ...]:
    """Return what makes the tables that each session has for itself."""
    return tuple(_statements("session.sql"))


@cache
def snapshot_names() -> tuple[str, ...]:
    """Return the names of what a snapshot is made of, in order: each is a view in schema ``made``."""
    text = _text("snapshot.sql") + _text("relations.sql")
    return tuple(found["name"] for found in _RELATION.finditer(text) if found["kind"] in ("made", "changing"))


def show_operators(connection: duckdb.DuckDBPyConnection) -> None:
    """Let pg_proc read ``rvbbit.operators``, which is published after the catalog is made."""
    found = connection.execute(
        "SELECT count(*) FROM duckdb_views() WHERE database_name = 'rvbbit' AND view_name = 'operators'"
    ).fetchone()
    if found == (1,):
        connection.execute(
            f'CREATE OR REPLACE VIEW {CATALOG}.base.operators AS SELECT name, names, arguments, "returns",'
            " shape, cascade_id, description FROM rvbbit.main.operators"
        )


def schema_of(nspname: str) -> str:
    """Return where a system schema's relations are, ``rvbbit_pg.pg`` or ``rvbbit_pg.info``."""
    return f"{CATALOG}.{'pg' if nspname == 'pg_catalog' else 'info'}"


def _text(name: str) -> str:
    return files("rvbbit_proxy.engine.catalog").joinpath(name).read_text(encoding="utf-8")


def _statements(name: str) -> Iterator[str]:
    text = re.sub(r"^--.*$", "", _text(name), flags=re.MULTILINE)
    yield from (part.strip() for part in re.split(r";\s*$", text, flags=re.MULTILINE) if part.strip())


def _facts(name: str) -> Iterator[dict[str, str]]:
    with files("rvbbit_proxy.engine.catalog").joinpath("facts", f"{name}.csv").open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _map(pairs: dict[str, int] | dict[int, str]) -> str:
    """Return a DuckDB map literal."""
    entries = (
        f"{_literal(key) if isinstance(key, str) else key}: {_literal(value) if isinstance(value, str) else value}"
        for key, value in pairs.items()
    )
    return "MAP {" + ", ".join(entries) + "}"


def _make_base(connection: duckdb.DuckDBPyConnection) -> None:
    base = f"{CATALOG}.base"
    reserved = connection.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved' ORDER BY 1"
    ).fetchall()
    names = sorted(
        f"({_literal(name)}, {oid}, {oids.array_oid_of(oid)})" for name, oid in duckdb_type_oids().items()
    )
    by_name: dict[str, int] = {}
    internal = {int(row["oid"]): row["typname"] for row in _facts("pg_type")}
    sql_names = internal | SQL_NAMES
    for oid, name in internal.items():
        by_name |= {sql_names[oid]: oid, name: oid}
    by_name |= {
        '"char"': oids.CHAR,
        "char": oids.BPCHAR,
        "int": oids.INT4,
        "decimal": oids.NUMERIC,
        "float": oids.FLOAT8,
    }
    statements = (
        f"CREATE MACRO {base}.{_RESERVED}() AS [{', '.join(_literal(word) for (word,) in reserved)}]",
        f"CREATE TABLE {base}.type_names AS SELECT * FROM (VALUES {', '.join(names)}) v(duckdb_name, oid, array_oid)",
        f"CREATE TABLE {base}.type_sql_names AS SELECT unnest(map_entries({_map(sql_names)}), max_depth := 2)",
        f"ALTER TABLE {base}.type_sql_names RENAME COLUMN key TO oid",
        f"ALTER TABLE {base}.type_sql_names RENAME COLUMN value TO sql_name",
        f"CREATE MACRO {base}.sql_type_name(type_oid) AS ({_map(sql_names)})[type_oid::INTEGER]",
        f"CREATE TABLE {base}.type_words AS SELECT unnest(map_entries({_map(by_name)}), max_depth := 2)",
        f"ALTER TABLE {base}.type_words RENAME COLUMN key TO word",
        f"ALTER TABLE {base}.type_words RENAME COLUMN value TO oid",
        f"CREATE MACRO {base}.sql_type_oid(name) AS coalesce(({_map(by_name)})["
        "lower(trim(regexp_replace(name, '\\s*\\(.*\\)', '')))], "
        f"{oids.TEXT})",
        f"CREATE MACRO {base}.version_of_duckdb() AS {_literal(duckdb.__version__)}",
        f"CREATE TABLE {base}.process AS SELECT now() AS started",
        f"CREATE VIEW {base}.operators AS SELECT NULL::VARCHAR AS name, NULL::VARCHAR[] AS names,"
        " NULL::VARCHAR AS arguments,"
        ' NULL::VARCHAR AS "returns", NULL::VARCHAR AS shape, NULL::VARCHAR AS cascade_id, NULL::VARCHAR AS description'
        " WHERE false",
    )
    for statement in statements:
        connection.execute(statement)
    _make_system_rows(connection)


def _make_system_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the rows of PostgreSQL's own objects as ``base.system_*``."""
    types = column_types()["pg_catalog"]
    for name, table in (
        ("pg_type", "system_types"),
        ("pg_proc", "system_functions"),
        ("pg_language", "system_languages"),
        ("pg_description", "system_descriptions"),
        ("pg_roles", "system_roles"),
    ):
        _load(connection, f"base.{table}", name, types[name])
    columns = {
        "nspname": oids.NAME, "relname": oids.NAME, "reloid": oids.OID, "relkind": oids.CHAR, "reltype": oids.OID,
        "attnum": oids.INT2, "attname": oids.NAME, "atttypid": oids.OID, "typbasetype": oids.OID,
        "valuetype": oids.OID, "attnotnull": oids.BOOL, "attlen": oids.INT2, "atttypmod": oids.INT4,
        "attndims": oids.INT2, "attbyval": oids.BOOL, "attalign": oids.CHAR, "attstorage": oids.CHAR,
        "attcollation": oids.OID,
    }  # fmt: skip
    _load(connection, "base.system_columns", "columns", columns)
    connection.execute(
        f"CREATE TABLE {CATALOG}.base.system_relations AS SELECT reloid AS oid, nspname, relname, relkind, reltype,"
        " CASE nspname WHEN 'pg_catalog' THEN 11 ELSE 13212 END AS nspoid, max(attnum) AS relnatts"
        f" FROM {CATALOG}.base.system_columns GROUP BY ALL"
    )
    _load(connection, "base.settings", "pg_settings", types["pg_settings"])


def _load(connection: duckdb.DuckDBPyConnection, table: str, name: str, types: dict[str, int]) -> None:
    """Make a table of a file of facts; an empty field is NULL."""
    rows = list(_facts(name))
    columns = list(rows[0])
    definition = ", ".join(f'"{column}" {duckdb_type(types[column])}' for column in columns)
    connection.execute(f"CREATE TABLE {CATALOG}.{table} ({definition})")
    values = [[value or None for value in row.values()] for row in rows]
    _insert(connection, f"{CATALOG}.{table}", values, [duckdb_type(types[column]) for column in columns])


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: list[list[str | None]], types: list[str]
) -> None:
    arrow = pa.table({f"f{n}": pa.array([row[n] for row in rows], pa.string()) for n in range(len(types))})
    connection.register("rvbbit_facts", arrow)
    try:
        fields = ", ".join(_field(f"f{n}", kind) for n, kind in enumerate(types))
        connection.execute(f"INSERT INTO {table} SELECT {fields} FROM rvbbit_facts")
    finally:
        connection.unregister("rvbbit_facts")


def _field(text: str, kind: str) -> str:
    """Return the SQL that reads a field as PostgreSQL prints it: ``{a,b}`` or ``1 2``, a vector of none as empty."""
    if not kind.endswith(ARRAY_SUFFIX):
        return f"CAST({text} AS {kind})"
    empty = "[]" if kind in (_LISTS[oids.INT2VECTOR], _LISTS[oids.OIDVECTOR]) else "NULL"
    return (
        f"CAST(CASE WHEN {text} IS NULL THEN {empty} WHEN {text}[1] = '{{' THEN string_split({text}[2:-2], ',')"
        f" ELSE string_split({text}, ' ') END AS {kind})"
    )


def _make_tables(connection: duckdb.DuckDBPyConnection, relations: dict[str, dict[str, dict[str, int]]]) -> None:
    """Make every relation as a table: with its facts where there are any, else without rows."""
    for nspname, named in relations.items():
        for name, types in named.items():
            target = f"{schema_of(nspname)}.{name}"
            definition = ", ".join(f'"{column}" {duckdb_type(oid)}' for column, oid in types.items())
            connection.execute(f"CREATE TABLE {target} ({definition})")
            if nspname == "pg_catalog" and name in _WHOLE:
                rows = [[value or None for value in row.values()] for row in _facts(name)]
                _insert(connection, target, rows, [duckdb_type(oid) for oid in types.values()])


_WHOLE = frozenset("pg_am pg_cast pg_collation pg_opclass pg_operator pg_opfamily pg_range pg_tablespace".split())


def _wrap(connection: duckdb.DuckDBPyConnection, nspname: str, name: str, types: dict[str, int]) -> None:
    """Replace the empty relation by a view on its rows."""
    _define(connection, nspname, name, _shaped(connection, "rows", nspname, name, types))


def _make_fixed(connection: duckdb.DuckDBPyConnection, nspname: str, name: str, types: dict[str, int]) -> None:
    """Keep the rows that never change as a table, to which the changing ones are added."""
    query = _shaped(connection, "fixed", nspname, name, types)
    connection.execute(f"CREATE TABLE {CATALOG}.base.fixed_{name} AS {query}")


def _make_changing(connection: duckdb.DuckDBPyConnection, nspname: str, name: str, types: dict[str, int]) -> None:
    """Have each snapshot take the rows that change, and replace the empty relation by all of its rows."""
    query = _shaped(connection, "changing", nspname, name, types)
    connection.execute(f"CREATE VIEW {CATALOG}.made.{name} AS {query}")
    _take(connection, "", name, {})
    fixed = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = $1 AND table_name = $2", [CATALOG, f"fixed_{name}"]
    ).fetchone()
    rows = f"FROM {CATALOG}.base.{name}"
    if fixed is not None:
        rows += f" UNION ALL FROM {CATALOG}.base.fixed_{name}"
    _define(connection, nspname, name, rows)


def _take(connection: duckdb.DuckDBPyConnection, nspname: str, name: str, types: dict[str, int]) -> None:
    """Take a view of schema ``made`` as the table that all sessions read, unless they have one of their own."""
    connection.execute(f"CREATE TABLE {CATALOG}.shared.{name} AS FROM {CATALOG}.made.{name}")
    connection.execute(f"CREATE TEMP VIEW {SNAPSHOT_PREFIX}{name} AS FROM {CATALOG}.shared.{name}")
    _read_through(connection, name)


def _read_through(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Let the catalogs read what each session has under a name."""
    connection.execute(f"CREATE VIEW {CATALOG}.base.{name} AS FROM temp.main.{SNAPSHOT_PREFIX}{name}")


_KINDS = {"made": _take, "changing": _make_changing, "fixed": _make_fixed, "rows": _wrap}


def _define(connection: duckdb.DuckDBPyConnection, nspname: str, name: str, query: str) -> None:
    target = f"{schema_of(nspname)}.{name}"
    connection.execute(f"DROP TABLE {target}")
    connection.execute(f"CREATE VIEW {target} AS {query}")


def _shaped(
    connection: duckdb.DuckDBPyConnection, place: str, nspname: str, name: str, types: dict[str, int]
) -> str:
    """Return the query of a relation's rows, columns cast and in PostgreSQL's order."""
    source = f'{CATALOG}.{place}."{name}"'
    given = {row[0] for row in connection.execute(f"DESCRIBE {source}").fetchall()}
    unknown = given - set(types)
    if unknown:
        raise ValueError(f"{name} has no columns {sorted(unknown)}")
    required = _required(nspname, name)
    columns = ", ".join(
        _column(column, duckdb_type(oid), column in given, column in required) for column, oid in types.items()
    )
    return f"SELECT {columns} FROM {source}"


@cache
def _all_required() -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (row["nspname"], row["relname"], row["attname"]) for row in _facts("columns") if row["attnotnull"] == "t"
    )


def _required(nspname: str, name: str) -> frozenset[str]:
    return frozenset(
        column for schema, relation, column in _all_required() if (schema, relation) == (nspname, name)
    )


def _column(name: str, kind: str, given: bool, required: bool) -> str:
    empty = "[]" if kind.endswith(ARRAY_SUFFIX) else _EMPTY.get(kind, "0")
    value = f'"{name}"' if given else "NULL"
    if required:
        value = f"coalesce({value}, {empty})" if given else empty
    return f'CAST({value} AS {kind}) AS "{name}"'
