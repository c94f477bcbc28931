"""What runs after grouping or after LIMIT: the scope is split in two.

The inner query, plain SQL, does FROM to LIMIT and keeps its rows in a spool, with the inputs of the operators
as columns (an aggregate's as an array). The outer query has only the items, and looks results up: so ten groups
out of a million rows cost ten summaries, and LIMIT 5 asks five times.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.plan.plan import ORDINAL, key_column
from rvbbit_proxy.plan.scope import (
    conjuncts,
    has_calls,
    is_grouped,
    output_name,
    scope_calls,
    set_condition,
    sources,
)
from rvbbit_proxy.plan.staging import Staging, group_arguments, lookup
from rvbbit_proxy.sql.dialect import SemanticCall


def split_late(select: exp.Select, staging: Staging) -> exp.Select:
    """Split the scope where operators can wait for groups or for LIMIT; else leave it."""
    having, order = select.args.get("having"), select.args.get("order")
    if is_grouped(select, staging.aggregate_names):
        late = bool(scope_calls(*select.expressions, having, order))
    else:
        limited = select.args.get("limit") or select.args.get("offset")
        calls = scope_calls(*select.expressions)
        needed_before = (
            select.args.get("distinct")
            or _orders_by_calls(select)
            or any(call.find_ancestor(exp.Window, exp.Select) is not select for call in calls)
        )
        late = bool(limited and calls and not needed_before)
    return _Split(select, staging).build() if late else select


def _orders_by_calls(select: exp.Select) -> bool:
    order = select.args.get("order")
    return any(has_calls(_resolve_key(select, key.this)) for key in (order.expressions if order else []))


def _resolve_key(select: exp.Select, key: exp.Expr) -> exp.Expr:
    """Return what a sort key stands for: an ordinal or an output name is the select item."""
    if isinstance(key, exp.Literal) and key.is_int and int(key.this) <= len(select.expressions):
        item: exp.Expr = select.expressions[int(key.this) - 1]
        return item.unalias()
    if isinstance(key, exp.Column) and not key.table:
        for item in select.expressions:
            if isinstance(item, exp.Alias) and item.alias == key.name:
                return item.unalias()
    return key


@dataclass(slots=True)
class _Split:
    """The two halves while they are made; ``hoisted`` maps an inner expression to its column of the spool."""

    select: exp.Select
    staging: Staging
    postponed: dict[str, exp.Expr] = field(default_factory=dict)
    hoisted: dict[str, str] = field(default_factory=dict)
    inner_items: list[exp.Expr] = field(default_factory=list)
    pending: list[tuple[SemanticCall, exp.Placeholder]] = field(default_factory=list)

    def build(self) -> exp.Select:
        select = self.select
        if select.args.get("distinct") and select.args["distinct"].args.get("on"):
            raise NotSupported("DISTINCT ON with operators over groups", hint="Group in a subquery.")
        self._expand_stars()
        inner = exp.Select()
        for clause in ("from_", "joins", "laterals", "where", "group", "windows"):
            inner.set(clause, select.args.get(clause))
        inner.set("group", self._group_keys())
        outer_where = self._split_having(inner)
        outer = exp.Select(expressions=[self._item(item) for item in select.expressions])
        waits = bool(outer_where or select.args.get("distinct")) or _orders_by_calls(select)
        self._order_and_limit(outer if waits else inner, waits)
        inner.set("expressions", self.inner_items or [exp.alias_(exp.Literal.number(1), "one")])
        relation = self._spool(inner)
        self._add_stages(relation, outer, outer_where)
        outer.set("from_", exp.From(this=exp.to_table(relation)))
        outer.set("distinct", select.args.get("distinct"))
        if not waits and (select.args.get("order") or select.args.get("limit")):
            outer.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(ORDINAL))]))
        return outer

    def _expand_stars(self) -> None:
        items: list[exp.Expr] = []
        for item in self.select.expressions:
            if isinstance(item, exp.Star):
                items += self._star_columns()
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                items += self._columns_of(item.table)
            else:
                items.append(item)
        self.select.set("expressions", items)

    def _star_columns(self) -> list[exp.Expr]:
        names = self._describe(exp.Star())
        if len(set(names)) == len(names):
            return [exp.column(exp.to_identifier(name, quoted=True)) for name in names]
        return [column for source in sources(self.select) for column in self._columns_of(source.alias_or_name)]

    def _columns_of(self, table: str) -> list[exp.Expr]:
        star = exp.Column(this=exp.Star(), table=exp.to_identifier(table))
        return [exp.column(exp.to_identifier(name, quoted=True), table=table) for name in self._describe(star)]

    def _describe(self, item: exp.Expr) -> list[str]:
        probe = exp.Select(expressions=[item])
        for clause in ("from_", "joins", "laterals"):
            probe.set(clause, self.select.args.get(clause))
        sql, _ = self.staging.estimate(probe)
        return list(self.staging.describe(sql))

    def _group_keys(self) -> exp.Group | None:
        """Return GROUP BY with ordinals that point to the inner query's items."""
        group: exp.Group | None = self.select.args.get("group")
        if group is None:
            return None
        keys = []
        for key in group.expressions:
            if isinstance(key, exp.Literal) and key.is_int:
                self._hoist(self.select.expressions[int(key.this) - 1].unalias())
                key = exp.Literal.number(len(self.inner_items))
            keys.append(key)
        group.set("expressions", keys)
        return group

    def _split_having(self, inner: exp.Select) -> list[exp.Expr]:
        having = self.select.args.get("having")
        parts = conjuncts(having.this) if having else []
        set_condition(inner, "having", [part for part in parts if not has_calls(part)])
        return [self._outer(part) for part in parts if has_calls(part)]

    def _item(self, item: exp.Expr) -> exp.Expr:
        return exp.alias_(self._outer(item.unalias()), output_name(item), quoted=True)

    def _order_and_limit(self, query: exp.Select, outside: bool) -> None:
        order = self.select.args.get("order")
        if order is not None:
            for key in order.expressions:
                resolved = self._outer(_resolve_key(self.select, key.this).copy())
                key.set("this", resolved if outside else self._ordinal(resolved))
            query.set("order", order)
        for clause in ("limit", "offset"):
            query.set(clause, self.select.args.get(clause))

    def _ordinal(self, hoisted: exp.Expr) -> exp.Expr:
        """Return the inner query's item number of a hoisted column: DuckDB finds no alias beside GROUP BY 1."""
        names = [item.alias for item in self.inner_items]
        return exp.Literal.number(names.index(hoisted.name) + 1) if hoisted.name in names else hoisted

    def _outer(self, node: exp.Expr) -> exp.Expr:
        """Return the outer query's form of an expression: operators looked up, all else read from the spool."""
        unit = node.this if isinstance(node, exp.Filter) else node
        if isinstance(unit, SemanticCall):
            return self._postpone(unit, node)
        if not has_calls(node):
            return self._hoist(node) if _reads_rows(node) else node.copy()
        copy = node.copy()
        for child, original in zip(list(copy.iter_expressions()), list(node.iter_expressions()), strict=True):
            if has_calls(original) or isinstance(original, exp.Condition):
                child.replace(self._outer(original))
            else:
                self._outer_children(child, original)
        return copy

    def _outer_children(self, copy: exp.Expr, original: exp.Expr) -> None:
        for child, source in zip(list(copy.iter_expressions()), list(original.iter_expressions()), strict=True):
            child.replace(self._outer(source))

    def _hoist(self, expression: exp.Expr) -> exp.Expr:
        key = expression.sql(dialect="postgres")
        if key not in self.hoisted:
            self.hoisted[key] = f"c{len(self.inner_items)}"
            self.inner_items.append(exp.alias_(expression.copy(), self.hoisted[key]))
        return exp.column(self.hoisted[key])

    def _postpone(self, call: SemanticCall, node: exp.Expr) -> exp.Expr:
        """Hoist the call's arguments now; its stage needs the spool, which is made last."""
        key = node.sql(dialect="postgres")
        if key not in self.postponed:
            self.postponed[key] = self._prepare(call, node)
        return self.postponed[key].copy()

    def _prepare(self, call: SemanticCall, node: exp.Expr) -> exp.Expr:
        if call.find_ancestor(exp.Window):
            raise NotSupported("a window over groups cannot read an operator", hint="Group in a subquery.")
        condition = node.expression if isinstance(node, exp.Filter) else None
        aggregate = call.operator_name in self.staging.aggregate_names
        prepared = call.copy()
        plain = call.expressions[1:] if aggregate else call.expressions
        arguments = [self._outer(argument) for argument in plain]
        if aggregate:
            arguments = [self._hoist(_gather(call.expressions[0], condition)), *arguments]
        prepared.set("expressions", arguments)
        placeholder = exp.Placeholder(this=f"late{len(self.pending)}")
        self.pending.append((prepared, placeholder))
        return placeholder

    def _spool(self, inner: exp.Select) -> str:
        ordinal = exp.alias_(exp.Window(this=exp.RowNumber()), ORDINAL)
        query = exp.Select(expressions=[exp.Star(), ordinal])
        query.set("from_", exp.From(this=inner.subquery("q", copy=False)))
        return self.staging.spool(query, "groups" if inner.args.get("group") else "rows that are left")

    def _add_stages(self, relation: str, outer: exp.Select, outer_where: list[exp.Expr]) -> None:
        spooled = exp.Select()
        spooled.set("from_", exp.From(this=exp.to_table(relation)))
        set_condition(outer, "where", outer_where)
        results: dict[str, exp.Expr] = {}
        for call, placeholder in self.pending:
            for argument in call.expressions:
                _fill(argument, results)
            if call.operator_name in self.staging.aggregate_names:
                results[placeholder.name] = self._group_stage(call, relation, spooled)
            else:
                position = "SELECT after LIMIT" if not self.select.args.get("group") else "SELECT of groups"
                results[placeholder.name] = self.staging.row_stage(call, spooled, position, id(outer))
        _fill(outer, results)

    def _group_stage(self, call: SemanticCall, relation: str, spooled: exp.Select) -> exp.Expr:
        operator = self.staging.operator_of(call)
        arguments = group_arguments(operator, call.expressions)
        query = spooled.copy()
        items = [
            exp.column(ORDINAL),
            *(exp.alias_(value.copy(), key_column(i)) for i, (_, value) in enumerate(arguments.varying)),
        ]
        query.set("expressions", items)
        output = self.staging.relation("result")
        self.staging.add_operator(output, operator, query, arguments, (ORDINAL,), "aggregate")
        return lookup(output, {ORDINAL: exp.column(ORDINAL, table=relation)})


