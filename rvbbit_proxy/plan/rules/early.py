"""``WHERE … LIMIT k``: rows are judged in waves, in the statement's order, until k of them have passed.

The rows that the plain conditions leave are kept in a spool, in order; the operators' conditions stay outside.
A row not judged has no result, hence NULL, hence does not pass: so every condition must be one for which an
unknown operand cannot make TRUE what the known one would not. Of ``DISTINCT`` rows, one that passes settles all that
are equal to it, with a LIMIT or without.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.conditions import typed_operands
from rvbbit_proxy.plan.hoist import Hoist, item_number, orders_by_calls, resolve_key
from rvbbit_proxy.plan.pairs import joined_plainly
from rvbbit_proxy.plan.plan import ORDINAL
from rvbbit_proxy.plan.rules.limits import needed_rows
from rvbbit_proxy.plan.scope import (
    has_calls,
    is_grouped,
    refers_to,
    scope_calls,
    set_condition,
    sources,
    walk_scope,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging, Stop
from rvbbit_proxy.sql.dialect import SemanticCall

MONOTONE = (exp.And, exp.Or, exp.Not, exp.Paren, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Between)
"""Nodes whose result for an unknown operand is unknown, or right whatever the operand is."""


def stop_early(select: exp.Select, staging: Staging) -> exp.Select:
    """Prepare the scope for waves where its LIMIT or DISTINCT can stop them; else leave it."""
    semantic = [part for part in where_conjuncts(select) if has_calls(part)]
    if semantic:
        _group_as_distinct(select)
    needed, keyed = needed_rows(select), bool(select.args.get("distinct"))
    if not semantic or not _row_by_row(select, staging) or not all(map(_monotone, semantic)):
        return select
    if needed is None and not (keyed and joined_plainly(select) and _reads_more(semantic, select)):
        return select
    hoist, product = Hoist(select, staging), None
    outer = exp.Select()
    semantic = [typed_operands(part, staging) for part in semantic] if keyed else semantic
    set_condition(outer, "where", [hoist.outer(part) for part in semantic])
    outer.set("expressions", hoist.outer_items())
    inner = exp.Select()
    for clause in ("from_", "joins", "laterals", "windows"):
        inner.set(clause, select.args.get(clause))
    set_condition(inner, "where", [part for part in where_conjuncts(select) if not has_calls(part)])
    order = select.args.get("order")
    if keyed:
        keys = [item.this for item in outer.expressions if isinstance(item.this, exp.Column)]
        sorting = order.expressions if order is not None and needed is not None else []
        by = [exp.Ordered(**{**key.args, "this": hoist.sort_key(key.this)}) for key in sorting]
        relation = hoist.spool_keyed(inner, "rows in order, until enough different ones have passed", keys, by)
        outer.set("distinct", exp.Distinct())
        outer.set("order", _numbered_order(order, select))
    else:
        for key in order.expressions if order is not None else []:
            key.set("this", hoist.ordinal(hoist.sort_key(key.this)))
        inner.set("order", order)
        if order is None and _is_product(select):
            relation, product = hoist.spool_product(inner, "rows as they are wanted, until enough have passed")
        else:
            relation = hoist.spool(inner, "rows in order, until enough have passed")
        outer.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(ORDINAL))]))
    outer.set("from_", exp.From(this=exp.to_table(relation)))
    for clause in ("limit", "offset"):
        outer.set(clause, select.args.get(clause))
    given = staging.given.get(id(select), ())
    staging.waves[staging.keep(outer)] = Stop(relation, needed, keyed, given, product)
    return outer


def _group_as_distinct(select: exp.Select) -> None:
    """Write, in place, groups of which nothing but all their keys is shown as the different rows they are."""
    group, clauses = select.args.get("group"), (*select.expressions, select.args.get("order"))
    if group is None or any(map(select.args.get, ("having", "distinct"))) or len(group.args) > 1:
        return
    if any(isinstance(key, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)) for key in group.expressions):
        return
    nodes = [node for clause in clauses if clause is not None for node in walk_scope(clause)]
    keys = {resolve_key(select, key) for key in group.expressions}
    if any(isinstance(node, (exp.AggFunc, exp.Window, SemanticCall)) for node in nodes):
        return
    if keys == {item.unalias() for item in select.expressions} and _sorts_by_items(select):
        select.set("group", None)
        select.set("distinct", exp.Distinct())


def _is_product(select: exp.Select) -> bool:
    """Whether the rows may be many more than those of the sources, and each belongs to a row of the first."""
    joins = select.args.get("joins") or []
    if joined_plainly(select) or select.args.get("laterals"):
        return False
    if any(join.side in ("RIGHT", "FULL") or join.method or join.args.get("using") for join in joins):
        return False
    tables = [
        each for each in sources(select) if isinstance(each, exp.Table) and isinstance(each.this, exp.Identifier)
    ]
    return len(tables) == len(sources(select)) and not tables[0].args["alias"].columns if tables[0].alias else True


def _numbered_order(order: exp.Order | None, select: exp.Select) -> exp.Order | None:
    """Return the sort keys as numbers of items, which is what DISTINCT lets be sorted by."""
    copy = order.copy() if order is not None else None
    for key in copy.expressions if copy is not None else ():
        key.set("this", exp.Literal.number(item_number(select, key.this)))
    return copy


def _row_by_row(select: exp.Select, staging: Staging) -> bool:
    """Whether the rows that come out are those that pass, each for itself, in an order known beforehand."""
    if is_grouped(select, staging.aggregate_names) or orders_by_calls(select):
        return False
    if refers_to(select, staging.around) or select.args.get("locks"):
        return False
    if select.args.get("distinct") and not _distinct_plainly(select):
        return False
    return not any(item.find(exp.Window) for item in select.expressions)


def _distinct_plainly(select: exp.Select) -> bool:
    """Whether rows are the same by what is known without a model."""
    if select.args["distinct"].args.get("on") or any(map(has_calls, select.expressions)):
        return False
    if any(item.is_star for item in select.expressions):
        return False
    return _sorts_by_items(select)


def _sorts_by_items(select: exp.Select) -> bool:
    order = select.args.get("order")
    keys = order.expressions if order is not None else []
    return all(item_number(select, key.this) is not None for key in keys)


def _reads_more(conditions: list[exp.Expr], select: exp.Select) -> bool:
    """Whether operators read columns that the items do not show as they are."""
    shown = {item.unalias().sql() for item in select.expressions}
    read = [column for part in conditions for call in scope_calls(part) for column in call.find_all(exp.Column)]
    return any(column.sql() not in shown for column in read)


def _monotone(condition: exp.Expr) -> bool:
    for call in scope_calls(condition):
        node: exp.Expr = call
        while node is not condition:
            assert node.parent is not None
            node = node.parent
            if not isinstance(node, MONOTONE):
                return False
    return True
