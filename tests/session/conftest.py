"""Sessions over DuckDB without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest
from dialogue import Dialogue, ScriptedClient

from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.session.session import open_session
from rvbbit_proxy.session.state import Identity, Services
from rvbbit_proxy.settings import RunOptions

OpenDialogue = Callable[..., Dialogue]


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def open_dialogue(database: duckdb.DuckDBPyConnection) -> Iterator[OpenDialogue]:
    """Open a session; keyword arguments are startup parameters. Several share one database."""
    opened: list[Dialogue] = []
    upstream = DuckDBUpstream(database)

    def open_one(services: Services | None = None, process_id: int = 0, **startup: str) -> Dialogue:
        client = ScriptedClient()
        identity = Identity("alice", "shop", f"con_{len(opened)}", process_id, client_address="127.0.0.1:5")
        session = open_session(client, upstream, services or Services(RunOptions()), identity, startup)
        dialogue = Dialogue(session, client)
        dialogue.heard()
        opened.append(dialogue)
        return dialogue

    yield open_one
    for dialogue in opened:
        dialogue.session.close()


@pytest.fixture
def talk(open_dialogue: OpenDialogue) -> Dialogue:
    return open_dialogue()
