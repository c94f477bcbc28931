"""Whole batches of rows as DataRow messages, encoded by column.

A DataRow is a head, then for each column a length and a value. Heads, lengths and fixed-width values are fields of
numpy structured arrays; what has no fixed width lies between two such arrays. All lie one after another in one
Arrow column, from which one ``take`` picks them row by row (4 ns each; Arrow's element-wise join needs 7), so that
the data buffer of its result is the wire bytes. Batches of a few rows go row by row, which is faster there; both
ways give the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import NotSupported, RvbbitError
from rvbbit_proxy.wire.backend import encode_row_body, spread_formats
from rvbbit_proxy.wire.types.columns import (
    INT32_LIMIT,
    Numbers,
    as_binary,
    bytes_of,
    even_column,
    items_of,
    lengths_of,
    width_of,
)
from rvbbit_proxy.wire.types.registry import encode_column, wire_type
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle

DATA_ROW = b"D"
COPY_DATA = b"d"
BINARY = 1
FEW_ROWS = 32
"""Up to so many rows the per-row way is faster (measured: they meet at about 60)."""
_FEW_RAW_ROWS = 64
_USUAL_ROWS = 2048
"""The batches of a stream have a multiple of so many rows: what depends on that number alone is kept."""


class TypedColumn(Protocol):
    """What the encoder needs to know of a result column."""

    @property
    def type_oid(self) -> int: ...


def encode_data_rows(
    batch: pa.RecordBatch,
    columns: Sequence[TypedColumn],
    formats: Sequence[int] = (),
    style: TextStyle = DEFAULT_STYLE,
    *,
    message_type: bytes = DATA_ROW,
) -> bytes:
    """Return one DataRow message per row, concatenated.

    ``formats`` is none (all text), one for all, or one per column. With ``message_type`` ``d`` the messages are
    the CopyData of COPY's binary format, which are built alike.
    """
    codes = spread_formats(formats, len(columns))
    oids = [column.type_oid for column in columns]
    if batch.num_rows <= FEW_ROWS:
        return _encode_by_row(batch, oids, codes, style, message_type)
    return _encode_by_column(batch, oids, codes, style, message_type)


def encode_raw_rows(
    rows: Sequence[Sequence[bytes | None]],
    row_formats: Sequence[int] = (),
    columns: Sequence[TypedColumn] = (),
    formats: Sequence[int] = (),
    *,
    message_type: bytes = DATA_ROW,
) -> bytes:
    """Return one DataRow message per row of values that already are wire forms.

    ``row_formats`` are the formats they have, ``formats`` those the client wants; where columns differ, text is
    made binary. Raises NotSupported for the other way round.
    """
    have, want = spread_formats(row_formats, len(columns)), spread_formats(formats, len(columns))
    if have != want:
        rows = _with_formats(rows, [column.type_oid for column in columns], have, want)
    if len(rows) <= _FEW_RAW_ROWS:
        return b"".join(_message(message_type, encode_row_body(row)) for row in rows)
    columns = [pa.array(values, pa.large_binary()) for values in zip(*rows, strict=True)]
    return join_rows(columns, len(rows), message_type)


def _with_formats(
    rows: Sequence[Sequence[bytes | None]], oids: Sequence[int], have: Sequence[int], want: Sequence[int]
) -> Sequence[Sequence[bytes | None]]:
    if not rows:
        return rows
    columns = [
        values if source == target else _to_binary(values, oid, target)
        for values, oid, source, target in zip(zip(*rows, strict=True), oids, have, want, strict=True)
    ]
    return list(zip(*columns, strict=True))


def _to_binary(values: Sequence[bytes | None], oid: int, target: int) -> Sequence[bytes | None]:
    if target != BINARY:
        raise NotSupported("rows that came in binary format cannot be sent as text")
    texts = pa.array([None if value is None else value.decode() for value in values], pa.string())
    encoded: list[bytes | None] = as_binary(encode_column(texts, oid, BINARY)).to_pylist()
    return encoded


def _message(message_type: bytes, body: bytes) -> bytes:
    return message_type + struct.pack("!I", len(body) + 4) + body


# --- by column --------------------------------------------------------------------------------------------


def _encode_by_column(
    batch: pa.RecordBatch, oids: Sequence[int], codes: Sequence[int], style: TextStyle, message_type: bytes
) -> bytes:
    encoded = [
        encode_column(column, oid, code, style)
        for column, oid, code in zip(batch.columns, oids, codes, strict=True)
    ]
    return join_rows(encoded, batch.num_rows, message_type)


def join_rows(columns: Sequence[pa.Array], rows: int, message_type: bytes) -> bytes:
    """Return the messages of encoded columns; each is string, binary or fixed_size_binary of ``rows`` values."""
    widths = [width_of(column) for column in columns]
    lengths = [
        lengths_of(column) if width is None else width for column, width in zip(columns, widths, strict=True)
    ]
    sizes = _sizes(lengths, rows)
    fields = _Fields(rows)
    fields.add("S1", np.bytes_(message_type))
    fields.add(">i4", sizes)
    fields.add(">i2", len(columns))
    pieces: list[pa.Array] = []
    for column, width, column_lengths in zip(columns, widths, lengths, strict=True):
        fields.add(">i4", column_lengths)
        if width is None:
            pieces += [fields.cut(), as_binary(column)]
        elif width:
            fields.add(f"V{width}", items_of(column, width))
    if not pieces:
        return fields.packed().tobytes()
    if not fields.is_empty:
        pieces.append(fields.cut())
    return _interleave(pieces, int(sizes.sum()) + rows)


def _sizes(lengths: Sequence[Numbers | int], rows: int) -> Numbers:
    """Return the length each message tells of itself; raises 54000 where it cannot."""
    sizes = np.full(rows, 6 + 4 * len(lengths) + sum(length for length in lengths if isinstance(length, int)))
    for length in lengths:
        if not isinstance(length, int):
            sizes += np.maximum(length, 0)
    if int(sizes.max(initial=0)) > INT32_LIMIT:
        raise RvbbitError("row is too large for the protocol", sqlstate="54000")
    return sizes


def join_messages(message_type: bytes, bodies: pa.Array) -> bytes:
    """Return one message per value of a binary column without NULLs."""
    fields = _Fields(len(bodies))
    lengths = lengths_of(bodies)
    fields.add("S1", np.bytes_(message_type))
    fields.add(">i4", lengths.astype(np.int64) + 4)
    return _interleave([fields.cut(), as_binary(bodies)], int(lengths.sum()) + 5 * len(bodies))


def _interleave(pieces: Sequence[pa.Array], total_bytes: int) -> bytes:
    large = total_bytes > INT32_LIMIT or any(pa.types.is_large_binary(piece.type) for piece in pieces)
    kind = pa.large_binary() if large else pa.binary()
    columns = [piece if piece.type == kind else piece.cast(kind) for piece in pieces]
    rows = len(columns[0])
    order = (_order if rows % _USUAL_ROWS else _usual_order)(rows, len(columns))
    return bytes_of(pc.take(pa.concat_arrays(columns), order, boundscheck=False)).tobytes()


def _order(rows: int, pieces: int) -> pa.Array:
    """Return where among the pieces, one after another, each row's stand."""
    form = np.int32 if rows * pieces <= INT32_LIMIT else np.int64
    places = np.arange(rows * pieces, dtype=form).reshape(pieces, rows)
    return pa.array(np.ascontiguousarray(places.T).reshape(-1))


