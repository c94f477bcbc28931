"""The PostgreSQL types of a catalog query's columns: oid, name, "char"… are plain numbers and texts to DuckDB.

Reads the statement's own tree, as the client wrote it: a column of a catalog relation has that relation's type, a
cast its target's. What is not found here keeps the type DuckDB gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from rvbbit_proxy.engine.catalog.install import column_types
from rvbbit_proxy.engine.catalog.names import REG_PREFIX
from rvbbit_proxy.wire.types import oids

UNKNOWN = 0
_INT4_END = 1 << 31
REG_TYPES = frozenset(
    (
        oids.REGCLASS,
        oids.REGTYPE,
        oids.REGPROC,
        oids.REGPROCEDURE,
        oids.REGNAMESPACE,
        oids.REGROLE,
        oids.REGOPER,
        oids.REGOPERATOR,
    )
)
_SAME = (exp.Paren, exp.Max, exp.Min, exp.Filter, exp.Order, exp.Distinct, exp.Collate, exp.Lateral)
_FUNCTIONS = {
    "current_schema": oids.NAME,
    "current_database": oids.NAME,
    "current_user": oids.NAME,
    "session_user": oids.NAME,
    "pg_get_userbyid": oids.NAME,
    "pg_encoding_to_char": oids.NAME,
    "getdatabaseencoding": oids.NAME,
    "current_schemas": oids.array_oid_of(oids.NAME),
    "pg_my_temp_schema": oids.OID,
    "to_regclass": oids.REGCLASS,
    "to_regtype": oids.REGTYPE,
    "to_regproc": oids.REGPROC,
    "to_regnamespace": oids.REGNAMESPACE,
    "pg_relation_filenode": oids.OID,
    "pg_backend_pid": oids.INT4,
    "array_length": oids.INT4,
    "array_upper": oids.INT4,
    "array_lower": oids.INT4,
    "array_position": oids.INT4,
    "generate_subscripts": oids.INT4,
    "age": oids.INT4,
}
_EXPANDED = "_pg_expandarray"
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.BitwiseAnd, exp.BitwiseOr)
_WIDTHS = (oids.INT2, oids.INT4, oids.INT8)
_NAMED_NODES: dict[type[exp.Expr], int] = {
    exp.ArraySize: oids.INT4,
    exp.Count: oids.INT8,
    exp.RowNumber: oids.INT8,
    exp.CurrentUser: oids.NAME,
    exp.SessionUser: oids.NAME,
    exp.CurrentCatalog: oids.NAME,
    exp.CurrentDatabase: oids.NAME,
    exp.CurrentSchema: oids.NAME,
}
_SPELLED = {
    "decimal": oids.NUMERIC,
    "int": oids.INT4,
    "bigint": oids.INT8,
    "smallint": oids.INT2,
    "boolean": oids.BOOL,
}

_ANYWHERE = {
    "tableoid": oids.OID,
    "xmin": oids.XID,
    "xmax": oids.XID,
    "user": oids.NAME,
    "current_role": oids.NAME,
}
Columns = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Scope:
    """What column names mean here: columns by source's name, the scopes around it, the WITH queries in sight."""

    sources: Mapping[str, Columns | None]
    outer: Scope | None = None
    queries: Mapping[str, Columns] = field(default_factory=dict)

    def column(self, node: exp.Column) -> int:
        """Return a column's type oid, 0 if not known."""
        name, table = node.name.lower(), node.table.lower()
        if table:
            known = self.sources.get(table)
            found = None if known is None else known.get(name)
        else:
            found = next((known[name] for known in self.sources.values() if known and name in known), None)
        if found is None and self.outer is not None:
            return self.outer.column(node)
        if found is None and not node.this.args.get("quoted"):
            return _ANYWHERE.get(name, UNKNOWN)
        return found or UNKNOWN


def cast_target(cast: exp.Expr) -> str:
    """Return a cast's type as PostgreSQL names it inside, without schema: ``regclass``, ``char``, ``name[]``."""
    target = cast.args["to"]
    if isinstance(target, exp.DataType) and target.is_type("array") and target.expressions:
        return cast_target_of(target.expressions[0]) + "[]"
    return cast_target_of(target)


def cast_target_of(target: exp.Expr) -> str:
    """Return the name of one type node."""
    kind = target.args.get("kind") if isinstance(target, exp.DataType) else None
    if isinstance(kind, exp.Dot):
        kind = kind.expression
    if isinstance(kind, exp.Identifier):
        return str(kind.name).lower().removeprefix(REG_PREFIX)
    if isinstance(kind, str):
        return kind.rpartition(".")[2].strip('"').lower()
    text = target.sql("postgres").lower()
    word = text.partition("(")[0]
    if word in ("char", "varchar"):
        return "bpchar" if word == "char" else word
    return text


