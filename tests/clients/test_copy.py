"""COPY through psycopg, psycopg2 and asyncpg: text, csv, binary, in and out, of tables and queries."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import asyncpg
import psycopg
import psycopg2
import pytest
from psycopg import errors

from tests.clients.conftest import Database

ROWS: list[tuple[Any, ...]] = [
    (1, "plain", Decimal("1.50"), dt.date(2024, 1, 31), True, [1, None], b"\x00\xff"),
    (2, "tab\there", None, None, False, [], b""),
    (3, 'quote " and , comma', Decimal("-0.01"), dt.date(1, 1, 2), None, None, None),
    (4, "line\nbreak \\ back", Decimal(0), dt.date(9999, 12, 30), True, [7], b"\\."),
    (5, "", Decimal("123456.78"), None, None, [1, 2], b"x"),
    (6, "\\N", Decimal(1), None, None, None, None),
    (7, "naïve 🐇", Decimal(1), None, None, None, None),
]
CREATE = """
CREATE TABLE copied (id int PRIMARY KEY, note text, price numeric(10,2), day date, fine boolean, list int[], raw bytea)
"""


@pytest.fixture
def connection(database: Database) -> Any:
    with database.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS copied")
        connection.execute(CREATE)
        yield connection
        if not connection.closed:
            connection.execute("DROP TABLE IF EXISTS copied")


def fill(connection: psycopg.Connection[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO copied VALUES (%s, %s, %s, %s, %s, %s, %s)", ROWS)


def read_back(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT * FROM copied ORDER BY id").fetchall()


TYPES = ["int4", "text", "numeric", "date", "bool", "int4[]", "bytea"]


@pytest.mark.parametrize("options", ["", " (FORMAT binary)"], ids=["text", "binary"])
def test_psycopg_rows_in(connection: psycopg.Connection[Any], options: str) -> None:
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY copied FROM STDIN{options}") as copy:
            copy.set_types(TYPES)
            for row in ROWS:
                copy.write_row(row)
        assert cursor.statusmessage == f"COPY {len(ROWS)}" and cursor.rowcount == len(ROWS)
    assert read_back(connection) == ROWS


@pytest.mark.parametrize("source", ["copied", "(SELECT * FROM copied ORDER BY id)"], ids=["table", "query"])
@pytest.mark.parametrize("options", ["", " (FORMAT binary)"], ids=["text", "binary"])
def test_psycopg_rows_out(connection: psycopg.Connection[Any], options: str, source: str) -> None:
    fill(connection)
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {source} TO STDOUT{options}") as copy:
            copy.set_types(TYPES)
            assert sorted(copy.rows(), key=lambda row: row[0]) == ROWS
        assert cursor.rowcount == len(ROWS)


OUTPUTS = [
    ("TO STDOUT", b"1\tplain\t1.50\t2024-01-31\tt\t{1,NULL}\t\\\\x00ff\n2\ttab\\there\t\\N\t\\N\tf\t{}\t\\\\x\n"),
    ("TO STDOUT (FORMAT csv)", b'1,plain,1.50,2024-01-31,t,"{1,NULL}",\\x00ff\n2,tab\there,,,f,{},\\x\n'),
    (
        "TO STDOUT WITH CSV HEADER DELIMITER ';' NULL 'nil' QUOTE '''' FORCE QUOTE note",
        b"id;note;price;day;fine;list;raw\n1;'plain';1.50;2024-01-31;t;{1,NULL};\\x00ff\n"
        b"2;'tab\there';nil;nil;f;{};\\x\n",
    ),
    (
        "TO STDOUT (DELIMITER '|', NULL '')",
        b"1|plain|1.50|2024-01-31|t|{1,NULL}|\\\\x00ff\n2|tab\\there|||f|{}|\\\\x\n",
    ),
]


@pytest.mark.parametrize(("options", "expected"), OUTPUTS, ids=[options for options, _ in OUTPUTS])
def test_bytes_out(connection: psycopg.Connection[Any], options: str, expected: bytes) -> None:
    fill(connection)
    with connection.cursor().copy(f"COPY (SELECT * FROM copied WHERE id < 3 ORDER BY id) {options}") as copy:
        assert b"".join(copy) == expected


INPUTS = [
    ("copied (id, note) FROM STDIN", b"1\ta\\tb\n2\t\\N\n", [(1, "a\tb"), (2, None)]),
    ("copied (id, note) FROM STDIN", b"1\tx\n\\.\n", [(1, "x")]),
    (
        "copied (id, note) FROM STDIN (FORMAT csv)",
        b'1,"a ""q"", b"\n2,\n3,""\n',
        [(1, 'a "q", b'), (2, None), (3, "")],
    ),
    ("copied (id, note) FROM STDIN (FORMAT csv, HEADER)", b"id,note\r\n1,x\r\n", [(1, "x")]),
    (
        "copied (id, note) FROM STDIN WITH (FORMAT csv, DELIMITER '|', NULL 'nil')",
        b"1|nil\n2|y",
        [(1, None), (2, "y")],
    ),
    ("copied (note, id) FROM STDIN CSV", b'"line\nbreak",1\n', [(1, "line\nbreak")]),
]


@pytest.mark.parametrize(("target", "data", "expected"), INPUTS, ids=range(len(INPUTS)))
def test_bytes_in(connection: psycopg.Connection[Any], target: str, data: bytes, expected: list[Any]) -> None:
    with connection.cursor().copy(f"COPY {target}") as copy:
        for start in range(0, len(data), 3):
            copy.write(data[start : start + 3])
    assert connection.execute("SELECT id, note FROM copied ORDER BY id").fetchall() == expected


FAULTS = [
    ("COPY copied (id, note) FROM STDIN", b"1\ta\nx\tb\n", errors.InvalidTextRepresentation),
    ("COPY copied (id, note) FROM STDIN", b"1\n", errors.BadCopyFileFormat),
    ("COPY copied (id, note) FROM STDIN", b"1\ta\textra\n", errors.BadCopyFileFormat),
    ("COPY copied (id, note) FROM STDIN", b"1\ta\n1\tb\n", errors.UniqueViolation),
    (
        "COPY copied (id, note) FROM STDIN (FORMAT binary)",
        b"nonsense that is long enough",
        errors.BadCopyFileFormat,
    ),
]


@pytest.mark.parametrize(("sql", "data", "error"), FAULTS, ids=range(len(FAULTS)))
def test_fault_in_mid_stream(
    connection: psycopg.Connection[Any], sql: str, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error), connection.cursor().copy(sql) as copy:
        copy.write(data)
    assert connection.info.transaction_status.name == "IDLE"
    assert read_back(connection) == []


def test_fault_at_start(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(errors.UndefinedTable), connection.cursor().copy("COPY missing FROM STDIN"):
        pass
    with pytest.raises(errors.UndefinedColumn), connection.cursor().copy("COPY copied (missing) TO STDOUT"):
        pass
    with pytest.raises(errors.DivisionByZero), connection.cursor().copy("COPY (SELECT 1/0) TO STDOUT") as copy:
        list(copy)
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_client_gives_up(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(ZeroDivisionError), connection.cursor().copy("COPY copied (id) FROM STDIN") as copy:
        copy.write("1\n")
        raise ZeroDivisionError
    assert read_back(connection) == []
    rows = "COPY (SELECT * FROM generate_series(1, 100000)) TO STDOUT"
    with pytest.raises(ZeroDivisionError), connection.cursor().copy(rows) as copy:
        next(iter(copy))
        raise ZeroDivisionError
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_in_a_transaction(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(ZeroDivisionError), connection.transaction():
        with connection.cursor().copy("COPY copied (id) FROM STDIN") as copy:
            copy.write("1\n2\n")
        assert len(read_back(connection)) == 2
        raise ZeroDivisionError
    assert read_back(connection) == []


def test_psycopg2(database: Database, connection: psycopg.Connection[Any]) -> None:
    other = psycopg2.connect(database.dsn)
    with other, other.cursor() as cursor:
        cursor.copy_expert("COPY copied (id, note) FROM STDIN WITH CSV", io.StringIO('1,"a,b"\n2,c\n'))
        assert cursor.rowcount == 2
        cursor.copy_from(io.StringIO("3\td\n4\t\\N\n"), "copied", columns=("id", "note"))
        into = io.StringIO()
        cursor.copy_to(into, "copied", columns=("id", "note"))
        assert sorted(into.getvalue().splitlines()) == ["1\ta,b", "2\tc", "3\td", "4\t\\N"]
    other.close()


def test_asyncpg(database: Database, connection: psycopg.Connection[Any]) -> None:
    async def copy() -> tuple[str, bytes, str]:
        other = await asyncpg.connect(**database.parts)
        try:
            done = await other.copy_records_to_table("copied", records=ROWS)
            into = io.BytesIO()
            await other.copy_from_query("SELECT id, note FROM copied WHERE id < $1 ORDER BY id", 2, output=into)
            table = io.BytesIO()
            out = await other.copy_from_table("copied", output=table, format="csv", columns=["id"])
            await other.copy_to_table("copied", source=io.BytesIO(b"100\n101\n"), columns=["id"])
            return done, into.getvalue(), out
        finally:
            await other.close()

    assert asyncio.run(copy()) == (f"COPY {len(ROWS)}", b"1\tplain\n", f"COPY {len(ROWS)}")
    assert read_back(connection)[: len(ROWS)] == ROWS


def test_large(connection: psycopg.Connection[Any]) -> None:
    with connection.cursor().copy("COPY copied (id, note) FROM STDIN") as copy:
        for number in range(100_000):
            copy.write(f"{number}\tnote {number}\n")
    assert connection.execute("SELECT count(*), sum(id) FROM copied").fetchone() == (100_000, 4_999_950_000)
    with connection.cursor().copy("COPY copied (id, note) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text"])
        assert sum(row[0] for row in copy.rows()) == 4_999_950_000
