"""Values held to the lengths their columns were declared with, which DuckDB forgets (``catalog.declared``).

What an INSERT or UPDATE puts into such a column is put through a check, text by text, so that the rest of the statement
stays as it is; a literal that is short enough stays, too. Blanks that are too many are cut, other text is an error.
Differs from PostgreSQL: elements of arrays and the precision of times are not held to what was declared; values of
char(n) are given without the blanks at their end.
Source: https://www.postgresql.org/docs/16/datatype-character.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rvbbit_proxy.engine.catalog.declared import DeclaredType
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import BRACKETS, closing_bracket, name_end, split_list

LengthsOf = Callable[[str], Mapping[str, DeclaredType]]
"""Returns the declared types of a table's columns, by the table's name as written."""
NamesOf = Callable[[str], Sequence[str]]
"""Returns the names of a table's columns in order."""

_CHECKED = frozenset(("varchar", "char", "bit", "varbit"))
_QUERIES = frozenset(("select", "with", "from", "table", "values"))
_AFTER_SET = frozenset(("from", "where", "returning", "when"))
_Splice = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is known of tables' columns."""

    lengths_of: LengthsOf
    names_of: NamesOf

    def lengths(self, table: str) -> dict[str, DeclaredType]:
        """Return the types that values have to be held to, by the columns' names in lower case."""
        return {
            name.lower(): declared
            for name, declared in self.lengths_of(table).items()
            if declared.word in _CHECKED and declared.size is not None and not declared.array
        }


def fit_lengths(sql: str, lengths_of: LengthsOf, names_of: NamesOf) -> str:
    """Return an INSERT, UPDATE or MERGE whose values are held to the declared lengths; any other statement as it is.

    >>> types = {"a": DeclaredType("varchar", 3)}
    >>> fit_lengths("INSERT INTO t VALUES ('abc', $1), ($2, 1)", lambda table: types, lambda table: ["a", "b"])
    "INSERT INTO t VALUES ('abc', $1), (rvbbit_fn.base.varchar_in(CAST($2 AS VARCHAR), 3), 1)"
    >>> fit_lengths("INSERT INTO t (b, a) VALUES ({'x': 1, 'y': 2}, 'abc')", lambda table: types, lambda table: [])
    "INSERT INTO t (b, a) VALUES ({'x': 1, 'y': 2}, 'abc')"
    """
    parts = lexemes(sql)
    words = [part.text.lower() for part in parts]
    place = _verb_place(words)
    pieces_of = _VERBS.get(words[place]) if place < len(words) else None
    if pieces_of is None:
        return sql
    splices = pieces_of(sql, parts, words, place, _Columns(lengths_of, names_of))
    pieces, end = [], 0
    for start, stop, text in sorted(splices):
        pieces += [sql[end:start], text]
        end = stop
    return "".join([*pieces, sql[end:]])


def _verb_place(words: Sequence[str]) -> int:
    """Return the place of the statement's own verb, behind its WITH queries."""
    if words[:1] != ["with"]:
        return 0
    place = _clause(words, 1, tuple(_VERBS))
    return place if words[place - 1] == ")" else len(words)  # and not FOR UPDATE


def _of_insert(
    sql: str, parts: Sequence[Token], words: Sequence[str], place: int, columns: _Columns
) -> Iterator[_Splice]:
    table, place = _name(sql, parts, place + 2)
    lengths = columns.lengths(table)
    if not lengths:
        return
    if words[place : place + 1] == ["as"]:
        place += 2
    named = words[place : place + 1] == ["("] and words[place + 1] not in _QUERIES
    end = closing_bracket(parts, place)
    names = (
        [unquote_identifier(part) for part in parts[place + 1 : end] if part.text != ","]
        if named
        else columns.names_of(table)
    )
    place = end + 1 if named else place
    tail = _clause(words, place, ("on", "returning"))
    if words[place : place + 1] == ["values"]:
        for row in _rows(parts, place + 1, tail):
            for value, name in zip(split_list(row), names, strict=False):
                yield from _fitted(sql, value, lengths.get(name.lower()))
    elif words[place : place + 1] and words[place] in (*_QUERIES, "("):
        yield from _of_query(sql, parts, place, tail, names, lengths)
    yield from _of_conflict(sql, parts, words, tail, lengths)


def _of_query(
    sql: str,
    parts: Sequence[Token],
    place: int,
    tail: int,
    names: Sequence[str],
    lengths: Mapping[str, DeclaredType],
) -> Iterator[_Splice]:
    """Put a query's columns through the checks."""
    columns = [f"c{number}" for number in range(len(names))]
    values = ", ".join(
        _check(column, lengths[name.lower()]) if name.lower() in lengths else column
        for column, name in zip(columns, names, strict=True)
    )
    start, stop = parts[place].start, parts[tail - 1].end
    yield start, stop, f"SELECT {values} FROM (\n{sql[start:stop]}\n) AS q({', '.join(columns)})"


def _of_conflict(
    sql: str, parts: Sequence[Token], words: Sequence[str], tail: int, lengths: Mapping[str, DeclaredType]
) -> Iterator[_Splice]:
    if words[tail : tail + 1] == ["on"] and "set" in words[tail:]:
        yield from _of_assignments(sql, parts, words, words.index("set", tail) + 1, lengths)


