"""EXISTS, IN and other queries that read the rows around them: only rows that belong to one of those are asked about.

A correlated ``EXISTS`` that ties both sides by equality is an ``IN``; of what an ``IN`` lists, rows that are equal count
once, and only those that the plain conditions around look for. What narrows a query so stands in its WHERE while it is
planned, and is taken out of the final statement, which it says nothing new.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.correlation import qualify_own
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.plan.rules.filters import row_source
from rvbbit_proxy.plan.rules.limits import needed_rows
from rvbbit_proxy.plan.scope import (
    has_calls,
    is_grouped,
    is_volatile,
    refers_outside,
    refers_to,
    set_condition,
    source_names,
    sources,
    walk_scope,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging

NARROWS = "rvbbit_narrows"
"""Key in a condition's meta: it follows from the query around."""
BEFORE_LIMIT = ("group", "having", "distinct", "windows", "qualify", "order", "locks")
"""Clauses that would see rows before the LIMIT does."""
ELSEWHERE = (exp.Select, exp.SetOperation, exp.Join, exp.From, exp.CTE, exp.Lateral, exp.Returning)
"""Nodes below which other rows are read than those that WHERE leaves."""
CUTTING = ("limit", "offset", "locks", "with_", "qualify")


def narrow_nested(tree: exp.Expr, scope: exp.Select, staging: Staging) -> None:
    """Narrow, in place, the queries in the expressions of ``tree``, whose rows those of ``scope`` are."""
    rows = _rows(tree, scope, staging)
    if rows is None:
        return
    if isinstance(tree, exp.Select):
        name_items(tree)
    for exists in list(tree.find_all(exp.Exists)):
        if _is_of(exists, tree) and _may_hold(exists.this):
            _list_partners(exists, tree, rows, staging)
    for part in where_conjuncts(tree):
        listed = _listed(part)
        if listed is not None and _may_hold(listed.args["query"].unnest()):
            _narrow_list(listed, rows, staging)
    for query in list(tree.find_all(exp.Select)):
        if query is not tree and _is_of(query, tree) and has_calls(query) and not is_volatile(query):
            _narrow_correlated(query, rows, staging)
    _limit_list(tree, staging)


def without_narrowing(select: exp.Select) -> exp.Select:
    """Take what narrows the query out of its WHERE, in place."""
    parts = where_conjuncts(select)
    kept = [part for part in parts if not part.meta.get(NARROWS)]
    if len(kept) < len(parts):
        set_condition(select, "where", kept)
    return select


def _rows(tree: exp.Expr, scope: exp.Select, staging: Staging) -> exp.Select | None:
    """Return a SELECT without items of the rows around, or more; None where they cannot be read yet."""
    plain = [part for part in where_conjuncts(tree) if not has_calls(part)]
    rows = row_source(scope, plain)
    if staging.enclosing and any(not column.table for column in rows.find_all(exp.Column)):
        return None  # a bare name may mean a column further outside
    unread = rows.args.get("laterals") or not sources(rows) or has_calls(rows) or is_volatile(rows)
    return (
        None if unread or not all(isinstance(each, (exp.Table, exp.Subquery)) for each in sources(rows)) else rows
    )


def _is_of(node: exp.Expr, tree: exp.Expr) -> bool:
    """Whether the node stands in an expression of the tree's own scope, where FROM and WHERE have made the rows."""
    above = node.parent
    while above is not None and above is not tree:
        if isinstance(above, ELSEWHERE):
            return False
        above = above.parent
    return True


def _may_hold(query: exp.Expr) -> bool:
    """Whether the query gives the rows that pass its WHERE, which holds operators."""
    if not isinstance(query, exp.Select) or not has_calls(query.args.get("where")):
        return False
    if is_volatile(query) or any(isinstance(node, exp.Window) for node in walk_scope(query)):
        return False
    return not any(map(query.args.get, CUTTING))


def _list_partners(exists: exp.Exists, tree: exp.Expr, rows: exp.Select, staging: Staging) -> None:
    """Write, in place, an EXISTS that is tied by nothing but equalities as an IN."""
    query, around = exists.this, frozenset(source_names(rows))
    if is_grouped(query, staging.aggregate_names) or around & source_names(query):
        return
    own, ties = [], []
    for part in where_conjuncts(query):
        tie = _tie(part, around, source_names(query))
        if tie is not None:
            ties.append(tie)
        else:
            own.append(part)
    if not ties or any(refers_outside(part, source_names(query)) for part in own):
        return
    listing = query.copy()
    set_condition(listing, "where", own)
    listing.set("expressions", [exp.alias_(inner.copy(), f"k{at}") for at, (_, inner) in enumerate(ties)])
    for clause in ("order", "distinct"):
        listing.set(clause, None)
    value = ties[0][0].copy() if len(ties) == 1 else exp.Tuple(expressions=[outer.copy() for outer, _ in ties])
    listed = exp.In(this=value, query=exp.Subquery(this=listing))
    _narrow_list(listed, rows, staging)
    decides = any(part is exists for part in where_conjuncts(tree))
    exists.replace(
        listed if decides else exp.Paren(this=exp.Is(this=exp.Paren(this=listed), expression=exp.true()))
    )


