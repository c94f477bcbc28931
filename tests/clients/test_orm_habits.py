"""What object mappers and migration tools send besides plain queries: nested transactions, indexes, what cannot be."""

from __future__ import annotations

import psycopg
import pytest

from tests.clients.conftest import Database


def test_nested_transaction_fails_alone(database: Database, table: str) -> None:
    with database.connect() as connection:
        with connection.transaction():
            connection.execute("SELECT count(*) FROM items")
            with pytest.raises(psycopg.errors.DivisionByZero), connection.transaction():
                connection.execute("SELECT 1 / 0")
            with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
                connection.execute("UPDATE items SET name = 'gone'")
                connection.execute("INSERT INTO items VALUES (1, 'again', NULL)")
            connection.execute("INSERT INTO items VALUES (101, 'kept', NULL)")
        rows = connection.execute("SELECT name FROM items WHERE id IN (1, 101) ORDER BY id").fetchall()
    assert rows == [("name 1",), ("kept",)]


def test_get_or_create_in_a_block(database: Database) -> None:
    """An insert that violates a key is undone by its savepoint; what the block wrote before stays."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE tags (id serial PRIMARY KEY, name text UNIQUE)")
        connection.execute("INSERT INTO tags (name) VALUES ('old')")
        with connection.transaction():
            found = []
            for name in ("new", "old", "new", "newer"):
                try:
                    with connection.transaction():
                        insert = "INSERT INTO tags (name) VALUES (%s) RETURNING name"
                        found += connection.execute(insert, (name,)).fetchall()
                except psycopg.errors.UniqueViolation:
                    found += connection.execute("SELECT name FROM tags WHERE name = %s", (name,)).fetchall()
            assert found == [("new",), ("old",), ("new",), ("newer",)]
        rows = connection.execute("SELECT name, count(DISTINCT id) FROM tags GROUP BY 1 ORDER BY 1").fetchall()
        connection.execute("DROP TABLE tags")
    assert rows == [("new", 1), ("newer", 1), ("old", 1)]


def test_indexes_of_migrations(database: Database, table: str) -> None:
    with database.connect() as connection:
        connection.execute('CREATE INDEX items_name_like ON items ("name" varchar_pattern_ops)')
        connection.execute(
            "CREATE INDEX IF NOT EXISTS items_covering ON items USING btree (name DESC) INCLUDE (score)"
        )
        connection.execute("CREATE INDEX items_lower ON items (lower(name) text_pattern_ops)")
        names = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'items' ORDER BY indexname"
        ).fetchall()
    assert names == [("items_covering",), ("items_lower",), ("items_name_like",), ("items_pkey",)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE DATABASE other",
        "DROP DATABASE other",
        "CREATE TEMP TABLE short (a int) ON COMMIT DROP",
        "CREATE UNIQUE INDEX items_name ON items (name) NULLS NOT DISTINCT",
        "CREATE TABLE late (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
    ],
)
def test_what_cannot_be_is_not_supported(ours: Database, statement: str) -> None:
    with ours.connect() as connection, pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute(statement)


def test_search_path_of_the_startup_packet(database: Database) -> None:
    with database.connect(options="-c search_path=public,pg_catalog") as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("public,pg_catalog",)


def test_conflict_target_by_constraint(database: Database, table: str) -> None:
    with database.connect() as connection:
        connection.execute("CREATE UNIQUE INDEX items_name_key ON items (name)")
        upsert = "INSERT INTO items VALUES (1, 'name 1', 9) ON CONFLICT ON CONSTRAINT {} DO UPDATE SET score = 8"
        assert connection.execute(upsert.format("items_pkey")).rowcount == 1
        assert connection.execute("SELECT score FROM items WHERE id = 1").fetchone() == (8,)
        with pytest.raises(psycopg.errors.UndefinedObject, match='"nope" for table "items" does not exist'):
            connection.execute(upsert.format("nope"))


@pytest.mark.parametrize(
    "options",
    ["VERBOSE", "ANALYZE VERBOSE", "(COSTS OFF)", "(ANALYZE, BUFFERS, FORMAT JSON)", "(VERBOSE, ANALYZE off)"],
)
def test_explain_takes_every_option(database: Database, table: str, options: str) -> None:
    with database.connect() as connection:
        cursor = connection.execute(f"EXPLAIN {options} SELECT name FROM items WHERE id = 1")
        assert [column.name for column in cursor.description or ()] == ["QUERY PLAN"]
        assert cursor.fetchall()


def test_columns_and_keys_are_added_to_an_indexed_table(database: Database, table: str) -> None:
    with database.connect() as connection:
        connection.execute("CREATE INDEX items_score ON items (score)")
        connection.execute(
            "ALTER TABLE items ADD COLUMN stock integer DEFAULT 3 NOT NULL, ADD COLUMN code text UNIQUE"
        )
        connection.execute("ALTER TABLE items ADD CONSTRAINT items_name_key UNIQUE (name)")
        assert connection.execute("SELECT min(stock), max(stock), count(code) FROM items").fetchone() == (3, 3, 0)
        with pytest.raises(psycopg.errors.NotNullViolation):
            connection.execute("INSERT INTO items (id, name, stock) VALUES (200, 'x', NULL)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO items (id, name) VALUES (200, 'name 1')")
        names = connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'items'").fetchall()
    assert {("items_score",), ("items_pkey",)} <= set(names)
