"""Operators in the ON of outer joins: the rows, and that only pairs are judged which nothing cheaper decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import MODEL, PRICES, Running

ROWS = """
CREATE TABLE notes (id int, area int, body text);
INSERT INTO notes SELECT i, i % 3, 'w' || i % 4 || '. of lot ' || i FROM generate_series(0, 11) AS r(i);
CREATE TABLE words (area int, name text, tone text);
INSERT INTO words SELECT i % 3, 'w' || i || '.', CASE WHEN i < 2 THEN 'dull ' ELSE 'bright ' END || i
FROM generate_series(0, 4) AS r(i)
"""
NOTES = [(i, i % 3, i % 4) for i in range(12)]
WORDS = [(i % 3, i) for i in range(5)]
MATCHED = [(i, k) for i, area, word in NOTES for at, k in WORDS if area == at and word == k]
"""Note and word: of one area, and the note has the word."""


@pytest.fixture(params=["duckdb", "postgres"])
def desk(request: pytest.FixtureRequest, serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """A server on either upstream, without batches, with 12 notes and 5 words in 3 areas: 20 pairs share one."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    server = serve(model=MODEL, prices=PRICES, batch_size=1, meta=0, upstream=url)
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS notes, words")
        for statement in ROWS.split(";"):
            connection.execute(statement)
    return server


def run(desk: Running, sql: str) -> list[tuple[Any, ...]]:
    with desk.connect() as connection:
        return sorted(connection.execute(sql).fetchall(), key=str)


def outer(matched: list[tuple[int, int]], *, left: bool, right: bool) -> list[tuple[Any, ...]]:
    """Return the pairs with the rows that have no partner."""
    lonely: list[tuple[Any, ...]] = [
        (i, None) for i, _, _ in NOTES if left and i not in {one for one, _ in matched}
    ]
    lonely += [(None, f"w{k}.") for _, k in WORDS if right and k not in {other for _, other in matched}]
    return sorted([*((i, f"w{k}.") for i, k in matched), *lonely], key=str)


@pytest.mark.parametrize("side", ["LEFT", "RIGHT", "FULL"])
@pytest.mark.parametrize("condition", ["n.body MEANS w.name", "body ABOUT name", "n.body ABOUT w.name > 0.7"])
def test_an_equality_restricts_the_pairs(desk: Running, model: ScriptedModel, side: str, condition: str) -> None:
    if side == "FULL" and desk.app.settings.upstream:
        pytest.skip("PostgreSQL takes only conditions that it can merge or hash")
    sql = f"SELECT n.id, w.name FROM notes n {side} JOIN words w ON {condition} AND n.area = w.area"
    assert run(desk, sql) == outer(MATCHED, left=side != "RIGHT", right=side != "LEFT")
    assert model.requests == 20


def test_where_restricts_the_pairs_of_the_rows_that_are_kept(desk: Running, model: ScriptedModel) -> None:
    sql = "SELECT n.id, w.name FROM notes n LEFT JOIN words w ON n.body MEANS w.name WHERE id < 2"
    assert run(desk, sql) == [(0, "w0."), (1, "w1.")]
    assert model.requests == 2 * 5
    model.reset()
    sql = "SELECT w.name, n.id FROM notes n RIGHT JOIN words w ON n.body ABOUT w.name WHERE name >= 'w3.'"
    assert run(desk, sql) == [("w3.", 11), ("w3.", 3), ("w3.", 7), ("w4.", None)]
    assert model.requests == 2 * 12


def test_conditions_of_one_side_come_before_those_of_pairs(desk: Running, model: ScriptedModel) -> None:
    on = "n.body MEANS w.name AND w.tone MEANS 'dull'"
    matched = [(i, word) for i, _, word in NOTES if word < 2]
    sql = f"SELECT n.id, w.name FROM notes n LEFT JOIN words w ON {on}"
    assert run(desk, sql) == outer(matched, left=True, right=False)
    assert model.requests == 5 + 12 * 2
    model.reset()
    sql = f"SELECT n.id, w.name FROM notes n, words w WHERE {on.replace('dull', 'bright')}"
    assert run(desk, sql) == [
        (i, f"w{word}.") for i, _, word in sorted(NOTES, key=lambda n: str(n[0])) if word >= 2
    ]
    assert model.requests == 5 + 12 * 3


def test_either_of_two(desk: Running, model: ScriptedModel) -> None:
    sql = "SELECT n.id, w.name FROM notes n LEFT JOIN words w ON (n.area = w.area OR n.body MEANS w.name) AND n.id < 4"
    matched = [(i, k) for i, area, word in NOTES for at, k in WORDS if (area == at or word == k) and i < 4]
    assert run(desk, sql) == outer(matched, left=True, right=False)
    assert model.requests == 4 * 5 - sum(area == at for i, area, _ in NOTES if i < 4 for at, _ in WORDS)
