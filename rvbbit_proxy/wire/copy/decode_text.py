"""COPY's text format: tab-separated, backslash escapes.

Source: PostgreSQL's src/backend/commands/copyfromparse.c (CopyReadLineText, CopyReadAttributesText).
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.wire.copy.decode import LineDecoder
from rvbbit_proxy.wire.copy.simple_lines import simple_text
from rvbbit_proxy.wire.types.values import text_value

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class TextDecoder(LineDecoder):
    r"""Text format; a line ``\.`` ends the data, what follows it is dropped."""

    def _split(self, data: bytes, line_end: bytes) -> tuple[list[bytes], bytes]:
        pieces = data.split(line_end)
        if b"\\" not in data:
            return pieces[:-1], pieces[-1]
        lines: list[bytes] = []
        open_line = b""
        for piece in pieces[:-1]:
            open_line += piece
            # a line end after an odd number of backslashes belongs to the data
            if (len(open_line) - len(open_line.rstrip(b"\\"))) % 2:
                open_line += line_end
                continue
            lines.append(open_line)
            open_line = b""
        return lines, open_line + pieces[-1]

    def _fields(self, line: bytes) -> list[bytes | None]:
        self._check_line_ends(line)
        if b"\\" not in line:
            return [None if field == self._null else field for field in line.split(self._delimiter)]
        return [None if field == self._null else _unescape(field) for field in self._cut(line)]

    def _simple_end(self, line_end: bytes) -> int:
        return simple_text(self._buffer, line_end, self._options)

    def _finished(self, column: pa.Array) -> pa.Array:
        escaped = pc.fill_null(pc.match_substring(column, "\\"), False)
        if not escaped.true_count:
            return column
        values = [text_value(_unescape(value.encode())) for value in column.filter(escaped).to_pylist()]
        return pc.replace_with_mask(column, escaped, pa.array(values, pa.string()))

    def _cut(self, line: bytes) -> list[bytes]:
        """Split at the delimiters that no backslash protects."""
        if b"\\" + self._delimiter not in line:
            return line.split(self._delimiter)
        mark = re.escape(self._delimiter)
        fields = re.findall(
            rb"((?:\\.|[^\\" + mark + rb"])*\\?)(?:" + mark + rb"|$)", line + self._delimiter, re.DOTALL
        )
        return fields[:-1]

    def _check_line_ends(self, line: bytes) -> None:
        bare = _ESCAPE.sub(b"", line) if b"\\" in line else line
        if self._line_end != b"\n" and b"\n" in bare:
            self._refuse("literal newline found in data", line, 'Use "\\n" to represent newline.')
        if b"\r" in bare:
            self._refuse("literal carriage return found in data", line, 'Use "\\r" to represent carriage return.')

    def _extra_lines(self, line: bytes) -> int:
        return line.count(b"\n")


def _unescape(field: bytes) -> bytes:
    return _ESCAPE.sub(_escaped, field) if b"\\" in field else field


def _escaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1] == b"x" and len(code) > 1:
        return bytes((int(code[1:], 16),))
    if code[:1].isdigit() and code[:1] < b"8":
        return bytes((int(code, 8) & 0xFF,))
    return _LETTERS.get(code, code)
