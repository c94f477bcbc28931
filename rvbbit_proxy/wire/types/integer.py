"""int2, int4, int8: two's complement, big-endian; text in decimal."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import ValueOutOfRange
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import (
    as_text,
    fixed_column,
    is_stringlike,
    mapped,
    nulls_of,
    plain,
    values_of,
)
from rvbbit_proxy.wire.types.style import TextStyle
from rvbbit_proxy.wire.types.values import WHITESPACE, expect_length, refuse_range, refuse_text, text_value

_ARROW = {2: pa.int16(), 4: pa.int32(), 8: pa.int64()}
_NAMES = {2: "smallint", 4: "integer", 8: "bigint"}
_SYNTAX = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[oO](?P<oct>(?:_?[0-7])+)|0[bB](?P<bin>(?:_?[01])+)"
    r"|(?P<dec>[0-9](?:_?[0-9])*))"
)
_BASES = {"hex": 16, "oct": 8, "bin": 2, "dec": 10}


def encode_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print integers of any width."""
    column = plain(column)
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    return as_text(column)


def encode_binary(column: pa.Array, *, width: int) -> pa.Array:
    """Return big-endian integers of ``width`` bytes; raises ValueOutOfRange (22003) when one does not fit."""
    column = plain(column)
    if is_stringlike(column.type):
        return mapped(column, lambda text: binary_of(parse_integer(text, _NAMES[width]), width=width))
    return fixed_column(values_of(to_integers(column, width), f"i{width}").astype(f">i{width}"), nulls_of(column))


def to_integers(column: pa.Array, width: int) -> pa.Array:
    """Return the column as Arrow integers of this many bytes."""
    try:
        return pc.cast(plain(column), _ARROW[width])
    except pa.ArrowInvalid as exc:
        raise ValueOutOfRange(f"{_NAMES[width]} out of range", detail=str(exc)) from exc


def parse_integer(text: str, type_name: str) -> int:
    """Return an integer as PostgreSQL 16 reads it: 0x, 0o, 0b and underscores between digits are fine."""
    match = _SYNTAX.fullmatch(text.strip(WHITESPACE))
    if match is None:
        refuse_text(type_name, text)
    base = match.lastgroup or "dec"
    number = int(match[base].lstrip("_"), _BASES[base])
    return -number if match["sign"] == "-" else number


def decode_text(data: bytes, style: TextStyle, *, width: int) -> int:
    """Return the integer of its text."""
    text, limit = text_value(data), 1 << (8 * width - 1)
    number = parse_integer(text, _NAMES[width])
    if not -limit <= number < limit:
        refuse_range(_NAMES[width], text)
    return number


def decode_binary(data: bytes, *, width: int) -> int:
    """Return the integer of its binary form."""
    return int.from_bytes(expect_length(data, width), signed=True)


def text_of(value: Any, style: TextStyle) -> bytes:
    """Print one integer."""
    return b"%d" % value


def binary_of(value: Any, *, width: int) -> bytes:
    """Return one integer's binary form."""
    try:
        return int(value).to_bytes(width, signed=True)
    except OverflowError as exc:
        raise ValueOutOfRange(f"{_NAMES[width]} out of range") from exc


def codec_of_width(width: int) -> Codec:
    """Return the codec of the integers of 2, 4 or 8 bytes."""
    return Codec(
        encode_text,
        partial(encode_binary, width=width),
        partial(decode_text, width=width),
        partial(decode_binary, width=width),
        pa.types.is_integer,
        text_of,
        partial(binary_of, width=width),
    )


INT2 = codec_of_width(2)
INT4 = codec_of_width(4)
INT8 = codec_of_width(8)
