"""Which relation's column each result column is: what RowDescription tells beside name and type.

A column is a relation's if the statement only hands it on: through aliases, joins, derived tables, WITH and RETURNING.
A view's columns are the view's own. Anything computed is nobody's, and so is every column of a set operation.
Source: PostgreSQL's markTargetListOrigin (src/backend/parser/parse_target.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError

from rvbbit_proxy.engine.catalog.rewrite import CatalogPostgres
from rvbbit_proxy.sql.lexer import leading_words, part_parameters, words
from rvbbit_proxy.sql.remembered import LONGEST_KEPT

_KEPT_TREES = 256
_READING = frozenset(("select", "with", "table", "from"))
_CHANGING = frozenset(("insert", "update", "delete", "merge"))


@dataclass(frozen=True, slots=True)
class Origin:
    """A column by the name it has here, and whose it is: 0 is nobody's.

    ``type_oid`` is its type where DuckDB's does not say it, else 0.
    """

    name: str
    table_oid: int = 0
    attnum: int = 0
    type_oid: int = 0
    typmod: int = -1


Origins: TypeAlias = tuple[Origin, ...]
FindRelation: TypeAlias = Callable[[Sequence[str]], Origins | None]
"""Returns the columns of the relation that a name of one to three parts means, None where there is none."""


@dataclass(slots=True)
class _Scope:
    """What names mean inside one query; a source whose columns are not known is None."""

    find: FindRelation
    outer: _Scope | None = None
    queries: dict[str, Origins | None] = field(default_factory=dict)
    sources: list[tuple[str, Origins | None]] = field(default_factory=list)
    merged: dict[str, Origin] = field(default_factory=dict)
    hidden: dict[str, set[str]] = field(default_factory=dict)

    def query(self, name: str) -> tuple[bool, Origins | None]:
        """Tell whether a WITH query in sight has this name, and its columns."""
        if name in self.queries:
            return True, self.queries[name]
        return self.outer.query(name) if self.outer is not None else (False, None)

    def column(self, table: str, name: str) -> Origin | None:
        """Return what a column's name means."""
        if not table and name in self.merged:
            return self.merged[name]
        for alias, columns in self.sources:
            if not table or alias == table:
                found = _named(columns or (), name)
                if found is not None:
                    return found
        return self.outer.column(table, name) if self.outer is not None else None


def may_have_origins(sql: str) -> bool:
    """Tell whether a statement's columns may be those of relations.

    >>> (
    ...     may_have_origins("SELECT 1"),
    ...     may_have_origins("SELECT a FROM t"),
    ...     may_have_origins("INSERT INTO t VALUES (1)"),
    ... )
    (False, True, False)
    """
    first = leading_words(sql, 1)
    if not first:
        return False
    if first[0] in _CHANGING:
        return "returning" in words(sql)
    return first[0] in _READING and not words(sql).isdisjoint(("from", "table", "returning"))


def statement_origins(like: str, find: FindRelation) -> Origins | None:
    """Return the origins of a statement's columns by its likeness; None where not even their number is known."""
    tree = _tree(like) if len(like) <= LONGEST_KEPT else None
    return None if tree is None else _outputs(tree, _Scope(find))


@lru_cache(_KEPT_TREES)
def _tree(like: str) -> exp.Expr | None:
    for dialect in (CatalogPostgres, DuckDB):
        try:
            trees = sqlglot.parse(part_parameters(like)[0], read=dialect)
        except (SqlglotError, RecursionError):
            continue
        return trees[0] if len(trees) == 1 else None
    return None


def _outputs(query: exp.Expr, outer: _Scope) -> Origins | None:
    """Return the columns a query gives; nobody's names are as good as they can be told."""
    if isinstance(query, (exp.Subquery, exp.Paren)) and not query.args.get("joins"):
        return _outputs(query.this, outer)
    scope = _Scope(outer.find, outer)
    _add_queries(query, scope)
    if isinstance(query, exp.SetOperation):
        columns = _outputs(query.left, scope)
        return None if columns is None else tuple(Origin(column.name) for column in columns)
    if isinstance(query, exp.Select):
        for item, join in _from_items(query):
            _add_source(item, join, scope)
        return _items(query.expressions, scope)
    returning = query.args.get("returning")
    if isinstance(query, (exp.Insert, exp.Update, exp.Delete)) and returning is not None:
        target = query.this.this if isinstance(query.this, exp.Schema) else query.this
        for item in (target, *_changed_from(query)):
            _add_source(item, None, scope)
        return _items(returning.expressions, scope)
    return None


def _add_queries(query: exp.Expr, scope: _Scope) -> None:
    with_ = query.args.get("with_")
    if with_ is None:
        return
    for cte in with_.expressions:
        name = cte.alias.lower()
        if with_.recursive:
            scope.queries[name] = None
        scope.queries[name] = _renamed(_outputs(cte.this, scope), cte.args.get("alias"))


