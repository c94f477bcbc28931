"""Columns that a nested query reads from the queries around it, written with their table.

A name that no source of the query has means a column of the nearest query around that has it; what is written so
can be told from the query's own columns without asking again.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.plan.scope import has_calls, scope_calls, source_names, sources, walk_scope
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.sql.item_names import folded, output_name


def qualify_outer_columns(select: exp.Select, staging: Staging) -> None:
    """Qualify, in place, the bare columns of a nested query that are not its own."""
    if not staging.enclosing or not scope_calls(select):
        return
    joins = select.args.get("joins") or []
    for index, join in enumerate(joins):
        if join.args.get("on") is not None:
            _qualify_below(join.args["on"], _own_columns(_joined(select, index), staging), staging)
    own = _own_columns(select, staging) if sources(select) else set()
    named = {output_name(item).lower() for item in select.expressions if isinstance(item, exp.Alias)}
    for clause in select.iter_expressions():
        if clause.arg_key != "joins":
            seen = staging.target == "duckdb" or clause.arg_key in ("group", "order")
            _qualify_below(clause, own | named if seen else own, staging)


def qualify_join_columns(select: exp.Select, index: int, staging: Staging) -> None:
    """Write the bare columns of a join's condition, and of WHERE, with their table, where one source alone has them."""
    qualify_own(select.args["joins"][index].args["on"], sources(_joined(select, index)), staging)
    if select.args.get("where"):
        qualify_own(select.args["where"], sources(select), staging)


def qualify_own(clause: exp.Expr, around: list[exp.Expr], staging: Staging) -> None:
    """Write, in place, the bare columns of a clause that one of these sources alone has with its name."""
    bare = [node for node in walk_scope(clause) if _is_bare(node)]
    if not bare or not all(isinstance(each, (exp.Table, exp.Subquery)) for each in around):
        return
    owned = [(each, _own_columns(exp.Select(from_=exp.From(this=each.copy())), staging)) for each in around]
    for column in bare:
        owners = [each for each, names in owned if folded(column.this).lower() in names]
        if len(owners) == 1:
            _name_table(column, owners[0])


def check_aggregates(tree: exp.Expr, staging: Staging) -> None:
    """Refuse aggregates of an outer query's columns alone: they belong to that query, wherever they stand.

    :raises NotSupported: naming the aggregate.
    """
    for select in tree.find_all(exp.Select):
        own = source_names(select)
        for node in walk_scope(select):
            tables = (
                {column.table.lower() for column in node.find_all(exp.Column)} if _is_aggregate(node) else set()
            )
            if tables and "" not in tables and tables.isdisjoint(own):
                raise NotSupported(
                    f"operators beside an aggregate over an outer query's columns: {staging.sql(node)}",
                    hint="Aggregate in a subquery in FROM.",
                )


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.AggFunc) or (isinstance(node, exp.Filter) and isinstance(node.this, exp.AggFunc))


def _own_columns(select: exp.Select, staging: Staging) -> set[str]:
    return {name.lower() for name in staging.column_names(select)}


def _joined(select: exp.Select, index: int) -> exp.Select:
    """Return the sources that a join's condition sees: those since the last comma, up to the join itself."""
    joins = select.args["joins"][: index + 1]
    tables = [select.args["from_"].this, *(join.this for join in joins)]
    start = max((number + 1 for number, join in enumerate(joins) if _is_comma(join)), default=0)
    probe = exp.Select(from_=exp.From(this=tables[start].copy()))
    probe.set("joins", [exp.Join(this=table.copy(), kind="CROSS") for table in tables[start + 1 :]])
    return probe


def _is_comma(join: exp.Join) -> bool:
    return not (join.kind or join.side or join.method or join.args.get("on") or join.args.get("using"))


def _qualify_below(clause: exp.Expr, own: set[str], staging: Staging) -> None:
    if isinstance(clause, (exp.Select, exp.SetOperation)):
        return
    for node in walk_scope(clause):
        if _is_bare(node) and folded(node.this).lower() not in own:
            _qualify(node, staging)


def _is_bare(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and not node.table and not isinstance(node.this, exp.Star)


def _qualify(column: exp.Expr, staging: Staging) -> None:
    around = list(_around(staging))
    owner = around[0] if len(around) == 1 else next((s for s in around if _has(s, column, staging)), None)
    if owner is not None:
        _name_table(column, owner)


def _name_table(column: exp.Expr, source: exp.Expr) -> None:
    alias = source.args.get("alias")
    column.set("table", (alias.this if alias is not None else source.this).copy())


def _around(staging: Staging) -> Iterator[exp.Expr]:
    """Yield the sources of the queries around, the nearest first."""
    for select in reversed(staging.enclosing):
        yield from sources(select)


def _has(source: exp.Expr, column: exp.Expr, staging: Staging) -> bool:
    if has_calls(source):
        return False
    names = staging.column_names(exp.Select(from_=exp.From(this=source.copy())))
    return column.name.lower() in map(str.lower, names)
