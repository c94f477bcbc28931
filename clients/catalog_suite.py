"""The catalog queries of tools, each compared with a real PostgreSQL that holds the same schema."""

from __future__ import annotations

from typing import Any

import psycopg

from clients.catalog_queries import SCHEMA, ask, compare, read_queries, tools
from clients.tap import main, write
from clients.targets import REFERENCE, serve

_LEFTOVERS = """
    SELECT 'DROP ' || CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
           || ' IF EXISTS public.' || quote_ident(relname) || ' CASCADE'
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'r', 'S')
    ORDER BY relkind DESC
"""


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every tool's queries, each tool in a session of its own."""
    with serve([REFERENCE], reference_database=database) as (reference,):
        there = {"host": reference.host, "port": reference.port, "user": user, "dbname": reference.database}
        here = {"host": host, "port": port, "user": user, "dbname": database}
        for place in (here, there):
            _define(place)
        for tool in tools():
            _ask_both(tool, here, there)


def _define(place: dict[str, Any]) -> None:
    """Make the schema, without what other suites have left in the database."""
    with psycopg.connect(**place, autocommit=True) as connection:
        for (drop,) in connection.execute(_LEFTOVERS).fetchall():
            connection.execute(drop)
        connection.execute(SCHEMA.read_bytes())


def _ask_both(tool: str, here: dict[str, Any], there: dict[str, Any]) -> None:
    with psycopg.connect(**here, autocommit=True) as ours, psycopg.connect(**there, autocommit=True) as theirs:
        for query in read_queries(tool):
            fault = compare(ask(ours, query), ask(theirs, query), query.compared)
            write(f"{tool}: {query.name}", " ".join(fault.split()))


if __name__ == "__main__":
    main(suite)
