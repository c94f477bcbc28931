"""DECLARE, FETCH, MOVE and CLOSE.

A cursor's rows are read as they are fetched. One declared SCROLL keeps what it has read, so that it can go back.
Differs from PostgreSQL: a cursor without SCROLL never goes backward (55000), however simple its query.
Source: https://www.postgresql.org/docs/16/sql-declare.html and sql-fetch.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rvbbit_proxy.caller import utc_now
from rvbbit_proxy.engine.upstream import Batch, UpstreamResult
from rvbbit_proxy.errors import DuplicatePortal, RvbbitError, SyntaxFault, UnknownPortal
from rvbbit_proxy.session.parameter_commands import placed_at_end, syntax_error_at
from rvbbit_proxy.session.portals import RowSource
from rvbbit_proxy.session.results import Done, row_count, slice_batch
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier

ALL = 2**62
_OPTIONS = frozenset({"binary", "insensitive", "asensitive", "scroll", "no"})
_DIRECTIONS = frozenset({"next", "prior", "first", "last", "absolute", "relative", "all", "forward", "backward"})


class NotScrollable(RvbbitError, sqlstate="55000"):
    """The cursor can only go forward."""


@dataclass(frozen=True, slots=True)
class Declare:
    """DECLARE: ``query`` is the text behind FOR, which begins at ``offset``, in characters.

    ``kept``: its transaction has committed.
    """

    name: str
    query: str
    binary: bool = False
    scroll: bool = False
    hold: bool = False
    offset: int = field(default=0, compare=False)
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH or MOVE. ``forward`` counts rows (negative: backward); ``absolute``/``relative`` aim at one row."""

    name: str
    kind: Literal["forward", "absolute", "relative"] = "forward"
    count: int = 1
    move: bool = False


@dataclass(frozen=True, slots=True)
class CloseCursor:
    """CLOSE; None is ALL."""

    name: str | None


CursorCommand: TypeAlias = Declare | Fetch | CloseCursor


def parse_cursor_command(sql: str) -> CursorCommand:
    """Return the command; raises SyntaxFault (42601).

    >>> parse_cursor_command("FETCH BACKWARD 2 FROM c")
    Fetch(name='c', kind='forward', count=-2, move=False)
    """
    with placed_at_end(sql):
        return _parse(sql)


def _parse(sql: str) -> CursorCommand:
    tokens = list(lexemes(sql))
    verb = tokens.pop(0).text.lower()
    if tokens and tokens[-1].text == ";":
        tokens.pop()
    if verb == "declare":
        return _parse_declare(sql, tokens)
    if verb == "close":
        name = _take_name(tokens)
        return CloseCursor(None if name == "all" else name)
    return _parse_fetch(tokens, move=verb == "move")


def _parse_declare(sql: str, tokens: list[Token]) -> Declare:
    name = _take_name(tokens)
    options: list[str] = []
    while tokens and tokens[0].text.lower() in _OPTIONS:
        options.append(tokens.pop(0).text.lower())
    _expect(tokens, "cursor")
    hold = False
    if tokens and tokens[0].text.lower() in ("with", "without"):
        hold = tokens.pop(0).text.lower() == "with"
        _expect(tokens, "hold")
    query_start = _expect(tokens, "for").end
    query = sql[query_start:]
    return Declare(
        name,
        query.strip(),
        binary="binary" in options,
        scroll="scroll" in options and "no" not in options,
        hold=hold,
        offset=len(sql) - len(query.lstrip()),
    )


def _parse_fetch(tokens: list[Token], *, move: bool) -> Fetch:
    kind: Literal["forward", "absolute", "relative"] = "forward"
    count = 1
    word = tokens[0].text.lower() if tokens else ""
    alone = len(tokens) == 1
    if not alone and (word in _DIRECTIONS or _is_number(tokens)):
        if not _is_number(tokens):
            tokens.pop(0)
        match word:
            case "prior":
                count = -1
            case "first":
                kind = "absolute"
            case "last":
                kind, count = "absolute", -1
            case "all":
                count = ALL
            case "absolute" | "relative":
                kind, count = ("absolute" if word == "absolute" else "relative"), _take_number(tokens)
            case "forward" | "backward":
                count = _take_count(tokens) * (1 if word == "forward" else -1)
            case "next":
                pass
            case _:
                count = _take_number(tokens)
    if tokens and tokens[0].text.lower() in ("from", "in"):
        tokens.pop(0)
    name = _take_name(tokens)
    if tokens:
        raise syntax_error_at(tokens[0])
    return Fetch(name, kind, count, move)


