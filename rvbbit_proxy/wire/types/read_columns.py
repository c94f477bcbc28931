"""Columns of wire forms to Arrow's own types, all values at once.

Only what the codecs of single values would read in the same way: :func:`read_column` gives None for a column with
anything else in it, faults too, and the caller then reads it value by value.
Source: https://www.postgresql.org/docs/16/datatype.html; each type's recv function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.wire.types import oids, uuid
from rvbbit_proxy.wire.types.columns import Numbers, bytes_of, lengths_of, nulls_of, offsets_of
from rvbbit_proxy.wire.types.datetime import EPOCH_DAYS, EPOCH_US
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE
from rvbbit_proxy.wire.types.zones import DAY_US

Read = Callable[[pa.Array], pa.Array | None]

_TRUE, _FALSE = ("t", "true", "1"), ("f", "false", "0")
_DAY, _MINUTE = len("2024-01-31"), len("2024-01-31 10:00")
_YEAR_ONE_DAY = -719_162
_LAST_DAY = 2_932_896  # 9999-12-31
_INT64_DIGITS = 18
_BASE_DIGITS = 4
_NUMERIC_HEAD_BYTES = 8
_NEGATIVE = 0x4000


def read_column(column: pa.Array, type_oid: int, format_code: int) -> pa.Array | None:
    """Return the values of a string column of text forms, or a binary column of binary forms; None: not so easy."""
    read = (_BINARY if format_code else _TEXT).get(type_oid)
    try:
        return None if read is None else read(column)
    except pa.ArrowInvalid:
        return None


def _all(column: pa.Array) -> bool:
    return bool(pc.all(column, min_count=0).as_py())


def _any(column: pa.Array) -> bool:
    return bool(pc.any(column, min_count=0).as_py())


# --- text -------------------------------------------------------------------------------------------------


def _same(column: pa.Array) -> pa.Array:
    return column


def _booleans(column: pa.Array) -> pa.Array | None:
    places = pc.index_in(column, pa.array(_TRUE + _FALSE))
    if places.null_count != column.null_count:
        return None
    return pc.less(places, len(_TRUE))


def _integers(kind: pa.DataType) -> Read:
    def read(column: pa.Array) -> pa.Array | None:
        if _any(pc.match_substring(column, "x", ignore_case=True)):
            return None  # Arrow lets hexadecimal wrap around
        return pc.cast(column, kind)

    return read


def _floats(kind: pa.DataType) -> Read:
    def read(column: pa.Array) -> pa.Array | None:
        numbers = pc.cast(column, kind)
        if not _all(pc.is_finite(numbers)):
            return None  # infinity, or too large
        vanished = pc.and_(pc.equal(numbers, pa.scalar(0, kind)), pc.match_substring_regex(column, "[1-9]"))
        return None if _any(vanished) else numbers

    return read


def _dates(column: pa.Array) -> pa.Array | None:
    return _after_christ(pc.cast(column, pa.date32()), column)


def _timestamps(kind: pa.DataType) -> Read:
    def read(column: pa.Array) -> pa.Array | None:
        lengths = pc.binary_length(column)
        complete = pc.or_(pc.equal(lengths, _DAY), pc.greater_equal(lengths, _MINUTE))
        if not _all(complete):
            return None
        return _after_christ(pc.cast(column, kind), column)

    return read


def _after_christ(values: pa.Array, column: pa.Array) -> pa.Array | None:
    """Return the values unless a text names year 0, which Arrow has and PostgreSQL has not."""
    return None if _any(pc.starts_with(column, "0000")) else values


def _hex(column: pa.Array) -> pa.Array | None:
    if not _all(pc.starts_with(column, "\\x")):
        return None
    digits = pc.fill_null(pc.utf8_slice_codeunits(column, 2), "")
    lengths = np.diff(offsets_of(digits))
    try:
        data = bytes.fromhex(bytes_of(digits).tobytes().decode("ascii"))
    except ValueError:
        return None
    if (lengths % 2).any() or len(data) * 2 != int(lengths.sum()):
        return None
    return _binary_column(np.frombuffer(data, np.uint8), lengths // 2, column)


def _binary_column(data: Numbers, lengths: Numbers, like: pa.Array) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    column = pa.Array.from_buffers(
        pa.binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    )
    return _with_nulls(column, like)


# --- binary -----------------------------------------------------------------------------------------------


def _fixed(column: pa.Array, form: str) -> Numbers | None:
    """Return values of one width as numbers, 0 for NULL; None where a value has another width."""
    dtype = np.dtype(form)
    lengths = lengths_of(column)
    nulls = nulls_of(column)
    present = lengths if nulls is None else lengths[~nulls]
    if (present != dtype.itemsize).any():
        return None
    found = np.frombuffer(bytes_of(column.drop_null()).tobytes(), dtype)
    if nulls is None:
        return found
    numbers = np.zeros(len(column), dtype)
    numbers[~nulls] = found
    return numbers


def _with_nulls(values: pa.Array, like: pa.Array) -> pa.Array:
    return pc.if_else(like.is_null(), pa.scalar(None, values.type), values) if like.null_count else values


def _numbers(form: str, kind: pa.DataType) -> Read:
    def read(column: pa.Array) -> pa.Array | None:
        numbers = _fixed(column, form)
        if numbers is None:
            return None
        return _with_nulls(pa.array(numbers.astype(numbers.dtype.newbyteorder("=")), kind), column)

    return read


def _binary_booleans(column: pa.Array) -> pa.Array | None:
    numbers = _fixed(column, "u1")
    return None if numbers is None else _with_nulls(pa.array(numbers != 0), column)


def _shifted(form: str, epoch: int, least: int, most: int, kind: pa.DataType) -> Read:
    """Read numbers counted from another epoch, all of them between bounds that both sides know."""
    storage = np.dtype(form).newbyteorder("=")

    def read(column: pa.Array) -> pa.Array | None:
        numbers = _fixed(column, form)
        if numbers is None:
            return None
        numbers = numbers.astype(np.int64)
        if ((numbers < least - epoch) | (numbers > most - epoch)).any():
            return None
        plain = pa.array((numbers + epoch).astype(storage)).view(kind)
        return _with_nulls(plain, column)

    return read


def _texts(column: pa.Array) -> pa.Array | None:
    return None if (bytes_of(column) == 0).any() else pc.cast(column, pa.string())


def _uuids(column: pa.Array) -> pa.Array | None:
    if _fixed(column, "V16") is None:
        return None
    return pc.cast(uuid.encode_text(column.cast(pa.binary(16)), DEFAULT_STYLE).cast(pa.binary()), pa.string())


def _numerics(column: pa.Array) -> pa.Array | None:
    """Read numerics of up to 18 digits: base-10000 digits behind a head of count, weight, sign and scale."""
    present = column.drop_null()
    if not len(present):
        return pa.nulls(len(column), pa.decimal128(_INT64_DIGITS, 0))
    lengths, data = lengths_of(present), bytes_of(present)
    if (lengths < _NUMERIC_HEAD_BYTES).any() or (lengths % 2).any():
        return None
    words = np.frombuffer(data.tobytes(), ">u2").astype(np.int64)
    starts = (offsets_of(present)[:-1] - offsets_of(present)[0]) // 2
    counts, signs, scales = words[starts], words[starts + 2], words[starts + 3]
    weights = words[starts + 1].astype(np.int16).astype(np.int64)
    if (counts * 2 + _NUMERIC_HEAD_BYTES != lengths).any() or not np.isin(signs, (0, _NEGATIVE)).all():
        return None
    scale = int(scales.max())
    powers = _BASE_DIGITS * weights + scale
    if scale > _INT64_DIGITS or ((powers + _BASE_DIGITS > _INT64_DIGITS) & (counts > 0)).any():
        return None
    unscaled = _unscaled(words, starts + 4, counts, powers)
    if unscaled is None:
        return None
    numbers = np.zeros(len(column), np.int64)
    nulls = nulls_of(column)
    numbers[slice(None) if nulls is None else ~nulls] = np.where(signs == _NEGATIVE, -unscaled, unscaled)
    halves = np.column_stack((numbers, numbers >> 63))
    kind = pa.decimal128(_INT64_DIGITS, scale)
    values = pa.Array.from_buffers(kind, len(column), [None, pa.py_buffer(np.ascontiguousarray(halves))])
    return _with_nulls(values, column)


def _unscaled(words: Numbers, starts: Numbers, counts: Numbers, powers: Numbers) -> Numbers | None:
    """Return the sums of digits times powers of ten; None where a digit is none, or is cut by its scale."""
    total = np.zeros(len(starts), np.int64)
    for place in range(int(counts.max(initial=0))):
        has = counts > place
        digits = np.zeros(len(starts), np.int64)
        digits[has] = words[starts[has] + place]
        power = powers - _BASE_DIGITS * place
        divisor = 10 ** np.clip(-power, 0, _INT64_DIGITS)
        if (digits >= 10**_BASE_DIGITS).any() or (digits % divisor).any():
            return None
        total += digits // divisor * 10 ** np.clip(power, 0, _INT64_DIGITS)
    return total


_US = pa.timestamp("us")
_US_UTC = pa.timestamp("us", "UTC")
_FIRST_US, _LAST_US = _YEAR_ONE_DAY * DAY_US, (_LAST_DAY + 1) * DAY_US - 1

_TEXT: Mapping[int, Read] = MappingProxyType(
    {
        **dict.fromkeys((oids.TEXT, oids.VARCHAR, oids.BPCHAR), _same),
        oids.BOOL: _booleans,
        oids.INT2: _integers(pa.int16()),
        oids.INT4: _integers(pa.int32()),
        oids.INT8: _integers(pa.int64()),
        oids.FLOAT4: _floats(pa.float32()),
        oids.FLOAT8: _floats(pa.float64()),
        oids.DATE: _dates,
        oids.TIMESTAMP: _timestamps(_US),
        oids.TIMESTAMPTZ: _timestamps(_US_UTC),
        oids.BYTEA: _hex,
    }
)
_BINARY: Mapping[int, Read] = MappingProxyType(
    {
        **dict.fromkeys((oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.JSON), _texts),
        oids.BOOL: _binary_booleans,
        oids.INT2: _numbers(">i2", pa.int16()),
        oids.INT4: _numbers(">i4", pa.int32()),
        oids.INT8: _numbers(">i8", pa.int64()),
        oids.FLOAT4: _numbers(">f4", pa.float32()),
        oids.FLOAT8: _numbers(">f8", pa.float64()),
        oids.NUMERIC: _numerics,
        oids.BYTEA: _same,
        oids.UUID: _uuids,
        oids.DATE: _shifted(">i4", EPOCH_DAYS, _YEAR_ONE_DAY, _LAST_DAY, pa.date32()),
        oids.TIME: _shifted(">i8", 0, 0, DAY_US - 1, pa.time64("us")),
        oids.TIMESTAMP: _shifted(">i8", EPOCH_US, _FIRST_US, _LAST_US, _US),
        oids.TIMESTAMPTZ: _shifted(">i8", EPOCH_US, _FIRST_US, _LAST_US, _US_UTC),
    }
)
