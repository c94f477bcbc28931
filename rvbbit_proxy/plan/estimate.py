"""An upper bound of a stage's inputs that needs no result of any stage: what EXPLAIN counts.

Spools are read where they would be made from; a condition that waits for a model is taken to hold; a model's
text that is itself an input is counted as if it were its own input.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from rvbbit_proxy.plan.scope import conjuncts, set_condition

LOOKUP = "rvbbit_lookup"
"""Key in a node's meta: the node looks an operator's result up."""
RETURNS = "rvbbit_returns"
"""Key in a lookup's meta: the operator's SQL type."""


def estimate_tree(query: exp.Expr, definitions: Mapping[str, exp.Expr]) -> tuple[exp.Expr, bool]:
    """Return the query without lookups and spools, and whether that may give more rows than the query."""
    tree = query.copy()
    bounded = _inline_spools(tree, definitions)
    for select in list(tree.find_all(exp.Select)):
        for clause in ("where", "having"):
            bounded |= _drop_waiting(select, clause)
        for join in select.args.get("joins") or []:
            bounded |= _drop_waiting_on(join)
    for node in list(tree.find_all(exp.Subquery)):
        if node.meta.get(LOOKUP):
            bounded = True
            value = _stand_in(node)
            node.replace(exp.alias_(value, node.args["alias"].this) if node.alias else value)
    return tree, bounded


def _inline_spools(tree: exp.Expr, definitions: Mapping[str, exp.Expr]) -> bool:
    bounded = False
    for table in list(tree.find_all(exp.Table)):
        definition = definitions.get(table.name)
        if definition is not None and not table.db:
            inner, waits = estimate_tree(definition, definitions)
            bounded |= waits
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
            table.replace(exp.Subquery(this=inner, alias=alias.copy()))
    return bounded


def _waits(condition: exp.Expr) -> bool:
    return any(node.meta.get(LOOKUP) for node in condition.find_all(exp.Subquery))


def _drop_waiting(select: exp.Select, clause: str) -> bool:
    holder = select.args.get(clause)
    parts = conjuncts(holder.this) if holder else []
    ready = [part for part in parts if not _waits(part)]
    if len(ready) == len(parts):
        return False
    set_condition(select, clause, ready)
    return True


def _drop_waiting_on(join: exp.Join) -> bool:
    condition = join.args.get("on")
    parts = conjuncts(condition)
    ready = [part for part in parts if not _waits(part)]
    if len(ready) == len(parts):
        return False
    join.set("on", exp.and_(*[part.copy() for part in ready]) if ready else exp.true())
    return True


def _stand_in(lookup: exp.Subquery) -> exp.Expr:
    """Return an expression of the operator's type in place of its result: made of its operand, if it has one."""
    returns = lookup.meta[RETURNS]
    equality = lookup.find(exp.EQ)
    if equality is None:
        return _cast(exp.Null(), returns)
    text = _cast(equality.expression.copy(), "text")
    if returns == "boolean":
        return exp.Paren(this=exp.not_(exp.Is(this=text, expression=exp.Null())))
    if returns == "text[]":
        return exp.Array(expressions=[text])
    if returns == "jsonb":
        return exp.Anonymous(this="to_json", expressions=[text])
    return text if returns == "text" else _cast(exp.Length(this=text), returns)


def _cast(expression: exp.Expr, sql_type: str) -> exp.Expr:
    return exp.cast(expression, exp.DataType.build(sql_type, dialect="postgres"))
