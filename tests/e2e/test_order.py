"""Several conditions of one WHERE: how often the model is asked, whatever the order they are written in."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_model import ScriptedModel

from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Settings
from tests.e2e.conftest import MODEL, PRICES, Running

LETTERS = """
CREATE TABLE letters AS
SELECT i AS id, CASE WHEN i % 20 = 0 THEN 'dull ' ELSE 'common ' END || {tag} || i AS body,
       CASE WHEN i % 40 = 7 THEN 'rare ' ELSE 'plain ' END || {tag} || i AS note
FROM generate_series(0, 399) AS r(i)
"""
BOTH = ("body MEANS 'common' AND note MEANS 'rare'", "note MEANS 'rare' AND body MEANS 'common'")
RARE = [i for i in range(400) if i % 40 == 7]


@pytest.mark.parametrize("conditions", BOTH)
def test_what_removes_more_comes_first(conditions: str, server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(LETTERS.format(tag="''"))
        rows = connection.execute(f"SELECT id FROM letters WHERE {conditions} ORDER BY id").fetchall()
    assert [row[0] for row in rows] == RARE
    assert 400 <= model.requests < 400 + 2 * 40 + len(RARE)


def test_ledger_remembers_what_removes_more(tmp_path: Path, model: ScriptedModel) -> None:
    settings = Settings(home=tmp_path, port=0, model=MODEL, prices=PRICES, batch_size=1, meta=0)
    with App.open(settings) as app, Running(app, *app.start_server()).connect() as connection:
        connection.execute(LETTERS.format(tag="'old '"))
        connection.execute("SELECT count(*) FROM letters WHERE body MEANS 'common'")
        connection.execute("SELECT count(*) FROM letters WHERE note MEANS 'rare'")
    model.reset()
    with App.open(settings) as app, Running(app, *app.start_server()).connect() as connection:
        connection.execute(LETTERS.format(tag="'new '"))
        rows = connection.execute(f"SELECT id FROM letters WHERE {BOTH[0]} ORDER BY id").fetchall()
    assert [row[0] for row in rows] == RARE
    assert model.requests == 400 + len(RARE)


def test_known_answers_come_first(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(LETTERS.format(tag="''"))
        connection.execute("SELECT count(*) FROM letters WHERE body MEANS 'dull'")
        model.reset()
        rows = connection.execute(
            "SELECT id FROM letters WHERE note MEANS 'plain' AND body MEANS 'dull' ORDER BY id"
        ).fetchall()
    assert [row[0] for row in rows] == list(range(0, 400, 20))
    assert model.requests <= 20 + 40


def test_few_rows_take_no_sample(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(LETTERS.format(tag="''"))
        condition = "note MEANS 'rare' AND body MEANS 'common' AND id < 50"
        rows = connection.execute(f"SELECT id FROM letters WHERE {condition} ORDER BY id").fetchall()
    assert rows == [(7,), (47,)]
    assert model.requests in (50 + 2, 50 + 47)


@pytest.mark.parametrize(
    "operands", ["body MEANS 'common' OR note MEANS 'rare'", "note MEANS 'rare' OR body MEANS 'common'"]
)
def test_what_decides_more_of_an_or_comes_first(operands: str, server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(LETTERS.format(tag="''"))
        rows = connection.execute(f"SELECT id FROM letters WHERE {operands} OR id = 20 ORDER BY id").fetchall()
    assert [row[0] for row in rows] == [i for i in range(400) if i % 20 or i == 20]
    assert 400 <= model.requests < 400 + 2 * 40 + 20


def test_or_asks_the_second_only_where_the_first_fails(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(LETTERS.format(tag="''"))
        connection.execute(
            "SELECT count(*) FROM letters WHERE id < 100 AND (body MEANS 'common' OR note MEANS 'rare')"
        )
        assert 100 + 5 <= model.requests <= 100 + 40 + 5
        model.reset()
        connection.execute(
            "SELECT count(CASE WHEN body MEANS 'dull' THEN 1 WHEN note MEANS 'plain' THEN 2 ELSE 3 END) FROM letters"
        )
        assert model.requests == 400 + 380
        connection.execute("SELECT count(*) FROM letters WHERE body MEANS 'common'")
        model.reset()
        connection.execute("SELECT count(*) FROM letters WHERE NOT (body MEANS 'common' AND note MEANS 'plainer')")
        assert model.requests == 380
        model.reset()
        connection.execute("SELECT count(coalesce(nullif(CONDENSE(body), ''), CONDENSE(note))) FROM letters")
        assert model.requests == 400


def test_waves_learn_the_order(server: Running, model: ScriptedModel) -> None:
    with server.connect() as connection:
        connection.execute(LETTERS.format(tag="''"))
        rows = connection.execute(f"SELECT id FROM letters WHERE {BOTH[0]} ORDER BY id LIMIT 5").fetchall()
    assert [row[0] for row in rows] == RARE[:5]
    assert model.requests < 300
