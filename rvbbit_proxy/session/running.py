"""One statement, whoever has to run it: the session, the semantic engine, or the upstream as it came."""

from __future__ import annotations

from dataclasses import replace

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.statement import command_tag, words_of
from rvbbit_proxy.engine.upstream import Description, UpstreamResult
from rvbbit_proxy.errors import ActiveTransaction, RvbbitError
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.session.code_blocks import run_do
from rvbbit_proxy.session.copy import run_copy
from rvbbit_proxy.session.cursor_statements import describe_cursor_command, run_cursor_command
from rvbbit_proxy.session.forwarding import follow_parameters
from rvbbit_proxy.session.invocation import find_caller, make_context, open_account
from rvbbit_proxy.session.notifications import Listen, parse_notification_command
from rvbbit_proxy.session.own_relations import tell_own_relations
from rvbbit_proxy.session.parameter_commands import parse_parameter_command
from rvbbit_proxy.session.parameter_statements import (
    parameter_columns,
    run_parameter_command,
)
from rvbbit_proxy.session.prepared_statements import (
    ExecutePrepared,
    around,
    parse_prepared_command,
    run_prepared_command,
)
from rvbbit_proxy.session.results import AccountedResult, Done, text_columns
from rvbbit_proxy.session.session_calls import SessionQuery
from rvbbit_proxy.session.session_functions import (
    describe_session_query,
    find_session_query,
    find_stopping_query,
    run_session_query,
)
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, Statement
from rvbbit_proxy.sql.copy import parse_copy
from rvbbit_proxy.sql.lexer import leading_words, words
from rvbbit_proxy.wire.types.oids import TEXT

_WRITING = frozenset(
    {"insert", "update", "delete", "merge", "create", "drop", "alter", "truncate", "comment", "grant", "revoke"}
)


class ReadOnlyTransaction(RvbbitError, sqlstate="25006"):
    """A write in a transaction that only reads."""


def run_statement(bound: BoundStatement, state: SessionState, cancel: CancelToken) -> UpstreamResult:
    """Run one statement and return its result, whose rows have not been read yet."""
    kind = bound.statement.kind
    if (activity := state.upstream.activity) is not None:
        activity.began(bound.statement.sql)
    if kind == "transaction":
        return _run_transaction(bound, state)
    state.block.refuse_if_failed()
    if kind == "parameter":
        command = parse_parameter_command(bound.statement.sql)
        if command is not None:
            return run_parameter_command(command, bound, state)
    elif kind == "cursor":
        return run_cursor_command(bound, state, lambda inner: run_statement(inner, state, cancel))
    elif kind == "prepared":
        return run_prepared_command(
            bound,
            state,
            lambda inner: run_statement(inner, state, cancel),
            lambda inner, oids: describe_statement(inner, oids, state),
        )
    elif kind == "copy":
        copy = parse_copy(bound.statement.sql)
        if copy is not None:
            if copy.direction == "in" and _reads_only(state):
                raise ReadOnlyTransaction("cannot execute COPY FROM in a read-only transaction")
            return run_copy(copy, bound, state, cancel, lambda inner: run_statement(inner, state, cancel))
    elif kind == "code" and state.upstream.dialect == "duckdb":
        return run_do(bound, state, lambda inner: run_statement(inner, state, cancel))
    elif kind == "notification":
        return _run_notification(bound, state)
    elif query := _own_query(bound.statement.sql, state):
        return run_session_query(query, bound, state, cancel)
    return _run_plain(bound, state, cancel)


def describe_statement(statement: Statement, parameter_oids: tuple[int, ...], state: SessionState) -> Description:
    """Tell a statement's parameters and columns without running it."""
    if statement.kind == "transaction" or statement.kind == "empty":
        return Description((), None)
    state.block.refuse_if_failed()
    if statement.kind == "parameter":
        command = parse_parameter_command(statement.sql)
        if command is not None:
            names = parameter_columns(command)
            oids = tuple(oid or TEXT for oid in parameter_oids)
            return Description(oids, None if names is None else text_columns(names))
    if statement.kind == "cursor":
        return describe_cursor_command(
            statement, state, lambda inner: describe_statement(inner, parameter_oids, state)
        )
    if statement.kind == "prepared":
        return _describe_prepared(statement, state)
    if statement.kind in ("notification", "copy", "code"):
        return Description((), None)
    if query := _own_query(statement.sql, state):
        return describe_session_query(query, parameter_oids, state)
    semantics = state.services.semantics
    if semantics is not None and semantics.is_semantic(statement.sql, state.upstream):
        return semantics.describe(statement.sql, parameter_oids, state.upstream)
    if state.upstream.dialect == "duckdb":
        tell_own_relations(statement.sql, state)
    return state.upstream.describe(statement.sql, parameter_oids)


