"""Which functions are ours, calls of them, and the words that stand for the session's user and database."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from sqlglot import exp

from rvbbit_proxy.engine.catalog.install import CATALOG, proc_kinds

FUNCTIONS_SCHEMA = f"{CATALOG}.pg"
_TABLE_MACRO = re.compile(r"^CREATE MACRO rvbbit_pg\.pg\.(\w+)\([^)]*\) AS\s+(TABLE\b)?", re.MULTILINE)
SESSION_WORDS: dict[type[exp.Expr], str] = {
    exp.CurrentUser: "current_user",
    exp.SessionUser: "current_user",
    exp.CurrentCatalog: "current_database",
    exp.CurrentDatabase: "current_database",
    exp.CurrentSchema: "current_schema",
    exp.CurrentVersion: "version",
}
_SPREADING = frozenset(("_pg_expandarray",))
_USER_WORDS = frozenset(("user", "current_role"))


@cache
def function_names() -> frozenset[str]:
    """Return the functions that are found by the search path."""
    text = files("rvbbit_proxy.engine.catalog").joinpath("functions.sql").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^CREATE MACRO rvbbit_fn\.main\.(\w+)", text, re.MULTILINE))


@cache
def macro_kinds() -> dict[str, bool]:
    """Return the functions of ours by name, and whether they are table functions."""
    text = files("rvbbit_proxy.engine.catalog").joinpath("macros.sql").read_text(encoding="utf-8")
    return {found[1]: found[2] is not None for found in _TABLE_MACRO.finditer(text)}


@cache
def plain_functions() -> frozenset[str]:
    """Return the functions that give one value a call, which DuckDB does not call in FROM."""
    facts = proc_kinds()
    scalar = {name for name, kinds in facts.items() if kinds == {("f", False)}}
    return frozenset(scalar | {name for name, in_from in macro_kinds().items() if not in_from}) - _SPREADING


def is_user_word(node: exp.Expr) -> bool:
    return (
        isinstance(node, exp.Column)
        and isinstance(node.this, exp.Identifier)
        and not node.this.args.get("quoted")
        and not node.table
        and node.name.lower() in _USER_WORDS
    )


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Dot.build(
        [
            exp.to_identifier(CATALOG),
            exp.to_identifier("pg"),
            exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments]),
        ]
    )
