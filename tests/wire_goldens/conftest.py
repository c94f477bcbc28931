"""The three servers that answer the dialogues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import duckdb
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from wire_conversation import Target

from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.engine.postgres_upstream import PostgresUpstream
from rvbbit_proxy.engine.upstream import Upstream
from rvbbit_proxy.server.listener import Server
from rvbbit_proxy.session.session import open_session
from rvbbit_proxy.session.state import Services
from rvbbit_proxy.settings import RunOptions

DATABASE = "wire"


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="module")
def targets(postgres_url: str) -> Iterator[dict[str, Target]]:
    """PostgreSQL itself, our server on DuckDB, our server on that PostgreSQL; each with a database of its own."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in (DATABASE, "upstream"):
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    parts = conninfo_to_dict(postgres_url)
    user = str(parts["user"])
    with ExitStack() as stack:
        database = stack.enter_context(duckdb.connect())
        url = make_conninfo(postgres_url, dbname="upstream")
        yield {
            "postgres": Target("postgres", str(parts["host"]), int(parts.get("port", 5432)), user, DATABASE),
            "duckdb": _serve("duckdb", DuckDBUpstream(database), user, stack),
            "upstream": _serve("upstream", PostgresUpstream(url), user, stack),
        }


def _serve(name: str, upstream: Upstream, user: str, stack: ExitStack) -> Target:
    services = Services(RunOptions())
    server = Server(
        "127.0.0.1",
        0,
        lambda client, identity, startup: open_session(client, upstream, services, identity, startup.parameters),
    )
    host, port = server.start()
    stack.callback(server.shutdown, 0)
    return Target(name, host, port, user, DATABASE)
