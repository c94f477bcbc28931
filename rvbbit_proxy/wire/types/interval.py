"""interval: months, days and microseconds, which do not convert into each other.

Source: PostgreSQL's src/backend/utils/adt/datetime.c (EncodeInterval, DecodeInterval); ISO 8601 4.4.3.2.
"""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import DatetimeOverflow, InvalidDatetime
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
from rvbbit_proxy.wire.types.values import WHITESPACE, expect_length, text_value
from rvbbit_proxy.wire.types.zones import DAY_US

_ARROW_FORM = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
_WIRE_FORM = np.dtype([("us", ">i8"), ("days", ">i4"), ("months", ">i4")])


class Interval(NamedTuple):
    """An interval's three independent parts."""

    months: int
    days: int
    microseconds: int

    def __str__(self) -> str:
        return interval_text(self)


class _Parts(NamedTuple):
    """An interval cut as it is printed; all of one sign within months and within microseconds."""

    years: int
    months: int
    days: int
    hours: int
    minutes: int
    seconds: int
    fraction_us: int


def _parts(interval: Interval) -> _Parts:
    sign = -1 if interval.microseconds < 0 else 1
    seconds, fraction = divmod(abs(interval.microseconds), 1_000_000)
    years, months = divmod(abs(interval.months), 12)
    month_sign = -1 if interval.months < 0 else 1
    return _Parts(
        month_sign * years,
        month_sign * months,
        interval.days,
        sign * (seconds // 3600),
        sign * (seconds // 60 % 60),
        sign * (seconds % 60),
        sign * fraction,
    )


def _seconds_text(parts: _Parts, width: int = 2) -> str:
    shown = f"{abs(parts.seconds):0{width}d}"
    return f"{shown}.{abs(parts.fraction_us):06d}".rstrip("0") if parts.fraction_us else shown


def interval_text(interval: Interval, style: TextStyle = DEFAULT_STYLE) -> str:
    """Print an interval in the session's IntervalStyle.

    >>> interval_text(Interval(14, 3, 14_706_789_000))
    '1 year 2 mons 3 days 04:05:06.789'
    """
    parts = _parts(interval)
    name = style.intervalstyle.lower()
    if name == "postgres_verbose":
        return _verbose_text(parts)
    if name == "sql_standard":
        return _sql_text(parts)
    return _iso_text(parts) if name == "iso_8601" else _postgres_text(parts)


def _postgres_text(parts: _Parts) -> str:
    words: list[str] = []
    before = False
    for value, unit in ((parts.years, "year"), (parts.months, "mon"), (parts.days, "day")):
        if value:
            plus = "+" if before and value > 0 else ""
            words.append(f"{plus}{value} {unit}{'' if value == 1 else 's'}")
            before = value < 0
    if any(parts[3:]) or not words:
        sign = "-" if min(parts[3:]) < 0 else "+" if before else ""
        words.append(f"{sign}{abs(parts.hours):02d}:{abs(parts.minutes):02d}:{_seconds_text(parts)}")
    return " ".join(words)


def _verbose_text(parts: _Parts) -> str:
    words, ago = ["@"], False
    units = ("year", "mon", "day", "hour", "min")
    for value, unit in zip(parts[:5], units, strict=True):
        if not value:
            continue
        if len(words) == 1:
            ago, value = value < 0, abs(value)
        elif ago:
            value = -value
        words.append(f"{value} {unit}{'' if value == 1 else 's'}")
    if parts.seconds or parts.fraction_us:
        negative = min(parts[5:]) < 0
        if len(words) == 1:
            ago, negative = negative, False
        elif ago:
            negative = not negative
        plural = "" if abs(parts.seconds) == 1 and not parts.fraction_us else "s"
        words.append(f"{'-' if negative else ''}{_seconds_text(parts, 1)} sec{plural}")
    if len(words) == 1:
        words.append("0")
    return " ".join([*words, "ago"] if ago else words)


def _sql_text(parts: _Parts) -> str:
    year_month, day_time = any(parts[:2]), any(parts[2:])
    negative, positive = min(parts) < 0, max(parts) > 0
    years = f"{abs(parts.years)}-{abs(parts.months)}"
    times = f"{abs(parts.hours)}:{abs(parts.minutes):02d}:{_seconds_text(parts)}"
    if not (negative or positive):
        return "0"
    if (negative and positive) or (year_month and day_time):
        signs = ["-" if min(group) < 0 else "+" for group in (parts[:2], parts[2:3], parts[3:])]
        return f"{signs[0]}{years} {signs[1]}{abs(parts.days)} {signs[2]}{times}"
    sign = "-" if negative else ""
    if year_month:
        return sign + years
    return f"{sign}{abs(parts.days)} {times}" if parts.days else sign + times


def _iso_text(parts: _Parts) -> str:
    dates = "".join(f"{value}{unit}" for value, unit in zip(parts[:3], "YMD", strict=True) if value)
    times = "".join(f"{value}{unit}" for value, unit in zip(parts[3:5], "HM", strict=True) if value)
    if parts.seconds or parts.fraction_us:
        times += f"{'-' if min(parts[5:]) < 0 else ''}{_seconds_text(parts, 1)}S"
    if not dates and not times:
        return "PT0S"
    return f"P{dates}T{times}" if times else f"P{dates}"


# --- columns ----------------------------------------------------------------------------------------------


def _is_interval(kind: pa.DataType) -> bool:
    return bool(pa.types.is_interval(kind))


def encode_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print intervals and durations: the usual ones by column, of the others each distinct one once."""
    column = plain(column)
    if not _is_interval(column.type) and not pa.types.is_duration(column.type):
        return as_text(column)
    wire, nulls = _wire_forms(column), nulls_of(column)
    present = np.ones(len(wire), np.bool_) if nulls is None else ~nulls
    usual = present & _are_usual(wire, style)
    shown = wire.copy()
    shown[~usual] = 0
    printed = _usual_texts(shown, nulls)
    others = present & ~usual
    if not others.any():
        return printed
    forms, places = np.unique(wire[others].view("V16"), return_inverse=True)
    texts = [interval_text(decode_binary(bytes(form)), style) for form in forms]
    return patch(printed, others, [texts[place] for place in places.reshape(-1).tolist()])


def _are_usual(wire: Numbers, style: TextStyle) -> Mask:
    """Tell where no part is negative, and less than a day stands beside the days."""
    if style.intervalstyle.lower() != "postgres":
        return np.zeros(len(wire), np.bool_)
    usual: Mask = (wire["months"] >= 0) & (wire["days"] >= 0) & (wire["us"] >= 0) & (wire["us"] < DAY_US)
    return usual


def _usual_texts(wire: Numbers, nulls: Mask | None) -> pa.Array:
    """Print the time by Arrow, and before it each distinct pair of months and days, with a blank if both are there."""
    us = wire["us"].astype(np.int64)
    pairs, places = np.unique(wire["months"].astype(np.int64) << 32 | wire["days"], return_inverse=True)
    dates = [interval_text(Interval(pair >> 32, pair & 0xFFFFFFFF, 0)) if pair else "" for pair in pairs.tolist()]
    timed = (us != 0) | (pairs == 0)[places]
    heads = pa.array([form for date in dates for form in (date, f"{date} " if date else "")], pa.string())
    times = pc.cast(pa.array(us, mask=nulls).view(pa.time64("us")), pa.string())
    times = pc.if_else(pa.array(timed), pc.ascii_rtrim(pc.ascii_rtrim(times, "0"), "."), pa.scalar(""))
    return pc.binary_join_element_wise(heads.take(pa.array(2 * places + timed, mask=nulls)), times, "")


def encode_binary(column: pa.Array) -> pa.Array:
    """Return µs, days, months."""
    column = plain(column)
    if not _is_interval(column.type) and not pa.types.is_duration(column.type):
        return mapped(as_text(column), lambda text: binary_of(parse_interval(text)))
    return fixed_column(_wire_forms(column), nulls_of(column))


def _wire_forms(column: pa.Array) -> Any:
    wire = np.zeros(len(column), _WIRE_FORM)
    if pa.types.is_duration(column.type):
        wire["us"] = values_of(column.cast(pa.duration("us"), safe=False), np.int64)
        return wire
    parts = values_of(column, _ARROW_FORM)
    wire["us"], wire["days"], wire["months"] = parts["nanos"] // 1000, parts["days"], parts["months"]
    return wire


def binary_of(interval: Interval) -> bytes:
    """Return one interval's binary form."""
    return struct.pack("!qii", interval.microseconds, interval.days, interval.months)


# --- single values ----------------------------------------------------------------------------------------


def decode_text(data: bytes, style: TextStyle) -> Interval:
    """Return the interval of its text, in any of the four styles."""
    return parse_interval(text_value(data), style)


def decode_binary(data: bytes) -> Interval:
    """Return the interval of µs, days, months."""
    microseconds, days, months = struct.unpack("!qii", expect_length(data, 16))
    return Interval(months, days, microseconds)


_UNITS = {
    "us": ("microseconds", 1),
    "ms": ("microseconds", 1_000),
    "second": ("microseconds", 1_000_000),
    "minute": ("microseconds", 60_000_000),
    "hour": ("microseconds", 3_600_000_000),
    "day": ("days", 1),
    "week": ("days", 7),
    "month": ("months", 1),
    "year": ("months", 12),
    "decade": ("months", 120),
    "century": ("months", 1_200),
    "millennium": ("months", 12_000),
}
_SPELLINGS = {
    "us": "us usec usecs useconds microsecond microseconds microsecon",
    "ms": "ms msec msecs mseconds millisecond milliseconds millisecon",
    "second": "s sec secs second seconds",
    "minute": "m min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days",
    "week": "w week weeks",
    "month": "mon mons month months",
    "year": "y yr yrs year years",
    "decade": "dec decs decade decades",
    "century": "c cent century centuries",
    "millennium": "mil mils millennia millennium",
}
_UNIT_OF = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_TOKEN = re.compile(
    r"\s*(?:(?P<time>[+-]?\d+:\d+(?::\d+(?:\.\d*)?)?(?:\.\d+)?)|(?P<years>[+-]?\d+-\d+)(?!\d)"
    r"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:\s*(?P<unit>[a-z]+))?|(?P<at>@)|(?P<ago>ago\s*$))",
    re.IGNORECASE,
)
_ISO = re.compile(r"P(?:(?P<dates>(?:[+-]?[\d.]+[YMWD])*)(?:T(?P<times>(?:[+-]?[\d.]+[HMS])+))?)", re.IGNORECASE)
_ISO_FIELD = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([A-Za-z])")
_ISO_DATES = {"y": "year", "m": "month", "w": "week", "d": "day"}
_ISO_TIMES = {"h": "hour", "m": "minute", "s": "second"}


_ONE_SIGN = re.compile(r"-[^+-]*(?:(?<=\d)-(?=\d)[^+-]*)?")


class _Sum:
    """Adds up the fields of an interval; fractions of a larger unit spill into the smaller ones."""

    def __init__(self) -> None:
        self.months, self.days, self.microseconds = 0, 0, Fraction(0)
        self._seen: set[str] = set()

    def claim(self, *units: str) -> bool:
        """Tell whether none of the units was given before."""
        fresh = self._seen.isdisjoint(units)
        self._seen.update(units)
        return fresh

    def add(self, number: Fraction, unit: str) -> None:
        """Add so many units."""
        part, factor = _UNITS[unit]
        amount = number * factor
        if part == "microseconds":
            self.microseconds += amount
        elif part == "days":
            self._add_days(amount)
        elif factor > 1:
            self.months += round(amount)
        else:
            self.months += int(amount)
            self._add_days((amount - int(amount)) * 30)

    def _add_days(self, amount: Fraction) -> None:
        self.days += int(amount)
        self.microseconds += (amount - int(amount)) * 86_400_000_000

    def total(self, text: str, *, negative: bool) -> Interval:
        """Return the interval; raises 22008 when a part does not fit."""
        sign = -1 if negative else 1
        result = Interval(sign * self.months, sign * self.days, sign * round(self.microseconds))
        if not (-(2**31) <= result.months < 2**31 and -(2**31) <= result.days < 2**31):
            raise DatetimeOverflow(f'interval field value out of range: "{text}"', sqlstate="22015")
        if not -(2**63) <= result.microseconds < 2**63:
            raise DatetimeOverflow(f'interval field value out of range: "{text}"', sqlstate="22015")
        return result


def parse_interval(text: str, style: TextStyle = DEFAULT_STYLE) -> Interval:
    """Return the interval of text in any IntervalStyle; raises InvalidDatetime (22007).

    >>> parse_interval("1 day ago"), parse_interval("P1Y2MT3H")
    (Interval(months=0, days=-1, microseconds=0), Interval(months=14, days=0, microseconds=10800000000))
    """
    stripped = text.strip(WHITESPACE)
    if stripped[:1] in ("P", "p"):
        return _parse_iso(stripped, text)
    total, position, fields, ago = _Sum(), 0, 0, False
    # in the SQL standard one sign before everything holds for all fields, if none has its own
    leading_minus = style.intervalstyle.lower() == "sql_standard" and _ONE_SIGN.fullmatch(stripped) is not None
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None or ago:
            _refuse(text)
        position = match.end()
        ago = match["ago"] is not None
        fields += match["at"] is None and not ago
        _add_field(total, match, text, last=position == len(stripped), negative=leading_minus)
    if not fields:
        _refuse(text)
    return total.total(text, negative=ago)


def _refuse(text: str) -> NoReturn:
    raise InvalidDatetime(f'invalid input syntax for type interval: "{text}"')


def _signed(token: str, negative: bool) -> tuple[int, str]:
    return (-1 if token.startswith("-") or negative else 1), token.lstrip("+-")


def _add_field(total: _Sum, match: re.Match[str], text: str, *, last: bool, negative: bool) -> None:
    if match["time"]:
        sign, token = _signed(match["time"], negative)
        if not total.claim("hour", "minute", "second"):
            _refuse(text)
        _add_time(total, token, sign)
    elif match["years"]:
        sign, token = _signed(match["years"], negative)
        years, months = token.split("-")
        if not total.claim("year", "month"):
            _refuse(text)
        total.add(Fraction(sign * int(years)), "year")
        total.add(Fraction(sign * int(months)), "month")
    elif match["number"]:
        sign, token = _signed(match["number"], negative)
        unit = _UNIT_OF.get((match["unit"] or "").lower())
        if match["unit"] and unit is None:
            _refuse(text)
        # a number without a unit is days before a time, seconds at the end
        unit = unit or ("second" if last else "day")
        if not total.claim(unit):
            _refuse(text)
        total.add(sign * Fraction(token), unit)


def _add_time(total: _Sum, token: str, sign: int) -> None:
    fields = token.split(":")
    units = ("minute", "second") if len(fields) == 2 and "." in fields[1] else ("hour", "minute", "second")
    for field, unit in zip(fields, units, strict=False):
        total.add(sign * Fraction(field), unit)


def _parse_iso(stripped: str, text: str) -> Interval:
    match = _ISO.fullmatch(stripped)
    if match is None or len(stripped) < 3:
        _refuse(text)
    total = _Sum()
    for group, units in (("dates", _ISO_DATES), ("times", _ISO_TIMES)):
        part = match[group] or ""
        if _ISO_FIELD.sub("", part):
            _refuse(text)
        for number, letter in _ISO_FIELD.findall(part):
            total.add(Fraction(number), units[letter.lower()])
    return total.total(text, negative=False)


INTERVAL = Codec(encode_text, encode_binary, decode_text, decode_binary)
