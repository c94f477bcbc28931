"""Conditions judged in waves: the operators in them read the wave's relation, each for itself, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from rvbbit_proxy.plan.estimate import LOOKUP
from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.plan import Condition, Either, OperatorStage, Waves
from rvbbit_proxy.plan.scope import conjoin, disjuncts, has_calls, is_below, scope_calls
from rvbbit_proxy.plan.staging import Staging, Stop, literal_value, typed
from rvbbit_proxy.sql.dialect import SemanticCall


def stage_waves(
    kept: Sequence[exp.Expr],
    inside: Sequence[exp.Expr],
    select: exp.Select,
    stop: Stop,
    staging: Staging,
    position: str = "WHERE",
) -> list[exp.Expr]:
    """Add the waves that judge conditions over the rows of a spool; return the conditions with lookups.

    :param kept: the conditions as they stand in the scope.
    :param inside: the same over the spool's columns.
    :param stop: over which spool, and when enough have passed.
    """
    relation, first = staging.relation("wave"), len(staging.stages)
    staging.definitions[relation] = exp.select("*").from_(exp.to_table(stop.spool))
    holders = [
        (exp.Paren(this=one.copy()), exp.Paren(this=other.copy())) for one, other in zip(kept, inside, strict=True)
    ]
    conditions = [_stage(one, other, relation, select, staging, position) for one, other in holders]
    staging.stages[first:] = [
        Waves(relation, stop.spool, stop.needed, tuple(conditions), stop.keyed, stop.given, stop.product)
    ]
    return [one.this for one, _ in holders]


def is_choice(condition: exp.Expr) -> bool:
    """Whether the condition is an OR of several conditions with operators."""
    return sum(map(has_calls, disjuncts(condition))) > 1


def typed_operands(condition: exp.Expr, staging: Staging) -> exp.Expr:
    """Return the condition with operands cast to what the operator takes: any such type can be told apart."""
    holder = exp.Paren(this=condition.copy())
    for call in scope_calls(holder):
        operator = staging.operator_of(call)
        call.set(
            "expressions",
            [
                value if literal_value(value)[0] else typed(arg, value)
                for arg, value in zip(operator.args, call.expressions, strict=False)
            ],
        )
    found: exp.Expr = holder.this
    return found


def _stage(
    kept: exp.Paren, inside: exp.Paren, relation: str, select: exp.Select, staging: Staging, position: str
) -> Condition:
    """Replace the condition's calls by lookups, in both forms."""
    choice = is_choice(inside.this)
    holders = [_held(operand) for operand in disjuncts(inside.this)] if choice else [inside]
    if choice:
        staging.definitions[undecided := staging.relation("undecided")] = staging.definitions[relation]
        relation = undecided
    found = {id(holder): list[OperatorStage]() for holder in holders}
    for call, own in zip(scope_calls(kept), scope_calls(inside), strict=True):
        holder = next(each for each in holders if is_below(own, each))
        lookup = _look_up(call, own, holder, relation, select, staging, position, shared=not choice)
        call.replace(lookup)
        if lookup.meta.get(LOOKUP):
            found[id(holder)].append(replace(staging.made[lookup.meta[LOOKUP]], bounded=True))
    operands = tuple(_condition(holder, found[id(holder)], staging) for holder in holders)
    if not choice:
        return operands[0]
    stages = {stage.relation: stage for operand in operands for stage in operand.stages}
    return Condition(staging.sql(inside.this), tuple(stages.values()), either=Either(relation, operands))


def _held(operand: exp.Expr) -> exp.Paren:
    """Put parentheses around an operand, in place."""
    holder = exp.Paren(this=operand.copy())
    operand.replace(holder)
    return holder


def _look_up(
    call: SemanticCall,
    own: SemanticCall,
    holder: exp.Expr,
    relation: str,
    select: exp.Select,
    staging: Staging,
    position: str,
    *,
    shared: bool,
) -> exp.Expr:
    """Give a call a stage over the relation's rows that its guards below the holder leave; return the lookup."""
    guarded = guards(own, holder)
    source = exp.select().from_(exp.to_table(relation))
    if guarded:
        source.set("where", exp.Where(this=conjoin(guarded)))
    return staging.call_stage(call, source, position, select, shared=shared and not guarded, inside=own)


def _condition(holder: exp.Paren, stages: list[OperatorStage], staging: Staging) -> Condition:
    once = {stage.relation: stage for stage in stages}
    decided_by, negated = _decision(holder.this)
    return Condition(staging.sql(holder.this), tuple(once.values()), decided_by, negated)


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
