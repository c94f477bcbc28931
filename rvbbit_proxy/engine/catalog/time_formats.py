"""``to_timestamp``, ``to_date`` and ``to_char`` of times, with a template written out, in DuckDB's words.

A template that says anything DuckDB cannot is left alone, and the function is unknown, rather than answered wrongly.
Differs from PostgreSQL: TZ in a template of to_char is the zone's name, not its abbreviation.
Source: https://www.postgresql.org/docs/16/functions-formatting.html
"""

from __future__ import annotations

import re

from sqlglot import exp

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<fill>FM)?(?:(?P<name>Month|Day|Mon|MON|Dy|AM|PM|TZ)'
    r"|(?P<number>(?i:HH24|HH12|YYYY|IYYY|DDD|HH|YY|MM|MI|DD|SS|US|MS|IW|ID)))|(?P<letter>[A-Za-z])|(?P<other>.)",
    re.DOTALL,
)
_CODES = {
    "YYYY": "%Y", "YY": "%y", "IYYY": "%G", "IW": "%V", "ID": "%u", "MM": "%m", "DD": "%d", "DDD": "%j", "HH24": "%H",
    "HH12": "%I", "HH": "%I", "MI": "%M", "SS": "%S", "US": "%f", "MS": "%g", "AM": "%p", "PM": "%p", "Mon": "%b",
    "Dy": "%a", "TZ": "%Z",
}  # fmt: skip
_UNFILLED = {"MM": "%-m", "DD": "%-d", "HH24": "%-H", "HH12": "%-I", "HH": "%-I", "MI": "%-M", "SS": "%-S",
             "DDD": "%-j", "Month": "%B", "Day": "%A"}  # fmt: skip
_NAMES_READ = {"Month": "%B", "MON": "%b", "Day": "%A"}


def spell_time_formats(tree: exp.Expr) -> None:
    """Put the calls whose template is a literal in DuckDB's words."""
    for call in list(tree.find_all(exp.Anonymous)):
        template = call.expressions[1] if len(call.expressions) == 2 else None
        if isinstance(template, exp.Literal) and template.is_string:
            spelt = _spelt(call.name.lower(), call.expressions[0].copy(), template.name)
            if spelt is not None:
                call.replace(spelt)


def _spelt(function: str, value: exp.Expr, template: str) -> exp.Expr | None:
    if function == "to_char":
        code = strftime_code(template)
        return _call("strftime", value, code) if code is not None else None
    kind = {"to_timestamp": "timestamptz", "to_date": "date"}.get(function)
    code = strftime_code(template, reading=True) if kind is not None else None
    if kind is None or code is None:
        return None
    return exp.cast(_call("strptime", exp.cast(value, "text", dialect="postgres"), code), kind, dialect="postgres")


def _call(function: str, value: exp.Expr, code: str) -> exp.Expr:
    return exp.Anonymous(this=function, expressions=[value, exp.Literal.string(code)])


def strftime_code(template: str, *, reading: bool = False) -> str | None:
    """Return the template as ``strftime`` takes it, ``strptime`` when ``reading``; None where it has no such code.

    >>> strftime_code('yyyy-MM-DD"T"HH24:MI:SS.US'), strftime_code("FMMonth FMDD"), strftime_code("Q")
    ('%Y-%m-%dT%H:%M:%S.%f', '%B %-d', None)
    """
    parts: list[str] = []
    for found in _TOKEN.finditer(template):
        pattern = found["name"] or (found["number"] or "").upper()
        if not pattern:
            text = found["quoted"] if found["quoted"] is not None else found["other"]
            code = text.replace("%", "%%") if text is not None else None
        elif reading:
            code = _CODES.get(pattern) or _NAMES_READ.get(pattern)
        else:
            code = (_UNFILLED if found["fill"] else _CODES).get(pattern)
        if code is None:
            return None
        parts.append(code)
    return "".join(parts)
