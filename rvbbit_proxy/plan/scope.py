"""Questions about one SELECT scope: its own operator calls, its conjuncts, its sources.

A scope ends where a nested query begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from rvbbit_proxy.sql.dialect import SemanticCall

VOLATILE_TYPES = (exp.Rand, exp.Uuid, exp.TableSample)
VOLATILE_NAMES = frozenset(
    "random nextval setval gen_random_uuid uuid clock_timestamp timeofday pg_sleep currval lastval".split()
)


def walk_scope(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the nodes of this scope, inner ones first, without entering nested queries."""
    for child in node.iter_expressions():
        if not isinstance(child, (exp.Select, exp.SetOperation)):
            yield from walk_scope(child)
    yield node


def scope_calls(*nodes: exp.Expr | None) -> list[SemanticCall]:
    """Return the calls of this scope below the nodes, innermost first, left to right."""
    return [
        call for node in nodes if node is not None for call in walk_scope(node) if isinstance(call, SemanticCall)
    ]


def has_calls(node: exp.Expr | None) -> bool:
    """Whether any operator stands below the node, nested queries included."""
    return node is not None and node.find(SemanticCall) is not None


def is_below(node: exp.Expr, root: exp.Expr) -> bool:
    """Whether the node is the root or stands below it."""
    above: exp.Expr | None = node
    while above is not None and above is not root:
        above = above.parent
    return above is root


def is_volatile(node: exp.Expr) -> bool:
    """Whether two evaluations of the node may differ."""
    return any(
        isinstance(part, VOLATILE_TYPES)
        or (
            isinstance(part, exp.Func)
            and (part.name if isinstance(part, exp.Anonymous) else "").lower() in VOLATILE_NAMES
        )
        for part in node.walk()
    )


def conjuncts(condition: exp.Expr | None, whole: Sequence[exp.Expr] = ()) -> list[exp.Expr]:
    """Split a condition at its top-level ANDs, parentheses around ANDs removed; those in ``whole`` are not split."""
    if condition is None:
        return []
    if condition in whole:
        return [condition]
    if isinstance(condition, exp.And):
        return conjuncts(condition.this, whole) + conjuncts(condition.expression, whole)
    if isinstance(condition, exp.Paren) and isinstance(condition.this, (exp.And, exp.Paren)):
        return conjuncts(condition.this, whole)
    return [condition]


def disjuncts(condition: exp.Expr) -> list[exp.Expr]:
    """Split a condition at its top-level ORs, parentheses around ORs removed."""
    if isinstance(condition, exp.Or):
        return disjuncts(condition.this) + disjuncts(condition.expression)
    if isinstance(condition, exp.Paren) and isinstance(condition.this, (exp.Or, exp.Paren)):
        return disjuncts(condition.this)
    return [condition]


def conjoin(conditions: list[exp.Expr]) -> exp.Expr | None:
    """Join conditions with AND; None when there are none."""
    return exp.and_(*[condition.copy() for condition in conditions], copy=False) if conditions else None


def where_conjuncts(select: exp.Expr) -> list[exp.Expr]:
    """Return the conjuncts of WHERE."""
    where = select.args.get("where")
    return conjuncts(where.this) if where else []


def set_condition(select: exp.Expr, clause: str, conditions: list[exp.Expr]) -> None:
    """Replace WHERE or HAVING by the conjunction of the conditions."""
    wrapper = exp.Where if clause == "where" else exp.Having
    condition = conjoin(conditions)
    select.set(clause, wrapper(this=condition) if condition is not None else None)


def sources(select: exp.Expr) -> list[exp.Expr]:
    """Return the items of FROM and JOIN: tables, derived tables, functions."""
    from_ = select.args.get("from_")
    items = [from_.this] if from_ is not None and from_.this is not None else []
    return items + [join.this for join in select.args.get("joins") or []]


def names_of(source: exp.Expr) -> set[str]:
    """Return the lower-case names by which an item of FROM qualifies columns: several for a join in brackets."""
    return {each.alias_or_name.lower() for each in joined_in(source)}


def joined_in(source: exp.Expr) -> list[exp.Expr]:
    """Return what a join in brackets joins; any other item of FROM is alone."""
    if not is_joined(source):
        return [source]
    return [
        inner
        for each in (source.this, *(join.this for join in source.this.args["joins"]))
        for inner in joined_in(each)
    ]


def is_joined(source: exp.Expr) -> bool:
    """Tell whether an item of FROM is a join in brackets."""
    return (
        isinstance(source, exp.Subquery)
        and not source.alias
        and isinstance(source.this, (exp.Table, exp.Subquery))
        and bool(source.this.args.get("joins"))
    )


def source_names(select: exp.Expr) -> set[str]:
    """Return the lower-case names by which columns may be qualified here."""
    names = {name for source in sources(select) for name in names_of(source)}
    return names | {lateral.alias_or_name.lower() for lateral in select.args.get("laterals") or []}


def table_names(node: exp.Expr) -> set[str]:
    """Return the unqualified names of tables and CTEs that are read below the node, in lower case."""
    return {table.name.lower() for table in node.find_all(exp.Table) if not table.db}


def refers_outside(node: exp.Expr, names: set[str]) -> bool:
    """Whether a qualified column below the node belongs to none of these sources, nor to a query inside."""
    if isinstance(node, exp.Column):
        return bool(node.table) and node.table.lower() not in names
    inside = names | source_names(node) if isinstance(node, exp.Select) else names
    return any(refers_outside(child, inside) for child in node.iter_expressions())


def refers_to(node: exp.Expr, names: frozenset[str]) -> bool:
    """Whether a qualified column below the node belongs to one of these sources of the queries around it."""
    if isinstance(node, exp.Column):
        return node.table.lower() in names
    inside = names - source_names(node) if isinstance(node, exp.Select) else names
    return bool(inside) and any(refers_to(child, inside) for child in node.iter_expressions())


def group_keys(select: exp.Select) -> list[exp.Expr]:
    """Return what GROUP BY lists, those of ROLLUP, CUBE and GROUPING SETS each by itself."""
    group = select.args.get("group")
    return [key for each in group.expressions for key in _keys_in(each)] if group is not None else []


def _keys_in(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)):
        return [key for each in node.expressions for key in _keys_in(each)]
    return [node.this if isinstance(node, exp.Paren) and isinstance(node.parent, exp.GroupingSets) else node]


def is_grouped(select: exp.Select, aggregate_names: frozenset[str]) -> bool:
    """Whether the scope gives a row per group: GROUP BY, HAVING, or an aggregate outside windows."""
    if select.args.get("group") or select.args.get("having"):
        return True
    order = select.args.get("order")
    return any(
        is_aggregate(node, aggregate_names)
        for part in [*select.expressions, *(order.expressions if order else [])]
        for node in walk_scope(part)
    )


def is_aggregate(node: exp.Expr, aggregate_names: frozenset[str]) -> bool:
    """Whether the node is an aggregate call, ours or the upstream's, and not a window function."""
    ours = isinstance(node, SemanticCall) and node.operator_name in aggregate_names
    theirs = isinstance(node, exp.AggFunc)
    parent = node.parent
    while isinstance(parent, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls)):
        parent = parent.parent
    return (ours or theirs) and not isinstance(parent, exp.Window)


def reads_windows(select: exp.Select) -> bool:
    """Whether an operator of the items or sort keys reads a window function."""
    calls = scope_calls(*select.expressions, select.args.get("order"))
    return any(isinstance(node, exp.Window) for call in calls for node in walk_scope(call))
