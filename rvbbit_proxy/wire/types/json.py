"""json, jsonb: text as it is; binary jsonb has a version byte 1 before it.

Differs from PostgreSQL: jsonb text is not normalised, because the upstream holds json as text.
Parameters are kept as text, after a check that they parse.
"""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import InvalidBinaryRepresentation, InvalidTextRepresentation, ProtocolError
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import as_binary, is_stringlike
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.text import binary_of, encode_text, text_of
from rvbbit_proxy.wire.types.text import encode_binary as encode_plain
from rvbbit_proxy.wire.types.values import text_value

_VERSION = b"\x01"


def encode_jsonb_binary(column: pa.Array) -> pa.Array:
    """Return the text with the version byte before it."""
    text = as_binary(encode_plain(column))
    return pc.binary_join_element_wise(pa.scalar(_VERSION, text.type), text, pa.scalar(b"", text.type))


def _refuse_constant(name: str) -> None:
    raise ValueError(f'Token "{name}" is invalid.')


def decode_text(data: bytes, style: TextStyle) -> str:
    """Return json text that is known to parse; raises 22P02."""
    text = text_value(data)
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise InvalidTextRepresentation("invalid input syntax for type json", detail=str(exc)) from exc
    return text


def decode_binary(data: bytes) -> str:
    """Return json's text: the binary form is the same."""
    return decode_text(data, DEFAULT_STYLE)


def decode_jsonb_binary(data: bytes) -> str:
    """Return jsonb's text."""
    if not data:
        raise ProtocolError("insufficient data left in message")
    if data[:1] != _VERSION:
        raise InvalidBinaryRepresentation(f"unsupported jsonb version number {data[0]}")
    return decode_text(data[1:], DEFAULT_STYLE)


JSON = Codec(encode_text, encode_plain, decode_text, decode_binary, is_stringlike, text_of, binary_of)
JSONB = Codec(encode_text, encode_jsonb_binary, decode_text, decode_jsonb_binary)
