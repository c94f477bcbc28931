"""The catalog queries of tools: each answers what a real PostgreSQL with the same schema answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from catalog_places import Place
from psycopg.conninfo import make_conninfo

from clients.catalog_queries import SCHEMA, ask, compare, read_queries, tools
from clients.known import DIFFERENCES, known_failures
from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Settings

SUITE = "catalog queries"
DATABASE = "demo"  # the queries name it


@pytest.fixture(scope="module")
def there(postgres_url: str) -> Place:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return _define(Place(make_conninfo(postgres_url, dbname=DATABASE, user="postgres")))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with App.open(Settings(home=tmp_path_factory.mktemp("home"), port=0)) as app:
        host, port = app.start_server()
        yield _define(Place(make_conninfo(host=host, port=port, user="postgres", dbname=DATABASE)))


def _define(place: Place) -> Place:
    with place.connect() as connection:
        connection.execute(SCHEMA.read_bytes())
    return place


@pytest.mark.parametrize("tool", tools())
def test_answers_what_postgres_answers(here: Place, there: Place, tool: str) -> None:
    """All that differs is listed in the differences, and what is listed differs."""
    known = {check for suite, check in known_failures(DIFFERENCES.read_text()) if suite == SUITE}
    with here.connect() as ours, there.connect() as theirs:
        faults = {
            f"{tool}: {query.name}": fault
            for query in read_queries(tool)
            if (fault := compare(ask(ours, query), ask(theirs, query), query.compared))
        }
    assert faults.keys() == {check for check in known if check.startswith(f"{tool}: ")}, faults
