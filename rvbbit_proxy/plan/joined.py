"""Lookups written as joins: an upstream then finds results by hash, instead of for each row or pair of rows.

A lookup is a scalar subquery. Where WHERE lets no row through without its result, the results are joined: PostgreSQL
would look each row's up by itself, and DuckDB checks that no more than one is found. In a join's condition a lookup
stands for every pair of rows, and where an outer join's ON holds subqueries DuckDB 2.0 is known to fail, and to give
wrong rows. So the results that one side's rows need are joined to that side; the results of pairs are joined to the
side that needs no partner, where an unknown result matches nothing; and else one side gets, for each of its rows, a map
of the other's keys to results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from rvbbit_proxy.plan.estimate import LOOKUP
from rvbbit_proxy.plan.pairs import PAIRS, tables_read
from rvbbit_proxy.plan.plan import ORDINAL, VALUE
from rvbbit_proxy.plan.scope import (
    conjoin,
    conjuncts,
    joined_in,
    names_of,
    set_condition,
    source_names,
    sources,
    where_conjuncts,
)

STRICT = (
    exp.Not,
    exp.Paren,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.EQ,
    exp.NEQ,
    exp.Cast,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Neg,
    exp.Where,
    exp.Select,
)
"""Nodes that are unknown when an operand is; the last two are a lookup's own."""
RESULTS = "rvbbit_results"
"""The column that maps keys to results."""


def join_results(tree: exp.Expr, target: str) -> exp.Expr:
    """Write lookups as joins, in place: those in the ON of joins, and those without which WHERE lets no row through."""
    for select in reversed(list(tree.find_all(exp.Select))):  # inner ones first: what is around copies them
        if select.parent is not None and select.parent.meta.get(LOOKUP):
            continue
        waiting = [join for join in select.args.get("joins") or [] if _has_lookups(join.args.get("on"))]
        decided = select.args.get("from_") and any(_deciding(part) for part in where_conjuncts(select))
        if (waiting or decided) and not select.args.get("locks") and _write_stars(select):
            known = source_names(select)
            for join in waiting:
                _Joining(select, join, target, known).run()
            if decided:
                _join_deciding(select, known)
        for join in waiting if target == "duckdb" else []:
            if join.side:
                join.set("on", conjoin([_never_null(part) for part in conjuncts(join.args["on"])]))
    return tree


def _join_deciding(select: exp.Select, known: set[str]) -> None:
    """Join to a query's sources the results without which WHERE lets no row through."""
    parts: list[exp.Expr] = []
    for part in where_conjuncts(select):
        found = _deciding(part)
        if found is None:
            parts.append(part)
            continue
        holder, lookup = found
        table = _relation(lookup, known)
        select.append("joins", exp.Join(this=table, kind="CROSS"))
        keys = _keys(lookup)
        lookup.replace(exp.column(VALUE, table=table.alias_or_name))
        parts += [*_equalities(table, keys), holder.this]
    set_condition(select, "where", parts)


def _deciding(part: exp.Expr) -> tuple[exp.Paren, exp.Expr] | None:
    """Return a copy of the conjunct, held, and the lookup in it without whose result no row passes; pairs' first.

    Results of groups stay looked up: their key has the name of the spool's own number, which is written without a table.
    """
    if not _has_lookups(part):
        return None
    holder = exp.Paren(this=part.copy())
    found = [each for each in _lookups(holder) if _keys(each) and _rejects_unknown(each, holder)]
    found = [each for each in found if ORDINAL not in dict(_keys(each))]
    found.sort(key=lambda each: not each.meta.get(PAIRS))
    return (holder, found[0]) if found else None


