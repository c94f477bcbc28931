"""The same statement with typed NULLs where operators stand: what Describe asks the upstream about.

The arguments stay in the tree, as text, so that unknown columns are errors and ``$n`` in them have a type.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from rvbbit_proxy.operators.operator import Operators
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.sql.dialect import SemanticCall

THRESHOLD = "0.5"
"""What a score has to exceed to be true."""


def describable(tree: exp.Expr, operators: Operators) -> exp.Expr:
    """Return a copy of the tree in which every operator call is an expression of its declared type."""
    copy = tree.copy()
    for select in copy.find_all(exp.Select, exp.Returning):
        name_items(select)
    compare_calls(list(copy.find_all(SemanticCall))[::-1], operators)
    for call in list(copy.find_all(SemanticCall))[::-1]:
        operator = operators.by_name[call.operator_name]
        unit = call.parent if isinstance(call.parent, exp.Filter) else call
        condition = unit.expression.copy() if isinstance(unit, exp.Filter) else None
        values = [_plain_argument(argument).copy() for argument in call.expressions]
        tests = _group_test(values[0], condition) if operator.shape == "aggregate" else _row_tests(values)
        unit.replace(_typed_null(operator.returns, tests))
    return copy


def _typed_null(returns: str, tests: list[exp.Expr]) -> exp.Expr:
    null = exp.cast(exp.Null(), exp.DataType.build(returns, dialect="postgres"))
    return exp.Case(ifs=[exp.If(this=exp.or_(*tests), true=null)])


def _row_tests(values: list[exp.Expr]) -> list[exp.Expr]:
    return [exp.Is(this=exp.cast(value, "text"), expression=exp.Null()) for value in values]


def _group_test(value: exp.Expr, condition: exp.Expr | None) -> list[exp.Expr]:
    greatest: exp.Expr = exp.Max(this=exp.cast(value, "text"))
    if condition is not None:
        greatest = exp.Filter(this=greatest, expression=condition)
    return [exp.Is(this=greatest, expression=exp.Null())]


def _plain_argument(argument: exp.Expr) -> exp.Expr:
    """Return the value inside ``DISTINCT x`` or ``x ORDER BY y``."""
    if isinstance(argument, exp.Order):
        return _plain_argument(argument.this)
    if isinstance(argument, exp.Distinct):
        value: exp.Expr = argument.expressions[0]
        return value
    return argument


def compare_calls(calls: Iterable[SemanticCall], operators: Operators) -> None:
    """Compare, in place, those of the calls that are scores in a boolean position."""
    for call in calls:
        if operators.by_name[call.operator_name].returns == "double precision" and _wants_boolean(call):
            call.replace(exp.GT(this=call.copy(), expression=exp.Literal.number(THRESHOLD)))


def _wants_boolean(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Paren):
        return _wants_boolean(parent)
    if isinstance(parent, (exp.Where, exp.Having, exp.And, exp.Or, exp.Not)):
        return True
    if isinstance(parent, (exp.Join, exp.Merge)):
        return node.arg_key == "on"
    if isinstance(parent, exp.When):
        return node.arg_key == "condition"
    if isinstance(parent, exp.If):
        return node.arg_key == "this" and not (isinstance(parent.parent, exp.Case) and parent.parent.this)
    return False
