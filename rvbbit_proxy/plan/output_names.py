"""The names of result columns, as PostgreSQL gives them to SELECT items without alias."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.sql.item_names import output_name


def name_items(select: exp.Expr) -> None:
    """Give every unnamed item that is no column the name it has in PostgreSQL."""
    items = [
        item
        if isinstance(item, (exp.Alias, exp.Column, exp.Star))
        else exp.alias_(item, output_name(item), quoted=True)
        for item in select.expressions
    ]
    select.set("expressions", items)
