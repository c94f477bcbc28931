"""Bound parameters as literals: a semantic statement is planned per execution, with its values in the tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp


def literal(value: Any, type_name: str | None) -> exp.Expr:
    """Return a literal of a Python value; ``type_name`` None leaves it untyped, as PostgreSQL's unknown.

    >>> literal("it's", None).sql(), literal(5, "int4").sql(dialect="postgres")
    ("'it''s'", 'CAST(5 AS INT)')
    """
    if isinstance(value, (list, tuple)):
        element = type_name.removesuffix("[]") if type_name else None
        inner: exp.Expr = exp.Array(expressions=[literal(item, element) for item in value])
    elif value is None:
        inner = exp.Null()
    elif isinstance(value, bool):
        inner = exp.Boolean(this=value)
    elif isinstance(value, (int, float)) and value == value and abs(value) != float("inf"):
        inner = exp.Literal.number(repr(value)) if value >= 0 else exp.Neg(this=exp.Literal.number(repr(-value)))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        inner = exp.Literal.string("\\x" + bytes(value).hex())
    else:
        inner = exp.Literal.string(str(value))
    if type_name is None:
        return inner
    return exp.cast(inner, exp.DataType.build(type_name, dialect="postgres"))


def bind(tree: exp.Expr, values: Mapping[int, exp.Expr]) -> exp.Expr:
    """Return a copy of the tree with ``$n`` replaced by the n-th literal; as a SELECT item it stays nameless."""
    copy = tree.copy()
    for parameter in list(copy.find_all(exp.Parameter)):
        number = int(parameter.name) if parameter.name.isdigit() else 0  # the operator @ is one to sqlglot
        if number in values:
            value = values[number].copy()
            item = isinstance(parameter.parent, exp.Select) and parameter.arg_key == "expressions"
            parameter.replace(exp.alias_(value, "?column?", quoted=True) if item else value)
    return copy
