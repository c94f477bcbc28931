"""psycopg 3: text and binary, prepared, pipelined, cursors, errors, transactions, asyncio."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb

from tests.clients.conftest import Database

UTC = ZoneInfo("UTC")
FORMATS = {"text": False, "binary": True}

VALUES: list[tuple[str, Any]] = [
    ("bool", True),
    ("int2", -32768),
    ("int4", 2147483647),
    ("int8", -9223372036854775808),
    ("numeric", Decimal("12345678901234567890.123456789")),
    ("numeric(10,3)", Decimal("-1.500")),
    ("float4", 1.5),
    ("float8", 0.1),
    ("float8", float("inf")),
    ("float8", 5e-324),
    ("text", "héllo 'x' \\ \n 🐇"),
    ("text", ""),
    ("varchar(20)", "abc"),
    ("bytea", b"\x00\xff\\x'"),
    ("date", dt.date(1, 1, 1)),
    ("date", dt.date(2024, 2, 29)),
    ("time", dt.time(23, 59, 59, 999999)),
    ("timestamp", dt.datetime(1999, 12, 31, 23, 59, 59, 1)),
    ("timestamptz", dt.datetime(2024, 7, 1, 12, 0, tzinfo=UTC)),
    ("interval", dt.timedelta(days=3, seconds=4, microseconds=5)),
    ("interval", dt.timedelta(days=-1)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ("int4[]", [1, None, 3]),
    ("int4[]", []),
    ("int8[]", [1, 2**40]),
    ("text[]", ["a", None, 'quo"te', "back\\slash", "", "NULL", "{x,y}"]),
    ("float8[]", [1.5, None]),
    ("bool[]", [True, False, None]),
    ("int4[][]", [[1, 2], [3, 4]]),
    ("date[]", [dt.date(2024, 1, 1), None]),
    ("timestamp[]", [dt.datetime(2024, 1, 1, 1)]),
    ("numeric[]", [Decimal("1.5"), None]),
    ("uuid[]", [uuid.UUID(int=7)]),
]


@pytest.fixture(scope="module")
def shared(database: Database) -> Any:
    with database.connect() as connection:
        yield connection


@pytest.mark.parametrize("into", FORMATS)
@pytest.mark.parametrize("out", FORMATS)
@pytest.mark.parametrize(("type_name", "value"), VALUES, ids=lambda value: str(value)[:30])
def test_value_comes_back(
    shared: psycopg.Connection[Any], type_name: str, value: Any, into: str, out: str
) -> None:
    mark = "%b" if FORMATS[into] else "%t"
    with shared.cursor(binary=FORMATS[out]) as cursor:
        assert cursor.execute(f"SELECT {mark}::{type_name}, NULL::{type_name}", (value,)).fetchone() == (
            value,
            None,
        )


@pytest.mark.parametrize("out", FORMATS)
@pytest.mark.parametrize("wrapper", [Json, Jsonb])
def test_json_comes_back(shared: psycopg.Connection[Any], wrapper: Any, out: str) -> None:
    document = {"a": [1, None, "ü"], "b": {"c": True}}
    with shared.cursor(binary=FORMATS[out]) as cursor:
        type_name = wrapper.__name__.lower()
        assert cursor.execute(f"SELECT %s::{type_name}", (wrapper(document),)).fetchone() == (document,)


EXPRESSIONS: list[tuple[str, Any]] = [
    ("1 + 1", 2),
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("7 %% 3", 1),
    ("7.0 / 2", Decimal("3.5")),
    ("2 ^ 3", 8.0),
    ("'a' || 'b'", "ab"),
    ("1::bigint", 1),
    ("count(*)", 1),
    ("sum(2)", 2),
    ("avg(3)", Decimal(3)),
    ("'x' IS NULL", False),
    ("ARRAY[1,2]", [1, 2]),
    ("current_database()", "demo"),
    ("current_schema()", "public"),
    ("current_user", "postgres"),
    ("'2024-01-31'::date + 1", dt.date(2024, 2, 1)),
    ("date_trunc('month', timestamp '2024-02-15')", dt.datetime(2024, 2, 1)),
    ("extract(year FROM date '2024-02-15')", Decimal(2024)),
    ("interval '1 day' * 2", dt.timedelta(days=2)),
    ("upper('x')", "X"),
    ("length('héé')", 3),
    ("substring('hello' from 2 for 3)", "ell"),
    ("coalesce(NULL, 5)", 5),
    ("'{1,2}'::int[]", [1, 2]),
    ("(ARRAY['a','b'])[2]", "b"),
    ("5 = ANY(ARRAY[4,5])", True),
    ("'abc' ~ 'B'", False),
    ("'abc' ~* 'B'", True),
    ("'abc' LIKE 'a%%'", True),
    ("'abc' ILIKE 'A%%'", True),
    ("position('b' in 'abc')", 2),
    ("to_char(timestamp '2024-02-15 13:04:05', 'YYYY-MM-DD HH24:MI:SS')", "2024-02-15 13:04:05"),
    ("string_agg('a', ',')", "a"),
    ("E'a\\tb'", "a\tb"),
    ("$$dollar$$", "dollar"),
    ("U&'\\0041'", "A"),
    ("'x'::char(3)", "x  "),
    ("true AND NULL", None),
    ("pg_typeof(1)::text", "integer"),
    ("pg_typeof('a'::text)::text", "text"),
    ("round(2.5)", Decimal(3)),
    ("round(1.2345, 2)", Decimal("1.23")),
    ("1e10::float8", 1e10),
    ("greatest(1, NULL, 3)", 3),
    ("to_json(ARRAY[1,2])", [1, 2]),
    ("""'{"a": {"b": 1}}'::jsonb -> 'a' ->> 'b'""", "1"),
    ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    ("split_part('a,b,c', ',', 2)", "b"),
    ("age(timestamp '2024-01-02', timestamp '2024-01-01')", dt.timedelta(days=1)),
    ("'1 day'::interval < '25 hours'::interval", True),
    ("'infinity'::float8", float("inf")),
    ("array_length(ARRAY[1,2,3], 1)", 3),
    ("cardinality(ARRAY[1,2,3])", 3),
    ("'a' < 'B'", False),
    ("0.1::float4", pytest.approx(0.1)),
]


@pytest.mark.parametrize("out", FORMATS)
@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expression(shared: psycopg.Connection[Any], expression: str, value: Any, out: str) -> None:
    with shared.cursor(binary=FORMATS[out]) as cursor:
        found = cursor.execute(f"SELECT {expression}", ()).fetchone()
    assert found == (value,)
    assert (found is not None and type(found[0]) is type(value)) or not isinstance(value, (int, Decimal, str))


FAULTS: list[tuple[str, type[psycopg.Error]]] = [
    ("SELEC 1", errors.SyntaxError),
    ("SELECT * FROM missing", errors.UndefinedTable),
    ("SELECT missing", errors.UndefinedColumn),
    ("SELECT missing(1)", errors.UndefinedFunction),
    ("SELECT 1 FROM missing.items", errors.UndefinedTable),
    ("SELECT 'x'::int", errors.InvalidTextRepresentation),
    ("SELECT 1/0", errors.DivisionByZero),
    ("SELECT 100000::int2", errors.NumericValueOutOfRange),
    ("SELECT 2147483647 + 1", errors.NumericValueOutOfRange),
    ("SELECT '2024-02-30'::date", errors.DatetimeFieldOverflow),
    ("SELECT 'x'::date", errors.InvalidDatetimeFormat),
    ("SELECT 'x'::uuid", errors.InvalidTextRepresentation),
    ("SELECT '{'::json", errors.InvalidTextRepresentation),
    ("SELECT name, count(*) FROM items", errors.GroupingError),
    ("SELECT (SELECT id FROM items)", errors.CardinalityViolation),
    ("INSERT INTO items VALUES (1, 'again', 0)", errors.UniqueViolation),
    ("INSERT INTO items VALUES (200, NULL, 0)", errors.NotNullViolation),
    ("INSERT INTO items (id, missing) VALUES (1, 2)", errors.UndefinedColumn),
    ("CREATE TABLE items (id int)", errors.DuplicateTable),
    ("DROP TABLE missing", errors.UndefinedTable),
    ("DROP VIEW items", errors.WrongObjectType),
    ("SELECT 1 UNION SELECT 1, 2", errors.SyntaxError),
    ("SELECT i.id FROM items", errors.UndefinedTable),
    ("SELECT id FROM items a, items b", errors.AmbiguousColumn),
    ("SET no_such_setting = 1", errors.UndefinedObject),
    ("SET work_mem = 'x'", errors.InvalidParameterValue),
    ("EXECUTE missing", errors.InvalidSqlStatementName),
    ("FETCH 1 FROM missing", errors.InvalidCursorName),
    ("SELECT 'x'::missing", errors.UndefinedObject),
    ("SELECT 1 LIMIT -1", errors.InvalidRowCountInLimitClause),
    ("COMMIT PREPARED 'x'", errors.UndefinedObject),
]


@pytest.mark.parametrize("prepared", [False, True], ids=["simple", "extended"])
@pytest.mark.parametrize(("sql", "error"), FAULTS, ids=[sql for sql, _ in FAULTS])
def test_fault_has_its_class(
    shared: psycopg.Connection[Any], table: str, sql: str, error: type[psycopg.Error], prepared: bool
) -> None:
    with pytest.raises(error) as caught:
        shared.execute(sql, () if prepared else None)
    assert caught.value.diag.severity_nonlocalized == "ERROR"
    assert shared.execute("SELECT 1").fetchone() == (1,)


def test_fault_tells_where(shared: psycopg.Connection[Any], table: str) -> None:
    with pytest.raises(errors.UndefinedColumn) as caught:
        shared.execute("SELECT id, missing FROM items")
    assert caught.value.diag.statement_position == "12"
    with pytest.raises(errors.UniqueViolation) as unique:
        shared.execute("INSERT INTO items VALUES (1, 'again', 0)")
    diag = unique.value.diag
    assert diag.message_primary == 'duplicate key value violates unique constraint "items_pkey"'
    assert diag.message_detail == "Key (id)=(1) already exists."
    assert (diag.schema_name, diag.table_name, diag.constraint_name) == ("public", "items", "items_pkey")


def test_fault_names_the_constraint(shared: psycopg.Connection[Any]) -> None:
    """In every state of the transaction, for each kind of constraint, as PostgreSQL does."""
    for statement in (
        "DROP TABLE IF EXISTS parts, wholes",
        "CREATE TABLE wholes (id int PRIMARY KEY, a text, b int, UNIQUE (a, b))",
        "CREATE TABLE parts (x int REFERENCES wholes (id), y int NOT NULL CHECK (y > 0))",
        "CREATE UNIQUE INDEX parts_y ON parts (y)",
        "INSERT INTO wholes VALUES (1, 'x, b: y', 1)",
        "INSERT INTO parts VALUES (1, 1)",
    ):
        shared.execute(statement)
    refused = {
        "INSERT INTO wholes VALUES (2, 'x, b: y', 1)": "wholes_a_b_key",
        "INSERT INTO wholes VALUES (5, 'v', 1), (5, 'w', 1)": "wholes_pkey",
        "INSERT INTO parts VALUES (1, 1)": "parts_y",
        "INSERT INTO parts VALUES (7, 2)": "parts_x_fkey",
        "INSERT INTO parts VALUES (1, -2)": "parts_y_check",
        "UPDATE parts SET y = NULL": None,
        "DELETE FROM wholes": "parts_x_fkey",
    }
    for begin in ("SELECT 1", "BEGIN"):
        for statement, name in refused.items():
            shared.execute(begin)
            with pytest.raises(errors.IntegrityError) as caught:
                shared.execute(statement)
            shared.execute("ROLLBACK" if begin == "BEGIN" else "SELECT 1")
            diag = caught.value.diag
            assert (diag.schema_name, diag.constraint_name) == ("public", name), statement
            assert name is None or f'constraint "{name}"' in (diag.message_primary or "")
    shared.execute("DROP TABLE parts, wholes")


TAGS: list[tuple[str, str, int]] = [
    ("CREATE TABLE tags (a int, b text)", "CREATE TABLE", -1),
    ("INSERT INTO tags VALUES (1, 'x'), (2, 'y')", "INSERT 0 2", 2),
    ("INSERT INTO tags VALUES (3, 'z') RETURNING a", "INSERT 0 1", 1),
    ("UPDATE tags SET b = 'q' WHERE a > 1", "UPDATE 2", 2),
    ("SELECT * FROM tags", "SELECT 3", 3),
    ("SELECT * FROM tags WHERE false", "SELECT 0", 0),
    ("DELETE FROM tags WHERE a = 1", "DELETE 1", 1),
    ("CREATE TEMP TABLE temp_tags AS SELECT * FROM tags", "SELECT 2", 2),
    ("CREATE VIEW tags_view AS SELECT * FROM tags", "CREATE VIEW", -1),
    ("DROP VIEW tags_view", "DROP VIEW", -1),
    ("CREATE INDEX tags_a ON tags (a)", "CREATE INDEX", -1),
    ("ALTER TABLE tags ADD COLUMN c int", "ALTER TABLE", -1),
    ("CREATE SCHEMA other", "CREATE SCHEMA", -1),
    ("DROP SCHEMA other", "DROP SCHEMA", -1),
    ("CREATE SEQUENCE tags_seq", "CREATE SEQUENCE", -1),
    ("DROP SEQUENCE tags_seq", "DROP SEQUENCE", -1),
    ("TRUNCATE tags", "TRUNCATE TABLE", -1),
    ("BEGIN", "BEGIN", -1),
    ("SAVEPOINT s", "SAVEPOINT", -1),
    ("RELEASE SAVEPOINT s", "RELEASE", -1),
    ("ROLLBACK", "ROLLBACK", -1),
    ("SET application_name = 'x'", "SET", -1),
    ("SHOW application_name", "SHOW", -1),
    ("RESET application_name", "RESET", -1),
    ("VALUES (1), (2)", "SELECT 2", 2),
    ("WITH q AS (SELECT 1) SELECT * FROM q", "SELECT 1", 1),
    ("EXPLAIN SELECT 1", "EXPLAIN", -1),
    ("DISCARD ALL", "DISCARD ALL", -1),
    ("DROP TABLE tags", "DROP TABLE", -1),
]


@pytest.mark.parametrize("prepared", [False, True], ids=["simple", "extended"])
def test_tags(database: Database, prepared: bool) -> None:
    with database.connect(prepare_threshold=None) as connection:
        found = []
        for sql, _, _ in TAGS:
            cursor = connection.execute(sql, () if prepared else None)
            found.append((sql, cursor.statusmessage, cursor.rowcount if cursor.rowcount > 0 else 0))
        expected = [(sql, tag, max(count, 0)) for sql, tag, count in TAGS]
        shown = {"SHOW application_name", "EXPLAIN SELECT 1"}
        assert [row for row in found if row[0] not in shown] == [row for row in expected if row[0] not in shown]


def test_description(shared: psycopg.Connection[Any], table: str) -> None:
    cursor = shared.execute(
        "SELECT id, name, score, score::numeric(5,1), 'x'::varchar(7), now() FROM items LIMIT 0"
    )
    assert cursor.description is not None
    columns = [(c.name, c.type_code, c.precision, c.scale, c.display_size) for c in cursor.description]
    assert columns == [
        ("id", 23, None, None, None),
        ("name", 25, None, None, None),
        ("score", 1700, 8, 2, None),
        ("score", 1700, 5, 1, None),
        ("varchar", 1043, None, None, 7),
        ("now", 1184, None, None, None),
    ]


def test_column_names(shared: psycopg.Connection[Any]) -> None:
    cursor = shared.execute(
        "SELECT 1, 1 + 1, upper('a'), count(*), 'x'::text, 1 AS \"Mixed\", 2 AS MIXED, now(), CASE WHEN true THEN 1 END,"
        " (SELECT 5 AS five), current_user, ARRAY[1], coalesce(1), true, NULL, extract(year FROM now()), cast(1 AS int8)"
    )
    assert [column.name for column in cursor.description or ()] == [
        "?column?", "?column?", "upper", "count", "text", "Mixed", "mixed", "now", "case",
        "five", "current_user", "array", "coalesce", "?column?", "?column?", "extract", "int8",
    ]  # fmt: skip


def test_several_statements_are_one_transaction(shared: psycopg.Connection[Any], table: str) -> None:
    cursor = shared.execute("SELECT 1; SELECT 'two'; DELETE FROM items WHERE id = 1")
    results = [cursor.fetchall()]
    while cursor.nextset():
        results.append(cursor.fetchall() if cursor.description else cursor.rowcount)
    assert results == [[(1,)], [("two",)], 1]
    with pytest.raises(errors.DivisionByZero):
        shared.execute("DELETE FROM items; SELECT 1/0")
    assert shared.execute("SELECT count(*) FROM items").fetchone() == (99,)


def test_transactions(database: Database, table: str) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute("DELETE FROM items WHERE id = 1")
        assert connection.info.transaction_status.name == "INTRANS"
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (100,)
        with pytest.raises(errors.DivisionByZero):
            connection.execute("SELECT 1/0")
        assert connection.info.transaction_status.name == "INERROR"
        with pytest.raises(errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
        connection.rollback()
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        connection.execute("DELETE FROM items WHERE id = 2")
        connection.commit()
        connection.read_only = True
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM items")
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (99,)


def test_nested_transactions(database: Database, table: str) -> None:
    with database.connect() as connection:
        with connection.transaction():
            connection.execute("DELETE FROM items WHERE id = 1")
            with connection.transaction("inner"):
                connection.execute("DELETE FROM items WHERE id = 2")
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (98,)


def test_rollback_to_savepoint(database: Database, table: str) -> None:
    with database.connect() as connection, connection.transaction():
        connection.execute("DELETE FROM items WHERE id = 1")
        with connection.transaction(force_rollback=True):
            connection.execute("DELETE FROM items")
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (99,)


def test_savepoint_rollback_after_fault_in_reads(database: Database, table: str) -> None:
    with database.connect() as connection, connection.transaction():
        connection.execute("DELETE FROM items WHERE id = 1")
        with pytest.raises(errors.UndefinedTable), connection.transaction():
            connection.execute("SELECT * FROM missing")
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (99,)


def test_prepared(database: Database, table: str) -> None:
    with database.connect(prepare_threshold=0) as connection:
        for number in range(1, 30):
            found = connection.execute("SELECT name FROM items WHERE id = %s", (number,)).fetchone()
            assert found == (f"name {number}",)
        names = connection.execute(
            "SELECT statement FROM pg_prepared_statements WHERE name LIKE '_pg3_%%'"
        ).fetchall()
        assert ("SELECT name FROM items WHERE id = $1",) in names
        connection.execute("DROP TABLE items")
        with pytest.raises(errors.UndefinedTable):
            connection.execute("SELECT name FROM items WHERE id = %s", (1,))
        connection.execute("DEALLOCATE ALL")


def test_sql_prepare(shared: psycopg.Connection[Any], table: str) -> None:
    shared.execute("PREPARE pick (int) AS SELECT name FROM items WHERE id = $1")
    assert shared.execute("EXECUTE pick (7)").fetchone() == ("name 7",)
    shared.execute("DEALLOCATE pick")


def test_pipeline(database: Database, table: str) -> None:
    with database.connect() as connection:
        with connection.pipeline() as pipeline:
            cursors = [connection.execute("SELECT name FROM items WHERE id = %s", (i,)) for i in range(1, 51)]
            pipeline.sync()
            assert [cursor.fetchone() for cursor in cursors] == [(f"name {i}",) for i in range(1, 51)]
        with pytest.raises(errors.UniqueViolation), connection.pipeline():
            connection.execute("INSERT INTO items VALUES (%s, 'a', 0)", (500,))
            connection.execute("INSERT INTO items VALUES (%s, 'b', 0)", (1,))
            connection.execute("INSERT INTO items VALUES (%s, 'c', 0)", (501,))
        assert connection.execute("SELECT count(*) FROM items WHERE id >= 500").fetchone() == (0,)


def test_executemany(database: Database, table: str) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO items VALUES (%s, %s, %s)", [(i, f"n{i}", None) for i in range(200, 260)])
        assert cursor.rowcount == 60
        cursor.executemany(
            "INSERT INTO items VALUES (%s, %s, %s) RETURNING id",
            [(i, "x", 1.5) for i in (300, 301)],
            returning=True,
        )
        found = [cursor.fetchone()]
        while cursor.nextset():
            found.append(cursor.fetchone())
        assert found == [(300,), (301,)]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_server_cursor(database: Database, table: str, binary: bool) -> None:
    with psycopg.connect(database.dsn) as connection:
        with connection.cursor("walk", binary=binary) as cursor:
            cursor.itersize = 7
            cursor.execute("SELECT id, name, score FROM items ORDER BY id")
            assert [column.name for column in cursor.description or ()] == ["id", "name", "score"]
            assert cursor.fetchone() == (1, "name 1", Decimal("0.25"))
            assert [row[0] for row in cursor.fetchmany(3)] == [2, 3, 4]
            assert [row[0] for row in cursor] == list(range(5, 101))
        with connection.cursor("jump", scrollable=True) as cursor:
            cursor.execute("SELECT id FROM items WHERE id <= %s ORDER BY id", (10,))
            cursor.scroll(5)
            assert cursor.fetchone() == (6,)
            cursor.scroll(0, mode="absolute")
            assert cursor.fetchone() == (1,)
            cursor.scroll(-1)
        with connection.cursor("held", withhold=True) as cursor:
            cursor.execute("SELECT id FROM items ORDER BY id")
            connection.commit()
            assert cursor.fetchone() == (1,)
            assert len(cursor.fetchall()) == 99


def test_two_server_cursors_at_once(database: Database, table: str) -> None:
    with psycopg.connect(database.dsn) as connection:
        with connection.cursor("one") as one, connection.cursor("two") as two:
            one.execute("SELECT id FROM items ORDER BY id")
            two.execute("SELECT id FROM items ORDER BY id DESC")
            assert [(one.fetchone(), two.fetchone()) for _ in range(3)] == [((i,), (101 - i,)) for i in (1, 2, 3)]


def test_stream_and_row_factory(database: Database, table: str) -> None:
    with database.connect(row_factory=dict_row) as connection, connection.cursor() as cursor:
        rows = list(cursor.stream("SELECT id FROM items WHERE id > %s ORDER BY id", (97,)))
        assert rows == [{"id": 98}, {"id": 99}, {"id": 100}]


def test_client_cursor(database: Database, table: str) -> None:
    with database.connect(cursor_factory=psycopg.ClientCursor) as connection:
        found = connection.execute("SELECT %s, %s, %s, %s", ("it's \\", 5, dt.date(2024, 1, 1), None)).fetchone()
        assert found == ("it's \\", 5, dt.date(2024, 1, 1), None)


def test_raw_cursor(database: Database, table: str) -> None:
    with database.connect(cursor_factory=psycopg.RawCursor) as connection:
        assert connection.execute("SELECT id FROM items WHERE id = $1", [3]).fetchone() == (3,)


def test_untyped_parameters(shared: psycopg.Connection[Any], table: str) -> None:
    assert shared.execute("SELECT id FROM items WHERE id = %s", ("5",)).fetchone() == (5,)
    assert shared.execute("SELECT %s", ("x",)).fetchone() == ("x",)
    assert shared.execute("SELECT count(*) FROM items WHERE id = ANY(%s)", ([1, 2, 3],)).fetchone() == (3,)
    assert shared.execute("SELECT id FROM items ORDER BY id LIMIT %s OFFSET %s", (1, 2)).fetchone() == (3,)
    assert shared.execute("SELECT %s || 'b'", ("a",)).fetchone() == ("ab",)
    assert shared.execute("SELECT date '2024-01-01' + %s::interval", ("1 day",)).fetchone() == (
        dt.datetime(2024, 1, 2),
    )


def test_cancel(database: Database) -> None:
    with database.connect() as connection:
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        with pytest.raises(errors.QueryCanceled):
            connection.execute(
                "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b"
            )
        timer.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_statement_timeout(database: Database) -> None:
    with database.connect(options="-c statement_timeout=200ms") as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("200ms",)
        with pytest.raises(errors.QueryCanceled):
            connection.execute(
                "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b"
            )
        connection.execute("SET statement_timeout = 0")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_parameters_have_transaction_semantics(database: Database) -> None:
    with psycopg.connect(database.dsn, application_name="tests") as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("tests",)
        connection.commit()
        connection.execute("SET application_name = 'changed'")
        assert connection.info.parameter_status("application_name") == "changed"
        connection.rollback()
        assert connection.info.parameter_status("application_name") == "tests"
        connection.execute("SET LOCAL TimeZone = 'America/New_York'")
        assert connection.execute("SELECT '2024-01-01 00:00+00'::timestamptz::text").fetchone() == (
            "2023-12-31 19:00:00-05",
        )
        connection.commit()
        assert connection.execute("SHOW TimeZone").fetchone() != ("America/New_York",)
        assert connection.execute("SELECT set_config('application_name', 'by function', false)").fetchone() == (
            "by function",
        )
        assert connection.execute("SELECT current_setting('application_name')").fetchone() == ("by function",)


def test_identity(database: Database) -> None:
    with database.connect() as connection:
        assert connection.info.server_version >= 150000
        assert connection.info.encoding == "utf-8"
        pid = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert pid == (connection.info.backend_pid,)
        version = connection.execute("SELECT version()").fetchone()
        assert version is not None and version[0].startswith("PostgreSQL 1")


def test_type_info(database: Database) -> None:
    with database.connect() as connection:
        found = psycopg.types.TypeInfo.fetch(connection, "int4")
        assert found is not None and (found.oid, found.array_oid) == (23, 1007)
        assert psycopg.types.TypeInfo.fetch(connection, "no_such_type") is None
        found = psycopg.types.TypeInfo.fetch(connection, "text")
        assert found is not None and (found.oid, found.array_oid) == (25, 1009)


def test_enum(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("DROP TYPE IF EXISTS mood")
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        assert connection.execute("SELECT 'happy'::mood > 'sad'::mood").fetchone() == (True,)
        found = psycopg.types.enum.EnumInfo.fetch(connection, "mood")
        assert found is not None and found.labels == ["sad", "happy"]
        connection.execute("DROP TYPE mood")


def test_notice(database: Database) -> None:
    seen: list[tuple[str | None, str | None]] = []
    with database.connect() as connection:
        connection.add_notice_handler(lambda diag: seen.append((diag.severity_nonlocalized, diag.sqlstate)))
        connection.execute("DROP TABLE IF EXISTS never_there")
        connection.execute("COMMIT")
    assert seen == [("NOTICE", "00000"), ("WARNING", "25P01")]


def test_async(database: Database, table: str) -> None:
    async def ask() -> list[Any]:
        connection = await psycopg.AsyncConnection.connect(database.dsn)
        async with connection, connection.cursor() as cursor:
            await cursor.execute("SELECT id FROM items WHERE id <= %s ORDER BY id", (3,))
            rows = [row async for row in cursor]
            async with connection.cursor("walk") as walk:
                await walk.execute("SELECT id FROM items ORDER BY id")
                rows += await walk.fetchmany(2)
            async with connection.pipeline():
                one = await connection.execute("SELECT 1")
                two = await connection.execute("SELECT 2")
                rows += [await one.fetchone(), await two.fetchone()]
            return rows

    assert asyncio.run(ask()) == [(1,), (2,), (3,), (1,), (2,), (1,), (2,)]


def test_large_values(shared: psycopg.Connection[Any]) -> None:
    big = "x" * 3_000_000
    for binary in (False, True):
        with shared.cursor(binary=binary) as cursor:
            assert cursor.execute("SELECT %s::text, length(%s)", (big, big)).fetchone() == (big, len(big))


def test_many_columns_and_rows(shared: psycopg.Connection[Any]) -> None:
    columns = ", ".join(f"{i} AS c{i}" for i in range(500))
    assert shared.execute(f"SELECT {columns}").fetchone() == tuple(range(500))
    rows = shared.execute("SELECT i, i::text FROM generate_series(1, 50000) AS g(i)").fetchall()
    assert rows == [(i, str(i)) for i in range(1, 50001)]


def test_serial_and_identity(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS counted")
        connection.execute("CREATE TABLE counted (id serial PRIMARY KEY, note varchar(10) DEFAULT 'none')")
        connection.execute("INSERT INTO counted DEFAULT VALUES")
        found = connection.execute("INSERT INTO counted (note) VALUES ('x') RETURNING id, note").fetchone()
        assert found == (2, "x")
        connection.execute("DROP TABLE counted")


def test_upsert(shared: psycopg.Connection[Any], table: str) -> None:
    shared.execute(
        "INSERT INTO items VALUES (1, 'new', 1) ON CONFLICT (id) DO UPDATE SET name = excluded.name", ()
    )
    assert shared.execute("SELECT name FROM items WHERE id = 1").fetchone() == ("new",)
    cursor = shared.execute("INSERT INTO items VALUES (1, 'newer', 1) ON CONFLICT DO NOTHING", ())
    assert cursor.statusmessage == "INSERT 0 0"
