"""Calls of functions that only the session can answer, taken out of a SELECT: pure, from text to text.

``SELECT pid, pg_cancel_backend(pid) FROM …`` becomes a query for the rows and the calls' arguments, which the upstream
answers; the session then calls, row by row and from left to right. A call inside a larger expression needs a SELECT
without FROM: the expression is computed once the call has its value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.sql.lexer import Token, leading_words, lexemes, unquote_identifier, words
from rvbbit_proxy.sql.lists import closing_bracket, split_list

Signatures = Mapping[str, Sequence[Sequence[str]]]
"""The types of a function's arguments, for each number of them; a name has its schema if that is not pg_catalog."""

_LIST_ENDS = frozenset(
    "from where group having window order limit offset fetch for union intersect except into".split()
)
_REFUSED_AFTER = frozenset(("group", "union", "intersect", "except", "into"))
_CONDITIONAL = frozenset(("case", "when", "then", "else", "and", "or", "coalesce", "nullif"))
_READING = frozenset(("select", "with", "insert", "update", "delete", "merge", "values", "table"))


@dataclass(frozen=True, slots=True)
class SessionCall:
    """A call, and where its arguments are among the columns of :attr:`SessionQuery.sql`."""

    function: str
    arguments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the SELECT list: ``pieces`` is its text, in which calls stand for themselves; a call is no text."""

    pieces: tuple[str | SessionCall, ...]
    label: str = ""
    star: bool = False

    @property
    def calls(self) -> tuple[SessionCall, ...]:
        """The calls in it."""
        return tuple(piece for piece in self.pieces if isinstance(piece, SessionCall))

    @property
    def is_call(self) -> bool:
        """Whether it is nothing but a call."""
        return len(self.pieces) == 1 and bool(self.calls)


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """A SELECT with calls. ``sql`` gives a column for each item, then ``extra`` columns of arguments."""

    sql: str
    items: tuple[Item, ...]
    extra: int


@dataclass(frozen=True, slots=True)
class _Call:
    function: str
    start: int
    end: int
    arguments: tuple[str, ...]


def read_session_query(sql: str, signatures: Signatures) -> SessionQuery | None:
    """Return the query that a statement is, None where it calls no such function.

    Raises NotSupported (0A000) for calls where they cannot be answered.

    >>> query = read_session_query(
    ...     "SELECT pg_cancel_backend(pid) AS done FROM a", {"pg_cancel_backend": [["integer"]]}
    ... )
    >>> query.sql
    'SELECT CAST(pid AS integer) AS "done" FROM a'
    """
    plain = {name.rpartition(".")[2] for name in signatures}
    if plain.isdisjoint(words(sql)) or leading_words(sql, 1)[0:1] == ():
        return None
    tokens = [token for token in lexemes(sql) if token.text != ";"]
    calls = _find_calls(sql, tokens, signatures)
    if not calls or tokens[0].text.lower() not in _READING:
        return None
    end = _list_end(tokens)
    tail = tokens[end].start if end < len(tokens) else None
    refused = (
        tokens[0].text.lower() != "select"
        or tokens[1].text.lower() == "distinct"
        or any(token.text.lower() in _REFUSED_AFTER for token in tokens[end:])
        or (tail is not None and any(call.start > tail for call in calls))
    )
    if refused:
        raise _misplaced(calls[0])
    return _Builder(sql, tokens[1:end], calls, signatures).build(
        "" if tail is None else f" {sql[tail : tokens[-1].end]}"
    )


class _Builder:
    """Builds the query item by item; arguments beyond the first of a plain call become extra columns."""

    def __init__(self, sql: str, tokens: Sequence[Token], calls: Sequence[_Call], signatures: Signatures) -> None:
        self._sql = sql
        self._calls = calls
        self._signatures = signatures
        self._groups = list(filter(None, split_list(tokens)))
        self._extra: list[str] = []

    def build(self, tail: str) -> SessionQuery:
        """Return the query, which ends with ``tail``."""
        items, columns = [], []
        for place, group in enumerate(self._groups):
            item, column = self._item(place, group, bool(tail))
            items.append(item)
            columns.append(column)
        text = f"SELECT {', '.join(columns + self._extra)}{tail}"
        if sum(item.star for item in items) > 1:
            raise _misplaced(self._calls[0])
        return SessionQuery(text, tuple(items), len(self._extra))

    def _item(self, place: int, group: Sequence[Token], has_tail: bool) -> tuple[Item, str]:
        """Return an item, and the column in its place."""
        start, end = group[0].start, group[-1].end
        inside = [call for call in self._calls if start <= call.start < end]
        text = self._sql[start:end]
        if not inside:
            return Item((text,), star=group[-1].text == "*"), text
        label, body_end = _alias(group, inside[-1].end)
        call = inside[0]
        if len(inside) == 1 and call.start == start and call.end == body_end:
            label = label or call.function.rpartition(".")[2]
            first, numbers = self._arguments(call, place)
            return Item((SessionCall(call.function, numbers),), label), f'{first} AS "{_escaped(label)}"'
        if has_tail:
            raise _misplaced(call)
        _refuse_conditional(group, inside)
        pieces: list[str | SessionCall] = []
        done = start
        for call in inside:
            if call.start < done:
                raise _misplaced(call)  # an argument of another
            pieces += [self._sql[done : call.start], SessionCall(call.function, self._arguments(call, None)[1])]
            done = call.end
        return Item((*pieces, self._sql[done:end]), label), "NULL"

    def _arguments(self, call: _Call, place: int | None) -> tuple[str, tuple[int, ...]]:
        """Return the column for an item's place, and where the arguments are; a nested call's are all extra."""
        types = next(one for one in self._signatures[call.function] if len(one) == len(call.arguments))
        columns = [f"CAST({text} AS {kind})" for text, kind in zip(call.arguments, types, strict=True)]
        if place is None:
            return "NULL", tuple(self._add(column) for column in columns)
        first, *others = columns or ["NULL"]
        numbers = (place, *map(self._add, others)) if columns else ()
        return first, numbers

    def _add(self, column: str) -> int:
        """Add an extra column; its number counts from the last item on."""
        self._extra.append(column)
        return len(self._groups) + len(self._extra) - 1


def _find_calls(sql: str, tokens: Sequence[Token], signatures: Signatures) -> list[_Call]:
    found = []
    for place, (token, following) in enumerate(pairwise(tokens)):
        if token.kind != "word" or following.text != "(":
            continue
        name, start = token.text.lower(), token.start
        if place > 1 and tokens[place - 1].text == ".":
            schema, start = tokens[place - 2].text.lower(), tokens[place - 2].start
            name = name if schema == "pg_catalog" else f"{schema}.{name}"
        if name not in signatures:
            continue
        end = closing_bracket(tokens, place + 1)
        inner = tokens[place + 2 : end]
        arguments = tuple(sql[group[0].start : group[-1].end] for group in filter(None, split_list(inner)))
        if end < len(tokens) and len(arguments) in map(len, signatures[name]):
            found.append(_Call(name, start, tokens[end].end, arguments))
    return found


def _list_end(tokens: Sequence[Token]) -> int:
    """Return where the SELECT list ends."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.text in "([") - (token.text in ")]")
        ends = depth == 0 and token.kind == "word" and token.text.lower() in _LIST_ENDS
        if ends and tokens[place - 1].text.lower() not in ("distinct", "."):
            return place
    return len(tokens)


def _alias(group: Sequence[Token], call_end: int) -> tuple[str, int]:
    """Return an item's alias, if it has one, and where the text before it ends."""
    last = group[-1]
    if len(group) < 2 or last.start < call_end or last.kind not in ("word", "quoted"):
        return "", group[-1].end
    before = group[-2]
    if before.text.lower() == "as":
        return unquote_identifier(last), group[-3].end
    return (unquote_identifier(last), before.end) if before.text == ")" else ("", last.end)


def _refuse_conditional(group: Sequence[Token], calls: Sequence[_Call]) -> None:
    """Raise for a call that may have to stay uncalled."""
    for call in calls:
        before = [token.text.lower() for token in group if token.start < call.start]
        if before != ["case", "when"] and not _CONDITIONAL.isdisjoint(before):
            raise _misplaced(call)


def _misplaced(call: _Call) -> NotSupported:
    return NotSupported(
        f"{call.function}() is not supported in this place",
        hint=f"Call it in the list of a SELECT, as in SELECT {call.function}(…) FROM …; inside an expression only"
        " without FROM.",
        position=call.start + 1,
    )


def _escaped(name: str) -> str:
    return name.replace('"', '""')
