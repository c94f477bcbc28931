"""Some hundred statements, answered by the server on DuckDB as by PostgreSQL: names, types, values, SQLSTATEs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.clients.answers import Answer, Asking, Client, read_askings
from tests.clients.conftest import DIFFERENCES, Database

ASKINGS = list(read_askings())


@pytest.fixture(scope="module")
def answers(ours: Database, reference: Database) -> Mapping[Asking, tuple[Answer, Answer]]:
    """What ours and PostgreSQL answer to each, asked in order in one session of each."""
    mine, theirs = Client(ours.dsn), Client(reference.dsn)
    found = {asking: (mine.ask(asking), theirs.ask(asking)) for asking in ASKINGS}
    mine.close()
    theirs.close()
    return found


@pytest.mark.parametrize("asking", ASKINGS, ids=[asking.sql for asking in ASKINGS])
def test_answer(answers: Mapping[Asking, tuple[Answer, Answer]], asking: Asking) -> None:
    ours, postgres = answers[asking]
    if asking.differs is None:
        assert ours == postgres
    else:
        assert ours != postgres, "no difference any more: take the mark out"


def test_differences_are_explained() -> None:
    page = DIFFERENCES.read_text(encoding="utf-8")
    heads = {asking.differs for asking in ASKINGS if asking.differs is not None}
    assert [head for head in sorted(heads) if f"| {head} |" not in page] == []


def test_statements_are_told_apart() -> None:
    assert len(set(ASKINGS)) == len(ASKINGS)
