"""Every cent has a caller: totals by caller, by query and meta, for one client and for two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from scripted_model import ScriptedModel
from scripted_model.rules import Rule

from tests.e2e.conftest import MODEL, PRICES, SIGHTINGS, Running

TOP_QUERY = """
SELECT state, COUNT(*) AS reports, SUMMARIZE(observed) AS summary, THEMES(title, 3) AS topics,
       bool_or(title MEANS 'contact') AS has_contact
FROM sightings WHERE title MEANS 'visual contact' GROUP BY state ORDER BY reports DESC LIMIT 10
"""


META_RULES = [
    Rule("how sure are you", {"confidence": 0.9, "reason": "plain"}),
    Rule("how much was each numbered message", [{"message": 1, "relevance": 0.5, "reason": "partly"}]),
]


def ledger_sums(connection: Any, caller: str) -> tuple[Decimal, Decimal, Decimal]:
    """Return the caller's cost by all_data, by caller_costs and by llm_interactions."""
    queries = (
        "SELECT sum(cost) FROM rvbbit.all_data WHERE caller_id = %s",
        "SELECT query_cost + meta_cost FROM rvbbit.caller_costs WHERE caller_id = %s",
        "SELECT sum(total_cost) FROM rvbbit.llm_interactions WHERE caller_id = %s",
    )
    first, second, third = (connection.execute(sql, (caller,)).fetchone()[0] for sql in queries)
    return first, second, third


def test_one_query_has_one_caller_for_all_its_cascades(
    serve: Callable[..., Running], model: ScriptedModel
) -> None:
    model.rules[:0] = META_RULES
    server = serve(model=MODEL, prices=PRICES, batch_size=1, meta=1.0)
    with server.connect() as connection:
        connection.execute(SIGHTINGS)
        assert len(connection.execute(TOP_QUERY).fetchall()) == 3
        caller = connection.execute("SHOW rvbbit.last_caller_id").fetchone()[0]
        server.drain_meta()
        rows = connection.execute(
            "SELECT caller_id, cascade_id, kind, count(DISTINCT session_id), sum(cost) FROM all_data GROUP BY 1, 2, 3"
        ).fetchall()
        assert {row[0] for row in rows} == {caller}
        ran = {(row[1], row[2]) for row in rows if row[1]}
        assert ran == {
            ("semantic_matches", "query"),
            ("summarize", "query"),
            ("themes", "query"),
            ("assess_training_confidence", "meta"),
            ("analyze_context_relevance", "meta"),
        }
        by_all_data, by_caller, by_calls = ledger_sums(connection, caller)
        assert by_all_data == by_caller == by_calls > 0
        assert by_calls == expected_cost(model)
        assert connection.execute("SELECT count(*) FROM rvbbit.orphaned_meta_cascades").fetchone() == (0,)


def expected_cost(model: ScriptedModel) -> Decimal:
    price = PRICES[MODEL]
    return (
        model.prompt_tokens * price.input_usd_per_mtok + model.completion_tokens * price.output_usd_per_mtok
    ) / 1_000_000


def test_two_clients_at_once_never_mix(sightings: Running, model: ScriptedModel) -> None:
    start = threading.Barrier(2)

    def ask(caller: str, criterion: str) -> None:
        with sightings.connect() as connection:
            connection.execute(f"SET rvbbit.caller_id = '{caller}'")
            start.wait()
            connection.execute(
                f"SELECT id FROM sightings WHERE title MEANS '{criterion}' AND observed MEANS '{criterion}'"
            )

    threads = [threading.Thread(target=ask, args=(f"caller-{n}", f"report {n}")) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(2):
        mine = [request for request in model.seen if f"report {number}</criterion>" in request.prompt]
        with sightings.connect() as connection:
            calls = connection.execute(
                "SELECT count(*), sum(prompt_tokens) FROM rvbbit.llm_interactions WHERE caller_id = %s",
                (f"caller-{number}",),
            ).fetchone()
            tokens = sum(len(message["content"].split()) for request in mine for message in request.messages)
            assert calls == (len(mine), tokens)
            sums = ledger_sums(connection, f"caller-{number}")
            assert sums[0] == sums[1] == sums[2] > 0
    with sightings.connect() as connection:
        total = connection.execute("SELECT sum(total_cost) FROM rvbbit.llm_interactions").fetchone()
        assert total == (expected_cost(model),)


def test_caller_from_comment_beats_the_session(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        connection.execute("SET rvbbit.caller_id = 'from-session'")
        connection.execute("/*caller_id='from-comment'*/ SELECT title MEANS 'visual' FROM sightings LIMIT 1")
        connection.execute("SELECT title MEANS 'howls' FROM sightings LIMIT 1")
        callers = connection.execute(
            "SELECT caller_id FROM rvbbit.sql_query_log WHERE sql_text LIKE '%MEANS%' ORDER BY started_at"
        ).fetchall()
        assert callers == [("from-comment",), ("from-session",)]


def test_minted_callers_differ_by_statement(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        seen = set()
        for criterion in ("visual", "howls"):
            connection.execute(f"SELECT title MEANS '{criterion}' FROM sightings LIMIT 1")
            seen.add(connection.execute("SHOW rvbbit.last_caller_id").fetchone()[0])
    assert len(seen) == 2 and all(caller.startswith("sql-") for caller in seen)