def _tie(part: exp.Expr, around: frozenset[str], own: set[str]) -> tuple[exp.Expr, exp.Expr] | None:
    """Return the outer and the inner side of an equality between the queries; None where it is none."""
    if not isinstance(part, exp.EQ) or has_calls(part) or is_volatile(part) or part.find(exp.Query):
        return None
    for outer, inner in ((part.this, part.expression), (part.expression, part.this)):
        tables = {column.table.lower() for column in outer.find_all(exp.Column)}
        if tables and tables <= around and inner.find(exp.Column) and not refers_outside(inner, own):
            return outer, inner
    return None


def _listed(part: exp.Expr) -> exp.In | None:
    """Return a conjunct that is IN a query, ``= ANY`` a query written so in place; None for others."""
    if isinstance(part, exp.Paren):
        return _listed(part.this)
    if isinstance(part, exp.EQ) and isinstance(part.expression, exp.Any):
        query = part.expression.this.unnest()
        if isinstance(query, exp.Select):
            part = part.replace(exp.In(this=part.this, query=exp.Subquery(this=query)))
    return part if isinstance(part, exp.In) and part.args.get("query") is not None else None


def _narrow_list(listed: exp.In, rows: exp.Select, staging: Staging) -> None:
    """List each value once, and only those that a row around looks for; unknown ones are no match for any."""
    query, value = listed.args["query"].unnest(), listed.this
    if any(part.meta.get(NARROWS) for part in where_conjuncts(query)):
        return
    if has_calls(value) or is_volatile(value) or value.find(exp.Query) or any(map(has_calls, query.expressions)):
        return
    items = [item.unalias() for item in query.expressions]
    if is_grouped(query, staging.aggregate_names) or any(
        item.is_star or not item.find(exp.Column) for item in items
    ):
        return
    if refers_to(query, frozenset(source_names(rows))) or refers_outside(value, source_names(rows)):
        return
    if staging.enclosing and any(not column.table for column in value.find_all(exp.Column)):
        return
    query.set("distinct", query.args.get("distinct") or exp.Distinct())
    query.set("order", None)
    wanted = rows.copy()
    wanted.set(
        "expressions", [item.copy() for item in (value.expressions if isinstance(value, exp.Tuple) else [value])]
    )
    found = items[0].copy() if len(items) == 1 else exp.Tuple(expressions=[item.copy() for item in items])
    _add(query, exp.In(this=found, query=exp.Subquery(this=wanted)))


def _narrow_correlated(query: exp.Select, rows: exp.Select, staging: Staging) -> None:
    """Ask only about rows that a plain condition ties to a row around."""
    around = frozenset(source_names(rows))
    ties = [part.copy() for part in where_conjuncts(query) if _is_plain_tie(part, around)]
    if not ties or around & source_names(query):
        return
    for tie in ties:
        qualify_own(tie, sources(query), staging)
    if any(not column.table for tie in ties for column in tie.find_all(exp.Column)):
        return
    partner = rows.copy()
    partner.set("expressions", [exp.Literal.number(1)])
    set_condition(partner, "where", [*where_conjuncts(partner), *ties])
    _add(query, exp.Exists(this=partner))


def _is_plain_tie(part: exp.Expr, around: frozenset[str]) -> bool:
    return (
        refers_to(part, around) and not has_calls(part) and not is_volatile(part) and part.find(exp.Query) is None
    )


def _add(query: exp.Select, condition: exp.Expr) -> None:
    condition.meta[NARROWS] = True
    set_condition(query, "where", [*where_conjuncts(query), condition])


def _limit_list(tree: exp.Expr, staging: Staging) -> None:
    """Let the list of ``WHERE x IN (…) LIMIT k`` stop at k values: each has a row, if nothing else waits for a model."""
    waiting = [part for part in where_conjuncts(tree) if has_calls(part)]
    if not isinstance(tree, exp.Select) or len(waiting) != 1 or any(map(tree.args.get, BEFORE_LIMIT)):
        return
    needed, listed = needed_rows(tree), _listed(waiting[0])
    if needed is None or listed is None or is_grouped(tree, staging.aggregate_names):
        return
    if has_calls(listed.this) or any(isinstance(node, exp.Window) for node in walk_scope(tree)):
        return
    query = listed.args["query"].unnest()
    steady = not is_volatile(tree) and not refers_outside(tree, source_names(tree))
    if steady and query.args.get("limit") is None and any(p.meta.get(NARROWS) for p in where_conjuncts(query)):
        query.set("limit", exp.Limit(expression=exp.Literal.number(needed)))