def type_oid(name: str) -> int:
    """Return the oid of a type's name, 0 if not known."""
    if name.endswith("[]"):
        return oids.array_oid_of(type_oid(name[:-2]))
    return oids.OIDS.get(name) or _SPELLED.get(name, UNKNOWN)


def query_columns(query: exp.Expr, outer: Scope | None = None) -> dict[str, int] | None:
    """Return a query's columns in order with their types; None where a star cannot be resolved."""
    if isinstance(query, exp.Subquery):
        return query_columns(query.this, outer)
    if isinstance(query, exp.SetOperation):
        return query_columns(query.left, outer)
    if not isinstance(query, exp.Select):
        return None
    columns = select_columns(query, scope_of(query, outer))
    return None if columns is None else dict(columns)


def select_columns(select: exp.Select, scope: Scope) -> list[tuple[str, int]] | None:
    """Return names and types of a SELECT's items, stars expanded; names may repeat."""
    columns: list[tuple[str, int]] = []
    for item in select.expressions:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            table = item.table.lower() if isinstance(item, exp.Column) else ""
            sources = {table: scope.sources.get(table)} if table else scope.sources
            shared = {} if table else _shared_names(select)
            before: set[str] = set()
            for name, known in sources.items():
                if known is None:
                    return None
                left_out = before if shared.get(name) is ... else shared.get(name, ())
                columns += [column for column in known.items() if column[0] not in left_out]
                before.update(known)
        else:
            columns.append((item.alias_or_name.lower(), expression_oid(item, scope)))
    return columns


def scope_of(select: exp.Select, outer: Scope | None) -> Scope:
    """Return the scope of a SELECT's FROM."""
    queries = dict(outer.queries) if outer else {}
    with_ = select.args.get("with_")
    for cte in with_.expressions if with_ else ():
        around = Scope({}, outer, queries)
        queries[cte.alias.lower()] = _renamed(query_columns(cte.this, around), cte.args.get("alias")) or {}
    sources: dict[str, Columns | None] = {}
    scope = Scope(sources, outer, queries)
    for item in from_items(select):
        sources[item.alias_or_name.lower()] = _source_columns(item, scope)
    return scope


def from_items(select: exp.Select) -> Iterator[exp.Expr]:
    """Yield what stands in FROM, joins in parentheses taken apart."""
    from_ = select.args.get("from_")
    yield from _joined_items(from_.this) if from_ is not None else ()
    for join in select.args.get("joins") or ():
        yield from _joined_items(join.this)
    yield from select.args.get("laterals") or ()


