"""Operators over two sources, as in a semantic join: inputs that are all pairs of two queries' rows.

Where nothing plain ties the two operands' sources, the pairs need not be formed by the upstream: each side is read by
itself (``side_queries``), and the executor may leave out pairs that are too unlike to match. What matched then joins
the sources (``join_results``), so the final statement does not form the product of the sources either.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rvbbit_proxy.plan.estimate import LOOKUP
from rvbbit_proxy.plan.scope import conjoin, conjuncts, set_condition, sources, where_conjuncts

PAIRS = "rvbbit_pairs"
"""Key in a lookup's meta: its keys are of two sources that nothing plain ties, its rows are pairs of them."""


def side_queries(source: exp.Select, operands: Sequence[exp.Expr]) -> tuple[exp.Select, exp.Select] | None:
    """Return SELECTs without items of which the rows of ``source`` are the product, one for either operand.

    None where they are not, or where names do not tell. Sources that neither operand needs are left out.
    """
    conditions = _conditions(source)
    if len(operands) != 2 or conditions is None or any(operand.find(exp.Query) for operand in operands):
        return None
    known = {each.alias_or_name.lower() for each in sources(source)}
    tied = [tables for part in (*conditions, *operands) if (tables := _tables(part, known)) is not None]
    if len(tied) < len(conditions) + 2:
        return None
    parts = _components(known, tied)
    left, right = (next((part for part in parts if tables and tables <= part), None) for tables in tied[-2:])
    if left is None or right is None or left == right:
        return None
    return _side(source, left, conditions), _side(source, right, conditions)


def decides_alone(call: exp.Expr) -> bool:
    """Whether a row passes only if the call is true: it is a conjunct of WHERE or ON."""
    node = call
    while isinstance(node.parent, (exp.And, exp.Paren)):
        node = node.parent
    return isinstance(node.parent, exp.Where) or (isinstance(node.parent, exp.Join) and node.arg_key == "on")


def join_results(tree: exp.Expr) -> exp.Expr:
    """Join a query's sources through the pairs that matched, in place, where WHERE or a left join has such a lookup."""
    for select in list(tree.find_all(exp.Select)):
        lefts = [join for join in select.args.get("joins") or [] if join.side == "LEFT" and _pair_lookups(join)]
        inner = _lookups(where_conjuncts(select))
        if not (lefts or inner) or select.args.get("locks") or not _write_stars(select):
            continue
        for join in lefts:
            parts, relations = _joined(conjuncts(join.args["on"]))
            product = exp.Subquery(this=relations[0])
            for each in (*relations[1:], join.this.copy()):
                relations[0].append("joins", exp.Join(this=each, kind="CROSS"))
            join.set("this", product)
            join.set("on", conjoin(parts))
        if inner:
            parts, relations = _joined(where_conjuncts(select))
            for relation in relations:
                select.append("joins", exp.Join(this=relation, kind="CROSS"))
            set_condition(select, "where", parts)
    return tree


def _pair_lookups(join: exp.Join) -> list[exp.Expr]:
    return _lookups(conjuncts(join.args.get("on")))


def _lookups(parts: Sequence[exp.Expr]) -> list[exp.Expr]:
    return [part for part in parts if _lookup(part) is not None]


def _lookup(part: exp.Expr) -> exp.Expr | None:
    """Return the lookup of pairs that a conjunct is, alone or as FALSE where it is unknown."""
    inner = part.this if isinstance(part, exp.Coalesce) else part
    return inner if isinstance(inner, exp.Expr) and inner.meta.get(PAIRS) else None


def _joined(parts: Sequence[exp.Expr]) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """Return the conjuncts with those of the lookups in their place, and the relations these read."""
    found: list[exp.Expr] = []
    relations = []
    for part in parts:
        lookup = _lookup(part)
        if lookup is None:
            found.append(part)
            continue
        query = lookup.this
        relations.append(query.args["from_"].this.copy())
        found += [*where_conjuncts(query), query.expressions[0]]
    return found, relations


def _write_stars(select: exp.Select) -> bool:
    """Write ``*`` as one star for each source, so that it stands for no more when one is added; false if it cannot."""
    if select.find(exp.Columns) or any(
        join.method or join.args.get("using") for join in select.args.get("joins") or []
    ):
        return not any(item.is_star for item in select.expressions)
    stars = [item for item in select.expressions if isinstance(item, exp.Star)]
    if any(value for star in stars for value in star.args.values()):
        return False
    for star in stars:
        names = [each.args["alias"].this if each.alias else each.this for each in sources(select)]
        index = select.expressions.index(star)
        select.expressions[index : index + 1] = [exp.Column(this=exp.Star(), table=name.copy()) for name in names]
    return True


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


def _tables(node: exp.Expr, known: set[str]) -> set[str] | None:
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
    for tie in ties:
        parts = [*(part for part in parts if not part & tie), tie.union(*(part for part in parts if part & tie))]
    return parts


def _side(source: exp.Select, names: set[str], conditions: Sequence[exp.Expr]) -> exp.Select:
    chosen = [each.copy() for each in sources(source) if each.alias_or_name.lower() in names]
    known = {each.alias_or_name.lower() for each in sources(source)}
    side = exp.Select()
    side.set("from_", exp.From(this=chosen[0]))
    side.set("joins", [exp.Join(this=each, kind="CROSS") for each in chosen[1:]])
    # what reads no source at all belongs to both sides
    set_condition(side, "where", [part for part in conditions if (_tables(part, known) or set()) <= names])
    return side
