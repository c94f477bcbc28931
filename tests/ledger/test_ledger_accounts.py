"""The laws of the accounts: sums agree, callers descend, unpriced is NULL, users only read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_rows import NOON, annotation_row, call_row, event_row, query_row, session_row

from rvbbit_proxy.caller import utc_now
from rvbbit_proxy.errors import ConfigurationFault, InvalidValue
from rvbbit_proxy.ledger.backfill import backfill_callers
from rvbbit_proxy.ledger.costs import KEYS, roll_up
from rvbbit_proxy.ledger.ledger import Ledger, open_ledger
from rvbbit_proxy.ledger.migrate import load_migrations, migrate, migration_status
from rvbbit_proxy.ledger.records import RECORD_KINDS, CacheRecord, Record
from rvbbit_proxy.ledger.views import relation_names


def record_work(ledger: Ledger, caller: str | None, costs: list[tuple[bool, Decimal | None]]) -> str:
    """Record a query with a run and its meta run, and calls of these kinds and costs; return the query."""
    query = query_row(caller_id=caller, user_name="ada", application_name="psql")
    run = session_row(caller_id=caller, query_id=query.query_id)
    meta = session_row(
        caller_id=caller,
        query_id=query.query_id,
        parent_session_id=run.session_id,
        meta_of_session_id=run.session_id,
        is_meta=True,
        cascade_id="assess_training_confidence",
    )
    ledger.record(
        query, run, meta, event_row(caller_id=caller, session_id=run.session_id, query_id=query.query_id)
    )
    for is_meta, cost in costs:
        session = meta if is_meta else run
        ledger.record(
            call_row(
                caller_id=caller,
                query_id=query.query_id,
                session_id=session.session_id,
                cascade_id=session.cascade_id,
                is_meta=is_meta,
                total_cost=cost,
                cost_state="unpriced" if cost is None else "priced",
            )
        )
    return query.query_id


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_a_table_has_exactly_the_columns_of_its_record(ledger: Ledger, kind: type[Record]) -> None:
    columns = ledger.query(f"SELECT * FROM rvbbit_ledger.main.{kind.table} LIMIT 0").column_names
    assert sorted(columns) == sorted(column.name for column in fields(kind))


usd = st.one_of(st.none(), st.decimals(0, 100, places=9))


@settings(max_examples=15, deadline=None)
@given(
    work=st.lists(
        st.tuples(st.sampled_from("ab"), st.lists(st.tuples(st.booleans(), usd), max_size=5)), max_size=5
    )
)
def test_a_callers_cost_is_its_queries_and_its_meta_and_its_calls(
    tmp_path_factory: pytest.TempPathFactory, work: list[tuple[str, list[tuple[bool, Decimal | None]]]]
) -> None:
    with duckdb.connect() as connection:
        ledger = open_ledger(tmp_path_factory.mktemp("home"), connection, flush_interval_s=3600)
        for caller, costs in work:
            record_work(ledger, caller, costs)
        for row in ledger.query("FROM caller_costs").to_pylist():
            mine = [cost for caller, costs in work if caller == row["caller_id"] for _, cost in costs]
            known = [cost for cost in mine if cost is not None]
            expected = sum(known, Decimal(0)) if known or not mine else None
            assert row["cost"] == expected
            assert row["calls"] == len(mine)
            assert row["unpriced_calls"] == len(mine) - len(known)
            assert (row["query_cost"] or 0) + (row["meta_cost"] or 0) == (expected or 0)
            by_query = ledger.query(
                "SELECT sum(cost) AS cost, sum(query_cost) AS query, sum(meta_cost) AS meta"
                " FROM mv_sql_query_costs WHERE caller_id = ?",
                [row["caller_id"]],
            ).to_pylist()[0]
            assert (by_query["cost"] or 0) == (expected or 0)
            assert (by_query["query"] or 0) == (row["query_cost"] or 0)
            assert (by_query["meta"] or 0) == (row["meta_cost"] or 0)
            wide = ledger.query("SELECT sum(cost) AS cost FROM all_data WHERE caller_id = ?", [row["caller_id"]])
            assert wide.to_pylist()[0]["cost"] == (expected if mine else None)
        ledger.close()


def test_unpriced_is_null_and_counted_never_zero(ledger: Ledger) -> None:
    record_work(ledger, "a", [(False, None), (False, None)])
    row = ledger.query("SELECT cost, query_cost, meta_cost, unpriced_calls FROM caller_costs").to_pylist()
    assert row == [{"cost": None, "query_cost": None, "meta_cost": Decimal(0), "unpriced_calls": 2}]


def test_all_data_has_the_columns_that_are_promised(ledger: Ledger) -> None:
    promised = """timestamp caller_id session_id parent_session_id trace_id parent_trace_id cascade_id cell_name
        phase_name kind node_type role depth model provider tokens_in tokens_out cost duration_ms cache_hit
        is_sql_udf success error_type error_message content_json invocation_metadata_json""".split()
    assert set(promised) <= set(ledger.query("FROM all_data LIMIT 0").column_names)


def test_the_span_of_a_call_and_the_call_are_one_row(ledger: Ledger) -> None:
    call = call_row(total_cost=Decimal("0.5"))
    ledger.record(
        call, event_row(event_type="llm_interaction", trace_id=call.trace_id), event_row(event_type="cell")
    )
    rows = ledger.query("SELECT node_type, cost FROM all_data ORDER BY node_type").to_pylist()
    assert rows == [{"node_type": "cell", "cost": None}, {"node_type": "llm_interaction", "cost": Decimal("0.5")}]


def test_users_find_the_relations_unprefixed_and_cannot_write(
    ledger: Ledger, database: duckdb.DuckDBPyConnection
) -> None:
    ledger.record(session_row())
    ledger.flush()
    session = database.cursor()
    session.execute("SET search_path = 'main,rvbbit.main'")
    assert session.execute("SELECT count(*) FROM cascade_sessions").fetchall() == [(1,)]
    assert session.execute("SELECT count(*) FROM rvbbit.cascade_sessions").fetchall() == [(1,)]
    for write in ("DELETE FROM rvbbit.cascade_sessions", "UPDATE cascade_sessions SET caller_id = 'x'"):
        with pytest.raises(duckdb.BinderException):
            session.execute(write)


def test_readers_see_a_flush_and_do_not_wait_for_it(ledger: Ledger, database: duckdb.DuckDBPyConnection) -> None:
    reader = database.cursor()
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM rvbbit.cascade_sessions").fetchall() == [(0,)]
    ledger.record(session_row())
    ledger.flush()
    assert reader.execute("SELECT count(*) FROM rvbbit.cascade_sessions").fetchall() == [(0,)]
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM rvbbit.cascade_sessions").fetchall() == [(1,)]


def test_people_annotate_by_hand(ledger: Ledger, database: duckdb.DuckDBPyConnection) -> None:
    run = session_row(session_id="ses_1", output="yes")
    ledger.record(run)
    ledger.flush()
    database.execute(
        "INSERT INTO rvbbit_ledger.main.training_annotations (session_id, trainable) VALUES ('ses_1', true)"
    )
    judged = annotation_row(annotated_by="assess_training_confidence", confidence=0.25, meta_session_id="ses_2")
    ledger.record(judged)
    rows = ledger.query("SELECT annotation_id, created_at, caller_id FROM training_annotations ORDER BY caller_id")
    assert all(row["annotation_id"] and row["created_at"] for row in rows.to_pylist())
    assert rows.to_pylist()[0]["caller_id"] == run.caller_id
    examples = ledger.query("SELECT session_id, output, confidence FROM training_examples").to_pylist()
    assert examples == [{"session_id": "ses_1", "output": '"yes"', "confidence": 0.25}]
    ledger.record(annotation_row(annotated_by="ada", trainable=False))
    assert ledger.query("FROM training_examples").num_rows == 0


def test_a_published_relation_is_read_only_and_replaceable(
    ledger: Ledger, database: duckdb.DuckDBPyConnection
) -> None:
    ledger.publish("operators", pa.table({"name": ["means"]}))
    ledger.publish("operators", pa.table({"name": ["means", "about"]}))
    assert database.execute("SELECT count(*) FROM rvbbit.operators").fetchall() == [(2,)]
    assert {"operators", "all_data", "caller_costs", "training_annotations"} <= relation_names(database)
    with pytest.raises(duckdb.BinderException):
        database.execute("DELETE FROM rvbbit.operators")


def test_the_caller_context_of_a_run_is_known_at_once_and_after_a_restart(
    home: Path, database: duckdb.DuckDBPyConnection, open_again: Callable[[], Ledger]
) -> None:
    first = open_ledger(home, database, flush_interval_s=3600)
    query = query_row(caller_source="comment")
    run = session_row(
        query_id=query.query_id,
        depth=2,
        root_session_id="ses_root",
        root_trace_id="ab" * 16,
        invocation_metadata_json={"origin": "sql", "tags": {"team": "red"}},
    )
    first.record(query, run)
    at_once = first.get_session_caller_context(run.session_id)
    assert at_once is not None
    assert (at_once.caller_id, at_once.source, at_once.query_id) == (run.caller_id, "comment", query.query_id)
    assert (at_once.run_id, at_once.depth, at_once.root_session_id) == (NOON, 2, "ses_root")
    assert (at_once.root_trace_id, at_once.trace_id) == ("ab" * 16, run.trace_id)
    assert at_once.invocation_metadata["tags"] == {"team": "red"}
    assert at_once.budget is None and at_once.cancel is None
    assert first.get_session_caller_context("ses_nobody") is None
    first.close()
    assert open_again().get_session_caller_context(run.session_id) == at_once


def test_backfill_copies_callers_down_to_the_meta_of_the_meta_and_its_facts(ledger: Ledger) -> None:
    run = session_row(session_id="run", query_id="q", caller_id="a")
    meta = session_row(session_id="meta", parent_session_id="run", caller_id=None, is_meta=True)
    nested = session_row(session_id="nested", meta_of_session_id="meta", caller_id=None, is_meta=True)
    lost = session_row(session_id="lost", parent_session_id="nowhere", caller_id=None, is_meta=True)
    other = session_row(session_id="other", parent_session_id="run", caller_id="b")
    ledger.record(nested, meta, run, lost, other)
    for session in ("meta", "nested", "lost"):
        ledger.record(
            call_row(session_id=session, caller_id=None, is_meta=True),
            event_row(session_id=session, caller_id=None),
        )
    assert backfill_callers(ledger) == 6
    assert backfill_callers(ledger) == 0
    callers = ledger.query("SELECT session_id, caller_id FROM cascade_sessions").to_pylist()
    assert {row["session_id"]: row["caller_id"] for row in callers} == {
        "run": "a",
        "meta": "a",
        "nested": "a",
        "lost": None,
        "other": "b",
    }
    for table in ("llm_interactions", "latency_events"):
        facts = ledger.query(
            f"SELECT session_id, caller_id, query_id FROM {table} ORDER BY session_id"
        ).to_pylist()
        assert [(row["caller_id"], row["query_id"]) for row in facts] == [(None, None), ("a", "q"), ("a", "q")]
    context = ledger.get_session_caller_context("nested")
    assert context is not None and context.caller_id == "a"
    orphans = ledger.query("SELECT session_id, reason FROM orphaned_meta_cascades").to_pylist()
    assert {"session_id": "lost", "reason": "judges no session"} in orphans


def test_roll_ups_are_exact_and_filtered(ledger: Ledger) -> None:
    record_work(ledger, "a", [(False, Decimal("0.1")), (True, Decimal("0.000000001"))])
    record_work(ledger, "b", [(False, None)])
    ledger.record(call_row(caller_id="a", start_time=NOON + timedelta(days=1), total_cost=Decimal("0.2")))
    for by in KEYS:
        assert roll_up(ledger, by).columns[0] == by
        total = sum((row[4] for row in roll_up(ledger, by).rows if row[4] is not None), Decimal(0))
        assert total == Decimal("0.300000001")
    (mine,) = roll_up(ledger, "caller", caller="a").rows
    assert mine == ("a", 3, 30, 6, Decimal("0.300000001"), Decimal("0.3"), Decimal("0.000000001"), 0, 0)
    assert roll_up(ledger, "caller").rows[1][4] is None
    (late,) = roll_up(ledger, "day", since=NOON + timedelta(hours=1)).rows
    assert (late[0].isoformat(), late[4]) == ("2026-11-21", Decimal("0.2"))
    with pytest.raises(InvalidValue):
        roll_up(ledger, "weather")


def test_the_cache_comes_back_newest_last(ledger: Ledger) -> None:
    for number, value in enumerate([True, {"topics": ["a"]}, None]):
        ledger.record(
            CacheRecord(
                cache_key=str(number),
                operator="means",
                genus_hash="g",
                model="offline",
                value=value,
                created_at=NOON + timedelta(seconds=number),
            )
        )
    assert [value for _, value, _ in ledger.load_cache(10)] == [True, {"topics": ["a"]}, None]
    assert [key for key, _, _ in ledger.load_cache(2)] == ["1", "2"]


def test_running_queries_are_those_that_run(ledger: Ledger) -> None:
    died = query_row(status="running", sql_text="of a process that died")
    ledger.record(query_row(status="running", sql_text="SELECT 2", started_at=utc_now()), query_row(), died)
    assert ledger.query("SELECT sql_text FROM running_queries").to_pylist() == [{"sql_text": "SELECT 2"}]


def test_migrations_are_applied_once_and_a_changed_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE t (a INTEGER);")
    with duckdb.connect() as connection:
        first = load_migrations(tmp_path)
        assert [each.applied_at for each in migration_status(connection, first)] == [None]
        assert migrate(connection, first) == first
        assert migrate(connection, first) == ()
        (tmp_path / "0002_second.sql").write_text("ALTER TABLE t ADD COLUMN b INTEGER; SELECT nonsense;")
        both = load_migrations(tmp_path)
        with pytest.raises(ConfigurationFault, match="0002_second"):
            migrate(connection, both)
        assert connection.execute("SELECT * FROM t").description is not None
        assert len(connection.execute("SELECT * FROM t").description or []) == 1
        (tmp_path / "0001_first.sql").write_text("CREATE TABLE t (a BIGINT);")
        with pytest.raises(ConfigurationFault, match="changed since"):
            migrate(connection, load_migrations(tmp_path))
        with pytest.raises(ConfigurationFault, match="does not know"):
            migrate(connection, ())


@pytest.mark.parametrize("names", [("0002_gap.sql",), ("first.sql",)])
def test_migration_files_are_numbered_without_gaps(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ConfigurationFault):
        load_migrations(tmp_path)


def test_sums_over_past_calls_by_the_size_of_the_prompt(ledger: Ledger) -> None:
    kind = {"cascade_id": "means", "model_requested": "m", "duration_ms": 500.0}
    for tokens_in, tokens_out in ((100, 2), (127, 4), (128, 8)):
        ledger.record(call_row(prompt_tokens=tokens_in, completion_tokens=tokens_out, **kind))
    ledger.record(call_row(success=False, **kind))
    assert sorted(ledger.call_sums()) == [
        ("means", "m", (100).bit_length(), 2, 6.0, 20.0, 1.0),
        ("means", "m", (128).bit_length(), 1, 8.0, 64.0, 0.5),
    ]


def test_the_cache_is_trimmed_to_its_newest_answers(ledger: Ledger) -> None:
    for n in range(5):
        ledger.record(
            CacheRecord(
                cache_key=str(n),
                operator="means",
                genus_hash="v",
                model="m",
                value=n,
                created_at=NOON + timedelta(seconds=n),
            )
        )
    assert ledger.trim_cache(5) == 0
    assert ledger.trim_cache(3) == 2
    assert [key for key, _, _ in ledger.load_cache(10)] == ["2", "3", "4"]
