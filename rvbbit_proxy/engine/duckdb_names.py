"""The names of unnamed result columns, as PostgreSQL gives them.

DuckDB names a column without alias by the text of its expression (``sum(a)``, ``CAST(x AS int8)``), which is parsed
back to find out PostgreSQL's name. A name that comes out of a star is no text of an expression, whatever it looks
like, so the statement's own items are counted where it has stars.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError
from sqlglot.parsers.duckdb import DuckDBParser

from rvbbit_proxy.engine.catalog.sums import SUM_NAME
from rvbbit_proxy.engine.statement import words_of
from rvbbit_proxy.sql.item_names import UNNAMED, NamedCalls, output_name
from rvbbit_proxy.sql.lexer import Token, lexemes, words
from rvbbit_proxy.sql.remembered import remembered

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_WORD = re.compile(r"[^\W\d]\w*")
_WORDS = re.compile(r"[^\W\d]\w*(?: \w+)*")
"""No text of an expression: those have brackets around what is more than a word."""
_NUMBERED = re.compile(r"(?<=\W)_\d+$")
"""What DuckDB puts behind an expression that is another column of a nested query, too."""
_PARAMETER_NULL = re.compile(r"CAST\(NULL AS [A-Z ]+(?:\[\])?\)")
_VALUES = frozenset(("true", "false", "NULL"))
_LIST_ENDS = frozenset(
    "from where group having window order limit offset fetch for union intersect except into qualify".split()
)
_SET_WORDS = frozenset(("all", "distinct"))
_QUERIES = frozenset(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "FROM"))
_VARCHAR = "rvbbit_varchar"
_TO_VARCHAR = re.compile(r" AS VARCHAR\b")
_OF_SUBQUERY_ARRAY = re.compile(r"\(SELECT CASE +WHEN \(\(array_agg\(#1")
_SAID_OTHERWISE = {
    "count_star": ("count",),
    "date_part": ("extract",),
    "list_value": ("array",),
    "quantile_cont": ("percentile_cont",),
    "quantile_disc": ("percentile_disc",),
    "regexp_matches": (),
    "regexp_full_match": (),
    "like_escape": (),
    "ilike_escape": (),
    "not_like_escape": (),
    "not_ilike_escape": (),
    "factorial": (),
}
"""DuckDB's functions for what SQL says in other words, if the statement does not call them: those words."""
_INTERNAL = frozenset(_SAID_OTHERWISE)


class _DuckDBText(DuckDB):
    """DuckDB's dialect, whose calls keep the names they were written with."""

    class Parser(NamedCalls, DuckDBParser):
        pass


def postgres_names(sql: str, names: Sequence[str]) -> list[str]:
    """Return the names RowDescription tells.

    >>> postgres_names("SELECT sum(a), a + 1, b FROM t", ["sum(a)", "(a + 1)", "b"])
    ['sum', '?column?', 'b']
    >>> postgres_names("SELECT *, true FROM t", ["b,c", "true", "true"])
    ['b,c', 'true', '?column?']
    """
    if all(_PLAIN.fullmatch(name) and name not in _VALUES for name in names):
        return _values_names(sql, names)
    before, after = _around_stars(sql, len(names)) if _may_have_star(sql) else (len(names), 0)
    return [
        _name(sql, name)
        if place < before or place >= len(names) - after or _may_be_unnamed_inside(sql, name)
        else _unquoted(sql, name)
        for place, name in enumerate(names)
    ]


def _name(sql: str, name: str) -> str:
    if name not in _VALUES and (_WORD.fullmatch(name) or _is_quoted(sql, name)):
        return _unquoted(sql, name)
    said = words(sql)
    written = _NUMBERED.sub("", _PARAMETER_NULL.sub("$1", name))
    return figure_name(written, said & _INTERNAL, "extract" in said)


def _may_be_unnamed_inside(sql: str, name: str) -> bool:
    """Tell whether a star's column may have got no name in a query of the statement's own."""
    return not _WORDS.fullmatch(name) and sql.lower().count("select") > 1 and not _is_quoted(sql, name)


def _unquoted(sql: str, name: str) -> str:
    """Return a column's name in lower case where the statement writes it without quotes."""
    folded = name.lower()
    return folded if folded != name and not _is_quoted(sql, name) and folded in words(sql) else name


