"""Cutting a scope in two: an inner query whose rows are kept, and an outer one that reads them.

Everything without an operator moves into the inner query as a column; the operators stay outside, over columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.plan.pairs import tables_read
from rvbbit_proxy.plan.plan import KEY, ORDINAL, Product
from rvbbit_proxy.plan.scope import (
    has_calls,
    is_aggregate,
    refers_to,
    set_condition,
    source_names,
    sources,
    walk_scope,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging, literal_value
from rvbbit_proxy.sql.dialect import SemanticCall
from rvbbit_proxy.sql.item_names import folded, output_name

GATHERED = "array_agg"
TURN = "rvbbit_turn"
"""The column that numbers the rows of a key."""


@dataclass(slots=True)
class Hoist:
    """The inner query's items while they are collected; ``columns`` maps an expression to its column."""

    select: exp.Select
    staging: Staging
    items: list[exp.Expr] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)

    def outer_items(self) -> list[exp.Expr]:
        """Return the scope's items as the outer query has them, names kept."""
        return [
            exp.alias_(self.outer(item.unalias()), output_name(item), quoted=True)
            for item in self.select.expressions
        ]

    def outer(self, node: exp.Expr) -> exp.Expr:
        """Return the outer query's form of an expression."""
        unit = node.this if isinstance(node, exp.Filter) else node
        if isinstance(unit, SemanticCall):
            return self._outer_call(unit, node)
        if not has_calls(node):
            return self.column(node) if _reads_rows(node) else node.copy()
        return self._around(node)

    def _around(self, node: exp.Expr) -> exp.Expr:
        """Return the node's own syntax around the outer form of the expressions in it."""
        copy = node.copy()
        for child, original in zip(list(copy.iter_expressions()), list(node.iter_expressions()), strict=True):
            if _is_rows(original):
                self._check_rows(original)
            else:
                child.replace(self.outer(original) if _is_value(original) else self._around(original))
        return copy

    def _check_rows(self, query: exp.Expr) -> None:
        """Refuse a query beside IN, ANY or ALL that stays outside but reads the columns that move."""
        if refers_to(query, frozenset(source_names(self.select))):
            raise NotSupported(
                f"an operator beside a query that refers to an outer one: {self.staging.sql(query)}",
                hint="Join the two queries instead of nesting them.",
            )

    def _outer_call(self, call: SemanticCall, node: exp.Expr) -> exp.Expr:
        if call.find_ancestor(exp.Window, exp.Select) is not self.select and call.find_ancestor(exp.Window):
            raise NotSupported("a window over groups cannot read an operator", hint="Group in a subquery.")
        copy = call.copy()
        copy.meta.update(call.meta)
        if call.operator_name in self.staging.aggregate_names:
            condition = node.expression if isinstance(node, exp.Filter) else None
            group = self.column(gather(call.expressions[0], condition, self.staging.target))
            copy.set("expressions", [group, *(self.outer(argument) for argument in call.expressions[1:])])
        else:
            copy.set("expressions", [self.outer(argument) for argument in call.expressions])
        return copy

    def column(self, expression: exp.Expr) -> exp.Expr:
        """Return the outer column of an expression that the inner query computes."""
        key = expression.sql(dialect="postgres")
        if key not in self.columns:
            self.columns[key] = f"c{len(self.items)}"
            self.items.append(exp.alias_(expression.copy(), self.columns[key]))
        return exp.column(self.columns[key])

    def sort_key(self, key: exp.Expr) -> exp.Expr:
        """Return the outer form of a sort key; a constant becomes a column, else a number would be an ordinal."""
        expression = resolve_key(self.select, key)
        return self.outer(expression.copy()) if has_calls(expression) else self.column(expression)

    def ordinal(self, column: exp.Expr) -> exp.Expr:
        """Return the inner item's number of an outer column: DuckDB finds no alias beside GROUP BY 1."""
        names = [item.alias for item in self.items]
        return exp.Literal.number(names.index(column.name) + 1) if column.name in names else column

    def aggregates(self) -> bool:
        """Whether an item of the inner query is an aggregate."""
        nodes = [node for item in self.items for node in walk_scope(item)]
        return any(
            is_aggregate(node, frozenset()) or (isinstance(node, exp.Anonymous) and node.name == GATHERED)
            for node in nodes
        )

    def spool(self, inner: exp.Select, reason: str, order: exp.Order | None = None) -> str:
        """Keep the inner query's rows, numbered in their order, or in another; return the relation."""
        self._set_items(inner)
        query = _with_windows(inner, ORDINAL, exp.Window(this=exp.RowNumber(), order=order))
        return self.staging.spool(query, reason, names_differ=True)

    def spool_product(self, inner: exp.Select, reason: str) -> tuple[str, Product]:
        """Prepare to keep the rows of a join, as many as will be wanted; return the relation and how it gets them."""
        self._set_items(inner)
        staging, first = self.staging, inner.args["from_"].this
        name = first.args["alias"].this if first.alias else first.this
        rows = exp.select("*").from_(first.copy())
        known = {each.alias_or_name.lower() for each in sources(inner)}
        own = [
            part for part in where_conjuncts(inner) if tables_read(part, known) == {first.alias_or_name.lower()}
        ]
        set_condition(rows, "where", own)
        numbered = _with_windows(rows, ORDINAL, exp.Window(this=exp.RowNumber()))
        kept = staging.spool(numbered, "the first source of a join", names_differ=True)
        alias = exp.TableAlias(this=name.copy(), columns=None)
        first.replace(exp.Table(this=exp.to_identifier(block := staging.relation("block")), alias=alias))
        empty = inner.copy()
        empty.args["from_"].this.set("this", exp.to_identifier(kept))
        set_condition(empty, "where", [exp.false()])
        number = exp.alias_(exp.cast(exp.Null(), "bigint"), ORDINAL)
        query = exp.Select(expressions=[exp.Star(), number], from_=exp.From(this=empty.subquery("q", copy=False)))
        relation = staging.spool(query, reason, names_differ=True)
        whole = inner.copy()
        whole.args["from_"].this.set("this", exp.to_identifier(kept))
        staging.define(relation, _with_windows(whole, ORDINAL, exp.Window(this=exp.RowNumber())))
        return relation, Product(kept, block, staging.query_sql(inner))

    def spool_keyed(
        self, inner: exp.Select, reason: str, keys: Sequence[exp.Expr], order: Sequence[exp.Expr]
    ) -> str:
        """Keep the inner query's different rows, those equal in the outer columns ``keys`` with one :data:`KEY`.

        They are numbered in ``order``, and where that leaves it open, a first row of every key before any second.
        """
        self._set_items(inner)
        inner.set("distinct", exp.Distinct())
        by_hash = self.by_hash()
        turn = exp.Window(this=exp.RowNumber(), partition_by=[key.copy() for key in keys], order=by_hash.copy())
        sorting = [*order, exp.Ordered(this=exp.column(TURN)), *by_hash.expressions]
        same = [exp.Ordered(this=key.copy()) for key in keys]
        rank = exp.Window(
            this=exp.Anonymous(this="dense_rank"), order=exp.Order(expressions=same) if same else None
        )
        query = _with_windows(inner, TURN, turn)
        query = _with_windows(
            query, ORDINAL, exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=sorting))
        )
        return self.staging.spool(_with_windows(query, KEY, rank), reason, names_differ=True)

    def by_hash(self) -> exp.Order:
        """Return an order of the inner query's rows that is as good as random, and the same every time."""
        columns: list[exp.Expr] = [exp.cast(exp.column(item.alias), "text") for item in self.items]
        whole = exp.Anonymous(this="concat", expressions=columns or [exp.Literal.string("")])
        return exp.Order(expressions=[exp.Ordered(this=exp.Anonymous(this="md5", expressions=[whole]))])

    def _set_items(self, inner: exp.Select) -> None:
        inner.set("expressions", self.items or [exp.alias_(exp.Literal.number(1), "one")])


