"""``rvbbit.proxy_model``: a small model's log-probabilities decide the clear cases of a predicate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
import pytest
from scripted_model import Rule, ScriptedModel
from scripted_model.rules import content_of

from tests.e2e.conftest import MODEL, PRICES, Running

SMALL = "openai/small"
CLAIMS = """
CREATE TABLE claims AS
SELECT i AS id, CASE WHEN i % 4 = 0 THEN 'water damage claim ' ELSE 'stolen bicycle ' END || i AS body
FROM generate_series(0, 259) AS r(i)
"""
QUERY = "SELECT id FROM claims WHERE body MEANS 'water' ORDER BY id"
TRUTH = set(range(0, 260, 4))


def number(messages: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of the claim in the prompt."""
    found = re.findall(r"(?:claim|bicycle) (\d+)", content_of(messages[-1]))
    return int(found[-1])


def fairly_sure(messages: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
    """Return the small model's belief: right where it is sure, and unsure about every tenth claim."""
    claim = number(messages)
    if claim % 10 == 3:
        return {"true": 0.5, "false": 0.5}
    true = 0.97 if claim % 4 == 0 else 0.02
    return {"True": true, " false": 1 - true}


@pytest.fixture
def claims(serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """A server with both models, priced, without batches, and 260 claims, of which 65 are about water."""
    model.rules.insert(0, Rule("does the text match", "true", model="small", first_token=fairly_sure))
    server = serve(model=MODEL, prices={**PRICES, SMALL: PRICES[MODEL]}, batch_size=1, meta=0)
    with server.connect() as connection:
        connection.execute(CLAIMS)
    return server


@pytest.fixture
def connection(claims: Running) -> psycopg.Connection[Any]:
    opened = claims.connect()
    opened.execute("SET rvbbit.accuracy = 0.9")
    opened.execute(f"SET rvbbit.proxy_model = '{SMALL}'")
    return opened


def test_the_strong_model_judges_what_is_not_clear(
    connection: psycopg.Connection[Any], model: ScriptedModel
) -> None:
    with connection:
        found = {row[0] for row in connection.execute(QUERY)}
        assert found == TRUTH
        strong = model.requests_by_model["scripted"]
        assert model.requests_by_model["small"] == 260 and strong < 200
        args = connection.execute(
            "SELECT args FROM rvbbit.latency_events WHERE event_type = 'operator' ORDER BY start_time DESC LIMIT 1"
        ).fetchone()
        assert args is not None and args[0]["proxy_model"] == SMALL
        assert args[0]["proxy"] + strong == 260 and args[0]["sample"] + args[0]["strong"] == strong


def test_its_calls_are_on_the_ledger_with_their_caller(
    connection: psycopg.Connection[Any], model: ScriptedModel
) -> None:
    with connection:
        connection.execute("SET rvbbit.caller_id = 'nightly'")
        connection.execute(QUERY)
        rows = connection.execute(
            "SELECT model_requested, count(*), count(total_cost) FROM rvbbit.llm_interactions"
            " WHERE caller_id = 'nightly' GROUP BY ALL ORDER BY 1 DESC"
        ).fetchall()
        assert rows[0] == (SMALL, 260, 260) and rows[1][0] == MODEL
        bill = connection.execute("SELECT sum(cost) FROM rvbbit.all_data WHERE caller_id = 'nightly'").fetchone()
        paid = connection.execute("SELECT sum(total_cost) FROM rvbbit.llm_interactions").fetchone()
        assert bill == paid


def test_scores_are_kept(connection: psycopg.Connection[Any], model: ScriptedModel) -> None:
    with connection:
        connection.execute(QUERY)
        connection.execute(QUERY)
    assert model.requests_by_model["small"] == 260


def test_explain_tells_who_decides(connection: psycopg.Connection[Any], model: ScriptedModel) -> None:
    with connection:
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {QUERY}"))
        assert f"Method: {SMALL} decides clear cases, at 0.9 on a sample of" in plan
        assert "calls=520" in plan and model.requests == 0
        analyzed = "\n".join(row[0] for row in connection.execute(f"EXPLAIN ANALYZE {QUERY}"))
        assert f"Decided: {260 - model.requests_by_model['scripted']} by the proxy" in analyzed


def test_a_small_model_that_does_not_know_decides_nothing(
    connection: psycopg.Connection[Any], model: ScriptedModel
) -> None:
    model.rules[0] = Rule(
        "does the text match", "true", model="small", first_token=lambda _: {"Well": 0.9, "I": 0.1}
    )
    with connection:
        assert {row[0] for row in connection.execute(QUERY)} == TRUTH
    assert model.requests_by_model["scripted"] == 260


def test_without_log_probabilities_its_answer_tells(
    connection: psycopg.Connection[Any], model: ScriptedModel
) -> None:
    model.rules[0] = Rule(
        "does the text match", lambda messages: "true" if number(messages) % 4 == 0 else "false", model="small"
    )
    with connection:
        assert {row[0] for row in connection.execute(QUERY)} == TRUTH
    assert model.requests_by_model["scripted"] < 200


def test_accuracy_off_asks_the_strong_model_only(claims: Running, model: ScriptedModel) -> None:
    with claims.connect() as opened:
        opened.execute(f"SET rvbbit.proxy_model = '{SMALL}'")
        assert {row[0] for row in opened.execute(QUERY)} == TRUTH
    assert model.requests_by_model == {"scripted": 260}
