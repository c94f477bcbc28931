"""The extended query: Parse, Bind, Describe, Execute, Close, one step per message.

Statements up to Sync are one implicit transaction. It is opened only where more than one can come: an Execute
that Sync follows directly runs alone.
Source: https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
"""

from __future__ import annotations

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.upstream import Column, Description, Parameter
from rvbbit_proxy.errors import (
    DuplicatePortal,
    NotSupported,
    ProtocolError,
    RvbbitError,
    SyntaxFault,
)
from rvbbit_proxy.session.cursor_statements import close_cursor, cursor_columns, fetch_cursor, has_cursor
from rvbbit_proxy.session.output import counted_tag, send_rows
from rvbbit_proxy.session.portals import Portal, RowSource
from rvbbit_proxy.session.running import describe_statement, run_statement
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import (
    BoundStatement,
    PreparedStatement,
    Statement,
    check_types,
    read_statement,
)
from rvbbit_proxy.sql.lexer import count_parameters, leading_words, split_statements
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.frontend import Bind, Close, Describe, Execute, Parse

_ALONE = frozenset({"vacuum", "checkpoint", "discard", "attach", "detach", "cluster", "reindex"})
"""First words of statements that refuse a transaction block."""
_REVALIDATES = "RevalidateCachedQuery"
"""PostgreSQL's routine that finds a changed plan; asyncpg and pgjdbc prepare anew where an error names it."""


class PortalDone(RvbbitError, sqlstate="55000"):
    """The portal has run, and what it did cannot be done again."""


def parse(message: Parse, state: SessionState) -> None:
    """Prepare one statement.

    Differs from PostgreSQL: what is wrong with an unnamed statement is told when it is described or run, unless
    Sync follows; what is wrong with a bound value is told when the portal runs.
    """
    texts = split_statements(message.sql)
    if len(texts) > 1:
        raise SyntaxFault("cannot insert multiple commands into a prepared statement")
    statement = read_statement(texts[0].text, texts[0].offset) if texts else Statement("", "empty")
    if statement.kind not in ("empty", "transaction"):
        state.block.refuse_if_failed()
    if not message.statement:
        state.statements.drop("")
    # the $n in PREPARE are those of the statement that it names
    names_another = statement.kind == "prepared" and leading_words(statement.sql, 1) == ("prepare",)
    missing = (0 if names_another else count_parameters(statement.sql)) - len(message.parameter_oids)
    oids = message.parameter_oids + (0,) * missing
    prepared = PreparedStatement(message.statement, statement, oids)
    if message.statement or state.client.sync_follows():
        state.statements.refuse_duplicate(message.statement)
        _described(prepared, state)
    state.statements.add(prepared)
    state.client.send(backend.encode_parse_complete())


def bind(message: Bind, state: SessionState) -> None:
    """Make a portal of a statement and its values."""
    prepared = state.statements.get(message.statement)
    if prepared.statement.kind not in ("empty", "transaction"):
        state.block.refuse_if_failed()
    given, expected = len(message.parameters), len(prepared.parameter_oids)
    if given != expected:
        raise ProtocolError(
            f'bind message supplies {given} parameters, but prepared statement "{prepared.name}"'
            f" requires {expected}"
        )
    formats = backend.spread_formats(message.parameter_formats, given)
    oids = _bound_oids(prepared, formats, state)
    parameters = tuple(
        Parameter(value, 1 if code else 0, oid)
        for value, code, oid in zip(message.parameters, formats, oids, strict=True)
    )
    if message.portal and has_cursor(message.portal, state):
        raise DuplicatePortal(f'cursor "{message.portal}" already exists')
    if len(message.result_formats) > 1:  # one for all fits any number of columns
        backend.spread_formats(message.result_formats, len(_described(prepared, state).columns or ()))
    bound = BoundStatement(prepared.statement, "extended", parameters, message.result_formats)
    state.portals.add(Portal(message.portal, bound, prepared))
    state.client.send(backend.encode_bind_complete())


def _bound_oids(prepared: PreparedStatement, formats: tuple[int, ...], state: SessionState) -> tuple[int, ...]:
    """Return the parameters' types; binary values cannot be read without."""
    unknown = any(code and not oid for code, oid in zip(formats, prepared.parameter_oids, strict=True))
    if unknown or prepared.description is not None:
        return _described(prepared, state).parameter_oids
    return prepared.parameter_oids


def _described(prepared: PreparedStatement, state: SessionState) -> Description:
    if prepared.description is None:
        found = describe_statement(prepared.statement, prepared.parameter_oids, state)
        prepared.description = check_types(prepared, found)
    return prepared.description


