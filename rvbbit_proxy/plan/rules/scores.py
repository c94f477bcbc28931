"""A bare score in a boolean position means ``> 0.5``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from sqlglot import exp

from rvbbit_proxy.operators.operator import Operators
from rvbbit_proxy.plan.scope import scope_calls
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.sql.dialect import SemanticCall

THRESHOLD = "0.5"


Scope = TypeVar("Scope", bound=exp.Expr)


def compare_scores(select: Scope, staging: Staging) -> Scope:
    """Write ``x ABOUT 'y'`` as ``x ABOUT 'y' > 0.5`` where a boolean is wanted."""
    compare_calls(scope_calls(select), staging.operators)
    return select


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
