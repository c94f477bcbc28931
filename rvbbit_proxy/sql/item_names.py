"""The names PostgreSQL gives to SELECT items without alias.

A column, a function or the like gives a strong name, which a cast or CASE around it takes over; a cast's type and
CASE are weak ones. Operators and literals give none: ``?column?``.
Source: FigureColname in PostgreSQL's src/backend/parser/parse_target.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.parser import Parser

from rvbbit_proxy.sql.semantic_call import SemanticCall

if TYPE_CHECKING:
    _Parser = Parser
else:
    _Parser = object

UNNAMED = "?column?"
WRITTEN_NAME = "rvbbit_written"
"""Key in a function's meta: its name as it was written, which PostgreSQL gives to its column."""
TYPE_NAMES = {
    "SMALLINT": "int2",
    "INT": "int4",
    "INTEGER": "int4",
    "BIGINT": "int8",
    "REAL": "float4",
    "FLOAT": "float8",
    "DOUBLE": "float8",
    "DOUBLE PRECISION": "float8",
    "BOOLEAN": "bool",
    "DECIMAL": "numeric",
    "CHAR": "bpchar",
    "CHARACTER": "bpchar",
    "CHARACTER VARYING": "varchar",
    "BLOB": "bytea",
    "TIMESTAMP WITHOUT TIME ZONE": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIME WITHOUT TIME ZONE": "time",
    "TIME WITH TIME ZONE": "timetz",
}
"""PostgreSQL's own names of types, by those that SQL has for them."""
_WRAPPERS = (exp.Filter, exp.Window, exp.Paren, exp.WithinGroup, exp.Bracket, exp.Collate, exp.IgnoreNulls)
_NAMELESS = (exp.Binary, exp.Connector, exp.Interval)
_OWN_WORDS: dict[type[exp.Expr], str] = {exp.CurrentCatalog: "current_catalog", exp.SessionUser: "session_user"}


class NamedCalls(_Parser):
    """A parser that notes each function's name as it was written; to be mixed in before a dialect's own.

    An interval's string stays whole where it says more than one number and unit, which are all sqlglot would keep.
    """

    def _parse_function_call(self, *arguments: Any, **options: Any) -> exp.Expr | None:
        name = self._curr.text if self._curr else ""
        parsed = super()._parse_function_call(*arguments, **options)
        call = parsed
        while isinstance(call, (exp.Window, exp.Filter, exp.WithinGroup, exp.IgnoreNulls)):
            call = call.this
        if isinstance(call, exp.Expression):
            call.meta[WRITTEN_NAME] = name
        return parsed

    def _parse_interval_span(self, this: exp.Expr, parse_function_unit: bool = True) -> exp.Interval:
        parts = exp.INTERVAL_STRING_RE.findall(this.name) if this.is_string else ()
        if len(parts) == 1 and not exp.INTERVAL_STRING_RE.fullmatch(this.name):
            return self.expression(exp.Interval(this=this))
        return super()._parse_interval_span(this, parse_function_unit)


def output_name(expression: exp.Expr) -> str:
    """Return the column name of a SELECT item."""
    return _strong_name(expression) or _weak_name(expression) or UNNAMED


def folded(identifier: exp.Expr) -> str:
    """Return an identifier's name as PostgreSQL folds it: lower case unless quoted."""
    quoted = isinstance(identifier, exp.Identifier) and identifier.args.get("quoted")
    return str(identifier.name) if quoted else str(identifier.name).lower()


def _strong_name(expression: exp.Expr | None) -> str | None:
    """Return the name of a column, a function or the like, which a cast or CASE around it takes over."""
    if isinstance(expression, exp.Alias):
        return folded(expression.args["alias"])
    if isinstance(expression, exp.Column):
        return folded(expression.this)
    if isinstance(expression, exp.Dot):
        part = expression.expression
        return folded(part) if isinstance(part, exp.Identifier) else _strong_name(part)
    if isinstance(expression, (exp.Cast, *_WRAPPERS)):
        return _strong_name(expression.this)
    if isinstance(expression, exp.Case):
        return _strong_name(expression.args.get("default"))
    if isinstance(expression, (exp.Subquery, exp.Select)):
        return _strong_name(_first_item(expression))
    if isinstance(expression, SemanticCall):
        return expression.meta.get("function")
    if isinstance(expression, exp.AtTimeZone):
        return "timezone"
    if isinstance(expression, exp.Tuple):
        return "row"
    if isinstance(expression, (exp.Exists, exp.Array)):
        return "exists" if isinstance(expression, exp.Exists) else "array"
    if isinstance(expression, exp.Overlaps):
        return "overlaps"
    if isinstance(expression, _NAMELESS):
        return str(expression.meta[WRITTEN_NAME]).lower() if _is_call(expression) else None
    if isinstance(expression, exp.Func):
        return _function_name(expression)
    return None


def _weak_name(expression: exp.Expr | None) -> str | None:
    """Return the name that an expression has only where nothing inside has a better one."""
    if isinstance(expression, _WRAPPERS):
        return _weak_name(expression.this)
    if isinstance(expression, (exp.Subquery, exp.Select)):
        return _weak_name(_first_item(expression))
    if isinstance(expression, exp.Case):
        return "case"
    if isinstance(expression, exp.Cast):
        return type_name(expression.to)
    if isinstance(expression, exp.Interval):
        return "interval"
    return None


def _first_item(query: exp.Expr) -> exp.Expr | None:
    while isinstance(query, (exp.Subquery, exp.SetOperation)):
        query = query.this
    return query.expressions[0] if isinstance(query, exp.Select) and query.expressions else None


def _is_call(function: exp.Expr) -> bool:
    """Tell whether what sqlglot has as an operator was written as a call: ``mod(a, b)``, ``power(a, b)``."""
    return WRITTEN_NAME in function.meta


def type_name(kind: exp.Expr) -> str:
    """Return the name PostgreSQL has for a type inside, an array's being that of its elements."""
    while isinstance(kind, exp.DataType) and kind.is_type(exp.DataType.Type.ARRAY) and kind.expressions:
        kind = kind.expressions[0]
    written = str(kind.sql(dialect="postgres")).partition("(")[0].strip().strip('"')
    return TYPE_NAMES.get(written.upper(), written.rpartition(".")[2].strip('"').lower())


def _function_name(function: exp.Func) -> str | None:
    if isinstance(function, exp.Trim):
        return {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(function.args.get("position")), "btrim")
    if type(function) in _OWN_WORDS:
        return _OWN_WORDS[type(function)]
    if isinstance(function, exp.Anonymous):
        return str(function.name).lower()
    return str(function.meta.get(WRITTEN_NAME) or function.sql_name()).lower()
