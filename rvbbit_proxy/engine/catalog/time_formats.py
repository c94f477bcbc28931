"""``to_char`` of times, ``to_timestamp`` and ``to_date``, with a template written out, in DuckDB's words.

What strftime has goes through it; the rest is put together from date_part(). Whether the value is an interval is
seen by ``typeof``, which DuckDB decides before the statement runs. A template that is no literal, or, read by
to_timestamp and to_date, says what strptime cannot, is left alone: the function is unknown then.
Differs from PostgreSQL: TZ in a template of to_char is the zone's name, not its abbreviation.
Source: https://www.postgresql.org/docs/16/functions-formatting.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from rvbbit_proxy.engine.catalog.install import FUNCTIONS_CATALOG
from rvbbit_proxy.engine.catalog.number_formats import VALUE, is_number_template, number_text, of_value

_NAMES = "MONTH Month month DAY Day day MON Mon mon DY Dy dy RM rm"
_HALVES = "A.M. P.M. a.m. p.m. AM PM am pm B.C. A.D. b.c. a.d. BC AD bc ad"
_NUMBERS = (
    "HH24 HH12 HH MI SSSSS SSSS SS MS US FF1 FF2 FF3 FF4 FF5 FF6 Y,YYY YYYY YYY YY Y IYYY IYY IY IDDD ID IW I"
    " MM DDD DD D WW W CC J Q TZH TZM TZ OF"
)
_WORDS = sorted(
    {*_NAMES.split(), *_HALVES.split(), *_NUMBERS.split(), *_NUMBERS.lower().split()}, key=len, reverse=True
)
_TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\.)*)"?|FX|fx|(?P<fill>FM|fm|TM|tm)?(?P<word>'
    + "|".join(re.escape(word) for word in _WORDS)
    + r")(?P<ordinal>TH|th)?|(?P<other>\\?.)",
    re.DOTALL,
)
_CODES = {
    "YYYY": "%Y", "YY": "%y", "IYYY": "%G", "IW": "%V", "ID": "%u", "MM": "%m", "DD": "%d", "DDD": "%j", "HH24": "%H",
    "HH12": "%I", "HH": "%I", "MI": "%M", "SS": "%S", "US": "%f", "MS": "%g", "AM": "%p", "PM": "%p", "Mon": "%b",
    "Dy": "%a", "TZ": "%Z", "FF6": "%f", "FF3": "%g",
}  # fmt: skip
_UNFILLED = {"MM": "%-m", "DD": "%-d", "HH24": "%-H", "HH12": "%-I", "HH": "%-I", "MI": "%-M", "SS": "%-S",
             "DDD": "%-j", "Month": "%B", "Day": "%A"}  # fmt: skip
_NAMES_READ = {"Month": "%B", "MON": "%b", "month": "%B", "MONTH": "%B", "mon": "%b", "Day": "%A", "DAY": "%A"}
_FILLED_NAMES = {"month": "%B", "day": "%A"}
_SHORT_NAMES = {"mon": "%b", "dy": "%a"}
_LAST_DIGITS = {
    "YYY": ("year", 3),
    "Y": ("year", 1),
    "IYY": ("isoyear", 3),
    "IY": ("isoyear", 2),
    "I": ("isoyear", 1),
}
_COUNTED = {
    "Q": "date_part('quarter', {x})",
    "J": "date_part('julian', {x}::DATE)::BIGINT",
    "D": "date_part('dow', {x}) + 1",
    "W": "(date_part('day', {x}) - 1) // 7 + 1",
    "SSSS": "date_part('hour', {x}) * 3600 + date_part('minute', {x}) * 60 + date_part('second', {x})",
    "SSSSS": "date_part('hour', {x}) * 3600 + date_part('minute', {x}) * 60 + date_part('second', {x})",
}
_FILLED_NUMBERS = {
    "WW": ("(date_part('doy', {x}) - 1) // 7 + 1", 2),
    "IDDD": ("(date_part('week', {x}) - 1) * 7 + date_part('isodow', {x})", 3),
    "CC": ("date_part('century', {x})", 2),
}
_ROMAN = "['I','II','III','IV','V','VI','VII','VIII','IX','X','XI','XII']"
_OF_INTERVALS = {
    "YYYY": ("date_part('year', {x})", 4), "MM": ("date_part('month', {x})", 2), "DD": ("date_part('day', {x})", 2),
    "HH24": ("date_part('hour', {x})", 2), "MI": ("date_part('minute', {x})", 2),
    "HH12": ("CASE date_part('hour', {x}) % 12 WHEN 0 THEN 12 ELSE date_part('hour', {x}) % 12 END", 2),
    "SS": ("date_part('second', {x})", 2), "MS": ("date_part('millisecond', {x}) % 1000", 3),
    "US": ("date_part('microsecond', {x}) % 1000000", 6),
}  # fmt: skip
_OF_INTERVALS["HH"] = _OF_INTERVALS["HH12"]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A part of a template: a word of PostgreSQL's, else text; ``ordinal`` is TH or th behind it."""

    word: str = ""
    text: str = ""
    is_filled: bool = True
    ordinal: str = ""

    @property
    def key(self) -> str:
        """The word, in capitals where case says nothing."""
        return self.word.upper() if self.word.upper() in _NUMBERS.split() else self.word


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
        return number_text(value, template) if is_number_template(template) else _time_text(value, template)
    kind = {"to_timestamp": "timestamptz", "to_date": "date"}.get(function)
    code = _strptime_code(template) if kind is not None else None
    if kind is None or code is None:
        return None
    text = exp.cast(value, "text", dialect="postgres")
    read = exp.Anonymous(this="strptime", expressions=[text, exp.Literal.string(code)])
    return exp.cast(read, kind, dialect="postgres")


