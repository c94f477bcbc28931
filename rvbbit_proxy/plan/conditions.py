"""Conditions judged in waves: the operators in them read the wave's relation, each for itself, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from rvbbit_proxy.plan.estimate import LOOKUP
from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.plan import Condition, Waves
from rvbbit_proxy.plan.scope import conjoin, scope_calls
from rvbbit_proxy.plan.staging import Staging


def stage_waves(
    kept: Sequence[exp.Expr],
    inside: Sequence[exp.Expr],
    select: exp.Select,
    spool: str,
    needed: int | None,
    staging: Staging,
) -> list[exp.Expr]:
    """Add the waves that judge conditions over the rows of a spool; return the conditions with lookups.

    :param kept: the conditions as they stand in the scope.
    :param inside: the same over the spool's columns.
    :param needed: how many rows have to pass; None is all.
    """
    relation, first = staging.relation("wave"), len(staging.stages)
    staging.definitions[relation] = exp.select("*").from_(exp.to_table(spool))
    holders = [
        (exp.Paren(this=one.copy()), exp.Paren(this=other.copy())) for one, other in zip(kept, inside, strict=True)
    ]
    conditions = [_stage(one, other, relation, select, staging) for one, other in holders]
    staging.stages[first:] = [Waves(relation, spool, needed, tuple(conditions))]
    return [one.this for one, _ in holders]


def _stage(kept: exp.Paren, inside: exp.Paren, relation: str, select: exp.Select, staging: Staging) -> Condition:
    """Replace the condition's calls by lookups, in both forms."""
    names: list[str] = []
    for call, own in zip(scope_calls(kept), scope_calls(inside), strict=True):
        guarded = guards(own, inside)
        source = exp.select().from_(exp.to_table(relation))
        if guarded:
            source.set("where", exp.Where(this=conjoin(guarded)))
        found = staging.call_stage(call, source, "WHERE", select, shared=not guarded, inside=own)
        call.replace(found)
        if found.meta.get(LOOKUP):
            names.append(found.meta[LOOKUP])
    stages = tuple(replace(staging.made[name], bounded=True) for name in dict.fromkeys(names))
    decided_by, negated = _decision(inside.this)
    return Condition(staging.sql(inside.this), stages, decided_by, negated)


def _decision(condition: exp.Expr) -> tuple[str | None, bool]:
    """Return the lookup that alone is the condition, and whether it is negated."""
    if isinstance(condition, exp.Paren):
        return _decision(condition.this)
    if isinstance(condition, exp.Not):
        name, negated = _decision(condition.this)
        return name, not negated
    if isinstance(condition, exp.GT) and condition.expression == exp.Literal.number("0.5"):
        return condition.this.meta.get(LOOKUP), False
    return condition.meta.get(LOOKUP), False
