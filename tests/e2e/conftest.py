"""A running server per test, in this process, reached through real clients; the model is scripted, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from scripted_model import ScriptedModel
from scripted_model.ground_truth import bundled_operators

from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Price, Settings

MODEL = "openai/scripted"
EMBEDDINGS = "openai/scripted-embeddings"
PRICES = {MODEL: Price.model_validate({"input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.60"})}


@dataclass(frozen=True)
class Running:
    """A server under test."""

    app: App
    host: str
    port: int

    def dsn(self, **more: str) -> str:
        return psycopg.conninfo.make_conninfo(host=self.host, port=self.port, user="ann", dbname="demo", **more)

    def connect(self, **more: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn(**more), autocommit=True)

    def drain_meta(self) -> None:
        self.app.loop.run(self.app.meta.drain())


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedModel]:
    """A scripted model that knows the bundled operators; an unscripted prompt fails the test."""
    with ScriptedModel(bundled_operators()) as scripted:
        monkeypatch.setenv("OPENAI_API_BASE", scripted.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield scripted
        scripted.verify()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start servers with the given settings; all are stopped at the end."""
    with ExitStack() as stack:

        def start(**settings: Any) -> Running:
            values = {"home": tmp_path / "home", "port": 0, **settings}
            app = stack.enter_context(App.open(Settings(**values)))
            return Running(app, *app.start_server())

        yield start


@pytest.fixture
def server(serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """A server on DuckDB with the scripted model, priced, without batches and meta cascades."""
    return serve(model=MODEL, prices=PRICES, batch_size=1, meta=0)


@pytest.fixture
def embedding_server(serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """The same server with embeddings."""
    return serve(model=MODEL, embed_model=EMBEDDINGS, prices=PRICES, batch_size=1, meta=0)


SIGHTINGS = """
CREATE TABLE sightings (id int, state text, title text, observed text);
INSERT INTO sightings
SELECT i, CASE i % 3 WHEN 0 THEN 'WA' WHEN 1 THEN 'OR' ELSE 'CA' END,
       CASE WHEN i % 10 = 9 THEN NULL WHEN i % 2 = 0 THEN 'visual contact ' || i % 8 ELSE 'howls ' || i % 8 END,
       'report ' || i
FROM generate_series(0, 39) AS r(i);
"""


@pytest.fixture
def sightings(server: Running) -> Running:
    """The server with a table of 40 reports: 3 states, 4 titles seen and 4 heard, 4 NULL titles."""
    with server.connect() as connection:
        connection.execute(SIGHTINGS)
    return server


@pytest.fixture(params=["duckdb", "postgres"])
def upstream(request: pytest.FixtureRequest, serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """The same server on either upstream, with the table of reports."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    server = serve(model=MODEL, prices=PRICES, batch_size=20, upstream=url)
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS sightings CASCADE")
        for statement in SIGHTINGS.strip().split(";")[:-1]:
            connection.execute(statement)
    return server
