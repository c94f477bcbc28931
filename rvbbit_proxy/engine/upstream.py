"""What an upstream must offer: buenavista's vocabulary, extended with Arrow batches and PostgreSQL type oids.

``Upstream`` is a buenavista ``Connection``, ``UpstreamSession`` its ``Session``, ``UpstreamResult`` its
``QueryResult``; any buenavista backend can be adapted. All calls block; ``cancel`` may come from any thread.
Errors leave as :class:`~rvbbit_proxy.errors.RvbbitError` with PostgreSQL's SQLSTATE, never as the driver's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pyarrow as pa
from buenavista import core as bv

from rvbbit_proxy.engine.activity import SessionActivity
from rvbbit_proxy.sql.copy import CopyCommand
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle


@dataclass(frozen=True, slots=True)
class Column:
    """One result column, as RowDescription tells it."""

    name: str
    type_oid: int
    typmod: int = -1
    table_oid: int = 0
    attnum: int = 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A bound parameter as the client sent it: ``value`` is None for NULL; ``type_oid`` 0 is unknown.

    ``format`` 0 is text in the client's UTF-8, 1 is PostgreSQL's binary form of ``type_oid``.
    """

    value: bytes | None
    format: Literal[0, 1]
    type_oid: int


@dataclass(frozen=True, slots=True)
class Description:
    """What a statement takes and gives, found without running it. ``columns`` None: it gives no rows."""

    parameter_oids: tuple[int, ...]
    columns: tuple[Column, ...] | None


@dataclass(frozen=True, slots=True)
class RawRows:
    """Rows whose values already are PostgreSQL's wire forms; ``formats`` is 0 or 1 per column."""

    rows: Sequence[tuple[bytes | None, ...]]
    formats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ValueRows:
    """A few rows as Python values; ``to_arrow`` makes columns of them, for whoever needs more than to send them."""

    rows: Sequence[tuple[Any, ...]]
    to_arrow: Callable[[Sequence[tuple[Any, ...]]], pa.RecordBatch]

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def columns(self) -> list[pa.Array]:
        """The rows' columns."""
        columns: list[pa.Array] = self.to_arrow(self.rows).columns
        return columns

    def slice(self, start: int, length: int) -> ValueRows:
        """Return some of the rows."""
        return ValueRows(self.rows[start : start + length], self.to_arrow)


@dataclass(frozen=True, slots=True)
class Notice:
    """What an upstream says beside the result: NOTICE, WARNING…; ``fields`` by PostgreSQL's letters."""

    severity: str
    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None
    fields: dict[str, str] = field(default_factory=dict)


Batch: TypeAlias = pa.RecordBatch | RawRows | ValueRows
TransactionStatus: TypeAlias = Literal["I", "T", "E"]


class UpstreamResult(bv.QueryResult):  # type: ignore[misc]
    """The result of one statement, streamed.

    ``columns`` is None for a statement without rows. ``tag`` is the command tag, with the row count for
    INSERT/UPDATE/DELETE; for a statement with rows it is only the verb (``SELECT``): the session counts.
    """

    columns: tuple[Column, ...] | None
    tag: str
    binary: bool = False
    """Whether the rows are binary whatever was asked: a BINARY cursor's are."""

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """Yield what has not been yielded yet, in order, bounded in memory."""

    @abstractmethod
    def detach(self) -> None:
        """Free the session for another statement; what is left can still be fetched afterwards."""

    @abstractmethod
    def close(self) -> None:
        """Drop what has not been fetched."""


