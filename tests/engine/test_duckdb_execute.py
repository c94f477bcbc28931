from __future__ import annotations

import threading
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.engine.upstream import Notice, Parameter, UpstreamResult, ValueRows
from rvbbit_proxy.errors import QueryCancelled, RvbbitError
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.registry import encode_column


def text_parameters(*values: str | None) -> list[Parameter]:
    return [Parameter(None if value is None else value.encode(), 0, 0) for value in values]


def values_of(result: UpstreamResult) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for batch in result.batches():
        assert isinstance(batch, pa.RecordBatch | ValueRows)
        rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return rows


def run(session: DuckDBSession, sql: str, *parameters: str | None) -> list[tuple[Any, ...]]:
    return values_of(session.execute(sql, text_parameters(*parameters)))


@pytest.mark.parametrize(
    ("sql", "tag"),
    [
        ("SELECT 1", "SELECT"),
        ("VALUES (1)", "SELECT"),
        ("INSERT INTO t (a, b) VALUES (8, 'p'), (9, 'q')", "INSERT 0 2"),
        ("INSERT INTO t (a, b) VALUES (7, 'p') RETURNING a", "INSERT 0 1"),
        ("UPDATE t SET b = 'z'", "UPDATE 2"),
        ("DELETE FROM t WHERE a = 99", "DELETE 0"),
        ("CREATE TABLE u AS SELECT * FROM t", "SELECT 2"),
        ("CREATE TEMP TABLE u (a int)", "CREATE TABLE"),
        ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
        ("TRUNCATE t", "TRUNCATE TABLE"),
        ("ALTER TABLE t ADD COLUMN z int", "ALTER TABLE"),
        ("DROP TABLE t", "DROP TABLE"),
        ("SET threads = 2", "SET"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("CHECKPOINT", "CHECKPOINT"),
        ("BEGIN", "BEGIN"),
        ("", ""),
    ],
)
def test_tags_are_postgresqls(duck: DuckDBSession, sql: str, tag: str) -> None:
    assert duck.execute(sql).tag == tag


def test_a_session_is_closer_to_postgresql(duck: DuckDBSession) -> None:
    assert run(duck, "SELECT 7 / 2, 7 / 2.0") == [(3, 3.5)]
    assert run(duck, "SELECT x FROM (VALUES (1), (NULL)) v(x) ORDER BY x DESC") == [(None,), (1,)]
    assert run(duck, "SELECT extract(hour FROM TIMESTAMPTZ '2024-01-01 00:00:00+00')") == [(0,)]


def test_nulls_stay_where_the_statement_puts_them(duck: DuckDBSession) -> None:
    rows = "(VALUES ('a'), (NULL)) AS v(x)"
    assert run(duck, f"SELECT x::text FROM {rows} ORDER BY 1 DESC NULLS LAST") == [("a",), (None,)]
    assert run(duck, f"SELECT x::text FROM {rows} ORDER BY 1 DESC") == [(None,), ("a",)]


def test_settings_do_not_leak_to_other_sessions(instance: duckdb.DuckDBPyConnection, duck: DuckDBSession) -> None:
    assert instance.execute("SELECT 1 / 2").fetchone() == (0.5,)


def test_names_are_postgresqls(duck: DuckDBSession) -> None:
    result = duck.execute(
        'SELECT sum(a), count(*), a + 1, b::text, 1::int8, now(), a AS "sum(x)" FROM t GROUP BY a, b'
    )
    assert result.columns is not None
    names = [column.name for column in result.columns]
    assert names == ["sum", "count", "?column?", "b", "int8", "now", "sum(x)"]


LARGEST = "170141183460469231731687303715884105727"
TYPES = [
    ("1::tinyint", oids.INT2, -1, b"1"),
    ("1::usmallint", oids.INT4, -1, b"1"),
    ("4294967295::uinteger", oids.INT8, -1, b"4294967295"),
    ("18446744073709551615::ubigint", oids.NUMERIC, -1, b"18446744073709551615"),
    (
        "170141183460469231731687303715884105727::hugeint",
        oids.NUMERIC,
        -1,
        b"170141183460469231731687303715884105727",
    ),
    ("1.50::decimal(10,2)", oids.NUMERIC, (10 << 16 | 2) + 4, b"1.50"),
    ("'x'::varchar", oids.TEXT, -1, b"x"),
    ("'b'::enum('a', 'b')", oids.TEXT, -1, b"b"),
    ("NULL", oids.TEXT, -1, None),
    ("'101'::bit", oids.VARBIT, -1, b"101"),
    ("'10:00:00+02'::timetz", oids.TIMETZ, -1, b"10:00:00+02"),
    ("interval '1 month 2 days'", oids.INTERVAL, -1, b"1 mon 2 days"),
    ("'\\x00'::blob", oids.BYTEA, -1, b"\\x00"),
    ("timestamp_ns '2020-01-01 00:00:00.123456789'", oids.TIMESTAMP, -1, b"2020-01-01 00:00:00.123457"),
    ("timestamptz '2020-01-01 00:00:00+00'", oids.TIMESTAMPTZ, -1, b"2020-01-01 00:00:00+00"),
    ("'{\"a\":1}'::json", oids.JSON, -1, b'{"a":1}'),
    ("{'a': 1}", oids.JSON, -1, b'{"a":1}'),
    ("map {'k': 1}", oids.JSON, -1, b'{"k":1}'),
    ("[1, NULL]", oids.OIDS["_int4"], -1, b"{1,NULL}"),
    ("[1, 2]::int[2]", oids.OIDS["_int4"], -1, b"{1,2}"),
    ("[[1], [2]]", oids.OIDS["_int4"], -1, b"{{1},{2}}"),
    ("[1::hugeint]", oids.OIDS["_numeric"], -1, b"{1}"),
    ("['a b']", oids.OIDS["_text"], -1, b'{"a b"}'),
    ("[{'a': 1}]", oids.OIDS["_json"], -1, b'{"{\\"a\\":1}"}'),
    ("uuid '0e37df36-f698-11e6-8dd4-cb9ced3df976'", oids.UUID, -1, b"0e37df36-f698-11e6-8dd4-cb9ced3df976"),
]


@pytest.mark.parametrize(("expression", "type_oid", "typmod", "text"), TYPES, ids=[row[0] for row in TYPES])
def test_every_type_reaches_the_wire(
    duck: DuckDBSession, expression: str, type_oid: int, typmod: int, text: bytes | None
) -> None:
    sql = f"SELECT {expression} AS x, 'beside' AS y"
    result = duck.execute(sql)
    assert result.columns is not None
    (column, _) = result.columns
    assert (column.name, column.type_oid, column.typmod) == ("x", type_oid, typmod)
    assert duck.describe(sql).columns == result.columns
    (batch,) = result.batches()
    assert isinstance(batch, pa.RecordBatch)
    encoded = encode_column(batch.column(0), type_oid, 0).to_pylist()[0]
    assert (encoded.encode() if isinstance(encoded, str) else encoded) == text


def test_wrapping_keeps_order_duplicates_and_parameters(duck: DuckDBSession) -> None:
    sql = "SELECT sum(i) AS s, sum(i) AS s, {'k': i} AS k FROM range($1) r(i) GROUP BY i ORDER BY i DESC; -- end"
    result = duck.execute(sql, text_parameters("3"))
    assert [column.name for column in result.columns or ()] == ["s", "s", "k"]
    assert values_of(result) == [("2", "2", '{"k":2}'), ("1", "1", '{"k":1}'), ("0", "0", '{"k":0}')]


def test_a_volatile_query_runs_once(duck: DuckDBSession) -> None:
    duck.execute("CREATE SEQUENCE q")
    assert run(duck, "SELECT nextval('q')::hugeint") == [("1",)]
    assert run(duck, "SELECT nextval('q')") == [(2,)]


@pytest.mark.parametrize(
    ("type_oid", "text", "expression", "expected"),
    [
        (oids.INT4, "5", "$1", 5),
        (oids.NUMERIC, "1.25", "$1 * 2", "2.50"),
        (oids.TEXT, "x", "$1 || 'y'", "xy"),
        (oids.BYTEA, "\\x00ff", "$1", b"\x00\xff"),
        (oids.BOOL, "off", "$1", False),
        (oids.DATE, "2020-02-03", "$1::varchar", "2020-02-03"),
        (oids.DATE, "0044-03-15 BC", "$1::varchar", "0044-03-15 (BC)"),
        (oids.TIMESTAMP, "infinity", "$1 = timestamp 'infinity'", True),
        (oids.INTERVAL, "1 mon 2 days 03:00:00", "$1 = interval '1 month 2 days 3 hours'", True),
        (oids.OIDS["_int4"], "{1,NULL}", "$1", [1, None]),
        (oids.OIDS["_text"], '{a,"b c"}', "$1", ["a", "b c"]),
        (oids.JSON, '{"a": 1}', "$1::json->>'a'", "1"),
        (oids.UUID, "0e37df36-f698-11e6-8dd4-cb9ced3df976", "$1::varchar", "0e37df36-f698-11e6-8dd4-cb9ced3df976"),
    ],
)
def test_parameters_are_bound_by_their_type(
    duck: DuckDBSession, type_oid: int, text: str, expression: str, expected: Any
) -> None:
    result = duck.execute(f"SELECT {expression}", [Parameter(text.encode(), 0, type_oid)])
    ((value,),) = values_of(result)
    assert (str(value) if type_oid == oids.NUMERIC else value) == expected


def test_binary_and_null_parameters(duck: DuckDBSession) -> None:
    parameters = [Parameter((7).to_bytes(8, "big"), 1, oids.INT8), Parameter(None, 0, oids.INT4)]
    result = duck.execute("SELECT $1, $2", parameters)
    assert [column.type_oid for column in result.columns or ()] == [oids.INT8, oids.INT4]
    assert values_of(result) == [(7, None)]


def test_untyped_text_takes_the_type_it_meets(duck: DuckDBSession) -> None:
    assert run(duck, "SELECT b FROM t WHERE a = $1 LIMIT $2", "2", "5") == [("y",)]
    assert run(duck, "SELECT $1 + 1, $2", "41", None) == [(42, None)]


def test_a_bad_value_is_told_as_postgresql_does(duck: DuckDBSession) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.execute("SELECT b FROM t WHERE a = $1", text_parameters("x"))
    assert caught.value.sqlstate == "22P02"


def test_a_number_too_long_is_refused_not_rounded(duck: DuckDBSession) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.execute("SELECT $1", [Parameter(b"1e50", 0, oids.NUMERIC)])
    assert caught.value.sqlstate == "22003"


def test_rows_stream_in_bounded_batches(duck: DuckDBSession) -> None:
    result = duck.execute("SELECT i FROM range(100000000) r(i)")
    first = next(iter(result.batches()))
    assert isinstance(first, pa.RecordBatch) and 0 < first.num_rows <= 20_000
    result.close()
    assert run(duck, "SELECT 1") == [(1,)]


def test_a_new_statement_detaches_the_open_result(duck: DuckDBSession) -> None:
    open_result = duck.execute("SELECT i FROM range(50000) r(i)")
    next(iter(open_result.batches()))
    assert run(duck, "SELECT 2") == [(2,)]
    duck.describe("SELECT a FROM t")
    assert duck.fetch("SELECT 3 AS x").to_pylist() == [{"x": 3}]
    rest = values_of(open_result)
    assert rest[-1] == (49_999,)


def test_an_error_inside_the_stream_has_its_sqlstate(duck: DuckDBSession) -> None:
    duck.execute("BEGIN")
    result = duck.execute("SELECT 1 / (i - 1900000) FROM range(2000000) r(i)")
    with pytest.raises(RvbbitError) as caught:
        values_of(result)
    assert caught.value.sqlstate == "22012"
    assert duck.transaction_status() == "E"


def test_cancel_stops_the_statement_and_no_later_one(duck: DuckDBSession) -> None:
    timer = threading.Timer(0.2, duck.cancel)
    timer.start()
    with pytest.raises(QueryCancelled):
        duck.execute("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7")
    timer.join()
    duck.cancel()
    assert run(duck, "SELECT 1") == [(1,)]


def test_cancel_while_rows_are_being_read(duck: DuckDBSession) -> None:
    result = duck.execute("SELECT i FROM range(1000000000) r(i)")
    rows = iter(result.batches())
    next(rows)
    duck.cancel()
    with pytest.raises(QueryCancelled):
        for _ in rows:
            pass
    assert run(duck, "SELECT 1") == [(1,)]


def test_stage_inputs_and_results(duck: DuckDBSession) -> None:
    table = duck.fetch("SELECT a, b, {'k': a} AS s FROM t ORDER BY a")
    assert table.to_pylist() == [{"a": 1, "b": "x", "s": '{"k":1}'}, {"a": 2, "b": "y", "s": '{"k":2}'}]
    for value in (True, False):
        duck.load("answers of 1", pa.table({"b": ["x"], "value": [value]}), ["b"])
        assert run(duck, 'SELECT a, value FROM t JOIN "answers of 1" USING (b)') == [(1, value)]


def test_temporary_tables_belong_to_the_session(instance: duckdb.DuckDBPyConnection, duck: DuckDBSession) -> None:
    other = DuckDBUpstream(instance).open_session(user="u", database="d", application_name="a")
    duck.load("mine", pa.table({"x": [1]}))
    with pytest.raises(RvbbitError) as caught:
        other.execute("SELECT * FROM mine")
    assert caught.value.sqlstate == "42P01"
    other.close()


def test_python_variables_are_out_of_reach(duck: DuckDBSession) -> None:
    secret = pa.table({"x": [1]})
    with pytest.raises(RvbbitError) as caught:
        duck.execute("SELECT * FROM secret")
    assert caught.value.sqlstate == "42P01"
    with pytest.raises(RvbbitError) as caught:
        duck.execute("SET python_enable_replacements = true")
    assert caught.value.sqlstate == "42501"
    assert secret.num_rows == 1


def test_several_statements_are_refused(duck: DuckDBSession) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.execute("SELECT 1; DROP TABLE t")
    assert caught.value.sqlstate == "42601"
    assert run(duck, "SELECT count(*) FROM t") == [(2,)]


def test_explain_is_one_column_of_lines(duck: DuckDBSession) -> None:
    result = duck.execute("EXPLAIN SELECT * FROM t")
    assert [column.name for column in result.columns or ()] == ["QUERY PLAN"]
    assert len(values_of(result)) > 2


def test_notices_reach_the_callback(duck: DuckDBSession) -> None:
    notices: list[Notice] = []
    duck.on_notice = notices.append
    duck.execute("COMMIT")
    assert [(notice.severity, notice.sqlstate) for notice in notices] == [("WARNING", "25P01")]


def test_relations_of_the_proxys_own_are_kept_and_dropped(duck: DuckDBSession) -> None:
    duck.keep("kept", "SELECT 1 AS a, array_agg(x) AS b FROM (VALUES (1::numeric), (2)) AS v(x)")
    duck.load("loaded", pa.table({"x": [1]}))
    assert duck.fetch("SELECT a, x FROM kept, loaded").to_pylist() == [{"a": 1, "x": 1}]
    duck.drop(["kept", "loaded", "never made"])
    with pytest.raises(RvbbitError, match="kept"):
        duck.fetch("SELECT * FROM kept")


def test_relations_of_the_proxys_own_are_no_write_to_go_back_behind(duck: DuckDBSession) -> None:
    for sql in ("BEGIN", "INSERT INTO t (a, b, c) VALUES (3, 'z', 1)", "SAVEPOINT here"):
        duck.execute(sql)
    duck.keep("kept", "SELECT 1 AS a")
    duck.drop(["kept"])
    duck.execute("ROLLBACK TO here")
    assert run(duck, "SELECT count(*) FROM t") == [(3,)]


def test_a_fault_in_what_is_kept_is_told_as_any_other(duck: DuckDBSession) -> None:
    with pytest.raises(RvbbitError, match="nowhere") as told:
        duck.keep("kept", "SELECT nowhere FROM (SELECT 1 AS a) AS t")
    assert told.value.sqlstate == "42703"
