"""numeric: text with all digits of its scale; binary as digits of base 10,000.

The binary form is built for the whole column: header and base-10,000 digits are a matrix (one row per value, the
point between two columns of it), of which each row keeps the header and what lies between its first and last digit
other than 0.
Source: PostgreSQL's src/backend/utils/adt/numeric.c (numeric_send).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import InvalidBinaryRepresentation, ProtocolError
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import (
    Mask,
    Numbers,
    as_text,
    binary_column,
    bytes_of,
    is_stringlike,
    mapped,
    nulls_of,
    offsets_from,
    patch,
    plain,
    values_of,
)
from rvbbit_proxy.wire.types.floating import encode_text as encode_float_text
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.values import WHITESPACE, refuse_range, refuse_text, text_value

_BASE = 10_000
_NEGATIVE, _NAN, _INFINITY, _MINUS_INFINITY = 0x4000, 0xC000, 0xD000, 0xF000
_SPECIAL_SIGNS = {_NAN: "NaN", _INFINITY: "Infinity", _MINUS_INFINITY: "-Infinity"}
_SPECIAL_WORDS = {"nan": "NaN", "inf": "Infinity", "infinity": "Infinity"}
_SYNTAX = re.compile(
    r"[+-]?(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9]+)?"
)
_MAX_EXPONENT = 131_072 + 16_383
_HEADER_DIGITS = 4
_INT64_DIGITS = 19
_FAST_SCALE = 16
"""A fraction of so many digits, filled up to whole groups, is a 64-bit integer."""
_WHOLE = r"^-?[0-9]{1,38}$"


def encode_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print decimals with their scale; integers, floats and text as they are."""
    column = plain(column)
    if pa.types.is_floating(column.type):
        return encode_float_text(column, DEFAULT_STYLE, width=8)
    printed = as_text(column)
    if not pa.types.is_decimal(column.type) or column.type.scale <= 6:
        return printed
    # Arrow prints values near 0 with an exponent
    tiny = pc.fill_null(pc.match_substring(printed, "E"), False).to_numpy(zero_copy_only=False)
    if not tiny.any():
        return printed
    return patch(printed, tiny, [f"{Decimal(text):f}" for text in printed.filter(pa.array(tiny)).to_pylist()])


def encode_binary(column: pa.Array) -> pa.Array:
    """Return PostgreSQL's digits of a decimal, integer, float or text column."""
    column = plain(column)
    if pa.types.is_integer(column.type):
        column = pc.cast(column, pa.decimal128(20, 0))
    if is_stringlike(column.type) and pc.all(pc.match_substring_regex(column, _WHOLE)).as_py() is not False:
        column = pc.cast(column, pa.decimal128(38, 0))
    if not pa.types.is_decimal(column.type):
        return mapped(as_text(encode_text(column, DEFAULT_STYLE)), lambda text: binary_of(_parse(text)))
    scale = column.type.scale
    if scale < 0:
        column, scale = pc.cast(column, pa.decimal256(76, 0)), 0
    low = _as_integers(column) if scale <= _FAST_SCALE else None
    if low is not None:
        size = np.abs(low).view(np.uint64)
        groups, integer_groups = _groups_of_integers(size, min(column.type.precision, _INT64_DIGITS), scale)
        return _digits_column(column, groups, low < 0, integer_groups, scale)
    groups, negative, integer_groups = _groups_of_text(column, scale)
    return _digits_column(column, groups, negative, integer_groups, scale)


def _as_integers(column: pa.Array) -> Numbers | None:
    """Return decimals times 10**scale as int64; None if one does not fit."""
    if not pa.types.is_decimal128(column.type):
        return None
    halves = values_of(column, np.dtype((np.int64, (2,)))).reshape(-1, 2)
    low, high = np.ascontiguousarray(halves[:, 0]), halves[:, 1]
    beyond, nulls = high != low >> 63, nulls_of(column)
    return None if (beyond if nulls is None else beyond & ~nulls).any() else low


