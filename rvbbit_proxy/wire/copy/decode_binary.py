"""COPY's binary format: a signature, then rows of counted, length-prefixed values.

Source: https://www.postgresql.org/docs/16/sql-copy.html (Binary Format); copyfromparse.c.
"""

from __future__ import annotations

import struct
from typing import NoReturn, TypeAlias

import pyarrow as pa

from rvbbit_proxy.errors import BadCopyFile, RvbbitError
from rvbbit_proxy.wire.copy.binary_rows import find_rows
from rvbbit_proxy.wire.copy.decode import CopyRows
from rvbbit_proxy.wire.copy.encode import BINARY_HEADER, SIGNATURE

BinaryRow: TypeAlias = tuple[bytes | None, ...]
FEW_BYTES = 1_024
"""Less data is read row by row."""
_WITH_OIDS = 1 << 16
_CRITICAL = 0xFFFF0000


class BinaryDecoder:
    """Binary format; values come out in their types' binary forms."""

    def __init__(self, column_count: int, relation: str = "") -> None:
        self._column_count = column_count
        self._relation = relation
        self._buffer = b""
        self._header_pending = True
        self._row_number = 0
        self._ended = False
        self._decoded: list[BinaryRow] = []

    def feed(self, data: bytes) -> list[BinaryRow]:
        """Take bytes, return the rows that are complete."""
        self._decoded = []
        if self._ended and data:
            self._refuse("received copy data after EOF marker")
        self._buffer += data
        if self._header_pending and not self._take_header():
            return []
        position = 0
        while not self._ended:
            found = self._row_at(position)
            if found is None:
                break
            row, position = found
            if row is not None:
                self._decoded.append(row)
        self._buffer = self._buffer[position:]
        if self._ended and self._buffer:
            self._refuse("received copy data after EOF marker")
        return self._decoded

    def feed_columns(self, data: bytes) -> CopyRows:
        """Take bytes, return the rows that are complete, by column."""
        first = self._row_number + 1
        found = self._found(data)
        fault = None
        try:
            self.feed(b"" if found is not None else data)
        except RvbbitError as error:
            fault = error
        rows = self._decoded
        columns = tuple(
            pa.array(column, pa.binary())
            for column in (zip(*rows, strict=True) if rows else [()] * self._column_count)
        )
        if found is not None:
            columns = tuple(map(_joined, found, columns))
        return CopyRows(columns, lambda row: first + row, fault)

    def _found(self, data: bytes) -> tuple[pa.Array, ...] | None:
        """Take data, and the rows that can be found at once; None where that is not worth it."""
        if self._header_pending or self._ended or len(data) < FEW_BYTES:
            return None
        buffer = self._buffer + data
        found = find_rows(buffer, self._column_count)
        if found is None:
            return None
        self._buffer = buffer[found.end :]
        self._row_number += len(found.columns[0])
        return found.columns

    def finish_columns(self) -> CopyRows:
        """Check that no row is cut; there is none left."""
        fault = None
        try:
            self.finish()
        except RvbbitError as error:
            fault = error
        return CopyRows((pa.array([], pa.binary()),) * self._column_count, lambda row: row, fault)

    def finish(self) -> list[BinaryRow]:
        """Check that no row is cut; the end marker may be missing, as for PostgreSQL."""
        if self._header_pending:
            self._refuse("COPY file signature not recognized")
        if self._buffer and not self._ended:
            self._row_number += 1
            self._refuse("unexpected EOF in COPY data")
        return []

    def _take_header(self) -> bool:
        known = min(len(self._buffer), len(SIGNATURE))
        if self._buffer[:known] != SIGNATURE[:known]:
            self._refuse("COPY file signature not recognized")
        if len(self._buffer) < len(BINARY_HEADER):
            return False
        flags, extension = struct.unpack_from("!Ii", self._buffer, len(SIGNATURE))
        if flags & _WITH_OIDS:
            self._refuse("invalid COPY file header (WITH OIDS)")
        if flags & _CRITICAL:
            self._refuse("unrecognized critical flags in COPY file header")
        if extension < 0:
            self._refuse("invalid COPY file header (missing length)")
        if len(self._buffer) < len(BINARY_HEADER) + extension:
            return False
        self._buffer = self._buffer[len(BINARY_HEADER) + extension :]
        self._header_pending = False
        return True

    def _row_at(self, position: int) -> tuple[BinaryRow | None, int] | None:
        """Return the row that starts here and where it ends, None if it is not complete yet."""
        available = len(self._buffer)
        if position + 2 > available:
            return None
        (count,) = struct.unpack_from("!h", self._buffer, position)
        position += 2
        if count == -1:
            self._ended = True
            self._row_number += 1
            return None, position
        if count != self._column_count:
            self._row_number += 1
            self._refuse(f"row field count is {count}, expected {self._column_count}")
        values: list[bytes | None] = []
        for _ in range(count):
            if position + 4 > available:
                return None
            (length,) = struct.unpack_from("!i", self._buffer, position)
            position += 4
            if length == -1:
                values.append(None)
                continue
            if length < 0:
                self._row_number += 1
                self._refuse("invalid field size")
            if position + length > available:
                return None
            values.append(self._buffer[position : position + length])
            position += length
        self._row_number += 1
        return tuple(values), position

    def _refuse(self, message: str) -> NoReturn:
        place = {} if self._header_pending else {"W": f"COPY {self._relation}, line {self._row_number}"}
        raise BadCopyFile(message, fields=place)


def _joined(found: pa.Array, rest: pa.Array) -> pa.Array:
    return pa.concat_arrays([found, rest.cast(found.type)]) if len(rest) else found
