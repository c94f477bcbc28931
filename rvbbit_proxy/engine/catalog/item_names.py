"""The names of unnamed items, written into a statement whose items are about to be rewritten."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.engine.catalog.calls import is_user_word
from rvbbit_proxy.engine.catalog.names import REG_PREFIX
from rvbbit_proxy.engine.catalog.output_types import first_select
from rvbbit_proxy.sql.item_names import UNNAMED, output_name


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
    name = item_name(item)
    return item if name == UNNAMED and not outermost else exp.alias_(item, name, quoted=True)


def item_name(item: exp.Expr) -> str:
    """Return the name of an item, a cast to a reg type by that type's own name."""
    return output_name(item).removeprefix(REG_PREFIX)
