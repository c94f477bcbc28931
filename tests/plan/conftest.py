"""A planner over an in-memory DuckDB with two tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.operators.operator import load_operators
from rvbbit_proxy.plan.lower import plan_statement
from rvbbit_proxy.plan.plan import Plan
from rvbbit_proxy.sql.dialect import SqlReader

TABLES = """
CREATE TABLE sightings (id int, state text, title text, observed text, temperature int);
INSERT INTO sightings SELECT i, 'S' || i % 3, 'title ' || i % 7, 'observed ' || i, i FROM range(30) r(i);
CREATE TABLE kinds (name text, weight int);
INSERT INTO kinds SELECT 'kind ' || i, i FROM range(5) r(i);
"""


@pytest.fixture(scope="session")
def reader() -> SqlReader:
    return SqlReader.of(load_operators(load_cascades([bundled_folder("cascades")])))


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        yield connection


@pytest.fixture
def planner(reader: SqlReader, database: duckdb.DuckDBPyConnection) -> Callable[[str], Plan]:
    def names(sql: str) -> list[str]:
        return [row[0] for row in database.execute(f"DESCRIBE {sql}").fetchall()]

    return lambda sql: plan_statement(reader.parse(sql), reader.operators, "duckdb", names, suffix="x")
