"""One session at a time renames a table with indexes, and the others read the catalogs before it or after.

DuckDB shows such a rename to every session at once, while the index keeps its old table for all but the one: until
the transaction ends, ``duckdb_indexes()`` fails for the others, and their transactions with it.
"""

from __future__ import annotations

import threading

WAIT_S = 10.0


class IndexRenames:
    """Who is renaming. Thread-safe; waits are bounded, and what comes after one that was in vain is DuckDB's to say."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._holder: object | None = None

    def wait(self, session: object, wait_s: float = WAIT_S) -> bool:
        """Wait until no other session is renaming; tell whether that is so."""
        with self._free:
            return self._free.wait_for(lambda: self._holder in (None, session), wait_s)

    def begin(self, session: object) -> None:
        """Note that the session renames until its transaction ends."""
        with self._free:
            self._free.wait_for(lambda: self._holder in (None, session), WAIT_S)
            self._holder = session

    def end(self, session: object) -> None:
        """Note the end of the session's transaction."""
        with self._free:
            if self._holder is session:
                self._holder = None
                self._free.notify_all()
