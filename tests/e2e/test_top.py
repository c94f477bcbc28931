"""``ORDER BY x ABOUT 'y' DESC LIMIT k``: how often the model is asked, and that the greatest come first."""

from __future__ import annotations

import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import Running

REPORTS = """
CREATE TABLE reports AS
SELECT i AS id, CASE WHEN i % 50 = 3 THEN 'river flood ' WHEN i % 10 = 1 THEN 'river ' ELSE 'quiet street ' END
       || 'report ' || i AS body
FROM generate_series(0, 999) AS r(i)
"""
TOP = "SELECT id, body ABOUT 'river flood' AS score FROM reports ORDER BY score DESC, id LIMIT 5"
FIRST = [(i, 1.0) for i in (3, 53, 103, 153, 203)]


@pytest.fixture
def reports(embedding_server: Running) -> Running:
    """A server with embeddings, without batches, and a table of 1,000 texts, 20 of them about both words."""
    with embedding_server.connect() as connection:
        connection.execute(REPORTS)
    return embedding_server


def asked(model: ScriptedModel) -> int:
    return sum("how relevant" in prompt.lower() for prompt in model.prompts)


def test_shortlist_scores_few(reports: Running, model: ScriptedModel) -> None:
    with reports.connect() as connection:
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {TOP}"))
        assert "Method: top 5, of the 50 most similar by embeddings" in plan and model.requests == 0
        assert connection.execute(TOP).fetchall() == FIRST
    assert asked(model) <= 50 + 25


def test_exhaustive_on_request(reports: Running, model: ScriptedModel) -> None:
    with reports.connect() as connection:
        connection.execute("SET rvbbit.top_k = exhaustive")
        assert connection.execute(TOP).fetchall() == FIRST
    assert asked(model) == 1000


def test_few_prompts_are_asked_anyway(reports: Running, model: ScriptedModel) -> None:
    with reports.connect() as connection:
        connection.execute("SET rvbbit.batch_size = 500")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {TOP}"))
        assert "Method: top 5, every input scored" in plan
        assert connection.execute(TOP).fetchall() == FIRST


def test_waves_go_on_while_more_get_in(reports: Running, model: ScriptedModel) -> None:
    with reports.connect() as connection:
        rows = connection.execute(
            "SELECT id FROM reports ORDER BY body ABOUT 'report river' DESC, id LIMIT 15"
        ).fetchall()
    assert [row[0] for row in rows] == [i for i in range(1000) if i % 50 == 3 or i % 10 == 1][:15]


def test_nulls_stand_where_postgres_puts_them(reports: Running) -> None:
    with reports.connect() as connection:
        connection.execute("INSERT INTO reports VALUES (-1, NULL)")
        assert connection.execute(TOP).fetchall() == [(-1, None), *FIRST[:4]]
        assert connection.execute(TOP.replace("DESC", "DESC NULLS LAST")).fetchall() == FIRST


def test_items_wait_for_the_limit(reports: Running, model: ScriptedModel) -> None:
    with reports.connect() as connection:
        rows = connection.execute(
            "SELECT CONDENSE(body) FROM reports ORDER BY body ABOUT 'river flood' DESC, id LIMIT 2"
        ).fetchall()
    assert rows == [("short: river flood report 3",), ("short: river flood report 5",)]
    assert sum("say the text" in prompt.lower() for prompt in model.prompts) == 2
