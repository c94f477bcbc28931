"""The names PostgreSQL gives to unnamed items. Source: FigureColname in src/backend/parser/parse_target.c.

What is no cast, CASE or operator is left to ``duckdb_names``, which knows functions.
"""

from __future__ import annotations

from sqlglot import ErrorLevel, exp

from rvbbit_proxy.engine.catalog.calls import SESSION_WORDS, is_user_word
from rvbbit_proxy.engine.catalog.output_types import cast_target, first_select
from rvbbit_proxy.engine.duckdb_names import UNNAMED, figure_name

_OWN_WORDS: dict[type[exp.Expr], str] = {exp.CurrentCatalog: "current_catalog", exp.SessionUser: "session_user"}


def name_items(tree: exp.Expr) -> None:
    """Give unnamed items of every SELECT the names PostgreSQL gives them."""
    query = first_select(tree)
    for select in tree.find_all(exp.Select):
        items = [_named(item, select is query) for item in select.expressions]
        select.set("expressions", items)


def _named(item: exp.Expr, outermost: bool) -> exp.Expr:
    if isinstance(item, (exp.Alias, exp.Column, exp.Star)) and not is_user_word(item):
        return item
    if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star):
        return item
    name = item.name.lower() if is_user_word(item) else figure(item)
    return item if name == UNNAMED and not outermost else exp.alias_(item, name, quoted=True)


def figure(item: exp.Expr) -> str:
    word = SESSION_WORDS.get(type(item))
    if word is not None:
        return _OWN_WORDS.get(type(item), word)
    if isinstance(item, exp.Cast):
        inner: exp.Expr = item
        while isinstance(inner, (exp.Cast, exp.Paren)):
            inner = inner.this
        name = UNNAMED if isinstance(inner, exp.Literal) else figure(inner)
        return name if name != UNNAMED else cast_target(item).removesuffix("[]")
    if isinstance(item, exp.Column):
        return item.name if item.this.args.get("quoted") else item.name.lower()
    if isinstance(item, exp.Case):
        return _case_name(item)
    if isinstance(item, exp.Dot):
        return item.expression.name if isinstance(item.expression, exp.Identifier) else figure(item.expression)
    if isinstance(item, (exp.Collate, exp.Paren)):
        return figure(item.this)
    if isinstance(item, exp.Binary):
        return UNNAMED
    if isinstance(item, exp.Literal):
        return UNNAMED
    return (
        figure_name(item.sql("duckdb", unsupported_level=ErrorLevel.IGNORE, normalize_functions=False)) or UNNAMED
    )


def _case_name(case: exp.Case) -> str:
    """Return the name of what ELSE gives where that is a column or a call."""
    default = case.args.get("default")
    inner = default
    while isinstance(inner, exp.Cast):
        inner = inner.this
    if inner is None or isinstance(inner, (exp.Literal, exp.Null, exp.Boolean, exp.Case)):
        return "case"
    name = figure(inner) if not isinstance(inner, exp.Column) else inner.name.lower()
    return "case" if name == UNNAMED else name
