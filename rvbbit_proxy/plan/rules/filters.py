"""WHERE: plain conditions first; each operator sees only rows that everything before it has let through."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.conditions import stage_waves
from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.scope import (
    has_calls,
    is_volatile,
    refers_outside,
    scope_calls,
    set_condition,
    source_names,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging


def filter_rows(select: exp.Select, staging: Staging, position: str = "WHERE") -> exp.Select:
    """Give every call in WHERE a stage over the rows that its predecessors leave."""
    order = [condition for condition in where_conjuncts(select) if not has_calls(condition)]
    semantic = [condition for condition in where_conjuncts(select) if has_calls(condition)]
    semantic.sort(key=_breadth)
    if not semantic:
        return select
    set_condition(select, "where", [*order, *semantic])
    stop = staging.waves.get(id(select))
    if stop is not None:
        judged = stage_waves(semantic, semantic, select, stop, staging)
        set_condition(select, "where", [*order, *judged])
        return select
    for index in range(len(order), len(order) + len(semantic)):
        for call in scope_calls(where_conjuncts(select)[index]):
            conditions = where_conjuncts(select)
            guarded = guards(call, conditions[index])
            source = row_source(select, conditions[:index] + guarded)
            call.replace(staging.call_stage(call, source, position, select, shared=not guarded))
    return select


def _breadth(condition: exp.Expr) -> int:
    """Return how many sources a condition reads: the fewer, the fewer inputs it has."""
    return len({column.table.lower() for column in condition.find_all(exp.Column)})


def row_source(select: exp.Select, conditions: list[exp.Expr]) -> exp.Select:
    """Return a SELECT without items over this scope's FROM, under those conditions that hold steady.

    A volatile condition, or one that refers to an outer query, is left out: more rows, never fewer.
    """
    names = source_names(select)
    source = exp.Select()
    for clause in ("from_", "joins", "laterals"):
        value = select.args.get(clause)
        if isinstance(value, list):
            source.set(clause, [item.copy() for item in value])
        elif value is not None:
            source.set(clause, value.copy())
    steady = [part for part in conditions if not is_volatile(part) and not refers_outside(part, names)]
    set_condition(source, "where", steady)
    return source
