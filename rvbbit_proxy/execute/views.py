"""Views over operators: the upstream keeps a stand-in, the text stays ours, the plan is made when they are used.

The stand-in is a view of the same name and columns, with typed NULLs in the operators' places, so that catalogs,
DROP, RENAME, grants and dependencies are the upstream's own business. It carries the statement's text in a CTE
that nothing reads. A query that names such a view reads the text in its place, for the caller of that query.
Differs from PostgreSQL: a view over operators read past the proxy gives NULL where operators stand.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count

from sqlglot import exp

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.plan.cte_names import OWN_NAMES, separate_ctes
from rvbbit_proxy.plan.describable import describable
from rvbbit_proxy.plan.scope import has_calls, sources
from rvbbit_proxy.sql.dialect import SqlReader
from rvbbit_proxy.sql.lexer import lexemes, unquote_string

MARK = "rvbbit_view"
IN_DUCKDB = f"SELECT view_name AS name, sql FROM duckdb_views() WHERE NOT internal AND contains(sql, '{MARK}')"
IN_POSTGRES = f"""
SELECT c.oid::bigint AS oid, r.xmin::text AS version, c.relname::text AS name
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
WHERE c.relkind = 'v' AND c.oid >= 16384 AND r.ev_action::text LIKE '%:ctename {MARK} %'"""
POSTGRES_DEFINITIONS = """
SELECT c.oid::bigint AS oid, r.xmin::text AS version, pg_get_viewdef(c.oid) AS sql
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.oid IN ({oids})"""
CHANGING = frozenset({"create", "drop", "alter"})
DEEPEST = 32

Parse = Callable[[str], exp.Expr]


def creates_view(tree: exp.Expr) -> bool:
    """Whether the statement makes a view over operators."""
    return isinstance(tree, exp.Create) and tree.kind == "VIEW" and has_calls(tree)


def stand_in(tree: exp.Expr, reader: SqlReader) -> exp.Expr:
    """Return the CREATE VIEW that the upstream is given."""
    if tree.find(exp.MaterializedProperty):
        raise NotSupported("materialized views over operators are not supported", hint="Use CREATE TABLE AS.")
    create = describable(tree, reader.operators)
    query = create.expression
    text = exp.alias_(
        exp.Literal.string(_view_query(tree).sql(dialect=reader.dialect, comments=False)), "definition"
    )
    query.set("with_", _with_first(query.args.get("with_"), exp.CTE(this=exp.select(text), alias=_alias(MARK))))
    return create


def _view_query(tree: exp.Expr) -> exp.Expr:
    """Return the view's query, its column names applied."""
    query: exp.Expr = tree.expression.copy()
    if isinstance(tree.this, exp.Schema):
        alias = exp.TableAlias(
            this=exp.to_identifier("q"), columns=[each.copy() for each in tree.this.expressions]
        )
        query = exp.select("*").from_(exp.Subquery(this=query, alias=alias))
    return query


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name))


def _with_first(with_: exp.With | None, cte: exp.CTE) -> exp.With:
    rest = with_.expressions if with_ is not None else []
    return exp.With(expressions=[cte, *rest], recursive=with_.recursive if with_ is not None else False)


class SemanticViews:
    """The views over operators that the upstream has, by lower-case name, whatever their schema. Thread-safe.

    They are read anew at the first statement, and at every statement while some session has changed relations in
    a transaction that may still be open: its end, in whatever way, is not told to us.
    """

    def __init__(self) -> None:
        self.texts: Mapping[str, str] = {}
        self._stale = True
        self._changing: weakref.WeakSet[UpstreamSession] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._reads = count()
        self._latest = -1
        self._definitions: dict[tuple[int, str], str] = {}

    def known(self, upstream: UpstreamSession) -> Mapping[str, str]:
        """Return the views' queries by name, read anew where they may have changed; ``texts`` are the last known.

        The upstream is asked without the lock, because it may wait for another session, which may wait for us.
        """
        if (self._stale or self._changing) and upstream.transaction_status() != "E":
            with self._lock:
                self._stale = len(self._changing) > 0  # so that a session which just vanishes is noticed
                read = next(self._reads)
            sqls = self._in_duckdb(upstream) if upstream.dialect == "duckdb" else self._in_postgres(upstream)
            texts = {name.lower(): text for name, sql in sqls if (text := _definition(sql)) is not None}
            with self._lock:
                if read > self._latest:
                    self._latest, self.texts = read, texts
                if upstream.transaction_status() == "I":
                    self._changing.discard(upstream)
        return self.texts

    def _in_duckdb(self, upstream: UpstreamSession) -> list[tuple[str, str]]:
        return [(row["name"], row["sql"]) for row in upstream.fetch(IN_DUCKDB).to_pylist()]

    def _in_postgres(self, upstream: UpstreamSession) -> list[tuple[str, str]]:
        """Name every view with its definition, which is asked once: to print one, PostgreSQL locks what it reads."""
        rows = upstream.fetch(IN_POSTGRES).to_pylist()
        unknown = [row["oid"] for row in rows if (row["oid"], row["version"]) not in self._definitions]
        if unknown:
            found = upstream.fetch(POSTGRES_DEFINITIONS.format(oids=", ".join(map(str, unknown))))
            self._definitions.update(((each["oid"], each["version"]), each["sql"]) for each in found.to_pylist())
        named = [(row["name"], self._definitions.get((row["oid"], row["version"]))) for row in rows]
        return [(name, sql) for name, sql in named if sql is not None]

    def watch(self, words: frozenset[str], upstream: UpstreamSession) -> None:
        """Take note of a statement about to run that may change views."""
        if words & CHANGING:
            self._changing.add(upstream)


@lru_cache
def _definition(sql: str) -> str | None:
    """Return the text that a stand-in carries; the upstream's own spelling around it need not be read."""
    found = lexemes(sql)
    for at, token in enumerate(found):
        if token.text.strip('"') == MARK and [each.text.lower() for each in found[at + 1 : at + 3]] == ["as", "("]:
            return next((unquote_string(each) for each in found[at:] if each.kind == "string"), None)
    return None


def mentions(sql: str, views: Mapping[str, str]) -> bool:
    """Whether a view's name occurs in the text, quoted or not: cheap, and never wrong where it says no."""
    lowered = sql.lower() if views else ""
    return any(name in lowered for name in views)


def reads_view(tree: exp.Expr, views: Mapping[str, str]) -> bool:
    """Whether a query in the tree reads one of the views."""
    return bool(views) and any(True for _ in _readers(tree, views))


def expand_views(tree: exp.Expr, views: Mapping[str, str], parse: Parse, target: str) -> exp.Expr:
    """Return the tree with the views' queries in place of their names; the reader's CTEs hide no tables of theirs."""
    copy = tree.copy()
    for _ in range(DEEPEST):
        readers = list(_readers(copy, views))
        if not readers:
            separate_ctes(copy, target)
            return copy
        for table in readers:
            alias = table.args.get("alias") or _alias(table.name)
            query = exp.Subquery(this=parse(views[table.name.lower()]).copy(), alias=alias.copy())
            query.meta[OWN_NAMES] = True
            table.replace(query)
    raise NotSupported("views over operators are nested too deep", hint="A view may not read itself.")


def _readers(tree: exp.Expr, views: Mapping[str, str]) -> list[exp.Table]:
    hidden = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return [
        source
        for select in tree.find_all(exp.Select, exp.Update, exp.Delete)
        for source in sources(select)
        if isinstance(source, exp.Table) and source.name.lower() in views and source.name.lower() not in hidden
    ]
