"""Operators over two sources, as in a semantic join: inputs that are all pairs of two queries' rows.

Where nothing plain ties the two operands' sources, the pairs need not be formed by the upstream: each side is read by
itself, and the executor may leave out pairs that are too unlike to match.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rvbbit_proxy.plan.estimate import LOOKUP
from rvbbit_proxy.plan.scope import (
    conjuncts,
    has_calls,
    names_of,
    set_condition,
    source_names,
    sources,
    where_conjuncts,
)

PAIRS = "rvbbit_pairs"
"""Key in a lookup's meta: its keys are of two sources that nothing plain ties, its rows are pairs of them."""


def side_queries(source: exp.Select, operands: Sequence[exp.Expr]) -> tuple[exp.Select, exp.Select] | None:
    """Return SELECTs without items of which the rows of ``source`` are the product, one for either operand.

    None where they are not, or where names do not tell. Sources that neither operand needs are left out.
    """
    conditions = _conditions(source)
    if len(operands) != 2 or conditions is None or any(operand.find(exp.Query) for operand in operands):
        return None
    known = source_names(source)
    tied = [tables for part in (*conditions, *operands) if (tables := tables_read(part, known)) is not None]
    if len(tied) < len(conditions) + 2:
        return None
    parts = _components(known, [*tied, *map(names_of, sources(source))])
    left, right = (next((part for part in parts if tables and tables <= part), None) for tables in tied[-2:])
    if left is None or right is None or left == right:
        return None
    return _side(source, left, conditions), _side(source, right, conditions)


def narrowed(source: exp.Select, operands: Sequence[exp.Expr]) -> exp.Select:
    """Return a SELECT that gives the operands the same distinct values, without a product of sources they do not read.

    What is left out has to have a row: ``EXISTS`` asks for one.
    """
    conditions = _conditions(source)
    known = source_names(source)
    if conditions is None or len(known) < 2 or any(operand.find(exp.Query) for operand in operands):
        return source.copy()
    read = [tables_read(part, known) for part in (*conditions, *operands)]
    tied = [tables for tables in read if tables is not None]
    if len(tied) < len(read):
        return source.copy()
    parts = _components(known, [*tied, *map(names_of, sources(source))])
    wanted = set().union(*tied[len(conditions) :])
    kept = set().union(*(part for part in parts if part & wanted))
    others = [part for part in parts if not part & wanted]
    if not (kept and others):
        return source.copy()
    query = _side(source, kept, conditions)
    for other in others:
        side = _side(source, other, conditions)
        side.set("expressions", [exp.Literal.number(1)])
        query = query.where(exp.Exists(this=side), copy=False)
    return query


def decides_alone(call: exp.Expr) -> bool:
    """Whether a row passes only if the call is true: it is a conjunct of WHERE or ON."""
    node = call
    while isinstance(node.parent, (exp.And, exp.Paren)):
        node = node.parent
    return isinstance(node.parent, exp.Where) or (isinstance(node.parent, exp.Join) and node.arg_key == "on")


def joined_plainly(select: exp.Select) -> bool:
    """Whether there is one source, or every one is tied to the others by a condition without operators."""
    if len(sources(select)) <= 1:
        return True
    equal = [part for part in where_conjuncts(select) if isinstance(part, exp.EQ) and not has_calls(part)]
    joins = select.args.get("joins") or []
    loose = [join for join in joins if join.args.get("on") in (None, exp.true()) and not join.args.get("using")]
    tied = sum(len({column.table for column in part.find_all(exp.Column)}) > 1 for part in equal)
    return not select.args.get("laterals") and len(loose) <= tied


def _conditions(source: exp.Select) -> list[exp.Expr] | None:
    """Return what is plain between and about the sources; None where they are not a product under conditions."""
    found = where_conjuncts(source)
    if source.args.get("laterals"):
        return None
    for join in source.args.get("joins") or []:
        if join.side or join.kind not in ("", "INNER", "CROSS") or join.method or join.args.get("using"):
            return None
        found = found + [part for part in conjuncts(join.args.get("on")) if part != exp.true()]
    if not all(isinstance(each, (exp.Table, exp.Subquery)) for each in sources(source)):
        return None
    return found


def tables_read(node: exp.Expr, known: set[str]) -> set[str] | None:
    """Return the sources that an expression reads; None where a bare name or a nested query leaves it open."""
    nested = [query for query in node.find_all(exp.Query) if not _in_lookup(query)]
    columns = list(node.find_all(exp.Column))
    if nested or not all(column.table for column in columns):
        return None
    return {column.table.lower() for column in columns} & known


def _in_lookup(query: exp.Expr) -> bool:
    holder = query if isinstance(query, exp.Subquery) else query.parent
    return holder is not None and bool(holder.meta.get(LOOKUP))


def _components(known: set[str], ties: Sequence[set[str]]) -> list[set[str]]:
    """Return the sources that belong together because something reads several of them."""
    parts = [{name} for name in sorted(known)]
    for tie in filter(None, ties):
        parts = [*(part for part in parts if not part & tie), tie.union(*(part for part in parts if part & tie))]
    return parts


def _side(source: exp.Select, names: set[str], conditions: Sequence[exp.Expr]) -> exp.Select:
    chosen = [each.copy() for each in sources(source) if names_of(each) <= names]
    known = source_names(source)
    side = exp.Select()
    side.set("from_", exp.From(this=chosen[0]))
    side.set("joins", [exp.Join(this=each, kind="CROSS") for each in chosen[1:]])
    # what reads no source at all belongs to both sides
    set_condition(side, "where", [part for part in conditions if (tables_read(part, known) or set()) <= names])
    return side
