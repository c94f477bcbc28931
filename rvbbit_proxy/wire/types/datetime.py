"""date, time, timetz, timestamp, timestamptz.

Arrow counts from 1970, PostgreSQL's binary form from 2000; both in days or microseconds. Infinity is DuckDB's:
the largest integer, and minus the largest. Whole columns are printed by Arrow; single values only where Arrow
cannot (years before 1 and after 9999, infinity, a DateStyle other than ISO).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import DatetimeOverflow
from rvbbit_proxy.wire.types import datetime_input
from rvbbit_proxy.wire.types.calendar import date_text, offset_text, time_text, timestamp_text
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import (
    Mask,
    Numbers,
    as_text,
    fixed_column,
    mapped,
    nulls_of,
    patch,
    plain,
    values_of,
)
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.values import expect_length
from rvbbit_proxy.wire.types.zones import DAY_US, offsets_s, zone_of

EPOCH_DAYS = 10_957
"""2000-01-01 in days since 1970."""
EPOCH_US = EPOCH_DAYS * DAY_US
_MIDNIGHT_1970 = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_ORDINAL_1970 = _MIDNIGHT_1970.toordinal()
INT32_MAX, INT64_MAX = 2**31 - 1, 2**63 - 1
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""Years 1 to 9999, which Arrow prints like PostgreSQL."""
_PER_US = {"s": 1_000_000, "ms": 1_000}
_MIN_DAY, _END_DAY = -2_451_545 + EPOCH_DAYS, 2_145_042_541 + EPOCH_DAYS + 1
"""PostgreSQL's dates: 4714-11-24 BC to 5874897-12-31."""
_MIN_US, _END_US = (-2_451_545 + EPOCH_DAYS) * DAY_US, 106_751_991 * DAY_US
"""Where we stop: 4714-11-24 BC, and the end of int64 µs since 1970."""


# --- columns to numbers -----------------------------------------------------------------------------------


def days_of(column: pa.Array) -> Numbers:
    """Return days since 1970 of a date column, as int64."""
    column = plain(column)
    if pa.types.is_timestamp(column.type):
        return timestamps_us(column) // DAY_US
    if pa.types.is_date64(column.type):
        return values_of(column, np.int64) // 86_400_000
    return values_of(pc.cast(column, pa.date32()), np.int32).astype(np.int64)


