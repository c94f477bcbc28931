"""Operators over the scope's own rows, outside WHERE: select items and sort keys."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.plan.rules.filters import row_source
from rvbbit_proxy.plan.scope import scope_calls, where_conjuncts
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.sql.dialect import SemanticCall


def name_select_items(select: exp.Select, staging: Staging) -> exp.Select:
    """Keep the column names that PostgreSQL would give, whatever the items become."""
    name_items(select)
    return select


def row_values(select: exp.Select, staging: Staging) -> exp.Select:
    """Give every call that is left in the scope a stage over its rows."""
    for clause, position in (("expressions", "SELECT"), ("order", "ORDER BY"), ("distinct", "DISTINCT ON")):
        value = select.args.get(clause)
        for call in scope_calls(*(value if isinstance(value, list) else [value])):
            stage_over_rows(call, select, staging, position)
    return select


def stage_over_rows(call: SemanticCall, select: exp.Select, staging: Staging, position: str) -> None:
    """Replace the call by a lookup in a stage over the rows that WHERE and the call's guards leave."""
    guarded = guards(call, select)
    source = row_source(select, where_conjuncts(select) + guarded)
    call.replace(staging.call_stage(call, source, position, select, shared=not guarded))
