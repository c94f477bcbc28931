"""The names of result columns, as PostgreSQL gives them to SELECT items without alias.

Source: FigureColname in PostgreSQL's src/backend/parser/parse_target.c.
"""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.sql.dialect import WRITTEN_NAME, SemanticCall

UNNAMED = "?column?"
TYPE_NAMES = {
    "SMALLINT": "int2",
    "INT": "int4",
    "BIGINT": "int8",
    "REAL": "float4",
    "DOUBLE PRECISION": "float8",
    "BOOLEAN": "bool",
    "DECIMAL": "numeric",
    "CHAR": "bpchar",
}
"""PostgreSQL's own names of types, by those that SQL has for them."""
_WRAPPERS = (exp.Filter, exp.Window, exp.Paren, exp.WithinGroup, exp.Bracket, exp.Collate)
_NAMELESS = (exp.Binary, exp.Connector, exp.Interval)


def name_items(select: exp.Expr) -> None:
    """Give every unnamed item that is no column the name it has in PostgreSQL."""
    items = [
        item
        if isinstance(item, (exp.Alias, exp.Column, exp.Star))
        else exp.alias_(item, output_name(item), quoted=True)
        for item in select.expressions
    ]
    select.set("expressions", items)


def output_name(expression: exp.Expr) -> str:
    """Return the column name of a SELECT item."""
    return _strong_name(expression) or _weak_name(expression) or UNNAMED


def folded(identifier: exp.Expr) -> str:
    """Return an identifier's name as PostgreSQL folds it: lower case unless quoted."""
    quoted = isinstance(identifier, exp.Identifier) and identifier.args.get("quoted")
    return str(identifier.name) if quoted else str(identifier.name).lower()


def _strong_name(expression: exp.Expr) -> str | None:
    """Return the name of a column, a function or the like, which a cast or CASE around it takes over."""
    if isinstance(expression, exp.Alias):
        return folded(expression.args["alias"])
    if isinstance(expression, exp.Column):
        return folded(expression.this)
    if isinstance(expression, (exp.Cast, *_WRAPPERS)):
        return _strong_name(expression.this)
    if isinstance(expression, exp.Case):
        default = expression.args.get("default")
        return _strong_name(default) if default is not None else None
    if isinstance(expression, exp.Subquery) and isinstance(expression.this, exp.Select):
        return _strong_name(expression.this.expressions[0])
    if isinstance(expression, SemanticCall):
        return expression.meta.get("function")
    if isinstance(expression, exp.Func) and not isinstance(expression, _NAMELESS):
        return _function_name(expression)
    return None


def _weak_name(expression: exp.Expr) -> str | None:
    """Return the name that an expression has only where nothing inside has a better one."""
    if isinstance(expression, _WRAPPERS):
        return _weak_name(expression.this)
    if isinstance(expression, exp.Subquery) and isinstance(expression.this, exp.Select):
        return _weak_name(expression.this.expressions[0])
    if isinstance(expression, exp.Case):
        return "case"
    if isinstance(expression, exp.Boolean):
        return "bool"
    if isinstance(expression, exp.Cast):
        return _type_name(expression.to)
    return None


def _type_name(kind: exp.DataType) -> str:
    while kind.is_type(exp.DataType.Type.ARRAY) and kind.expressions:
        kind = kind.expressions[0]
    written = str(kind.sql(dialect="postgres")).partition("(")[0].strip()
    return TYPE_NAMES.get(written, written.lower())


def _function_name(function: exp.Func) -> str | None:
    if isinstance(function, exp.Trim):
        return {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(function.args.get("position")), "btrim")
    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return str(function.meta.get(WRITTEN_NAME) or function.sql_name()).lower()
