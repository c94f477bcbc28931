"""Operators in a join condition: of an inner join they filter its rows; of an outer join they decide pairs.

An outer join's pairs are restricted first by all that is plain: ON's own conditions, and those of WHERE on the side
whose rows are kept, for a row that fails there is out whatever it pairs with. The operators then judge what is left
as if they stood in the WHERE of an inner join, in the order that costs least.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rvbbit_proxy.plan.correlation import qualify_join_columns
from rvbbit_proxy.plan.pairs import tables_read
from rvbbit_proxy.plan.rules.filters import filter_rows
from rvbbit_proxy.plan.rules.order import order_filters
from rvbbit_proxy.plan.scope import (
    conjoin,
    conjuncts,
    has_calls,
    is_volatile,
    names_of,
    set_condition,
    source_names,
    sources,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging


def move_join_conditions(select: exp.Select, staging: Staging) -> exp.Select:
    """Move an inner join's operator conjuncts to WHERE; give an outer join's a stage over its candidate pairs."""
    joins = select.args.get("joins") or []
    for index, join in enumerate(joins):
        if not has_calls(join.args.get("on")):
            continue
        qualify_join_columns(select, index, staging)
        parts = conjuncts(join.args["on"])
        semantic = [part for part in parts if has_calls(part)]
        rest = [part for part in parts if not has_calls(part)]
        if join.side or join.kind not in ("", "INNER", "CROSS") or not _movable(semantic, joins[index + 1 :]):
            judged = _judge_pairs(select, index, semantic, staging)
            join.set("on", conjoin([*rest, *judged]))
            continue
        moved = [*where_conjuncts(select), *semantic]
        join.set("on", conjoin(rest) or exp.true())
        set_condition(select, "where", moved)
    return select


def _movable(conditions: list[exp.Expr], later: list[exp.Join]) -> bool:
    """Whether conditions mean the same in WHERE: later joins neither keep rows that fail nor hide a bare name."""
    if any(join.side in ("RIGHT", "FULL") for join in later):
        return False
    columns = [column for condition in conditions for column in condition.find_all(exp.Column)]
    return not later or all(column.table for column in columns)


def _judge_pairs(select: exp.Select, index: int, semantic: Sequence[exp.Expr], staging: Staging) -> list[exp.Expr]:
    """Give the conditions of a join their stages over its candidate pairs; return them with lookups."""
    pairs = _pairs(select, index)
    plain = _of_kept_rows(select, index)
    set_condition(pairs, "where", [*plain, *semantic])
    judged = filter_rows(order_filters(pairs, staging, "JOIN"), staging, "JOIN")
    return [part for part in where_conjuncts(judged) if part not in plain]


def _pairs(select: exp.Select, index: int) -> exp.Select:
    """Return the candidate pairs: all sources up to this join, under its plain conditions."""
    joins = [join.copy() for join in select.args["joins"][: index + 1]]
    rest = [part for part in conjuncts(joins[-1].args.get("on")) if not has_calls(part)]
    joins[-1].set("on", conjoin(rest) or exp.true())
    joins[-1].set("side", None)
    source = exp.Select()
    source.set("from_", select.args["from_"].copy())
    source.set("joins", joins)
    return source


def _of_kept_rows(select: exp.Select, index: int) -> list[exp.Expr]:
    """Return the plain conditions of WHERE that read only the side of a join whose rows are kept without a partner."""
    joins = select.args["joins"]
    if joins[index].side == "FULL" or any(join.side in ("RIGHT", "FULL") for join in joins[index + 1 :]):
        return []
    known = source_names(select)
    before = set().union(*map(names_of, sources(select)[: index + 1]))
    kept = names_of(joins[index].this) if joins[index].side == "RIGHT" else before
    plain = [part for part in where_conjuncts(select) if not has_calls(part) and not is_volatile(part)]
    return [part for part in plain if tables_read(part, known) and (tables_read(part, known) or known) <= kept]
