"""INSERT … VALUES, MERGE and grouping sets with operators: what they give, and how often the model is asked."""

from __future__ import annotations

import psycopg
import pytest
from scripted_model import Fault, ScriptedModel

from tests.e2e.conftest import Running

ROWS = """
CREATE TABLE stock (id int, body text);
INSERT INTO stock SELECT i, 'red ' || i FROM generate_series(0, 4) AS r(i);
CREATE TABLE news (id int, body text, kind text);
INSERT INTO news SELECT i, CASE WHEN i % 2 = 0 THEN 'red ' ELSE 'blue ' END || i, 'k' || i % 3
FROM generate_series(3, 9) AS r(i)
"""


@pytest.fixture
def shop(server: Running) -> Running:
    """Five things in stock, news of seven, of which two are in stock."""
    with server.connect() as connection:
        for statement in ROWS.split(";"):
            connection.execute(statement)
    return server


def test_values_hold_operators(shop: Running, model: ScriptedModel) -> None:
    with shop.connect() as connection:
        made = connection.execute(
            "INSERT INTO stock VALUES (10, CONDENSE('a' || 'b')), (11, %s) RETURNING id", ["c"]
        )
        assert made.fetchall() == [(10,), (11,)]
        row = connection.execute("VALUES (CONDENSE('ab'))").fetchone()
        assert row == connection.execute("SELECT body FROM stock WHERE id = 10").fetchone()
    assert model.requests == 1


def test_merge_asks_about_partners_and_those_without(shop: Running, model: ScriptedModel) -> None:
    sql = (
        "MERGE INTO stock USING news ON stock.id = news.id WHEN MATCHED AND news.body MEANS 'blue' THEN DELETE "
        "WHEN NOT MATCHED AND news.id < 8 AND news.body MEANS 'red' THEN INSERT (id, body) VALUES (news.id, news.body)"
    )
    with shop.connect() as connection:
        assert connection.execute(sql).statusmessage == "MERGE 2"
        rows = connection.execute("SELECT id FROM stock ORDER BY id").fetchall()
    assert [row[0] for row in rows] == [0, 1, 2, 4, 6]
    assert model.requests == 2 + 3


def test_grouping_sets_ask_each_text_once(shop: Running, model: ScriptedModel) -> None:
    sql = "SELECT body MEANS 'red' AS red, kind, count(*) FROM news GROUP BY CUBE (body MEANS 'red', kind) ORDER BY 1, 2"
    with shop.connect() as connection:
        rows = connection.execute(sql).fetchall()
        assert [row for row in rows if row[1] is None] == [(False, None, 4), (True, None, 3), (None, None, 7)]
        assert [row for row in rows if row[0] is None] == [
            (None, "k0", 3),
            (None, "k1", 2),
            (None, "k2", 2),
            (None, None, 7),
        ]
        assert model.requests == 7


def test_returned_rows_are_written_once_or_not_at_all(shop: Running, model: ScriptedModel) -> None:
    sql = (
        "UPDATE stock SET body = 'blue ' || id WHERE id < 3 RETURNING id, body MEANS 'blue', CONDENSE('no ' || id)"
    )
    with shop.connect() as connection:
        result = connection.execute(sql)
        assert result.statusmessage == "UPDATE 3"
        assert result.fetchall() == [(i, True, f"short: no {i}") for i in range(3)]
        assert model.requests == 6
        model.fail(*[Fault("status", 401, "no such key")] * 9)
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("DELETE FROM stock RETURNING CONDENSE(body || '!')")
        assert caught.value.sqlstate == "58000"
        assert connection.execute("SELECT count(*) FROM stock").fetchone() == (5,)
        with pytest.raises(psycopg.Error), connection.transaction():
            connection.execute("INSERT INTO stock VALUES (9, 'x') RETURNING CONDENSE(body)")
        assert connection.execute("SELECT count(*) FROM stock").fetchone() == (5,)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="RETURNING"):
            connection.execute(
                "INSERT INTO stock VALUES (9, 'x') RETURNING (SELECT max(CONDENSE(body)) FROM news)"
            )


def test_merge_returns_what_it_describes(shop: Running) -> None:
    sql = (
        "MERGE INTO stock USING news ON stock.id = news.id "
        "WHEN MATCHED AND news.body MEANS 'blue' THEN DELETE RETURNING *, id"
    )
    with shop.connect() as connection:
        result = connection.execute(sql, prepare=True)
        assert [column.name for column in result.description or ()] == ["id", "body", "id"]
        assert result.fetchall() == [(3, "red 3", 3)]
