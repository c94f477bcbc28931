"""Runs SET, SHOW, RESET, DISCARD, set_config() and current_setting().

With a PostgreSQL upstream its own parameters are its matter: the statement goes there first, and what the session
needs to know is kept here too. DuckDB is told what it acts on: the time zone and the search path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from rvbbit_proxy.engine.catalog.install import SNAPSHOT_PREFIX
from rvbbit_proxy.engine.upstream import Notice, Parameter, UpstreamResult
from rvbbit_proxy.errors import ActiveTransaction, InvalidValue, NotSupported
from rvbbit_proxy.session.forwarding import follow_parameters, restore_postgres_startup
from rvbbit_proxy.session.parameter_commands import (
    Argument,
    Discard,
    ParameterCommand,
    Reset,
    SelectSettings,
    Set,
    SetOther,
    SettingCall,
    SetTransaction,
    Show,
)
from rvbbit_proxy.session.parameter_table import PARAMETERS
from rvbbit_proxy.session.parameters import RESERVED_PREFIX, unknown_parameter
from rvbbit_proxy.session.results import Done, TextRows
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement

_DUCKDB_SHOWS = frozenset({"tables", "databases", "schemas", "variables"})


def run_parameter_command(command: ParameterCommand, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    """Run the command; the upstream is told at once what it must know, the client before ReadyForQuery."""
    result = _run(command, bound, state)
    follow_parameters(state)
    return result


def parameter_columns(command: ParameterCommand) -> tuple[str, ...] | None:
    """Return the names of the columns the command gives, all text; None when it gives no rows."""
    if isinstance(command, Show):
        if command.name is None:
            return ("name", "setting", "description")
        spec = PARAMETERS.get(command.name.lower())
        return (spec.name if spec else command.name,)
    if isinstance(command, SelectSettings):
        return tuple(call.label for call in command.calls)
    return None


def _run(command: ParameterCommand, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    match command:
        case Set():
            return _run_set(command, bound, state)
        case SetTransaction():
            return _run_set_transaction(command, bound, state)
        case SetOther():
            return _run_set_other(command, bound, state)
        case Show():
            return _run_show(command, bound, state)
        case Reset():
            return _run_reset(command, bound, state)
        case Discard():
            return _run_discard(command, bound, state)
        case SelectSettings():
            return _run_select(command, bound, state)
        case _:
            assert_never(command)


def is_ours(name: str, state: SessionState) -> bool:
    """Tell whether the session alone keeps a parameter."""
    return state.upstream.dialect != "postgres" or name.lower().startswith(RESERVED_PREFIX)


def _run_set(command: Set, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    if not is_ours(command.name, state):
        _forward(bound, state)
        if command.value is None and not command.local:
            restore_postgres_startup(state, command.name)
        _mirror(command, state)
        return Done("SET")
    if command.name.lower() not in PARAMETERS and "." not in command.name and _duckdb_knows(command.name, state):
        return state.upstream.execute(bound.statement.sql)
    if command.local and state.block.state == "idle":
        state.parameters.set(command.name, command.value, local=True)
        state.parameters.commit()
        state.notify(Notice("WARNING", "25P01", "SET LOCAL can only be used in transaction blocks"))
        return Done("SET")
    state.parameters.set(command.name, command.value, local=command.local)
    return Done("SET")


def _mirror(command: Set, state: SessionState) -> None:
    """Keep what the session itself acts on; the upstream has accepted the value already."""
    if command.name.lower() in PARAMETERS and not (command.local and state.block.state == "idle"):
        try:
            state.parameters.set(command.name, command.value, local=command.local)
        except InvalidValue as error:
            raise NotSupported(
                f'parameter "{command.name}" cannot have this value behind the proxy',
                detail=error.message,
                hint=error.hint,
            ) from error


def _run_set_transaction(command: SetTransaction, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    if state.upstream.dialect == "postgres":
        _forward(bound, state)
    elif not command.session and state.block.state != "idle":
        state.block.refuse_late_modes(command.modes)
    if not command.session and state.block.state == "idle":
        if state.upstream.dialect == "postgres":
            return Done("SET")
        state.notify(Notice("WARNING", "25P01", "SET TRANSACTION can only be used in transaction blocks"))
        return Done("SET")
    for name, value in command.modes.items():
        if command.session:
            state.parameters.set(f"default_{name}", value)
        else:
            state.parameters.set(name, value, local=True)
    return Done("SET")


def _run_set_other(command: SetOther, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    tag = "RESET" if command.reset else "SET"
    if command.what == "constraints":
        _forward(bound, state)
        return Done("SET CONSTRAINTS")
    if state.upstream.dialect == "postgres":
        _forward(bound, state)
        return Done(tag)
    if command.value in ("default", "none", state.identity.user):
        if command.local and state.block.state == "idle":
            state.notify(Notice("WARNING", "25P01", "SET LOCAL can only be used in transaction blocks"))
        elif command.what == "role":
            role = None if command.value in ("default", "none") else command.value
            state.parameters.set("role", role, local=command.local)
        return Done(tag)
    raise NotSupported(f"SET {command.what.upper()} is not supported on DuckDB", hint="Connect as that user.")


def _run_show(command: Show, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    if command.name is None:
        rows = [list(shown) for shown in state.parameters.shown()]
        return TextRows(("name", "setting", "description"), rows, "SHOW", bound.result_formats)
    if not is_ours(command.name, state):
        return state.upstream.execute(bound.statement.sql, result_formats=bound.result_formats)
    value = state.parameters.find(command.name)
    if value is None:
        if state.upstream.dialect == "duckdb" and command.name.lower() in _DUCKDB_SHOWS:
            return state.upstream.execute(bound.statement.sql)
        value = _duckdb_setting(command.name, state)
    if value is None:
        raise unknown_parameter(command.name)
    columns = parameter_columns(command) or ()
    return TextRows(columns, [[value]], "SHOW", bound.result_formats)


def _run_reset(command: Reset, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    if state.upstream.dialect == "postgres" and not (command.name or "").lower().startswith(RESERVED_PREFIX):
        _forward(bound, state)
        restore_postgres_startup(state, command.name)
    if command.name is None:
        state.parameters.reset_all()
    elif is_ours(command.name, state) or command.name.lower() in PARAMETERS:
        state.parameters.set(command.name, None)
    return Done("RESET")


def _run_discard(command: Discard, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    everything = command.what == "all"
    if everything and state.block.state != "idle":
        raise ActiveTransaction("DISCARD ALL cannot run inside a transaction block")
    if everything:
        state.portals.clear()
        state.cursors.close(None)
        state.statements.clear()
        state.parameters.reset_all()
        state.notifications.channels.unlisten(None, state.notifications.inbox)
        state.locks.unlock_all()
    if state.upstream.dialect == "postgres":
        _forward(bound, state)
        if everything:
            restore_postgres_startup(state)
    elif command.what in ("all", "temp"):
        _drop_temporary(state)
    return Done(f"DISCARD {command.what.upper()}")


def _drop_temporary(state: SessionState) -> None:
    """Drop the session's temporary tables and views."""
    found = state.upstream.fetch(
        "FROM (SELECT 'TABLE' AS kind, schema_name, table_name AS name FROM duckdb_tables() WHERE temporary"
        " UNION ALL SELECT 'VIEW', schema_name, view_name FROM duckdb_views() WHERE temporary AND NOT internal)"
        f" WHERE NOT starts_with(name, '{SNAPSHOT_PREFIX}') ORDER BY kind DESC"
    )
    for row in found.to_pylist():
        schema, name = (row[key].replace('"', '""') for key in ("schema_name", "name"))
        state.upstream.execute(f'DROP {row["kind"]} temp."{schema}"."{name}" CASCADE').close()


