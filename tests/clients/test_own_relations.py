"""pg_prepared_statements and pg_cursors list what the session has made."""

from __future__ import annotations

from tests.clients.conftest import Database


def test_prepared_statements(database: Database) -> None:
    with database.connect() as connection, database.connect() as other:
        connection.execute("PREPARE own_plus (int) AS SELECT $1 + 1")
        query = "SELECT name, statement, from_sql, prepare_time <= now() FROM pg_prepared_statements"
        assert connection.execute(query).fetchall() == [
            ("own_plus", "PREPARE own_plus (int) AS SELECT $1 + 1", True, True)
        ]
        assert other.execute(query).fetchall() == []
        connection.execute("DEALLOCATE own_plus")
        assert connection.execute(query).fetchall() == []


def test_cursors(database: Database) -> None:
    query = "SELECT name, is_holdable, is_binary, is_scrollable FROM pg_catalog.pg_cursors WHERE name <> ''"
    with database.connect() as connection, connection.transaction():
        connection.execute("DECLARE own_one BINARY SCROLL CURSOR FOR SELECT 1")
        connection.execute("DECLARE own_two NO SCROLL CURSOR WITH HOLD FOR SELECT 'it''s'")
        assert sorted(connection.execute(query).fetchall()) == [
            ("own_one", False, True, True),
            ("own_two", True, False, False),
        ]
        connection.execute("CLOSE own_one")
        assert connection.execute(query).fetchall() == [("own_two", True, False, False)]
