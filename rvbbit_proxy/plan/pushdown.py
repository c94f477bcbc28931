"""What a query asks of a derived table with operators is told to that table before it is planned.

A condition on its columns filters its own rows first, and an operator whose column nobody reads is not asked. So
a view over operators costs what its reader needs of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from rvbbit_proxy.plan.scope import (
    group_keys,
    has_calls,
    is_grouped,
    is_volatile,
    set_condition,
    sources,
    walk_scope,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.sql.item_names import folded, output_name


def push_down(select: exp.Select, staging: Staging) -> None:
    """Move, in place, conditions and the absence of readers into the derived tables of a scope."""
    for source in sources(select):
        if isinstance(source, exp.Subquery) and source.alias and has_calls(source.this):
            query = source.this
            if isinstance(query, exp.Select):
                if _keeps_every_row(select, source):
                    _push_conditions(select, source, query, staging)
                _drop_unread(select, source, query, staging)


def _keeps_every_row(select: exp.Select, source: exp.Expr) -> bool:
    """Whether no outer join makes rows of NULLs in the source's place, to which the conditions would apply as well."""
    joins = select.args.get("joins") or []
    at = next((index for index, join in enumerate(joins) if join.this is source), -1)
    if any(join.side in ("RIGHT", "FULL") for join in joins[at + 1 :]):
        return False
    return at < 0 or not joins[at].side or joins[at].side == "RIGHT"


# conditions


def _push_conditions(select: exp.Select, source: exp.Subquery, query: exp.Select, staging: Staging) -> None:
    if any(query.args.get(clause) for clause in ("limit", "offset", "qualify", "locks")):
        return
    if _reads_other_rows(query) or is_volatile(query):
        return
    items = _items_by_name(source, query)
    if items is None:
        return
    grouped = is_grouped(query, staging.aggregate_names)
    allowed = group_keys(query) if grouped else None
    if grouped and (not allowed or query.find(exp.Rollup, exp.Cube, exp.GroupingSets)):
        return
    kept = []
    for part in where_conjuncts(select):
        own = _inside(part, select, source, query, items, allowed)
        if own is None:
            kept.append(part)
        else:
            set_condition(query, "where", [*where_conjuncts(query), own])
    set_condition(select, "where", kept)


def _reads_other_rows(query: exp.Select) -> bool:
    """Whether the query's rows depend on one another, apart from groups."""
    distinct = query.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        return True
    clauses = [*query.expressions, query.args.get("order")]
    nodes = [node for clause in clauses if clause is not None for node in walk_scope(clause)]
    return any(isinstance(node, (exp.Window, exp.Unnest, exp.Explode)) for node in nodes)


def _items_by_name(source: exp.Subquery, query: exp.Select) -> Mapping[str, exp.Expr] | None:
    """Return the query's items by the names that the scope around knows them by; None where these repeat, or stars
    leave open what they are."""
    if any(item.is_star for item in query.expressions):
        return {}
    own = [output_name(item) for item in query.expressions]
    names = [folded(column) for column in source.args["alias"].columns]
    names += own[len(names) :]
    if len({name.lower() for name in names}) < len(names):
        return None
    return dict(zip(names, (item.unalias() for item in query.expressions), strict=True))


def _starred(column: exp.Column, source: exp.Subquery, query: exp.Select) -> exp.Expr | None:
    """Return the column that the query's one star stands for, under a name that no other item has."""
    stars = [item for item in query.expressions if item.is_star]
    others = {output_name(item).lower() for item in query.expressions if not item.is_star}
    if len(stars) != 1 or source.args["alias"].columns or column.name.lower() in others:
        return None
    found = sources(query)
    if isinstance(stars[0], exp.Column):
        return exp.Column(this=column.this.copy(), table=stars[0].args["table"].copy())
    if len(found) != 1 or query.args.get("laterals") or any(stars[0].args.values()):
        return None
    alias = found[0].args.get("alias")
    name = alias.this if alias is not None else found[0].this
    return exp.Column(this=column.this.copy(), table=name.copy()) if isinstance(name, exp.Identifier) else None


