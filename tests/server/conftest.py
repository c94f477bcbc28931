"""Live servers over DuckDB on a free port of loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from raw_client import Address, Serve

from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.server.listener import Server
from rvbbit_proxy.session.session import open_session
from rvbbit_proxy.session.state import Services
from rvbbit_proxy.settings import RunOptions


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server; keyword arguments are the server's own."""
    servers: list[Server] = []
    with duckdb.connect() as database:
        upstream = DuckDBUpstream(database)

        def start(host: str = "127.0.0.1", **settings: Any) -> Address:
            server = Server(
                host,
                0,
                lambda client, identity, startup: open_session(
                    client, upstream, Services(RunOptions()), identity, startup.parameters
                ),
                **settings,
            )
            servers.append(server)
            return Address(*server.start(), server)

        yield start
        for server in servers:
            server.shutdown(0)
