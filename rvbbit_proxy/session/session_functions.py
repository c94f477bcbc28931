"""Functions that only the session can answer, where a statement is nothing but the call of one.

With a PostgreSQL upstream they are its own. Inside larger statements they are the catalog's matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rvbbit_proxy.engine.upstream import Column
from rvbbit_proxy.session.results import TextRows
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement
from rvbbit_proxy.sql.remembered import remembered
from rvbbit_proxy.wire.types import oids


@dataclass(frozen=True, slots=True)
class SessionFunction:
    """``value`` gives the answer's text; its type's text and binary forms must be the same."""

    type_oid: int
    value: Callable[[SessionState], str]


FUNCTIONS: Mapping[str, SessionFunction] = MappingProxyType(
    {
        # DuckDB has no advisory locks, so that all of them are released
        "pg_advisory_unlock_all": SessionFunction(oids.VOID, lambda state: ""),
    }
)
_CALL = re.compile(rf"\s*select\s+(?:pg_catalog\s*\.\s*)?({'|'.join(FUNCTIONS)})\s*\(\s*\)\s*;?\s*", re.IGNORECASE)


@remembered
def find_session_function(sql: str) -> str | None:
    """Return the name of the function a statement calls, None for any other statement.

    >>> find_session_function("SELECT pg_advisory_unlock_all()")
    'pg_advisory_unlock_all'
    """
    match = _CALL.fullmatch(sql) if "pg_" in sql.lower() else None
    return match[1].lower() if match else None


def function_columns(name: str) -> tuple[Column, ...]:
    """Return the one column of its result."""
    return (Column(name, FUNCTIONS[name].type_oid),)


def run_session_function(name: str, bound: BoundStatement, state: SessionState) -> TextRows:
    """Return the one row of its result."""
    result = TextRows((name,), [[FUNCTIONS[name].value(state)]], "SELECT", bound.result_formats)
    result.columns = function_columns(name)
    return result