def _inside(
    part: exp.Expr,
    select: exp.Select,
    source: exp.Subquery,
    query: exp.Select,
    items: Mapping[str, exp.Expr],
    allowed: Sequence[exp.Expr] | None,
) -> exp.Expr | None:
    """Return a condition as the derived table's own, or None where it is not of that table's plain columns alone."""
    if has_calls(part) or is_volatile(part) or part.find(exp.Query, exp.AggFunc, exp.Window):
        return None
    holder = exp.Paren(this=part.copy())
    columns = list(holder.find_all(exp.Column))
    alone = len(sources(select)) == 1 and not select.args.get("laterals")
    if not columns or not all(_is_of(column, source, alone=alone) for column in columns):
        return None
    for column in columns:
        value = items.get(folded(column.this)) if items else _starred(column, source, query)
        if value is None or not _may_filter(value, query, allowed):
            return None
        column.replace(value.copy() if isinstance(value, exp.Column) else exp.Paren(this=value.copy()))
    return holder


def _is_of(column: exp.Column, source: exp.Subquery, *, alone: bool) -> bool:
    if isinstance(column.this, exp.Star):
        return False
    return folded(column.args["table"]) == folded(source.args["alias"].this) if column.table else alone


def _may_filter(value: exp.Expr, query: exp.Select, allowed: Sequence[exp.Expr] | None) -> bool:
    """Whether a condition on the item is one on the query's rows: it is plain, and of groups a key."""
    if has_calls(value) or value.find(exp.Query, exp.AggFunc, exp.Anonymous) or not value.find(exp.Column):
        return False
    if allowed is None:
        return True
    numbers = [str(at) for at, item in enumerate(query.expressions, start=1) if item.unalias() is value]
    return any(key == value or (isinstance(key, exp.Literal) and key.this in numbers) for key in allowed)


# columns that nobody reads


def _drop_unread(select: exp.Select, source: exp.Subquery, query: exp.Select, staging: Staging) -> None:
    if query.args.get("distinct") or any(join.method or join.args.get("using") for join in _joins(select)):
        return
    if _shows_all(select, source) or (is_grouped(query, staging.aggregate_names) and not query.args.get("group")):
        return
    read = {column.name.lower() for column in _columns_outside(select, source)}
    listed = [column.name.lower() for column in source.args["alias"].columns]
    if source.alias.lower() in read or any(item.is_star for item in query.expressions[: len(listed)]):
        return
    for at, item in enumerate(query.expressions):
        name = listed[at] if at < len(listed) else output_name(item).lower()
        if has_calls(item) and name not in read and not _is_named(query, item, at + 1):
            item.replace(exp.alias_(exp.Null(), output_name(item), quoted=True))


def _joins(select: exp.Select) -> Sequence[exp.Join]:
    joins: Sequence[exp.Join] = select.args.get("joins") or []
    return joins


def _shows_all(select: exp.Select, source: exp.Expr) -> bool:
    """Whether a star may stand for the source's columns."""
    if any(isinstance(item, exp.Star) for item in select.expressions) or select.find(exp.Columns):
        return True
    stars = [column for column in _columns_outside(select, source) if isinstance(column.this, exp.Star)]
    return any(column.table.lower() == source.alias.lower() for column in stars)


def _columns_outside(select: exp.Select, source: exp.Expr) -> list[exp.Column]:
    inside = {id(column) for column in source.find_all(exp.Column)}
    return [column for column in select.find_all(exp.Column) if id(column) not in inside]


def _is_named(query: exp.Select, item: exp.Expr, number: int) -> bool:
    """Whether another clause of the query means the item, or its going would change what the query is."""
    if is_volatile(item) or item.find(exp.Window, exp.Unnest, exp.Explode):
        return True
    name = output_name(item).lower()
    own = {id(column) for column in item.find_all(exp.Column)}
    if any(column.name.lower() == name for column in query.find_all(exp.Column) if id(column) not in own):
        return True
    keys = group_keys(query) + [
        key.this for key in (query.args.get("order") or exp.Order(expressions=[])).expressions
    ]
    ordinals = {key.this for key in keys if isinstance(key, exp.Literal) and key.is_int}
    return str(number) in ordinals or item.unalias() in keys