def _is_number(tokens: list[Token]) -> bool:
    return bool(tokens) and (tokens[0].kind == "number" or tokens[0].text in ("-", "+"))


def _take_count(tokens: list[Token]) -> int:
    if tokens and tokens[0].text.lower() == "all":
        tokens.pop(0)
        return ALL
    return _take_number(tokens) if _is_number(tokens) else 1


def _take_number(tokens: list[Token]) -> int:
    sign = tokens.pop(0).text if tokens and tokens[0].text in ("-", "+") else ""
    if not tokens or not tokens[0].text.isdigit():
        raise syntax_error_at(tokens[0]) if tokens else SyntaxFault("syntax error at end of input")
    return int(sign + tokens.pop(0).text)


def _take_name(tokens: list[Token]) -> str:
    if not tokens:
        raise SyntaxFault("syntax error at end of input")
    token = tokens.pop(0)
    if token.kind not in ("word", "quoted"):
        raise syntax_error_at(token)
    return unquote_identifier(token)


def _expect(tokens: list[Token], word: str) -> Token:
    if not tokens:
        raise SyntaxFault("syntax error at end of input")
    if tokens[0].text.lower() != word:
        raise syntax_error_at(tokens[0])
    return tokens.pop(0)


class Cursor:
    """A declared cursor, or a portal of the protocol as FETCH and MOVE see it: then ``source`` is the portal's.

    Positions count from 1; 0 is before the first row.
    """

    def __init__(
        self, declared: Declare, result: UpstreamResult, source: RowSource | None = None, text: str = ""
    ) -> None:
        self.declared = declared
        self.declared_at = utc_now()
        self.text = text
        self.result = result
        self._source = source or RowSource(result)
        self._kept: list[Batch] = []
        self._kept_rows = 0
        self._base = 0
        self._position = 0
        self._scroll = declared.scroll
        self.held = False

    def hold(self) -> None:
        """Read everything: the transaction the rows come from commits."""
        if not self.held:
            self._base = 0 if self._scroll else self._position
            self._keep(ALL)
            self.held = True

    def close(self) -> None:
        """Drop the rows."""
        self._source.close()

    def refuse_backward(self, command: Fetch) -> None:
        """Raise NotScrollable (55000) for a command that surely goes backward, before its rows are announced."""
        if command.kind != "absolute" and command.count < 0:
            self._require_scroll()

    def fetch(self, command: Fetch) -> Iterator[Batch]:
        """Yield the rows the command asks for, in its order, and move."""
        if command.kind == "forward" and command.count > 0:
            return self._forward(command.count)
        if command.kind == "relative":
            if command.count > 0:
                return self._skip_to(command.count)
            return self._at(self._position + command.count)
        if command.kind == "absolute":
            return self._at(command.count if command.count >= 0 else self._last() + 1 + command.count)
        if command.count == 0:
            return self._at(self._position)
        return self._backward(-command.count)

    def _forward(self, count: int) -> Iterator[Batch]:
        goal = self._position + count
        if self._scroll or self.held:
            self._keep(goal)
            end = self._base + self._kept_rows
            start, self._position = min(self._position, end), min(goal, end + 1)
            yield from self._slices(start - self._base, min(goal, end) - self._base)
            return
        for batch in self._source.take(0 if count >= ALL else count):
            self._position += row_count(batch)
            yield batch
        self._position += self._position < goal  # past the last row

    def _skip_to(self, distance: int) -> Iterator[Batch]:
        if distance > 1:
            for _ in self._forward(distance - 1):
                pass
        return self._forward(1)

    def _backward(self, count: int) -> Iterator[Batch]:
        self._require_scroll()
        stop = max(0, self._position - 1)
        start = max(0, stop - count)
        for row in range(stop - 1, start - 1, -1):
            yield from self._slices(row, row + 1)
        self._position = start + 1 if stop - start == count else 0

    def _at(self, position: int) -> Iterator[Batch]:
        """Yield the row at a position, if there is one."""
        if position > self._position and not self._scroll:
            yield from self._skip_to(position - self._position)
            return
        self._require_scroll()
        self._keep(position)
        self._position = max(0, min(position, self._kept_rows + 1))
        if 0 < position <= self._kept_rows:
            yield from self._slices(position - 1, position)

    def _last(self) -> int:
        self._require_scroll()
        self._keep(ALL)
        return self._kept_rows

    def _keep(self, rows: int) -> None:
        """Read up to this many rows into memory."""
        if rows > self._kept_rows and not self._source.ended:
            wanted = 0 if rows >= ALL else rows - self._kept_rows
            for batch in self._source.take(wanted):
                self._kept.append(batch)
                self._kept_rows += row_count(batch)

    def _slices(self, start: int, stop: int) -> Iterator[Batch]:
        first = 0
        for batch in self._kept:
            count = row_count(batch)
            low, high = max(start - first, 0), min(stop - first, count)
            if low < high:
                yield slice_batch(batch, low, high)
            first += count

    def _require_scroll(self) -> None:
        if not self._scroll:
            raise NotScrollable(
                "cursor can only scan forward", hint="Declare it with SCROLL option to enable backward scan."
            )


