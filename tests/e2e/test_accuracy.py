"""``rvbbit.accuracy``: embeddings decide the clear cases of a predicate, the model the rest."""

from __future__ import annotations

import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import Running

CLAIMS = """
CREATE TABLE claims AS
SELECT i AS id, CASE WHEN i % 4 = 0 THEN 'water damage claim ' WHEN i % 40 = 1 THEN 'water bill ' ELSE 'stolen bicycle ' END
       || i AS body
FROM generate_series(0, 1199) AS r(i)
"""
QUERY = "SELECT id FROM claims WHERE body MEANS 'water damage' ORDER BY id"


@pytest.fixture
def claims(embedding_server: Running) -> Running:
    """A server with embeddings, without batches, and 1,200 texts, of which 330 hold one of the words."""
    with embedding_server.connect() as connection:
        connection.execute(CLAIMS)
    return embedding_server


def asked(model: ScriptedModel) -> int:
    return sum("does the text match" in prompt.lower() for prompt in model.prompts)


def truth() -> set[int]:
    return {i for i in range(1200) if i % 4 == 0 or i % 40 == 1}


def test_off_by_default(claims: Running, model: ScriptedModel) -> None:
    with claims.connect() as connection:
        assert {row[0] for row in connection.execute(QUERY)} == truth()
    assert asked(model) == 1200


def test_clear_cases_are_decided(claims: Running, model: ScriptedModel) -> None:
    with claims.connect() as connection:
        connection.execute("SET rvbbit.accuracy = 0.95")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {QUERY}"))
        assert "Method: similarity decides clear cases" in plan and model.requests == 0
        found = {row[0] for row in connection.execute(QUERY)}
        assert len(found ^ truth()) <= 0.05 * 1200
        assert 360 <= asked(model) <= 700
        args = connection.execute(
            "SELECT args FROM rvbbit.latency_events WHERE event_type = 'operator' ORDER BY start_time DESC LIMIT 1"
        ).fetchone()
        assert args is not None and args[0]["proxy"] + asked(model) == 1200
        assert args[0]["sample"] == 360 and args[0]["strong"] == asked(model) - 360


def test_decided_answers_are_not_the_models(claims: Running, model: ScriptedModel) -> None:
    with claims.connect() as connection:
        connection.execute("SET rvbbit.accuracy = 0.95")
        connection.execute(QUERY)
        before = asked(model)
        connection.execute("RESET rvbbit.accuracy")
        assert {row[0] for row in connection.execute(QUERY)} == truth()
    assert asked(model) == 1200 and before < 1200


def test_analyze_tells_who_decided(claims: Running, model: ScriptedModel) -> None:
    with claims.connect() as connection:
        connection.execute("SET rvbbit.accuracy = 0.95")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN ANALYZE {QUERY}"))
    assert f"Decided: {1200 - asked(model)} by the proxy, 360 sampled by the model" in plan


def test_all_are_asked_where_similarity_tells_nothing(claims: Running, model: ScriptedModel) -> None:
    with claims.connect() as connection:
        connection.execute("SET rvbbit.accuracy = 0.99")
        rows = connection.execute("SELECT id FROM claims WHERE body MEANS '7'").fetchall()
    assert {row[0] for row in rows} == {i for i in range(1200) if "7" in str(i)}
    assert asked(model) == 1200


def test_accuracy_is_a_share(claims: Running) -> None:
    with claims.connect() as connection, pytest.raises(Exception, match="invalid value"):
        connection.execute("SET rvbbit.accuracy = 1.5")
