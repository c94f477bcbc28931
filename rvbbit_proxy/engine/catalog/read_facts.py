"""Reads off a real PostgreSQL 16 what is the same in every database, into ``facts/*.csv``.

Run by hand when the version we follow changes: ``python -m rvbbit_proxy.engine.catalog.read_facts URI``.
``columns.csv`` has every column of every relation in ``pg_catalog`` and ``information_schema``; each other file has
the rows of the catalog it is named after. Of ``pg_proc`` only what types need and what DuckDB can call is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

import duckdb
import psycopg

FACTS = Path(__file__).parent / "facts"

COLUMNS = """
SELECT n.nspname, c.relname, c.oid AS reloid, c.relkind, c.reltype, a.attnum, a.attname, a.atttypid, t.typbasetype,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END AS valuetype,
       a.attnotnull, a.attlen, a.atttypmod, a.attndims, a.attbyval, a.attalign, a.attstorage, a.attcollation
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') AND a.attnum > 0
ORDER BY n.nspname, c.relname, a.attnum
"""
TYPES = """
SELECT {} FROM pg_type t
WHERE oid < 16384 AND typtype <> 'c'
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typtype = 'c') ORDER BY oid
"""
FUNCTIONS = """
SELECT oid, proname, prolang, prokind, proisstrict, proretset, provolatile, pronargs, prorettype,
       proargtypes, proargnames
FROM pg_proc
WHERE pronamespace = 11 AND (proname = ANY(%s) OR oid IN (
    SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript])
    FROM pg_type))
ORDER BY oid
"""
DESCRIPTIONS = """
SELECT objoid, classoid, objsubid, description FROM pg_description
WHERE classoid IN ('pg_type'::regclass, 'pg_am'::regclass, 'pg_language'::regclass, 'pg_namespace'::regclass)
ORDER BY 2, 1
"""
SETTINGS = """
SELECT name, CASE name WHEN 'server_version' THEN '16.4' WHEN 'server_version_num' THEN '160004'
    WHEN 'search_path' THEN '"$user", public' WHEN 'jit' THEN 'off' WHEN 'transaction_isolation' THEN 'repeatable read'
    WHEN 'default_transaction_isolation' THEN 'repeatable read' WHEN 'application_name' THEN '' ELSE setting END AS setting,
    unit, category, short_desc, extra_desc, context, vartype, 'default' AS source, min_val, max_val, enumvals, boot_val,
    boot_val AS reset_val, false AS pending_restart
FROM pg_settings
WHERE (category LIKE 'Client Connection Defaults%' OR category LIKE 'Version and Platform%' OR category = 'Preset Options'
       OR name IN ('application_name', 'jit', 'wal_level', 'max_connections'))
      AND name NOT LIKE '%librar%' AND name NOT LIKE '%directory%' AND name <> 'TimeZone'
ORDER BY name
"""
WHOLE = "pg_am pg_collation pg_language pg_opclass pg_opfamily pg_range pg_tablespace pg_cast pg_operator".split()


def read_facts(uri: str, callable_names: Collection[str]) -> None:
    """Write every file; ``callable_names`` are the functions worth a row in pg_proc."""
    with psycopg.connect(uri) as connection:
        write(connection, "columns", COLUMNS)
        write(connection, "pg_type", TYPES.format(select_list(connection, "pg_type")))
        write(connection, "pg_description", DESCRIPTIONS)
        write(connection, "pg_settings", SETTINGS)
        write(connection, "pg_proc", FUNCTIONS, list(callable_names))
        write(connection, "pg_roles", "SELECT oid, rolname FROM pg_roles WHERE rolname LIKE 'pg\\_%' ORDER BY oid")
        for name in WHOLE:
            write(connection, name, f"SELECT {select_list(connection, name)} FROM {name} ORDER BY 1")


def select_list(connection: psycopg.Connection, relation: str) -> str:
    """Return a relation's columns, functions as their oids."""
    rows = connection.execute(
        "SELECT attname || CASE atttypid WHEN 24 THEN '::oid' ELSE '' END FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        [relation],
    )
    return ", ".join(name for (name,) in rows)


def write(connection: psycopg.Connection, name: str, query: str, *values: object) -> None:
    """Write one query's rows as CSV; NULL is an empty field, an empty text is quoted."""
    composed = psycopg.ClientCursor(connection).mogrify(query, values) if values else query
    with (
        connection.cursor() as cursor,
        (FACTS / f"{name}.csv").open("wb") as file,
        cursor.copy(f"COPY ({composed}) TO STDOUT (FORMAT csv, HEADER)") as rows,
    ):
        for chunk in rows:
            file.write(chunk)


if __name__ == "__main__":
    named = duckdb.connect().execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    read_facts(sys.argv[1], [name for (name,) in named])