class CopyIn(ABC):
    """A COPY FROM STDIN under way: ``write`` any number of times, then ``finish`` or ``abandon``.

    ``format_code`` is 0 for text and csv, 1 for binary.
    """

    format_code: int
    column_count: int

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Take data, cut anywhere."""

    @abstractmethod
    def finish(self) -> int:
        """Take the end of the data; return the number of rows copied."""

    @abstractmethod
    def abandon(self) -> None:
        """Copy nothing: the client gave up, or its data is no good."""


class CopyOut(ABC):
    """A COPY TO STDOUT that the upstream itself writes."""

    format_code: int
    column_count: int
    row_count: int
    """Known after the last message."""

    @abstractmethod
    def messages(self) -> Iterator[bytes]:
        """Yield CopyData messages, many at a time."""

    @abstractmethod
    def close(self) -> None:
        """Stop writing what has not been written."""


class UpstreamSession(bv.Session, ABC):  # type: ignore[misc]
    """One client's session on the upstream: its transaction, its temporary tables."""

    dialect: Literal["duckdb", "postgres"]
    on_notice: Callable[[Notice], None] | None = None
    activity: SessionActivity | None = None
    """What the session tells of itself in pg_stat_activity; None where the upstream knows by itself."""
    style: TextStyle = DEFAULT_STYLE
    """How text parameters are read where the upstream does not know the session's own parameters."""

    @abstractmethod
    def execute(
        self, sql: str, parameters: Sequence[Parameter] = (), *, result_formats: Sequence[int] = ()
    ) -> UpstreamResult:
        """Run one statement of the upstream's dialect, ``$n`` standing for parameters.

        ``result_formats`` tells what the client will ask (none: all text; one: for all; else per column), for
        upstreams that hand out :class:`RawRows`.
        """

    @abstractmethod
    def describe(self, sql: str, parameter_oids: Sequence[int] = ()) -> Description:
        """Tell a statement's parameters and columns without running it; 0 in ``parameter_oids`` is unknown."""

    @abstractmethod
    def check_syntax(self, sql: str) -> None:
        """Raise the first syntax error (42601) in a text of any number of statements; nothing runs.

        What else is wrong with a statement is told when it runs.
        """

    @abstractmethod
    def fetch(self, sql: str) -> pa.Table:
        """Run a query of the proxy's own and return all of its rows (stage inputs)."""

    @abstractmethod
    def load(self, name: str, table: pa.Table, key: Sequence[str] = ()) -> None:
        """Create temporary table ``name`` from Arrow rows, in bulk, indexed by ``key`` where that helps."""

    @abstractmethod
    def keep(self, name: str, sql: str) -> None:
        """Create temporary table ``name`` from a query of the proxy's own."""

    @abstractmethod
    def keep_returned(self, name: str, sql: str) -> int:
        """Run a change and put what it returns, and a number for each row, into a table that is there.

        Return how many rows that is.
        """

    @abstractmethod
    def drop(self, names: Sequence[str]) -> None:
        """Drop what :meth:`load` and :meth:`keep` have made, where it is there."""

    @abstractmethod
    def copy_in(self, sql: str, command: CopyCommand) -> CopyIn:
        """Begin a COPY FROM STDIN, which is ``sql``, inside a transaction block."""

    def copy_out(self, sql: str) -> CopyOut | None:
        """Begin a COPY TO STDOUT; None from an upstream that only runs queries."""
        return None

    def take_notifications(self) -> list[tuple[int, str, str]]:
        """Return process id, channel and payload of what has come for a session that listens."""
        return []

    def fileno(self) -> int | None:
        """Return what becomes readable when a notification comes."""
        return None

    @property
    def process_id(self) -> int | None:
        """The upstream's own number of the session, None where it has none."""
        return None

    def parameter_status(self, name: str) -> str | None:
        """Return a parameter that the upstream reports by itself, None if it does not."""
        return None

    @abstractmethod
    def transaction_status(self) -> TransactionStatus:
        """Tell the state for ReadyForQuery: idle, in a transaction block, in a failed block."""

    @abstractmethod
    def cancel(self) -> None:
        """Stop the running statement, from any thread."""

    @abstractmethod
    def close(self) -> None:
        """End the session and roll back what is open."""

    # buenavista's names for the same things
    def execute_sql(self, sql: str, params: Any = None) -> UpstreamResult:
        """Run one statement without parameters (buenavista's entry)."""
        return self.execute(sql)

    def in_transaction(self) -> bool:
        """Tell whether a transaction block is open (buenavista's entry)."""
        return self.transaction_status() != "I"


class Upstream(bv.Connection, ABC):  # type: ignore[misc]
    """The database the proxy asks."""

    dialect: Literal["duckdb", "postgres"]

    @abstractmethod
    def open_session(
        self, *, user: str, database: str, application_name: str, process_id: int = 0
    ) -> UpstreamSession:
        """Open a session for one client connection; ``process_id`` is what the client was told it is."""

    def prepare(self, users: Collection[str] = ()) -> None:
        """Begin, in the background, what the first statement would have to wait for; ``users`` may log in."""

    @abstractmethod
    def close(self) -> None:
        """Close everything."""
