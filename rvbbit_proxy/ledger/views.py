"""The catalog ``rvbbit``: views over the ledger's tables, and the facts of the process that others publish.

Views cannot be written to, so users cannot change the ledger through them. They live in memory and are made
anew at every start: a view is code, not data, and needs no migration.
"""

from __future__ import annotations

import re
from importlib.resources import files

import duckdb
import pyarrow as pa

VIEWS_CATALOG = "rvbbit"
PUBLISHED_CATALOG = "rvbbit_published"
"""Where the rows of published relations are; users see them through views only."""


def create_views(cursor: duckdb.DuckDBPyConnection) -> None:
    """Attach the catalogs of the views and make them."""
    cursor.execute(f"ATTACH ':memory:' AS {VIEWS_CATALOG}")
    cursor.execute(f"ATTACH ':memory:' AS {PUBLISHED_CATALOG}")
    cursor.execute(files("rvbbit_proxy.ledger").joinpath("views.sql").read_text(encoding="utf-8"))


def relation_names(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the names of all relations that users can read, those published included."""
    with connection.cursor() as cursor:
        found = cursor.execute(
            "SELECT view_name FROM duckdb_views() WHERE database_name = ? AND NOT internal", [VIEWS_CATALOG]
        ).fetchall()
    return frozenset(name for (name,) in found)


def drop_views(cursor: duckdb.DuckDBPyConnection) -> None:
    """Detach the catalogs of the views."""
    cursor.execute(f"DETACH {VIEWS_CATALOG}")
    cursor.execute(f"DETACH {PUBLISHED_CATALOG}")


def publish_rows(cursor: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Put these rows in place of those of a table that views read."""
    cursor.execute("BEGIN")
    cursor.execute(f"DELETE FROM {PUBLISHED_CATALOG}.main.{name}")
    if rows.num_rows:
        cursor.register("published_rows", rows)
        cursor.execute(f"INSERT INTO {PUBLISHED_CATALOG}.main.{name} BY NAME SELECT * FROM published_rows")
    cursor.execute("COMMIT")


def publish(cursor: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Make or replace the read-only relation ``rvbbit.<name>`` with these rows."""
    if not re.fullmatch(r"[a-z_]+", name):
        raise ValueError(f"not a relation's name: {name!r}")
    cursor.register("published_rows", rows)
    try:
        cursor.execute(f"CREATE OR REPLACE TABLE {PUBLISHED_CATALOG}.main.{name} AS SELECT * FROM published_rows")
    finally:
        cursor.unregister("published_rows")
    cursor.execute(
        f"CREATE OR REPLACE VIEW {VIEWS_CATALOG}.main.{name} AS SELECT * FROM {PUBLISHED_CATALOG}.main.{name}"
    )
