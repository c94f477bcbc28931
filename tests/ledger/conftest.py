"""A ledger in a fresh home, whose flusher does not interfere: tests flush."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from rvbbit_proxy.ledger.ledger import Ledger, open_ledger


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def open_again(home: Path) -> Iterator[Callable[[], Ledger]]:
    """Open the home in another DuckDB instance, as a new process does; closed at the end."""
    opened: list[Ledger] = []
    connections: list[duckdb.DuckDBPyConnection] = []

    def reopen() -> Ledger:
        connections.append(duckdb.connect())
        opened.append(open_ledger(home, connections[-1], flush_interval_s=3600))
        return opened[-1]

    yield reopen
    for ledger in opened:
        ledger.close()
    for connection in connections:
        connection.close()


@pytest.fixture
def ledger(home: Path, database: duckdb.DuckDBPyConnection) -> Iterator[Ledger]:
    ledger = open_ledger(home, database, flush_interval_s=3600)
    yield ledger
    ledger.close()