def _reads_rows(node: exp.Expr) -> bool:
    return node.find(exp.Column, exp.AggFunc, exp.Anonymous, exp.Subquery, exp.Window, exp.Func) is not None


def _fill(tree: exp.Expr, results: dict[str, exp.Expr]) -> None:
    for placeholder in list(tree.find_all(exp.Placeholder)):
        if placeholder.name in results:
            placeholder.replace(results[placeholder.name].copy())


def _gather(argument: exp.Expr, condition: exp.Expr | None) -> exp.Expr:
    """Return the array of a group's non-NULL inputs, ordered as asked or by value."""
    distinct = isinstance(argument, exp.Distinct) or isinstance(argument.this, exp.Distinct)
    order = argument.expressions if isinstance(argument, exp.Order) else None
    value = argument.this if isinstance(argument, exp.Order) else argument
    if isinstance(value, exp.Distinct):
        value = value.expressions[0]
    text = exp.cast(value.copy(), "text")
    keys = [key.copy() for key in order] if order else [exp.Ordered(this=text.copy())]
    gathered: exp.Expr = exp.Distinct(expressions=[text.copy()]) if distinct else text.copy()
    array = exp.Anonymous(this="array_agg", expressions=[exp.Order(this=gathered, expressions=keys)])
    present: exp.Expr = exp.not_(exp.Is(this=text.copy(), expression=exp.Null()))
    if condition is not None:
        present = exp.and_(present, condition.this.copy())
    return exp.Filter(this=array, expression=exp.Where(this=present))
