"""From a statement with operators to a :class:`~rvbbit_proxy.plan.plan.Plan`.

Queries are lowered from the inside out: CTEs, derived tables and subqueries first, then the scope itself by
``rules.RULES``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Literal

from sqlglot import exp

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.operators.operator import Operators
from rvbbit_proxy.plan.correlation import check_aggregates, qualify_outer_columns
from rvbbit_proxy.plan.cte_names import separate_ctes
from rvbbit_proxy.plan.ctes import read_once
from rvbbit_proxy.plan.guards import guards
from rvbbit_proxy.plan.joined import join_results
from rvbbit_proxy.plan.membership import narrow_nested, without_narrowing
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.plan.plan import Plan
from rvbbit_proxy.plan.pushdown import push_down
from rvbbit_proxy.plan.returning import answer_returned, returns_calls
from rvbbit_proxy.plan.rules import RULES
from rvbbit_proxy.plan.rules.filters import row_source
from rvbbit_proxy.plan.rules.limits import move_limits
from rvbbit_proxy.plan.rules.lists import keep_values
from rvbbit_proxy.plan.rules.scores import compare_scores
from rvbbit_proxy.plan.scope import (
    conjuncts,
    has_calls,
    is_below,
    is_volatile,
    scope_calls,
    set_condition,
    where_conjuncts,
)
from rvbbit_proxy.plan.staging import Staging
from rvbbit_proxy.plan.unions import lower_sides
from rvbbit_proxy.sql.dialect import SemanticCall


def plan_statement(
    tree: exp.Expr,
    operators: Operators,
    target: Literal["duckdb", "postgres"],
    describe: Callable[[str], Sequence[str]],
    suffix: str | None = None,
) -> Plan:
    """Plan a statement whose parameters have been replaced by their values.

    :param describe: tells the column names of a plain query of the upstream.
    :raises NotSupported: naming the expression, where operators cannot be planned.
    """
    staging = Staging(operators, target, describe, suffix or secrets.token_hex(4))
    copy = tree.copy()
    separate_ctes(copy, target)
    if isinstance(copy, exp.Select):
        name_items(copy)
    check_aggregates(copy, staging)
    final = _lower_statement(copy, staging)
    left = final.find(SemanticCall)
    if left is not None and left.find_ancestor(exp.Returning):
        raise NotSupported(
            "semantic operators in RETURNING of MERGE", hint="Select them from the table afterwards."
        )
    if left is not None:
        raise NotSupported(f"{left.operator_name} is not supported here: {staging.sql(left.parent or left)}")
    return Plan(tuple(staging.stages), staging.sql(join_results(final, target)))


def _lower_statement(tree: exp.Expr, staging: Staging) -> exp.Expr:
    if isinstance(tree, exp.Query):
        return lower_query(tree, staging)
    if isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Query):
        _lower_ctes(tree, staging)
        tree.set("expression", lower_query(tree.expression, staging))
        return _with_answers(tree, staging)
    if isinstance(tree, exp.Create) and tree.kind == "TABLE" and isinstance(tree.expression, exp.Query):
        tree.set("expression", lower_query(tree.expression, staging))
        return tree
    if isinstance(tree, exp.Values) or (isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Values)):
        return _lower_values(tree, staging)
    if isinstance(tree, (exp.Update, exp.Delete)):
        return _lower_change(tree, staging)
    if isinstance(tree, exp.Merge):
        return _lower_merge(tree, staging)
    kind = f"{tree.key.upper()} {tree.kind}" if isinstance(tree, exp.Create) else tree.key.upper()
    raise NotSupported(
        f"semantic operators are not supported in {kind}",
        hint="Use them in SELECT, INSERT, CREATE TABLE AS, UPDATE, DELETE or MERGE.",
    )


def lower_query(query: exp.Query, staging: Staging) -> exp.Query:
    """Return the query without operators; what they need is added to the staging."""
    _lower_ctes(query, staging)
    if isinstance(query, exp.Subquery):
        query.set("this", lower_query(query.this, staging))
    elif isinstance(query, exp.SetOperation):
        lower_sides(query, staging, lower_query)
    elif isinstance(query, exp.Select):
        query = _lower_select(query, staging)
    return query


def _lower_ctes(query: exp.Expr, staging: Staging) -> None:
    """Spool the CTEs that hold operators or are volatile; the plain ones stay, and stages may use them."""
    with_ = query.args.get("with_")
    if with_ is None or not has_calls(query):
        return
    read_once(query)
    with_ = query.args.get("with_")
    if with_ is None:
        return
    if with_.recursive and any(has_calls(cte) for cte in with_.expressions):
        raise NotSupported(
            "semantic operators inside WITH RECURSIVE", hint="Materialise the recursive part first."
        )
    plain = []
    for cte in with_.expressions:
        if not isinstance(cte.this, exp.Query):
            raise NotSupported("semantic operators beside a WITH that changes data")
        if not has_calls(cte) and not is_volatile(cte):
            plain.append(cte)
            staging.environment.append(cte)
            continue
        relation = staging.spool(lower_query(cte.this, staging), f"WITH {cte.alias}")
        _redirect(query, cte, relation, staging)
    if plain:
        with_.set("expressions", plain)
    else:
        query.set("with_", None)


def _redirect(query: exp.Expr, cte: exp.CTE, relation: str, staging: Staging) -> None:
    for table in list(query.find_all(exp.Table)):
        if table.name.lower() == cte.alias.lower() and not table.db:
            staging.read_spool(table, relation, cte.args["alias"].columns)


def _lower_select(select: exp.Select, staging: Staging) -> exp.Select:
    push_down(select, staging)
    move_limits(select, staging)
    narrow_nested(select, select, staging)
    _lower_nested(select, select, staging)
    qualify_outer_columns(select, staging)
    if staging.enclosing:
        check_aggregates(select, staging)
    if scope_calls(select):
        for rule in RULES:
            select = rule(select, staging)
    return without_narrowing(select)


def _lower_nested(node: exp.Expr, scope: exp.Select, staging: Staging) -> None:
    """Lower the queries nested in a scope; those in expressions, and LATERAL ones, may read its columns."""
    around = staging.enclosing
    for nested in _nested_queries(node):
        if has_calls(nested):
            staging.enclosing = around if _is_derived(nested) else (*around, scope)
            nested.replace(lower_query(nested.copy(), staging))
    staging.enclosing = around


def _is_derived(query: exp.Expr) -> bool:
    """Whether a query is a source in FROM that sees none of the others."""
    return isinstance(query.parent, exp.Subquery) and isinstance(query.parent.parent, (exp.From, exp.Join))


def _nested_queries(node: exp.Expr) -> list[exp.Query]:
    """Return the queries directly below the scope: derived tables and subquery expressions."""
    found: list[exp.Query] = []
    for child in node.iter_expressions():
        if isinstance(child, (exp.Select, exp.SetOperation)):
            found.append(child)
        else:
            found += _nested_queries(child)
    return found


def _lower_change(tree: exp.Update | exp.Delete, staging: Staging) -> exp.Expr:
    """Lower UPDATE and DELETE: operators over the rows of the target that the plain conditions leave."""
    _lower_ctes(tree, staging)
    scope = exp.Select()
    scope.set("from_", exp.From(this=tree.this.copy()))
    others = [tree.args["from_"].this] if tree.args.get("from_") else tree.args.get("using") or []
    scope.set("joins", [exp.Join(this=other.copy(), kind="CROSS") for other in others])
    narrow_nested(tree, scope, staging)
    _lower_nested(tree, scope, staging)
    compare_scores(tree, staging)
    keep_values(tree, staging)
    for clause in ("where", "expressions"):
        value = tree.args.get(clause)
        for call in scope_calls(*(value if isinstance(value, list) else [value])):
            conditions = [part for part in where_conjuncts(tree) if not has_calls(part)]
            guarded = guards(call, next((part for part in where_conjuncts(tree) if is_below(call, part)), tree))
            source = row_source(scope, conditions + guarded)
            call.replace(staging.call_stage(call, source, tree.key.upper(), tree, shared=not guarded))
    return answer_returned(tree, scope, staging) if returns_calls(tree) else tree


def _with_answers(tree: exp.Expr, staging: Staging) -> exp.Expr:
    """Return what an INSERT becomes where its RETURNING holds operators; any other tree as it is."""
    if not isinstance(tree, exp.Insert) or not returns_calls(tree):
        return tree
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    return answer_returned(tree, exp.Select(from_=exp.From(this=target.copy())), staging)


def _lower_values(tree: exp.Expr, staging: Staging) -> exp.Expr:
    """Lower VALUES, alone or of an INSERT: operators over what reads no row."""
    _lower_ctes(tree, staging)
    values = tree if isinstance(tree, exp.Values) else tree.expression
    _lower_nested(values, exp.Select(), staging)
    for call in scope_calls(values):
        guarded = guards(call, values)
        source = row_source(exp.Select(), guarded)
        call.replace(staging.call_stage(call, source, "VALUES", tree, shared=not guarded))
    return _with_answers(tree, staging)


def _lower_merge(tree: exp.Merge, staging: Staging) -> exp.Expr:
    """Lower MERGE: operators over the pairs, or the rows without a partner, that the plain conditions leave."""
    _lower_ctes(tree, staging)
    target, using = tree.this, tree.args["using"]
    pairs = exp.select().from_(target.copy()).join(using.copy(), join_type="CROSS")
    _lower_nested(tree, pairs, staging)
    pairs.args["joins"][0].set("this", tree.args["using"].copy())
    compare_scores(tree, staging)
    keep_values(tree, staging)
    plain = [part for part in conjuncts(tree.args["on"]) if not has_calls(part)]
    for call in scope_calls(tree.args["on"]):
        source = row_source(pairs, plain + guards(call, tree.args["on"]))
        call.replace(staging.call_stage(call, source, "MERGE", tree, shared=False))
    for when in tree.args["whens"].expressions:
        for call in scope_calls(when):
            under = [part for part in conjuncts(when.args.get("condition")) if not has_calls(part)]
            rows = row_source(pairs, [tree.args["on"], *under])
            if not when.args["matched"]:
                sides = [tree.args["using"], target]
                own, other = reversed(sides) if when.args["source"] else sides
                partner = exp.select("1").from_(other.copy()).where(tree.args["on"].copy())
                rows = exp.select().from_(own.copy())
                set_condition(rows, "where", [exp.not_(exp.Exists(this=partner)), *under])
            call.replace(staging.call_stage(call, rows, "MERGE", tree, shared=False))
    return tree
