"""Set operations: what the whole needs of its sides is told to each of them before they are planned.

With ``… UNION … LIMIT k`` each side stops at k rows, and a later one, where the order is open, at what those before it
have left to find. Where equal rows count once, they do so on every side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from rvbbit_proxy.plan.hoist import item_number
from rvbbit_proxy.plan.rules.limits import fetch_as_limit, needed_rows
from rvbbit_proxy.plan.scope import has_calls, is_volatile
from rvbbit_proxy.plan.staging import Staging

Lower = Callable[[exp.Query, Staging], exp.Query]
MODIFIERS = ("with_", "order", "limit", "offset", "locks")


def lower_sides(query: exp.SetOperation, staging: Staging, lower: Lower) -> None:
    """Lower, in place, the sides that hold operators; ``lower`` is for one of them."""
    fetch_as_limit(query)
    sides = [_unwrap(side) for side in _sides(query)]
    if query.args["distinct"]:
        for side in sides:
            _make_distinct(side)
    stopping = _limit_sides(query, sides)
    counted = stopping if query.args.get("order") is None else set()
    given: tuple[str, ...] = ()
    for at, side in enumerate(sides):
        staging.given[staging.keep(side)] = given
        holder = exp.Paren(this=exp.Null())
        side.replace(holder)
        lowered = lower(side, staging) if has_calls(side) else side
        if id(side) in counted and any(map(has_calls, sides[at + 1 :])) and not is_volatile(lowered):
            given = (*given, _keep_count(lowered, staging))
        bare = isinstance(lowered, exp.Select) and not any(map(lowered.args.get, MODIFIERS))
        holder.replace(lowered if bare else exp.Subquery(this=lowered))


def _sides(query: exp.Query, like: exp.SetOperation | None = None) -> Iterator[exp.Query]:
    """Yield the sides of a chain of one operation, from left to right."""
    plain = like is None or not any(map(query.args.get, MODIFIERS))
    same = like is None or (type(query) is type(like) and query.args.get("distinct") == like.args["distinct"])
    if isinstance(query, exp.SetOperation) and plain and same:
        yield from _sides(query.this, like or query) if isinstance(query, exp.Union) else [query.this]
        yield query.expression
    else:
        yield query


def _unwrap(side: exp.Query) -> exp.Query:
    """Take, in place, the parentheses off a side that needs none."""
    if not isinstance(side, exp.Subquery) or side.alias or any(map(side.args.get, MODIFIERS)):
        return side
    inner: exp.Query = side.replace(side.this)
    return _unwrap(inner)


def _make_distinct(side: exp.Query) -> None:
    """Let equal rows of a side be one, in place, where that is known without a model."""
    if not isinstance(side, exp.Select) or any(map(side.args.get, ("limit", "offset", "distinct"))):
        return
    if not any(map(has_calls, side.expressions)):
        side.set("distinct", exp.Distinct())
        side.set("order", None)


def _limit_sides(query: exp.SetOperation, sides: list[exp.Query]) -> set[int]:
    """Give the sides the LIMIT of a union, in place, in its order; return those that have it."""
    order, needed = query.args.get("order"), needed_rows(query)
    numbered = _numbered(order, sides[0]) if order is not None else None
    if needed is None or not isinstance(query, exp.Union) or (order is not None and numbered is None):
        return set()
    found = [side for side in sides if isinstance(side, exp.Select) and _may_stop(side, query)]
    for side in found:
        side.set("limit", exp.Limit(expression=exp.Literal.number(needed)))
        if numbered is not None:
            side.set("order", numbered.copy())
    return {id(side) for side in found}


def _may_stop(side: exp.Select, query: exp.Union) -> bool:
    """Whether the side's first rows are enough for the whole."""
    if any(map(side.args.get, MODIFIERS)):
        return False
    distinct = side.args.get("distinct")
    return not query.args["distinct"] or (distinct is not None and not distinct.args.get("on"))


def _numbered(order: exp.Order, first: exp.Query) -> exp.Order | None:
    """Return the union's sort keys as numbers of columns, as every side has them; None where names do not tell."""
    copy = order.copy()
    for key in copy.expressions:
        number = item_number(first, key.this) if isinstance(first, exp.Select) else None
        if number is None or any(item.is_star for item in first.expressions):
            return None
        key.set("this", exp.Literal.number(number))
    return copy


def _keep_count(query: exp.Query, staging: Staging) -> str:
    """Keep as many rows as the query has; return the relation."""
    rows = exp.select(exp.alias_(exp.Literal.number(1), "one"))
    rows.set(
        "from_", exp.From(this=exp.Subquery(this=query.copy(), alias=exp.TableAlias(this=exp.to_identifier("q"))))
    )
    return staging.spool(rows, "rows that count towards the LIMIT of a union")
