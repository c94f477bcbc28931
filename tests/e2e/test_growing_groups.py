"""A group that was too large for a prompt and has grown since: only what is new is asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import MODEL, PRICES, Running

PART_TOKENS = 400
SUMMARY = "SELECT SUMMARIZE(body) FROM reports"


@pytest.fixture
def reports(serve: Callable[..., Running], model: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> Running:
    """A server with sixty reports, about eight to a prompt; the model says which it has read."""
    for module in ("kept", "reduce"):
        monkeypatch.setattr(f"rvbbit_proxy.cascade.cells.{module}.PART_TOKENS", PART_TOKENS)
    model.rules.clear()
    model.on("summaries of parts", lambda messages: f"summary {model.requests}")
    model.on("summarize the texts", lambda messages: f"part {model.requests}")
    server = serve(model=MODEL, prices=PRICES, meta=0)
    with server.connect() as connection:
        connection.execute("CREATE TABLE reports (id int, body text)")
    add(server, range(60))
    return server


def add(server: Running, numbers: Sequence[int]) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        # the order of the texts is not the order in which they come
        rows = [(number, f"{number * 7919 % 1000:03} " + f"word{number} " * 20) for number in numbers]
        cursor.executemany("INSERT INTO reports VALUES (%s, %s)", rows)


def asked(server: Running, model: ScriptedModel, sql: str = SUMMARY) -> list[str]:
    """Run the statement and return the prompts that it took."""
    before = model.requests
    with server.connect() as connection:
        connection.execute(sql).fetchall()
    return model.prompts[before:]


def holding(prompts: Sequence[str], number: int) -> int:
    return sum(f"word{number} " in prompt for prompt in prompts)


def test_what_is_appended_is_asked_about_alone(reports: Running, model: ScriptedModel) -> None:
    first = asked(reports, model)
    assert len(first) > 6
    add(reports, [60, 61])
    *parts, last = asked(reports, model)
    assert 1 <= len(parts) <= 2 and all(holding(parts, number) == 1 for number in (60, 61))
    kept = [f"part {number}" for number in range(1, len(first)) if f"- part {number}\n" in last]
    assert len(kept) >= len(first) - 2, last


def test_many_small_additions_do_not_pile_up(reports: Running, model: ScriptedModel) -> None:
    parts = len(asked(reports, model))
    for number in range(60, 80):
        add(reports, [number])
        assert len(asked(reports, model)) <= 3
    *_, last = model.prompts
    assert last.count("\n- ") <= 2 * parts


def test_what_is_deleted_is_read_no_more(reports: Running, model: ScriptedModel) -> None:
    asked(reports, model)
    with reports.connect() as connection:
        connection.execute("DELETE FROM reports WHERE id = 7")
    *parts, _ = asked(reports, model)
    assert 1 <= len(parts) <= 2 and holding(parts, 7) == 0


def test_nothing_is_kept_without_the_cache(reports: Running, model: ScriptedModel) -> None:
    first = asked(reports, model)
    with reports.connect() as connection:
        connection.execute("SET rvbbit.cache = off")
        connection.execute(SUMMARY)
        assert model.requests == 2 * len(first)


def test_another_wish_keeps_its_own_parts(reports: Running, model: ScriptedModel) -> None:
    first = asked(reports, model)
    assert len(asked(reports, model, "SELECT SUMMARIZE(body, 'be brief') FROM reports")) == len(first)
