"""One client's session on PostgreSQL: a libpq connection of its own, the extended protocol, raw rows.

Differs from PostgreSQL: only a query may give its columns in different formats, text and binary.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Literal

import psycopg
import pyarrow as pa
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from rvbbit_proxy.engine.postgres_arrow import (
    COPY_BATCH_ROWS,
    copy_csv,
    create_table_sql,
    fetch_projection,
    needs_text,
    quote_identifier,
    to_arrow,
)
from rvbbit_proxy.engine.postgres_connection import (
    flush,
    last_result,
    next_result,
    put_copy_data,
    put_copy_end,
)
from rvbbit_proxy.engine.postgres_copy import PostgresCopyIn, PostgresCopyOut
from rvbbit_proxy.engine.postgres_errors import error_of, lost, notice_of
from rvbbit_proxy.engine.postgres_result import PostgresResult, columns_of
from rvbbit_proxy.engine.statement import COPY_STREAM, COUNTED, command_tag, mask_literals, strip_end, words_of
from rvbbit_proxy.engine.upstream import (
    Column,
    CopyIn,
    CopyOut,
    Description,
    Parameter,
    RawRows,
    TransactionStatus,
    UpstreamSession,
)
from rvbbit_proxy.errors import InFailedTransaction, NotSupported
from rvbbit_proxy.sql.copy import CopyCommand

CHUNK_ROWS = 2_048
"""Rows per PGresult while streaming."""
MIXABLE = (("SELECT",), ("VALUES",), ("TABLE",))
"""First words of statements that can stand in a FROM."""
INDEXED_ROWS = 5_000
"""A stage's result with fewer rows is read whole anyway; its index would cost more than it saves."""

log = logging.getLogger(__name__)

_HAS_CHUNKS = pq.version() >= 170000
_ROWS = frozenset((pq.ExecStatus.TUPLES_OK, pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_CHUNK))
_DONE = frozenset((pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY, pq.ExecStatus.PIPELINE_SYNC))
_STATUSES: dict[pq.TransactionStatus, TransactionStatus] = {
    pq.TransactionStatus.IDLE: "I",
    pq.TransactionStatus.ACTIVE: "T",
    pq.TransactionStatus.INTRANS: "T",
    pq.TransactionStatus.INERROR: "E",
}
_BEFORE_PARSING = "rvbbit_before_parsing"
_SEVERAL = "SELECT;SELECT;"
"""What before it makes any text one of several statements, which a server never prepares."""
_GRAMMAR = frozenset(("scan.l", "gram.y", "parser.c"))
"""The source files that PostgreSQL's errors of grammar come from; others of their code are found later."""


