"""Arrow batches to COPY data, one CopyData message per row: psycopg and others count on it.

Binary rows are DataRow messages under another type byte, so they are made by ``types.rows``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.wire.backend import encode_copy_data
from rvbbit_proxy.wire.copy.lines import encode_lines, header_line
from rvbbit_proxy.wire.copy.options import CopyOptions
from rvbbit_proxy.wire.types.registry import encode_column
from rvbbit_proxy.wire.types.rows import COPY_DATA, encode_data_rows, encode_raw_rows, join_messages
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle

SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
BINARY_HEADER = SIGNATURE + bytes(8)
BINARY_TRAILER = b"\xff\xff"


class NamedColumn(Protocol):
    """What the encoder needs to know of a column."""

    @property
    def name(self) -> str: ...
    @property
    def type_oid(self) -> int: ...


class CopyEncoder:
    """One COPY TO: :meth:`encode_batch` for each batch, then :meth:`end`; all give whole CopyData messages."""

    def __init__(
        self,
        columns: Sequence[NamedColumn],
        options: CopyOptions | None = None,
        style: TextStyle = DEFAULT_STYLE,
    ) -> None:
        self._columns = columns
        self._options = options or CopyOptions()
        self._style = style
        self._begun = False

    @property
    def format_code(self) -> int:
        """The format for CopyOutResponse: 0 is text and csv, 1 binary."""
        return int(self._options.format == "binary")

    def encode_batch(self, batch: pa.RecordBatch) -> bytes:
        """Return the messages of a batch, before the first also the header."""
        if self.format_code:
            return self._binary(encode_data_rows(batch, self._columns, (1,), message_type=COPY_DATA))
        texts = [
            encode_column(column, described.type_oid, 0, self._style)
            for column, described in zip(batch.columns, self._columns, strict=True)
        ]
        return self._lines(texts, batch.num_rows)

    def encode_raw(self, rows: Sequence[Sequence[bytes | None]], row_formats: Sequence[int]) -> bytes:
        """Return the messages of rows that already are wire forms; raises NotSupported for binary ones as text."""
        if self.format_code:
            return self._binary(encode_raw_rows(rows, row_formats, self._columns, (1,), message_type=COPY_DATA))
        if any(row_formats):
            raise NotSupported("rows that came in binary format cannot be copied as text")
        transposed = zip(*rows, strict=True) if rows else [()] * len(self._columns)
        return self._lines([pa.array(values, pa.large_binary()) for values in transposed], len(rows))

    def end(self) -> bytes:
        """Return what comes after the last row, and the header if there was none."""
        if not self.format_code:
            return self._header()
        header = b"" if self._begun else BINARY_HEADER
        self._begun = True
        return encode_copy_data(header + BINARY_TRAILER)

    def _lines(self, texts: Sequence[pa.Array], rows: int) -> bytes:
        lines = encode_lines(texts, [column.name for column in self._columns], rows, self._options)
        return self._header() + join_messages(COPY_DATA, lines)

    def _header(self) -> bytes:
        if self._begun or not self._options.header:
            return b""
        self._begun = True
        return encode_copy_data(header_line([column.name for column in self._columns], self._options))

    def _binary(self, messages: bytes) -> bytes:
        """Put the file header into the first row's message, where PostgreSQL has it."""
        if self._begun or not messages:
            return messages
        self._begun = True
        end = 1 + int.from_bytes(messages[1:5])
        return encode_copy_data(BINARY_HEADER + messages[5:end]) + messages[end:]
