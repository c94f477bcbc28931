"""The domains of session parameters: each turns what a user wrote into the form PostgreSQL shows.

A kind is a function ``(name, text) -> text`` that raises InvalidValue (22023) in PostgreSQL's words. Values stay
text: a parameter is read where it matters, by ``read_*``.
Source: https://www.postgresql.org/docs/16/config-setting.html ; PostgreSQL's src/backend/utils/misc/guc.c.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from types import MappingProxyType

from rvbbit_proxy.errors import InvalidValue

Kind = Callable[[str, str], str]

TIME_UNITS_MS: Mapping[str, Decimal] = MappingProxyType(
    {
        "d": Decimal(86_400_000),
        "h": Decimal(3_600_000),
        "min": Decimal(60_000),
        "s": Decimal(1000),
        "ms": Decimal(1),
        "us": Decimal("0.001"),
    }
)
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_OFFSET = re.compile(r"([+-]?)(\d{1,2})(?::?(\d{2}))?")
_ENCODINGS = MappingProxyType({"utf8": "UTF8", "unicode": "UTF8", "sqlascii": "SQL_ASCII"})
_STYLES = MappingProxyType({"iso": "ISO", "postgres": "Postgres", "sql": "SQL", "german": "German"})
_ORDERS = MappingProxyType(
    {"mdy": "MDY", "us": "MDY", "dmy": "DMY", "euro": "DMY", "european": "DMY", "ymd": "YMD"}
)


def text(name: str, value: str) -> str:
    """Any text."""
    return value


def boolean(name: str, value: str) -> str:
    """``on`` or ``off``, written in any of PostgreSQL's ways, unambiguous prefixes too."""
    given = value.strip().lower()
    if given:
        if given == "1" or (given != "o" and any(word.startswith(given) for word in ("true", "yes", "on"))):
            return "on"
        if given == "0" or (given != "o" and any(word.startswith(given) for word in ("false", "no", "off"))):
            return "off"
    raise InvalidValue(f'parameter "{name}" requires a Boolean value')


def choice(*values: str, hidden: Mapping[str, str] = MappingProxyType({})) -> Kind:
    """One of these words; ``hidden`` are accepted spellings of them."""
    known = {value.lower(): value for value in values} | dict(hidden)

    def parse(name: str, value: str) -> str:
        found = known.get(value.strip().lower())
        if found is None:
            raise _invalid(name, value, f"Available values: {', '.join(values)}.")
        return found

    return parse


def integer(low: int = -(2**31), high: int = 2**31 - 1) -> Kind:
    """A whole number within these bounds."""

    def parse(name: str, value: str) -> str:
        match = _NUMBER.fullmatch(value)
        if match is None or match[2]:
            raise _invalid(name, value)
        return str(_in_range(name, Decimal(match[1]), low, high, ""))

    return parse