def _patterns(template: str) -> Iterator[_Pattern]:
    for found in _TOKEN.finditer(template):
        if found["word"]:
            yield _Pattern(found["word"], "", found["fill"] is None, found["ordinal"] or "")
        elif found["quoted"] is not None:
            yield _Pattern(text=re.sub(r"\\(.)", r"\1", found["quoted"]))
        elif found["other"]:
            yield _Pattern(text=found["other"].removeprefix("\\") or "\\")


def _strptime_code(template: str) -> str | None:
    """Return the template as ``strptime`` takes it; None where it has no such code.

    >>> _strptime_code("DD Mon YYYY"), _strptime_code("Q")
    ('%d %b %Y', None)
    """
    parts: list[str] = []
    for pattern in _patterns(template):
        code = _CODES.get(pattern.key) or _NAMES_READ.get(pattern.word)
        if not pattern.word:
            code = None if pattern.text.isalpha() else pattern.text.replace("%", "%%")
        if code is None or pattern.ordinal:
            return None
        parts.append(code)
    return "".join(parts)


def _time_text(value: exp.Expr, template: str) -> exp.Expr:
    """Return what to_char gives for a time or an interval.

    >>> _time_text(exp.column("a"), "HH24:MI AM").sql("duckdb").rpartition("ELSE ")[2]
    "STRFTIME(TRY_CAST(a AS TIMESTAMP), '%H:%M %p') END"
    """
    patterns = list(_patterns(template))
    time = f"TRY_CAST({VALUE} AS {'TIMESTAMPTZ' if _says_zone(patterns) else 'TIMESTAMP'})"
    of_time = " || ".join(_pieces(patterns, time)) or "''"
    span = _interval_text(patterns, f"TRY_CAST({VALUE}::VARCHAR AS INTERVAL)")
    return of_value(f"CASE WHEN typeof({VALUE}) IN ('INTERVAL', 'TIME') THEN {span} ELSE {of_time} END", value)


def _says_zone(patterns: list[_Pattern]) -> bool:
    return any(pattern.key in ("TZ", "OF", "TZH", "TZM") for pattern in patterns)


def _pieces(patterns: list[_Pattern], x: str) -> Iterator[str]:
    """Yield what is to be joined, with all that strftime has in a row in one call of it."""
    codes = ""
    for pattern in patterns:
        code = _code(pattern)
        if code is not None:
            codes += code
            continue
        if codes:
            yield f"strftime({x}, {_quoted(codes)})"
        codes = ""
        text = f"({_computed(pattern, x)})"
        yield f"{FUNCTIONS_CATALOG}.base.ordinal({text}, '{pattern.ordinal}')" if pattern.ordinal else text
    if codes:
        yield f"strftime({x}, {_quoted(codes)})"


def _code(pattern: _Pattern) -> str | None:
    if not pattern.word:
        return pattern.text.replace("%", "%%")
    if pattern.ordinal:
        return None
    return (_CODES if pattern.is_filled else _UNFILLED | {"Mon": "%b", "Dy": "%a"}).get(pattern.key)