def _groups_of_integers(size: Numbers, precision: int, scale: int) -> tuple[list[Numbers], int]:
    """Return the base-10,000 digits of size / 10**scale, most significant first, and how many stand before the point."""
    integer_groups, fraction_groups = -(-(precision - scale) // 4), -(-scale // 4)
    whole = size // 10**scale
    fraction = (size - whole * 10**scale) * 10 ** (4 * fraction_groups - scale)
    return _split(whole, integer_groups) + _split(fraction, fraction_groups), integer_groups


def _split(number: Numbers, count: int) -> list[Numbers]:
    groups: list[Numbers] = []
    for _ in range(count):
        rest = number // _BASE  # by a constant: numpy multiplies, as divmod does not
        groups.append((number - rest * _BASE).astype(np.int16))
        number = rest
    return groups[::-1]


def _groups_of_text(column: pa.Array, scale: int) -> tuple[list[Numbers], npt.NDArray[np.bool_], int]:
    """Return base-10,000 digits, signs and the groups before the point of decimals of any precision."""
    unscaled = pa.Array.from_buffers(
        _unscaled_type(column.type), len(column), column.buffers(), offset=column.offset
    )
    printed = pc.fill_null(pc.cast(unscaled, pa.string()), "0")
    negative = pc.starts_with(printed, "-").to_numpy(zero_copy_only=False)
    integer_groups = -(-max(column.type.precision - scale, 1) // 4)
    fraction_groups = -(-scale // 4)
    width = 4 * integer_groups + scale
    padded = pc.ascii_lpad(pc.ascii_ltrim(printed, "-"), width, "0")
    digits = np.zeros((len(column), 4 * (integer_groups + fraction_groups)), np.int16)
    offset = padded.offset * width
    characters = np.frombuffer(padded.buffers()[2] or b"", np.uint8, len(column) * width, offset)
    digits[:, :width] = characters.reshape(-1, width) - ord("0")
    places = np.array([1000, 100, 10, 1], np.int16)
    groups = digits.reshape(len(column), integer_groups + fraction_groups, 4) @ places
    return list(groups.T), negative, integer_groups


def _unscaled_type(kind: pa.DataType) -> pa.DataType:
    make = pa.decimal256 if pa.types.is_decimal256(kind) else pa.decimal128
    return make(kind.precision, 0)


def _digits_column(
    column: pa.Array, groups: list[Numbers], negative: npt.NDArray[np.bool_], integer_groups: int, scale: int
) -> pa.Array:
    """Return header and digits of each value: ndigits, weight, sign, dscale, digits."""
    rows, width = len(column), len(groups)
    first, last = _zeros_before(groups, rows), width - _zeros_before(groups[::-1], rows)
    count = np.maximum(last - first, 0)
    table = np.empty((rows, _HEADER_DIGITS + width), ">i2")
    table[:, 0] = count
    table[:, 1] = np.where(count > 0, integer_groups - 1 - first, 0)
    table[:, 2] = np.where(negative, _NEGATIVE, 0)
    table[:, 3] = scale
    for place, group in enumerate(groups, start=_HEADER_DIGITS):
        table[:, place] = group
    return _trimmed(table, first, count, nulls_of(column))


def _zeros_before(groups: Sequence[Numbers], rows: int) -> Numbers:
    """Return how many groups of each row are 0 before the first that is not."""
    zeros, so_far = np.zeros(rows, np.int64), np.ones(rows, np.bool_)
    for group in groups:
        so_far &= group == 0
        zeros += so_far
    return zeros


def _trimmed(table: Numbers, first: Numbers, count: Numbers, nulls: Mask | None) -> pa.Array:
    """Return each row's header and ``count`` digits from its digit ``first`` on."""
    rows, width = table.shape
    cuts = np.empty((rows, 4), np.int64)  # where header, skipped digits, digits, and more skipped ones begin
    cuts[:, 0] = np.arange(0, rows * width, width)
    cuts[:, 1] = cuts[:, 0] + _HEADER_DIGITS
    cuts[:, 2] = cuts[:, 1] + first
    cuts[:, 3] = cuts[:, 2] + count
    parts = binary_column(table.reshape(-1).view(np.uint8), 2 * np.append(cuts, rows * width), None)
    kept = bytes_of(parts.take(pa.array(np.arange(0, 4 * rows, 2))))
    return binary_column(kept, offsets_from(2 * (_HEADER_DIGITS + count)), nulls)


def text_of(value: Any, style: TextStyle) -> bytes:
    """Print one Decimal or integer."""
    return b"%d" % value if isinstance(value, int) else f"{value:f}".encode()


def binary_of(value: Any) -> bytes:
    """Return the binary form of one Decimal or integer.

    >>> binary_of(Decimal("-12345.60")).hex()
    '0003000140000002000109291770'
    """
    value = value if isinstance(value, Decimal) else _parse(str(value))
    if not value.is_finite():
        sign = _NAN if value.is_nan() else _INFINITY if value > 0 else _MINUS_INFINITY
        # the scale of infinity is an accident of PostgreSQL's header bits
        return struct.pack("!HhHH", 0, 0, sign, 0 if value.is_nan() else 0x20)
    whole, _, fraction = f"{value.copy_abs():f}".partition(".")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    padded = whole + fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    digits = [int(padded[place : place + 4]) for place in range(0, len(padded), 4)]
    weight = len(whole) // 4 - 1
    while digits and digits[0] == 0:
        digits, weight = digits[1:], weight - 1
    while digits and digits[-1] == 0:
        digits.pop()
    sign = _NEGATIVE if value.is_signed() and digits else 0
    head = struct.pack("!HhHH", len(digits), weight if digits else 0, sign, len(fraction))
    return head + struct.pack(f"!{len(digits)}H", *digits)


def _parse(text: str) -> Decimal:
    stripped = text.strip(WHITESPACE)
    unsigned = stripped[1:] if stripped[:1] in ("+", "-") else stripped
    word = _SPECIAL_WORDS.get(unsigned.lower())
    if word is not None and not (word == "NaN" and unsigned != stripped):
        return Decimal(stripped[: len(stripped) - len(unsigned)] + word)
    if not _SYNTAX.fullmatch(stripped):
        return Decimal(_parse_based(stripped, text))
    value = Decimal(stripped)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and not -_MAX_EXPONENT <= exponent <= _MAX_EXPONENT:
        refuse_range("numeric", text)
    # PostgreSQL has neither a negative scale nor a negative 0
    value = Decimal(f"{value:f}") if isinstance(exponent, int) and exponent > 0 else value
    return value if value else value.copy_abs()


def _parse_based(stripped: str, text: str) -> int:
    match = re.fullmatch(r"([+-]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)", stripped)
    if match is None:
        refuse_text("numeric", text)
    return int(match[1] + match[2], 0)


def decode_text(data: bytes, style: TextStyle) -> Decimal:
    """Return the Decimal of its text, scale kept; NaN and infinities are Decimal's own."""
    return _parse(text_value(data))


def decode_binary(data: bytes) -> Decimal:
    """Return the Decimal of its binary form, scale kept."""
    if len(data) < 8:
        raise ProtocolError("insufficient data left in message")
    count, weight, sign, scale = struct.unpack_from("!HhHH", data)
    if sign in _SPECIAL_SIGNS:
        return Decimal(_SPECIAL_SIGNS[sign])
    if sign not in (0, _NEGATIVE):
        raise InvalidBinaryRepresentation('invalid sign in external "numeric" value')
    if scale & 0xC000:
        raise InvalidBinaryRepresentation('invalid scale in external "numeric" value')
    if len(data) != 8 + 2 * count:
        raise InvalidBinaryRepresentation("incorrect binary data format")
    digits = struct.unpack_from(f"!{count}H", data, 8)
    if any(digit >= _BASE for digit in digits):
        raise InvalidBinaryRepresentation('invalid digit in external "numeric" value')
    return _assemble(digits, weight, scale, negative=sign == _NEGATIVE)


def _assemble(digits: tuple[int, ...], weight: int, scale: int, *, negative: bool) -> Decimal:
    shown = "".join(f"{digit:04d}" for digit in digits)
    point = 4 * (weight + 1)
    whole = shown[: max(point, 0)].ljust(max(point, 0), "0")
    fraction = ("0" * max(-point, 0) + shown[max(point, 0) :]).ljust(scale, "0")[:scale]
    sign = "-" if negative and (whole + fraction).strip("0") else ""
    return Decimal(f"{sign}{whole or '0'}.{fraction}" if scale else f"{sign}{whole or '0'}")


NUMERIC = Codec(encode_text, encode_binary, decode_text, decode_binary, pa.types.is_decimal, text_of, binary_of)
