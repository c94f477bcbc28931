"""Long statements: what their client is told meanwhile, what others see, and how others stop them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from scripted_model import Fault, ScriptedModel

from tests.e2e.conftest import Running

FILTER = "SELECT id FROM sightings WHERE title MEANS 'visual'"


@pytest.mark.parametrize("prepare", [False, True])
def test_the_client_is_told_while_the_statement_runs(
    sightings: Running, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch, prepare: bool
) -> None:
    monkeypatch.setattr("rvbbit_proxy.execute.judging.NOTICE_EVERY_S", 0.01)
    model.latency_s = 0.03
    told: list[tuple[int, str]] = []
    with sightings.connect() as connection:
        connection.add_notice_handler(lambda notice: told.append((model.requests, notice.message_primary or "")))
        connection.execute("SET rvbbit.progress = on")
        connection.execute("SET rvbbit.concurrency = 1")
        assert len(connection.execute(FILTER, prepare=prepare).fetchall()) == 20
    assert told and all(
        re.fullmatch(r"\w+ in \w+: \d of 8 inputs, \d calls, \$0\.\d+ so far(, about \d+ s left)?", message)
        for _, message in told
    )
    assert min(requests for requests, _ in told) < 8
    assert "s left" in told[-1][1]


def test_without_progress_nothing_is_told(
    sightings: Running, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rvbbit_proxy.execute.judging.NOTICE_EVERY_S", 0.01)
    model.latency_s = 0.03
    told: list[str] = []
    with sightings.connect() as connection:
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        connection.execute(FILTER)
    assert told == []


@contextmanager
def hanging(server: Running, model: ScriptedModel, caller: str = "slow") -> Iterator[tuple[list[str], int]]:
    """A statement of this caller whose calls never end; yields the SQLSTATEs it ends with, and its process id."""
    model.fail(*[Fault("hang")] * 8)
    states: list[str] = []

    def ask() -> None:
        try:
            victim.execute(FILTER)
        except psycopg.Error as error:
            states.append(error.sqlstate or "")

    with server.connect(options=f"-c rvbbit.caller_id={caller}") as victim:
        thread = threading.Thread(target=ask)
        thread.start()
        model.wait_until(lambda: model.in_flight == 8)
        yield states, victim.info.backend_pid
        thread.join(10)
        assert not thread.is_alive()


def failed_calls(server: Running, caller: str) -> int:
    with server.connect() as connection:
        rows = connection.execute(
            "SELECT count(*) FROM rvbbit.llm_interactions WHERE caller_id = %s AND cost_state = 'failed'",
            (caller,),
        ).fetchone()
    return int(rows[0]) if rows else 0


def test_others_see_how_far_it_is_and_stop_the_caller(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as other, hanging(sightings, model) as (states, _):
        row = other.execute(
            "SELECT caller_id, sql_text, stage, inputs_done, inputs_total, calls, user_name FROM rvbbit.running_queries"
        ).fetchone()
        assert row == ("slow", FILTER, "semantic_matches in WHERE", 0, 8, 8, "ann")
        assert other.execute("SELECT rvbbit.cancel('nobody')").fetchone() == (0,)
        assert other.execute("SELECT rvbbit.cancel(%s)", ("slow",)).fetchone() == (1,)
    assert states == ["57014"]
    assert model.requests == failed_calls(sightings, "slow") == 8
    with sightings.connect() as connection:
        assert connection.execute("SELECT count(*) FROM running_queries").fetchone() == (0,)


@pytest.mark.parametrize(
    ("function", "sqlstate"), [("pg_cancel_backend", "57014"), ("pg_terminate_backend", None)]
)
def test_a_backend_is_stopped_by_its_process_id(
    sightings: Running, model: ScriptedModel, function: str, sqlstate: str | None
) -> None:
    with sightings.connect() as other, hanging(sightings, model) as (states, process_id):
        assert other.execute(f"SELECT {function}({process_id})").fetchone() == (True,)
    assert states == [sqlstate or "57014"]
    assert failed_calls(sightings, "slow") == 8


def test_a_process_id_that_nobody_has(sightings: Running) -> None:
    told: list[str] = []
    with sightings.connect() as connection:
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        assert connection.execute("SELECT pg_cancel_backend(%s)", (999_999,)).fetchone() == (False,)
        assert connection.execute("SELECT pg_cancel_backend(NULL)").fetchone() == (None,)
    assert told == ["PID 999999 is not a PostgreSQL server process"]


def test_explain_tells_the_range_of_past_calls(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        before = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {FILTER}"))
        assert "8 distinct, 0 cached  (exact)" in before and "guessed: no past calls" in before
        connection.execute(FILTER)
        connection.execute("SET rvbbit.cache = off")
        (again,) = connection.execute(f"EXPLAIN (FORMAT JSON) {FILTER}").fetchone() or ()
        connection.execute("SET rvbbit.cache = on")
        spent = connection.execute("SELECT sum(cost) FROM rvbbit.caller_costs").fetchone()
        after = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {FILTER.replace('visual', 'howls')}"))
    stage = again[0]["Stages"][0]
    assert stage["past_calls"] == 8 and stage["tokens_out"] == 8 and stage["seconds"] > 0
    assert float(stage["cost_low_usd"]) <= float(stage["cost_usd"]) <= float(stage["cost_high_usd"])
    assert re.search(r"Estimate: \$0\.\d+ to \$0\.\d+, about \d+\.\d s  \(from 8 past calls\)", after)
    assert spent is not None and spent[0] > 0


def test_answers_grow_old(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        connection.execute(FILTER)
        connection.execute("SET rvbbit.cache_ttl = '1d'")
        connection.execute(FILTER)
        assert model.requests == 8
        assert connection.execute("SELECT entries, hits, misses FROM rvbbit.cache_statistics").fetchone() == (
            8,
            8,
            8,
        )
        connection.execute("SET rvbbit.cache_ttl = '1ms'")
        connection.execute(FILTER)
        assert model.requests == 16
