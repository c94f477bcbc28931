"""Dates and times of single values as PostgreSQL prints them, for any year it knows.

Not here: whole columns and reading (``datetime``, ``datetime_input``).
Source: PostgreSQL's src/backend/utils/adt/datetime.c (EncodeDateOnly, EncodeDateTime).
"""

from __future__ import annotations

from datetime import UTC, timezone, tzinfo

from rvbbit_proxy.wire.types.style import TextStyle
from rvbbit_proxy.wire.types.zones import DAY_US, moment_in, offset_s

_WEEKDAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # 1970-01-01 was a Thursday
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def civil_of(day: int) -> tuple[int, int, int]:
    """Return year, month, day of a day since 1970-01-01; year 0 is 1 BC.

    Source: https://howardhinnant.github.io/date_algorithms.html

    >>> civil_of(0), civil_of(-719529)
    ((1970, 1, 1), (-1, 12, 31))
    """
    era, of_era = divmod(day + 719_468, 146_097)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def day_of(year: int, month: int, day: int) -> int:
    """Return the day since 1970-01-01; the date must exist.

    >>> day_of(*civil_of(-719529)), day_of(2000, 1, 1)
    (-719529, 10957)
    """
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + of_year - 719_468


def date_text(day: int, style: TextStyle) -> str:
    """Print a day since 1970-01-01."""
    year, month, of_month = civil_of(day)
    era = " BC" if year <= 0 else ""
    return _joined_date(year if year > 0 else 1 - year, month, of_month, style) + era


def _joined_date(year: int, month: int, day: int, style: TextStyle) -> str:
    if style.date_output == "ISO":
        return f"{year:04d}-{month:02d}-{day:02d}"
    if style.date_output == "GERMAN":
        return f"{day:02d}.{month:02d}.{year:04d}"
    first, second = (day, month) if style.day_first else (month, day)
    separator = "/" if style.date_output == "SQL" else "-"
    return f"{first:02d}{separator}{second:02d}{separator}{year:04d}"


def time_text(time_us: int) -> str:
    """Print a time of day in µs; 24:00:00 is one.

    >>> time_text(86_400_000_000), time_text(3_600_500_000)
    ('24:00:00', '01:00:00.5')
    """
    seconds, fraction = divmod(time_us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    shown = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{shown}.{fraction:06d}".rstrip("0") if fraction else shown


def offset_text(offset: int) -> str:
    """Print an offset east of UTC in seconds, as short as PostgreSQL does.

    >>> offset_text(0), offset_text(19_800), offset_text(-17_762)
    ('+00', '+05:30', '-04:56:02')
    """
    sign, size = ("-" if offset < 0 else "+"), abs(offset)
    hours, minutes, seconds = size // 3600, size // 60 % 60, size % 60
    if seconds:
        return f"{sign}{hours:02d}:{minutes:02d}:{seconds:02d}"
    return f"{sign}{hours:02d}:{minutes:02d}" if minutes else f"{sign}{hours:02d}"


def timestamp_text(time_us: int, style: TextStyle, zone: tzinfo | None = None) -> str:
    """Print a timestamp in µs since 1970; with a zone, a moment in it."""
    offset = 0 if zone is None else offset_s(zone, time_us)
    day, of_day = divmod(time_us + offset * 1_000_000, DAY_US)
    year, month, of_month = civil_of(day)
    era = " BC" if year <= 0 else ""
    year = year if year > 0 else 1 - year
    suffix = "" if zone is None else _zone_suffix(zone, time_us, offset, style)
    if style.date_output == "POSTGRES":
        words = [f"{of_month:02d}", _MONTHS[month - 1]]
        date = " ".join(words if style.day_first else words[::-1])
        return f"{_WEEKDAYS[day % 7]} {date} {time_text(of_day)} {year:04d}{suffix}{era}"
    return f"{_joined_date(year, month, of_month, style)} {time_text(of_day)}{suffix}{era}"


def _zone_suffix(zone: tzinfo, time_us: int, offset: int, style: TextStyle) -> str:
    if style.date_output == "ISO":
        return offset_text(offset)
    fixed = isinstance(zone, timezone) and zone is not UTC
    abbreviation = offset_text(offset) if fixed else moment_in(zone, time_us).tzname()
    return f" {abbreviation or offset_text(offset)}"
