"""An operator alone in ``IN (…)``, ``ANY (…)`` or ``ALL (…)``: a value, not a query.

What looks its result up is a query in parentheses, which PostgreSQL would take for the rows to compare with.
"""

from __future__ import annotations

from typing import TypeVar

from sqlglot import exp

from rvbbit_proxy.plan.scope import scope_calls
from rvbbit_proxy.plan.staging import Staging

Scope = TypeVar("Scope", bound=exp.Expr)


def keep_values(select: Scope, staging: Staging) -> Scope:
    """Cast such operators to their own type: a cast is a value."""
    for call in scope_calls(select):
        if _is_alone_in_list(call):
            kind = exp.DataType.build(staging.operators.by_name[call.operator_name].returns, dialect="postgres")
            call.replace(exp.cast(call.copy(), kind))
    return select


def _is_alone_in_list(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Paren):
        return _is_alone_in_list(parent)
    if isinstance(parent, exp.In):
        return node.arg_key == "expressions" and len(parent.expressions) == 1
    return isinstance(parent, (exp.Any, exp.All))
