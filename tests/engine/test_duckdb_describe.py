from __future__ import annotations

import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.wire.types import oids

INT4_ARRAY = oids.OIDS["_int4"]
ALL_OF_T = (oids.INT4, oids.TEXT, oids.NUMERIC, oids.TIMESTAMPTZ, INT4_ARRAY)

PARAMETERS = [
    ("SELECT $1::int8", (oids.INT8,)),
    ("SELECT $1", (oids.TEXT,)),
    ("SELECT * FROM t WHERE a = $1 AND c > $2 AND b LIKE $3", (oids.INT4, oids.NUMERIC, oids.TEXT)),
    ("SELECT * FROM t WHERE ts > $1 AND arr = $2", (oids.TIMESTAMPTZ, INT4_ARRAY)),
    ("SELECT * FROM t WHERE a BETWEEN $1 AND $2 AND a IN ($3, 4)", (oids.INT4,) * 3),
    ("SELECT * FROM t WHERE a = ANY($1)", (INT4_ARRAY,)),
    ("SELECT * FROM t WHERE $1 IN (SELECT a FROM t)", (oids.INT4,)),
    ("SELECT * FROM t LIMIT $1 OFFSET $2", (oids.INT8, oids.INT8)),
    ("SELECT a + $1, $2 + 1, ts + $3, ts - $4 FROM t", (oids.INT4, oids.INT4, oids.INTERVAL, oids.TIMESTAMPTZ)),
    ("SELECT coalesce($1, a), CASE WHEN $2 THEN $3 ELSE c END FROM t", (oids.INT4, oids.BOOL, oids.NUMERIC)),
    ("SELECT upper($1), substr(b, $2, 1), date_trunc($3, ts) FROM t", (oids.TEXT, oids.INT8, oids.TEXT)),
    ("SELECT * FROM generate_series(1, $1)", (oids.INT4,)),
    ("SELECT generate_series(ts, $1, $2) FROM t", (oids.TIMESTAMPTZ, oids.INTERVAL)),
    ("SELECT b FROM t GROUP BY b HAVING count(*) > $1", (oids.INT8,)),
    ("WITH q AS (SELECT a AS k FROM t WHERE b = $1) SELECT * FROM q WHERE k = $2", (oids.TEXT, oids.INT4)),
    ("SELECT (SELECT max(x.a) FROM t x WHERE x.a > t.a + $1) FROM t", (oids.INT4,)),
    ("SELECT * FROM t JOIN (SELECT a AS z FROM t) q ON q.z = $1", (oids.INT4,)),
    ("INSERT INTO t (c, a) VALUES ($1, $2)", (oids.NUMERIC, oids.INT4)),
    (
        "INSERT INTO t VALUES ($1, $2, $3, $4, $5)",
        (oids.INT4, oids.TEXT, oids.NUMERIC, oids.TIMESTAMPTZ, INT4_ARRAY),
    ),
    ("INSERT INTO t (a, b) SELECT $1, b FROM t", (oids.INT4,)),
    ("UPDATE t SET c = $1, b = $2 WHERE a = $3", (oids.NUMERIC, oids.TEXT, oids.INT4)),
    ("DELETE FROM t WHERE a = $1", (oids.INT4,)),
    ("SELECT '$1', $2 -- $3", (oids.TEXT, oids.TEXT)),
    ("SELECT * FROM t WHERE a = $1 OR $1 IS NULL", (oids.INT4,)),
]


@pytest.mark.parametrize(("sql", "expected"), PARAMETERS, ids=[row[0] for row in PARAMETERS])
def test_parameter_types_are_inferred(duck: DuckDBSession, sql: str, expected: tuple[int, ...]) -> None:
    assert duck.describe(sql).parameter_oids == expected


def test_declared_types_win(duck: DuckDBSession) -> None:
    described = duck.describe("SELECT $1, $2 + 1 FROM t WHERE a = $3", [oids.DATE, 0, oids.INT8])
    assert described.parameter_oids == (oids.DATE, oids.INT4, oids.INT8)
    assert described.columns is not None
    assert [(column.name, column.type_oid) for column in described.columns] == [
        ("?column?", oids.DATE),
        ("?column?", oids.INT4),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t (a, b) VALUES ($1, $2)",
        "UPDATE t SET c = 1",
        "CREATE TABLE z (a int)",
        "BEGIN",
        "SET threads = 2",
    ],
)
def test_statements_without_rows_have_no_columns(duck: DuckDBSession, sql: str) -> None:
    assert duck.describe(sql).columns is None


def test_returning_has_columns(duck: DuckDBSession) -> None:
    columns = duck.describe("INSERT INTO t (a, b) VALUES ($1, $2) RETURNING a AS key, *").columns
    assert columns is not None
    assert [column.name for column in columns] == ["key", "a", "b", "c", "ts", "arr"]
    assert [column.type_oid for column in columns][:3] == [oids.INT4, oids.INT4, oids.VARCHAR]


def test_nothing_runs(duck: DuckDBSession) -> None:
    duck.execute("CREATE SEQUENCE q")
    for sql in (
        "SELECT nextval('q')",
        "INSERT INTO t (a, b) VALUES (50, 'x') RETURNING nextval('q')",
        "DELETE FROM t",
        "TRUNCATE t",
        "EXPLAIN ANALYZE DELETE FROM t",
        "DROP TABLE t",
    ):
        duck.describe(sql)
    assert duck.fetch("SELECT nextval('q') AS n, (SELECT count(*) FROM t) AS rows").to_pylist() == [
        {"n": 1, "rows": 2}
    ]


def test_describe_and_execute_agree(duck: DuckDBSession) -> None:
    for sql in ('SELECT $1::int, now(), a AS "A b" FROM t', "SHOW tables", "VALUES (1, 'x')", "EXPLAIN SELECT 1"):
        described = duck.describe(sql).columns
        names = None if described is None else [(column.name, column.type_oid) for column in described]
        from_result = duck.execute(sql.replace("$1", "1")).columns
        assert names == [(column.name, column.type_oid) for column in from_result or ()]


def test_positions_are_those_of_the_statement(duck: DuckDBSession) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.describe("SELECT a FROM t WHERE a = $1 AND nope = $2")
    assert (caught.value.sqlstate, caught.value.position) == ("42703", 34)


def test_merge_is_described(duck: DuckDBSession) -> None:
    merge = "MERGE INTO t USING (SELECT 1 AS x) s ON t.a = s.x WHEN MATCHED AND t.b = $1 THEN DELETE"
    described = duck.describe(merge)
    assert (described.parameter_oids, described.columns) == ((oids.TEXT,), None)
    assert duck.describe(f"{merge} RETURNING b").columns is not None
    with pytest.raises(RvbbitError, match="nope"):
        duck.describe(merge.replace("s.x", "s.nope"))
