"""COPY data to rows: bytes come cut anywhere, whole rows go out.

Rows of text and csv are tuples of str, of binary tuples of bytes in the types' binary forms; None is NULL. By
column they are :class:`CopyRows`, which is how much data is read.
Errors are BadCopyFile (22P04) with ``COPY <relation>, line <n>`` in field W, as PostgreSQL tells it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import pyarrow as pa

from rvbbit_proxy.errors import BadCopyFile, InvalidEncoding, RvbbitError
from rvbbit_proxy.wire.copy.options import CopyOptions
from rvbbit_proxy.wire.copy.simple_lines import read_simple
from rvbbit_proxy.wire.types.values import text_value

TextRow: TypeAlias = tuple[str | None, ...]
_SHOWN_BYTES = 100
"""As much of a line as PostgreSQL shows in an error's context."""


@dataclass(frozen=True, slots=True)
class CopyRows:
    """Rows by column, as strings or, in binary, as bytes; ``line_of(row)`` is where a row ended, from 1.

    ``fault`` is what ended the data behind these rows, if something did; PostgreSQL reads row by row, so a value
    that does not fit its type comes before. ``cut_row`` are the fields of a line that had too few.
    """

    columns: tuple[pa.Array, ...]
    line_of: Callable[[int], int]
    fault: RvbbitError | None = None
    cut_row: TextRow = ()

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.columns[0]) if self.columns else 0


