"""Several operator conditions of one WHERE: which comes first is decided while they run, by cost and what they remove.

The operands of an OR change places likewise, by cost and what they let through.

What they read of the rows that the plain conditions leave is kept, each combination once, in an order that is
as good as random (by hash), so that the first of them are a sample. The result does not depend on the order: a
row that fails one condition is out whatever the others, never judged for it, would have said.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.conditions import is_choice, stage_waves, typed_operands
from rvbbit_proxy.plan.hoist import Hoist
from rvbbit_proxy.plan.pairs import joined_plainly
from rvbbit_proxy.plan.rules.filters import row_source
from rvbbit_proxy.plan.scope import (
    has_calls,
    is_volatile,
    refers_outside,
    scope_calls,
    set_condition,
    source_names,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging, Stop


def order_filters(select: exp.Select, staging: Staging, position: str = "WHERE") -> exp.Select:
    """Give the conditions of WHERE that may change places one stage, where there are several of them."""
    if id(select) in staging.waves:
        return select
    movable = [part for part in where_conjuncts(select) if has_calls(part) and _steady(part, select, staging)]
    for group in _groups(movable, select):
        _stage(group, select, staging, position)
    return select


def _stage(group: list[exp.Expr], select: exp.Select, staging: Staging, position: str) -> None:
    plain = [part for part in where_conjuncts(select) if not has_calls(part)]
    others = [part for part in where_conjuncts(select) if has_calls(part) and part not in group]
    hoist = Hoist(select, staging)
    inside = [hoist.outer(typed_operands(part, staging)) for part in group]
    rows = row_source(select, plain)
    rows.set("distinct", exp.Distinct())
    spool = hoist.spool(rows, "what the conditions read, as a sample and then the rest", hoist.by_hash())
    judged = stage_waves(group, inside, select, Stop(spool, None), staging, position)
    set_condition(select, "where", [*plain, *judged, *others])


def _groups(conditions: list[exp.Expr], select: exp.Select) -> list[list[exp.Expr]]:
    """Return the conditions that read the same rows, several at a time.

    Where sources are joined by nothing that is plain, those are the conditions over one source: what conditions over
    several read would be the product of the sources.
    """
    if joined_plainly(select):
        return [conditions] if _can_vary(conditions) else []
    groups: dict[str, list[exp.Expr]] = {}
    for condition in conditions:
        tables = {column.table.lower() for column in condition.find_all(exp.Column)}
        if len(tables) == 1 and "" not in tables:
            groups.setdefault(tables.pop(), []).append(condition)
    return [group for group in groups.values() if _can_vary(group)]


def _can_vary(conditions: list[exp.Expr]) -> bool:
    """Whether there is an order to find: of several conditions, or of the operands of an OR."""
    return len(conditions) > 1 or any(map(is_choice, conditions))


def _steady(condition: exp.Expr, select: exp.Select, staging: Staging) -> bool:
    """Whether the condition is of this scope's rows alone and the same whenever it is asked."""
    if is_volatile(condition) or refers_outside(condition, source_names(select)):
        return False
    if any(call.operator_name in staging.aggregate_names for call in scope_calls(condition)):
        return False
    return not any(
        has_calls(node) and node.find(exp.Query) for node in condition.find_all(exp.In, exp.Any, exp.All)
    )