def _of_update(
    sql: str, parts: Sequence[Token], words: Sequence[str], place: int, columns: _Columns
) -> Iterator[_Splice]:
    table, _ = _name(sql, parts, place + (2 if words[place + 1 : place + 2] == ["only"] else 1))
    lengths = columns.lengths(table)
    if lengths and "set" in words[place:]:
        yield from _of_assignments(sql, parts, words, words.index("set", place) + 1, lengths)


def _of_merge(
    sql: str, parts: Sequence[Token], words: Sequence[str], place: int, columns: _Columns
) -> Iterator[_Splice]:
    """Look at each WHEN … THEN UPDATE SET … and WHEN … THEN INSERT … VALUES (…)."""
    table, _ = _name(sql, parts, place + 2)
    lengths = columns.lengths(table)
    for at, word in enumerate(words) if lengths else ():
        if word != "then":
            continue
        if words[at + 1 : at + 3] == ["update", "set"]:
            yield from _of_assignments(sql, parts, words, at + 3, lengths)
        elif words[at + 1 : at + 2] == ["insert"]:
            yield from _of_merged_row(sql, parts, words, at + 2, columns.names_of(table), lengths)


def _of_merged_row(
    sql: str,
    parts: Sequence[Token],
    words: Sequence[str],
    place: int,
    names: Sequence[str],
    lengths: Mapping[str, DeclaredType],
) -> Iterator[_Splice]:
    if words[place : place + 1] == ["("]:
        end = closing_bracket(parts, place)
        names = [unquote_identifier(part) for part in parts[place + 1 : end] if part.text != ","]
        place = end + 1
    if words[place : place + 2] == ["values", "("]:
        row = parts[place + 2 : closing_bracket(parts, place + 1)]
        for value, name in zip(split_list(row), names, strict=False):
            yield from _fitted(sql, value, lengths.get(name.lower()))


def _of_assignments(
    sql: str, parts: Sequence[Token], words: Sequence[str], place: int, lengths: Mapping[str, DeclaredType]
) -> Iterator[_Splice]:
    end = _clause(words, place, tuple(_AFTER_SET))
    for item in split_list(parts[place:end]):
        equals = next((at for at, part in enumerate(item) if part.text == "="), None)
        if equals is not None and item[0].text != "(":
            name = unquote_identifier(item[equals - 1]).lower()
            yield from _fitted(sql, item[equals + 1 :], lengths.get(name))


def _fitted(sql: str, value: Sequence[Token], declared: DeclaredType | None) -> Iterator[_Splice]:
    """Yield the check of one value, unless it is seen to fit."""
    if declared is None or not value or _fits(value, declared):
        return
    first, last = value[0].start, value[-1].end
    yield first, last, _check(sql[first:last], declared)


def _fits(value: Sequence[Token], declared: DeclaredType) -> bool:
    text = value[0].text
    if len(value) != 1 or declared.size is None:
        return declared.size is None
    if text.lower() in ("null", "default"):
        return True
    is_literal = text[:1] == "'" and text[-1:] == "'"
    return declared.word == "varchar" and is_literal and len(text) - 2 <= declared.size


def _check(value: str, declared: DeclaredType) -> str:
    kind = "BIT" if "bit" in declared.word else "VARCHAR"
    suffix = "_once" if "(" in value else ""
    return f"rvbbit_fn.base.{declared.word}_in{suffix}(CAST({value} AS {kind}), {declared.size})"


_VERBS: Mapping[str, Callable[[str, Sequence[Token], Sequence[str], int, _Columns], Iterator[_Splice]]] = {
    "insert": _of_insert,
    "update": _of_update,
    "merge": _of_merge,
}


# tokens


def _name(sql: str, parts: Sequence[Token], place: int) -> tuple[str, int]:
    """Return the dotted name that stands here as written, and the place behind it."""
    end = name_end(parts, place)
    if end > len(parts):
        return "", len(parts)
    return sql[parts[place].start : parts[end - 1].end], end


def _clause(words: Sequence[str], place: int, heads: Sequence[str]) -> int:
    """Return the place of the first of these words outside brackets, or of the end."""
    depth = 0
    for at in range(place, len(words)):
        depth += BRACKETS.get(words[at], 0)
        if depth < 0 or words[at] == ";":
            return at
        if depth == 0 and words[at] in heads and _heads_clause(words, at):
            return at
    return len(words)


def _heads_clause(words: Sequence[str], at: int) -> bool:
    """Tell whether the word begins a clause, and is not ON of a join or FROM of IS DISTINCT FROM."""
    if words[at] == "on":
        return words[at + 1 : at + 2] == ["conflict"]
    return not (words[at] == "from" and words[at - 1] == "distinct")


def _rows(parts: Sequence[Token], place: int, end: int) -> Iterator[Sequence[Token]]:
    """Yield what is inside each pair of brackets of a list of rows."""
    while place < end:
        if parts[place].text == "(":
            close = closing_bracket(parts, place)
            yield parts[place + 1 : close]
            place = close
        place += 1