def _with_windows(inner: exp.Select, name: str, window: exp.Window) -> exp.Select:
    """Return the query's columns and a window function over its rows."""
    query = exp.Select(expressions=[exp.Star(), exp.alias_(window, name)])
    query.set("from_", exp.From(this=inner.subquery("q", copy=False)))
    return query


def item_number(select: exp.Select, key: exp.Expr) -> int | None:
    """Return which select item a sort key stands for, from 1: by ordinal, by output name, or written again."""
    if isinstance(key, exp.Literal) and key.is_int:
        return int(key.this) if 1 <= int(key.this) <= len(select.expressions) else None
    named = folded(key.this) if isinstance(key, exp.Column) and not key.table else None
    items = list(enumerate(select.expressions, start=1))
    for number, item in items:
        if isinstance(item, (exp.Alias, exp.Column)) and output_name(item) == named:
            return number
    return next((number for number, item in items if item.unalias() == key), None)


def resolve_key(select: exp.Select, key: exp.Expr) -> exp.Expr:
    """Return what a sort key stands for: a select item, or itself."""
    number = item_number(select, key)
    item: exp.Expr = select.expressions[number - 1].unalias() if number is not None else key
    return item


def orders_by_calls(select: exp.Select) -> bool:
    """Whether a sort key needs an operator."""
    order = select.args.get("order")
    return any(has_calls(resolve_key(select, key.this)) for key in (order.expressions if order else []))


