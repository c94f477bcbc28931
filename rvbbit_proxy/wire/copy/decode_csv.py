"""COPY's csv format.

Source: PostgreSQL's src/backend/commands/copyfromparse.c (CopyReadLineText, CopyReadAttributesCSV).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.wire.copy.decode import LineDecoder, TextRow
from rvbbit_proxy.wire.copy.options import CopyOptions, is_chosen
from rvbbit_proxy.wire.copy.simple_lines import simple_csv


class CsvDecoder(LineDecoder):
    """csv format: quoted fields may hold line ends; an unquoted NULL text is NULL, a quoted one is not."""

    def __init__(self, names: Sequence[str], options: CopyOptions, relation: str = "") -> None:
        super().__init__(names, options, relation)
        self._quote, self._escape = options.quote.encode(), options.escape_text.encode()
        self._force_null = [is_chosen(options.force_null, name) for name in names]
        self._force_not_null = [is_chosen(options.force_not_null, name) for name in names]
        self._forced = any(self._force_null) or any(self._force_not_null)
        quote, escape, delimiter = map(re.escape, (self._quote, self._escape, self._delimiter))
        inside = rb"(?:" + escape + rb"[" + quote + escape + rb"]|[^" + quote + rb"])*"
        if self._quote != self._escape:
            ordinary = rb"[^" + quote + escape + rb"]"
            lone = escape + rb"(?![" + quote + escape + rb"])"
            inside = rb"(?:" + escape + rb"[" + quote + escape + rb"]|" + ordinary + rb"|" + lone + rb")*"
        self._quoted = re.compile(quote + rb"(" + inside + rb")" + quote, re.DOTALL)
        self._bare = re.compile(rb"[^" + quote + delimiter + rb"]+")
        self._escaped = re.compile(escape + rb"([" + quote + escape + rb"])")
        self._before_line_end = re.compile(
            rb"(?:" + quote + inside + quote + rb"|[^\r\n" + quote + rb"])*", re.DOTALL
        )
        self._record = b""

    def finish(self) -> list[TextRow]:
        """Return the last row; raises when a quoted field is still open."""
        rows = super().finish()
        if self._record and not self._ended:
            self._line_number += 1
            self._refuse_open(self._record)
        return rows

    def _simple_end(self, line_end: bytes) -> int:
        self._buffer, self._record = self._record + self._buffer, b""
        return simple_csv(self._buffer, line_end, self._options)

    def _inner_lines(self, columns: Sequence[pa.Array], row: int) -> int:
        counts = (pc.sum(pc.count_substring(column.slice(0, row + 1), "\n")).as_py() for column in columns)
        return sum(count or 0 for count in counts)

    def _split(self, data: bytes, line_end: bytes) -> tuple[list[bytes], bytes]:
        pieces = data.split(line_end)
        if self._quote not in data and not self._record:
            return pieces[:-1], pieces[-1]
        records: list[bytes] = []
        for piece in pieces[:-1]:
            record = self._record + piece
            if self._is_open(record):
                self._record = record + line_end
                continue
            records.append(record)
            self._record = b""
        return records, pieces[-1]

    def _last_row(self, line: bytes) -> list[TextRow]:
        line = self._record + line
        self._record = b""
        if self._is_open(line):
            self._refuse_open(line)
        return self._row(line)

    def _refuse_open(self, record: bytes) -> NoReturn:
        self._line_number += 0 if self._line_end is None else record.count(self._line_end)
        self._refuse("unterminated CSV quoted field", record)

    def _is_open(self, record: bytes) -> bool:
        """Tell whether a record ends within quotes."""
        if self._quote not in record:
            return False
        if self._quote == self._escape:
            return record.count(self._quote) % 2 == 1
        return self._quote in self._quoted.sub(b"", record)

    def _fields(self, line: bytes) -> list[bytes | None]:
        if self._quote in line:
            return self._quoted_fields(line)
        fields: list[bytes | None] = [
            None if field == self._null else field for field in line.split(self._delimiter)
        ]
        if self._line_end == b"\n" and b"\r" in line:
            self._refuse("unquoted carriage return found in data", line, _QUOTE_HINT.format("carriage return"))
        if self._forced:
            return [
                self._null if field is None and self._is_forced(place) else field
                for place, field in enumerate(fields)
            ]
        return fields

    def _is_forced(self, place: int) -> bool:
        return place < len(self._force_not_null) and self._force_not_null[place]

    def _quoted_fields(self, line: bytes) -> list[bytes | None]:
        fields: list[bytes | None] = []
        position, pieces, quoted = 0, [b""], False
        while True:
            if line.startswith(self._quote, position):
                match = self._quoted.match(line, position)
                if match is None:
                    self._refuse("unterminated CSV quoted field", line)
                pieces.append(self._escaped.sub(rb"\1", match[1]))
                position, quoted = match.end(), True
                continue
            match = self._bare.match(line, position)
            if match is not None:
                pieces.append(match[0])
                position = match.end()
                continue
            fields.append(self._null_or(b"".join(pieces), len(fields), quoted=quoted))
            if position >= len(line):
                return fields
            position, pieces, quoted = position + 1, [], False

    def _null_or(self, field: bytes, place: int, *, quoted: bool) -> bytes | None:
        if field != self._null:
            return field
        if quoted:
            return None if place < len(self._force_null) and self._force_null[place] else field
        return field if self._is_forced(place) else None

    def _extra_lines(self, line: bytes) -> int:
        return line.count(self._line_end or b"\n")


_QUOTE_HINT = "Use quoted CSV field to represent {}."
