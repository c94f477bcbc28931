"""What EXPLAIN foretells against what EXPLAIN ANALYZE then counts: calls and inputs inside the range, dollars too."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import EMBEDDINGS, MODEL, PRICES, Running

TABLES = """
CREATE TABLE notes AS SELECT i AS id, i % 7 AS g, 'w' || i % 60 || '. of lot ' || i AS body
FROM generate_series(0, 399) AS r(i);
CREATE TABLE goods AS SELECT i AS id, i % 7 AS g, 'w' || i % 60 || '. number ' || i AS body
FROM generate_series(0, 119) AS r(i);
CREATE TABLE kinds AS SELECT i AS id, i % 7 AS g, 'w' || i || '.' AS name FROM generate_series(0, 59) AS r(i)
"""
STATEMENTS = [
    "SELECT id FROM notes WHERE body MEANS 'w3.'",
    "SELECT id FROM notes WHERE body MEANS 'w3.' AND g = 2",
    "SELECT id FROM notes WHERE body MEANS 'w3.' LIMIT 5",
    "SELECT id FROM notes WHERE body MEANS 'nothing' LIMIT 5",
    "SELECT id FROM notes WHERE body MEANS 'w3.' AND body MEANS 'lot'",
    "SELECT id FROM notes WHERE body MEANS 'w3.' OR body MEANS 'w4.'",
    "SELECT id, CONDENSE(body) FROM notes WHERE body MEANS 'w3.'",
    "SELECT id, CONDENSE(body) FROM notes ORDER BY id LIMIT 7",
    "SELECT CASE WHEN g = 1 THEN SENTIMENT(body) END FROM notes",
    "SELECT id, body MEANS 'w1.', body MEANS 'w2.' FROM notes WHERE g < 3",
    "SELECT g, SUMMARIZE(body) FROM notes GROUP BY g",
    "SELECT g, avg(SENTIMENT(body)) FROM notes GROUP BY g HAVING avg(SENTIMENT(body)) < 0",
    "SELECT id FROM notes ORDER BY body RELEVANCE TO 'w3.' DESC LIMIT 3",
    "SELECT id FROM notes WHERE body ABOUT 'w3.' > 0.5",
    "SELECT a.id, b.id FROM goods a JOIN kinds b ON a.body MEANS b.name",
    "SELECT a.id, b.id FROM goods a JOIN kinds b ON a.g = b.g AND a.body MEANS b.name",
    "SELECT a.id, b.id FROM goods a JOIN kinds b ON a.body MEANS b.name LIMIT 3",
    "SELECT a.id, b.id FROM goods a LEFT JOIN kinds b ON a.body MEANS b.name",
]


@pytest.fixture
def stocked(serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """A server with embeddings and three tables, that has asked once: then the model's way of counting is known."""
    server = serve(model=MODEL, embed_model=EMBEDDINGS, prices=PRICES, batch_size=50, meta=0)
    with server.connect() as connection:
        connection.execute(TABLES)
        connection.execute("SELECT 'a warm day' MEANS 'warm'")
    return server


@pytest.mark.parametrize("join", ["auto", "blocked"])
def test_what_is_asked_is_in_the_range(stocked: Running, model: ScriptedModel, join: str) -> None:
    with stocked.connect() as connection:
        connection.execute("SET rvbbit.cache = off")
        connection.execute(f"SET rvbbit.join = {join}")
        outside = {}
        for sql in STATEMENTS:
            connection.execute(sql).fetchall()  # then past calls tell how long answers are
            before = sum("chat" in request.path for request in model.seen)
            (plan,) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").fetchone() or ()
            calls = sum("chat" in request.path for request in model.seen) - before
            stages, actual = plan[0]["Stages"], plan[0]["Actual"]
            least, most = (sum(stage[f"calls_{end}"] for stage in stages) for end in ("low", "high"))
            cheapest, dearest = (
                sum(Decimal(stage[f"cost_{end}_usd"]) for stage in stages) for end in ("low", "high")
            )
            inputs = [stage["inputs"] for stage in stages], [stage["inputs"] for stage in actual["Stages"]]
            if not (least <= calls <= most and cheapest <= Decimal(actual["Cost"]) <= dearest):
                outside[sql] = f"{least} {calls} {most} {cheapest} {actual['Cost']} {dearest}"
            assert join == "blocked" or all(now <= then for then, now in zip(*inputs, strict=True)), sql
    assert outside == {}
