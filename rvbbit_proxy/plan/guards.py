"""Under which conditions a call's value is needed at all: OR, AND, CASE and COALESCE do not evaluate what they can skip."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.scope import has_calls, is_volatile, walk_scope


def guards(call: exp.Expr, root: exp.Expr) -> list[exp.Expr]:
    """Return plain conditions, from ``root`` down to the call, outside of which its value cannot matter.

    They hold for a row: what stands around an aggregate or a window function is of other rows as well.
    """
    found: list[exp.Expr] = []
    node = call
    while node is not root and node.parent is not None:
        parent = node.parent
        if isinstance(parent, (exp.AggFunc, exp.Window)):
            break
        found += [condition for condition in _steps(parent, node) if _of_row(condition)]
        node = parent
    return found


def _of_row(condition: exp.Expr) -> bool:
    """Whether a row alone decides the condition, without a model."""
    if has_calls(condition) or is_volatile(condition):
        return False
    return not any(isinstance(node, (exp.AggFunc, exp.Window)) for node in walk_scope(condition))


def _steps(parent: exp.Expr, node: exp.Expr) -> list[exp.Expr]:
    if isinstance(parent, exp.And):
        return [_unless_false(_other(parent, node))]
    if isinstance(parent, exp.Or):
        return [_unless_true(_other(parent, node))]
    if isinstance(parent, exp.Coalesce) and node.arg_key == "expressions":
        before = [parent.this, *parent.expressions[: node.index]]
        return [exp.Is(this=value.copy(), expression=exp.Null()) for value in before]
    if isinstance(parent, exp.If) and isinstance(parent.parent, exp.Case):
        case = parent.parent
        before = [_unless_true(_condition(case, branch)) for branch in _branches_before(case, parent)]
        return before + ([_condition(case, parent)] if node.arg_key == "true" else [])
    if isinstance(parent, exp.Case) and node.arg_key == "default":
        return [_unless_true(_condition(parent, branch)) for branch in parent.args["ifs"]]
    return []


def _other(parent: exp.Expr, node: exp.Expr) -> exp.Expr:
    other: exp.Expr = parent.args["expression" if node.arg_key == "this" else "this"]
    return other.copy()


def _branches_before(case: exp.Case, branch: exp.If) -> list[exp.If]:
    branches: list[exp.If] = case.args["ifs"]
    return branches[: next(index for index, other in enumerate(branches) if other is branch)]


def _condition(case: exp.Case, branch: exp.If) -> exp.Expr:
    test = branch.this.copy()
    return exp.EQ(this=case.this.copy(), expression=test) if case.this else test


def _unless_true(condition: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=exp.not_(condition), expressions=[exp.true()])


def _unless_false(condition: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=condition, expressions=[exp.true()])
