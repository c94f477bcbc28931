"""bool: t and f; one byte in binary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import fixed_column, is_stringlike, nulls_of, plain
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.values import WHITESPACE, expect_length, refuse_text, text_value

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _bytes_of_booleans(column: pa.Array, true: int, false: int) -> pa.Array:
    column = plain(column)
    if is_stringlike(column.type):
        truths = [
            None if text is None else decode_text(text.encode(), DEFAULT_STYLE) for text in column.to_pylist()
        ]
        column = pa.array(truths, pa.bool_())
    filled = pc.fill_null(pc.cast(column, pa.bool_()), False).to_numpy(zero_copy_only=False)
    return fixed_column(np.where(filled, np.uint8(true), np.uint8(false)), nulls_of(column))


def encode_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print t and f."""
    return _bytes_of_booleans(column, ord("t"), ord("f"))


def encode_binary(column: pa.Array) -> pa.Array:
    """Return one byte, 1 or 0."""
    return _bytes_of_booleans(column, 1, 0)


def decode_text(data: bytes, style: TextStyle) -> bool:
    """Return the truth value; any unique beginning of true, false, yes, no, on, off will do, and 1 and 0."""
    text = text_value(data)
    word = text.strip(WHITESPACE).lower()
    meanings = {value for name, value in _WORDS.items() if name.startswith(word)}
    if not word or len(meanings) != 1:
        refuse_text("boolean", text)
    return meanings.pop()


def decode_binary(data: bytes) -> bool:
    """Return the truth value of one byte."""
    return expect_length(data, 1) != b"\0"


def text_of(value: Any, style: TextStyle) -> bytes:
    """Print one truth value."""
    return b"t" if value else b"f"


def binary_of(value: Any) -> bytes:
    """Return one truth value's byte."""
    return b"\1" if value else b"\0"


BOOL = Codec(encode_text, encode_binary, decode_text, decode_binary, pa.types.is_boolean, text_of, binary_of)
