"""Statements that need only some of the rows: how often the model is asked, each input alone, on both upstreams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import MODEL, PRICES, Running

ROWS = """
DROP TABLE IF EXISTS books;
CREATE TABLE books (id int, kind text, title text, blurb text);
INSERT INTO books SELECT i, 'k' || i % 3, CASE WHEN i % 2 = 0 THEN 'red ' ELSE 'blue ' END || i, 'blurb ' || i
FROM generate_series(0, 99) AS r(i);
DROP TABLE IF EXISTS loans;
CREATE TABLE loans (id int, book int, note text);
INSERT INTO loans SELECT i, i % 100, CASE WHEN i % 2 = 0 THEN 'late ' ELSE 'kept ' END || i
FROM generate_series(0, 299) AS r(i)
"""
A = "SELECT title FROM books WHERE title MEANS 'red'"
B = "SELECT blurb FROM books WHERE blurb MEANS 'blurb'"


@pytest.fixture(params=["duckdb", "postgres"])
def library(request: pytest.FixtureRequest, serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """A server on either upstream, without batches: 100 books, every second one red; three loans of each."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    server = serve(model=MODEL, prices=PRICES, batch_size=1, meta=0, upstream=url)
    with server.connect() as connection:
        for statement in ROWS.split(";"):
            connection.execute(statement)
    return server


def ask(server: Running, model: ScriptedModel, sql: str) -> tuple[list[tuple[Any, ...]], int]:
    """Return the rows, and how many requests they took where nothing is known."""
    model.reset()
    with server.connect() as connection:
        connection.execute("SET rvbbit.cache = off")
        return connection.execute(sql).fetchall(), model.requests


def test_union_stops_at_its_limit(library: Running, model: ScriptedModel) -> None:
    reds = [("red 0",), ("red 2",), ("red 4",), ("red 6",)]
    assert ask(library, model, f"{A} UNION ALL {B} LIMIT 4") == (reds, 8)
    assert ask(library, model, f"SELECT * FROM ({A} UNION ALL {B}) AS t LIMIT 4") == (reds, 8)
    assert ask(library, model, f"SELECT kind FROM books UNION ALL {A} LIMIT 4")[1] == 0
    rows, asked = ask(library, model, f"{A} AND id < 4 UNION ALL {B} LIMIT 4")
    assert rows == [("red 0",), ("red 2",), ("blurb 0",), ("blurb 1",)] and asked == 4 + 2
    rows, asked = ask(library, model, f"{A} UNION ALL {B} ORDER BY title DESC LIMIT 2")
    assert rows == [("red 98",), ("red 96",)] and asked <= 10


def test_different_rows_stop_at_their_limit(library: Running, model: ScriptedModel) -> None:
    rows, asked = ask(library, model, A.replace("SELECT", "SELECT DISTINCT") + " LIMIT 4")
    assert len(set(rows)) == 4 and asked <= 30
    rows, asked = ask(library, model, f"{A} UNION {B} LIMIT 4")
    assert len(set(rows)) == 4 and asked <= 30


def test_one_row_of_each_kind_is_enough(library: Running, model: ScriptedModel) -> None:
    rows, asked = ask(library, model, "SELECT DISTINCT kind FROM books WHERE title MEANS 'red' ORDER BY kind")
    assert rows == [("k0",), ("k1",), ("k2",)] and asked <= 30
    rows, asked = ask(
        library, model, "SELECT kind AS k FROM books WHERE title MEANS 'red' GROUP BY k ORDER BY 1 LIMIT 9"
    )
    assert rows == [("k0",), ("k1",), ("k2",)] and asked <= 30
    rows, asked = ask(library, model, "SELECT DISTINCT kind FROM books WHERE title MEANS 'green'")
    assert rows == [] and asked == 100


@pytest.mark.parametrize(
    "sql", ["SELECT EXISTS ({})", "SELECT 1 WHERE EXISTS ({})", "SELECT 1 WHERE NOT EXISTS ({})"]
)
def test_exists_asks_one(library: Running, model: ScriptedModel, sql: str) -> None:
    assert ask(library, model, sql.format(A))[1] == 1


LATE = "SELECT 1 FROM loans WHERE loans.book = books.id AND note MEANS 'late'"


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (f"SELECT id FROM books WHERE id < 9 AND EXISTS ({LATE}) ORDER BY id", [0, 2, 4, 6, 8]),
        (f"SELECT id FROM books WHERE id < 9 AND NOT EXISTS ({LATE}) ORDER BY id", [1, 3, 5, 7]),
        (f"SELECT sum(CASE WHEN EXISTS ({LATE}) THEN 1 END) FROM books WHERE id < 9", [5]),
        (
            "SELECT id FROM books WHERE id < 9 AND id IN (SELECT book FROM loans WHERE note MEANS 'late') ORDER BY 1",
            [0, 2, 4, 6, 8],
        ),
        (
            "SELECT id FROM books WHERE id = ANY (SELECT book FROM loans WHERE note MEANS 'late') AND id < 9 ORDER BY 1",
            [0, 2, 4, 6, 8],
        ),
        (
            "SELECT count(*) FROM books b WHERE b.id < 9 AND "
            "(SELECT count(*) FROM loans l WHERE l.book = b.id AND l.note MEANS 'late') = 3",
            [5],
        ),
    ],
)
def test_only_what_belongs_to_a_row_around_is_asked(
    library: Running, model: ScriptedModel, sql: str, found: list[int]
) -> None:
    """Nine books have 27 loans; where one of a book's is enough, the late ones of five need no second."""
    rows, asked = ask(library, model, sql)
    assert [row[0] for row in rows] == found
    assert asked <= (27 if "count(" in sql else 9 + 2 * 4 + 4)


def test_a_list_stops_at_the_limit_around(library: Running, model: ScriptedModel) -> None:
    rows, asked = ask(
        library, model, "SELECT id FROM books WHERE id IN (SELECT book FROM loans WHERE note MEANS 'late') LIMIT 3"
    )
    assert len(rows) == 3 and all(row[0] % 2 == 0 for row in rows) and asked <= 20


def test_a_join_makes_the_pairs_it_needs(library: Running, model: ScriptedModel) -> None:
    """Of 30,000 x 30,000 pairs, which would not be made in the time."""
    with library.connect() as connection:
        for name in ("lefts", "rights"):
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            connection.execute(
                f"CREATE TABLE {name} AS SELECT i AS id, 'w' || i % 3 AS word FROM generate_series(0, 29999) AS r(i)"
            )
        connection.execute("SET statement_timeout = '60s'")
        sql = (
            "SELECT l.id, r.word FROM lefts l SEMANTIC JOIN rights r ON l.word MEANS r.word WHERE l.id > 2 LIMIT 4"
        )
        rows = connection.execute(sql).fetchall()
    assert len(rows) == 4 and {(i % 3, word) for i, word in rows} == {(i % 3, f"w{i % 3}") for i, _ in rows}
    assert model.requests <= 9