class FetchedRows(UpstreamResult):
    """The rows of one FETCH."""

    tag = "FETCH"

    def __init__(self, cursor: Cursor, command: Fetch) -> None:
        super().__init__()
        self.columns = cursor.result.columns
        self.binary = cursor.declared.binary
        self._rows = cursor.fetch(command)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows."""
        return self._rows

    def detach(self) -> None:
        """Read the rows to memory."""
        self._rows = iter(tuple(self._rows))

    def close(self) -> None:
        """Drop the rows that were not fetched."""
        self._rows = iter(())


def fetch_from(cursor: Cursor, command: Fetch) -> UpstreamResult:
    """Run FETCH or MOVE."""
    cursor.refuse_backward(command)
    if not command.move:
        return FetchedRows(cursor, command)
    return Done(f"MOVE {sum(map(row_count, cursor.fetch(command)))}")


@dataclass(slots=True)
class Cursors:
    """The cursors of one session."""

    _by_name: dict[str, Cursor] = field(default_factory=dict)

    def add(self, cursor: Cursor) -> None:
        """Keep it; raises DuplicatePortal (42P03)."""
        name = cursor.declared.name
        if name in self._by_name:
            cursor.close()
            raise DuplicatePortal(f'cursor "{name}" already exists')
        self._by_name[name] = cursor

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Cursor]:
        return iter(tuple(self._by_name.values()))

    def get(self, name: str) -> Cursor:
        """Return it; raises UnknownPortal (34000)."""
        found = self._by_name.get(name)
        if found is None:
            raise UnknownPortal(f'cursor "{name}" does not exist')
        return found

    def run_fetch(self, command: Fetch) -> UpstreamResult:
        """Run FETCH or MOVE."""
        return fetch_from(self.get(command.name), command)

    def close(self, name: str | None) -> Done:
        """Run CLOSE; None closes all."""
        if name is not None:
            self.get(name)
        for key in tuple(self._by_name) if name is None else (name,):
            self._by_name.pop(key).close()
        return Done("CLOSE CURSOR ALL" if name is None else "CLOSE CURSOR")

    def end_transaction(self, commit: bool) -> None:
        """Keep the held cursors of a commit, close the rest."""
        for name, cursor in tuple(self._by_name.items()):
            if cursor.declared.hold and (commit or cursor.held):
                cursor.hold()
            else:
                self._by_name.pop(name).close()
