"""``to_char`` of numbers and ``to_number``, with a template written out, as expressions over the number's digits.

The number is rounded to the template's places and cut at its point; its whole part is laid out over the template's
digits, and what is left of the first digit is blank. A template with something else between its digits, or with V,
EEEE or RN, is left alone, and the function is unknown, rather than answered wrongly.
Source: https://www.postgresql.org/docs/16/functions-formatting.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

from rvbbit_proxy.engine.catalog.install import FUNCTIONS_CATALOG

VALUE = "rvbbit_value"
"""What stands for the value in the text of an expression over it."""
_QUOTED = re.compile(r'"[^"]*"')
_OF_TIMES = re.compile(r"HH24|HH12|FF\d|YY|MM|DD|MI:|SS", re.IGNORECASE)
_MOST_DIGITS = 38
_TEMPLATE = re.compile(
    r"""(?P<fill>FM)?(?P<sign>S|SG|MI|PL)?(?P<before>(?:"[^"]*"|[^\w".,]|L)*)(?P<more>FM)?(?P<late_sign>S|SG)?
    (?P<whole>[09][09,G]*|)(?:(?P<point>[.D])(?P<part>[09]*))?
    (?P<after_sign>PR|S|SG|MI|PL)?(?P<ordinal>TH)?(?P<after>(?:"[^"]*"|[^\w".,])*)""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A template taken apart: its digits before and behind the point, and what stands around them."""

    whole: str
    part: str
    has_point: bool
    is_filled: bool
    sign: str
    sign_behind: str
    before: str
    after: str
    ordinal: str


def is_number_template(template: str) -> bool:
    """Tell whether a template of to_char is one of numbers: it has places for digits.

    >>> is_number_template("FM999,990.00"), is_number_template("YYYY-MM-DD")
    (True, False)
    """
    bare = _QUOTED.sub("", template)
    return ("9" in bare or "0" in bare or "RN" in bare.upper()) and _OF_TIMES.search(bare) is None


def number_text(value: exp.Expr, template: str) -> exp.Expr | None:
    """Return what to_char gives for a number; None where the template is not understood.

    >>> number_text(exp.column("a"), "9V9") is None
    True
    """
    layout = _layout(template)
    return of_value(_text(VALUE, layout), value) if layout is not None else None


def of_value(sql: str, value: exp.Expr) -> exp.Expr:
    """Return the expression that a text says of :data:`VALUE`, with the value in its place.

    >>> of_value(f"abs({VALUE})", exp.column("a")).sql("duckdb")
    'ABS(a)'
    """
    whole = _parsed(sql).copy()
    for place in list(whole.find_all(exp.Column)):
        if place.name == VALUE:
            place.replace(value.copy() if isinstance(value, (exp.Column, exp.Cast)) else exp.paren(value.copy()))
    return whole


@lru_cache(maxsize=512)
def _parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


def _layout(template: str) -> _Layout | None:
    found = _TEMPLATE.fullmatch(template)
    if found is None or (found["late_sign"] and found["sign"]):
        return None
    part = found["part"] or ""
    whole = found["whole"].upper().replace("G", ",")
    digits = len(whole.replace(",", "")) + len(part)
    if not digits or digits > _MOST_DIGITS or (found["ordinal"] and part):
        return None
    sign = (found["sign"] or found["late_sign"] or "").upper()
    behind = (found["after_sign"] or "").upper()
    if sign and behind:
        return None
    before, after = (
        found[name].replace('"', "").replace("L", " ").replace("l", " ") for name in ("before", "after")
    )
    is_filled = not (found["fill"] or found["more"])
    return _Layout(whole, part, bool(part), is_filled, sign, behind, before, after, found["ordinal"] or "")


def _text(x: str, layout: _Layout) -> str:
    places = len(layout.part)
    number = f"({x})::DECIMAL({_MOST_DIGITS}, {places})"
    digits = f"abs({number})::VARCHAR"
    whole = f"split_part({digits}, '.', 1)"
    part = f"split_part({digits}, '.', 2)" if places else "''"
    slots = layout.whole.replace(",", "")
    zeros = len(slots) - slots.index("0") if "0" in slots else 0
    shown = whole
    if layout.has_point:
        shown_at_zero = f" OR {number} = 0" if not layout.is_filled and "0" not in layout.part else ""
        shown = f"CASE WHEN {whole} <> '0'{shown_at_zero} THEN {whole} ELSE '' END"
    laid = f"{FUNCTIONS_CATALOG}.base.laid_out({shown}, {len(slots)}, {zeros})"
    body = f"ltrim({_grouped(laid, layout.whole)}, ' ,')" if slots else "''"
    if layout.has_point:
        body += " || '.' || " + _part(part, layout, f"length({whole}) > {len(slots)}")
    return _signed(body, f"{number} < 0", layout)


def _grouped(laid: str, whole: str) -> str:
    """Return the digits with the template's separators."""
    pieces, start = [], 1
    for group in whole.split(","):
        pieces.append(f"substr({laid}, {start}, {len(group)})" if group else "''")
        start += len(group)
    return " || ',' || ".join(pieces) if len(pieces) > 1 else laid