class PostgresSession(UpstreamSession):
    """A session; not safe for two threads at once, except :meth:`cancel`."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, connection: PGconn) -> None:
        super().__init__()
        self._connection = connection
        self._open: PostgresResult | None = None
        self._status: TransactionStatus = "I"
        self._cancel_lock = threading.Lock()
        self._running = False
        connection.notice_handler = self._notice

    # statements

    def execute(
        self, sql: str, parameters: Sequence[Parameter] = (), *, result_formats: Sequence[int] = ()
    ) -> PostgresResult:
        """Run one statement; rows come as RawRows in the format asked for."""
        refuse_copy(sql)
        if len(set(result_formats)) > 1:
            return self._execute_mixed(sql, parameters, result_formats)
        result_format = (*result_formats, 0)[0]
        self._free()
        self._start()
        try:
            self._send(sql, parameters, result_format)
            flush(self._connection)
            first = self._next_result()
        except psycopg.Error as error:
            self._stop()
            raise lost(self._connection, str(error)) from error
        if first is None:
            return PostgresResult(None, "")
        if first.status not in _ROWS:
            tag = (first.command_status or b"").decode()
            self._drain()
            return PostgresResult(None, tag)
        verb = command_tag("SELECT", words_of(sql))
        result = PostgresResult(
            columns_of(first), verb, result_format, first, self._next_result, abandon=self._abandon
        )
        self._open = result
        if verb in COUNTED:  # its tag has the count, which comes last
            result.detach()
        return result

    def _execute_mixed(self, sql: str, parameters: Sequence[Parameter], formats: Sequence[int]) -> PostgresResult:
        """Run a query whose columns are wanted in different formats, which libpq cannot ask for.

        All come as binary, and those wanted as text are made text by the server's own output functions: the
        binary form of text is its text.
        """
        if words_of(sql, 1) not in MIXABLE:
            raise NotSupported(
                "different result formats for one statement's columns are supported only for queries",
                hint="Ask for all columns as text, or all as binary.",
            )
        described = self.describe(sql, [parameter.type_oid for parameter in parameters]).columns or ()
        names = [f"c{number}" for number in range(1, len(described) + 1)]
        items = [name if wanted else text_output(name) for name, wanted in zip(names, formats, strict=True)]
        wrapped = f"SELECT {', '.join(items)} FROM (\n{strip_end(sql)}\n) AS q({', '.join(names)})"
        result = self.execute(wrapped, parameters, result_formats=(1,))
        result.tell(described, tuple(formats))
        return result

    def _send(self, sql: str, parameters: Sequence[Parameter], result_format: int) -> None:
        self._connection.send_query_params(
            sql.encode(),
            [parameter.value for parameter in parameters],
            param_types=[parameter.type_oid for parameter in parameters],
            param_formats=[parameter.format for parameter in parameters],
            result_format=result_format,
        )
        if _HAS_CHUNKS:
            self._connection.set_chunked_rows_mode(CHUNK_ROWS)
        else:
            self._connection.set_single_row_mode()

    def _next_result(self) -> PGresult | None:
        try:
            result = next_result(self._connection)
        except psycopg.Error as error:
            self._stop()
            raise lost(self._connection, str(error)) from error
        if result is None:
            self._stop()
            return None
        if result.status in _ROWS or result.status in _DONE:
            return result
        if result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH):
            raise NotSupported("COPY between the client and the server is not supported here")
        fault = error_of(result, self._connection)
        self._drain()
        raise fault

    def _drain(self) -> None:
        while next_result(self._connection) is not None:
            pass
        self._stop()

    def describe(self, sql: str, parameter_oids: Sequence[int] = ()) -> Description:
        """Prepare the unnamed statement and ask the server what it takes and gives."""
        refuse_copy(sql)
        self._free()
        self._start()
        try:
            self._connection.send_prepare(b"", sql.encode(), list(parameter_oids))
            prepared = last_result(self._connection)
            if prepared.status != pq.ExecStatus.COMMAND_OK:
                raise error_of(prepared, self._connection)
            self._connection.send_describe_prepared(b"")
            described = last_result(self._connection)
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error
        finally:
            self._stop()
        if described.status != pq.ExecStatus.COMMAND_OK:
            raise error_of(described, self._connection)
        types = tuple(described.param_type(index) for index in range(described.nparams))
        return Description(types, columns_of(described) or None)

    def check_syntax(self, sql: str) -> None:
        """Raise the first syntax error: the server parses a text whole before it refuses one of several statements."""
        self._free()
        in_block = self.transaction_status() == "T"
        if in_block:
            self._command(f"SAVEPOINT {_BEFORE_PARSING}")
        self._start()
        try:
            self._connection.send_prepare(b"", f"{_SEVERAL}{sql}".encode(), None)
            result = last_result(self._connection)
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error
        finally:
            self._stop()
        fault = error_of(result, self._connection)
        if in_block:
            self._command(f"ROLLBACK TO {_BEFORE_PARSING}")
            self._command(f"RELEASE {_BEFORE_PARSING}")
        if fault.fields.get("F") in _GRAMMAR:
            fault.position = fault.position and fault.position - len(_SEVERAL)
            raise fault

    # stages

    def fetch(self, sql: str) -> pa.Table:
        """Return all rows of a query, typed as :mod:`postgres_arrow` says."""
        self._refuse_if_failed()
        columns = self.describe(sql).columns or ()
        try:
            return self._fetch(sql, columns, partial=True)
        except (psycopg.DataError, pa.ArrowException):  # NaN, infinity, BC: such columns as text
            return self._fetch(sql, columns, partial=False)

    def _fetch(self, sql: str, columns: Sequence[Column], *, partial: bool) -> pa.Table:
        projection = fetch_projection(columns, partial=partial)
        if projection is not None:
            names = ", ".join(f"c{number}" for number in range(1, len(columns) + 1))
            sql = f"SELECT {projection} FROM (\n{strip_end(sql)}\n) AS q({names})"
        result = self.execute(sql, result_formats=(1,))
        rows = _rows_of(result)
        names_of_types = [
            self._type_name(column.type_oid) if needs_text(column.type_oid, partial=partial) else None
            for column in columns
        ]
        return to_arrow(columns, rows, names_of_types)

    def _type_name(self, type_oid: int) -> str:
        """Return a type's name as SQL takes it."""
        result = self.execute(f"SELECT pg_catalog.format_type({type_oid}, NULL)")
        return "".join(
            (row[0] or b"").decode()
            for batch in result.batches()
            if isinstance(batch, RawRows)
            for row in batch.rows
        )

    def load(self, name: str, table: pa.Table, key: Sequence[str] = ()) -> None:
        """Create or replace a temporary table, fill it by COPY, index it by ``key``, ANALYZE it."""
        self._refuse_if_failed()
        self._free()
        quoted = f"pg_temp.{quote_identifier(name)}"
        self._command(f"DROP TABLE IF EXISTS {quoted}")
        self._command(create_table_sql(quoted, table.schema))
        self._copy_in(quoted, table)
        if key and table.num_rows >= INDEXED_ROWS:
            self._command(f"CREATE INDEX ON {quoted} ({', '.join(map(quote_identifier, key))})")
        self._command(f"ANALYZE {quoted}")

    def keep(self, name: str, sql: str) -> None:
        """Create a temporary table of a query's rows."""
        self.execute(f"CREATE TEMPORARY TABLE {quote_identifier(name)} AS {sql}").close()

    def keep_returned(self, name: str, sql: str) -> int:
        """Run a change in a WITH beside the INSERT of what it returns."""
        head = f"WITH rvbbit_change AS (\n{sql}\n) INSERT INTO pg_temp.{quote_identifier(name)}"
        result = self.execute(f"{head} SELECT *, row_number() OVER () FROM rvbbit_change")
        result.close()
        return int(result.tag.rpartition(" ")[2])

    def drop(self, names: Sequence[str]) -> None:
        """Drop temporary tables."""
        tables = ", ".join(f"pg_temp.{quote_identifier(name)}" for name in names)
        self._command(f"DROP TABLE IF EXISTS {tables}")

    def _command(self, sql: str) -> None:
        """Run a command of ours; its notices are not for the client."""
        handler, self._connection.notice_handler = self._connection.notice_handler, None
        try:
            self.execute(sql).close()
        finally:
            self._connection.notice_handler = handler

    def _copy_in(self, quoted: str, table: pa.Table) -> None:
        self._start()
        try:
            self._connection.send_query(f"COPY {quoted} FROM STDIN (FORMAT csv)".encode())
            started = last_result(self._connection)
            if started.status != pq.ExecStatus.COPY_IN:
                raise error_of(started, self._connection)
            for batch in table.to_batches(max_chunksize=COPY_BATCH_ROWS):
                put_copy_data(self._connection, copy_csv(batch))
            put_copy_end(self._connection)
            while self._next_result() is not None:
                pass
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error
        finally:
            self._stop()

    # COPY with the client

    def copy_in(self, sql: str, command: CopyCommand) -> CopyIn:
        """Begin the server's own COPY FROM STDIN: the client's data goes to it as it comes."""
        return PostgresCopyIn(self._connection, self._begin_copy(sql, pq.ExecStatus.COPY_IN), self._end_copy)

    def copy_out(self, sql: str) -> CopyOut:
        """Begin the server's own COPY TO STDOUT."""
        started = self._begin_copy(sql, pq.ExecStatus.COPY_OUT)
        return PostgresCopyOut(self._connection, started, self._end_copy, self.cancel)

    def _begin_copy(self, sql: str, expected: pq.ExecStatus) -> PGresult:
        self._free()
        self._start()
        try:
            self._connection.send_query(sql.encode())
            started = last_result(self._connection)
        except psycopg.Error as error:
            self._stop()
            raise lost(self._connection, str(error)) from error
        if started.status != expected:
            self._stop()
            raise error_of(started, self._connection)
        return started

    def _end_copy(self) -> int:
        """Take the results behind the data; return the number of rows."""
        count = 0
        while (result := self._next_result()) is not None:
            count = result.command_tuples or 0
        return count

    # state, cancel and end

    def take_notifications(self) -> list[tuple[int, str, str]]:
        """Return what has come; raises UpstreamLost."""
        try:
            self._connection.consume_input()
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error
        found: list[tuple[int, str, str]] = []
        while (notification := self._connection.notifies()) is not None:
            channel, payload = notification.relname.decode(), notification.extra.decode()
            found.append((notification.be_pid, channel, payload))
        return found

    def fileno(self) -> int:
        """Return libpq's socket; raises UpstreamLost."""
        try:
            return self._connection.socket
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error

    @property
    def process_id(self) -> int:
        """The server process's id."""
        return self._connection.backend_pid

    def parameter_status(self, name: str) -> str | None:
        """Return what the server last reported."""
        value = self._connection.parameter_status(name.encode())
        return None if value is None else value.decode()

    def transaction_status(self) -> TransactionStatus:
        """Tell the state; while a result is being read, the one before its end."""
        status = pq.TransactionStatus(self._connection.transaction_status)
        if status == pq.TransactionStatus.ACTIVE:
            return self._status
        return _STATUSES.get(status, "I")

    def _refuse_if_failed(self) -> None:
        self._free()
        if self.transaction_status() == "E":
            raise InFailedTransaction(
                "current transaction is aborted, commands ignored until end of transaction block"
            )

    def cancel(self) -> None:
        """Send a CancelRequest for the running statement; without one, or with no server to hear it, do nothing."""
        with self._cancel_lock:  # held until the request is through, so that it cannot meet a later statement
            if not self._running:
                return
            try:
                self._connection.get_cancel().cancel()
            except psycopg.Error as error:
                log.info("a cancel did not reach the upstream: %s", error)

    def _abandon(self) -> None:
        """Stop a statement whose rows nobody wants; inside a block that would fail it, so there it runs on."""
        if self._status == "I":
            self.cancel()

    def close(self) -> None:
        """Close the connection; the server rolls back what is open."""
        self._connection.finish()

    def _free(self) -> None:
        if self._open is not None:
            self._open.detach()
            self._open = None

    def _start(self) -> None:
        if self._connection.status == pq.ConnStatus.BAD:
            raise lost(self._connection)
        self._status = self.transaction_status()
        with self._cancel_lock:
            self._running = True

    def _stop(self) -> None:
        with self._cancel_lock:
            self._running = False

    def _notice(self, result: PGresult) -> None:
        if self.on_notice is not None:
            self.on_notice(notice_of(result))


def _rows_of(result: PostgresResult) -> list[tuple[bytes | None, ...]]:
    return [row for batch in result.batches() if isinstance(batch, RawRows) for row in batch.rows]


def text_output(name: str) -> str:
    """Return SQL for what the output function of a column's type prints, NULL for NULL.

    >>> text_output("c1")
    "CASE WHEN num_nulls(c1) = 0 THEN format('%s', c1) END"
    """
    return f"CASE WHEN num_nulls({name}) = 0 THEN format('%s', {name}) END"


def refuse_copy(sql: str) -> None:
    """Raise NotSupported for COPY over the connection: that data is between us and the upstream."""
    if words_of(sql, 1) == ("COPY",):
        if COPY_STREAM.search(mask_literals(sql)):
            raise NotSupported("COPY between the client and the server is not supported here")
