"""``WHERE … LIMIT k``: rows are judged in waves, in the statement's order, until k of them have passed.

The rows that the plain conditions leave are kept in a spool, in order; the operators' conditions stay outside.
A row not judged has no result, hence NULL, hence does not pass: so every condition must be one for which an
unknown operand cannot make TRUE what the known one would not.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.hoist import Hoist, orders_by_calls
from rvbbit_proxy.plan.plan import ORDINAL
from rvbbit_proxy.plan.rules.limits import needed_rows
from rvbbit_proxy.plan.scope import has_calls, is_grouped, refers_to, scope_calls, set_condition, where_conjuncts
from rvbbit_proxy.plan.staging import Staging

MONOTONE = (exp.And, exp.Or, exp.Not, exp.Paren, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Between)
"""Nodes whose result for an unknown operand is unknown, or right whatever the operand is."""


def stop_early(select: exp.Select, staging: Staging) -> exp.Select:
    """Prepare the scope for waves where its LIMIT can stop them; else leave it."""
    needed = needed_rows(select)
    semantic = [part for part in where_conjuncts(select) if has_calls(part)]
    if needed is None or not semantic or not _row_by_row(select, staging) or not all(map(_monotone, semantic)):
        return select
    hoist = Hoist(select, staging)
    outer = exp.Select()
    set_condition(outer, "where", [hoist.outer(part) for part in semantic])
    outer.set("expressions", hoist.outer_items())
    inner = exp.Select()
    for clause in ("from_", "joins", "laterals", "windows"):
        inner.set(clause, select.args.get(clause))
    set_condition(inner, "where", [part for part in where_conjuncts(select) if not has_calls(part)])
    order = select.args.get("order")
    if order is not None:
        for key in order.expressions:
            key.set("this", hoist.ordinal(hoist.sort_key(key.this)))
        inner.set("order", order)
    relation = hoist.spool(inner, "rows in order, until enough have passed")
    outer.set("from_", exp.From(this=exp.to_table(relation)))
    outer.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(ORDINAL))]))
    for clause in ("limit", "offset"):
        outer.set(clause, select.args.get(clause))
    staging.waves[staging.keep(outer)] = (relation, needed)
    return outer


def _row_by_row(select: exp.Select, staging: Staging) -> bool:
    """Whether the rows that come out are those that pass, each for itself, in an order known beforehand."""
    if is_grouped(select, staging.aggregate_names) or orders_by_calls(select):
        return False
    if refers_to(select, staging.around):
        return False
    if select.args.get("distinct") or select.args.get("locks"):
        return False
    return not any(item.find(exp.Window) for item in select.expressions)


def _monotone(condition: exp.Expr) -> bool:
    for call in scope_calls(condition):
        node: exp.Expr = call
        while node is not condition:
            assert node.parent is not None
            node = node.parent
            if not isinstance(node, MONOTONE):
                return False
    return True