def _computed(pattern: _Pattern, x: str) -> str:
    """Return the SQL of a pattern that strftime alone does not have."""
    key, word = pattern.key, pattern.word
    plain = _CODES.get(key)
    if key in _COUNTED:
        return f"({_COUNTED[key].format(x=x)})::VARCHAR"
    if key in _FILLED_NUMBERS:
        number, width = _FILLED_NUMBERS[key]
        return _filled(number.format(x=x), width if pattern.is_filled else 0)
    if key in _LAST_DIGITS:
        field, width = _LAST_DIGITS[key]
        return _filled(f"date_part('{field}', {x}) % {10**width}", width if pattern.is_filled else 0)
    if key == "Y,YYY":
        year = f"date_part('year', {x})"
        return f"({year} // 1000)::VARCHAR || ',' || {_filled(f'{year} % 1000', 3)}"
    if key[:2] == "FF":
        return f"left(strftime({x}, '%f'), {key[2]})"
    if word.lower() in _FILLED_NAMES:
        name = _cased(f"strftime({x}, '{_FILLED_NAMES[word.lower()]}')", word)
        return f"rpad({name}, 9, ' ')" if pattern.is_filled else name
    if word.lower() in _SHORT_NAMES:
        return _cased(f"strftime({x}, '{_SHORT_NAMES[word.lower()]}')", word)
    if word.lower() == "rm":
        roman = _cased(f"({_ROMAN})[date_part('month', {x})]", word)
        return f"rpad({roman}, 4, ' ')" if pattern.is_filled else roman
    if plain is not None:
        text = f"strftime({x}, '{_UNFILLED.get(key, plain) if not pattern.is_filled else plain}')"
        return text if pattern.is_filled else f"coalesce(nullif(ltrim({text}, '0'), ''), '0')"
    return _half_or_zone(key, x)


def _half_or_zone(word: str, x: str) -> str:
    if word.replace(".", "").upper() in ("AM", "PM", "BC", "AD"):
        is_day = word.replace(".", "").upper() in ("AM", "PM")
        first, second = ("AM", "PM") if is_day else ("BC", "AD")
        condition = f"date_part('hour', {x}) % 24 < 12" if is_day else f"date_part('year', {x}) <= 0"
        texts = [_quoted(_dotted(text, word)) for text in (first, second)]
        return f"CASE WHEN {condition} THEN {texts[0]} ELSE {texts[1]} END"
    offset = f"date_part('timezone', {x})"
    sign = f"CASE WHEN {offset} < 0 THEN '-' ELSE '+' END"
    hours = f"{sign} || {_filled(f'abs({offset}) // 3600', 2)}"
    minutes = _filled(f"abs({offset}) % 3600 // 60", 2)
    if word == "TZH":
        return hours
    return (
        minutes
        if word == "TZM"
        else f"{hours} || CASE WHEN {offset} % 3600 <> 0 THEN ':' || {minutes} ELSE '' END"
    )


def _dotted(text: str, like: str) -> str:
    dotted = "".join(f"{letter}." for letter in text) if "." in like else text
    return dotted if like.isupper() else dotted.lower()


def _cased(text: str, like: str) -> str:
    return f"upper({text})" if like.isupper() else f"lower({text})" if like.islower() else text


def _filled(number: str, width: int) -> str:
    return f"lpad(({number})::BIGINT::VARCHAR, {width}, '0')" if width else f"({number})::BIGINT::VARCHAR"


def _interval_text(patterns: list[_Pattern], x: str) -> str:
    """Return what to_char gives for an interval: its own parts, and nothing that only a date has."""
    pieces: list[str] = []
    for pattern in patterns:
        if not pattern.word:
            pieces.append(_quoted(pattern.text))
            continue
        if pattern.key.replace(".", "").upper() in ("AM", "PM"):
            pieces.append(f"({_half_or_zone(pattern.key, x)})")
            continue
        if pattern.key not in _OF_INTERVALS:
            return "error('invalid format specification for an interval value')"
        number, width = _OF_INTERVALS[pattern.key]
        pieces.append(
            f"{FUNCTIONS_CATALOG}.base.padded({number.format(x=x)}, {width if pattern.is_filled else 1})"
        )
    return " || ".join(pieces) or "''"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