def _from_items(select: exp.Select) -> Iterator[tuple[exp.Expr, exp.Join | None]]:
    """Yield what stands in FROM with the join that brings it, joins in parentheses taken apart."""
    from_ = select.args.get("from_")
    if from_ is not None:
        yield from _joined(from_.this, None)
    for join in select.args.get("joins") or ():
        yield from _joined(join.this, join)
    for lateral in select.args.get("laterals") or ():
        yield lateral, None


def _joined(item: exp.Expr, join: exp.Join | None) -> Iterator[tuple[exp.Expr, exp.Join | None]]:
    if isinstance(item, exp.Subquery) and isinstance(item.this, (exp.Table, exp.Subquery)) and not item.alias:
        yield from _joined(item.this, join)
    else:
        yield item, join
    for inner in item.args.get("joins") or ():
        yield from _joined(inner.this, inner)


def _changed_from(query: exp.Expr) -> Iterator[exp.Expr]:
    from_ = query.args.get("from_")
    if from_ is not None:
        yield from_.this
    using = query.args.get("using")
    yield from using if isinstance(using, list) else ()


def _add_source(item: exp.Expr, join: exp.Join | None, scope: _Scope) -> None:
    alias, columns = item.alias_or_name.lower(), _source(item, scope)
    if join is not None:
        _merge(join, alias, columns, scope)
    scope.sources.append((alias, columns))


def _merge(join: exp.Join, alias: str, columns: Origins | None, scope: _Scope) -> None:
    """Note the columns that a join by USING or NATURAL has in common: they stand once in ``*``."""
    shared = [column.name.lower() for column in join.args.get("using") or ()]
    if join.args.get("method") == "NATURAL":
        shared = [one.name for one in columns or () if scope.column("", one.name) is not None]
    for name in shared:
        left, right = scope.column("", name), _named(columns or (), name)
        found = {"RIGHT": right, "FULL": None}.get(join.side, left)
        scope.merged[name] = found or Origin(name)
    scope.hidden[alias] = set(shared)


def _source(item: exp.Expr, scope: _Scope) -> Origins | None:
    alias = item.args.get("alias")
    if isinstance(item, exp.Lateral):
        item = item.this
    if isinstance(item, exp.Subquery):
        return _renamed(_outputs(item.this, scope), alias)
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
        parts = [part.name if part.args.get("quoted") else part.name.lower() for part in item.parts]
        is_query, columns = scope.query(parts[0].lower()) if len(parts) == 1 else (False, None)
        return _renamed(columns if is_query else scope.find(parts), alias)
    # a function or VALUES; one that gives more columns makes the number of all columns wrong, and nothing is told
    return tuple(map(Origin, _alias_columns(alias) or [item.alias_or_name.lower()]))


def _renamed(columns: Origins | None, alias: exp.Expr | None) -> Origins | None:
    names = _alias_columns(alias)
    if columns is None or not names:
        return columns
    fresh = tuple(replace(column, name=name) for column, name in zip(columns, names, strict=False))
    return fresh + columns[len(fresh) :]


def _alias_columns(alias: exp.Expr | None) -> list[str]:
    return [column.name.lower() for column in alias.args.get("columns") or ()] if alias is not None else []


def _items(items: Sequence[exp.Expr], scope: _Scope) -> Origins | None:
    found: list[Origin] = []
    for item in items:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            columns = _star(item, scope)
            if columns is None:
                return None
            found += columns
        else:
            found.append(_item(item, scope))
    return tuple(found)


def _star(item: exp.Expr, scope: _Scope) -> list[Origin] | None:
    """Return what a star stands for, in DuckDB's order; None where that cannot be told."""
    star = item if isinstance(item, exp.Star) else item.this
    if any(star.args.values()):
        return None  # EXCLUDE, REPLACE, RENAME
    table = item.table.lower() if isinstance(item, exp.Column) else ""
    found: list[Origin] = []
    for alias, columns in scope.sources:
        if table and alias != table:
            continue
        if columns is None:
            return None
        hidden = set() if table else scope.hidden.get(alias, set())
        merged = {} if table else scope.merged
        found += [merged.get(column.name, column) for column in columns if column.name not in hidden]
    return found


def _item(item: exp.Expr, scope: _Scope) -> Origin:
    name, value = item.alias_or_name.lower(), item.unalias().unnest()
    if isinstance(value, exp.Column) and isinstance(value.this, exp.Identifier):
        found = scope.column(value.table.lower(), value.name.lower())
        if found is not None:
            return replace(found, name=name)
    return Origin(name)


def _named(columns: Origins, name: str) -> Origin | None:
    return next((column for column in columns if column.name == name), None)
