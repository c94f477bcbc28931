from __future__ import annotations

import threading

import duckdb
import pytest

from rvbbit_proxy.engine.catalog.foreign_keys import references
from rvbbit_proxy.engine.catalog.index_renames import IndexRenames
from rvbbit_proxy.engine.catalog.rewrite import Rewritten
from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_steps import in_steps
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.errors import RvbbitError


def indexes(instance: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return instance.execute(
        "SELECT table_name, index_name, expressions FROM duckdb_indexes() ORDER BY 2"
    ).fetchall()


@pytest.fixture
def indexed(instance: duckdb.DuckDBPyConnection, duck: DuckDBSession) -> DuckDBSession:
    """``items`` with an index on ``id`` and one on ``id`` and ``title``."""
    duck.execute("CREATE TABLE items (id INTEGER, title VARCHAR, note VARCHAR)")
    duck.execute("CREATE UNIQUE INDEX by_id ON items (id)")
    duck.execute('CREATE INDEX "by both" ON items (id, title)')
    return duck


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE items RENAME TO goods", [("goods", "by both", "[id, title]"), ("goods", "by_id", "[id]")]),
        ("ALTER TABLE main.items RENAME COLUMN title TO \"a b\"",
         [("items", "by both", "[id, '\"a b\"']"), ("items", "by_id", "[id]")]),
        ("ALTER TABLE ONLY items ALTER note TYPE text", [("items", "by both", "[id, title]"), ("items", "by_id", "[id]")]),
        ("/* by dbt */ ALTER TABLE items ADD COLUMN a numeric(4, 2), ADD COLUMN b int, DROP COLUMN note;",
         [("items", "by both", "[id, title]"), ("items", "by_id", "[id]")]),
    ],
)  # fmt: skip
def test_indexed_tables_are_altered(
    instance: duckdb.DuckDBPyConnection, indexed: DuckDBSession, sql: str, expected: list[tuple[str, str, str]]
) -> None:
    assert indexed.execute(sql).tag == "ALTER TABLE"
    assert indexes(instance) == expected


def test_an_alteration_is_whole_or_nothing(instance: duckdb.DuckDBPyConnection, indexed: DuckDBSession) -> None:
    before = indexes(instance)
    with pytest.raises(RvbbitError) as caught:
        indexed.execute("ALTER TABLE items ADD COLUMN a int, DROP COLUMN missing")
    assert caught.value.sqlstate == "42703"
    assert indexes(instance) == before
    columns = instance.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = 'items'").fetchall()
    assert [name for (name,) in columns] == ["id", "title", "note"]


def test_several_objects_are_dropped(instance: duckdb.DuckDBPyConnection, duck: DuckDBSession) -> None:
    duck.execute('CREATE TABLE "a,b" (id serial)')
    duck.execute("CREATE VIEW v AS SELECT 1")
    duck.execute("CREATE VIEW w AS SELECT 1")
    assert duck.execute('DROP TABLE IF EXISTS nowhere, "a,b", main.t CASCADE').tag == "DROP TABLE"
    assert duck.execute("DROP VIEW v, w;").tag == "DROP VIEW"
    assert instance.execute("SELECT count(*) FROM duckdb_tables() WHERE NOT internal").fetchone() == (0,)
    with pytest.raises(RvbbitError) as caught:
        duck.execute("DROP TABLE one, two")
    assert caught.value.sqlstate == "42P01"


@pytest.mark.parametrize(
    "sql", ['DROP VIEW "a,b"', "DROP FUNCTION f(int, text)", "ALTER TABLE t ADD COLUMN x int"]
)
def test_what_is_one_statement_stays_one(instance: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert in_steps(Rewritten(sql), instance, lambda: None, lambda: references(()), updated=False) == Rewritten(
        sql
    )


def test_other_sessions_read_the_catalogs_before_or_after_a_rename(
    indexed: DuckDBSession, instance: duckdb.DuckDBPyConnection
) -> None:
    upstream = DuckDBUpstream(instance)
    one, other = (upstream.open_session(user="u", database="d", application_name="a") for _ in range(2))
    one.execute("BEGIN")
    one.execute("ALTER TABLE items RENAME TO goods")
    reading = threading.Thread(
        target=lambda: found.extend(
            other.fetch("SELECT tablename FROM pg_indexes WHERE indexname = 'by_id'").to_pylist()
        )
    )
    found: list[dict[str, str]] = []
    reading.start()
    one.execute("COMMIT")
    reading.join()
    assert found == [{"tablename": "goods"}]
    other.execute("ALTER TABLE goods RENAME TO items")
    one.close()
    other.close()


def test_renames_are_one_session_s_until_its_transaction_ends() -> None:
    renames = IndexRenames()
    renames.begin("one")
    assert renames.wait("one", 0)
    assert not renames.wait("other", 0)
    renames.end("other")
    assert not renames.wait("other", 0)
    renames.end("one")
    assert renames.wait("other", 0)
