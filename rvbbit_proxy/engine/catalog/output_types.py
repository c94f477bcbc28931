"""The PostgreSQL types of a catalog query's columns: oid, name, "char"… are plain numbers and texts to DuckDB.

Reads the statement's own tree, as the client wrote it: a column of a catalog relation has that relation's type, a
cast its target's. What is not found here keeps the type DuckDB gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from rvbbit_proxy.engine.catalog.install import column_types
from rvbbit_proxy.engine.catalog.names import REG_PREFIX
from rvbbit_proxy.wire.types import oids

UNKNOWN = 0
REG_TYPES = frozenset(
    (oids.REGCLASS, oids.REGTYPE, oids.REGPROC, oids.REGPROCEDURE, oids.REGNAMESPACE, oids.REGROLE, oids.REGOPER)
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
}
_NAMED_NODES: dict[type[exp.Expr], int] = {
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
    return "bpchar" if text == "char" else text


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
            sources = [scope.sources.get(table)] if table else list(scope.sources.values())
            for known in sources:
                if known is None:
                    return None
                columns += known.items()
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
    from_ = select.args.get("from_")
    items = [from_.this] if from_ is not None else []
    items += [join.this for join in select.args.get("joins") or ()]
    items += select.args.get("laterals") or []
    for item in items:
        sources[item.alias_or_name.lower()] = _source_columns(item, scope)
    return scope


def _source_columns(item: exp.Expr, scope: Scope) -> Columns | None:
    if isinstance(item, exp.Lateral):
        item = item.this
    if isinstance(item, exp.Subquery):
        return _renamed(query_columns(item.this, scope), item.args.get("alias"))
    if not isinstance(item, exp.Table) or not isinstance(item.this, exp.Identifier):
        return None
    name, schema = item.name.lower(), item.db.lower()
    if not schema and name in scope.queries:
        return scope.queries[name]
    return column_types().get(schema or "pg_catalog", {}).get(name)


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
        return expression_oid(node.expression, scope)
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
    if name == "array_agg" and call.expressions:
        return oids.array_oid_of(expression_oid(call.expressions[0], scope))
    return _FUNCTIONS.get(name, UNKNOWN)


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
