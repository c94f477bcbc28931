"""What the decoders of single values share: text, lengths, PostgreSQL's words for bad input."""

from __future__ import annotations

from typing import NoReturn

from rvbbit_proxy.errors import (
    InvalidBinaryRepresentation,
    InvalidEncoding,
    InvalidTextRepresentation,
    ProtocolError,
    ValueOutOfRange,
)
from rvbbit_proxy.wire.frontend import decode_utf8

WHITESPACE = " \t\n\r\v\f"
"""What PostgreSQL's input functions strip: isspace() in the C locale."""


def text_value(data: bytes) -> str:
    """Return the text of a value; raises InvalidEncoding (22021) for what is not UTF-8 or holds a NUL."""
    if b"\0" in data:
        raise InvalidEncoding('invalid byte sequence for encoding "UTF8": 0x00')
    return decode_utf8(data)


def refuse_text(type_name: str, text: str) -> NoReturn:
    """Raise InvalidTextRepresentation (22P02) as PostgreSQL words it."""
    raise InvalidTextRepresentation(f'invalid input syntax for type {type_name}: "{text}"')


def refuse_range(type_name: str, text: str) -> NoReturn:
    """Raise ValueOutOfRange (22003) as PostgreSQL words it."""
    raise ValueOutOfRange(f'value "{text}" is out of range for type {type_name}')


def expect_length(data: bytes, length: int) -> bytes:
    """Return the binary value if it has this length; raises 08P01 when short, 22P03 when long."""
    if len(data) < length:
        raise ProtocolError("insufficient data left in message")
    if len(data) > length:
        raise InvalidBinaryRepresentation("incorrect binary data format")
    return data
