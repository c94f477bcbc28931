"""Time zones by PostgreSQL's names, and their offsets for a whole column.

Source: the system's or the tzdata package's IANA database, through zoneinfo; PostgreSQL's appendix B.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from rvbbit_proxy.errors import InvalidValue
from rvbbit_proxy.wire.types.columns import Numbers

DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE_DAYS = 146_097
"""400 years: the calendar repeats, weekdays too."""
_FIRST_DAY, _LAST_DAY = -719_162 + 2, 2_932_896 - 2
"""The days within which datetime can move between zones."""
_OFFSET = re.compile(r"(?P<sign>[+-])?(?P<hours>\d{1,2})(?::(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d))?)?")
_POSIX = re.compile(r"(?:<[^<>]*>|[A-Za-z]{3,})(?P<offset>[+-]?\d{1,2}(?::[0-5]\d){0,2})")


ABBREVIATIONS_H = {
    "ACST": 9.5,
    "ADT": -3,
    "AEDT": 11,
    "AEST": 10,
    "AKDT": -8,
    "AKST": -9,
    "AST": -4,
    "AWST": 8,
    "BST": 1,
    "CDT": -5,
    "CEST": 2,
    "CET": 1,
    "CST": -6,
    "EDT": -4,
    "EEST": 3,
    "EET": 2,
    "EST": -5,
    "HST": -10,
    "IST": 2,
    "JST": 9,
    "KST": 9,
    "MDT": -6,
    "MSK": 3,
    "MST": -7,
    "NDT": -2.5,
    "NST": -3.5,
    "NZDT": 13,
    "NZST": 12,
    "PDT": -7,
    "PKT": 5,
    "PST": -8,
    "WET": 0,
    "WEST": 1,
}
"""Common abbreviations in hours east, as PostgreSQL's Default set has them; for reading only."""


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """Return the zone of a TimeZone setting; raises InvalidValue (22023).

    Takes IANA names in any case, offsets east (``+05:30``, ``2``), and POSIX forms, whose offset counts west.

    >>> zone_of("<+02>-02").utcoffset(None) == timedelta(hours=2)
    True
    """
    text = name.strip()
    if text.upper() in ("UTC", "GMT", "Z", "ZULU", "UCT"):
        return UTC
    if match := _OFFSET.fullmatch(text):
        return timezone(_offset(match))
    iana = _iana_names().get(text.lower())
    if iana is not None:
        return ZoneInfo(iana)
    if match := _POSIX.fullmatch(text):
        west = _OFFSET.fullmatch(match["offset"])
        if west is not None:
            return timezone(-_offset(west))
    raise InvalidValue(f'invalid value for parameter "TimeZone": "{name}"')


def _offset(match: re.Match[str]) -> timedelta:
    size = timedelta(
        hours=int(match["hours"]), minutes=int(match["minutes"] or 0), seconds=int(match["seconds"] or 0)
    )
    if size >= timedelta(hours=24):
        raise InvalidValue(f'invalid value for parameter "TimeZone": "{match[0]}"')
    return -size if match["sign"] == "-" else size


@lru_cache(maxsize=1)
def _iana_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def moment_in(zone: tzinfo, time_us: int) -> datetime:
    """Return a moment (µs since 1970, UTC) in the zone.

    Beyond datetime's years it is the same moment some 400-year cycles away: same offset, same weekday.
    """
    day = time_us // DAY_US
    if day > _LAST_DAY:
        time_us -= -(-(day - _LAST_DAY) // _CYCLE_DAYS) * _CYCLE_DAYS * DAY_US
    elif day < _FIRST_DAY:
        time_us += -(-(_FIRST_DAY - day) // _CYCLE_DAYS) * _CYCLE_DAYS * DAY_US
        first = (_EPOCH + timedelta(days=_FIRST_DAY)).astimezone(zone)
        zone = timezone(first.utcoffset() or timedelta(0), first.tzname() or "")
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)


def offset_s(zone: tzinfo, time_us: int) -> int:
    """Return the zone's offset east of UTC at a moment, in seconds."""
    offset = moment_in(zone, time_us).utcoffset() or timedelta(0)
    return offset.days * 86_400 + offset.seconds


def offsets_s(name: str, times_us: Numbers) -> Numbers:
    """Return the offset in seconds at each moment.

    A zone is asked once per day, not once per value, unless its offset changes within that day.
    """
    zone = zone_of(name)
    if isinstance(zone, timezone):
        return np.full(len(times_us), offset_s(zone, 0), np.int64)
    days, places = np.unique(times_us // DAY_US, return_inverse=True)
    per_day = [_day_offset_s(zone, day) for day in days.tolist()]
    offsets = np.array([offset or 0 for offset in per_day], np.int64)[places]
    changing = np.array([offset is None for offset in per_day], np.bool_)[places]
    for place in np.flatnonzero(changing).tolist():
        offsets[place] = offset_s(zone, int(times_us[place]))
    return offsets


@lru_cache(maxsize=65_536)
def _day_offset_s(zone: tzinfo, day: int) -> int | None:
    """Return the offset that holds on this UTC day, None if it changes."""
    begin = offset_s(zone, day * DAY_US)
    return begin if begin == offset_s(zone, (day + 1) * DAY_US - 1) else None


def zone_exists(name: str) -> bool:
    """Tell whether PostgreSQL would take the name."""
    try:
        zone_of(name)
    except (InvalidValue, ZoneInfoNotFoundError):
        return False
    return True
