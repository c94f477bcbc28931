r"""bytea: text as ``\x`` and hex digits, or with octal escapes; binary as it is."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import InvalidTextRepresentation, InvalidValue
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import (
    as_binary,
    binary_column,
    bytes_of,
    is_stringlike,
    mapped,
    nulls_of,
    offsets_of,
    plain,
)
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.values import WHITESPACE, text_value

HEX_PAIRS = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), "V2")
"""The two hex digits of every byte value."""

_ESCAPED = [b"%c" % byte if 32 <= byte < 127 else b"\\%03o" % byte for byte in range(256)]
_ESCAPED[ord("\\")] = b"\\\\"
_ESCAPE_SEQUENCE = re.compile(rb"\\(?:(\\)|([0-3][0-7]{2})|)")


def _bytes(column: pa.Array) -> pa.Array:
    return as_binary(plain(column))


def encode_text(column: pa.Array, style: TextStyle) -> pa.Array:
    r"""Print ``\x`` and hex digits, or escapes under ``bytea_output = escape``."""
    column = plain(column)
    if is_stringlike(column.type):
        return column
    data = _bytes(column)
    if style.bytea_output.lower() == "escape":
        return mapped(data, lambda value: b"".join(_ESCAPED[byte] for byte in value))
    offsets = offsets_of(data)
    digits = HEX_PAIRS[bytes_of(data)].view(np.uint8)
    hexed = binary_column(digits, 2 * (offsets - offsets[0]), nulls_of(data))
    return pc.binary_join_element_wise(pa.scalar(b"\\x", hexed.type), hexed, pa.scalar(b"", hexed.type))


def encode_binary(column: pa.Array) -> pa.Array:
    """Return the bytes; those of a column that came as text are what the text stands for."""
    column = plain(column)
    if is_stringlike(column.type):
        return mapped(column, lambda text: decode_text(text.encode(), DEFAULT_STYLE))
    return _bytes(column)


def decode_text(data: bytes, style: TextStyle) -> bytes:
    """Return the bytes of either text form."""
    if data[:2] == b"\\x":
        return _decode_hex(text_value(data[2:]))
    return _ESCAPE_SEQUENCE.sub(_unescaped, text_value(data).encode())


def _decode_hex(digits: str) -> bytes:
    digits = "".join(digit for digit in digits if digit not in WHITESPACE)
    for digit in digits:
        if digit not in "0123456789abcdefABCDEF":
            raise InvalidValue(f'invalid hexadecimal digit: "{digit}"')
    if len(digits) % 2:
        raise InvalidValue("invalid hexadecimal data: odd number of digits")
    return bytes.fromhex(digits)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return b"\\"
    if match[2]:
        return bytes((int(match[2], 8),))
    raise InvalidTextRepresentation("invalid input syntax for type bytea")


def decode_binary(data: bytes) -> bytes:
    """Return the bytes."""
    return data


def text_of(value: bytes, style: TextStyle) -> bytes:
    """Print one value's bytes."""
    if style.bytea_output.lower() == "escape":
        return b"".join(_ESCAPED[byte] for byte in value)
    return b"\\x" + value.hex().encode()


BYTEA = Codec(encode_text, encode_binary, decode_text, decode_binary, pa.types.is_binary, text_of, bytes)
