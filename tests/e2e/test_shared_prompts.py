"""Operators over the same texts share prompts, and each keeps its own answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from scripted_model import Fault, ScriptedModel
from scripted_model.rules import Message, content_of

from tests.e2e.conftest import MODEL, PRICES, Running

TABLE = """
CREATE TABLE letters (id int, body text);
INSERT INTO letters VALUES (1, 'Ann: late'), (2, 'Bob: broken'), (3, 'Cyd: late'), (4, NULL), (5, 'Ann: late')
"""
FIELDS = "SELECT id, CLASSIFY(body, 'late, broken'), body EXTRACTS 'name', body EXTRACTS 'word' FROM letters ORDER BY id"
ROWS = [
    (1, "late", "Ann", "late"),
    (2, "broken", "Bob", "broken"),
    (3, "late", "Cyd", "late"),
    (4, None, None, None),
    (5, "late", "Ann", "late"),
]


@pytest.fixture
def batched(serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """A server with batches, whose model reads the letters."""
    server = serve(model=MODEL, prices=PRICES, meta=0)
    with server.connect() as connection:
        connection.execute(TABLE)
    return server


def lines(messages: Sequence[Message]) -> list[tuple[str, str, str]]:
    """Return what stands in the prompt: number, name, word."""
    return re.findall(r"^(\d+)\. (\w+): (\w+)$", content_of(messages[-1]), re.MULTILINE)


def read_fields(messages: Sequence[Message]) -> str:
    return "\n".join(f"{number}: {json.dumps([word, name, word])}" for number, name, word in lines(messages))


def rows(server: Running, sql: str) -> list[tuple[Any, ...]]:
    with server.connect() as connection:
        return connection.execute(sql).fetchall()


def test_three_questions_in_one_prompt(batched: Running, model: ScriptedModel) -> None:
    model.on("wanted fields", read_fields)
    assert rows(batched, FIELDS) == ROWS
    assert model.requests == 1
    assert "\nFields: label that fits best: late, broken; name; word\n1. " in model.prompts[0]
    assert rows(batched, "SELECT body EXTRACTS 'name' FROM letters WHERE id = 2") == [("Bob",)]
    assert rows(batched, FIELDS) == ROWS
    assert model.requests == 1


def test_only_what_is_unknown_is_asked(batched: Running, model: ScriptedModel) -> None:
    model.on("which label fits each text", lambda messages: "1: late\n2: late")
    model.on(
        "wanted fields", lambda messages: "\n".join(f'{n}: ["{name}", "{w}"]' for n, name, w in lines(messages))
    )
    rows(batched, "SELECT CLASSIFY(body, 'late, broken') FROM letters WHERE id <> 2")
    rows(batched, FIELDS.replace("ORDER BY", "WHERE id <> 2 ORDER BY"))
    assert [prompt.splitlines()[1] for prompt in model.prompts] == ["Labels: late, broken", "Fields: name; word"]


def test_a_field_that_is_no_answer_is_asked_alone(batched: Running, model: ScriptedModel) -> None:
    model.on("wanted fields", lambda messages: read_fields(messages).replace('["broken"', '["smashed"'))
    model.on("which label fits the text", "broken")
    assert rows(batched, FIELDS) == ROWS
    assert model.requests == 2


def test_a_broken_prompt_leaves_each_to_itself(batched: Running, model: ScriptedModel) -> None:
    model.on("wanted fields", "I would rather not.")
    model.on("which label fits each", lambda m: "\n".join(f"{n}: {word}" for n, _, word in lines(m)))
    model.on("Wanted: name", lambda m: "\n".join(f"{n}: {name}" for n, name, _ in lines(m)))
    model.on("Wanted: word", lambda m: "\n".join(f"{n}: {word}" for n, _, word in lines(m)))
    assert rows(batched, FIELDS) == ROWS
    assert model.requests == 2 + 3


def test_a_refused_prompt_leaves_each_to_itself(batched: Running, model: ScriptedModel) -> None:
    model.on("wanted fields", read_fields, fault=Fault("status", 400, "context_length_exceeded"))
    model.on("which label fits each", lambda m: "\n".join(f"{n}: {word}" for n, _, word in lines(m)))
    model.on("Wanted: name", lambda m: "\n".join(f"{n}: {name}" for n, name, _ in lines(m)))
    model.on("Wanted: word", lambda m: "\n".join(f"{n}: {word}" for n, _, word in lines(m)))
    assert rows(batched, FIELDS) == ROWS
    assert model.requests == 1 + 3
    failed = "SELECT error_type FROM rvbbit.llm_interactions WHERE NOT success"
    assert len(rows(batched, failed)) == 1


def test_a_refused_block_leaves_each_to_itself(batched: Running, model: ScriptedModel) -> None:
    model.fail(Fault("status", 413, "too long"))
    found = rows(batched, "SELECT id, body MEANS 'late', body MEANS 'Bob' FROM letters WHERE id < 4 ORDER BY id")
    assert found == [(1, True, False), (2, False, True), (3, True, False)]
    assert model.requests == 1 + 2


def test_a_model_that_is_away_is_told_once(batched: Running, model: ScriptedModel) -> None:
    model.on("wanted fields", read_fields, fault=Fault("status", 401, "no such key"))
    with pytest.raises(psycopg.Error) as caught:
        rows(batched, FIELDS)
    assert caught.value.sqlstate == "58000"
    assert model.requests == 1


def test_a_spent_budget_ends_the_statement(batched: Running, model: ScriptedModel) -> None:
    model.on("wanted fields", read_fields)
    with batched.connect() as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("SET rvbbit.max_cost = 0.0000001")
        connection.execute(FIELDS)
    assert caught.value.sqlstate == "53400"
    assert model.requests == 0


def test_two_criteria_are_a_block(batched: Running, model: ScriptedModel) -> None:
    found = rows(batched, "SELECT id, body MEANS 'late', body MEANS 'Bob' FROM letters WHERE id < 4 ORDER BY id")
    assert found == [(1, True, False), (2, False, True), (3, True, False)]
    assert model.requests == 1


@pytest.mark.parametrize("cache", ["off", "refresh"])
def test_without_kept_answers(batched: Running, model: ScriptedModel, cache: str) -> None:
    model.on("wanted fields", read_fields)
    with batched.connect() as connection:
        connection.execute(f"SET rvbbit.cache = {cache}")
        assert [connection.execute(FIELDS).fetchall() for _ in range(2)] == [ROWS, ROWS]
    assert model.requests == 2


def test_explain_counts_the_prompt_once(batched: Running, model: ScriptedModel) -> None:
    model.on("wanted fields", read_fields)
    with batched.connect() as connection:
        (plan,) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {FIELDS}").fetchone() or ()
    assert plan[0]["Total Calls"] == model.requests == 1
    assert [stage["runs"] for stage in plan[0]["Actual"]["Stages"]] == [1, 0, 0]
    assert [stage["shared"] for stage in plan[0]["Actual"]["Stages"]] == [3, 3, 3]