def _own_query(sql: str, state: SessionState) -> SessionQuery | None:
    """Return the query of functions that are ours; PostgreSQL has its own, but cannot stop our model calls."""
    if state.upstream.dialect == "duckdb":
        return find_session_query(sql)
    return find_stopping_query(sql, state.services.backends)


def _run_transaction(bound: BoundStatement, state: SessionState) -> UpstreamResult:
    result = state.block.run(bound.statement.sql)
    follow_parameters(state)
    return result


def _run_plain(bound: BoundStatement, state: SessionState, cancel: CancelToken) -> UpstreamResult:
    sql = bound.statement.sql
    if state.block.state != "idle":
        state.block.queried = True
    if state.upstream.dialect == "duckdb":
        _refuse_in_block(sql, state)
        tell_own_relations(sql, state)
    _flush_ledger_for(sql, state)
    semantics = state.services.semantics
    if semantics is not None and not semantics.is_semantic(sql, state.upstream):
        semantics = None
    if semantics is None and find_caller(bound.statement.tags, state.parameters)[0] is None:
        return state.upstream.execute(sql, bound.parameters, result_formats=bound.result_formats)
    options = state.parameters.run_options()
    ctx = make_context(bound, state, options, cancel)
    state.running_caller = ctx.caller_id
    state.parameters.put("rvbbit.last_caller_id", ctx.caller_id or "")
    finish = open_account(ctx, bound, state)
    try:
        if semantics is None:
            result = state.upstream.execute(sql, bound.parameters, result_formats=bound.result_formats)
        else:
            request = StatementRequest(sql, ctx, options, state.notify, bound.parameters, bound.result_formats)
            result = semantics.execute(request, state.upstream)
    except Exception as error:
        finish(0, error)
        raise
    return AccountedResult(result, finish)


def _reads_only(state: SessionState) -> bool:
    """Tell whether the transaction, or the one a statement would begin, is read-only."""
    return state.parameters.get("transaction_read_only") == "on" or (
        state.block.state == "idle" and state.parameters.get("default_transaction_read_only") == "on"
    )


def _refuse_in_block(sql: str, state: SessionState) -> None:
    """Raise what PostgreSQL would of a write where only reading is allowed, or of VACUUM in a block."""
    if state.block.state != "idle" and leading_words(sql, 1) == ("vacuum",):
        raise ActiveTransaction("VACUUM cannot run inside a transaction block")
    if not _reads_only(state):
        return
    first = leading_words(sql, 1)
    if first and (first[0] in _WRITING or (first[0] == "with" and words(sql) & {"insert", "update", "delete"})):
        tag = command_tag(first[0].upper(), words_of(sql))
        raise ReadOnlyTransaction(f"cannot execute {tag} in a read-only transaction")


def _flush_ledger_for(sql: str, state: SessionState) -> None:
    """A statement that reads the ledger sees everything recorded before it began."""
    ledger, semantics = state.services.ledger, state.services.semantics
    named = words(sql.replace('"', " ") if '"' in sql else sql)
    if ledger is None or state.services.ledger_relations.isdisjoint(named):
        return
    read = state.services.ledger_relations & named
    ledger.flush()
    if semantics is None:
        return
    for live in filter(None, map(semantics.live_rows, read)):
        ledger.publish_rows(*live)


def _describe_prepared(statement: Statement, state: SessionState) -> Description:
    command = parse_prepared_command(statement.sql)
    if not isinstance(command, ExecutePrepared):
        return Description((), None)
    prepared = state.statements.get(command.name)
    statement = replace(prepared.statement, sql=around(command, prepared.statement.sql))
    return Description((), describe_statement(statement, prepared.parameter_oids, state).columns)


def _run_notification(bound: BoundStatement, state: SessionState) -> UpstreamResult:
    command = parse_notification_command(bound.statement.sql)
    if state.upstream.dialect == "postgres":
        state.listens_upstream = state.listens_upstream or isinstance(command, Listen)
        return state.upstream.execute(bound.statement.sql)
    state.take_notification_command(command)
    return Done(leading_words(bound.statement.sql, 1)[0].upper())
