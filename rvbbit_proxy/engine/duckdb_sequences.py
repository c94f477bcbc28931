"""What PostgreSQL lets a client do with a sequence and DuckDB refuses: read it as a relation, set it to what a query finds.

Both are looked at only after DuckDB has refused a statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rvbbit_proxy.engine.statement import parameter_marks

SEQUENCES = "SELECT schema_name, sequence_name, start_value, last_value FROM duckdb_sequences()"
Fetch = Callable[[str], Sequence[tuple[Any, ...]]]


def without_sequences(sql: str, error: duckdb.Error, fetch: Fetch, *, run: bool = True) -> str | None:
    """Return a refused query that DuckDB takes, None where no sequence is what it was refused for.

    ``run`` False: only its columns matter, and nothing is looked up but names.
    """
    if isinstance(error, duckdb.CatalogException) and "does not exist" in str(error):
        return _read_as_relation(sql, fetch)
    if isinstance(error, duckdb.BinderException) and "setval" in sql.lower() and "constant" in str(error):
        return _with_constants(sql, fetch) if run else "SELECT NULL::BIGINT AS setval"
    return None


def _read_as_relation(sql: str, fetch: Fetch) -> str | None:
    tree = _parsed(sql)
    if not isinstance(tree, exp.Query):
        return None
    known = {(schema.lower(), name.lower()): (start, last) for schema, name, start, last in fetch(SEQUENCES)}
    changed = False
    for table in list(tree.find_all(exp.Table)):
        found = known.get((table.db.lower() or "main", table.name.lower()))
        if found is not None:
            start, last = found
            value = start if last is None else last
            row = f"SELECT {value}::BIGINT AS last_value, 0::BIGINT AS log_cnt, {last is not None} AS is_called"
            alias = exp.TableAlias(this=exp.to_identifier(table.alias or table.name, quoted=True))
            table.replace(exp.Subquery(this=sqlglot.parse_one(row, read="duckdb"), alias=alias))
            changed = True
    return tree.sql("duckdb") if changed else None


def _with_constants(sql: str, fetch: Fetch) -> str | None:
    """Return ``SELECT setval(…) FROM …`` with its arguments as the last row has them."""
    tree = _parsed(sql)
    calls = (
        [] if tree is None else [node for node in tree.find_all(exp.Anonymous) if node.name.lower() == "setval"]
    )
    if parameter_marks(sql) or not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or len(calls) != 1:
        return None
    (call,) = calls
    arguments = tree.copy()
    arguments.set("expressions", [argument.copy() for argument in call.expressions])
    rows = fetch(arguments.sql("duckdb"))
    if not rows:
        return "SELECT NULL::BIGINT AS setval WHERE false"
    if None in rows[-1]:
        return "SELECT NULL::BIGINT AS setval"
    values = ", ".join(_literal(value) for value in rows[-1])
    return f"SELECT setval({values}) AS setval"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return "'" + re.sub(r'^"?public"?\.', "main.", value).replace("'", "''") + "'"
    return str(int(value))


def _parsed(sql: str) -> exp.Expr | None:
    try:
        return sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError:
        return None
