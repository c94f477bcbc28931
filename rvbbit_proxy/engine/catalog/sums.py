"""Sums of integers as bigint, as PostgreSQL has them; DuckDB's are HUGEINT, as if they were of bigint.

A call of ``sum`` is put through a macro of ``functions.sql`` whose overloads know the type of what is summed, and whose
name is as long, so that every other character keeps its place. The functions of the search path cannot do that under
DuckDB's own name: views that are there already may say DISTINCT or FILTER, which no macro takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rvbbit_proxy.sql.lexer import Token, leading_words, lexemes
from rvbbit_proxy.sql.lists import closing_bracket
from rvbbit_proxy.sql.remembered import remembered

SUM_NAME = "Σ"
_NAME = f'"{SUM_NAME}"'
_CALL = re.compile(r"\bsum\s*\(", re.IGNORECASE)
_KEPT_TEXT = frozenset(("view", "macro", "function"))
_PLAIN_HEADS = frozenset(
    "coalesce nullif abs greatest least length round cast in and or not case when then else".split()
)
_Splice = tuple[int, int, str]


def spell_sums(sql: str) -> str:
    """Return the statement with its sums narrowed, except in a definition whose text the database keeps.

    >>> spell_sums("SELECT sum(a), sum(b) FILTER (WHERE c), sum(DISTINCT b) FROM t")
    'SELECT "Σ"(a), "Σ"(CASE WHEN c THEN b END), sum(DISTINCT b) FROM t'
    >>> spell_sums("SELECT sum(a) FILTER (b), sum(a ORDER BY b) FROM t")
    'SELECT "Σ"(CASE WHEN b THEN a END), sum(a ORDER BY b) FROM t'
    >>> spell_sums("CREATE VIEW v AS SELECT sum(a) FROM t")
    'CREATE VIEW v AS SELECT sum(a) FROM t'
    """
    return sql if _CALL.search(sql) is None else _spelt(sql)


@remembered
def _spelt(sql: str) -> str:
    if leading_words(sql, 1) == ("create",) and not _KEPT_TEXT.isdisjoint(leading_words(sql, 5)):
        return sql
    parts = lexemes(sql)
    words = [part.text.lower() for part in parts]
    if "pivot" in words:
        return sql
    pieces, end = [], 0
    for start, stop, text in sorted(_splices(sql, parts, words)):
        pieces += [sql[end:start], text]
        end = stop
    return "".join([*pieces, sql[end:]])


def _splices(sql: str, parts: Sequence[Token], words: Sequence[str]) -> Iterator[_Splice]:
    for place, word in enumerate(words):
        if word != "sum" or words[place + 1 : place + 2] != ["("] or words[place - 1] == ".":
            continue
        close = closing_bracket(parts, place + 1)
        if close >= len(parts) or words[place + 2] in ("distinct", ")") or "order" in words[place + 2 : close]:
            continue
        behind = close
        if words[close + 1 : close + 3] == ["filter", "("]:
            behind = closing_bracket(parts, close + 2)
            if behind >= len(parts):
                continue
            first = close + 4 if words[close + 3] == "where" else close + 3  # DuckDB lets WHERE be left out
            condition = sql[parts[first].start : parts[behind].start]
            item = sql[parts[place + 2].start : parts[close].start]
            yield parts[place + 2].start, parts[behind].start, f"CASE WHEN {condition} THEN {item} END"
        if words[behind + 1 : behind + 2] != ["over"] or _is_plain(parts, words, place + 2, close):
            yield parts[place].start, parts[place].end, _NAME


def _is_plain(parts: Sequence[Token], words: Sequence[str], start: int, end: int) -> bool:
    """Tell whether no aggregate is called here: it would have no type yet when overloads are chosen."""
    return all(
        parts[at - 1].kind != "word" or words[at - 1] in _PLAIN_HEADS
        for at in range(start, end)
        if words[at] == "("
    )


def plain_sums(sql: str, error: Exception) -> str | None:
    """Return a refused statement with DuckDB's own sums, if the type of what is summed was not known."""
    return sql.replace(_NAME, "sum") if _NAME in sql and "overloads" in str(error) else None
