"""RETURNING with operators: the change runs once and what it returns is kept; the answers are made from that.

If a model fails after the change, the statement fails, and so its transaction is undone.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.plan.hoist import Hoist
from rvbbit_proxy.plan.joined import join_results
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.plan.plan import ORDINAL, Change, OperatorStage
from rvbbit_proxy.plan.rules.lists import keep_values
from rvbbit_proxy.plan.rules.scores import compare_scores
from rvbbit_proxy.plan.rules.stars import star_columns
from rvbbit_proxy.plan.rules.values import row_values
from rvbbit_proxy.plan.scope import has_calls, set_condition, where_conjuncts
from rvbbit_proxy.plan.staging import Staging

COPIED = ("from_", "joins")
Changing = exp.Insert | exp.Update | exp.Delete


def returns_calls(tree: exp.Expr) -> bool:
    """Whether a statement that changes rows returns what operators make of them."""
    return isinstance(tree, (exp.Insert, exp.Update, exp.Delete)) and has_calls(tree.args.get("returning"))


def answer_returned(tree: Changing, scope: exp.Select, staging: Staging) -> exp.Select:
    """Add the change, whose other operators are lowered, as a stage; return the query of what it returned.

    :param scope: a SELECT without items over the target and the other sources of the change.
    """
    returning = tree.args["returning"]
    shown = _rows(scope)
    shown.set(
        "expressions", [each for item in returning.expressions for each in star_columns(item, shown, staging)]
    )
    if any(has_calls(query) for item in shown.expressions for query in item.find_all(exp.Query)):
        raise NotSupported("a query with operators in RETURNING", hint="Select from the table afterwards.")
    name_items(shown)
    compare_scores(shown, staging)
    keep_values(shown, staging)
    hoist = Hoist(shown, staging)
    outer = exp.Select(expressions=hoist.outer_items())
    items = hoist.items or [exp.alias_(exp.Literal.number(1), "one")]
    returning.set("expressions", [item.copy() for item in items])
    relation = staging.relation("returned")
    shape = _rows(scope)
    shape.set("expressions", [*(item.copy() for item in items), _no_number()])
    set_condition(shape, "where", [exp.false()])
    staging.define(relation, _expected(tree, scope, items, staging))
    change = Change(
        relation, staging.sql(join_results(tree, staging.target)), staging.sql(shape), tree.key.upper()
    )
    staging.stages.append(change)
    first = len(staging.stages)
    outer.set("from_", exp.From(this=exp.to_table(relation)))
    outer.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(ORDINAL))]))
    outer = row_values(outer, staging)
    staging.stages[first:] = [
        replace(stage, bounded=True, position="RETURNING") if isinstance(stage, OperatorStage) else stage
        for stage in staging.stages[first:]
    ]
    return outer


def _rows(scope: exp.Select) -> exp.Select:
    rows = exp.Select()
    for clause in COPIED:
        value = scope.args.get(clause)
        rows.set(clause, [each.copy() for each in value] if isinstance(value, list) else value and value.copy())
    return rows


def _no_number() -> exp.Expr:
    return exp.alias_(exp.cast(exp.Null(), "bigint"), ORDINAL)


def _expected(tree: Changing, scope: exp.Select, items: list[exp.Expr], staging: Staging) -> exp.Select:
    """Return what the change will return, as far as a query can tell before it has run."""
    rows = _rows(scope)
    if isinstance(tree, exp.Insert):
        rows.set("from_", exp.From(this=_inserted(tree, scope, staging)))
    set_condition(rows, "where", where_conjuncts(tree))
    new = {each.this.name.lower(): each.expression for each in tree.expressions if isinstance(each, exp.EQ)}
    holder = exp.Select(expressions=[item.copy() for item in items])
    for column in list(holder.find_all(exp.Column)):
        if column.name.lower() in new:
            column.replace(exp.Paren(this=new[column.name.lower()].copy()))
    rows.set("expressions", holder.expressions)
    return rows


def _inserted(tree: exp.Insert, scope: exp.Select, staging: Staging) -> exp.Expr:
    """Return the rows to insert as a source, under the name and with the columns of the target."""
    columns = staging.column_names(_rows(scope))
    listed = [each.name for each in tree.this.expressions] if isinstance(tree.this, exp.Schema) else columns
    source = tree.expression.copy()
    probe = exp.Select(
        from_=exp.From(this=exp.Subquery(this=source.copy(), alias=exp.TableAlias(this=_name("q"))))
    )
    listed = listed[: len(staging.column_names(probe))]
    known = exp.TableAlias(this=_name("q"), columns=[exp.to_identifier(name, quoted=True) for name in listed])
    query = exp.select("*").from_(exp.Subquery(this=source, alias=known))
    for name in columns:
        if name.lower() not in map(str.lower, listed):
            query.append("expressions", exp.alias_(exp.Literal.string(""), name, quoted=True))
    target = scope.args["from_"].this
    alias = target.args["alias"].this if target.alias else target.this
    return exp.Subquery(this=query, alias=exp.TableAlias(this=alias.copy()))


def _name(name: str) -> exp.Identifier:
    return exp.to_identifier(name)