@dataclass(slots=True)
class _Joining:
    """One join whose condition looks results up. ``known`` are the names of the query's sources."""

    select: exp.Select
    join: exp.Join
    target: str
    known: set[str]
    left: set[str] = field(default_factory=set)
    right: set[str] = field(default_factory=set)
    before: list[exp.Join] = field(default_factory=list)
    beside: list[exp.Join] = field(default_factory=list)
    keys: list[exp.Expr] = field(default_factory=list)
    columns: dict[str, exp.Expr] = field(default_factory=dict)

    def run(self) -> None:
        """Replace the lookups that can be joined by columns."""
        if not isinstance(self.join.this, (exp.Table, exp.Subquery)) or self.join.method:
            return
        joins = self.select.args["joins"]
        index = next(number for number, join in enumerate(joins) if join is self.join)
        self.left, self.right = _sides(self.select, index)
        holder = exp.Paren(this=self.join.args["on"])
        for lookup in list(_lookups(holder)):
            self._replace(lookup, holder)
        joins[index:index] = self.before
        if self.beside:
            first = self.join.this.copy()
            for join in self.beside:
                first.append("joins", join)
            self.join.set("this", exp.Subquery(this=first))
        self.join.set("on", conjoin([*self.keys, *conjuncts(holder.this)]))

    def _replace(self, lookup: exp.Expr, holder: exp.Expr) -> None:
        keys = _keys(lookup)
        read = [tables_read(value, self.left | self.right) for _, value in keys]
        if any(tables is None for tables in read):
            return
        tables = set().union(*(each for each in read if each is not None))
        if tables <= self.left:
            self._join_side(lookup, keys, self.before, self.left)
        elif tables <= self.right:
            self._join_side(lookup, keys, self.beside, self.right)
        elif self.join.side != "FULL" and _rejects_unknown(lookup, holder):
            self._join_pairs(lookup, keys)
        elif self.target == "duckdb":
            self._map(lookup, keys)

    def _join_side(
        self, lookup: exp.Expr, keys: Sequence[tuple[str, exp.Expr]], joins: list[exp.Join], names: set[str]
    ) -> None:
        """Join the results to the one side whose rows they are of."""
        table = _relation(lookup, self.known)
        names.add(table.alias_or_name.lower())
        on = conjoin(_equalities(table, keys)) or exp.true()
        joins.append(exp.Join(this=table, side="LEFT", on=on))
        lookup.replace(exp.column(VALUE, table=table.alias_or_name))

    def _join_pairs(self, lookup: exp.Expr, keys: Sequence[tuple[str, exp.Expr]]) -> None:
        """Join the results of pairs to the side whose rows need no partner to be kept."""
        table = _relation(lookup, self.known)
        joins, names = (self.before, self.left) if self.join.side == "RIGHT" else (self.beside, self.right)
        names.add(table.alias_or_name.lower())
        joins.append(exp.Join(this=table, kind="CROSS"))
        for key, value in keys:
            column = exp.column(key, table=table.alias_or_name)
            same = self.columns.setdefault(value.sql(), column)
            self.keys.append(exp.EQ(this=column, expression=(value if same is column else same).copy()))
        lookup.replace(exp.column(VALUE, table=table.alias_or_name))

    def _map(self, lookup: exp.Expr, keys: Sequence[tuple[str, exp.Expr]]) -> None:
        """Join maps of what pairs with each row of the left side."""
        own = [(key, value) for key, value in keys if (tables_read(value, self.right) == set())]
        others = [(key, value) for key, value in keys if (key, value) not in own]
        table = _relation(lookup, self.known)
        name = table.alias_or_name
        query = exp.select(*(exp.column(key) for key, _ in own)).from_(exp.to_table(table.name))
        entries = exp.Anonymous(
            this="row", expressions=[_row([exp.column(k) for k, _ in others]), exp.column(VALUE)]
        )
        listed = exp.Anonymous(this="list", expressions=[entries])
        made = exp.Anonymous(this="map_from_entries", expressions=[listed])
        query = query.select(exp.alias_(made, RESULTS), copy=False)
        if own:
            query = query.group_by(*(exp.column(key) for key, _ in own), copy=False)
        source = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(name)))
        on = conjoin(_equalities(table, own)) or exp.true()
        self.left.add(name.lower())
        self.before.append(exp.Join(this=source, side="LEFT", on=on))
        wanted = [exp.column(RESULTS, table=name), _row([value for _, value in others])]
        lookup.replace(exp.Anonymous(this="map_extract_value", expressions=wanted))