def milliseconds(low: int = 0, high: int = 2**31 - 1) -> Kind:
    """A duration; a bare number is in ms; shown in the largest unit that fits: ``90s``, ``1min``, ``0``."""

    def parse(name: str, value: str) -> str:
        match = _NUMBER.fullmatch(value)
        if match is None:
            raise _invalid(name, value)
        factor = TIME_UNITS_MS.get(match[2] or "ms")
        if factor is None:
            raise _invalid(name, value, 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".')
        return show_ms(_in_range(name, Decimal(match[1]) * factor, low, high, " ms"))

    return parse


def show_ms(duration_ms: int) -> str:
    """Return a duration as PostgreSQL shows it.

    >>> show_ms(0), show_ms(90_000), show_ms(1500), show_ms(120_000)
    ('0', '90s', '1500ms', '2min')
    """
    if duration_ms <= 0:
        return str(duration_ms)
    unit = next(unit for unit, factor in TIME_UNITS_MS.items() if duration_ms % factor == 0)
    return f"{int(duration_ms / TIME_UNITS_MS[unit])}{unit}"


def read_ms(value: str) -> int:
    """Return the milliseconds of a shown duration."""
    if value == "0":
        return 0
    match = _NUMBER.fullmatch(value)
    return int(Decimal(match[1]) * TIME_UNITS_MS[match[2] or "ms"]) if match else 0


def usd(name: str, value: str) -> str:
    """An amount of US dollars, or nothing for no limit."""
    if not value.strip():
        return ""
    try:
        amount = Decimal(value.strip().removeprefix("$"))
    except InvalidOperation:
        raise _invalid(name, value) from None
    if not amount.is_finite() or amount < 0:
        raise _invalid(name, value, "It is an amount in USD, zero or more; empty is no limit.")
    return format(amount, "f")


def share(name: str, value: str) -> str:
    """``on``, ``off``, or a sampling rate from 0 to 1."""
    match = _NUMBER.fullmatch(value)
    if match is None:
        return boolean(name, value)
    rate = Decimal(match[1])
    if match[2] or not 0 <= rate <= 1:
        raise _invalid(name, value, "It is on, off, or a sampling rate from 0 to 1.")
    return {Decimal(0): "off", Decimal(1): "on"}.get(rate, format(rate.normalize(), "f"))


def accuracy(name: str, value: str) -> str:
    """``off``, or a share between 0 and 1."""
    match = _NUMBER.fullmatch(value)
    if match is None and value.lower() in ("off", ""):
        return "off"
    if match is None or match[2] or not 0 < Decimal(match[1]) < 1:
        raise _invalid(name, value, "It is off, or a share of right answers between 0 and 1.")
    return format(Decimal(match[1]).normalize(), "f")


def read_share(value: str) -> float:
    """Return the rate of a shown share."""
    return {"on": 1.0, "off": 0.0}.get(value) if value in ("on", "off") else float(value)  # type: ignore[return-value]


def json_object(name: str, value: str) -> str:
    """A JSON object, or nothing."""
    if not value.strip():
        return ""
    try:
        parsed = json.loads(value)
    except ValueError as exc:
        raise _invalid(name, value, f"It is a JSON object: {exc}.") from None
    if not isinstance(parsed, dict):
        raise _invalid(name, value, "It is a JSON object.")
    return value


def traceparent(name: str, value: str) -> str:
    """A W3C trace parent, or nothing."""
    if value and not _TRACEPARENT.fullmatch(value):
        raise _invalid(name, value, "It reads 00-<32 hex trace id>-<16 hex span id>-<2 hex flags>.")
    return value


def client_encoding(name: str, value: str) -> str:
    """UTF8 or SQL_ASCII.

    Differs from PostgreSQL: no other client encoding is converted to; asking for one is an error (22023).
    """
    found = _ENCODINGS.get(re.sub(r"[^a-z0-9]", "", value.lower()))
    if found is None:
        raise _invalid(name, value, "Clients of this server speak UTF8.")
    return found


def date_style(name: str, value: str, current: str = "ISO, MDY") -> str:
    """The style and order of dates; what is not named stays as it is, but German without an order is ``DMY``.

    >>> date_style("DateStyle", "german"), date_style("DateStyle", "DMY", current="SQL, MDY")
    ('German, DMY', 'SQL, DMY')
    """
    styles: list[str] = []
    orders: list[str] = []
    for word in filter(None, re.split(r"[\s,]+", value.strip().lower())):
        if word in _STYLES:
            styles.append(_STYLES[word])
        elif word in _ORDERS:
            orders.append(_ORDERS[word])
        elif word == "default":
            current = "ISO, MDY"
        else:
            raise _invalid_style(name, value, f'Unrecognized key word: "{word}".')
    if len(set(styles)) > 1 or len(set(orders)) > 1:
        raise _invalid_style(name, value, 'Conflicting "datestyle" specifications.')
    style, order = current.split(", ")
    if styles and not orders and styles[0] == "German":
        orders = ["DMY"]
    return f"{(*styles, style)[0]}, {(*orders, order)[0]}"


def _invalid_style(name: str, value: str, detail: str) -> InvalidValue:
    fault = _invalid(name, value)
    fault.detail = detail
    return fault


@cache
def _zones() -> Mapping[str, str]:
    return {zone.lower(): zone for zone in zoneinfo.available_timezones()}


def time_zone(name: str, value: str) -> str:
    """A zone of the IANA database in any case, or an offset in hours east of UTC, shown as PostgreSQL does.

    >>> time_zone("TimeZone", "europe/berlin"), time_zone("TimeZone", "-3"), time_zone("TimeZone", "+05:30")
    ('Europe/Berlin', '<-03>+03', '<+05:30>-05:30')
    """
    given = value.strip()
    if given.startswith("<") or not given:
        return given or "UTC"
    match = _OFFSET.fullmatch(given)
    if match and int(match[2]) <= 15:
        tail = match[2].zfill(2) + (f":{match[3]}" if match[3] and int(match[3]) else "")
        east, west = ("-", "+") if match[1] == "-" else ("+", "-")
        return f"<{east}{tail}>{west}{tail}"
    found = _zones().get(given.lower())
    if found is None:
        raise _invalid(name, value)
    return found


def _in_range(name: str, amount: Decimal, low: int, high: int, unit: str) -> int:
    rounded = int(amount.to_integral_value())
    if not low <= rounded <= high:
        raise InvalidValue(f'{rounded}{unit} is outside the valid range for parameter "{name}" ({low} .. {high})')
    return rounded


def _invalid(name: str, value: str, hint: str | None = None) -> InvalidValue:
    return InvalidValue(f'invalid value for parameter "{name}": "{value}"', hint=hint)
