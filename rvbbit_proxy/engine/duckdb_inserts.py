"""INSERT and UPDATE as PostgreSQL takes them, in DuckDB's terms.

DuckDB wants as many values as the table has columns, where PostgreSQL fills the last ones with their defaults; it
reads an array written as text in brackets, where PostgreSQL has braces, bytea as one escape a byte, where
PostgreSQL has one for all, and no blank before a moment's offset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rvbbit_proxy.sql.lexer import Token, lexemes, part_parameters
from rvbbit_proxy.sql.lists import name_end

TableColumns: TypeAlias = Callable[[str], Sequence[tuple[str, str]]]
"""Tells the names and DuckDB's types of a table's columns; none of a table that is not there."""

_TOO_FEW = re.compile(r"has (\d+) columns but (\d+) values were supplied")
_ARRAY_TEXT = re.compile(r"\s*\{(.*)\}\s*", re.DOTALL)
_HEX_TEXT = re.compile(r"\\x(?:[0-9a-fA-F]{2})*")
SPACED_OFFSET = re.compile(r"'\d{4,6}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)? ([+-]\d\d(?::?\d\d)?)'")
"""A literal of a moment with a blank before its offset, which DuckDB takes for a zone's name."""
_ELEMENT = re.compile(r'"(?:[^"\\]|\\.)*"|[{},]|[^{},"]+')


def name_columns(sql: str, message: str, columns_of: TableColumns) -> str | None:
    """Return an INSERT of fewer values than columns with the names of those it fills; None where that is not it.

    ``message`` is what DuckDB said of it.

    >>> name_columns(
    ...     "INSERT INTO a.t VALUES (1)",
    ...     "has 2 columns but 1 values were supplied",
    ...     lambda table: [("x", "INTEGER"), ("y", "INTEGER")],
    ... )
    'INSERT INTO a.t ("x") VALUES (1)'
    """
    found = _TOO_FEW.search(message)
    if found is None or int(found[2]) >= int(found[1]):
        return None
    parts = lexemes(sql)
    start = next((at + 1 for at, part in enumerate(parts) if part.text.lower() == "into"), len(parts))
    end = name_end(parts, start)
    if end > len(parts):
        return None
    table = sql[parts[start].start : parts[end - 1].end]
    names = ", ".join(_quoted(name) for name, _ in columns_of(table)[: int(found[2])])
    behind = parts[end - 1].end
    if parts[0].text.lower() == "merge":
        behind = next((at.end for at, then in pairwise(parts) if _is_bare_insert(at, then)), behind)
    return f"{sql[:behind]} ({names}){sql[behind:]}"


def _is_bare_insert(part: Token, follower: Token) -> bool:
    return part.text.lower() == "insert" and follower.text.lower() == "values"


def spell_literals(sql: str, columns_of: TableColumns) -> str:
    """Return an INSERT or UPDATE with the texts that fill arrays and bytea as DuckDB has them.

    >>> spell_literals(
    ...     "INSERT INTO t VALUES ('{a}', '{b,NULL}')", lambda t: [("x", "VARCHAR"), ("y", "VARCHAR[]")]
    ... )
    "INSERT INTO t VALUES ('{a}', ['b', NULL])"
    """
    try:
        tree = sqlglot.parse_one(part_parameters(sql)[0], read="postgres")
    except SqlglotError:
        return sql
    changed = False
    for kind, literal in list(_filled(tree, columns_of)):
        spelt = _spelt(kind, literal.name) if literal.is_string else None
        if spelt is not None:
            literal.replace(spelt)
            changed = True
    return tree.sql("duckdb") if changed else sql


def _spelt(kind: str, text: str) -> exp.Expr | None:
    if kind == "BLOB" and _HEX_TEXT.fullmatch(text) is not None:
        return exp.Anonymous(this="unhex", expressions=[exp.Literal.string(text[2:])])
    if kind.startswith("TIME"):
        moment = spell_moment(text)
        return None if moment is None else exp.Literal.string(moment)
    return array_expression(text) if kind.endswith("[]") else None


def holds_texts(sql: str) -> bool:
    """Tell whether a statement may hold a text that :func:`spell_literals` has to spell."""
    return "'{" in sql or "'\\x" in sql or SPACED_OFFSET.search(sql) is not None


def spell_moment(text: str) -> str | None:
    """Return a moment without the blank before its offset, None where there is none.

    >>> spell_moment("2024-01-02 03:04:05.678 +00:00")
    '2024-01-02 03:04:05.678+00:00'
    """
    found = SPACED_OFFSET.fullmatch(f"'{text}'")
    return found[0][1:-1].replace(f" {found[1]}", found[1]) if found is not None else None


def array_expression(text: str) -> exp.Expr | None:
    """Return the array that PostgreSQL's text form of one says; None where it is none.

    >>> print(array_expression('{{1,2},{"a b",NULL}}').sql("duckdb"))
    [['1', '2'], ['a b', NULL]]
    """
    found = _ARRAY_TEXT.fullmatch(text)
    if found is None:
        return None
    root: list[exp.Expr] = []
    open_lists = [root]
    for piece in _ELEMENT.findall(found[1]):
        if piece == "{":
            open_lists.append([])
        elif piece == "}":
            if len(open_lists) == 1:
                return None
            inner = open_lists.pop()
            open_lists[-1].append(exp.Array(expressions=inner))
        elif piece != "," and piece.strip():
            open_lists[-1].append(_element(piece))
    return exp.Array(expressions=root) if len(open_lists) == 1 else None


def _element(piece: str) -> exp.Expr:
    if piece[0] == '"':
        return exp.Literal.string(re.sub(r"\\(.)", r"\1", piece[1:-1]))
    bare = piece.strip()
    return exp.Null() if bare.lower() == "null" else exp.Literal.string(bare)


def _filled(tree: exp.Expr, columns_of: TableColumns) -> Iterator[tuple[str, exp.Literal]]:
    """Yield each literal that is put into a column, with the column's type."""
    if isinstance(tree, exp.Insert):
        schema = tree.this
        table = schema.this if isinstance(schema, exp.Schema) else schema
        types = dict(columns_of(table.sql("duckdb")))
        wanted = (
            [types.get(column.name, "") for column in schema.expressions]
            if isinstance(schema, exp.Schema)
            else list(types.values())
        )
        rows = tree.expression.expressions if isinstance(tree.expression, (exp.Values, exp.Select)) else []
        for row in rows if isinstance(tree.expression, exp.Values) else [tree.expression]:
            for kind, item in zip(wanted, row.expressions if row is not None else (), strict=False):
                if isinstance(item, exp.Literal):
                    yield kind, item
    elif isinstance(tree, exp.Update):
        types = dict(columns_of(tree.this.sql("duckdb")))
        for item in tree.expressions:
            if isinstance(item, exp.EQ) and isinstance(item.expression, exp.Literal):
                yield types.get(item.this.name, ""), item.expression


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
