"""A query that gave few rows runs another way the next time, and nobody can tell but by the clock."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.engine.upstream import Parameter
from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.rows import encode_data_rows


@pytest.fixture
def session() -> Any:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT i AS a, 'n' || i AS b FROM range(5000) r(i)")
        connection.execute("CREATE TABLE days (d DATE); INSERT INTO days VALUES ('infinity'), ('2020-01-01')")
        session = DuckDBUpstream(connection).open_session(user="u", database="d", application_name="")
        yield session
        session.close()


def told(session: DuckDBSession, sql: str, parameters: tuple[Parameter, ...] = ()) -> tuple[object, ...]:
    """Return columns, tag and the rows' bytes in both formats."""
    result = session.execute(sql, parameters)
    assert result.columns is not None
    batches = list(result.batches())
    rows = [b"".join(encode_data_rows(batch, result.columns, (code,)) for batch in batches) for code in (0, 1)]
    return result.columns, result.tag, rows


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1 AS a, 2 AS a, a + 1, 'x', NULL, 3::int8 FROM t WHERE a = 3",
        "SELECT true, 1.5, 1::float4, 0.1::float8, 'nan'::float8, 2::smallint, 7::utinyint, 8::ubigint",
        "SELECT sum(a), count(*), avg(a), max(b), 170141183460469231731687303715884105727::hugeint FROM t",
        "SELECT 'infinity'::date, '0044-03-15 (BC)'::date, '20000-01-01'::timestamp",
        "SELECT '2020-01-01'::date, '2020-01-01 12:00:00.5'::timestamp, now()",
        "SELECT [1, 2], {'a': 1}, '{}'::json, interval '1 month', uuid '00000000-0000-0000-0000-000000000001'",
        r"SELECT '\x01'::blob, 'a'::bytea, '24:00:00'::time, '101'::bit",
        "SELECT * FROM t WHERE a < 0",
        "SELECT * FROM days ORDER BY 1",
        "VALUES (1, 'a'), (2, NULL)",
        "WITH c AS (SELECT 1 AS x) SELECT x FROM c",
        "SHOW tables",
    ],
)
def test_the_second_run_tells_what_the_first_told(session: DuckDBSession, sql: str) -> None:
    if "now()" in sql:
        session.execute("BEGIN")
    first = told(session, sql)
    assert [told(session, sql) for _ in range(3)] == [first] * 3


def test_more_rows_than_expected_all_come(session: DuckDBSession) -> None:
    for limit in (3, 5000, 4000, 2):
        _, _, (text, _) = told(session, f"SELECT a, b FROM t ORDER BY a LIMIT {limit}")
        assert text.count(b"D\0\0") == limit


def test_infinity_beyond_the_expected_rows(session: DuckDBSession) -> None:
    sql = "SELECT d FROM days, range({}) ORDER BY d"
    for times in (1, 300, 2):
        _, _, (text, _) = told(session, sql.format(times))
        assert text.count(b"infinity") == text.count(b"2020-01-01") == times


def test_a_changed_table_shows_its_new_columns(session: DuckDBSession) -> None:
    assert told(session, "SELECT * FROM days LIMIT 1") == told(session, "SELECT * FROM days LIMIT 1")
    session.execute("DROP TABLE days")
    session.execute("CREATE TABLE days AS SELECT 1::smallint AS e, 'x' AS f")
    columns, _, _ = told(session, "SELECT * FROM days LIMIT 1")
    assert [(column.name, column.type_oid) for column in columns] == [("e", oids.INT2), ("f", oids.TEXT)]  # type: ignore[attr-defined]


def test_parameters_of_other_values_and_null(session: DuckDBSession) -> None:
    def ask(value: bytes | None) -> bytes:
        _, _, (text, _) = told(session, "SELECT b FROM t WHERE a = $1", (Parameter(value, 0, oids.INT8),))  # type: ignore[misc]
        return bytes(text[11:])

    assert [ask(b"1"), ask(b"2"), ask(None), ask(b"3")] == [b"n1", b"n2", b"", b"n3"]


def test_errors_have_their_state_and_leave_the_session_well(session: DuckDBSession) -> None:
    told(session, "SELECT b::int FROM t WHERE a = 1 AND b <> 'n1'")
    with pytest.raises(RvbbitError) as error:
        told(session, "SELECT b::int FROM t WHERE a = 1 AND b <> 'n2'")
    assert error.value.sqlstate == "22P02"
    assert told(session, "SELECT 1")


def test_an_unread_result_does_not_disturb_the_next(session: DuckDBSession) -> None:
    sql = "SELECT a FROM t LIMIT 7"
    told(session, sql)
    large = session.execute(sql.replace("7", "4999"))
    assert told(session, sql) == told(session, sql)
    assert sum(batch.num_rows for batch in large.batches()) == 4999  # type: ignore[union-attr]


def test_a_sequence_is_drawn_from_once_a_time(session: DuckDBSession) -> None:
    session.execute("CREATE SEQUENCE q")
    drawn = [told(session, "SELECT nextval('q')")[2][0][-1:] for _ in range(5)]  # type: ignore[index]
    assert drawn == [b"1", b"2", b"3", b"4", b"5"]
