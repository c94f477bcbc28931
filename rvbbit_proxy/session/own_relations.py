"""pg_prepared_statements and pg_cursors on DuckDB: what the session alone knows, told to its upstream as a variable.

A PostgreSQL upstream has its own; what the proxy itself prepares and declares there is in neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from rvbbit_proxy.session.cursors import Cursors
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import PreparedStatements
from rvbbit_proxy.sql.lexer import words
from rvbbit_proxy.wire.types import oids


def _statement_rows(statements: PreparedStatements) -> Iterator[dict[str, Any]]:
    for prepared in statements:
        if prepared.name:
            described = prepared.description
            given = prepared.parameter_oids if described is None else described.parameter_oids
            columns = None if described is None else described.columns
            yield {
                "name": prepared.name,
                "statement": prepared.text or prepared.statement.sql,
                "prepare_time": prepared.prepared_at.isoformat(),
                "parameter_types": [oid or oids.TEXT for oid in given],
                "result_types": None if columns is None else [column.type_oid for column in columns],
                "from_sql": prepared.from_sql,
            }


def _cursor_rows(cursors: Cursors) -> Iterator[dict[str, Any]]:
    for cursor in cursors:
        declared = cursor.declared
        yield {
            "name": declared.name,
            "statement": cursor.text,
            "is_holdable": declared.hold,
            "is_binary": declared.binary,
            "is_scrollable": declared.scroll,
            "creation_time": cursor.declared_at.isoformat(),
        }


_RELATIONS: Mapping[str, Callable[[SessionState], Iterator[dict[str, Any]]]] = MappingProxyType(
    {
        "pg_prepared_statements": lambda state: _statement_rows(state.statements),
        "pg_cursors": lambda state: _cursor_rows(state.cursors),
    }
)


def tell_own_relations(sql: str, state: SessionState) -> None:
    """Tell DuckDB the rows of those relations that a statement reads."""
    if "pg_" not in sql:
        return
    for name in _RELATIONS.keys() & words(sql):
        rows = json.dumps(list(_RELATIONS[name](state))).replace("'", "''")
        state.upstream.execute(f"SET VARIABLE rvbbit_{name} = '{rows}'").close()
