"""The notices PostgreSQL gives where IF EXISTS or IF NOT EXISTS leaves nothing to do; DuckDB says nothing.

Source: RemoveObjects in PostgreSQL's src/backend/commands/dropcmds.c, heap_create_with_catalog and ATExecAddColumn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from rvbbit_proxy.engine.statement import words_of
from rvbbit_proxy.engine.upstream import Notice
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import name_end

Exists: TypeAlias = Callable[[str, str], bool]
"""Tells whether there is an object of a kind (``table``, ``schema``… in lower case) under a name as written."""

_KINDS = frozenset(("TABLE", "VIEW", "SEQUENCE", "INDEX", "SCHEMA", "TYPE"))
_ADJECTIVES = frozenset(("TEMP", "TEMPORARY", "LOCAL", "GLOBAL", "UNLOGGED", "UNIQUE", "CONCURRENTLY"))
_QUERIES = {
    "sequence": "SELECT sequence_name FROM duckdb_sequences()",
    "index": "SELECT index_name FROM duckdb_indexes()",
    "schema": "SELECT CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END FROM duckdb_schemas()",
    "type": "SELECT type_name FROM duckdb_types()",
}


def lookup_of(kind: str) -> str | None:
    """Return the query that lists names of a kind; None for tables and views, which can be described."""
    return _QUERIES.get(kind)


def skipped(sql: str, exists: Exists) -> list[Notice]:
    """Return the notices of what a CREATE, DROP or ALTER is about to leave alone.

    >>> [notice.message for notice in skipped("DROP TABLE IF EXISTS a, b", lambda kind, name: name == "a")]
    ['table "b" does not exist, skipping']
    """
    words = words_of(sql, 9)
    if "IF" not in words or words[0] not in ("CREATE", "DROP", "ALTER"):
        return []
    parts = [part for part in lexemes(sql) if part.text.upper() not in _ADJECTIVES]
    kind = parts[1].text.upper()
    if kind not in _KINDS:
        return []
    find = {"CREATE": _created, "DROP": _dropped, "ALTER": _altered}[words[0]]
    return list(find(kind.lower(), parts[2:], exists))


def _created(kind: str, parts: Sequence[Token], exists: Exists) -> Iterator[Notice]:
    if _texts(parts, 3) == ["IF", "NOT", "EXISTS"]:
        name, _ = _take_name(parts[3:])
        if exists("table" if kind == "view" else kind, name):
            what, code = ("schema", "42P06") if kind == "schema" else ("relation", "42P07")
            yield Notice("NOTICE", code, f'{what} "{_last(name)}" already exists, skipping')


def _dropped(kind: str, parts: Sequence[Token], exists: Exists) -> Iterator[Notice]:
    if _texts(parts, 2) != ["IF", "EXISTS"]:
        return
    rest = parts[2:]
    while rest:
        name, rest = _take_name(rest)
        if not exists(kind, name):
            yield Notice("NOTICE", "00000", f'{kind} "{_last(name)}" does not exist, skipping')
        if not rest or rest[0].text != ",":
            return
        rest = rest[1:]


def _altered(kind: str, parts: Sequence[Token], exists: Exists) -> Iterator[Notice]:
    optional = _texts(parts, 2) == ["IF", "EXISTS"]
    table, rest = _take_name(parts[2:] if optional else parts)
    if optional and not exists(kind, table):
        yield Notice("NOTICE", "00000", f'relation "{_last(table)}" does not exist, skipping')
        return
    words = _texts(rest, 5)
    if words[:4] == ["DROP", "CONSTRAINT", "IF", "EXISTS"]:
        name, _ = _take_name(rest[4:])
        if not exists(f"constraint of {table}", name):
            message = f'constraint "{_last(name)}" of relation "{_last(table)}" does not exist, skipping'
            yield Notice("NOTICE", "00000", message)
        return
    verb, words = words[:1], words[2:] if words[1:2] == ["COLUMN"] else words[1:]
    shift = 2 if _texts(rest, 2)[1:] == ["COLUMN"] else 1
    if verb == ["DROP"] and words[:2] == ["IF", "EXISTS"]:
        column, _ = _take_name(rest[shift + 2 :])
        if not exists(f"column of {table}", column):
            message = f'column "{_last(column)}" of relation "{_last(table)}" does not exist, skipping'
            yield Notice("NOTICE", "00000", message)
    if verb == ["ADD"] and words[:3] == ["IF", "NOT", "EXISTS"]:
        column, _ = _take_name(rest[shift + 3 :])
        if exists(f"column of {table}", column):
            message = f'column "{_last(column)}" of relation "{_last(table)}" already exists, skipping'
            yield Notice("NOTICE", "42701", message)


def _texts(parts: Sequence[Token], count: int) -> list[str]:
    return [part.text.upper() for part in parts[:count]]


def _take_name(parts: Sequence[Token]) -> tuple[str, Sequence[Token]]:
    """Return a dotted name as written, and what follows it."""
    end = name_end(parts, 0)
    return "".join(part.text for part in parts[:end]), parts[end:]


def _last(name: str) -> str:
    """Return the last part of a dotted name, folded and without quotes."""
    parts = lexemes(name)
    return unquote_identifier(parts[-1]) if parts else name
