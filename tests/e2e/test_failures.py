"""A provider that is dead or talks nonsense: an error, a living connection, nothing wrong cached, all recorded."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from scripted_model import Fault, ScriptedModel
from scripted_model.rules import Rule

from tests.e2e.conftest import MODEL, PRICES, SIGHTINGS, Running

MEANS = "SELECT count(*) FROM sightings WHERE title MEANS 'visual'"


def test_dead_provider(serve: Callable[..., Running], model: ScriptedModel) -> None:
    server = serve(model=MODEL, prices=PRICES, batch_size=1, request_retries=0)
    with server.connect() as connection:
        connection.execute(SIGHTINGS)
        model.fail(*[Fault("status", status=500)] * 100)
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(MEANS)
        assert caught.value.sqlstate in ("58000", "38000")
        assert connection.execute("SELECT 1").fetchone() == (1,)
        failed = connection.execute(
            "SELECT count(*), count(caller_id), count(total_cost) FROM rvbbit.llm_interactions WHERE NOT success"
        ).fetchone()
        assert failed is not None and failed[0] == failed[1] == model.requests > 0 and failed[2] == 0
        assert connection.execute("SELECT count(*) FROM rvbbit.semantic_cache").fetchone() == (0,)
        model.reset()
        assert connection.execute(MEANS).fetchone() == (20,)


def test_nonsense_is_an_error_after_retries_with_the_fault_as_feedback(
    sightings: Running, model: ScriptedModel
) -> None:
    model.rules[:0] = [Rule("does the text match", "perhaps")]
    with sightings.connect() as connection:
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT title MEANS 'visual' FROM sightings WHERE id = 0")
        assert caught.value.sqlstate == "39000"
        assert model.requests == 3
        assert "perhaps" in model.prompts[-1]
        assert connection.execute("SELECT count(*) FROM rvbbit.semantic_cache").fetchone() == (0,)


def test_on_error_null_gives_null_and_one_warning(sightings: Running, model: ScriptedModel) -> None:
    model.rules[:0] = [Rule("visual contact 0</text>", "perhaps")]
    model.rules[:0] = [Rule("<text>visual contact 0", "perhaps")]
    notices: list[str] = []
    with sightings.connect() as connection:
        connection.add_notice_handler(lambda notice: notices.append(f"{notice.severity} {notice.message_primary}"))
        connection.execute("SET rvbbit.on_error = 'null'")
        rows = connection.execute("SELECT title MEANS 'visual' FROM sightings WHERE id IN (0, 2, 1)").fetchall()
    assert sorted(rows, key=str) == [(False,), (None,), (True,)]
    assert [notice for notice in notices if notice.startswith("WARNING")] == [
        "WARNING semantic_matches gave NULL for 1 of 3 inputs that failed"
    ]


def test_syntax_error_beside_an_operator_tells_where(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        with pytest.raises(psycopg.errors.SyntaxError) as caught:
            connection.execute("SELECT title MEANS 'x' FROM sightings WHERE )")
        assert caught.value.diag.statement_position == "45"
        named = connection.execute(
            "SELECT title AS means FROM sightings ORDER BY ALL LIMIT 1 -- DuckDB's own syntax"
        )
        assert named.fetchall() == [("howls 1",)]


def test_a_spent_budget_is_never_null(sightings: Running, model: ScriptedModel) -> None:
    model.rules[:0] = [Rule("<text>visual contact 0", "perhaps")]  # fails by itself, before the money is spent
    with sightings.connect() as connection:
        connection.execute("SET rvbbit.on_error = 'null'")
        connection.execute("SET rvbbit.concurrency = 1")
        connection.execute("SET rvbbit.max_cost = '0.00006'")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT title MEANS 'visual' FROM sightings")
        assert caught.value.sqlstate == "53400"


def test_a_full_disk_ends_the_statement_before_it_spends_more(
    sightings: Running, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, room = sightings.app.ledger._journal, 3

    def write(descriptor: int, lines: bytes) -> int:
        nonlocal room
        if b'"cost_state":"priced"' in lines:
            room -= 1
            if room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, lines)

    with sightings.connect() as connection:
        connection.execute("SET rvbbit.on_error = 'null'")
        connection.execute("SET rvbbit.concurrency = 1")
        monkeypatch.setattr(journal, "_write", write)
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT title MEANS 'visual' FROM sightings")
        assert caught.value.sqlstate == "53100" and model.requests == 4
        monkeypatch.setattr(journal, "_write", os.write)
        priced = connection.execute(
            "SELECT count(*) FROM rvbbit.llm_interactions WHERE cost_state = 'priced'"
        ).fetchone()
        assert priced == (4,), "the call that could not be recorded at once is on the ledger when there is room"


def test_a_provider_that_dies_in_the_middle_loses_nothing_that_was_paid(
    sightings: Running, model: ScriptedModel
) -> None:
    model.rules[:0] = [
        Rule("does the text match", "true", times=3),
        Rule("does the text match", fault=Fault("reset"), times=3),  # one request and its resends
    ]
    with sightings.connect() as connection:
        connection.execute("SET rvbbit.concurrency = 1")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(MEANS)
        assert caught.value.sqlstate == "58000" and model.requests == 6
        outcomes = connection.execute(
            "SELECT cost_state, count(*) FROM rvbbit.llm_interactions GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        assert outcomes == [("failed", 3), ("priced", 3)]
        connection.execute(MEANS)
        assert model.requests == 6 + 5, "what was answered is not asked again"


@pytest.mark.parametrize("fault", [Fault("reset"), Fault("malformed"), Fault("status", 503)], ids=str)
def test_a_fault_here_and_there_is_not_noticed(sightings: Running, model: ScriptedModel, fault: Fault) -> None:
    model.rules[:0] = [Rule("visual contact 0</text>", fault=fault, times=1)]
    model.rules[:0] = [Rule("<text>visual contact 2", fault=fault, times=1)]
    with sightings.connect() as connection:
        assert connection.execute(MEANS).fetchone() == (20,)
        failed = connection.execute("SELECT count(*) FROM rvbbit.llm_interactions WHERE NOT success").fetchone()
        assert failed is not None and failed[0] == model.requests - 8 > 0


def test_retry_after_ends_with_the_statement(sightings: Running, model: ScriptedModel) -> None:
    model.rules[:0] = [Rule("does the text match", fault=Fault("status", 429, retry_after_s=300))]
    with sightings.connect() as connection:
        connection.execute("SET statement_timeout = '500ms'")
        with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
            connection.execute(MEANS)
        connection.execute("RESET statement_timeout")
        unpaid = connection.execute("SELECT count(total_cost) FROM rvbbit.llm_interactions").fetchone()
        assert unpaid == (0,)


def test_a_statement_that_waits_for_a_slot_can_be_cancelled(
    serve: Callable[..., Running], model: ScriptedModel
) -> None:
    server = serve(model=MODEL, prices=PRICES, batch_size=1, concurrency=1)
    model.rules[:0] = [Rule("does the text match", fault=Fault("hang"), times=1)]
    with (
        server.connect() as holder,
        server.connect() as waiter,
        server.connect() as judge,
        ThreadPoolExecutor(2) as threads,
    ):
        holder.execute(SIGHTINGS)
        holding = threads.submit(holder.execute, "SELECT 'held' MEANS 'visual'")
        model.wait_until(lambda: model.in_flight == 1)
        waiting = threads.submit(waiter.execute, MEANS)
        while not server.app.door.traffic.waiting:
            model.wait_until(lambda: True)
        judge.execute("SELECT pg_cancel_backend(%s)", [waiter.info.backend_pid])
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiting.result()
        assert model.requests == 1
        judge.execute("SELECT pg_cancel_backend(%s)", [holder.info.backend_pid])
        with pytest.raises(psycopg.errors.QueryCanceled):
            holding.result()
        assert waiter.execute(MEANS).fetchone() == (20,)
