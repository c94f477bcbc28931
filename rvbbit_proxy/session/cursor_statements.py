"""Runs DECLARE, FETCH, MOVE and CLOSE, and the protocol's messages about cursors, which are portals too.

PostgreSQL keeps its own cursors: there the session only remembers their names. Those over operators, and all of
DuckDB's, are the session's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rvbbit_proxy.engine.upstream import Column, Description, UpstreamResult
from rvbbit_proxy.errors import NotSupported, RvbbitError, SyntaxFault
from rvbbit_proxy.session import cursors
from rvbbit_proxy.session.portals import Portal, RowSource
from rvbbit_proxy.session.results import Done
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, Statement, read_statement
from rvbbit_proxy.session.transaction import NoActiveTransaction
from rvbbit_proxy.sql.lexer import count_parameters, leading_words, lexemes

Run = Callable[[BoundStatement], UpstreamResult]
Describe = Callable[[Statement], Description]

_QUERIES = frozenset({"select", "with", "values", "table", "from", "show", "execute"})


def run_cursor_command(bound: BoundStatement, state: SessionState, run: Run) -> UpstreamResult:
    """Run the command; a query of the session's own cursor runs by ``run``."""
    command = cursors.parse_cursor_command(bound.statement.sql)
    if state.upstream.dialect == "postgres" and not _is_ours(command, state):
        return _run_upstream(command, bound, state)
    match command:
        case cursors.CloseCursor():
            if command.name is not None and state.portals.find(command.name) is not None:
                state.portals.drop(command.name)
                return Done("CLOSE CURSOR")
            return state.cursors.close(command.name)
        case cursors.Fetch():
            portal = None if command.name in state.cursors else state.portals.find(command.name)
            if portal is not None:
                return cursors.fetch_from(_portal_cursor(portal, run), command)
            return state.cursors.run_fetch(command)
        case cursors.Declare():
            return _declare(command, bound, state, run)


def describe_cursor_command(statement: Statement, state: SessionState, describe: Describe) -> Description:
    """Tell the columns of FETCH, and the parameters of DECLARE, which are its query's."""
    command = cursors.parse_cursor_command(statement.sql)
    if state.upstream.dialect == "postgres" and not _is_ours(command, state):
        return state.upstream.describe(statement.sql)
    if isinstance(command, cursors.Fetch) and not command.move:
        portal = state.portals.find(command.name)
        if portal is not None and portal.source is not None:
            return Description((), portal.source.result.columns)
        return Description((), state.cursors.get(command.name).result.columns)
    if isinstance(command, cursors.Declare) and count_parameters(command.query):
        return Description(describe(read_statement(command.query)).parameter_oids, None)
    return Description((), None)


# a cursor as a portal of the protocol


def has_cursor(name: str, state: SessionState) -> bool:
    """Tell whether a portal's name is a cursor's."""
    return name in state.cursors or name in state.upstream_cursors


def cursor_columns(name: str, state: SessionState) -> tuple[tuple[Column, ...] | None, bool]:
    """Return a cursor's columns, and whether it is binary."""
    if name in state.cursors:
        cursor = state.cursors.get(name)
        return cursor.result.columns, cursor.declared.binary
    described = state.upstream.describe(f"FETCH FROM {_quoted(name)}")
    return described.columns, state.upstream_cursors[name].binary


def fetch_cursor(name: str, limit: int, state: SessionState) -> UpstreamResult:
    """Return the next rows of a cursor, 0 for all that are left."""
    command = cursors.Fetch(name, count=limit or cursors.ALL)
    if name in state.cursors:
        return state.cursors.run_fetch(command)
    return _fetch_upstream(command, f"FETCH {limit or 'ALL'} FROM {_quoted(name)}", state)


def close_cursor(name: str, state: SessionState) -> None:
    """Close a cursor."""
    if name in state.cursors:
        state.cursors.close(name)
    else:
        state.upstream.execute(f"CLOSE {_quoted(name)}").close()
        state.upstream_cursors.pop(name)


# cursors of PostgreSQL's own


def _is_ours(command: cursors.CursorCommand, state: SessionState) -> bool:
    """Tell whether the session has, or will have, the cursor."""
    if isinstance(command, cursors.Declare):
        semantics = state.services.semantics
        return semantics is not None and semantics.is_semantic(command.query, state.upstream)
    name = command.name
    return name is not None and (name in state.cursors or state.portals.find(name) is not None)


def _run_upstream(command: cursors.CursorCommand, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    if isinstance(command, cursors.Fetch) and bound.protocol == "simple":
        return _fetch_upstream(command, bound.statement.sql, state)
    result = state.upstream.execute(bound.statement.sql, bound.parameters, result_formats=bound.result_formats)
    match command:
        case cursors.Declare():
            state.upstream_cursors[command.name] = command
        case cursors.CloseCursor(None):
            state.upstream_cursors.clear()
            state.cursors.close(None)
        case cursors.CloseCursor(str(name)):
            state.upstream_cursors.pop(name, None)
    return result


def _fetch_upstream(command: cursors.Fetch, sql: str, state: SessionState) -> UpstreamResult:
    declared = state.upstream_cursors.get(command.name)
    binary = declared is not None and declared.binary
    result = state.upstream.execute(sql, result_formats=(1,) if binary else ())
    result.binary = binary
    return result


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# cursors of the session's own


def _portal_cursor(portal: Portal, run: Run) -> cursors.Cursor:
    """Return a portal of the protocol as a cursor: both share their names, and asyncpg moves in its portals."""
    if portal.source is None:
        result = run(portal.bound)
        if result.columns is None:
            result.close()
            raise NotSupported(f'portal "{portal.name}" gives no rows')
        portal.source, portal.done = RowSource(result), True
    return cursors.Cursor(cursors.Declare(portal.name, ""), portal.source.result, portal.source)


def _declare(command: cursors.Declare, bound: BoundStatement, state: SessionState, run: Run) -> UpstreamResult:
    if state.block.state == "idle" and not command.hold:
        raise NoActiveTransaction("DECLARE CURSOR can only be used in transaction blocks")
    inner = read_statement(command.query)
    _refuse_other_than_queries(command)
    tags = inner.tags if inner.tags.caller_id else bound.statement.tags
    formats = (1,) if command.binary else (0,)
    try:
        result = run(replace(bound, statement=replace(inner, tags=tags), result_formats=formats))
    except RvbbitError as error:
        if error.position is not None:
            error.position += command.offset + inner.offset
        raise
    if result.columns is None:
        result.close()
        raise NotSupported("DECLARE CURSOR takes a query")
    cursor = cursors.Cursor(command, result, text=bound.statement.sql)
    state.cursors.add(cursor)
    if state.block.state == "idle":
        cursor.hold()
    return Done("DECLARE CURSOR")


def _refuse_other_than_queries(command: cursors.Declare) -> None:
    first = leading_words(command.query.lstrip("( \n"), 1)
    if not first or first[0] in _QUERIES:
        return
    token = lexemes(command.query)[0]
    raise SyntaxFault(f'syntax error at or near "{token.text}"', position=command.offset + token.start + 1)