_usual_order = lru_cache(4)(_order)


class _Fields:
    """Fixed-width fields side by side, one item per row."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._fields: list[tuple[str, Any]] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added since the last cut."""
        return not self._fields

    def add(self, form: str, values: Any) -> None:
        """Put a field after the others; ``values`` is one for all rows or one each."""
        self._fields.append((form, values))

    def packed(self) -> Numbers:
        """Return the fields as a structured array."""
        table = np.empty(self._rows, _structure(tuple(form for form, _ in self._fields)))
        for place, (_, values) in enumerate(self._fields):
            table[f"f{place}"] = values
        return table

    def cut(self) -> pa.Array:
        """Return the fields as a binary column and start anew."""
        column = even_column(self.packed(), None)
        self._fields = []
        return column


@lru_cache(1024)
def _structure(forms: tuple[str, ...]) -> np.dtype[np.void]:
    return np.dtype([(f"f{place}", form) for place, form in enumerate(forms)])


# --- by row -----------------------------------------------------------------------------------------------


def _encode_by_row(
    batch: pa.RecordBatch, oids: Sequence[int], codes: Sequence[int], style: TextStyle, message_type: bytes
) -> bytes:
    columns = [
        _encode_values(column, oid, code, style)
        for column, oid, code in zip(batch.columns, oids, codes, strict=True)
    ]
    rows = zip(*columns, strict=True) if columns else [()] * batch.num_rows
    return b"".join(_message(message_type, encode_row_body(row)) for row in rows)


def _encode_values(column: pa.Array, oid: int, code: int, style: TextStyle) -> list[bytes | None]:
    codec = wire_type(oid).codec
    if codec.is_native is not None and codec.is_native(column.type):
        if code and codec.binary_of is not None:
            return [None if value is None else codec.binary_of(value) for value in column.to_pylist()]
        if not code and codec.text_of is not None:
            return [None if value is None else codec.text_of(value, style) for value in column.to_pylist()]
    encoded: list[bytes | None] = as_binary(encode_column(column, oid, code, style)).to_pylist()
    return encoded
