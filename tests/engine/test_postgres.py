from __future__ import annotations

import datetime
import threading
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest

from rvbbit_proxy.engine.postgres_session import PostgresSession
from rvbbit_proxy.engine.postgres_upstream import PostgresUpstream
from rvbbit_proxy.engine.upstream import Notice, Parameter, RawRows, UpstreamResult
from rvbbit_proxy.errors import QueryCancelled, RvbbitError, UpstreamLost
from rvbbit_proxy.wire.types import oids


def rows_of(result: UpstreamResult) -> list[tuple[bytes | None, ...]]:
    rows: list[tuple[bytes | None, ...]] = []
    for batch in result.batches():
        assert isinstance(batch, RawRows)
        rows += batch.rows
    return rows


@pytest.mark.parametrize(
    ("sql", "tag"),
    [
        ("SELECT 1", "SELECT"),
        ("INSERT INTO t VALUES (8, 'p', 1), (9, 'q', 1)", "INSERT 0 2"),
        ("INSERT INTO t VALUES (7, 'p', 1) RETURNING a", "INSERT 0 1"),
        ("UPDATE t SET c = 1", "UPDATE 2"),
        ("CREATE TEMP TABLE u AS SELECT * FROM t", "SELECT 2"),
        ("SHOW timezone", "SHOW"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("BEGIN", "BEGIN"),
        ("", ""),
    ],
)
def test_tags_are_the_servers(postgres: PostgresSession, sql: str, tag: str) -> None:
    assert postgres.execute(sql).tag == tag


def test_rows_come_as_the_server_sent_them(postgres: PostgresSession) -> None:
    result = postgres.execute("SELECT a, b, c FROM t WHERE a = $1", [Parameter(b"2", 0, 0)])
    assert result.columns is not None
    assert [(column.name, column.type_oid, column.typmod) for column in result.columns] == [
        ("a", oids.INT4, -1),
        ("b", oids.VARCHAR, 14),
        ("c", oids.NUMERIC, (10 << 16 | 2) + 4),
    ]
    assert all(column.table_oid for column in result.columns)
    assert [column.attnum for column in result.columns] == [1, 2, 3]
    assert rows_of(result) == [(b"2", b"y", b"3.00")]


def test_binary_and_mixed_formats(postgres: PostgresSession) -> None:
    sql = "SELECT a, a AS text, true AS t, NULL::int AS n, b::char(3) AS padded FROM t WHERE a = $1"
    parameter = Parameter((1).to_bytes(4, "big"), 1, oids.INT4)
    result = postgres.execute(sql, [parameter], result_formats=(1, 0, 0, 0, 0))
    (batch,) = result.batches()
    assert isinstance(batch, RawRows)
    assert batch.formats == (1, 0, 0, 0, 0)
    assert batch.rows == [(b"\0\0\0\1", b"1", b"t", None, b"x  ")]
    assert [column.type_oid for column in result.columns or ()] == [23, 23, 16, 23, oids.BPCHAR]


def test_errors_pass_with_all_their_fields(postgres: PostgresSession) -> None:
    with pytest.raises(RvbbitError) as caught:
        postgres.execute("INSERT INTO t VALUES (1, 'x', 1)")
    fault = caught.value
    assert fault.sqlstate == "23505"
    assert fault.message == 'duplicate key value violates unique constraint "t_pkey"'
    assert fault.detail == "Key (a)=(1) already exists."
    assert (fault.fields["t"], fault.fields["n"]) == ("t", "t_pkey")
    with pytest.raises(RvbbitError) as caught:
        postgres.execute("SELECT nope FROM t")
    assert (caught.value.sqlstate, caught.value.position) == ("42703", 8)


def test_the_block_has_the_servers_state(postgres: PostgresSession) -> None:
    assert postgres.transaction_status() == "I"
    postgres.execute("BEGIN")
    assert postgres.transaction_status() == "T"
    with pytest.raises(RvbbitError):
        postgres.execute("SELECT nope")
    assert postgres.transaction_status() == "E"
    for attempt in (lambda: postgres.fetch("SELECT 1"), lambda: postgres.load("x", pa.table({"a": [1]}))):
        with pytest.raises(RvbbitError) as caught:
            attempt()
        assert caught.value.sqlstate == "25P02"
    assert postgres.execute("COMMIT").tag == "ROLLBACK"
    assert postgres.transaction_status() == "I"


def test_describe_runs_nothing(postgres: PostgresSession) -> None:
    described = postgres.describe("INSERT INTO t VALUES ($1, $2, $3) RETURNING a")
    assert described.parameter_oids == (oids.INT4, oids.VARCHAR, oids.NUMERIC)
    assert [column.name for column in described.columns or ()] == ["a"]
    assert postgres.describe("DELETE FROM t").columns is None
    assert rows_of(postgres.execute("SELECT count(*) FROM t")) == [(b"2",)]
    assert postgres.describe("SELECT $1 + 1", [oids.INT8]).parameter_oids == (oids.INT8,)


def test_rows_stream_and_a_new_statement_detaches_them(postgres: PostgresSession) -> None:
    result = postgres.execute("SELECT i FROM generate_series(1, 50000) i")
    first = next(iter(result.batches()))
    assert isinstance(first, RawRows) and len(first.rows) < 5_000
    assert rows_of(postgres.execute("SELECT 2")) == [(b"2",)]
    rest = rows_of(result)
    assert len(first.rows) + len(rest) == 50_000
    assert rest[-1] == (b"50000",)


def test_closing_a_long_result_frees_the_session_at_once(postgres: PostgresSession) -> None:
    result = postgres.execute("SELECT generate_series(1, 100000000)")
    next(iter(result.batches()))
    result.close()
    assert rows_of(postgres.execute("SELECT 2")) == [(b"2",)]


def test_an_error_inside_the_stream(postgres: PostgresSession) -> None:
    result = postgres.execute("SELECT 1 / (i - 40000) FROM generate_series(1, 50000) i")
    with pytest.raises(RvbbitError) as caught:
        rows_of(result)
    assert caught.value.sqlstate == "22012"
    assert rows_of(postgres.execute("SELECT 2")) == [(b"2",)]


def test_cancel_stops_the_statement_and_no_later_one(postgres: PostgresSession) -> None:
    timer = threading.Timer(0.2, postgres.cancel)
    timer.start()
    with pytest.raises(QueryCancelled):
        postgres.execute("SELECT pg_sleep(60)")
    timer.join()
    postgres.cancel()
    assert rows_of(postgres.execute("SELECT 1")) == [(b"1",)]


def test_other_threads_run_while_the_server_works(postgres: PostgresSession) -> None:
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.wait(0.001):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    postgres.execute("SELECT pg_sleep(0.3)").close()
    done.set()
    thread.join()
    assert ticks > 20


def test_notices_reach_the_callback(postgres: PostgresSession) -> None:
    notices: list[Notice] = []
    postgres.on_notice = notices.append
    postgres.execute("DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'slow down'; END $$")
    assert [(notice.severity, notice.message, notice.hint) for notice in notices] == [
        ("WARNING", "careful", "slow down")
    ]


def test_a_lost_connection(postgres: PostgresSession, postgres_url: str) -> None:
    ((pid,),) = rows_of(postgres.execute("SELECT pg_backend_pid()"))
    assert pid is not None
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [int(pid)])
    for _ in range(2):
        with pytest.raises(UpstreamLost) as caught:
            postgres.execute("SELECT 1")
        assert caught.value.sqlstate == "08006"