def _is_value(node: exp.Expr) -> bool:
    """Whether the node is an expression of its own, and no part of the syntax of the one around it."""
    if isinstance(node, (exp.Any, exp.All)) or (isinstance(node, exp.If) and isinstance(node.parent, exp.Case)):
        return False
    return isinstance(node, (exp.Condition, exp.Filter, exp.WithinGroup, exp.Subquery))


def _is_rows(node: exp.Expr) -> bool:
    """Whether the node is a query whose rows a value is compared with."""
    return isinstance(node.parent, (exp.In, exp.Any, exp.All)) and isinstance(node, (exp.Subquery, exp.Query))


def _reads_rows(node: exp.Expr) -> bool:
    if literal_value(node)[0]:
        return False
    return node.find(exp.Column, exp.AggFunc, exp.Anonymous, exp.Subquery, exp.Window, exp.Func) is not None


def gather(argument: exp.Expr, condition: exp.Expr | None, target: str) -> exp.Expr:
    """Return the array of a group's non-NULL inputs, ordered as asked or by value."""
    order = argument.expressions if isinstance(argument, exp.Order) else None
    value = argument.this if isinstance(argument, exp.Order) else argument
    distinct = isinstance(value, exp.Distinct)
    text = exp.cast((value.expressions[0] if distinct else value).copy(), "text")
    present: exp.Expr = exp.not_(exp.Is(this=text.copy(), expression=exp.Null()))
    if condition is not None:
        present = exp.and_(present, condition.this.copy())
    keys = [key.copy() for key in order] if order else [exp.Ordered(this=text.copy())] if _varies(text) else []
    if distinct and target == "duckdb":
        array = exp.Anonymous(this=GATHERED, expressions=[exp.Distinct(expressions=[text])])
        return _sorted(exp.Filter(this=array, expression=exp.Where(this=present)), keys)
    gathered: exp.Expr = exp.Distinct(expressions=[text]) if distinct else text
    gathered = exp.Order(this=gathered, expressions=keys) if keys else gathered
    array = exp.Anonymous(this=GATHERED, expressions=[gathered])
    return exp.Filter(this=array, expression=exp.Where(this=present))


def _varies(value: exp.Expr) -> bool:
    """Whether the value may differ by row: DuckDB refuses to sort by a constant."""
    return value.find(exp.Column, exp.Subquery) is not None


def _sorted(array: exp.Expr, keys: list[exp.Expr]) -> exp.Expr:
    """Return DuckDB's sort of an array: beside DISTINCT it knows no sort key that looks a result up."""
    direction = "DESC" if keys and keys[0].args.get("desc") else "ASC"
    return exp.Anonymous(this="list_sort", expressions=[array, exp.Literal.string(direction)])
