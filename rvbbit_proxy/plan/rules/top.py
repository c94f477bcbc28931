"""``ORDER BY x ABOUT 'y' DESC LIMIT k``: sort keys are scored first, so that what is left can wait for the LIMIT.

Where the greatest scores are wanted of an operator to which similarity is a guide, the stage need not score every
input; a row whose input has no score, though it is no NULL, is left out.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from rvbbit_proxy.plan.hoist import orders_by_calls, resolve_key
from rvbbit_proxy.plan.plan import key_column
from rvbbit_proxy.plan.rules.limits import needed_rows
from rvbbit_proxy.plan.rules.values import stage_over_rows
from rvbbit_proxy.plan.scope import (
    has_calls,
    is_grouped,
    refers_to,
    scope_calls,
    set_condition,
    walk_scope,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging, is_answered, literal_value, typed
from rvbbit_proxy.sql.dialect import SemanticCall


def score_keys(select: exp.Select, staging: Staging) -> exp.Select:
    """Give the operators in sort keys their stages, where LIMIT lets the others wait; mark a top k."""
    if not _cuts_rows(select, staging):
        return select
    ranked = _ranked_call(select, staging)
    for key in select.args["order"].expressions:
        expression = resolve_key(select, key.this)
        if has_calls(expression):
            _stage_everywhere(expression.copy(), select, staging, ranked)
    return select


def _cuts_rows(select: exp.Select, staging: Staging) -> bool:
    if not (select.args.get("limit") or select.args.get("offset")) or not orders_by_calls(select):
        return False
    if is_grouped(select, staging.aggregate_names) or refers_to(select, staging.around):
        return False
    return not (select.args.get("distinct") or select.args.get("locks") or _has_windows(select))


def _has_windows(select: exp.Select) -> bool:
    return any(item.find(exp.Window) for item in [*select.expressions, select.args["order"]])


def _ranked_call(select: exp.Select, staging: Staging) -> SemanticCall | None:
    """Return the call by whose greatest values alone the LIMIT chooses, if similarity is a guide to them."""
    first = select.args["order"].expressions[0]
    call = resolve_key(select, first.this).unnest()
    if not isinstance(call, SemanticCall) or not first.args.get("desc") or needed_rows(select) is None:
        return None
    operator = staging.operator_of(call)
    literals = [literal_value(argument)[0] for argument in call.expressions]
    ranks = operator.proxied and operator.returns == "double precision" and operator.shape == "scalar"
    return call if ranks and literals == [False, True] and not has_calls(call.expressions[0]) else None


def _stage_everywhere(
    expression: exp.Expr, select: exp.Select, staging: Staging, ranked: SemanticCall | None
) -> None:
    """Replace the expression's calls by lookups, in the sort keys and in items that are the same expression."""
    clauses = [*select.expressions, select.args["order"]]
    same = [node for clause in clauses for node in walk_scope(clause) if node == expression]
    holder = exp.Paren(this=expression)
    for call in scope_calls(holder):
        known = set(staging.made)
        stage_over_rows(call, select, staging, "ORDER BY")
        if ranked is not None and expression.unnest() is call and call == ranked:
            _mark_top(call, (set(staging.made) - known), select, staging)
    for node in same:
        node.replace(holder.this.copy())


def _mark_top(call: SemanticCall, fresh: set[str], select: exp.Select, staging: Staging) -> None:
    """Let the stage that was made for the call, if there is one, score the greatest only."""
    needed = needed_rows(select)
    if not fresh or needed is None:
        return
    (relation,) = fresh
    stage = staging.made[relation]
    ranking = replace(stage, top=needed, ties_count=len(select.args["order"].expressions) > 1)
    staging.made[relation] = ranking
    staging.stages[:] = [ranking if each is stage else each for each in staging.stages]
    operand = call.expressions[0]
    scored = is_answered(relation, {key_column(0): typed(stage.operator.args[0], operand)})
    condition = exp.or_(exp.Is(this=operand.copy(), expression=exp.Null()), scored)
    set_condition(select, "where", [*where_conjuncts(select), exp.Paren(this=condition)])
