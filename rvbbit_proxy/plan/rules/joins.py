"""Operators in a join condition: of an inner join they filter its rows; of an outer join they decide pairs."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.estimate import LOOKUP
from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.scope import (
    conjoin,
    conjuncts,
    has_calls,
    is_below,
    scope_calls,
    set_condition,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging


def move_join_conditions(select: exp.Select, staging: Staging) -> exp.Select:
    """Move an inner join's operator conjuncts to WHERE; give an outer join's a stage over its candidate pairs."""
    joins = select.args.get("joins") or []
    for index, join in enumerate(joins):
        parts = conjuncts(join.args.get("on"))
        semantic = [part for part in parts if has_calls(part)]
        if not semantic:
            continue
        if join.side or join.kind not in ("", "INNER", "CROSS") or not _movable(semantic, joins[index + 1 :]):
            _stage_pairs(select, join, staging)
            continue
        moved = [*where_conjuncts(select), *semantic]
        rest = [part for part in parts if not has_calls(part)]
        join.set("on", conjoin(rest) or exp.true())
        set_condition(select, "where", moved)
    return select


def _movable(conditions: list[exp.Expr], later: list[exp.Join]) -> bool:
    """Whether conditions mean the same in WHERE: later joins neither keep rows that fail nor hide a bare name."""
    if any(join.side in ("RIGHT", "FULL") for join in later):
        return False
    columns = [column for condition in conditions for column in condition.find_all(exp.Column)]
    return not later or all(column.table for column in columns)


def _stage_pairs(select: exp.Select, join: exp.Join, staging: Staging) -> None:
    for call in scope_calls(join.args["on"]):
        source = _pairs(select, join)
        part = next(part for part in conjuncts(join.args["on"]) if is_below(call, part))
        set_condition(source, "where", guards(call, part))
        call.replace(staging.call_stage(call, source, "JOIN", select, shared=False))
    if join.side and staging.target == "duckdb":
        join.set("on", conjoin([_never_null(part) for part in conjuncts(join.args["on"])]))


def _never_null(condition: exp.Expr) -> exp.Expr:
    """Write a lookup's unknown as FALSE: DuckDB 2.0's join elimination fails where it proves ON never true."""
    if not any(node.meta.get(LOOKUP) for node in condition.find_all(exp.Subquery)):
        return condition
    return exp.Coalesce(this=condition.copy(), expressions=[exp.false()])


def _pairs(select: exp.Select, join: exp.Join) -> exp.Select:
    """Return the candidate pairs: all sources up to this join, under its plain conditions."""
    joins = []
    for other in select.args["joins"]:
        plain = other.copy()
        if other is join:
            rest = [part for part in conjuncts(join.args.get("on")) if not has_calls(part)]
            plain.set("on", conjoin(rest) or exp.true())
            plain.set("side", None)
            joins.append(plain)
            break
        joins.append(plain)
    source = exp.Select()
    source.set("from_", select.args["from_"].copy())
    source.set("joins", joins)
    return source
