"""A PostgreSQL-compatible server as an upstream: a connection of its own for every session."""

from __future__ import annotations

from typing import Any, Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq.abc import PGconn

from rvbbit_proxy.engine.postgres_connection import connect
from rvbbit_proxy.engine.postgres_session import PostgresSession
from rvbbit_proxy.engine.upstream import Upstream

CONNECT_TIMEOUT_S = 10.0


class PostgresUpstream(Upstream):
    """Opens connections to ``url``, a ``postgresql://`` URL or conninfo; user and database are the URL's."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def open_session(
        self, *, user: str, database: str, application_name: str, process_id: int = 0
    ) -> PostgresSession:
        """Connect; raises UpstreamLost where that fails."""
        return PostgresSession(self._connect(application_name))

    def _connect(self, application_name: str) -> PGconn:
        given = conninfo_to_dict(self._url)
        name = application_name or given.get("application_name") or ""
        parts: dict[str, Any] = {**given, "application_name": name, "client_encoding": "UTF8"}
        conninfo = make_conninfo("", **parts)
        return connect(conninfo, CONNECT_TIMEOUT_S)

    def close(self) -> None:
        """Nothing is shared: sessions close their own connections."""
