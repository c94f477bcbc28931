"""The embedded DuckDB as an upstream: one instance per process, one cursor per session."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Literal

import duckdb

from rvbbit_proxy.engine.catalog.emulation import CatalogEmulation, SessionCatalog, SessionIdentity
from rvbbit_proxy.engine.catalog.install import FUNCTIONS
from rvbbit_proxy.engine.duckdb_foreign_keys import KeyCommits
from rvbbit_proxy.engine.duckdb_guard import LEDGER_VIEWS
from rvbbit_proxy.engine.duckdb_instance import Health
from rvbbit_proxy.engine.duckdb_savepoints import WriteCommits
from rvbbit_proxy.engine.duckdb_session import SESSION_SETTINGS, DuckDBSession
from rvbbit_proxy.engine.upstream import Upstream
from rvbbit_proxy.errors import UpstreamLost


class DuckDBUpstream(Upstream):
    """Opens sessions on a DuckDB instance the app has made; closing it leaves the instance to the app."""

    dialect: Literal["duckdb"] = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self._connection = connection
        self._catalog = CatalogEmulation(connection)
        self._health = Health()
        self._key_commits = KeyCommits()
        self._commits = WriteCommits()
        self._preparing: threading.Thread | None = None

    def open_session(
        self, *, user: str, database: str, application_name: str, process_id: int = 0
    ) -> DuckDBSession:
        """Open a session; the ledger's views are found without a prefix where it is attached.

        Raises UpstreamLost (08006) if the database is closed.
        """
        try:
            cursor = self._connection.cursor()
        except duckdb.ConnectionException as error:
            raise UpstreamLost("the database is closed") from error
        self._catalog.install_functions()
        for setting in SESSION_SETTINGS:
            cursor.execute(setting)
        has_ledger = self._has_ledger(cursor)
        ledger = f",{LEDGER_VIEWS}" if has_ledger else ""
        cursor.execute(f"SET SESSION search_path = 'main{ledger},{FUNCTIONS}'")
        identity = SessionIdentity(user, database, process_id, application_name)
        catalog = SessionCatalog(self._catalog, cursor, identity)
        return DuckDBSession(
            cursor,
            catalog,
            has_ledger=has_ledger,
            health=self._health,
            key_commits=self._key_commits,
            commits=self._commits,
        )

    def prepare(self, users: Collection[str] = ()) -> None:
        """Make the catalogs in a thread of their own."""
        self._catalog.users = tuple(users)
        self._preparing = threading.Thread(target=self._catalog.install, name="rvbbit-catalogs")
        self._preparing.start()

    def _has_ledger(self, cursor: duckdb.DuckDBPyConnection) -> bool:
        found = cursor.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = 'rvbbit'").fetchone()
        return found is not None

    def close(self) -> None:
        """Leave the instance, which the app opened, to the app."""
        if self._preparing is not None:
            self._preparing.join()
