"""A session on another upstream that can read the ledger too.

The ledger lives in the process's own DuckDB. A statement that names a relation of schema ``rvbbit``, or names
one without the schema that the upstream does not have, is read there; everything else goes to the upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pyarrow as pa

from rvbbit_proxy.engine.upstream import (
    CopyIn,
    CopyOut,
    Description,
    Parameter,
    TransactionStatus,
    Upstream,
    UpstreamResult,
    UpstreamSession,
)
from rvbbit_proxy.sql.copy import CopyCommand
from rvbbit_proxy.sql.lexer import words

SCHEMA = "rvbbit"


class WithLedger(Upstream):
    """An upstream whose sessions read ledger relations from ``ledger`` and all else from ``upstream``."""

    def __init__(self, upstream: Upstream, ledger: Upstream, relations: Collection[str]) -> None:
        super().__init__()
        self.dialect = upstream.dialect
        self._upstream = upstream
        self._ledger = ledger
        self._relations = frozenset(relations)

    def open_session(
        self, *, user: str, database: str, application_name: str, process_id: int = 0
    ) -> UpstreamSession:
        """Open a session on the upstream; one on the ledger follows when it is first read."""

        def open_on(upstream: Upstream) -> UpstreamSession:
            return upstream.open_session(
                user=user, database=database, application_name=application_name, process_id=process_id
            )

        return LedgerReadingSession(open_on(self._upstream), lambda: open_on(self._ledger), self._relations)

    def close(self) -> None:
        """Close both."""
        self._upstream.close()
        self._ledger.close()


class LedgerReadingSession(UpstreamSession):
    """Routes each statement to the upstream or to the ledger."""

    def __init__(
        self, session: UpstreamSession, open_ledger: Callable[[], UpstreamSession], relations: frozenset[str]
    ) -> None:
        super().__init__()
        self.dialect = session.dialect
        self._session = session
        self._open_ledger = open_ledger
        self._relations = relations
        self._reader: UpstreamSession | None = None
        session.on_notice = lambda notice: self.on_notice(notice) if self.on_notice is not None else None

    def _route(self, sql: str) -> UpstreamSession:
        named = self._relations & words(sql)
        if not named or not (SCHEMA in words(sql) or self._upstream_lacks(named)):
            return self._session
        if self._reader is None:
            self._reader = self._open_ledger()
        return self._reader

    def _upstream_lacks(self, names: frozenset[str]) -> bool:
        if self._session.transaction_status() == "E":
            return False
        found = " OR ".join(f"to_regclass('{name}') IS NOT NULL" for name in sorted(names))
        return not self._session.fetch(f"SELECT {found} AS found").column(0)[0].as_py()

    def execute(
        self, sql: str, parameters: Sequence[Parameter] = (), *, result_formats: Sequence[int] = ()
    ) -> UpstreamResult:
        """Run one statement where it belongs."""
        return self._route(sql).execute(sql, parameters, result_formats=result_formats)

    def describe(self, sql: str, parameter_oids: Sequence[int] = ()) -> Description:
        """Describe one statement where it belongs."""
        return self._route(sql).describe(sql, parameter_oids)

    def check_syntax(self, sql: str) -> None:
        """Ask the upstream."""
        self._session.check_syntax(sql)

    def fetch(self, sql: str) -> pa.Table:
        """Fetch from where the statement belongs."""
        return self._route(sql).fetch(sql)

    def load(self, name: str, table: pa.Table, key: Sequence[str] = ()) -> None:
        """Load into the upstream."""
        self._session.load(name, table, key)

    def keep(self, name: str, sql: str) -> None:
        """Keep rows in the upstream; those of the ledger are carried there."""
        if self._route(sql) is self._session:
            self._session.keep(name, sql)
        else:
            self._session.load(name, self.fetch(sql))

    def keep_returned(self, name: str, sql: str) -> int:
        """Change the upstream: what reads the ledger cannot."""
        return self._session.keep_returned(name, sql)

    def drop(self, names: Sequence[str]) -> None:
        """Drop from the upstream."""
        self._session.drop(names)

    def copy_in(self, sql: str, command: CopyCommand) -> CopyIn:
        """Copy into the upstream."""
        return self._session.copy_in(sql, command)

    def copy_out(self, sql: str) -> CopyOut | None:
        """Let the upstream copy out what is its own; the ledger is read by queries."""
        return self._session.copy_out(sql) if self._route(sql) is self._session else None

    def take_notifications(self) -> list[tuple[int, str, str]]:
        """Return what has come to the upstream's session."""
        return self._session.take_notifications()

    def fileno(self) -> int | None:
        """Return what the upstream's session listens on."""
        return self._session.fileno()

    @property
    def process_id(self) -> int | None:
        """The upstream's own number of its session."""
        return self._session.process_id

    def parameter_status(self, name: str) -> str | None:
        """Return a parameter that the upstream reports."""
        return self._session.parameter_status(name)

    def transaction_status(self) -> TransactionStatus:
        """Tell the upstream's state."""
        return self._session.transaction_status()

    def cancel(self) -> None:
        """Stop the running statement on both sides."""
        self._session.cancel()
        if self._reader is not None:
            self._reader.cancel()

    def close(self) -> None:
        """End both sessions."""
        self._session.close()
        if self._reader is not None:
            self._reader.close()
