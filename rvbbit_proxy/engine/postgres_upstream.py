"""A PostgreSQL-compatible server as an upstream: a connection of its own for every session."""

from __future__ import annotations

from typing import Any, Literal

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from rvbbit_proxy.engine.postgres_errors import lost
from rvbbit_proxy.engine.postgres_session import PostgresSession
from rvbbit_proxy.engine.upstream import Upstream

DEFAULTS = {"connect_timeout": 10, "application_name": "rvbbit-proxy"}
"""What the URL may override; the timeout is in seconds."""


class PostgresUpstream(Upstream):
    """Opens connections to ``url``, a ``postgresql://`` URL or conninfo; user and database are the URL's."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def open_session(self, *, user: str, database: str, application_name: str) -> PostgresSession:
        """Connect; raises UpstreamLost where that fails."""
        return PostgresSession(self._connect(application_name))

    def _connect(self, application_name: str) -> pq.abc.PGconn:
        given = conninfo_to_dict(self._url)
        asked = {"application_name": application_name} if application_name else {}
        parts: dict[str, Any] = {**DEFAULTS, **given, **asked, "client_encoding": "UTF8"}
        conninfo = make_conninfo("", **parts)
        connection = pq.PGconn.connect(conninfo.encode())
        if connection.status != pq.ConnStatus.OK:
            raise lost(connection)
        return connection

    def close(self) -> None:
        """Nothing is shared: sessions close their own connections."""