def _part(part: str, layout: _Layout, overflows: str) -> str:
    """Return the digits behind the point; FM leaves out the zeros at the end that no 0 asks for."""
    if not layout.part:
        return "''"
    if not layout.is_filled:
        asked = layout.part.rindex("0") + 1 if "0" in layout.part else 0
        part = f"rpad(rtrim({part}, '0'), greatest({asked}, length(rtrim({part}, '0'))), '0')"
    return f"CASE WHEN {overflows} THEN repeat('#', {len(layout.part)}) ELSE {part} END"


def _signed(body: str, is_negative: str, layout: _Layout) -> str:
    width = len(layout.whole) + layout.has_point + len(layout.part)
    plus = "+" if layout.sign == "S" else ""
    sign = f"CASE WHEN {is_negative} THEN '-' ELSE '{plus}' END"
    before, after = (_quoted(text) for text in (layout.before, layout.after))
    if layout.sign in ("MI", "PL", "SG") or layout.sign_behind in ("S", "SG", "MI", "PL"):
        return _apart(body, is_negative, layout, width)
    if layout.sign_behind == "PR":
        blank = "' '" if layout.is_filled else "''"
        bracketed = f"CASE WHEN {is_negative} THEN '<' || {body} || '>' ELSE {blank} || {body} || {blank} END"
        filled = f"lpad({bracketed}, {width + 2}, ' ')" if layout.is_filled else bracketed
        return f"{before} || {filled} || {after}"
    if layout.ordinal:
        ordinal = f"{FUNCTIONS_CATALOG}.base.ordinal({body}, '{layout.ordinal}')"
        body = f"CASE WHEN {is_negative} OR contains({body}, '#') THEN {body} ELSE {ordinal} END"
    text = f"{sign} || {body}"
    if layout.is_filled:
        width_of_ordinal = f" + CASE WHEN right({body}, 1) > '9' THEN 2 ELSE 0 END" if layout.ordinal else ""
        text = f"lpad({text}, {width + 1}{width_of_ordinal}, ' ')"
    return f"{before} || {text} || {after}"


def _apart(body: str, is_negative: str, layout: _Layout, width: int) -> str:
    """Return the number with a sign that has a place of its own."""
    kind = layout.sign or layout.sign_behind
    positive, negative = {"MI": (" ", "-"), "PL": ("+", " "), "SG": ("+", "-"), "S": ("+", "-")}[kind]
    if not layout.is_filled:
        positive, negative = positive.strip(), negative.strip()
    sign = f"CASE WHEN {is_negative} THEN '{negative}' ELSE '{positive}' END"
    if kind == "PL":  # which does not stand for the number's own sign
        body, width = f"CASE WHEN {is_negative} THEN '-' ELSE '' END || {body}", width + 1
    filled = f"lpad({body}, {width}, ' ')" if layout.is_filled else body
    parts = [sign, filled] if layout.sign else [filled, sign]
    return " || ".join([_quoted(layout.before), *parts, _quoted(layout.after)])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
