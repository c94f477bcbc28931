"""COPY between the client and PostgreSQL: the server does it, we hand the data on untouched.

Source: https://www.postgresql.org/docs/16/libpq-copy.html
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import psycopg
from psycopg.pq.abc import PGconn, PGresult

from rvbbit_proxy.engine.postgres_connection import get_copy_data, put_copy_data, put_copy_end
from rvbbit_proxy.engine.postgres_errors import lost
from rvbbit_proxy.engine.upstream import CopyIn, CopyOut
from rvbbit_proxy.errors import RvbbitError

GATHER_BYTES = 65_536
_HEAD = struct.Struct("!cI")

EndCopy = Callable[[], int]
"""Takes the results behind the data; returns the number of rows, raises what the server refused."""


class PostgresCopyIn(CopyIn):
    """What the server refuses comes out of ``finish``: libpq hears of it only then."""

    def __init__(self, connection: PGconn, started: PGresult, end: EndCopy) -> None:
        self.format_code = int(started.binary_tuples)
        self.column_count = started.nfields
        self._connection = connection
        self._end = end

    def write(self, data: bytes) -> None:
        """Send data, no faster than the server takes it."""
        try:
            put_copy_data(self._connection, data)
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error

    def finish(self) -> int:
        """End the data."""
        return self._put_end(None)

    def abandon(self) -> None:
        """Let the COPY fail; its error is ours to tell."""
        try:
            self._put_end(b"abandoned")
        except RvbbitError:
            return  # as was asked

    def _put_end(self, failure: bytes | None) -> int:
        try:
            put_copy_end(self._connection, failure)
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error
        return self._end()


class PostgresCopyOut(CopyOut):
    """Rows as the server writes them, one a message."""

    def __init__(self, connection: PGconn, started: PGresult, end: EndCopy, cancel: Callable[[], None]) -> None:
        self.format_code = int(started.binary_tuples)
        self.column_count = started.nfields
        self.row_count = 0
        self._connection = connection
        self._end = end
        self._cancel = cancel
        self._data_ended = False
        self._ended = False

    def messages(self) -> Iterator[bytes]:
        """Yield CopyData messages; raises what the server met on the way, behind the rows before it."""
        gathered, size = list[bytes](), 0
        while (row := self._next()) is not None:
            gathered += [_HEAD.pack(b"d", len(row) + 4), row]
            size += len(row)
            if size >= GATHER_BYTES:
                yield b"".join(gathered)
                gathered, size = [], 0
        yield b"".join(gathered)
        self._ended = True
        self.row_count = self._end()

    def _next(self) -> bytes | None:
        try:
            data = get_copy_data(self._connection)
        except psycopg.Error as error:
            raise lost(self._connection, str(error)) from error
        self._data_ended = data is None
        return None if data is None else bytes(data)

    def close(self) -> None:
        """Cancel what is left, which fails the transaction block."""
        if self._ended:
            return
        self._ended = True
        self._cancel()
        try:
            while not self._data_ended:
                self._next()
            self._end()
        except RvbbitError:
            return  # as was asked