def test_a_session_that_waits_hears_of_the_loss(postgres: PostgresSession, postgres_url: str) -> None:
    ((pid,),) = rows_of(postgres.execute("SELECT pg_backend_pid()"))
    assert pid is not None
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [int(pid)])
    with pytest.raises(UpstreamLost):
        while True:
            postgres.take_notifications()
    with pytest.raises(UpstreamLost):
        postgres.fileno()


def test_a_cancel_that_nobody_hears_is_no_fault(postgres_url: str) -> None:
    session = PostgresUpstream(postgres_url).open_session(user="u", database="d", application_name="a")
    result = session.execute("SELECT * FROM generate_series(1, 100000)")
    session.close()
    session.cancel()
    assert result.columns is not None


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(UpstreamLost):
        PostgresUpstream("postgresql://127.0.0.1:1/x").open_session(user="u", database="d", application_name="a")


def test_the_clients_application_name_is_told(postgres: PostgresSession) -> None:
    assert rows_of(postgres.execute("SHOW application_name")) == [(b"tests",)]


@pytest.mark.parametrize("sql", ["COPY t TO STDOUT", "COPY t FROM STDIN", "SELECT 1; SELECT 2"])
def test_what_is_refused_leaves_the_session_usable(postgres: PostgresSession, sql: str) -> None:
    with pytest.raises(RvbbitError):
        postgres.execute(sql)
    assert rows_of(postgres.execute("SELECT 1")) == [(b"1",)]


