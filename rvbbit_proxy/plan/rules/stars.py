"""``*`` in a scope whose items are counted or moved: written out, with the names that the upstream tells."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.plan.scope import is_grouped, reads_windows, scope_calls, sources
from rvbbit_proxy.plan.staging import Staging


def write_stars(select: exp.Select, staging: Staging) -> exp.Select:
    """Write stars out where LIMIT, groups or ordinals need every item by itself."""
    if not scope_calls(select) or not any(_is_star(item) for item in select.expressions):
        return select
    limited = select.args.get("limit") or select.args.get("offset")
    if limited or _has_ordinals(select) or is_grouped(select, staging.aggregate_names) or reads_windows(select):
        select.set(
            "expressions",
            [column for item in select.expressions for column in star_columns(item, select, staging)],
        )
    return select


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def _has_ordinals(select: exp.Select) -> bool:
    clauses = [select.args.get("order"), select.args.get("group"), select.args.get("distinct")]
    return any(
        isinstance(literal.parent, (exp.Ordered, exp.Group, exp.Tuple))
        for clause in clauses
        if clause is not None
        for literal in clause.find_all(exp.Literal)
    )


def star_columns(item: exp.Expr, select: exp.Select, staging: Staging) -> list[exp.Expr]:
    """Return the columns that a star stands for; any other item as it is."""
    if not _is_star(item):
        return [item]
    star = item if isinstance(item, exp.Star) else item.this
    if any(star.args.values()):
        raise NotSupported(f"operators beside {staging.sql(item)}", hint="Name the columns.")
    if isinstance(item, exp.Column):
        return _columns_of(item.args["table"], select, staging)
    names = staging.column_names(select)
    if len({name.lower() for name in names}) == len(names):
        return [exp.column(exp.to_identifier(name, quoted=True)) for name in names]
    if any(join.args.get("using") or join.method for join in select.args.get("joins") or []):
        raise NotSupported("operators beside * over a join that merges columns", hint="Name the columns.")
    tables = [source.args["alias"].this if source.alias else source.this for source in sources(select)]
    return [column for table in tables for column in _columns_of(table, select, staging)]


def _columns_of(table: exp.Expr, select: exp.Select, staging: Staging) -> list[exp.Expr]:
    names = staging.column_names(select, exp.Column(this=exp.Star(), table=table.copy()))
    return [exp.Column(this=exp.to_identifier(name, quoted=True), table=table.copy()) for name in names]