class LineDecoder(ABC):
    """What text and csv share: line ends, the header, the count of fields, places in errors.

    The first line decides how lines end: ``\\n``, ``\\r\\n`` or ``\\r``.
    """

    def __init__(self, names: Sequence[str], options: CopyOptions, relation: str = "") -> None:
        self._names = names
        self._options = options
        self._relation = relation
        self._delimiter = options.delimiter_text.encode()
        self._null = options.null_text.encode()
        self._before_line_end = re.compile(rb"(?:\\.|[^\\\r\n])*", re.DOTALL)
        self._buffer = b""
        self._line_end: bytes | None = None
        self._line_number = 0
        self._header_pending = bool(options.header)
        self._ended = False
        self._row_lines: list[int] = []
        self._decoded: list[TextRow] = []
        self._cut_row: TextRow = ()

    def feed(self, data: bytes) -> list[TextRow]:
        """Take bytes, return the rows that are complete."""
        self._decoded, self._row_lines = [], []
        if self._ended:
            return []
        self._buffer += data
        self._read_rows(final=False)
        return self._decoded

    def finish(self) -> list[TextRow]:
        """Return the last row, whose line may lack its end."""
        self._decoded, self._row_lines = [], []
        if self._ended:
            return []
        self._read_rows(final=True)
        if self._buffer and not self._ended:
            last, self._buffer = self._buffer, b""
            self._line_number += 1
            self._decoded += self._last_row(last)
        return self._decoded

    def feed_columns(self, data: bytes) -> CopyRows:
        """Take bytes, return the rows that are complete; fast where they come many at a time."""
        self._buffer += data
        simple = self._simple_columns()
        return simple if simple is not None else self._by_row(self.feed)

    def finish_columns(self) -> CopyRows:
        """Return the last row, whose line may lack its end."""
        return self._by_row(lambda _: self.finish())

    def _by_row(self, decode: Callable[[bytes], list[TextRow]]) -> CopyRows:
        fault = None
        try:
            decode(b"")
        except RvbbitError as error:
            fault = error
        rows, lines = self._decoded, self._row_lines
        values = zip(*rows, strict=True) if rows else [()] * len(self._names)
        columns = tuple(pa.array(column, pa.string()) for column in values)
        return CopyRows(columns, lines.__getitem__, fault, self._cut_row)

    def _simple_columns(self) -> CopyRows | None:
        """Take the simple lines off the buffer, None if there are none."""
        if self._line_end not in (b"\n", b"\r\n") or self._header_pending or self._ended:
            return None
        end = self._simple_end(self._line_end)
        columns = read_simple(self._buffer[:end], len(self._names), self._options) if end else None
        if columns is None:
            return None
        try:
            columns = [self._finished(column) for column in columns]
        except InvalidEncoding:
            return None  # the other way tells the place
        first = self._line_number + 1
        self._line_number += self._buffer.count(b"\n", 0, end)
        self._buffer = self._buffer[end:]
        return CopyRows(tuple(columns), lambda row: first + row + self._inner_lines(columns, row))

    @abstractmethod
    def _simple_end(self, line_end: bytes) -> int:
        """Return how much of the buffer is simple lines."""

    def _finished(self, column: pa.Array) -> pa.Array:
        """Return a column of simple lines with its escapes resolved."""
        return column

    def _inner_lines(self, columns: Sequence[pa.Array], row: int) -> int:
        """Return how many line ends the values up to a row hold inside."""
        return 0

    def _last_row(self, line: bytes) -> list[TextRow]:
        """Return the row of a line without an end."""
        return self._row(line)

    def _read_rows(self, *, final: bool) -> None:
        if self._line_end is None:
            self._line_end = self._find_line_end(final=final)
            if self._line_end is None:
                return
        lines, self._buffer = self._split(self._buffer, self._line_end)
        for line in lines:
            self._line_number += 1
            self._decoded += self._row(line)
            if self._ended:
                self._buffer = b""
                break

    def _find_line_end(self, *, final: bool) -> bytes | None:
        match = self._before_line_end.match(self._buffer)
        place = match.end() if match else 0
        first, second = self._buffer[place : place + 1], self._buffer[place + 1 : place + 2]
        if first == b"\n":
            return first
        if first != b"\r" or not (second or final):
            return None
        return b"\r\n" if second == b"\n" else b"\r"

    @abstractmethod
    def _split(self, data: bytes, line_end: bytes) -> tuple[list[bytes], bytes]:
        """Return the complete lines and what is left."""

    @abstractmethod
    def _fields(self, line: bytes) -> list[bytes | None]:
        """Return a line's fields, None for NULL."""

    def _row(self, line: bytes) -> list[TextRow]:
        if line == b"\\.":
            self._ended = True
            return []
        if self._header_pending:
            self._header_pending = False
            if self._options.header == "match":
                self._check_header(line)
            return []
        fields = self._fields(line)
        if len(fields) != len(self._names):
            self._refuse_count(fields, line)
        self._line_number += self._extra_lines(line)
        self._row_lines.append(self._line_number)
        return [self._texts(fields, line)]

    def _texts(self, fields: Sequence[bytes | None], line: bytes) -> TextRow:
        try:
            return tuple(None if field is None else text_value(field) for field in fields)
        except InvalidEncoding as exc:
            raise InvalidEncoding(exc.message, fields={"W": self._place_of_bytes(line)}) from exc

    def _extra_lines(self, line: bytes) -> int:
        """Return how many line ends a record holds inside."""
        return 0

    def _refuse_count(self, fields: Sequence[bytes | None], line: bytes) -> NoReturn:
        if len(fields) > len(self._names):
            self._refuse("extra data after last expected column", line)
        self._cut_row = self._texts(fields, line)
        self._refuse(f'missing data for column "{self._names[len(fields)]}"', line)

    def _check_header(self, line: bytes) -> None:
        found = self._fields(line)
        if len(found) != len(self._names):
            self._refuse(
                f"wrong number of fields in header line: got {len(found)}, expected {len(self._names)}", line
            )
        for place, (name, expected) in enumerate(zip(found, self._names, strict=True), start=1):
            start = f"column name mismatch in header line field {place}: got"
            if name is None:
                self._refuse(f'{start} null value ("{self._options.null_text}"), expected "{expected}"', line)
            if name != expected.encode():
                self._refuse(f'{start} "{name.decode("utf-8", "replace")}", expected "{expected}"', line)

    def _refuse(self, message: str, line: bytes, hint: str | None = None) -> NoReturn:
        raise BadCopyFile(message, hint=hint, fields={"W": self._place(line)})

    def _place_of_bytes(self, line: bytes) -> str:
        """Return the place of bytes that are no text; PostgreSQL shows only a line that is."""
        try:
            text_value(line)
        except InvalidEncoding:
            return f"COPY {self._relation}, line {self._line_number}"
        return self._place(line)

    def _place(self, line: bytes) -> str:
        shown = line[:_SHOWN_BYTES].decode("utf-8", "replace") + ("..." if len(line) > _SHOWN_BYTES else "")
        return f'COPY {self._relation}, line {self._line_number}: "{shown}"'
