"""COPY between the client and the server.

Out: any query's rows, semantic ones too, in CopyData messages as they come. In: the client's data goes to the
upstream as it comes. PostgreSQL copies by itself what does not concern us.
Source: https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-COPY
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.duckdb_copy import column_list, copied_query
from rvbbit_proxy.engine.upstream import CopyIn, CopyOut, RawRows, UpstreamResult
from rvbbit_proxy.errors import NotSupported, ProtocolError, QueryCancelled, RvbbitError
from rvbbit_proxy.session.client import ClientLost
from rvbbit_proxy.session.invocation import find_caller, make_context, open_account
from rvbbit_proxy.session.results import Done, row_count
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, read_statement
from rvbbit_proxy.sql.copy import CopyCommand, check_choices
from rvbbit_proxy.sql.lexer import words
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.copy.encode import CopyEncoder
from rvbbit_proxy.wire.frontend import CopyData, CopyDone, CopyFail, Flush, Sync, Terminate

Run = Callable[[BoundStatement], UpstreamResult]

EARLY_ROWS = 1000


def run_copy(
    command: CopyCommand, bound: BoundStatement, state: SessionState, cancel: CancelToken, run: Run
) -> UpstreamResult:
    """Run a COPY with the client to its end; its result is only the tag."""
    if command.direction == "in":
        _refuse_semantic_where(command, state)
        state.block.start_implicit()
        return Done(f"COPY {_accounted(bound, state, cancel, lambda: _copy_in(command, bound, state, cancel))}")
    if _is_upstreams_own(command, bound, state):
        return Done(f"COPY {_accounted(bound, state, cancel, lambda: _pass_out(bound, state, cancel))}")
    return Done(f"COPY {_copy_out(command, bound, state, cancel, run)}")


def _is_upstreams_own(command: CopyCommand, bound: BoundStatement, state: SessionState) -> bool:
    """Tell whether a COPY out is PostgreSQL's own matter: operators and the ledger are not."""
    if state.upstream.dialect != "postgres" or state.services.ledger_relations & words(bound.statement.sql):
        return False
    semantics = state.services.semantics
    query = command.query or f"SELECT * FROM {command.relation}"
    return semantics is None or not semantics.is_semantic(query, state.upstream)


def _refuse_semantic_where(command: CopyCommand, state: SessionState) -> None:
    semantics = state.services.semantics
    if command.where is None or semantics is None:
        return
    if semantics.is_semantic(f"SELECT * FROM {command.relation} WHERE {command.where}", state.upstream):
        raise NotSupported(
            "operators are not supported in COPY FROM ... WHERE", hint="Copy into a table, then select from it."
        )


def _accounted(bound: BoundStatement, state: SessionState, cancel: CancelToken, copy: Callable[[], int]) -> int:
    """Copy, with a record of it if the statement has a caller."""
    if find_caller(bound.statement.tags, state.parameters)[0] is None:
        return copy()
    ctx = make_context(bound, state, state.parameters.run_options(), cancel)
    state.parameters.put("rvbbit.last_caller_id", ctx.caller_id or "")
    finish = open_account(ctx, bound, state)
    try:
        count = copy()
    except Exception as error:
        finish(0, error)
        raise
    finish(count, None)
    return count


# --- out --------------------------------------------------------------------------------------------------


def _copy_out(
    command: CopyCommand, bound: BoundStatement, state: SessionState, cancel: CancelToken, run: Run
) -> int:
    formats = (1,) if command.options.format == "binary" else (0,)
    inner = replace(read_statement(_query_of(command, state)), tags=bound.statement.tags)
    try:
        result = run(replace(bound, statement=inner, result_formats=formats))
    except RvbbitError as error:
        if error.position is not None and command.query is not None:
            error.position += bound.statement.sql.index(command.query) + inner.offset
        raise
    try:
        if result.columns is None:
            raise NotSupported("COPY query must have a RETURNING clause")
        check_choices(command.options, [column.name for column in result.columns])
        encoder = CopyEncoder(result.columns, command.options, state.parameters.text_style())
        return _send_out(encoder, result, state, cancel)
    finally:
        result.close()


def _query_of(command: CopyCommand, state: SessionState) -> str:
    if command.query is not None:
        return command.query
    if state.upstream.dialect == "duckdb":
        return copied_query(state.upstream, command)
    return f"SELECT {column_list(command.columns) or '*'} FROM {command.relation}"


def _send_out(encoder: CopyEncoder, result: UpstreamResult, state: SessionState, cancel: CancelToken) -> int:
    count, client = 0, state.client
    client.send(backend.encode_copy_out_response(encoder.format_code, len(result.columns or ())))
    for batch in result.batches():
        cancel.check()
        count += row_count(batch)
        if isinstance(batch, RawRows):
            client.send(encoder.encode_raw(batch.rows, batch.formats))
        else:
            client.send(encoder.encode_batch(batch))
        if row_count(batch) >= EARLY_ROWS:
            client.flush()
    client.send(encoder.end() + backend.encode_copy_done())
    return count


def _pass_out(bound: BoundStatement, state: SessionState, cancel: CancelToken) -> int:
    """Hand on what the upstream itself writes."""
    copy = state.upstream.copy_out(bound.statement.sql)
    if copy is None:
        raise NotSupported("COPY of this relation is not supported")
    try:
        return _send_written(copy, state, cancel)
    finally:
        copy.close()


def _send_written(copy: CopyOut, state: SessionState, cancel: CancelToken) -> int:
    state.client.send(backend.encode_copy_out_response(copy.format_code, copy.column_count))
    for messages in copy.messages():
        cancel.check()
        state.client.send(messages)
    state.client.send(backend.encode_copy_done())
    return copy.row_count


# --- in ---------------------------------------------------------------------------------------------------


def _copy_in(command: CopyCommand, bound: BoundStatement, state: SessionState, cancel: CancelToken) -> int:
    copy = state.upstream.copy_in(bound.statement.sql, command)
    try:
        _hand_over(copy, state, cancel)
    except BaseException:
        copy.abandon()
        raise
    return copy.finish()


def _hand_over(copy: CopyIn, state: SessionState, cancel: CancelToken) -> None:
    state.client.send(backend.encode_copy_in_response(copy.format_code, copy.column_count))
    state.client.flush()
    for data in _incoming(state):
        cancel.check()
        copy.write(data)


def _incoming(state: SessionState) -> Iterator[bytes]:
    """Yield the client's COPY data up to CopyDone; raises QueryCancelled (57014) for CopyFail, ClientLost."""
    while True:
        message = state.client.receive()
        match message:
            case CopyData(data):
                yield data
            case CopyDone():
                return
            case CopyFail(reason):
                raise QueryCancelled(f"COPY from stdin failed: {reason}")
            case Flush() | Sync():
                pass  # as PostgreSQL: a client may send them before it knows that COPY began
            case Terminate():
                raise ClientLost("the client left during COPY")
            case _:
                raise ProtocolError(f"unexpected message {type(message).__name__} during COPY from stdin")
