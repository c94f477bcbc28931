"""Snapshots of DuckDB's catalog, which the system catalogs read: one for all sessions, or one of a session's own.

The shared one is taken by the first session that looks after a definition has changed. A session has its own while it
has definitions that others do not see: uncommitted ones, temporary relations, another current database. Either way the
catalogs read ``temp.main.rvbbit_base_*``, views or tables of the session.
"""

from __future__ import annotations

import threading
from typing import Literal, TypeAlias

import duckdb

from rvbbit_proxy.engine.catalog.install import (
    CATALOG,
    SNAPSHOT_PREFIX,
    install_catalog,
    session_statements,
    show_operators,
    snapshot_names,
)

_OF_FUNCTIONS = frozenset(("functions", "function_texts", "pg_proc"))
"""Taken anew only after a statement that may define a function: DuckDB lists its thousands slowly."""
_VERSION = f"{CATALOG}.base.snapshot_version"
_TEMPORARY = f"SELECT count(*) FROM {CATALOG}.base.relations WHERE nspname = 'pg_temp_1'"

Kind: TypeAlias = Literal["VIEW", "TABLE"]
"""How a session has a part of the snapshot: as a view of the shared one, as a table of its own."""


class SharedSnapshot:
    """The snapshot of all committed definitions; safe for several threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._taken = (-1, -1)
        self.database = ""

    def refresh(self, version: int, functions_version: int) -> None:
        """Have the snapshot be at least as new as these versions; the first time, make the catalogs."""
        with self._lock:
            if self._cursor is None:
                self._cursor = self._install()
            elif self._taken[0] >= version and self._taken[1] >= functions_version:
                return
            else:
                self._take(self._cursor, version, functions=self._taken[1] < functions_version)
            self._taken = max(version, self._taken[0]), max(functions_version, self._taken[1])

    def wait_for_install(self) -> None:
        """Wait while the catalogs are being made: a transaction that begins meanwhile could not see them."""
        with self._lock:
            pass

    def _install(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        ((self.database,),) = cursor.execute("SELECT current_database()").fetchall()
        try:
            install_catalog(cursor)
        except duckdb.Error:
            cursor.execute(f"DETACH DATABASE IF EXISTS {CATALOG}")
            raise
        show_operators(cursor)
        cursor.execute(f"CREATE OR REPLACE TABLE {_VERSION} AS SELECT 0::BIGINT AS version")
        return cursor

    def _take(self, cursor: duckdb.DuckDBPyConnection, version: int, *, functions: bool) -> None:
        names = [name for name in snapshot_names() if functions or name not in _OF_FUNCTIONS]
        steps = [
            f"CREATE OR REPLACE TABLE {CATALOG}.shared.{name} AS FROM {CATALOG}.made.{name}" for name in names
        ]
        cursor.execute("BEGIN")
        try:
            cursor.execute(";".join([*steps, f"UPDATE {_VERSION} SET version = {version}"]))
        except duckdb.Error:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")


class SessionSnapshot:
    """What one session's catalogs read. Not safe for several threads."""

    def __init__(self, shared: SharedSnapshot, connection: duckdb.DuckDBPyConnection) -> None:
        self._shared = shared
        self._connection = connection
        self._kinds: dict[str, Kind] = {}
        self._kinds_before: dict[str, Kind] | None = None

    def share(self, version: int, functions_version: int) -> bool:
        """Read the shared snapshot; tell whether the transaction under way sees one as new as these versions."""
        self._shared.refresh(version, functions_version)
        if set(self._kinds.values()) != {"VIEW"}:
            self._read_from(dict.fromkeys(snapshot_names(), "VIEW"))
        ((seen,),) = self._connection.execute(f"SELECT version FROM {_VERSION}").fetchall()
        return bool(seen >= version)

    def take(self) -> bool:
        """Take a snapshot of the session's own; tell whether there are temporary relations in it."""
        self._read_from(dict.fromkeys(snapshot_names(), "TABLE"))
        return self._connection.execute(_TEMPORARY).fetchall() != [(0,)]

    def _read_from(self, kinds: dict[str, Kind]) -> None:
        steps = [f"DROP {kind} {SNAPSHOT_PREFIX}{name}" for name, kind in self._kinds.items()]
        if not self._kinds:
            steps += session_statements()
        for name, kind in kinds.items():
            place = "shared" if kind == "VIEW" else "made"
            steps.append(f"CREATE TEMP {kind} {SNAPSHOT_PREFIX}{name} AS FROM {CATALOG}.{place}.{name}")
        self._connection.execute(";".join(steps))
        self._kinds = kinds

    def block_begins(self) -> None:
        """Remember what is there, unless that was done in this transaction block already."""
        if self._kinds_before is None:
            self._kinds_before = self._kinds

    def block_ended(self, *, committed: bool) -> None:
        """Forget what was made in the block where DuckDB did."""
        if self._kinds_before is not None and not committed:
            self._kinds = self._kinds_before
        self._kinds_before = None
