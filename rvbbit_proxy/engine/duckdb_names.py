"""The names of unnamed result columns, as PostgreSQL gives them.

DuckDB names a column without alias by the text of its expression (``sum(a)``, ``CAST(x AS int8)``); PostgreSQL by
the function, the column or the type it ends in, else ``?column?``. DuckDB's name is parsed back to find out.
Source: FigureColname in PostgreSQL's src/backend/parser/parse_target.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rvbbit_proxy.engine.statement import words_of

UNNAMED = "?column?"
_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")
_SEVERAL_WORDS = re.compile(r"[^\W\d]\w*(?: \w+)+")
"""A column's name: the text of an expression that holds blanks holds parentheses, too."""
_PARAMETER_NULL = re.compile(r"CAST\(NULL AS [A-Z ]+(?:\[\])?\)")
_KEYWORD_VALUES = {"true": "bool", "false": "bool", "NULL": UNNAMED}
_TYPE_NAMES = {
    "INTEGER": "int4",
    "INT": "int4",
    "BIGINT": "int8",
    "SMALLINT": "int2",
    "FLOAT": "float4",
    "REAL": "float4",
    "DOUBLE": "float8",
    "DECIMAL": "numeric",
    "BOOLEAN": "bool",
    "VARCHAR": "varchar",
    "BLOB": "bytea",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIME WITH TIME ZONE": "timetz",
}
_FUNCTIONS = {"count_star": "count", "list_value": "array", "date_part": "extract"}


def postgres_names(sql: str, names: Sequence[str]) -> list[str]:
    """Return the names RowDescription tells; what the statement quotes itself stays as it is.

    >>> postgres_names("SELECT sum(a), a + 1, b FROM t", ["sum(a)", "(a + 1)", "b"])
    ['sum', '?column?', 'b']
    """
    names = [_PARAMETER_NULL.sub("$1", name) for name in names]
    if all(_PLAIN.match(name) and name not in _KEYWORD_VALUES for name in names):
        return _values_names(sql, names)
    return [name if _is_alias(sql, name) else figure_name(name) for name in names]


def _is_alias(sql: str, name: str) -> bool:
    if _PLAIN.match(name) and name not in _KEYWORD_VALUES:
        return True
    return '"' + name.replace('"', '""') + '"' in sql


def _values_names(sql: str, names: Sequence[str]) -> list[str]:
    if names and names[0] == "col0" and words_of(sql, 1) == ("VALUES",):
        return [f"column{number}" for number in range(1, len(names) + 1)]
    return list(names)


@lru_cache(maxsize=4096)
def figure_name(text: str) -> str:
    """Return the name PostgreSQL gives to an expression of this text.

    >>> figure_name("CAST(x AS int8)"), figure_name("CAST(1 AS INTEGER)"), figure_name("count_star()")
    ('x', 'int4', 'count')
    >>> figure_name("a column"), figure_name("CAST(CAST(1 AS INTEGER) AS BIGINT)")
    ('a column', 'int8')
    """
    if text in _KEYWORD_VALUES:
        return _KEYWORD_VALUES[text]
    if text.startswith("$"):
        return UNNAMED
    if _SEVERAL_WORDS.fullmatch(text):
        return text
    try:
        tree = sqlglot.parse_one(re.sub(r"\$(\d+)", r'"\\$\1"', text), read="duckdb")
    except SqlglotError:
        return UNNAMED
    return _figure(tree, text) or UNNAMED


def _figure(tree: exp.Expr, text: str) -> str | None:
    if isinstance(tree, exp.Paren):
        return _figure(tree.this, text)
    if isinstance(tree, exp.Dot):
        return _figure(tree.expression, "")
    if isinstance(tree, exp.Column):
        return None if tree.name.startswith("\\$") else tree.name
    if isinstance(tree, (exp.Cast, exp.TryCast)):
        return _strong_figure(tree.this) or _type_name(tree)
    if isinstance(tree, exp.Case):
        return _strong_figure(tree.args.get("default")) or "case"
    if isinstance(tree, exp.Exists):
        return "exists"
    if isinstance(tree, (exp.Array, exp.ArrayConcat)):
        return "array"
    if isinstance(tree, (exp.Window, exp.Filter, exp.Bracket, exp.WithinGroup, exp.IgnoreNulls)):
        return _figure(tree.this, text)
    if isinstance(tree, (exp.Subquery, exp.Select)):
        return _subquery_name(tree)
    return _function_name(tree, text)


def _strong_figure(tree: exp.Expr | None) -> str | None:
    """Return the name of a part that goes before that of the cast or CASE around it."""
    while isinstance(tree, exp.Paren):
        tree = tree.this
    if isinstance(tree, (exp.Cast, exp.TryCast)):
        return _strong_figure(tree.this)
    if isinstance(tree, exp.Case):
        return _strong_figure(tree.args.get("default"))
    return None if tree is None or isinstance(tree, exp.Boolean) else _figure(tree, "")


def _type_name(cast: exp.Expr) -> str:
    name: str = cast.args["to"].sql("duckdb").partition("(")[0].partition("[")[0].strip()
    return _TYPE_NAMES.get(name.upper(), name.lower())


def _subquery_name(tree: exp.Expr) -> str | None:
    query = tree.this if isinstance(tree, exp.Subquery) else tree
    first = query.expressions[0] if query.expressions else None
    if isinstance(first, exp.Alias):
        return first.alias
    return None if first is None else _figure(first, "")


def _function_name(tree: exp.Expr, text: str) -> str | None:
    """Return a call's name: as DuckDB wrote it where the whole text is the call, else as sqlglot writes it."""
    if isinstance(tree, exp.Anonymous):
        return _FUNCTIONS.get(tree.name.lower(), tree.name.lower())
    if not isinstance(tree, exp.Func) or isinstance(tree, (exp.And, exp.Or)):
        return None
    found = re.match(r'"?(\w+)"?\(', text or tree.sql("duckdb"))
    name = found[1].lower() if found else tree.sql_name().lower()
    return _FUNCTIONS.get(name, name)
