"""Reading dates and times as PostgreSQL does: fields in almost any order, told apart by their looks.

Results are integers: days and µs since 1970, infinity as the largest ones. Reading needs no clock, so ``now``,
``today`` and the like are refused.
Differs from PostgreSQL: parameters take no Julian days, no ``now``, ``today``, ``tomorrow``, ``yesterday``, and of
the time zone abbreviations only the most common; timestamps end in the year 294247, as DuckDB's.
Source: https://www.postgresql.org/docs/16/datatype-datetime.html, appendix B.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NoReturn, TypeAlias

from rvbbit_proxy.errors import DatetimeOverflow, InvalidDatetime, InvalidValue, NotSupported
from rvbbit_proxy.wire.types.calendar import civil_of, day_of
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.values import WHITESPACE, text_value
from rvbbit_proxy.wire.types.zones import ABBREVIATIONS_H, DAY_US, zone_of

INFINITE_DAY, INFINITE_US = 2**31 - 1, 2**63 - 1
_FIRST_DAY, _LAST_DAY = day_of(-4713, 11, 24), day_of(5_874_897, 12, 31)
_END_US = 106_751_991 * DAY_US
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH_NAMES = "january february march april may june july august september october november december sept".split()
_WEEKDAYS = (
    "sun mon tue tues wed weds thu thur thurs fri sat "
    "sunday monday tuesday wednesday thursday friday saturday".split()
)
_CLOCK_WORDS = frozenset({"now", "today", "tomorrow", "yesterday"})

_TOKEN = re.compile(
    r"""
      (?P<time>\d{1,3}:\d{1,2}(?::\d{1,2}(?:\.\d*)?)?)
    | (?P<date>\d+[-/.]\d+[-/.]\d+|\d+[-/.][A-Za-z]+[-/.]\d+|[A-Za-z]{3,}[-/.]\d+[-/.]\d+)
    | (?P<offset>(?<=[\d\s])[+-]\d{1,2}(?::\d{2}(?::\d{2})?|\d{2}(?:\d{2})?)?(?!\d))
    | (?P<word>[A-Za-z][A-Za-z_]*(?:/[A-Za-z_+\-0-9]+)*)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<space>[\s,]+)
    """,
    re.VERBOSE,
)
_COMPACT_TIME = re.compile(r"^\s*(\d\d)(\d\d)(\d\d(?:\.\d*)?)?(?![\d:/.-])")
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?:?(\d{2})?")
Zone: TypeAlias = int | tzinfo


@dataclass(slots=True)
class Fields:
    """What has been read so far; ``special`` is an infinity or epoch."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    time_us: int | None = None
    zone: Zone | None = None
    afternoon: bool | None = None
    before_christ: bool = False
    special: str | None = None


class _Unreadable(Exception):
    """Not a date or time."""


class _OutOfRange(Exception):
    """A field beyond its domain."""


class _ZoneOutOfRange(Exception):
    """An offset beyond what PostgreSQL takes."""


def input_text(data: bytes) -> str:
    """Return the text of a value."""
    return text_value(data)


def parse_date(text: str, style: TextStyle = DEFAULT_STYLE) -> int:
    """Return days since 1970; a time in the text is dropped."""
    fields = _read(text, "date", style)
    if fields.special:
        return {"infinity": INFINITE_DAY, "-infinity": -INFINITE_DAY, "epoch": 0}[fields.special]
    day = _day(fields, text, "date")
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise DatetimeOverflow(f'date out of range: "{text}"')
    return day


def parse_timestamp(text: str, style: TextStyle = DEFAULT_STYLE) -> int:
    """Return µs since 1970; a zone in the text is ignored."""
    fields = _read(text, "timestamp", style)
    special = _special_us(fields)
    return _checked(_local_us(fields, text, "timestamp"), text) if special is None else special


def parse_timestamptz(text: str, style: TextStyle = DEFAULT_STYLE) -> int:
    """Return µs since 1970 in UTC; without a zone in the text the style's holds."""
    fields = _read(text, "timestamp with time zone", style)
    special = _special_us(fields)
    if special is not None:
        return special
    local = _local_us(fields, text, "timestamp with time zone")
    zone = zone_of(style.timezone) if fields.zone is None else fields.zone
    return _checked(local - _local_offset_s(zone, local) * 1_000_000, text)


def parse_time(text: str, style: TextStyle = DEFAULT_STYLE) -> int:
    """Return µs since midnight."""
    fields = _read(_with_colons(text), "time", style)
    if fields.special or fields.time_us is None:
        _refuse("time", text)
    return fields.time_us


