"""bit, varbit: text of 0 and 1; binary is the count of bits and the bits, left-aligned."""

from __future__ import annotations

import struct

import pyarrow as pa

from rvbbit_proxy.errors import InvalidBinaryRepresentation, InvalidTextRepresentation, ProtocolError
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import as_text, mapped, plain
from rvbbit_proxy.wire.types.style import TextStyle
from rvbbit_proxy.wire.types.text import encode_text
from rvbbit_proxy.wire.types.values import text_value


def encode_binary(column: pa.Array) -> pa.Array:
    """Return count and bits of each string of 0 and 1."""
    return mapped(as_text(plain(column)), binary_of)


def binary_of(bits: str) -> bytes:
    """Return count and bits.

    >>> binary_of("101").hex()
    '00000003a0'
    """
    size = -(-len(bits) // 8)
    packed = int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size)
    return struct.pack("!I", len(bits)) + packed


def decode_text(data: bytes, style: TextStyle) -> str:
    """Return the bits as 0 and 1; ``B`` and ``X`` may stand before binary and hex digits."""
    text = text_value(data)
    if text[:1] in ("x", "X"):
        return "".join(_nibble(digit) for digit in text[1:])
    bits = text[1:] if text[:1] in ("b", "B") else text
    for digit in bits:
        if digit not in "01":
            raise InvalidTextRepresentation(f'"{digit}" is not a valid binary digit')
    return bits


def _nibble(digit: str) -> str:
    if digit not in "0123456789abcdefABCDEF":
        raise InvalidTextRepresentation(f'"{digit}" is not a valid hexadecimal digit')
    return f"{int(digit, 16):04b}"


def decode_binary(data: bytes) -> str:
    """Return the bits as 0 and 1."""
    if len(data) < 4:
        raise ProtocolError("insufficient data left in message")
    count = int.from_bytes(data[:4], signed=True)
    if count < 0 or len(data) - 4 != -(-count // 8):
        raise InvalidBinaryRepresentation("invalid length in external bit string")
    return "".join(f"{byte:08b}" for byte in data[4:])[:count]


BIT = Codec(encode_text, encode_binary, decode_text, decode_binary)