def timestamps_us(column: pa.Array) -> Numbers:
    """Return µs since 1970 of a timestamp column of any unit (ns are cut); infinity stays infinity."""
    column = plain(column)
    if not pa.types.is_timestamp(column.type):
        days = days_of(column)
        return np.where(np.abs(days) == INT32_MAX, np.sign(days) * INT64_MAX, days * DAY_US)
    ticks = values_of(column, np.int64)
    unit = column.type.unit
    if unit == "us":
        return ticks
    infinite = np.abs(ticks) == INT64_MAX
    if unit == "ns":
        return np.where(infinite, ticks, ticks // 1000)
    factor = _PER_US[unit]
    nulls = nulls_of(column)
    beyond = ~infinite & (np.abs(ticks) > INT64_MAX // factor)
    if (beyond if nulls is None else beyond & ~nulls).any():
        raise DatetimeOverflow("timestamp out of range")
    return np.where(infinite | beyond, ticks, np.where(beyond, 0, ticks) * factor)


def times_us(column: pa.Array) -> Numbers:
    """Return µs since midnight of a time column of any unit."""
    column = plain(column)
    unit = column.type.unit if pa.types.is_time(column.type) else "us"
    ticks = values_of(column, np.int32 if unit in ("s", "ms") else np.int64).astype(np.int64)
    return ticks // 1000 if unit == "ns" else ticks * _PER_US.get(unit, 1)


# --- text -------------------------------------------------------------------------------------------------


def _temporal_or_text(column: pa.Array, check: Callable[[Any], bool]) -> pa.Array:
    """Return the plain column, text parsed by Arrow left to the caller."""
    column = plain(column)
    return column if check(column.type) else as_text(column)


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _printed(numbers: Numbers, easy: Mask, kind: pa.DataType, nulls: Mask | None) -> pa.Array:
    """Print the easy values by Arrow; the others come out as 1970 and are patched by the caller."""
    shown = numbers if easy.all() else np.where(easy, numbers, 0)
    stored = shown.astype(np.int32) if kind == pa.date32() else np.ascontiguousarray(shown)
    text = pc.cast(pa.array(stored, mask=nulls).view(kind), pa.string())
    if pa.types.is_date(kind):
        return text
    # Arrow prints six digits of every second; PostgreSQL none that are not needed
    return pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")


def _infinity(number: int, limit: int) -> str | None:
    if number == limit:
        return "infinity"
    return "-infinity" if number in (-limit, -limit - 1) else None


def encode_date_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print dates."""
    column = _temporal_or_text(column, _is_moment)
    if not _is_moment(column.type):
        return column
    days, nulls = days_of(column), nulls_of(column)
    easy = (days >= _FIRST_DAY) & (days <= _LAST_DAY) & (style.date_output == "ISO")
    printed = _printed(days, easy, pa.date32(), nulls)
    hard = ~easy if nulls is None else ~easy & ~nulls
    if not hard.any():
        return printed
    texts = [_infinity(day, INT32_MAX) or date_text(day, style) for day in days[hard].tolist()]
    return patch(printed, hard, texts)


def encode_time_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print times of day."""
    column = _temporal_or_text(column, pa.types.is_time)
    if not pa.types.is_time(column.type):
        return column
    times, nulls = times_us(column), nulls_of(column)
    easy = times < DAY_US
    printed = _printed(times, easy, pa.time64("us"), nulls)
    hard = ~easy if nulls is None else ~easy & ~nulls
    return patch(printed, hard, [time_text(number) for number in times[hard].tolist()]) if hard.any() else printed


def encode_timestamp_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print timestamps without zone; a zone that the Arrow type has is ignored."""
    column = _temporal_or_text(column, _is_moment)
    if not _is_moment(column.type):
        return column
    times, nulls = timestamps_us(column), nulls_of(column)
    easy = _easy_times(times, style)
    printed = _printed(times, easy, pa.timestamp("us"), nulls)
    return _patched_times(printed, times, easy, nulls, partial(timestamp_text, style=style))


def encode_timestamptz_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print moments in the session's zone, with the offset there and then."""
    column = _temporal_or_text(column, _is_moment)
    if not _is_moment(column.type):
        return column
    times, nulls = timestamps_us(column), nulls_of(column)
    easy = _easy_times(times, style)
    offsets = offsets_s(style.timezone, np.where(easy, times, 0))
    local = _printed(times + np.where(easy, offsets, 0) * 1_000_000, easy, pa.timestamp("us"), nulls)
    printed = pc.binary_join_element_wise(local, _suffixes(offsets), "")
    zone = zone_of(style.timezone)
    return _patched_times(printed, times, easy, nulls, partial(timestamp_text, style=style, zone=zone))


def _suffixes(offsets: Numbers) -> pa.Array | str:
    """Return what offsets from UTC in seconds print as: one for all, or one each."""
    if not len(offsets) or (offsets == offsets[0]).all():
        return offset_text(int(offsets[0])) if len(offsets) else ""
    kinds, places = np.unique(offsets, return_inverse=True)
    return pa.array([offset_text(offset) for offset in kinds.tolist()]).take(pa.array(places))


def _easy_times(times: Numbers, style: TextStyle) -> Mask:
    # a day less at both ends leaves room for any offset
    easy: Mask = (times >= (_FIRST_DAY + 1) * DAY_US) & (times < _LAST_DAY * DAY_US)
    return easy & (style.date_output == "ISO")


def _patched_times(
    printed: pa.Array, times: Numbers, easy: Mask, nulls: Mask | None, show: Callable[[int], str]
) -> pa.Array:
    hard = ~easy if nulls is None else ~easy & ~nulls
    if not hard.any():
        return printed
    return patch(printed, hard, [_infinity(number, INT64_MAX) or show(number) for number in times[hard].tolist()])


# --- binary -----------------------------------------------------------------------------------------------


def encode_date_binary(column: pa.Array) -> pa.Array:
    """Return days since 2000 as int32."""
    column = _parsed(column, datetime_input.parse_date, pa.date32())
    days, nulls = days_of(column), nulls_of(column)
    infinite = np.abs(days) >= INT32_MAX
    outside = ~infinite & ((days < _MIN_DAY) | (days >= _END_DAY))
    _refuse_outside(outside, nulls, "date")
    shifted = np.where(infinite, _postgres_infinity(days, INT32_MAX), days - EPOCH_DAYS)
    return fixed_column(shifted.astype(">i4"), nulls)


def encode_time_binary(column: pa.Array) -> pa.Array:
    """Return µs since midnight as int64."""
    column = plain(column)
    if not pa.types.is_time(column.type):
        return mapped(as_text(column), lambda text: struct.pack("!q", datetime_input.parse_time(text)))
    return fixed_column(times_us(column).astype(">i8"), nulls_of(column))


def encode_timestamp_binary(column: pa.Array) -> pa.Array:
    """Return µs since 2000 as int64; for timestamptz in UTC."""
    column = _parsed(column, datetime_input.parse_timestamptz, pa.timestamp("us"))
    times, nulls = timestamps_us(column), nulls_of(column)
    infinite = np.abs(times) >= INT64_MAX
    _refuse_outside(~infinite & (times < _MIN_US), nulls, "timestamp")
    with np.errstate(over="ignore"):
        shifted = np.where(infinite, _postgres_infinity(times, INT64_MAX), times - EPOCH_US)
    return fixed_column(shifted.astype(">i8"), nulls)


def _parsed(column: pa.Array, parse: Callable[[str], int], kind: pa.DataType) -> pa.Array:
    """Return a column that came as text as numbers of this kind."""
    column = plain(column)
    if _is_moment(column.type):
        return column
    numbers = [None if text is None else parse(text) for text in as_text(column).to_pylist()]
    return pa.array(numbers, pa.int32() if kind == pa.date32() else pa.int64()).view(kind)


def _postgres_infinity(numbers: Numbers, limit: int) -> Numbers:
    return np.where(numbers > 0, np.int64(limit), np.int64(-limit - 1))


def _refuse_outside(outside: Mask, nulls: Mask | None, name: str) -> None:
    if (outside if nulls is None else outside & ~nulls).any():
        raise DatetimeOverflow(f"{name} out of range")


def encode_timetz_binary(column: pa.Array) -> pa.Array:
    """Return µs since midnight and seconds west of UTC, of timetz text."""
    return mapped(as_text(plain(column)), _timetz_binary)


def _timetz_binary(text: str) -> bytes:
    time_us, offset = datetime_input.parse_timetz(text, DEFAULT_STYLE)
    return struct.pack("!qi", time_us, -offset)


def encode_timetz_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Return timetz text as it is."""
    return as_text(plain(column))


# --- single values ----------------------------------------------------------------------------------------


def python_date(day: int) -> date | str:
    """Return the date, or PostgreSQL's text where Python has none."""
    infinite = _infinity(day, INT32_MAX)
    if infinite:
        return infinite
    if _FIRST_DAY <= day <= _LAST_DAY:
        return date(1970, 1, 1) + timedelta(days=day)
    return date_text(day, DEFAULT_STYLE)


def python_timestamp(time_us: int) -> datetime | str:
    """Return the timestamp without zone, or PostgreSQL's text where Python has none."""
    infinite = _infinity(time_us, INT64_MAX)
    if infinite:
        return infinite
    if _FIRST_DAY * DAY_US <= time_us < (_LAST_DAY + 1) * DAY_US:
        return datetime(1970, 1, 1) + timedelta(microseconds=time_us)
    return timestamp_text(time_us, DEFAULT_STYLE)


def python_timestamptz(time_us: int) -> datetime | str:
    """Return the moment in UTC, or PostgreSQL's text where Python has none."""
    moment = python_timestamp(time_us)
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=UTC)
    return moment if moment.endswith("infinity") else timestamp_text(time_us, DEFAULT_STYLE, UTC)


def python_time(time_us: int) -> time | str:
    """Return the time of day; ``24:00:00`` as text."""
    if time_us >= DAY_US:
        return time_text(time_us)
    return (datetime(1970, 1, 1) + timedelta(microseconds=time_us)).time()


def python_timetz(time_us: int, offset: int) -> time | str:
    """Return the time of day with its offset in seconds east of UTC."""
    moment = python_time(time_us)
    if isinstance(moment, str):
        return moment + offset_text(offset)
    return moment.replace(tzinfo=timezone(timedelta(seconds=offset)))


def decode_date_text(data: bytes, style: TextStyle) -> date | str:
    """Return the date of its text."""
    return python_date(datetime_input.parse_date(datetime_input.input_text(data), style))


def decode_time_text(data: bytes, style: TextStyle) -> time | str:
    """Return the time of day of its text."""
    return python_time(datetime_input.parse_time(datetime_input.input_text(data)))


def decode_timetz_text(data: bytes, style: TextStyle) -> time | str:
    """Return the time of day with its offset."""
    return python_timetz(*datetime_input.parse_timetz(datetime_input.input_text(data), style))


def decode_timestamp_text(data: bytes, style: TextStyle) -> datetime | str:
    """Return the timestamp; a zone in the text is ignored, as PostgreSQL does."""
    return python_timestamp(datetime_input.parse_timestamp(datetime_input.input_text(data), style))


def decode_timestamptz_text(data: bytes, style: TextStyle) -> datetime | str:
    """Return the moment in UTC; text without a zone is in the session's."""
    return python_timestamptz(datetime_input.parse_timestamptz(datetime_input.input_text(data), style))


def _shifted(data: bytes, width: int, epoch: int, name: str) -> int:
    number = int.from_bytes(expect_length(data, width), signed=True)
    limit = (1 << (8 * width - 1)) - 1
    if number in (limit, -limit - 1):
        return number
    if number + epoch >= limit:
        raise DatetimeOverflow(f"{name} out of range")
    return number + epoch


def decode_date_binary(data: bytes) -> date | str:
    """Return the date of days since 2000."""
    day = _shifted(data, 4, EPOCH_DAYS, "date")
    if abs(day) < INT32_MAX and not _MIN_DAY <= day < _END_DAY:
        raise DatetimeOverflow("date out of range")
    return python_date(day)


def _timestamp_of_binary(data: bytes) -> int:
    time_us = _shifted(data, 8, EPOCH_US, "timestamp")
    if abs(time_us) < INT64_MAX and not _MIN_US <= time_us < _END_US:
        raise DatetimeOverflow("timestamp out of range")
    return time_us


def decode_timestamp_binary(data: bytes) -> datetime | str:
    """Return the timestamp of µs since 2000."""
    return python_timestamp(_timestamp_of_binary(data))


def decode_timestamptz_binary(data: bytes) -> datetime | str:
    """Return the moment of µs since 2000, in UTC."""
    return python_timestamptz(_timestamp_of_binary(data))


def _checked_time(time_us: int) -> int:
    if not 0 <= time_us <= DAY_US:
        raise DatetimeOverflow("time out of range")
    return time_us


def decode_time_binary(data: bytes) -> time | str:
    """Return the time of day of µs since midnight."""
    return python_time(_checked_time(int.from_bytes(expect_length(data, 8), signed=True)))


def decode_timetz_binary(data: bytes) -> time | str:
    """Return the time of day and offset of µs since midnight and seconds west."""
    time_us, west = struct.unpack("!qi", expect_length(data, 12))
    if abs(west) >= 57_600:
        raise DatetimeOverflow("time zone displacement out of range", sqlstate="22009")
    return python_timetz(_checked_time(time_us), -west)


def text_of_date(value: date, style: TextStyle) -> bytes:
    """Print one date."""
    if style.date_output == "ISO":
        return value.isoformat().encode()
    return date_text(value.toordinal() - _ORDINAL_1970, style).encode()


def binary_of_date(value: date) -> bytes:
    """Return one date's days since 2000."""
    return struct.pack("!i", value.toordinal() - _ORDINAL_1970 - EPOCH_DAYS)


def text_of_timestamp(value: datetime, style: TextStyle) -> bytes:
    """Print one timestamp without zone."""
    if style.date_output != "ISO":
        return timestamp_text(_us_since_1970(value), style).encode()
    text = value.isoformat(" ")
    return (text.rstrip("0") if value.microsecond else text).encode()


def binary_of_timestamp(value: datetime) -> bytes:
    """Return one timestamp's µs since 2000."""
    return struct.pack("!q", _us_since_1970(value) - EPOCH_US)


def _us_since_1970(value: datetime) -> int:
    return (value - _MIDNIGHT_1970) // _MICROSECOND


DATE = Codec(
    encode_date_text,
    encode_date_binary,
    decode_date_text,
    decode_date_binary,
    text_of=text_of_date,
    binary_of=binary_of_date,
)
TIME = Codec(encode_time_text, encode_time_binary, decode_time_text, decode_time_binary)
TIMETZ = Codec(encode_timetz_text, encode_timetz_binary, decode_timetz_text, decode_timetz_binary)
TIMESTAMP = Codec(
    encode_timestamp_text,
    encode_timestamp_binary,
    decode_timestamp_text,
    decode_timestamp_binary,
    text_of=text_of_timestamp,
    binary_of=binary_of_timestamp,
)
TIMESTAMPTZ = Codec(
    encode_timestamptz_text, encode_timestamp_binary, decode_timestamptz_text, decode_timestamptz_binary
)
