"""The same statement with typed NULLs where operators stand: what Describe asks the upstream about.

The arguments stay in the tree, as text, so that unknown columns are errors and ``$n`` in them have a type.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.operators import Operators
from rvbbit_proxy.sql.dialect import SemanticCall


def describable(tree: exp.Expr, operators: Operators) -> exp.Expr:
    """Return a copy of the tree in which every operator call is an expression of its declared type."""
    copy = tree.copy()
    for call in list(copy.find_all(SemanticCall))[::-1]:
        operator = operators.by_name[call.operator_name]
        stand_in = _stand_in(call, operator.returns, aggregate=operator.shape == "aggregate")
        if call is copy:
            return stand_in
        call.replace(stand_in)
    return copy


def _stand_in(call: SemanticCall, returns: str, *, aggregate: bool) -> exp.Expr:
    values = [_plain_argument(argument) for argument in call.expressions]
    tests = [exp.Is(this=exp.cast(value.copy(), "text"), expression=exp.Null()) for value in values]
    if aggregate:
        tests = [exp.Is(this=exp.Max(this=exp.cast(value, "text")), expression=exp.Null()) for value in values[:1]]
    null = exp.cast(exp.Null(), exp.DataType.build(returns, dialect="postgres"))
    condition = exp.or_(*tests) if tests else exp.true()
    return exp.Case(ifs=[exp.If(this=condition, true=null)])


def _plain_argument(argument: exp.Expr) -> exp.Expr:
    """Return the value inside ``DISTINCT x`` or ``x ORDER BY y``."""
    if isinstance(argument, exp.Order):
        return _plain_argument(argument.this)
    if isinstance(argument, exp.Distinct):
        return argument.expressions[0]
    return argument