def _is_quoted(sql: str, name: str) -> bool:
    return '"' + name.replace('"', '""') + '"' in sql


def _values_names(sql: str, names: Sequence[str]) -> list[str]:
    if names and names[0] == "col0" and "VALUES" in sql.upper() and "col0" not in words(sql):
        return [f"column{int(name[3:]) + 1}" if re.fullmatch(r"col\d+", name) else name for name in names]
    return list(names)


def _may_have_star(sql: str) -> bool:
    return "*" in sql or words_of(sql, 1)[:1] not in {(word,) for word in _QUERIES - {"FROM"}}


@remembered
def _star_places(sql: str) -> tuple[int, int] | None:
    """Return how many items stand before the first star and after the last one; None without a star."""
    stars = [_is_star(item) for item in _items(lexemes(sql))]
    if not stars:
        return 0, 0
    if not any(stars):
        return None
    return stars.index(True), stars[::-1].index(True)


def _around_stars(sql: str, count: int) -> tuple[int, int]:
    places = _star_places(sql)
    return (count, 0) if places is None else places


def _is_star(item: Sequence[Token]) -> bool:
    texts = [token.text.lower() for token in item]
    return bool(texts) and (texts[0] in ("*", "columns") or texts[1:3] == [".", "*"] or texts[3:5] == [".", "*"])


def _items(parts: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens of each item of the outermost SELECT or RETURNING list."""
    outer = next((at for at, part in enumerate(parts) if part.text != "("), 0)
    items: list[list[Token]] = []
    depth, found = 0, False
    for at, part in enumerate(parts):
        text = part.text.lower() if part.kind in ("word", "symbol") else ""
        depth += (text in ("(", "[")) - (text in (")", "]"))
        if not found:
            if depth == outer and text in ("select", "returning"):
                found, items = True, [[]]
            continue
        if depth < outer or (depth == outer and _ends_list(parts, at, text)):
            break
        if depth == outer and text == ",":
            items.append([])
        elif items[-1] or text not in _SET_WORDS:
            items[-1].append(part)
    return [_without_on(items[0]), *items[1:]] if items else []


def _without_on(item: list[Token]) -> list[Token]:
    """Return the first item without the keys of DISTINCT ON before it."""
    if not item or item[0].text.lower() != "on":
        return item
    depth = 0
    for at, part in enumerate(item):
        depth += (part.text == "(") - (part.text == ")")
        if depth == 0 and at > 0:
            return item[at + 1 :]
    return item


def _ends_list(parts: Sequence[Token], at: int, text: str) -> bool:
    return text in _LIST_ENDS and not (text == "from" and parts[at - 1].text.lower() == "distinct")


@lru_cache(maxsize=4096)
def figure_name(text: str, called: frozenset[str] = frozenset(), extracts: bool = True) -> str:
    """Return the name PostgreSQL gives to an expression that DuckDB writes so.

    ``called`` are those internal functions whose own name the statement has; ``extracts``: it says EXTRACT.

    >>> figure_name("CAST(x AS int8)"), figure_name("CAST(1 AS INTEGER)"), figure_name("count_star()")
    ('x', 'int4', 'count')
    >>> figure_name("true"), figure_name("(2 ^ 3)"), figure_name("CAST(CAST(1 AS INTEGER) AS BIGINT)")
    ('?column?', '?column?', 'int8')
    """
    if text in _VALUES or text.startswith("$"):
        return UNNAMED
    if _OF_SUBQUERY_ARRAY.match(text):
        return "array"
    text = _TO_VARCHAR.sub(f" AS {_VARCHAR}", re.sub(r"\$\d+", "NULL", text))  # which would be read as text
    try:
        tree = sqlglot.parse_one(text, read=_DuckDBText)
    except SqlglotError:
        return UNNAMED
    if isinstance(tree, exp.Paren) and not isinstance(tree.this, (exp.Query, exp.Array)):
        return UNNAMED  # so it writes operators
    name = output_name(tree)
    if name == _VARCHAR:
        return "varchar"
    if name == "date_part":
        return "extract" if extracts else name
    if name == "trim":
        return "btrim"
    if name == SUM_NAME.lower():
        return "sum"
    if name in _SAID_OTHERWISE and name not in called:
        return next(iter(_SAID_OTHERWISE[name]), UNNAMED)
    return name
