"""The constraints in CREATE TABLE and ALTER TABLE, read off their tokens: what each is, where it stands, its name.

Not here: which of them DuckDB keeps (``duckdb_tables``), and what holds rows to the others (``duckdb_foreign_keys``).
Source: https://www.postgresql.org/docs/16/sql-createtable.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rvbbit_proxy.sql.lexer import Token, unquote_identifier
from rvbbit_proxy.sql.lists import BRACKETS, closing_bracket, name_end, split_list

Kind: TypeAlias = Literal["CHECK", "UNIQUE", "PRIMARY KEY", "FOREIGN KEY", "NOT NULL", "other"]
Action: TypeAlias = Literal["a", "r", "c", "n", "d"]
"""As in ``pg_constraint.confdeltype``: NO ACTION, RESTRICT, CASCADE, SET NULL, SET DEFAULT."""

_HEADS: dict[str, Kind] = {
    "check": "CHECK",
    "unique": "UNIQUE",
    "primary": "PRIMARY KEY",
    "references": "FOREIGN KEY",
    "foreign": "FOREIGN KEY",
}
_OTHERS = frozenset(("not", "null", "default", "generated", "collate", "exclude"))
TABLE_HEADS = frozenset(("constraint", "check", "unique", "primary", "foreign", "exclude"))
"""The words that begin a constraint of a table where a column's name could stand."""
_ACTIONS: dict[tuple[str, ...], Action] = {
    ("no", "action"): "a",
    ("restrict",): "r",
    ("cascade",): "c",
    ("set", "null"): "n",
    ("set", "default"): "d",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A constraint as a statement says it; names folded and without quotes.

    ``start`` and ``end`` are offsets in the text, ``body`` the offsets of what a CHECK has in its brackets. ``target``
    is the referenced table as written, ``keys`` its columns where the statement names them.
    """

    kind: Kind
    start: int
    end: int
    name: str | None = None
    columns: tuple[str, ...] = ()
    body: tuple[int, int] = (0, 0)
    target: str = ""
    keys: tuple[str, ...] = ()
    on_delete: Action = "a"
    on_update: Action = "a"
    full: bool = False
    deferrable: bool = False
    deferred: bool = False
    valid: bool = True


def column_constraints(column: Sequence[Token]) -> Iterator[Written]:
    """Yield what follows the type in the definition of a column, given from its name on.

    >>> from rvbbit_proxy.sql.lexer import lexemes
    >>> parts = lexemes("a int DEFAULT NULL CONSTRAINT c CHECK (a > 0) REFERENCES s.t (b) ON DELETE SET NULL")
    >>> [(one.kind, one.name, one.target, one.on_delete) for one in column_constraints(parts)][1:]
    [('CHECK', 'c', '', 'a'), ('FOREIGN KEY', None, 's.t', 'n')]
    """
    name = (unquote_identifier(column[0]),)
    place = 1
    while place < len(column):
        if not _begins(column, place):
            place += 1
        else:
            found, place = _read(column, place)
            yield replace(found, columns=name) if found.kind != "CHECK" else found


def table_constraint(parts: Sequence[Token]) -> Written:
    """Return a constraint that stands for itself.

    >>> from rvbbit_proxy.sql.lexer import lexemes
    >>> found = table_constraint(
    ...     lexemes('CONSTRAINT "C" FOREIGN KEY (a, b) REFERENCES t DEFERRABLE INITIALLY DEFERRED')
    ... )
    >>> found.kind, found.name, found.columns, found.target, found.deferred
    ('FOREIGN KEY', 'C', ('a', 'b'), 't', True)
    """
    return _read(parts, 0)[0]


def _begins(parts: Sequence[Token], place: int) -> bool:
    text = parts[place].text.lower()
    return text == "constraint" or text in _HEADS or text in _OTHERS


def _read(parts: Sequence[Token], place: int) -> tuple[Written, int]:
    """Return the constraint that begins here, and the place behind it."""
    start, name = parts[place].start, None
    if parts[place].text.lower() == "constraint":
        name = unquote_identifier(parts[place + 1])
        place += 2
    head = parts[place].text.lower()
    kind = _HEADS.get(head, "other")
    found = Written(kind, start, start, name)
    if kind == "CHECK":
        end = closing_bracket(parts, place + 1)
        found = replace(found, body=(parts[place + 2].start, parts[end].start))
        place = end + 1
    elif kind == "FOREIGN KEY":
        found, place = _read_foreign(parts, place, found)
    elif kind in ("UNIQUE", "PRIMARY KEY"):
        place += 2 if kind == "PRIMARY KEY" else 1
        place += len(("nulls", "distinct")) if _texts(parts, place, 2) == ("nulls", "distinct") else 0
        columns, place = _read_columns(parts, place)
        found = replace(found, columns=columns)
    else:
        found, place = _read_other(parts, place, found)
    found, place = _read_attributes(parts, place, found)
    return replace(found, end=parts[place - 1].end), place


def _read_foreign(parts: Sequence[Token], place: int, found: Written) -> tuple[Written, int]:
    columns: tuple[str, ...] = ()
    if parts[place].text.lower() == "foreign":
        columns, place = _read_columns(parts, place + 2)
    end = name_end(parts, place + 1)
    target = "".join(part.text for part in parts[place + 1 : end])
    keys, place = _read_columns(parts, end)
    found = replace(found, columns=columns, target=target, keys=keys)
    while place < len(parts):
        words = _texts(parts, place, 4)
        if words[0] == "match":
            found, place = replace(found, full=words[1] == "full"), place + 2
        elif words[:2] in (("on", "delete"), ("on", "update")):
            taken = 1 if words[2:3] in _ACTIONS else 2
            action = _ACTIONS.get(words[2 : 2 + taken], "a")
            found = replace(found, on_delete=action) if words[1] == "delete" else replace(found, on_update=action)
            place += 2 + taken
        else:
            break
    return found, place


def _read_other(parts: Sequence[Token], place: int, found: Written) -> tuple[Written, int]:
    """Return NOT NULL, or what is no constraint: a default, a collation, how it is generated."""
    head = parts[place].text.lower()
    if _texts(parts, place, 2) == ("not", "null"):
        return replace(found, kind="NOT NULL"), place + 2
    place += 1
    if head == "null":
        return found, place
    first = head == "default"  # DEFAULT NULL
    while place < len(parts) and (first or not _begins(parts, place) or parts[place - 1].text.lower() == "by"):
        place = closing_bracket(parts, place) + 1 if parts[place].text in BRACKETS else place + 1
        first = False
    return found, place


def _read_attributes(parts: Sequence[Token], place: int, found: Written) -> tuple[Written, int]:
    while place < len(parts):
        words = _texts(parts, place, 2)
        if words[0] == "deferrable":
            found, place = replace(found, deferrable=True), place + 1
        elif words == ("initially", "deferred"):
            found, place = replace(found, deferrable=True, deferred=True), place + 2
        elif words == ("not", "valid"):
            found, place = replace(found, valid=False), place + 2
        elif words in (("not", "deferrable"), ("initially", "immediate"), ("no", "inherit")):
            place += 2
        else:
            break
    return found, place


def _read_columns(parts: Sequence[Token], place: int) -> tuple[tuple[str, ...], int]:
    if _texts(parts, place, 1) != ("(",):
        return (), place
    end = closing_bracket(parts, place)
    items = split_list(parts[place + 1 : end])
    return tuple(unquote_identifier(item[0]) for item in items if item), end + 1


def _texts(parts: Sequence[Token], place: int, count: int) -> tuple[str, ...]:
    return tuple(part.text.lower() for part in parts[place : place + count])
