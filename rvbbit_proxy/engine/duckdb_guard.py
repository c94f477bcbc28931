"""What must not reach DuckDB as it stands.

- ``COPY … TO STDOUT`` would write into the server process's own output, ``FROM STDIN`` read its input.
- The ledger is attached to the same instance as catalogs ``rvbbit`` (views) and ``rvbbit_ledger`` (tables): users
  read it, and write only ``training_annotations``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rvbbit_proxy.engine.duckdb_parameters import substitute_parameters
from rvbbit_proxy.engine.statement import COPY_STREAM, mask_literals, parameter_marks, words_of
from rvbbit_proxy.errors import NotSupported, ReadOnlyRelation, UpstreamError
from rvbbit_proxy.sql.remembered import remembered

LEDGER_CATALOGS = frozenset(("rvbbit", "rvbbit_ledger"))
WRITABLE = frozenset((("rvbbit_ledger", "training_annotations"), ("rvbbit", "training_annotations")))
LEDGER_VIEWS = "rvbbit.main"

_LEDGER_NAME = re.compile(r"\brvbbit(?:_ledger)?\b", re.IGNORECASE)
_COPY_DEVICE = re.compile(r"'/(?:dev|proc)/", re.IGNORECASE)
_OWN_SETTINGS = re.compile(r"\b(?:python_\w+|errors_as_json|\w+_transaction_invalidation_policy)\b", re.IGNORECASE)
_ANNOTATIONS = re.compile(
    r"\b(?P<verb>INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"
    r'(?P<schema>"?rvbbit"?\s*\.\s*(?:"?main"?\s*\.\s*)?)?"?training_annotations\b"?',
    re.IGNORECASE,
)
_READING = frozenset(("SELECT", "FROM", "VALUES", "TABLE", "SHOW", "DESCRIBE", "SUMMARIZE", "CALL", "PRAGMA"))
_PREFIXED = re.compile(
    r"^\s*(?:EXPLAIN\s+(?:ANALYZE\s+|\([^)]*\)\s*)?|PREPARE\s+\w+\s*(?:\([^)]*\)\s*)?AS\s+)", re.I
)
_ROW_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


@remembered
def check_statement(sql: str) -> None:
    """Raise ``NotSupported`` or ``ReadOnlyRelation`` for what DuckDB must not be given."""
    words = words_of(sql, 2)
    if words[:1] == ("COPY",):
        _check_copy(sql)
    if words[:1] and words[0] in ("SET", "RESET", "PRAGMA") and _OWN_SETTINGS.search(sql):
        raise UpstreamError("permission denied to set this parameter", sqlstate="42501")
    if _LEDGER_NAME.search(sql) and words and words[0] not in _READING:
        _check_ledger(sql)


def dropped_names(sql: str) -> tuple[str, ...]:
    """Return the unqualified names a DROP or ALTER is about; they may be found in the ledger's views."""
    tree = _parse(sql)
    if tree is None or isinstance(tree, exp.Query):
        return ()
    return tuple(table.name.lower() for table in _target_tables(tree) if not _catalog(table))


def writes_annotations(sql: str) -> bool:
    """Tell whether rows are written to ``training_annotations`` without a schema."""
    found = _ANNOTATIONS.search(mask_literals(sql)) if "training_annotations" in sql.lower() else None
    return found is not None and found["schema"] is None


def redirect_annotations(sql: str, *, unqualified: bool) -> str:
    """Send writes to the view ``rvbbit.training_annotations`` to the table behind it.

    >>> redirect_annotations("DELETE FROM rvbbit.training_annotations WHERE x", unqualified=False)
    'DELETE FROM rvbbit_ledger.main.training_annotations WHERE x'
    """
    if "training_annotations" not in sql.lower():
        return sql
    found = _ANNOTATIONS.search(mask_literals(sql))
    if found is None or (found["schema"] is None and not unqualified):
        return sql
    return f"{sql[: found.end('verb')]} rvbbit_ledger.main.training_annotations{sql[found.end() :]}"


def _check_copy(sql: str) -> None:
    if COPY_STREAM.search(mask_literals(sql)):
        raise NotSupported("COPY between the client and the server is not supported here")
    if _COPY_DEVICE.search(sql):
        raise NotSupported("COPY to or from a device is not supported")


def _check_ledger(sql: str) -> None:
    body = sql
    while (found := _PREFIXED.match(mask_literals(body))) is not None:
        body = body[found.end() :]
    if words_of(body, 1)[:1] and words_of(body, 1)[0] in _READING:
        return
    for catalog, table, write in _targets(body):
        if catalog in LEDGER_CATALOGS and not (write and (catalog, table) in WRITABLE):
            raise _read_only(f"{catalog}.{table}" if table else catalog)


def _read_only(name: str) -> ReadOnlyRelation:
    return ReadOnlyRelation(
        f"permission denied for {name}",
        detail="The ledger is read only, except for training_annotations.",
    )


def _targets(sql: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (catalog, table, whether only rows are written) of what a statement changes.

    A statement that does not parse counts as touching the ledger, since its text names it.
    """
    tree = _parse(sql)
    if tree is None or isinstance(tree, exp.Command):
        yield "rvbbit", "", False
    elif isinstance(tree, exp.Set):
        yield from _search_path_target(sql)
    elif isinstance(tree, (exp.Attach, exp.Detach, exp.Use)):
        yield from ((name, "", False) for name in _names(tree) if name in LEDGER_CATALOGS)
    elif isinstance(tree, exp.Copy):
        yield from _copy_target(sql, tree)
    elif not isinstance(tree, exp.Query):
        for table in _target_tables(tree):
            yield _catalog(table), table.name.lower(), isinstance(tree, _ROW_WRITES)


def _parse(sql: str) -> exp.Expr | None:
    marks = {mark.number: "NULL" for mark in parameter_marks(sql)}
    try:
        return sqlglot.parse_one(substitute_parameters(sql, marks), read="duckdb")
    except SqlglotError:
        return None


def _names(tree: exp.Expr) -> Iterator[str]:
    for node in tree.walk():
        if isinstance(node, (exp.Identifier, exp.Var, exp.Literal)):
            yield node.name.lower()


def _target_tables(tree: exp.Expr) -> Iterator[exp.Table]:
    heads = [tree.this, *(tree.args.get("tables") or ()), *(tree.expressions or ())]
    for head in heads:
        if isinstance(head, exp.Index):
            head = head.args.get("table")
        if isinstance(head, (exp.Schema, exp.UserDefinedFunction)):
            head = head.this
        if isinstance(head, exp.Table):
            yield head


def _catalog(table: exp.Table) -> str:
    return (table.catalog or table.db).lower()


def _copy_target(sql: str, tree: exp.Copy) -> Iterator[tuple[str, str, bool]]:
    if re.search(r"\bCOPY\s+FROM\s+DATABASE\b", mask_literals(sql), re.IGNORECASE):
        yield from ((node.name.lower(), "", False) for node in tree.args.get("files") or ())
    elif tree.args.get("kind"):
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if isinstance(table, exp.Table):
            yield _catalog(table), table.name.lower(), True


def _search_path_target(sql: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the catalog new tables would land in: the first one of a search_path."""
    found = re.search(r"\b(?:search_path|schema)\s*(?:=|TO)\s*['\"]?\s*\"?(\w+)", sql, re.IGNORECASE)
    if found is not None:
        yield found[1].lower(), "", False
