"""GROUP BY: operators in group keys, and below aggregates, read the scope's rows."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.rules.values import stage_alike, stage_over_rows
from rvbbit_proxy.plan.scope import group_keys, has_calls, is_aggregate, is_grouped, scope_calls
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.sql.dialect import SemanticCall
from rvbbit_proxy.sql.item_names import folded


def group_inputs(select: exp.Select, staging: Staging) -> exp.Select:
    """In a scope that groups, give the calls below the grouping a stage over its rows."""
    if not is_grouped(select, staging.aggregate_names):
        return select
    _point_keys(select, staging)
    for key in _keys(select):
        if has_calls(key):
            stage_alike(key, select, staging, "GROUP BY")
    for call in scope_calls(*select.expressions, select.args.get("having"), select.args.get("order")):
        if _below_aggregate(call, select, staging):
            stage_over_rows(call, select, staging, "aggregate input")
    return select


def _point_keys(select: exp.Select, staging: Staging) -> None:
    """Write keys that are select items, by name or written again with operators, as ordinals."""
    for key in group_keys(select):
        for index, item in enumerate(select.expressions, start=1):
            named = (
                _is_name(key) and isinstance(item, exp.Alias) and folded(item.args["alias"]) == folded(key.this)
            )
            if (named and not _is_source_column(key, select, staging)) or (
                has_calls(key) and key == item.unalias()
            ):
                key.replace(exp.Literal.number(index))
                break


def _is_name(key: exp.Expr) -> bool:
    return isinstance(key, exp.Column) and not key.table and not isinstance(key.this, exp.Star)


def _is_source_column(key: exp.Expr, select: exp.Select, staging: Staging) -> bool:
    """Whether a name in GROUP BY means a column of FROM, which goes before an item's name."""
    name = folded(key.this)
    names = staging.column_names(select)
    return name in names or (staging.target == "duckdb" and name.lower() in map(str.lower, names))


def _keys(select: exp.Select) -> list[exp.Expr]:
    """Return what is grouped by: an ordinal's item, else the key itself."""
    keys = []
    for key in group_keys(select):
        if isinstance(key, exp.Literal) and key.is_int and int(key.this) <= len(select.expressions):
            key = select.expressions[int(key.this) - 1].unalias()
        keys.append(key)
    return keys


def _below_aggregate(call: SemanticCall, select: exp.Select, staging: Staging) -> bool:
    if call.operator_name in staging.aggregate_names:
        return False
    node: exp.Expr | None = call
    while node is not None and node is not select:
        if node is not call and is_aggregate(node, staging.aggregate_names):
            return True
        if isinstance(node, exp.Filter) and call.find_ancestor(exp.Where) is node.expression:
            return True
        node = node.parent
    return False
