"""uuid: 16 bytes; text in groups of 8-4-4-4-12 lower-case hex digits."""

from __future__ import annotations

import re
import uuid

import numpy as np
import pyarrow as pa

from rvbbit_proxy.wire.types.bytea import HEX_PAIRS
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import as_text, mapped, matrix_column, nulls_of, plain, values_of
from rvbbit_proxy.wire.types.style import TextStyle
from rvbbit_proxy.wire.types.values import expect_length, refuse_text, text_value

# where each of the 32 digits stands among the 36 characters
_DIGIT_PLACES = np.array([place for place in range(36) if place not in (8, 13, 18, 23)])
_SYNTAX = re.compile(r"(?P<open>\{)?[0-9a-fA-F]{4}(?:-?[0-9a-fA-F]{4}){7}(?(open)\})")


def encode_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print uuids that came as 16 bytes; text stays as it is."""
    column = plain(column)
    if not pa.types.is_fixed_size_binary(column.type):
        return as_text(column)
    digits = HEX_PAIRS[values_of(column, "V16").view(np.uint8)].view(np.uint8).reshape(-1, 32)
    matrix = np.full((len(column), 36), ord("-"), np.uint8)
    matrix[:, _DIGIT_PLACES] = digits
    return matrix_column(matrix, nulls_of(column))


def encode_binary(column: pa.Array) -> pa.Array:
    """Return 16 bytes for each uuid."""
    column = plain(column)
    if pa.types.is_fixed_size_binary(column.type):
        return column
    return mapped(as_text(column), lambda text: _parse(text).bytes).cast(pa.binary(16))


def _parse(text: str) -> uuid.UUID:
    if not _SYNTAX.fullmatch(text):
        refuse_text("uuid", text)
    return uuid.UUID(text)


def decode_text(data: bytes, style: TextStyle) -> uuid.UUID:
    """Return the uuid; hyphens may stand after any group of four digits, braces around it."""
    return _parse(text_value(data))


def decode_binary(data: bytes) -> uuid.UUID:
    """Return the uuid of its 16 bytes."""
    return uuid.UUID(bytes=expect_length(data, 16))


UUID = Codec(encode_text, encode_binary, decode_text, decode_binary)