def _row(values: Sequence[exp.Expr]) -> exp.Expr:
    copies = [value.copy() for value in values]
    return copies[0] if len(copies) == 1 else exp.Anonymous(this="row", expressions=copies)


def _sides(select: exp.Select, index: int) -> tuple[set[str], set[str]]:
    """Return the names of the sources that a join joins, and of the one it adds."""
    joins = select.args["joins"]
    start = max((number + 1 for number in range(index) if _is_comma(joins[number])), default=0)
    found = [select.args["from_"].this, *(join.this for join in joins)]
    names = [names_of(each) for each in found]
    return set().union(*names[start : index + 1]), names[index + 1]


def _is_comma(join: exp.Join) -> bool:
    return not (join.kind or join.side or join.method or join.args.get("on") or join.args.get("using"))


def _relation(lookup: exp.Expr, known: set[str]) -> exp.Table:
    """Return the lookup's relation as a source, under a name that no other has."""
    name = lookup.meta[LOOKUP]
    alias = next(each for each in (name, *(f"{name}_{n}" for n in range(len(known)))) if each not in known)
    known.add(alias)
    return exp.to_table(name) if alias == name else exp.to_table(name, alias=alias)


def _keys(lookup: exp.Expr) -> list[tuple[str, exp.Expr]]:
    """Return the key columns of a lookup's relation, and what each is compared with."""
    return [(part.this.name, part.expression.copy()) for part in where_conjuncts(lookup.this)]


def _equalities(table: exp.Expr, keys: Sequence[tuple[str, exp.Expr]]) -> list[exp.Expr]:
    return [
        exp.EQ(this=exp.column(key, table=table.alias_or_name), expression=value.copy()) for key, value in keys
    ]


def _has_lookups(condition: exp.Expr | None) -> bool:
    return condition is not None and any(node.meta.get(LOOKUP) for node in condition.find_all(exp.Subquery))


def _lookups(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the lookups below the node, those that others read first; other queries are not entered."""
    for child in node.iter_expressions():
        if child.meta.get(LOOKUP) and child.this.args.get("where"):
            yield from _lookups(child.this.args["where"])
        if child.meta.get(LOOKUP):
            yield child
        elif not isinstance(child, exp.Query):
            yield from _lookups(child)


def _rejects_unknown(lookup: exp.Expr, root: exp.Expr) -> bool:
    """Whether the condition, which ``root`` holds, is never true where the lookup finds nothing."""
    node, decided = lookup, False
    while node.parent is not None and node is not root:
        node = node.parent
        if isinstance(node, exp.And):
            decided = decided or node.find_ancestor(exp.Where) is None
        elif not isinstance(node, exp.Paren) and (decided or not _is_strict(node)):
            return False
    return True


def _is_strict(node: exp.Expr) -> bool:
    return isinstance(node, STRICT) or bool(node.meta.get(LOOKUP))


def _never_null(condition: exp.Expr) -> exp.Expr:
    """Write an unknown lookup as FALSE: DuckDB 2.0's join elimination fails where it proves ON never true."""
    if not _has_lookups(condition):
        return condition
    return exp.Coalesce(this=condition.copy(), expressions=[exp.false()])


def _write_stars(select: exp.Select) -> bool:
    """Write ``*`` as one star for each source, so that it stands for no more when one is added; false if it cannot."""
    if (
        select.args.get("laterals")
        or select.find(exp.Columns)
        or any(join.method or join.args.get("using") for join in select.args.get("joins") or [])
    ):
        return not any(item.is_star for item in select.expressions)
    stars = [item for item in select.expressions if isinstance(item, exp.Star)]
    if any(value for star in stars for value in star.args.values()):
        return False
    for star in stars:
        found = [inner for each in sources(select) for inner in joined_in(each)]
        names = [each.args["alias"].this if each.alias else each.this for each in found]
        index = select.expressions.index(star)
        select.expressions[index : index + 1] = [exp.Column(this=exp.Star(), table=name.copy()) for name in names]
    return True
