"""oid and its kin: xid, cid, regclass and the other reg types, xid8: unsigned, big-endian.

A reg type prints as a name, which only the catalog knows: a column of names prints as it is, and has a binary
form only where the values are numbers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import NotSupported, ValueOutOfRange
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import fixed_column, nulls_of, plain, values_of
from rvbbit_proxy.wire.types.integer import parse_integer
from rvbbit_proxy.wire.types.style import TextStyle
from rvbbit_proxy.wire.types.text import encode_text
from rvbbit_proxy.wire.types.values import expect_length, refuse_range, text_value

_ARROW = {4: pa.uint32(), 8: pa.uint64()}


def encode_binary(column: pa.Array, *, width: int, name: str) -> pa.Array:
    """Return unsigned big-endian numbers; raises NotSupported for names, 22003 for what does not fit."""
    column = plain(column)
    try:
        numbers = pc.cast(column, _ARROW[width])
    except pa.ArrowInvalid as exc:
        if pa.types.is_integer(column.type):
            raise ValueOutOfRange(f"{name} out of range") from exc
        raise NotSupported(
            f"no binary output of {name} values given by name", hint="Ask for this column in text format."
        ) from exc
    return fixed_column(values_of(numbers, f"u{width}").astype(f">u{width}"), nulls_of(numbers))


def decode_text(data: bytes, style: TextStyle, *, width: int, name: str) -> int:
    """Return the number of its text; -1 means the largest, as in PostgreSQL."""
    text, limit = text_value(data), 1 << 8 * width
    number = parse_integer(text, name)
    if not -(limit >> 1) <= number < limit:
        refuse_range(name, text)
    return number % limit


def decode_reg_text(data: bytes, style: TextStyle, *, name: str) -> int | str:
    """Return a number, or the name as it was written for the catalog to resolve."""
    text = text_value(data)
    if text.lstrip("-").isdecimal():
        return decode_text(data, style, width=4, name=name)
    return text


def decode_binary(data: bytes, *, width: int) -> int:
    """Return the number of its binary form."""
    return int.from_bytes(expect_length(data, width))


def codec_of_name(name: str, width: int = 4) -> Codec:
    """Return the codec of an unsigned number type."""
    return Codec(
        encode_text,
        partial(encode_binary, width=width, name=name),
        partial(decode_text, width=width, name=name),
        partial(decode_binary, width=width),
    )


def reg_codec(name: str) -> Codec:
    """Return the codec of a reg type."""
    decode: Any = partial(decode_reg_text, name=name)
    return Codec(
        encode_text,
        partial(encode_binary, width=4, name=name),
        decode,
        partial(decode_binary, width=4),
    )


OID = codec_of_name("oid")
