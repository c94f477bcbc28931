"""float4, float8: IEEE 754, big-endian; text is the shortest that reads back the same.

Arrow prints the same digits as PostgreSQL and chooses another point to switch to an exponent; the values on the
other side of that point, and those that are not finite, are printed one by one.
Source: PostgreSQL's src/common/d2s.c and f2s.c (to_chars).
"""

from __future__ import annotations

import math
import re
import struct
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import ValueOutOfRange
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import (
    Mask,
    Numbers,
    fixed_column,
    is_stringlike,
    mapped,
    nulls_of,
    patch,
    plain,
)
from rvbbit_proxy.wire.types.columns import values_of as buffer_values
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.values import WHITESPACE, expect_length, refuse_text, text_value

_ARROW = {4: pa.float32(), 8: pa.float64()}
_NAMES = {4: "real", 8: "double precision"}
_DIGITS = {4: 6, 8: 15}
_FORMS = {4: "!f", 8: "!d"}
# Within these bounds Arrow and PostgreSQL print alike, without an exponent.
_COMMON = {4: (1e-4, 1e6), 8: (1e-4, 1e10)}
_SYNTAX = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORDS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}


def encode_text(column: pa.Array, style: TextStyle, *, width: int) -> pa.Array:
    """Print floats; ``extra_float_digits`` below 1 rounds to that many digits beside the 6 or 15 sure ones."""
    column = plain(column)
    if is_stringlike(column.type):
        return column
    column = _floats(column, width)
    values = buffer_values(column, f"f{width}")
    nulls = nulls_of(column)
    if style.extra_float_digits < 1:
        digits = max(1, _DIGITS[width] + style.extra_float_digits)
        texts = [_rounded(value, digits) for value in values.tolist()]
        return pa.array(texts, pa.string(), mask=nulls)
    rare = _rare(values, width)
    if nulls is not None:
        rare &= ~nulls
    printed = pc.cast(column, pa.string())
    if not rare.any():
        return printed
    if width == 8:
        return patch(printed, rare, [_shortest_double(value) for value in values[rare].tolist()])
    return patch(printed, rare, [shortest(value, width) for value in values[rare]])


def _floats(column: pa.Array, width: int) -> pa.Array:
    return pc.cast(plain(column), _ARROW[width], safe=False)


def _rare(values: Numbers, width: int) -> Mask:
    low, high = _COMMON[width]
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        common = ((size >= low) & (size < high)) | (size == 0)
    rare: Mask = ~common
    return rare


def shortest(value: Any, width: int = 8) -> str:
    """Return the shortest text that reads back as the same float, with PostgreSQL's exponent.

    >>> shortest(1e15), shortest(123456789012345.0), shortest(1e-5), shortest(np.float32(1e6), 4)
    ('1e+15', '123456789012345', '1e-05', '1e+06')
    """
    special = _special(float(value))
    if special is not None:
        return special
    kind = np.float32 if width == 4 else np.float64
    digits = np.format_float_scientific(kind(value), unique=True, trim="-", exp_digits=2)
    exponent = int(digits[digits.index("e") + 1 :])
    if value == 0 or -4 <= exponent < _DIGITS[width]:
        return str(np.format_float_positional(kind(value), unique=True, trim="-"))
    return str(digits)


def _special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return None


def _rounded(value: float, digits: int) -> str:
    return _special(value) or f"{value:.{digits}g}"


def encode_binary(column: pa.Array, *, width: int) -> pa.Array:
    """Return big-endian IEEE floats of ``width`` bytes."""
    column = plain(column)
    if is_stringlike(column.type):
        return mapped(
            column, lambda text: binary_of(decode_text(text.encode(), DEFAULT_STYLE, width=width), width=width)
        )
    column = _floats(column, width)
    return fixed_column(buffer_values(column, f"f{width}").astype(f">f{width}"), nulls_of(column))


def decode_text(data: bytes, style: TextStyle, *, width: int) -> float:
    """Return the float of its text; raises 22003 when it overflows or vanishes."""
    text = text_value(data)
    stripped = text.strip(WHITESPACE)
    word = _WORDS.get(stripped.lstrip("+-").lower())
    if word is not None and stripped[:2] not in ("++", "--", "+-", "-+"):
        return -word if stripped.startswith("-") else word
    if not _SYNTAX.fullmatch(stripped):
        refuse_text(_NAMES[width], text)
    value = _to_width(float(stripped), width)
    vanished = value == 0 and any(digit in "123456789" for digit in re.split("[eE]", stripped)[0])
    if math.isinf(value) or vanished:
        raise ValueOutOfRange(f'"{stripped}" is out of range for type {_NAMES[width]}')
    return value


def _to_width(value: float, width: int) -> float:
    if width == 8:
        return value
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(value))


def decode_binary(data: bytes, *, width: int) -> float:
    """Return the float of its binary form."""
    value: float = struct.unpack(_FORMS[width], expect_length(data, width))[0]
    return value


def text_of(value: Any, style: TextStyle, *, width: int) -> bytes:
    """Print one float."""
    if style.extra_float_digits < 1:
        return _rounded(value, max(1, _DIGITS[width] + style.extra_float_digits)).encode()
    return (_shortest_double(value) if width == 8 else shortest(value, width)).encode()


def _shortest_double(value: float) -> str:
    """Return what :func:`shortest` does for float8, faster: Python prints doubles as PostgreSQL but in one decade."""
    if not math.isfinite(value) or 1e15 <= abs(value) < 1e16:
        return shortest(value)
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def binary_of(value: Any, *, width: int) -> bytes:
    """Return one float's binary form."""
    return struct.pack(_FORMS[width], value)


def codec_of_width(width: int) -> Codec:
    """Return the codec of the floats of 4 or 8 bytes."""
    return Codec(
        partial(encode_text, width=width),
        partial(encode_binary, width=width),
        partial(decode_text, width=width),
        partial(decode_binary, width=width),
        pa.types.is_floating if width == 8 else None,
        partial(text_of, width=width),
        partial(binary_of, width=width),
    )


FLOAT4 = codec_of_width(4)
FLOAT8 = codec_of_width(8)
