"""Operators over the scope's own rows, outside WHERE: select items, sort keys, group keys, aggregates' inputs."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.plan.rules.filters import row_source
from rvbbit_proxy.plan.scope import (
    has_calls,
    is_aggregate,
    is_grouped,
    scope_calls,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.sql.dialect import SemanticCall


def name_select_items(select: exp.Select, staging: Staging) -> exp.Select:
    """Keep the column names that PostgreSQL would give, whatever the items become."""
    name_items(select)
    return select


def group_inputs(select: exp.Select, staging: Staging) -> exp.Select:
    """In a scope that groups, give the calls below the grouping a stage over its rows."""
    if not is_grouped(select, staging.aggregate_names):
        return select
    _point_group_keys(select)
    for call in scope_calls(
        *select.expressions, select.args.get("having"), select.args.get("order"), select.args.get("group")
    ):
        if _below_grouping(call, select, staging):
            _stage(call, select, staging, "GROUP BY" if call.find_ancestor(exp.Group) else "aggregate input")
    return select


def row_values(select: exp.Select, staging: Staging) -> exp.Select:
    """Give every call that is left in the scope a stage over its rows."""
    for clause, position in (("expressions", "SELECT"), ("order", "ORDER BY"), ("distinct", "DISTINCT ON")):
        value = select.args.get(clause)
        for call in scope_calls(*(value if isinstance(value, list) else [value])):
            _stage(call, select, staging, position)
    return select


def _stage(call: SemanticCall, select: exp.Select, staging: Staging, position: str) -> None:
    guarded = guards(call, select)
    source = row_source(select, where_conjuncts(select) + guarded)
    call.replace(staging.call_stage(call, source, position, id(select), shared=not guarded))


def _below_grouping(call: SemanticCall, select: exp.Select, staging: Staging) -> bool:
    if call.operator_name in staging.aggregate_names:
        return False
    node: exp.Expr | None = call
    while node is not None and node is not select:
        if isinstance(node, exp.Group) or node.meta.get("group_key"):
            return True
        if node is not call and is_aggregate(node, staging.aggregate_names):
            return True
        if isinstance(node, exp.Filter) and call.find_ancestor(exp.Where) is node.expression:
            return True
        node = node.parent
    return False


def _point_group_keys(select: exp.Select) -> None:
    """Write group keys that are select items with operators as ordinals, and mark those items."""
    group = select.args.get("group")
    if group is None:
        return
    items = {index: item for index, item in enumerate(select.expressions, start=1) if has_calls(item)}
    keys = []
    for key in group.expressions:
        index = next((index for index, item in items.items() if _same_key(key, index, item)), None)
        if index is None:
            keys.append(key)
            continue
        items[index].meta["group_key"] = True
        keys.append(exp.Literal.number(index))
    group.set("expressions", keys)


def _same_key(key: exp.Expr, index: int, item: exp.Expr) -> bool:
    if isinstance(key, exp.Literal) and key.is_int:
        return int(key.this) == index
    if isinstance(key, exp.Column) and not key.table and key.name == item.alias:
        return True
    return key == item.unalias()
