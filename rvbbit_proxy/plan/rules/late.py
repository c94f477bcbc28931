"""What runs after grouping or after LIMIT: the scope is cut in two.

The inner query, plain SQL, does FROM to LIMIT and keeps its rows in a spool, with the inputs of the operators
as columns (an aggregate's as an array). The outer query has only the items: so ten groups out of a million rows
cost ten summaries, and LIMIT 5 asks five times.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.plan.hoist import Hoist, item_number, orders_by_calls, resolve_key
from rvbbit_proxy.plan.plan import ORDINAL
from rvbbit_proxy.plan.rules.filters import filter_rows
from rvbbit_proxy.plan.rules.order import order_filters
from rvbbit_proxy.plan.rules.values import stage_over_rows
from rvbbit_proxy.plan.scope import (
    conjuncts,
    group_keys,
    has_calls,
    is_grouped,
    reads_windows,
    refers_to,
    scope_calls,
    set_condition,
)
from rvbbit_proxy.plan.staging import Staging


def split_late(select: exp.Select, staging: Staging) -> exp.Select:
    """Cut the scope where operators can wait for groups or for LIMIT; else leave it."""
    if is_grouped(select, staging.aggregate_names):
        late = bool(scope_calls(*select.expressions, select.args.get("having"), select.args.get("order")))
    else:
        late = _waits_for_limit(select, staging) or reads_windows(select)
        if late:
            _stage_below_windows(select, staging)
    return _split(select, staging) if late else select


def _waits_for_limit(select: exp.Select, staging: Staging) -> bool:
    if not (select.args.get("limit") or select.args.get("offset")) or refers_to(select, staging.around):
        return False
    if select.args.get("distinct") or orders_by_calls(select):
        return False
    calls = scope_calls(*select.expressions)
    return bool(calls) and all(call.find_ancestor(exp.Window, exp.Select) is select for call in calls)


def _stage_below_windows(select: exp.Select, staging: Staging) -> None:
    """Give the calls that window functions read a stage over the scope's rows."""
    for call in scope_calls(*select.expressions, select.args.get("order")):
        if call.find_ancestor(exp.Window, exp.Select) is not select:
            stage_over_rows(call, select, staging, "window")


def _split(select: exp.Select, staging: Staging) -> exp.Select:
    if select.args.get("distinct") and select.args["distinct"].args.get("on"):
        raise NotSupported("DISTINCT ON with operators over groups", hint="Group in a subquery.")
    hoist = Hoist(select, staging)
    inner = exp.Select()
    for clause in ("from_", "joins", "laterals", "where", "windows"):
        inner.set(clause, select.args.get(clause))
    inner.set("group", _group_keys(select, hoist))
    having = select.args.get("having")
    parts = conjuncts(having.this, whole=_written_keys(select)) if having else []
    set_condition(inner, "having", [part for part in parts if not has_calls(part)])
    outer = exp.Select()
    set_condition(outer, "where", [hoist.outer(part) for part in parts if has_calls(part)])
    outer.set("expressions", hoist.outer_items())
    outer.set("distinct", select.args.get("distinct"))
    waits = bool(outer.args.get("where") or outer.args.get("distinct")) or orders_by_calls(select)
    _order_and_limit(select, hoist, outer if waits else inner, outside=waits)
    if is_grouped(select, staging.aggregate_names) and not inner.args.get("group") and not hoist.aggregates():
        hoist.column(exp.Count(this=exp.Star()))  # what made the scope one group has moved outside
    relation = hoist.spool(inner, "groups" if inner.args.get("group") else "rows that are left")
    outer.set("from_", exp.From(this=exp.to_table(relation)))
    if not waits and (select.args.get("order") or select.args.get("limit")):
        outer.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(ORDINAL))]))
    return filter_rows(order_filters(outer, staging), staging)


def _written_keys(select: exp.Select) -> list[exp.Expr]:
    """Return what is grouped by, as it may be written again: PostgreSQL knows a key only as a whole."""
    return [resolve_key(select, key) for key in group_keys(select)]


def _group_keys(select: exp.Select, hoist: Hoist) -> exp.Group | None:
    """Return GROUP BY with ordinals that point to the inner query's items."""
    for key in group_keys(select):
        if isinstance(key, exp.Literal) and key.is_int:
            key.replace(hoist.ordinal(hoist.column(select.expressions[int(key.this) - 1].unalias())))
    group: exp.Group | None = select.args.get("group")
    return group


def _order_and_limit(select: exp.Select, hoist: Hoist, query: exp.Select, *, outside: bool) -> None:
    order = select.args.get("order")
    if order is not None:
        for key in order.expressions:
            number = item_number(select, key.this) if outside else None
            column = hoist.sort_key(key.this) if number is None else exp.Literal.number(number)
            key.set("this", column if outside else hoist.ordinal(column))
        query.set("order", order)
    for clause in ("limit", "offset"):
        query.set(clause, select.args.get(clause))
