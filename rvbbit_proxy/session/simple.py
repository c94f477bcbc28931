"""The simple query: one text, any number of statements, one implicit transaction.

Source: https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY
"""

from __future__ import annotations

from collections.abc import Sequence

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.session.output import Attempt, counted_tag, send_rows
from rvbbit_proxy.session.running import run_statement
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, Statement, read_statement
from rvbbit_proxy.session.syntax import check_syntax
from rvbbit_proxy.sql.lexer import Statement as StatementText
from rvbbit_proxy.sql.lexer import split_statements
from rvbbit_proxy.wire import backend


def run_query(sql: str, state: SessionState) -> None:
    """Run the statements of a simple query in order; the first error ends it."""
    state.statements.drop("")
    state.portals.drop("")
    texts = split_statements(sql)
    if not texts:
        state.client.send(backend.encode_empty_query_response())
        return
    if len(texts) > 1 and not _all_parse(sql, texts, state):
        return
    for number, text in enumerate(texts, start=1):
        if not _run_one(text, state, several=len(texts) > 1, last=number == len(texts)):
            return


def _all_parse(sql: str, texts: Sequence[StatementText], state: SessionState) -> bool:
    """Tell whether every statement is well-formed: if one is not, none runs."""
    with Attempt(state) as tried:
        check_syntax(sql, texts, state)
    return tried.succeeded


def _run_one(text: StatementText, state: SessionState, *, several: bool, last: bool) -> bool:
    """Run one statement and tell whether it went well."""
    with Attempt(state) as tried:
        statement = read_statement(text.text, text.offset)
        tried.offset = statement.offset
        if several and statement.kind != "transaction":
            state.block.start_implicit()
        tag = _run(statement, state, tried.cancel)
        if last:
            state.block.end_implicit()  # before the tag: what fails to commit was not done
        state.client.send(backend.encode_command_complete(tag))
    return tried.succeeded


def _run(statement: Statement, state: SessionState, cancel: CancelToken) -> str:
    """Run the statement, send its rows, return its tag."""
    result = run_statement(BoundStatement(statement, "simple"), state, cancel)
    try:
        if result.columns is None:
            return str(result.tag)
        formats = (1,) if result.binary else ()
        state.client.send(backend.encode_row_description(result.columns, formats))
        rows = send_rows(result.batches(), result.columns, formats, state, cancel)
        return counted_tag(result.tag, rows)
    finally:
        result.close()
