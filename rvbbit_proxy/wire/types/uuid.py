"""uuid: 16 bytes; text in groups of 8-4-4-4-12 lower-case hex digits."""

from __future__ import annotations

import re
import uuid

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.wire.types.bytea import HEX_PAIRS
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import (
    as_binary,
    as_text,
    bytes_of,
    lengths_of,
    mapped,
    matrix_column,
    nulls_of,
    plain,
    values_of,
)
from rvbbit_proxy.wire.types.style import TextStyle
from rvbbit_proxy.wire.types.values import expect_length, refuse_text, text_value

# where each of the 32 digits stands among the 36 characters
_DIGIT_PLACES = np.array([place for place in range(36) if place not in (8, 13, 18, 23)])
_HYPHEN_PLACES = np.array([8, 13, 18, 23])
_HYPHEN, _NO_DIGIT = 16, 17
_NIBBLES = np.full(256, _NO_DIGIT, np.uint8)
for _digit in range(16):
    _NIBBLES[ord(f"{_digit:x}")] = _NIBBLES[ord(f"{_digit:X}")] = _digit
_NIBBLES[ord("-")] = _HYPHEN
_NIL = str(uuid.UUID(int=0))
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
    text = as_text(column)
    packed = _packed(text)
    if packed is not None:
        return matrix_column(packed, nulls_of(text))
    return mapped(text, lambda value: _parse(value).bytes).cast(pa.binary(16))


def _packed(text: pa.Array) -> npt.NDArray[np.uint8] | None:
    """Return the (rows, 16) bytes of uuids all in the usual form; None if one is not."""
    text = as_binary(pc.fill_null(text, _NIL))
    if (lengths_of(text) != 36).any():
        return None
    digits = _NIBBLES[bytes_of(text).reshape(-1, 36)]
    if (digits[:, _HYPHEN_PLACES] != _HYPHEN).any():
        return None
    nibbles = digits[:, _DIGIT_PLACES]
    if (nibbles > 15).any():
        return None
    return nibbles[:, ::2] * np.uint8(16) + nibbles[:, 1::2]


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
