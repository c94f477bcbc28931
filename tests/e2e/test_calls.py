"""How often a model is asked, and what the answers do to rows."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import Running

TWO_THOUSAND = """
CREATE TABLE notes AS
SELECT i AS id, CASE WHEN i % 1200 % 3 = 0 THEN 'good ' ELSE 'bad ' END || i % 1200 AS body, i % 10 AS tenth
FROM generate_series(0, 1999) AS r(i)
"""


def texts_asked(model: ScriptedModel) -> Counter[str]:
    return Counter(prompt.partition("<text>")[2].partition("</text>")[0].strip() for prompt in model.prompts)


def test_filter_asks_each_distinct_text_once(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(TWO_THOUSAND)
        rows = connection.execute("SELECT id FROM notes WHERE body MEANS 'good'").fetchall()
        assert len(rows) == sum(i % 1200 % 3 == 0 for i in range(2000))
        assert model.requests == 1200
        assert set(texts_asked(model).values()) == {1}
        connection.execute("SELECT count(*) FROM notes WHERE NOT body MEANS 'good'")
        assert model.requests == 1200


def test_plain_conditions_come_first(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(TWO_THOUSAND)
        rows = connection.execute("SELECT id FROM notes WHERE body MEANS 'good' AND tenth = 4").fetchall()
        asked = {i % 1200 for i in range(2000) if i % 10 == 4}
        assert model.requests == len(asked)
        assert len(rows) == sum(i % 1200 % 3 == 0 for i in range(2000) if i % 10 == 4)


def test_select_list_waits_for_limit(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(TWO_THOUSAND)
        rows = connection.execute("SELECT id, body MEANS 'good' AS good FROM notes ORDER BY id LIMIT 5").fetchall()
        assert rows == [(i, i % 3 == 0) for i in range(5)]
        assert model.requests == 5


def test_batches_share_prompts(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(TWO_THOUSAND)
        connection.execute("SET rvbbit.batch_size = 20")
        rows = connection.execute("SELECT id FROM notes WHERE body MEANS 'good'").fetchall()
        assert len(rows) == sum(i % 1200 % 3 == 0 for i in range(2000))
        assert model.requests == 60


def test_null_is_null_without_a_call(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        rows = connection.execute(
            "SELECT title, title MEANS 'visual' FROM sightings WHERE title IS NULL"
        ).fetchall()
        assert rows == [(None, None)] * 4
        assert connection.execute("SELECT SUMMARIZE(title) FROM sightings WHERE title IS NULL").fetchall() == [
            (None,)
        ]
        assert model.requests == 0


def test_explain_spends_nothing_and_tells_the_calls(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        plan = "\n".join(
            row[0] for row in connection.execute("EXPLAIN SELECT id FROM sightings WHERE title MEANS 'visual'")
        )
        assert model.requests == 0
        assert "calls=8" in plan and "Inputs: 8 distinct, 0 cached" in plan
        connection.execute("SELECT id FROM sightings WHERE title MEANS 'visual'")
        assert model.requests == 8


def test_limit_stops_early_in_row_order(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(TWO_THOUSAND)
        rows = connection.execute("SELECT id FROM notes WHERE body MEANS 'good' ORDER BY id LIMIT 10").fetchall()
        assert rows == [(3 * i,) for i in range(10)]
        assert 28 <= model.requests < 45
        model.reset()
        rows = connection.execute(
            "SELECT id FROM notes WHERE body MEANS 'bad' ORDER BY id DESC LIMIT 2 OFFSET 1"
        ).fetchall()
        assert rows == [(1997,), (1996,)]
        assert model.requests <= 6
        assert (
            connection.execute("SELECT id FROM notes WHERE body MEANS 'nobody' AND id < 5 LIMIT 3").fetchall()
            == []
        )


def test_limit_stops_early_before_select_list_operators(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(TWO_THOUSAND)
        rows = connection.execute(
            "SELECT CONDENSE(body), id FROM notes WHERE body MEANS 'good' AND id > 2 ORDER BY id LIMIT 2"
        ).fetchall()
        assert rows == [("short: good 3", 3), ("short: good 6", 6)]
        assert sum("say the text" in prompt.lower() for prompt in model.prompts) == 2


def test_explain_analyze_tells_what_happened(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        rows = connection.execute("EXPLAIN ANALYZE SELECT id FROM sightings WHERE title MEANS 'visual'").fetchall()
        plan = "\n".join(row[0] for row in rows)
        assert model.requests == 8
        assert "Inputs: 8 distinct, 0 cached" in plan and "Actual: 8 distinct, 0 cached, 8 runs, 0 failed" in plan
        assert "Actual: 20 rows" in plan
        again = connection.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) SELECT id FROM sightings WHERE title MEANS 'visual'"
        ).fetchone()
        assert again is not None and again[0][0]["Actual"]["Stages"][0]["cached"] == 8
        assert again[0][0]["Actual"]["Rows"] == 20


def test_max_cost_is_checked_before_and_while_running(sightings: Running, model: ScriptedModel) -> None:
    with sightings.connect() as connection:
        connection.execute("SET rvbbit.max_cost = '0.000001'")
        with pytest.raises(psycopg.Error, match="would cost") as before:
            connection.execute("SELECT id FROM sightings WHERE title MEANS 'visual'")
        assert before.value.sqlstate == "53400" and model.requests == 0
        connection.execute("SET rvbbit.max_cost = '0.00002'")
        with pytest.raises(psycopg.Error, match="has spent") as during:
            connection.execute("SELECT id FROM sightings WHERE title MEANS 'visual' LIMIT 3")
        assert during.value.sqlstate == "53400" and 0 < model.requests < 8
        assert connection.execute("SELECT 1").fetchone() == (1,)
