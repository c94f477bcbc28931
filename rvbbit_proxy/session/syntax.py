"""The grammar of a text of several statements, looked at before any of them runs, as PostgreSQL parses it whole.

Only syntax: a statement that names what is not there fails when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from rvbbit_proxy.engine.statement import transaction_command
from rvbbit_proxy.errors import RvbbitError, SyntaxFault
from rvbbit_proxy.session.code_syntax import parse_do
from rvbbit_proxy.session.cursors import parse_cursor_command
from rvbbit_proxy.session.notifications import parse_notification_command
from rvbbit_proxy.session.parameter_commands import parse_parameter_command
from rvbbit_proxy.session.prepared_statements import parse_prepared_command
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import Statement, StatementKind, read_statement
from rvbbit_proxy.sql.copy import parse_copy
from rvbbit_proxy.sql.lexer import Statement as StatementText
from rvbbit_proxy.sql.lexer import words

_OWN: Mapping[StatementKind, Callable[[str], Any]] = MappingProxyType(
    {
        "transaction": transaction_command,
        "parameter": parse_parameter_command,
        "cursor": parse_cursor_command,
        "prepared": parse_prepared_command,
        "notification": parse_notification_command,
        "copy": parse_copy,
        "code": parse_do,
    }
)


def check_syntax(sql: str, texts: Sequence[StatementText], state: SessionState) -> None:
    """Raise the syntax error (42601) of the statements ``texts`` of ``sql``, its position counted in ``sql``.

    What the session or the semantic engine reads is blanked out of what the upstream is asked.
    """
    left = sql
    for text in texts:
        statement = read_statement(text.text, text.offset)
        with _placed(statement.offset):
            if _is_read_here(statement, state):
                end = text.offset + len(text.text)
                left = left[: text.offset] + " " * len(text.text) + left[end:]
    if left.strip(" \t\r\n;"):
        state.upstream.check_syntax(left)


def _is_read_here(statement: Statement, state: SessionState) -> bool:
    """Tell whether the upstream does not read the statement as it is. Raises SyntaxFault (42601)."""
    parse = _OWN.get(statement.kind)
    if parse is not None:
        return parse(statement.sql) is not None
    if state.upstream.dialect != "duckdb" and state.services.ledger_relations & words(statement.sql):
        return True
    semantics = state.services.semantics
    if semantics is None or not semantics.is_semantic(statement.sql, state.upstream):
        return False
    semantics.check_syntax(statement.sql, state.upstream)
    return True


@contextmanager
def _placed(offset: int) -> Iterator[None]:
    """Let a syntax error through, counted from ``offset`` characters on; other errors come when the statement runs."""
    try:
        yield
    except SyntaxFault as fault:
        if fault.position is not None:
            fault.position += offset
        raise
    except RvbbitError:
        pass
