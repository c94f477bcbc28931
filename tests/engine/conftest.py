"""Sessions on both upstreams."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.engine.postgres_session import PostgresSession
from rvbbit_proxy.engine.postgres_upstream import PostgresUpstream


@pytest.fixture
def instance() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB instance in memory."""
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def duck(instance: duckdb.DuckDBPyConnection) -> Iterator[DuckDBSession]:
    """A session with the table ``t``."""
    session = DuckDBUpstream(instance).open_session(user="u", database="d", application_name="a")
    session.execute(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR NOT NULL, c DECIMAL(10,2) CHECK (c > 0), "
        "ts TIMESTAMPTZ, arr INTEGER[])"
    )
    session.execute("INSERT INTO t (a, b, c) VALUES (1, 'x', 2.5), (2, 'y', 3)")
    yield session
    session.close()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[PostgresSession]:
    """A session with the temporary table ``t``."""
    session = PostgresUpstream(postgres_url).open_session(user="u", database="d", application_name="tests")
    session.execute("CREATE TEMPORARY TABLE t (a int PRIMARY KEY, b varchar(10) NOT NULL, c numeric(10,2))")
    session.execute("INSERT INTO t VALUES (1, 'x', 2.5), (2, 'y', 3)")
    yield session
    session.close()
