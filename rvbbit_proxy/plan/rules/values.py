"""Operators over the scope's own rows, outside WHERE: select items and sort keys."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.plan.rules.filters import row_source
from rvbbit_proxy.plan.scope import scope_calls, walk_scope, where_conjuncts
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.sql.dialect import SemanticCall


def name_select_items(select: exp.Select, staging: Staging) -> exp.Select:
    """Keep the column names that PostgreSQL would give, whatever the items become."""
    name_items(select)
    return select


def row_values(select: exp.Select, staging: Staging) -> exp.Select:
    """Give every call that is left in the scope a stage over its rows."""
    distinct = select.args.get("distinct")
    only = distinct.args.get("on") if distinct is not None else None
    for key in list(only.iter_expressions()) if only is not None else ():
        if scope_calls(key):
            stage_alike(key, select, staging, "DISTINCT ON")
    for clause, position in (("expressions", "SELECT"), ("order", "ORDER BY"), ("distinct", "DISTINCT ON")):
        value = select.args.get(clause)
        for call in scope_calls(*(value if isinstance(value, list) else [value])):
            stage_over_rows(call, select, staging, position)
    return select


def stage_alike(key: exp.Expr, select: exp.Select, staging: Staging, position: str) -> None:
    """Replace the key's calls, in the key and wherever the scope has the same expression, by the same lookups."""
    names = ("having", "order", "group", "distinct")
    clauses = [*select.expressions, *(select.args.get(name) for name in names)]
    same = [node for clause in clauses if clause is not None for node in walk_scope(clause) if node == key]
    holder = exp.Paren(this=key.copy())
    for call in scope_calls(holder):
        stage_over_rows(call, select, staging, position)
    for node in same:
        node.replace(holder.this.copy())


def stage_over_rows(call: SemanticCall, select: exp.Select, staging: Staging, position: str) -> None:
    """Replace the call by a lookup in a stage over the rows that WHERE and the call's guards leave."""
    guarded = guards(call, select)
    source = row_source(select, where_conjuncts(select) + guarded)
    call.replace(staging.call_stage(call, source, position, select, shared=not guarded))
