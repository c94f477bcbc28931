"""Limits move to where they can stop work: into a wrapped query, into EXISTS; FETCH FIRST is a LIMIT.

BI tools wrap what they are given: ``SELECT * FROM (…) AS t LIMIT 1000``.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.scope import has_calls, is_grouped, refers_outside, source_names, sources
from rvbbit_proxy.plan.staging import Staging, literal_value

BETWEEN = ("joins", "laterals", "where", "group", "having", "distinct", "windows", "qualify", "order", "locks")
"""Clauses of the outer query that would see rows before its LIMIT does."""


def move_limits(select: exp.Select, staging: Staging) -> None:
    """Rewrite the scope's FETCH, and give its nested queries the limits that hold for them."""
    fetch_as_limit(select)
    _limit_wrapped(select, staging)
    for exists in select.find_all(exp.Exists):
        query = exists.this
        if not isinstance(query, (exp.Select, exp.Union)) or not has_calls(query):
            continue
        _ask_for_one(query, staging)
        if query.args.get("limit") is None and not refers_outside(query, source_names(query)):
            query.set("limit", exp.Limit(expression=exp.Literal.number(1)))


def _ask_for_one(query: exp.Query, staging: Staging) -> None:
    """Leave out, in place, what does not change whether a query has a row."""
    needed = needed_rows(query)
    if needed is not None and needed > 0 and query.args.get("offset") is None:
        query.set("limit", None)
    if query.args.get("limit") or query.args.get("offset"):
        return
    query.set("order", None)
    if isinstance(query, exp.Select) and not (query.args.get("distinct") or exp.Distinct()).args.get("on"):
        query.set("distinct", None)
        group = query.args.get("group")
        if group is not None and group.expressions and not query.args.get("having") and _is_plain_group(group):
            query.set("group", None)
            query.set("expressions", [exp.alias_(exp.Literal.number(1), "one")])


def _is_plain_group(group: exp.Group) -> bool:
    """Whether there is a group for rows only."""
    return group.find(exp.Rollup, exp.Cube, exp.GroupingSets) is None


def fetch_as_limit(select: exp.Query) -> None:
    """Write FETCH FIRST, in place, as the LIMIT it is."""
    fetch = select.args.get("limit")
    if not isinstance(fetch, exp.Fetch):
        return
    options = fetch.args.get("limit_options")
    if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
        return
    count = fetch.args.get("count") or exp.Literal.number(1)
    select.set("limit", exp.Limit(expression=count.copy()))


def _limit_wrapped(select: exp.Select, staging: Staging) -> None:
    needed = needed_rows(select)
    found = sources(select)
    if needed is None or len(found) != 1 or any(select.args.get(clause) for clause in BETWEEN):
        return
    inner = found[0].this if isinstance(found[0], exp.Subquery) else None
    if not isinstance(inner, (exp.Select, exp.Union)) or inner.args.get("limit") or inner.args.get("offset"):
        return
    if is_grouped(select, staging.aggregate_names) or any(
        item.find(exp.Window, exp.Unnest) for item in select.expressions
    ):
        return
    inner.set("limit", exp.Limit(expression=exp.Literal.number(needed)))


def needed_rows(select: exp.Query) -> int | None:
    """Return LIMIT plus OFFSET where both are known."""
    limit, offset = select.args.get("limit"), select.args.get("offset")
    if not isinstance(limit, exp.Limit):
        return None
    known, rows = literal_value(limit.expression)
    skipped_known, skipped = literal_value(offset.expression) if offset is not None else (True, 0)
    if not (known and skipped_known and isinstance(rows, int) and isinstance(skipped, int)):
        return None
    return rows + skipped
