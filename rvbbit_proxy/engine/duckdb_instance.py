"""The process's DuckDB instance: it outlives an error inside DuckDB.

By default one failed assertion in a statement makes DuckDB refuse every later one of the process, whoever's it is.
Such a statement has changed nothing, so here it alone fails (XX000). A fatal error is another matter: what DuckDB
holds in memory may no longer be what it wrote to disk, so nothing runs any more until the process starts again from
what is on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from rvbbit_proxy.engine.catalog.install import CATALOG, FUNCTIONS_CATALOG, SCHEMAS
from rvbbit_proxy.engine.duckdb_guard import LEDGER_CATALOGS
from rvbbit_proxy.errors import RvbbitError, UpstreamError

TAKEN = frozenset((*LEDGER_CATALOGS, CATALOG, FUNCTIONS_CATALOG, *SCHEMAS))
"""Names that no file may have, since DuckDB takes its own for the database's."""
FATAL = "58000"
"""The SQLSTATE of a fatal error, and of what is refused after it."""


def open_instance(database: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, or ``:memory:``; raises UpstreamError (42602) for a file with a name of ours."""
    name = Path(database).stem.lower()
    if name in TAKEN:
        raise UpstreamError(
            f'a database file cannot be called "{name}"',
            hint="DuckDB calls a database as its file is called, and the server has a database or schema of this name. "
            "Rename the file.",
            sqlstate="42602",
        )
    return duckdb.connect(database, config={"disable_database_invalidation": "true"})


@dataclass(slots=True)
class Health:
    """Whether the instance may be used; shared by its sessions."""

    fault: str | None = None

    def check(self) -> None:
        """Raise :class:`UpstreamError` after a fatal error."""
        if self.fault is not None:
            raise UpstreamError(
                "the database was stopped by a fatal error",
                detail=self.fault,
                hint="Restart the server; it recovers what was committed.",
                sqlstate=FATAL,
            )

    def note(self, error: RvbbitError, connection: duckdb.DuckDBPyConnection) -> None:
        """Keep a fatal error; what is in memory is not written over what is on disk."""
        if error.sqlstate == FATAL and self.fault is None:
            self.fault = str(error)
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")