def _run_select(command: SelectSettings, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    names = [_text(call.name, bound.parameters) or "" for call in command.calls]
    if not all(is_ours(name, state) for name in names):
        return _select_upstream(command, names, bound, state)
    values = [_call(call, name, bound, state) for call, name in zip(command.calls, names, strict=True)]
    return TextRows([call.label for call in command.calls], [values], "SELECT", bound.result_formats)


def _call(call: SettingCall, name: str, bound: BoundStatement, state: SessionState) -> str | None:
    if call.value is None:
        value = state.parameters.find(name)
        if value is None:
            value = _duckdb_setting(name, state)
        if value is None and not call.flag:
            raise unknown_parameter(name)
        return value
    in_transaction = state.block.state != "idle"
    state.parameters.set(name, _text(call.value, bound.parameters) or "", local=call.flag)
    shown = state.parameters.get(name)
    if call.flag and not in_transaction:
        state.parameters.commit()
    return shown


def _select_upstream(
    command: SelectSettings, names: Sequence[str], bound: BoundStatement, state: SessionState
) -> UpstreamResult:
    result = state.upstream.execute(bound.statement.sql, bound.parameters, result_formats=bound.result_formats)
    for call, name in zip(command.calls, names, strict=True):
        if call.value is not None:
            _mirror(Set(name, _text(call.value, bound.parameters) or "", call.flag), state)
    return result


def _text(argument: Argument, parameters: Sequence[Parameter]) -> str | None:
    if argument.number is None:
        return argument.value
    if argument.number > len(parameters):
        raise InvalidValue(f"there is no parameter ${argument.number}")
    value = parameters[argument.number - 1].value
    return None if value is None else value.decode()


def _forward(bound: BoundStatement, state: SessionState) -> None:
    state.upstream.execute(bound.statement.sql).close()


def _duckdb_knows(name: str, state: SessionState) -> bool:
    return _duckdb_setting(name, state) is not None


def _duckdb_setting(name: str, state: SessionState) -> str | None:
    """Return DuckDB's own setting of this name, None when there is none."""
    if state.upstream.dialect != "duckdb" or not name.isidentifier():
        return None
    rows = state.upstream.fetch(f"SELECT value FROM duckdb_settings() WHERE name = '{name.lower()}'").to_pylist()
    return str(rows[0]["value"] or "") if rows else None
