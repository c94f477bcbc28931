"""CTEs with operators that are read once, or never: the first are written where they are read, the others dropped.

As in PostgreSQL, MATERIALIZED keeps a CTE for itself. What is written in place can take the limits of the query
around it, so that tools which chain CTEs and end in ``SELECT * FROM final LIMIT 500`` stop early, too.
"""

from __future__ import annotations

from collections import Counter

from sqlglot import exp

from rvbbit_proxy.plan.scope import has_calls, is_volatile


def read_once(query: exp.Expr) -> None:
    """Rewrite, in place, the WITH of a query whose CTEs have names that nothing else has."""
    with_ = query.args["with_"]
    if with_.recursive or any(not isinstance(cte.this, exp.Query) for cte in with_.expressions):
        return
    for cte in reversed(list(with_.expressions)):
        if not _references(query, cte):
            _drop(cte, with_)
    for cte in list(with_.expressions):
        found = _references(query, cte)
        if has_calls(cte) and len(found) == 1 and _stands_beside(found[0], query) and _may_move(cte):
            found[0].replace(_derived(found[0], cte))
            _drop(cte, with_)
    if not with_.expressions:
        query.set("with_", None)


def _drop(cte: exp.CTE, with_: exp.With) -> None:
    with_.set("expressions", [other for other in with_.expressions if other is not cte])


def _references(query: exp.Expr, cte: exp.CTE) -> list[exp.Table]:
    name = cte.alias.lower()
    return [table for table in query.find_all(exp.Table) if table.name.lower() == name and not table.db]


def _stands_beside(table: exp.Table, query: exp.Expr) -> bool:
    """Whether the one who reads is the query itself, or a CTE beside."""
    reader = table.find_ancestor(exp.Select)
    if reader is None or not isinstance(table.parent, (exp.From, exp.Join)):
        return False
    return reader is query or (isinstance(reader.parent, exp.CTE) and reader.parent.parent is query.args["with_"])


def _may_move(cte: exp.CTE) -> bool:
    return not cte.args.get("materialized") and not is_volatile(cte) and not _repeats(cte)


def _repeats(cte: exp.CTE) -> bool:
    """Whether the columns are renamed: only a list of all of them can be that of a derived table."""
    columns = cte.args["alias"].columns
    select = cte.this if isinstance(cte.this, exp.Select) else None
    if not columns or select is None:
        return bool(columns)
    names = Counter(item.alias_or_name for item in select.expressions)
    return len(columns) != len(select.expressions) or "*" in names


def _derived(table: exp.Table, cte: exp.CTE) -> exp.Subquery:
    alias = table.args.get("alias") or exp.TableAlias(this=table.this.copy())
    given = [*alias.columns, *cte.args["alias"].columns[len(alias.columns) :]]
    listed = [column.copy() for column in given] or None
    return exp.Subquery(this=cte.this.copy(), alias=exp.TableAlias(this=alias.this.copy(), columns=listed))
