"""asyncpg: everything binary, parameter types asked of the server, types looked up in the catalog."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.clients.conftest import Database

UTC = dt.UTC
VALUES: list[tuple[str, Any]] = [
    ("bool", True),
    ("smallint", -5),
    ("int", 2**31 - 1),
    ("bigint", -(2**63)),
    ("numeric", Decimal("12345.678900")),
    ("real", 1.5),
    ("float8", 1e-300),
    ("text", "ünï 🐇"),
    ("varchar", "x"),
    ("bytea", b"\x00\xff"),
    ("date", dt.date(2024, 2, 29)),
    ("time", dt.time(1, 2, 3, 4)),
    ("timestamp", dt.datetime(1066, 10, 14, 9)),
    ("timestamptz", dt.datetime(2024, 7, 1, 12, tzinfo=UTC)),
    ("interval", dt.timedelta(days=400, seconds=5, microseconds=6)),
    ("uuid", uuid.UUID(int=99)),
    ("json", json.dumps({"a": 1})),
    ("jsonb", json.dumps({"a": 1})),
    ("int[]", [1, None, 2]),
    ("text[]", ["a", None, ""]),
    ("int[]", [[1, 2], [3, 4]]),
    ("numeric[]", [Decimal("1.5")]),
    ("timestamptz[]", [dt.datetime(2024, 7, 1, 12, tzinfo=UTC), None]),
    ("uuid[]", [uuid.UUID(int=1)]),
]

Ask = Callable[[asyncpg.Connection], Awaitable[Any]]


def run(database: Database, ask: Ask) -> Any:
    async def connected() -> Any:
        connection = await asyncpg.connect(**database.parts)
        try:
            return await ask(connection)
        finally:
            await connection.close()

    return asyncio.run(connected())


def test_values_come_back(database: Database) -> None:
    async def ask(connection: asyncpg.Connection) -> list[Any]:
        found: list[Any] = []
        for type_name, value in VALUES:
            try:
                row = await connection.fetchrow(f"SELECT $1::{type_name}, NULL::{type_name}", value)
                found.append((type_name, *row))
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                found.append((type_name, repr(error)))
        return found

    assert run(database, ask) == [(type_name, value, None) for type_name, value in VALUES]


def test_parameters_get_their_types(database: Database, table: str) -> None:
    async def ask(connection: asyncpg.Connection) -> list[Any]:
        queries = [
            "SELECT id FROM items WHERE id = $1 AND name = $2 AND score > $3",
            "INSERT INTO items (id, name, score) VALUES ($1, $2, $3)",
            "UPDATE items SET score = $1 WHERE id = $2",
            "SELECT * FROM items ORDER BY id LIMIT $1 OFFSET $2",
            "SELECT $1::int + $2",
            "SELECT count(*) FROM items WHERE id = ANY($1)",
            "SELECT id FROM items WHERE id BETWEEN $1 AND $2",
            "SELECT id FROM items WHERE id IN ($1, $2)",
            "SELECT coalesce($1, 'x')",
            "DELETE FROM items WHERE name LIKE $1",
            "SELECT CASE WHEN $1 THEN 1 ELSE 2 END",
            "SELECT id FROM items WHERE score = $1 OR $2::date IS NULL",
        ]
        found = []
        for query in queries:
            statement = await connection.prepare(query)
            found.append([parameter.name for parameter in statement.get_parameters()])
        return found

    assert run(database, ask) == [
        ["int4", "text", "numeric"],
        ["int4", "text", "numeric"],
        ["numeric", "int4"],
        ["int8", "int8"],
        ["int4", "int4"],
        ["int4[]"],
        ["int4", "int4"],
        ["int4", "int4"],
        ["text"],
        ["text"],
        ["bool"],
        ["numeric", "date"],
    ]


def test_prepared_and_attributes(database: Database, table: str) -> None:
    async def ask(connection: asyncpg.Connection) -> list[Any]:
        statement = await connection.prepare("SELECT id, name, score, now() FROM items WHERE id = $1")
        names = [(attribute.name, attribute.type.name) for attribute in statement.get_attributes()]
        row = await statement.fetchrow(7)
        many = [await statement.fetchval(number) for number in range(1, 10)]
        return [names, tuple(row)[:3], many]

    assert run(database, ask) == [
        [("id", "int4"), ("name", "text"), ("score", "numeric"), ("now", "timestamptz")],
        (7, "name 7", None),
        list(range(1, 10)),
    ]


def test_cursor(database: Database, table: str) -> None:
    async def ask(connection: asyncpg.Connection) -> list[Any]:
        async with connection.transaction():
            rows = [row["id"] async for row in connection.cursor("SELECT id FROM items ORDER BY id", prefetch=7)]
            cursor = await connection.cursor("SELECT id FROM items WHERE id > $1 ORDER BY id", 50)
            rows += [row["id"] for row in await cursor.fetch(2)]
            await cursor.forward(3)
            rows.append((await cursor.fetchrow())["id"])
        return rows

    assert run(database, ask) == [*range(1, 101), 51, 52, 56]


def test_executemany_and_transactions(database: Database, table: str) -> None:
    async def ask(connection: asyncpg.Connection) -> list[Any]:
        await connection.executemany(
            "INSERT INTO items (id, name, score) VALUES ($1, $2, $3)",
            [(i, f"n{i}", Decimal(i)) for i in range(200, 300)],
        )
        counts = [await connection.fetchval("SELECT count(*) FROM items")]
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("DELETE FROM items")
        await transaction.rollback()
        counts.append(await connection.fetchval("SELECT count(*) FROM items"))
        counts.append(await connection.execute("DELETE FROM items WHERE id >= $1", 200))
        return counts

    assert run(database, ask) == [200, 200, "DELETE 100"]


def test_faults(database: Database, table: str) -> None:
    async def ask(connection: asyncpg.Connection) -> list[str]:
        seen = []
        for query, args in (
            ("SELECT * FROM missing", ()),
            ("SELECT missing FROM items", ()),
            ("SELECT 1 / $1::int", (0,)),
            ("INSERT INTO items VALUES (1, 'x')", ()),
            ("SELECT $1::int", ("x",)),
            ("SELEC", ()),
        ):
            try:
                await connection.fetch(query, *args)
            except (asyncpg.PostgresError, asyncpg.DataError) as error:
                seen.append(type(error).__name__)
        seen.append(str(await connection.fetchval("SELECT 1")))
        return seen

    assert run(database, ask) == [
        "UndefinedTableError",
        "UndefinedColumnError",
        "DivisionByZeroError",
        "UniqueViolationError",
        "DataError",
        "PostgresSyntaxError",
        "1",
    ]


def test_timeout_and_cancel(database: Database) -> None:
    async def ask(connection: asyncpg.Connection) -> Any:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch(
                "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b", timeout=0.2
            )
        return await connection.fetchval("SELECT 2")

    assert run(database, ask) == 2


def test_pool_resets(database: Database) -> None:
    async def ask() -> list[Any]:
        async with asyncpg.create_pool(**database.parts, min_size=1, max_size=1) as pool:
            async with pool.acquire() as connection:
                await connection.execute("SET application_name = 'x'")
                await connection.execute("CREATE TEMP TABLE kept (a int)")
            async with pool.acquire() as connection:
                return [await connection.fetchval("SHOW application_name"), await connection.fetchval("SELECT 1")]

    assert asyncio.run(ask()) == ["", 1]


def test_unknown_types_are_looked_up(database: Database) -> None:
    async def ask(connection: asyncpg.Connection) -> Any:
        await connection.execute("DROP TYPE IF EXISTS colour")
        await connection.execute("CREATE TYPE colour AS ENUM ('red', 'green')")
        found = await connection.fetchval("SELECT 'red'::colour")
        await connection.execute("DROP TYPE colour")
        return found

    assert run(database, ask) == "red"


def test_codec(database: Database) -> None:
    async def ask(connection: asyncpg.Connection) -> Any:
        await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        return await connection.fetchval("SELECT $1::json", {"a": [1, 2]})

    assert run(database, ask) == {"a": [1, 2]}


def test_version_and_settings(database: Database) -> None:
    async def ask(connection: asyncpg.Connection) -> Any:
        return connection.get_server_version().major, connection.get_settings().server_encoding

    major, encoding = run(database, ask)
    assert major >= 15 and encoding == "UTF8"


def test_parameters_without_blanks(database: Database, table: str) -> None:
    async def ask(connection: asyncpg.Connection) -> Any:
        return [
            await connection.fetch("SELECT*FROM unnest($1::int[],$2::text[])AS t(a,b)", [1, 2], ["x", None]),
            await connection.fetch("INSERT INTO items(id,name)VALUES($1,$2)RETURNING id,name", 201, "y"),
            await connection.execute(
                "INSERT INTO items(id,name)SELECT*FROM unnest($1::int[],$2::text[])", [202], ["z"]
            ),
        ]

    assert run(database, ask) == [[(1, "x"), (2, None)], [(201, "y")], "INSERT 0 1"]


def test_statement_is_prepared_anew_after_a_change(database: Database) -> None:
    async def ask(connection: asyncpg.Connection) -> Any:
        await connection.execute("DROP TABLE IF EXISTS changing; CREATE TABLE changing (a int)")
        await connection.fetch("SELECT * FROM changing")
        await connection.execute("ALTER TABLE changing ADD COLUMN b text; INSERT INTO changing VALUES (1, 'x')")
        return await connection.fetch("SELECT * FROM changing")

    assert run(database, ask) == [(1, "x")]