def _joined_items(item: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(item, exp.Subquery) and isinstance(item.this, (exp.Table, exp.Subquery)) and not item.alias:
        yield from _joined_items(item.this)
    else:
        yield item
    for join in item.args.get("joins") or ():
        yield from _joined_items(join.this)


def _shared_names(select: exp.Select) -> dict[str, Any]:
    """Return the columns that each joined source leaves out of ``*``; ``...`` for those of a natural join."""
    shared: dict[str, Any] = {}
    for join in select.args.get("joins") or ():
        name = join.this.alias_or_name.lower()
        if join.args.get("using"):
            shared[name] = {column.name.lower() for column in join.args["using"]}
        elif join.args.get("method") == "NATURAL":
            shared[name] = ...
    return shared


def _source_columns(item: exp.Expr, scope: Scope) -> Columns | None:
    if isinstance(item, exp.Lateral):
        item = item.this
    if isinstance(item, exp.Subquery):
        return _renamed(query_columns(item.this, scope), item.args.get("alias"))
    if isinstance(item, exp.Unnest):
        return _unnested_columns(item, scope)
    if isinstance(item, exp.Table) and isinstance(item.this, exp.ExplodingGenerateSeries):
        kind = _widest([expression_oid(item.this.args.get(part), scope) for part in ("start", "end")])
        return _renamed({item.alias_or_name.lower(): kind}, item.args.get("alias"))
    if not isinstance(item, exp.Table) or not isinstance(item.this, exp.Identifier):
        return None
    name, schema = item.name.lower(), item.db.lower()
    if not schema and name in scope.queries:
        return scope.queries[name]
    return column_types().get(schema or "pg_catalog", {}).get(name)


def _unnested_columns(item: exp.Unnest, scope: Scope) -> Columns | None:
    alias = item.args.get("alias")
    names = [column.name.lower() for column in (alias.args.get("columns") or ())] if alias is not None else []
    found = dict(
        zip(names, (oids.element_oid_of(expression_oid(one, scope)) for one in item.expressions), strict=False)
    )
    if isinstance(item.args.get("offset"), exp.Identifier):
        found[item.args["offset"].name.lower()] = oids.INT8
    return found if len(found) >= len(item.expressions) else None


def _renamed(columns: dict[str, int] | None, alias: exp.Expr | None) -> dict[str, int] | None:
    names = [column.name.lower() for column in (alias.args.get("columns") or ())] if alias is not None else []
    if columns is None or not names:
        return columns
    return dict(zip(names + list(columns)[len(names) :], columns.values(), strict=False))


def expression_oid(node: exp.Expr | None, scope: Scope) -> int:
    """Return an expression's type, 0 if it is not found in the tree."""
    if node is None:
        return UNKNOWN
    if isinstance(node, exp.Alias):
        return expression_oid(node.this, scope)
    if isinstance(node, exp.Column):
        return scope.column(node)
    if isinstance(node, exp.Cast):
        return type_oid(cast_target(node))
    if type(node) in _NAMED_NODES:
        return _NAMED_NODES[type(node)]
    if isinstance(node, exp.Dot):
        return _part_oid(node, scope)
    if isinstance(node, exp.Literal):
        return oids.INT4 if node.is_int and abs(int(node.name)) < _INT4_END else UNKNOWN
    if isinstance(node, exp.Bracket):
        return oids.element_oid_of(expression_oid(node.this, scope))
    if isinstance(node, _ARITHMETIC):
        return _widest([expression_oid(node.this, scope), expression_oid(node.expression, scope)])
    if isinstance(node, exp.Anonymous):
        return _call_oid(node, scope)
    if isinstance(node, (exp.ArrayAgg, exp.Array)):
        inner = node.this if isinstance(node, exp.ArrayAgg) else next(iter(node.expressions), None)
        return oids.array_oid_of(expression_oid(inner, scope))
    return _combined_oid(node, scope)


def _call_oid(call: exp.Anonymous, scope: Scope) -> int:
    name = call.name.lower()
    if name in ("max", "min") and call.expressions:
        return expression_oid(call.expressions[0], scope)
    if name == "unnest" and call.expressions:
        return oids.element_oid_of(expression_oid(call.expressions[0], scope))
    if name == "generate_series" and len(call.expressions) > 1:
        return _widest([expression_oid(one, scope) for one in call.expressions[:2]])
    if name == "array_agg" and call.expressions:
        return oids.array_oid_of(expression_oid(call.expressions[0], scope))
    return _FUNCTIONS.get(name, UNKNOWN)


def _part_oid(dot: exp.Dot, scope: Scope) -> int:
    """Return the type of a schema's function, or of a part of what ``_pg_expandarray`` gives."""
    inner = dot.this.unnest()
    if isinstance(inner, exp.Dot):
        inner = inner.expression
    if isinstance(inner, exp.Anonymous) and inner.name.lower() == _EXPANDED:
        if dot.expression.name.lower() == "n":
            return oids.INT4
        return oids.element_oid_of(expression_oid(inner.expressions[0], scope))
    return expression_oid(dot.expression, scope)


def _widest(kinds: list[int]) -> int:
    return max(kinds, key=_WIDTHS.index) if all(kind in _WIDTHS for kind in kinds) else UNKNOWN


def _combined_oid(node: exp.Expr, scope: Scope) -> int:
    if isinstance(node, _SAME):
        return expression_oid(node.this, scope)
    if isinstance(node, (exp.Coalesce, exp.Nullif)):
        return expression_oid(node.this, scope)
    if isinstance(node, exp.Case):
        branches = [branch.args.get("true") for branch in node.args.get("ifs") or ()]
        found = [expression_oid(branch, scope) for branch in [*branches, node.args.get("default")]]
        return next((oid for oid in found if oid), UNKNOWN)
    if isinstance(node, (exp.Subquery, exp.Select)):
        columns = query_columns(node, scope)
        return next(iter(columns.values()), UNKNOWN) if columns else UNKNOWN
    return UNKNOWN


def scope_in_tree(select: exp.Select) -> Scope:
    around = select.find_ancestor(exp.Select)
    outer = scope_in_tree(around) if around is not None else None
    root = select.root()
    if outer is None and root is not select:
        outer = Scope({}, None, with_queries(root))
    return scope_of(select, outer)


def own_nodes(select: exp.Select) -> Iterator[exp.Expr]:
    """Yield the nodes of a SELECT outside its nested queries."""
    stack: list[exp.Expr] = list(select.iter_expressions())
    while stack:
        node = stack.pop()
        if isinstance(node, (exp.Select, exp.SetOperation)):
            continue
        yield node
        stack += list(node.iter_expressions())


def first_select(tree: exp.Expr) -> exp.Expr:
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    return tree


def with_queries(tree: exp.Expr) -> dict[str, dict[str, int]]:
    with_ = tree.args.get("with_")
    return {cte.alias.lower(): query_columns(cte.this) or {} for cte in with_.expressions} if with_ else {}