def test_fetch_is_typed(postgres: PostgresSession) -> None:
    table = postgres.fetch(
        "SELECT 1 AS i, 2.50::numeric AS n, true AS b, 'x'::text AS s, ARRAY['a', NULL] AS l, "
        "'2020-01-02'::date AS d, '1 day'::interval AS span, NULL::text AS nothing"
    )
    assert table.schema.types[:6] == [
        pa.int32(),
        pa.decimal128(3, 2),
        pa.bool_(),
        pa.string(),
        pa.list_(pa.string()),
        pa.date32(),
    ]
    assert list(table.to_pylist()[0].values()) == [
        1,
        Decimal("2.50"),
        True,
        "x",
        ["a", None],
        datetime.date(2020, 1, 2),
        "1 day",
        None,
    ]


def test_fetch_of_values_python_lacks(postgres: PostgresSession) -> None:
    table = postgres.fetch("SELECT 'NaN'::numeric AS n, 'infinity'::timestamptz AS i, '0044-03-15 BC'::date AS bc")
    assert table.to_pylist() == [{"n": "NaN", "i": "infinity", "bc": "0044-03-15 BC"}]


def test_what_is_fetched_goes_back_with_its_types(postgres: PostgresSession) -> None:
    postgres.execute("CREATE TYPE pg_temp.mood AS ENUM ('glad', 'sad')")
    sql = (
        "SELECT 1::int2 AS a, 'glad'::pg_temp.mood AS b, '{1,2}'::numeric[] AS c, now() AS d, "
        "'\\x00ff'::bytea AS e, "
        "gen_random_uuid() AS f, '{\"k\": 1}'::jsonb AS g, 'infinity'::timestamp AS h, '1 mon'::interval AS i"
    )
    postgres.execute(f"CREATE TEMP TABLE source AS {sql}")
    table = postgres.fetch("SELECT * FROM source")
    postgres.load("again", table, ["a"])
    types = "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0"
    assert rows_of(postgres.execute(types.format("again"))) == rows_of(postgres.execute(types.format("source")))
    same = postgres.execute("SELECT count(*) FROM source JOIN again ON row(source.*) = row(again.*)")
    assert rows_of(same) == [(b"1",)]


def test_load_keeps_awkward_text_and_replaces(postgres: PostgresSession) -> None:
    texts = ["", None, "\\.", "NULL", '"', "a,b\n", "{}", "\\N", " x "]
    table = pa.table({"k": pa.array(texts), "l": pa.array([[text] for text in texts])})
    for _ in range(2):
        postgres.load("awkward name", table)
    assert postgres.fetch('SELECT * FROM "awkward name"').to_pylist() == table.to_pylist()


def test_load_indexes_a_large_table(postgres: PostgresSession) -> None:
    postgres.load("large", pa.table({"k": [f"text {n}" for n in range(20_000)]}), ["k"])
    plan = postgres.execute("EXPLAIN SELECT * FROM large WHERE k = 'text 7'")
    assert any(b"Index" in (row[0] or b"") for row in rows_of(plan))