def parse_timetz(text: str, style: TextStyle = DEFAULT_STYLE) -> tuple[int, int]:
    """Return µs since midnight and seconds east of UTC; a named zone needs a date beside it."""
    name = "time with time zone"
    fields = _read(_with_colons(text), name, style)
    if fields.special or fields.time_us is None:
        _refuse(name, text)
    zone: Zone = zone_of(style.timezone) if fields.zone is None else fields.zone
    if isinstance(zone, int):
        return fields.time_us, zone
    has_date = fields.month is not None
    return fields.time_us, _local_offset_s(zone, _local_us(fields, text, name) if has_date else 0)


def _with_colons(text: str) -> str:
    """Return a time that came as digits only with colons between them.

    >>> _with_colons("040506.7"), _with_colons("4:05")
    ('04:05:06.7', '4:05')
    """
    return _COMPACT_TIME.sub(lambda match: ":".join(part for part in match.groups() if part), text)


# --- from text to fields ----------------------------------------------------------------------------------


def _read(text: str, type_name: str, style: TextStyle) -> Fields:
    fields = Fields()
    try:
        for kind, token in _tokens(text.strip(WHITESPACE)):
            _READERS[kind](fields, token, style)
        _apply_half(fields)
        if fields == Fields():
            raise _Unreadable
    except _Unreadable:
        _refuse(type_name, text)
    except _OutOfRange:
        raise DatetimeOverflow(f'date/time field value out of range: "{text}"') from None
    except _ZoneOutOfRange:
        raise DatetimeOverflow(f'time zone displacement out of range: "{text}"', sqlstate="22009") from None
    return fields


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    lowered = text.lower()
    if lowered in ("infinity", "+infinity", "-infinity", "inf", "+inf", "-inf"):
        yield "special", "-infinity" if lowered.startswith("-") else "infinity"
        return
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _Unreadable
        position = match.end()
        if match.lastgroup != "space":
            yield str(match.lastgroup), match[0]


def _once(already: object) -> None:
    if already is not None:
        raise _Unreadable


def _read_special(fields: Fields, token: str, style: TextStyle) -> None:
    fields.special = token


def _read_time(fields: Fields, token: str, style: TextStyle) -> None:
    _once(fields.time_us)
    hours, minutes, *rest = token.split(":")
    whole, _, fraction = (rest[0] if rest else "0").partition(".")
    second_us = int(whole) * 1_000_000 + _fraction_us(fraction)
    if int(minutes) > 59 or second_us > 60_000_000:
        raise _OutOfRange
    time_us = (int(hours) * 60 + int(minutes)) * 60_000_000 + second_us
    if time_us > DAY_US:
        raise _OutOfRange
    fields.time_us = time_us


def _fraction_us(digits: str) -> int:
    return round(int(digits or "0") * 1_000_000 / 10 ** len(digits)) if digits else 0


def _read_date(fields: Fields, token: str, style: TextStyle) -> None:
    _once(fields.month)
    _once(fields.day)
    first, second, third = re.split(r"[-/.]", token)
    if first.isalpha():
        fields.month = _month_number(first)
        _set_day_and_year(fields, second, third)
    elif second.isalpha():
        fields.month = _month_number(second)
        _set_day_and_year(fields, first, third)
    elif len(first) >= 3 or style.year_first:
        fields.year, fields.month, fields.day = _year(first), int(second), int(third)
    elif style.day_first:
        fields.day, fields.month, fields.year = int(first), int(second), _year(third)
    else:
        fields.month, fields.day, fields.year = int(first), int(second), _year(third)


def _set_day_and_year(fields: Fields, first: str, second: str) -> None:
    day, year = (second, first) if len(first) >= 3 else (first, second)
    fields.day, fields.year = int(day), _year(year)


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) > 2:
        return year
    return year + (2000 if year < 70 else 1900)


def _month_number(word: str) -> int:
    lowered = word.lower()
    if lowered not in _MONTHS and lowered not in _MONTH_NAMES:
        raise _Unreadable
    return _MONTHS.index(lowered[:3]) + 1


def _read_offset(fields: Fields, token: str, style: TextStyle) -> None:
    _once(fields.zone)
    match = _OFFSET.fullmatch(token)
    if match is None or (fields.time_us is None and fields.day is None):
        raise _Unreadable
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    if hours > 15 or minutes > 59 or seconds > 59:
        raise _ZoneOutOfRange
    size = (hours * 60 + minutes) * 60 + seconds
    fields.zone = -size if match[1] == "-" else size


