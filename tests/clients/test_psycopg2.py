"""psycopg2: client-side parameters, named cursors, execute_values, types by their oids."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
from psycopg2 import errorcodes, sql

from tests.clients.conftest import Database


@pytest.fixture
def connection(database: Database, table: str) -> Iterator[Any]:
    connection = psycopg2.connect(database.dsn)
    yield connection
    connection.close()


VALUES = [
    None,
    True,
    5,
    2**40,
    1.5,
    float("inf"),
    Decimal("12.340"),
    "it's \\ ü",
    dt.date(2024, 2, 29),
    dt.time(1, 2, 3, 4),
    dt.datetime(2024, 1, 1, 2, 3, 4, 5),
    dt.datetime(2024, 1, 1, 2, 3, tzinfo=dt.UTC),
    dt.timedelta(days=1, seconds=3),
    [1, 2, None],
    ["a", 'b"c', None],
    [dt.date(2024, 1, 1)],
]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_value_comes_back(connection: Any, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", (value,))
        assert cursor.fetchone() == (value,)


def test_bytea_uuid_json(connection: Any) -> None:
    psycopg2.extras.register_uuid(conn_or_curs=connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s, %s, %s::json", (b"\x00'\\\xff", uuid.UUID(int=5), psycopg2.extras.Json({"a": [1]}))
        )
        raw, number, document = cursor.fetchone()
        assert (bytes(raw), number, document) == (b"\x00'\\\xff", uuid.UUID(int=5), {"a": [1]})


def test_description(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name, score FROM items")
        assert [(c.name, c.type_code, c.precision, c.scale) for c in cursor.description] == [
            ("id", 23, None, None),
            ("name", 25, None, None),
            ("score", 1700, 8, 2),
        ]
        assert cursor.rowcount == 100 and cursor.statusmessage == "SELECT 100"


def test_named_cursor(connection: Any) -> None:
    with connection.cursor("walk") as cursor:
        cursor.itersize = 9
        cursor.execute("SELECT id FROM items WHERE id > %s ORDER BY id", (10,))
        assert cursor.fetchone() == (11,)
        assert cursor.fetchmany(2) == [(12,), (13,)]
        assert [row[0] for row in cursor] == list(range(14, 101))
    with connection.cursor("back", scrollable=True) as cursor:
        cursor.execute("SELECT id FROM items ORDER BY id")
        cursor.scroll(10)
        assert cursor.fetchone() == (11,)
        cursor.scroll(-5)
        assert cursor.fetchone() == (7,)
    with connection.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT id FROM items ORDER BY id")
        connection.commit()
        assert cursor.fetchmany(2) == [(1,), (2,)]


def test_execute_values_and_batch(connection: Any) -> None:
    with connection.cursor() as cursor:
        found = psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO items (id, name, score) VALUES %s RETURNING id",
            [(i, f"it's {i}", Decimal("1.25")) for i in range(200, 210)],
            fetch=True,
        )
        assert found == [(i,) for i in range(200, 210)]
        psycopg2.extras.execute_batch(
            cursor, "UPDATE items SET name = %s WHERE id = %s", [("x", i) for i in range(200, 210)], page_size=3
        )
        cursor.execute("SELECT count(*) FROM items WHERE name = 'x'")
        assert cursor.fetchone() == (10,)
    connection.rollback()


def test_composed_sql(connection: Any) -> None:
    with connection.cursor() as cursor:
        query = sql.SQL("SELECT {} FROM {} WHERE id = {}").format(
            sql.Identifier("name"), sql.Identifier("items"), sql.Literal(4)
        )
        cursor.execute(query)
        assert cursor.fetchone() == ("name 4",)


def test_faults(connection: Any) -> None:
    with connection.cursor() as cursor:
        with pytest.raises(psycopg2.ProgrammingError) as caught:
            cursor.execute("SELECT * FROM missing")
        assert caught.value.pgcode == errorcodes.UNDEFINED_TABLE
        with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
            cursor.execute("SELECT 1")
        connection.rollback()
        with pytest.raises(psycopg2.IntegrityError) as unique:
            cursor.execute("INSERT INTO items VALUES (1, 'x', NULL)")
        assert unique.value.pgcode == errorcodes.UNIQUE_VIOLATION
        connection.rollback()


def test_session_settings(connection: Any) -> None:
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("DELETE FROM items")
    connection.rollback()
    connection.set_session(autocommit=True, readonly=False)
    assert connection.get_parameter_status("server_encoding") == "UTF8"
    assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    connection.set_client_encoding("UTF8")


def test_dict_cursor(connection: Any) -> None:
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT id, name FROM items WHERE id = 1")
        assert cursor.fetchone() == {"id": 1, "name": "name 1"}


def test_hstore_is_looked_up(connection: Any) -> None:
    assert psycopg2.extras.HstoreAdapter.get_oids(connection) == ((), ())


def test_notices(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS never_there")
    assert connection.notices == ['NOTICE:  table "never_there" does not exist, skipping\n']


def test_reset(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET application_name = 'x'")
    connection.commit()
    connection.reset()
    with connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("",)
