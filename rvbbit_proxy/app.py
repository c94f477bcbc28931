"""The composition root: settings → ledger → model door → operators → upstream → server. No logic of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.cascade.runtime import Runtime
from rvbbit_proxy.cascade.spec import CascadeSpec
from rvbbit_proxy.cascade.traits import BUILTIN_TRAITS
from rvbbit_proxy.engine.duckdb_instance import open_instance
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.engine.upstream import Upstream
from rvbbit_proxy.engine.with_ledger import WithLedger
from rvbbit_proxy.execute.history import SPANS_SQL, load_history
from rvbbit_proxy.execute.model_loop import ModelLoop
from rvbbit_proxy.execute.semantics import SemanticEngine
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.ledger.ledger import Ledger, open_ledger
from rvbbit_proxy.ledger.views import relation_names
from rvbbit_proxy.llm.cache import ResultCache
from rvbbit_proxy.llm.door import ModelDoor
from rvbbit_proxy.meta.queue import MetaQueue
from rvbbit_proxy.operators.operator import Operators, distinct_operators, load_operators
from rvbbit_proxy.server.auth import Authentication, load_users
from rvbbit_proxy.server.listener import Server
from rvbbit_proxy.server.tls import load_tls
from rvbbit_proxy.session.client import Client
from rvbbit_proxy.session.session import Session, open_session
from rvbbit_proxy.session.state import Identity
from rvbbit_proxy.session.state import Services as SessionServices
from rvbbit_proxy.settings import RunOptions, Settings
from rvbbit_proxy.sql.dialect import SqlReader
from rvbbit_proxy.wire.frontend import Startup

MEMORY = ":memory:"


def load_all_cascades(settings: Settings) -> dict[str, CascadeSpec]:
    """Load the bundled cascades and traits, then the user's own folders."""
    return load_cascades(cascade_folders(settings))


def cascade_folders(settings: Settings) -> list[Path]:
    """Return where cascades are looked for, in order."""
    return [bundled_folder("cascades"), bundled_folder("traits"), *settings.cascades]


class App:
    """Everything a server process holds, made by :meth:`open`, ended by :meth:`close`."""

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
        self.settings = settings
        self.connection = connection
        self.ledger = ledger
        self.cascades = load_all_cascades(settings)
        self.operators = load_operators(self.cascades)
        self.loop = ModelLoop()
        self.door = ModelDoor(settings, ledger)
        self.door.observed.load(ledger)
        self.meta = MetaQueue(ledger)
        self.cache = ResultCache(ledger, settings.cache_entries)
        self.cache.load()
        observers = (self.meta.run_ended,)
        self.runtime = Runtime(self.door, ledger, self.cascades, BUILTIN_TRAITS, observers, self.cache)
        self.meta.start(self.runtime)
        self.loop.run(self.meta.resume(RunOptions.of(settings)))
        reader, history = SqlReader.of(self.operators), load_history(ledger.query(SPANS_SQL).to_pylist())
        services = Services(reader, self.runtime, self.cache, self.loop, self.door, history)
        self.engine = SemanticEngine(services)
        self.upstream = _open_upstream(settings, connection)
        self.server: Server | None = None
        self._publish()
        self.door.preload()

    @classmethod
    def open(cls, settings: Settings, database: str | None = None) -> Self:
        """Open the ledger in ``settings.home`` and everything on top of it.

        :param database: the DuckDB file to serve; None is an empty one in memory.
        :raises ConfigurationFault: for a broken cascade or setting, or a home another process holds.
        """
        connection = open_instance(MEMORY if settings.upstream else database or MEMORY)
        try:
            ledger = open_ledger(settings.home, connection)
        except BaseException:
            connection.close()
            raise
        try:
            return cls(settings, connection, ledger)
        except BaseException:
            ledger.close()
            connection.close()
            raise

    def start_server(self) -> tuple[str, int]:
        """Listen; return host and port."""
        services = SessionServices(
            options=RunOptions.of(self.settings),
            ledger=self.ledger,
            semantics=self.engine,
            ledger_relations=relation_names(self.connection),
        )

        def open_client(client: Client, identity: Identity, startup: Startup) -> Session:
            return open_session(client, self.upstream, services, identity, startup.parameters)

        settings = self.settings
        self.server = Server(
            settings.host,
            settings.port,
            open_client,
            authentication=Authentication(load_users(settings.users)) if settings.users else None,
            tls=load_tls(settings.tls_certificate, settings.tls_key) if settings.tls_certificate else None,
            max_connections=settings.max_connections,
        )
        self.upstream.prepare(load_users(settings.users) if settings.users else ())
        return self.server.start()

    def stop_server(self) -> None:
        """Stop listening and let running statements finish."""
        server, self.server = self.server, None
        if server is not None:
            server.shutdown()

    def close(self) -> None:
        """Drain: statements, then meta cascades, then the ledger's rows."""
        self.stop_server()
        self.loop.run(self.meta.drain())
        self.loop.run(self.door.aclose())
        self.loop.close()
        self.upstream.close()
        self.ledger.close()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _publish(self) -> None:
        """Make the relations ``rvbbit.operators`` and ``rvbbit.settings``."""
        self.ledger.publish("operators", _operator_rows(self.operators))
        self.ledger.publish("settings", _settings_rows(self.settings))


def _open_upstream(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Upstream:
    embedded = DuckDBUpstream(connection)
    if settings.upstream is None:
        return embedded
    from rvbbit_proxy.engine.postgres_upstream import PostgresUpstream  # noqa: PLC0415  psycopg takes 13 MB

    return WithLedger(PostgresUpstream(settings.upstream), embedded, relation_names(connection))


def _operator_rows(operators: Operators) -> pa.Table:
    listed = list(distinct_operators(operators))

    def column(value: Callable[..., object]) -> pa.Array:
        return pa.array([value(operator) for operator in listed])

    return pa.table(
        {
            "name": column(lambda op: op.name),
            "names": column(lambda op: list(op.names)),
            "syntax": column(lambda op: [" ".join(words) for words in op.infix]),
            "arguments": column(lambda op: ", ".join(f"{arg.name} {arg.sql_type}" for arg in op.args)),
            "returns": column(lambda op: op.returns),
            "shape": column(lambda op: op.shape),
            "cascade_id": column(lambda op: op.cascade.cascade_id),
            "genus_hash": column(lambda op: op.version),
            "description": column(lambda op: op.description),
        }
    )


def _settings_rows(settings: Settings) -> pa.Table:
    fields = type(settings).model_fields
    return pa.table(
        {
            "name": pa.array(list(fields)),
            "setting": pa.array([str(getattr(settings, name)) for name in fields]),
            "short_desc": pa.array([field.description or "" for field in fields.values()]),
        }
    )