def _read_word(fields: Fields, token: str, style: TextStyle) -> None:
    word = token.lower()
    if word in _CLOCK_WORDS:
        raise NotSupported(f'date/time value "{word}" is not supported', hint="Use CURRENT_DATE or now().")
    if word in _MONTHS or word in _MONTH_NAMES:
        _once(fields.month)
        fields.month = _month_number(word)
    elif word in ("am", "pm"):
        fields.afternoon = word == "pm"
    elif word in ("bc", "ad"):
        fields.before_christ = word == "bc"
    elif word == "epoch":
        fields.special = word
    elif word not in _WEEKDAYS and word not in ("t", "at"):
        _read_zone(fields, token)


def _read_zone(fields: Fields, token: str) -> None:
    _once(fields.zone)
    abbreviated = ABBREVIATIONS_H.get(token.upper())
    if abbreviated is not None:
        fields.zone = int(abbreviated * 3600)
        return
    try:
        fields.zone = zone_of(token)
    except InvalidValue:
        if "/" not in token:
            raise _Unreadable from None
        raise InvalidValue(f'time zone "{token}" not recognized') from None


def _read_number(fields: Fields, token: str, style: TextStyle) -> None:
    whole, _, fraction = token.partition(".")
    if fields.month is None and fields.day is None and len(whole) in (6, 8) and not fraction:
        year, month, day = whole[:-4], whole[-4:-2], whole[-2:]
        fields.year, fields.month, fields.day = _year(year), int(month), int(day)
    elif fields.day is not None and fields.time_us is None and len(whole) in (4, 6) and fields.year is not None:
        _read_time(fields, f"{whole[:2]}:{whole[2:4]}:{whole[4:] or '0'}.{fraction or '0'}", style)
    elif fraction or (fields.month is None and fields.day is not None):
        raise _Unreadable
    elif fields.day is None and len(whole) <= 2:
        fields.day = int(whole)
    else:
        _once(fields.year)
        fields.year = _year(whole)


_READERS: dict[str, Callable[[Fields, str, TextStyle], None]] = {
    "special": _read_special,
    "time": _read_time,
    "date": _read_date,
    "offset": _read_offset,
    "word": _read_word,
    "number": _read_number,
}


# --- from fields to numbers -------------------------------------------------------------------------------


def _apply_half(fields: Fields) -> None:
    if fields.afternoon is None:
        return
    if fields.time_us is None:
        raise _Unreadable
    if fields.time_us >= 13 * 3_600_000_000:
        raise _OutOfRange
    twelve = 12 * 3_600_000_000
    fields.time_us = fields.time_us % twelve + (twelve if fields.afternoon else 0)


def _refuse(type_name: str, text: str) -> NoReturn:
    raise InvalidDatetime(f'invalid input syntax for type {type_name}: "{text}"')


def _day(fields: Fields, text: str, type_name: str) -> int:
    year, month, day = fields.year, fields.month, fields.day
    if year is None or month is None or day is None:
        _refuse(type_name, text)
    valid = year > 0 and 1 <= month <= 12 and 1 <= day <= _DAYS_IN_MONTH[month - 1] and year < 6_000_000
    year = 1 - year if fields.before_christ else year
    number = day_of(year, month, day) if valid else 0
    if not valid or civil_of(number) != (year, month, day):
        raise DatetimeOverflow(f'date/time field value out of range: "{text}"')
    return number


def _special_us(fields: Fields) -> int | None:
    if fields.special is None:
        return None
    return {"infinity": INFINITE_US, "-infinity": -INFINITE_US, "epoch": 0}[fields.special]


def _local_us(fields: Fields, text: str, type_name: str) -> int:
    return _day(fields, text, type_name) * DAY_US + (fields.time_us or 0)


def _checked(time_us: int, text: str) -> int:
    if not _FIRST_DAY * DAY_US <= time_us < _END_US:
        raise DatetimeOverflow(f'timestamp out of range: "{text}"')
    return time_us


def _local_offset_s(zone: Zone, local_us: int) -> int:
    """Return the offset of a local time: before the change where clocks jump on, after it where they go back."""
    if isinstance(zone, int):
        return zone
    day, of_day = divmod(local_us, DAY_US)
    day = min(max(day, -719_160), day if day < 2_932_890 else 2_786_793 + (day - 2_786_793) % 146_097)
    local = datetime(1970, 1, 1) + timedelta(days=day, microseconds=of_day)
    offsets = [local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1)]
    return round(min(offsets).total_seconds())