def describe(message: Describe, state: SessionState) -> None:
    """Tell the shape of a statement or a portal."""
    if message.kind == "S":
        prepared = state.statements.get(message.name)
        description = _described(prepared, state)
        if description.columns is not None:
            state.block.refuse_if_failed()
        state.client.send(backend.encode_parameter_description(description.parameter_oids))
        _send_columns(description.columns, (), state)
        return
    if has_cursor(message.name, state):
        columns, binary = cursor_columns(message.name, state)
        _send_columns(columns, (1,) if binary else (), state)
        return
    portal = state.portals.get(message.name)
    formats = portal.bound.result_formats
    if portal.source is not None:
        _send_columns(portal.source.result.columns, formats, state)
    else:
        _send_columns(_described(portal.prepared, state).columns, formats, state)


def _send_columns(columns: tuple[Column, ...] | None, formats: tuple[int, ...], state: SessionState) -> None:
    if columns is None:
        state.client.send(backend.encode_no_data())
    else:
        state.client.send(backend.encode_row_description(columns, formats))


def execute(message: Execute, state: SessionState, cancel: CancelToken) -> None:
    """Run a portal, or fetch on from it, up to the row limit."""
    if has_cursor(message.portal, state):
        state.client.send(_fetch_cursor(message, state, cancel))
        return
    portal = state.portals.get(message.portal)
    if portal.bound.statement.kind == "empty":
        state.client.send(backend.encode_empty_query_response())
        return
    if portal.source is None:
        tag = _start(portal, state, cancel)
        if tag is not None:
            state.client.send(backend.encode_command_complete(tag))
            return
    state.block.refuse_if_failed()
    state.client.send(_fetch(portal, message.max_rows, state, cancel))


def _start(portal: Portal, state: SessionState, cancel: CancelToken) -> str | None:
    """Run the portal's statement; return its tag if it gives no rows."""
    if portal.done:
        raise PortalDone(f'portal "{portal.name}" cannot be run')
    statement = portal.bound.statement
    first = leading_words(statement.sql, 1)
    if statement.kind != "transaction" and not _ALONE.intersection(first) and not state.client.sync_follows():
        state.block.start_implicit()
    result = run_statement(portal.bound, state, cancel)
    portal.done = True
    if result.columns is None:
        result.close()
        return str(result.tag)
    _refuse_changed_columns(portal, result.columns)
    portal.source = RowSource(result)
    return None


def _refuse_changed_columns(portal: Portal, columns: tuple[Column, ...]) -> None:
    """A client reads the values by the number and the types of the columns it was told."""
    described = portal.prepared.description
    if described is None or described.columns is None:
        return
    if [column.type_oid for column in described.columns] != [column.type_oid for column in columns]:
        portal.prepared.description = None
        raise NotSupported("cached plan must not change result type", fields={"R": _REVALIDATES})


def _fetch_cursor(message: Execute, state: SessionState, cancel: CancelToken) -> bytes:
    """Execute a declared cursor: cursors and portals share their names."""
    state.block.refuse_if_failed()
    result = fetch_cursor(message.portal, message.max_rows, state)
    formats = (1,) if result.binary else ()
    rows = send_rows(result.batches(), result.columns or (), formats, state, cancel)
    if message.max_rows and rows == message.max_rows:
        return backend.encode_portal_suspended()
    return backend.encode_command_complete(counted_tag("SELECT", rows))


def _fetch(portal: Portal, limit: int, state: SessionState, cancel: CancelToken) -> bytes:
    """Send rows; return the message that ends this Execute."""
    source = portal.source
    assert source is not None  # _start made it
    result = source.result
    formats = (1,) if result.binary else portal.bound.result_formats
    rows = send_rows(source.take(limit), result.columns or (), formats, state, cancel)
    if limit and rows == limit:
        return backend.encode_portal_suspended()
    return backend.encode_command_complete(counted_tag(result.tag, rows))


def close(message: Close, state: SessionState) -> None:
    """Forget a statement or a portal; one that is not there is no error."""
    if message.kind == "S":
        state.statements.drop(message.name)
    elif has_cursor(message.name, state):
        close_cursor(message.name, state)
    else:
        state.portals.drop(message.name)
    state.client.send(backend.encode_close_complete())


def sync(state: SessionState) -> None:
    """End the implicit transaction, and with it its portals."""
    try:
        state.block.end_implicit()
    finally:
        if state.block.state == "idle":
            state.portals.clear()
