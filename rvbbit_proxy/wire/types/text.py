"""text, varchar, bpchar, name, "char", xml, unknown, enums: their bytes, in both formats."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import as_text, is_stringlike, plain
from rvbbit_proxy.wire.types.style import TextStyle
from rvbbit_proxy.wire.types.values import text_value


def encode_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Return the column's text as it is."""
    return as_text(plain(column))


def encode_binary(column: pa.Array) -> pa.Array:
    """Return the column's text as it is."""
    return as_text(plain(column))


def decode_text(data: bytes, style: TextStyle) -> str:
    """Return the text."""
    return text_value(data)


def text_of(value: Any, style: TextStyle) -> bytes:
    """Return one text's bytes."""
    return str(value).encode()


def binary_of(value: Any) -> bytes:
    """Return one text's bytes."""
    return str(value).encode()


TEXT = Codec(encode_text, encode_binary, decode_text, text_value, is_stringlike, text_of, binary_of)
