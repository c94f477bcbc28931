"""RowDescription names relations and columns by the oids and numbers of the catalogs, as clients look them up."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from raw_client import Serve

STATEMENTS = {
    "SELECT t.b, 1, w.x FROM org t, org_view w": ["public.org.b", None, "public.org_view.x"],
    "SELECT * FROM other.org": ["other.org.a", "other.org.b"],
    "SELECT relname FROM pg_class": ["pg_catalog.pg_class.relname"],
    "SELECT table_name FROM information_schema.tables": ["information_schema.tables.table_name"],
    'SELECT "Odd Column" FROM "Odd Table"': ["public.Odd Table.Odd Column"],
    "SELECT a FROM org WHERE b = 'x' LIMIT 1000": ["public.org.a"],
    "SELECT a FROM org WHERE b IN ('x', 'y', 'z')": ["public.org.a"],
    "SELECT count(*) FROM org": [None],
}
LOOK_UP = (
    "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attrelid = %s AND a.attnum = %s"
)


@pytest.fixture
def connection(serve: Serve) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(serve().url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE org (a int PRIMARY KEY, b text); CREATE VIEW org_view AS SELECT b AS x FROM org;"
            ' CREATE SCHEMA other; CREATE TABLE other.org (a int, b text); CREATE TABLE "Odd Table" ("Odd Column" int)'
        )
        yield connection


def origins(connection: psycopg.Connection[tuple[object, ...]], sql: str) -> list[object]:
    """Return whose columns a statement's are, by name."""
    result = connection.execute(sql).pgresult
    assert result is not None
    found: list[object] = []
    for place in range(result.nfields):
        row = connection.execute(LOOK_UP, (result.ftable(place), result.ftablecol(place))).fetchone()
        found.append(row[0] if row else None)
    return found


@pytest.mark.parametrize("sql", STATEMENTS)
def test_origins_are_in_the_catalogs(connection: psycopg.Connection[tuple[object, ...]], sql: str) -> None:
    for _ in range(3):  # a statement that gave few rows is run another way
        assert origins(connection, sql) == STATEMENTS[sql]


def test_a_temporary_table_hides_another_as_soon_as_it_is_there(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    assert origins(connection, "SELECT b FROM org") == ["public.org.b"]
    connection.execute("CREATE TEMP TABLE org (b text)")
    assert [str(origin).rpartition(".")[0] for origin in origins(connection, "SELECT b FROM org")] != [
        "public.org"
    ]
    connection.execute("DROP TABLE org; SET search_path = other, public")
    assert origins(connection, "SELECT b FROM org") == ["other.org.b"]
