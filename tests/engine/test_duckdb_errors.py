from __future__ import annotations

import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.errors import RvbbitError

CASES = [
    ("SELECT * FROM nope", "42P01", 'relation "nope" does not exist', 15),
    ("SELECT nope FROM t", "42703", 'column "nope" does not exist', 8),
    ("SELECT 'é', nope FROM t", "42703", 'column "nope" does not exist', 13),
    ("SELECT t.nope FROM t", "42703", "column t.nope does not exist", 8),
    ("SELECT x.a FROM t", "42P01", 'missing FROM-clause entry for table "x"', 8),
    ("UPDATE t SET nope = 1", "42703", 'column "nope" of relation "t" does not exist', None),
    ("SELECT b FROM t a JOIN t b ON a.a = b.a", "42702", 'column reference "b" is ambiguous', 8),
    ("SELEC 1", "42601", 'syntax error at or near "SELEC"', 1),
    ("SELECT 1\nFROM", "42601", 'syntax error at or near "FROM"', 10),
    ("SELECT foo(1)", "42883", "function foo does not exist", 8),
    ("SELECT upper(1, 2)", "42883", "function upper(integer, integer) does not exist", 8),
    ("SELECT 1 + 'x'::varchar", "42883", "operator does not exist: integer + text", 10),
    ("SELECT 'x'::int", "22P02", 'invalid input syntax for type integer: "x"', 11),
    ("SELECT 'x'::uuid", "22P02", 'invalid input syntax for type uuid: "x"', 11),
    ("SELECT '{'::json", "22P02", "invalid input syntax for type json", 11),
    ("SELECT 1 / 0", "22012", "division by zero", None),
    ("SELECT 99999999999::int", "22003", None, 19),
    ("SELECT 2147483647::int + 1::int", "22003", None, None),
    ("SELECT date '2020-13-01'", "22008", 'date/time field value out of range: "2020-13-01"', 8),
    ("SELECT a, count(*) FROM t", "42803", None, 8),
    ("SELECT (SELECT a FROM t)", "21000", None, None),
    (
        "INSERT INTO t (a, b) VALUES (1, 'x')",
        "23505",
        'duplicate key value violates unique constraint "t_pkey"',
        None,
    ),
    (
        "INSERT INTO t (a, b) VALUES (9, NULL)",
        "23502",
        'null value in column "b" of relation "t" violates not-null constraint',
        None,
    ),
    (
        "INSERT INTO t (a, b, c) VALUES (9, 'x', -1)",
        "23514",
        'new row for relation "t" violates check constraint "t_c_check"',
        None,
    ),
    ("INSERT INTO t (a, b) VALUES (1)", "42601", None, None),
    ("CREATE TABLE t (a int)", "42P07", 'relation "t" already exists', None),
    ("CREATE SCHEMA main", "42P06", 'schema "main" already exists', None),
    ("CREATE TABLE nope.t (a int)", "3F000", 'schema "nope" does not exist', None),
    ("DROP TABLE nope", "42P01", 'table "nope" does not exist', None),
    ("ALTER TABLE t ADD COLUMN a int", "42701", 'column "a" already exists', None),
    ("SELECT 'x'::nope", "42704", 'type "nope" does not exist', 13),
    ("SET nope = 1", "42704", 'unrecognized configuration parameter "nope"', None),
    ("COPY t TO STDOUT", "0A000", None, None),
    ("COPY t FROM STDIN (FORMAT csv)", "0A000", None, None),
    ("COPY t TO '/dev/stdout'", "0A000", None, None),
    ("COPY t FROM '/nope/nope.csv'", "58P01", None, None),
    ("SELECT $1", "08P01", None, None),
]


@pytest.mark.parametrize(("sql", "sqlstate", "message", "position"), CASES, ids=[case[0] for case in CASES])
def test_errors_are_postgresqls(
    duck: DuckDBSession, sql: str, sqlstate: str, message: str | None, position: int | None
) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.execute(sql)
    fault = caught.value
    assert (fault.sqlstate, fault.position) == (sqlstate, position), fault.message
    assert message is None or fault.message == message
    assert "\n" not in fault.message
    assert duck.execute("SELECT 1").tag == "SELECT"


def test_a_foreign_key(duck: DuckDBSession) -> None:
    duck.execute("CREATE TABLE f (a int REFERENCES t (a))")
    with pytest.raises(RvbbitError) as caught:
        duck.execute("INSERT INTO f VALUES (99)")
    assert caught.value.sqlstate == "23503"


def test_advice_is_a_hint(duck: DuckDBSession) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.execute("SELECT foo(1)")
    assert caught.value.hint == 'Perhaps you meant to use "floor".'


def test_running_out_of_memory(duck: DuckDBSession) -> None:
    duck.execute("SET memory_limit = '10MB'")
    duck.execute("SET max_temp_directory_size = '0KB'")
    with pytest.raises(RvbbitError) as caught:
        duck.execute("CREATE TABLE big AS SELECT i, hash(i)::varchar AS h FROM range(5000000) r(i) ORDER BY h")
    assert caught.value.sqlstate in ("53200", "53100")
