"""Functions that only the session can answer, where a statement is nothing but the call of one.

With a PostgreSQL upstream they are its own. Inside larger statements they are the catalog's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from rvbbit_proxy.engine.upstream import Column, Notice, Parameter, UpstreamResult
from rvbbit_proxy.errors import InvalidValue
from rvbbit_proxy.execute.result import TableResult
from rvbbit_proxy.session.backends import Actor, Backends
from rvbbit_proxy.session.notifications import checked_notify
from rvbbit_proxy.session.results import TextRows
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier, unquote_string
from rvbbit_proxy.sql.remembered import remembered
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.registry import decode_value

Arguments = Sequence[str | None]
Value = str | bool | int | None
ARROW_TYPES = {oids.BOOL: pa.bool_(), oids.INT8: pa.int64()}
"""What a function's values travel as whose text and binary forms differ."""
OWN_SCHEMA = "rvbbit"


@dataclass(frozen=True, slots=True)
class SessionFunction:
    """``values`` gives the rows of its one column."""

    type_oid: int
    arity: int
    values: Callable[[Arguments, SessionState], Sequence[Value]]


@dataclass(frozen=True, slots=True)
class SessionCall:
    """A call: each argument is a text, None for NULL, or the number of a ``$n``."""

    function: str
    arguments: tuple[str | int | None, ...]
    label: str


def _pg_notify(arguments: Arguments, state: SessionState) -> Sequence[str]:
    channel, payload = (argument or "" for argument in arguments)
    state.take_notification_command(checked_notify(channel, payload))
    return ("",)


def _stop(act: Callable[[Backends, int, Actor], bool]) -> Callable[[Arguments, SessionState], Sequence[Value]]:
    def values(arguments: Arguments, state: SessionState) -> Sequence[Value]:
        if arguments[0] is None:
            return (None,)
        process_id = read_integer(arguments[0])
        found = act(state.services.backends, process_id, _actor(state))
        if not found:
            state.notify(Notice("WARNING", "01000", f"PID {process_id} is not a PostgreSQL server process"))
        return (found,)

    return values


def _cancel_caller(arguments: Arguments, state: SessionState) -> Sequence[Value]:
    if arguments[0] is None:
        return (None,)
    return (state.services.backends.cancel_caller(arguments[0], _actor(state)),)


def _actor(state: SessionState) -> Actor:
    return Actor(state.identity.user, state.parameters.get("is_superuser") == "on")


def read_integer(text: str) -> int:
    """Return the integer a text says; raises InvalidValue (22P02)."""
    try:
        return int(text)
    except ValueError:
        raise InvalidValue(f'invalid input syntax for type integer: "{text}"', sqlstate="22P02") from None


FUNCTIONS: Mapping[str, SessionFunction] = MappingProxyType(
    {
        "pg_cancel_backend": SessionFunction(oids.BOOL, 1, _stop(Backends.cancel)),
        "pg_terminate_backend": SessionFunction(oids.BOOL, 1, _stop(Backends.terminate)),
        f"{OWN_SCHEMA}.cancel": SessionFunction(oids.INT8, 1, _cancel_caller),
        # DuckDB has no advisory locks, so that all of them are released
        "pg_advisory_unlock_all": SessionFunction(oids.VOID, 0, lambda arguments, state: ("",)),
        "pg_notify": SessionFunction(oids.VOID, 2, _pg_notify),
        "pg_listening_channels": SessionFunction(
            oids.TEXT, 0, lambda arguments, state: tuple(state.notifications.inbox.channels)
        ),
    }
)


@remembered
def find_session_call(sql: str) -> SessionCall | None:
    """Return the call that a statement is, None for any other statement.

    >>> find_session_call("SELECT pg_notify('jobs', $1)")
    SessionCall(function='pg_notify', arguments=('jobs', 1), label='pg_notify')
    """
    if "pg_" not in sql.lower() and OWN_SCHEMA not in sql.lower():
        return None
    tokens = [token for token in lexemes(sql) if token.text != ";"]
    if len(tokens) < 4 or tokens.pop(0).text.lower() != "select":
        return None
    if tokens[0].text.lower() == "pg_catalog" and tokens[1].text == ".":
        del tokens[:2]
    label = name = tokens.pop(0).text.lower()
    if name == OWN_SCHEMA and len(tokens) > 1 and tokens[0].text == ".":
        label = tokens[1].text.lower()
        name = f"{OWN_SCHEMA}.{label}"
        del tokens[:2]
    if name not in FUNCTIONS:
        return None
    arguments = _take_arguments(tokens)
    if arguments is None or len(arguments) != FUNCTIONS[name].arity:
        return None
    if tokens and tokens[0].text.lower() == "as":
        tokens.pop(0)
    label = unquote_identifier(tokens.pop(0)) if tokens and tokens[0].kind in ("word", "quoted") else label
    return None if tokens else SessionCall(name, arguments, label)


def _take_arguments(tokens: list[Token]) -> tuple[str | int | None, ...] | None:
    """Take ``(…)`` of literals and ``$n``; None where there is anything else."""
    if not tokens or tokens.pop(0).text != "(":
        return None
    found: list[str | int | None] = []
    while tokens and tokens[0].text != ")":
        token = tokens.pop(0)
        if token.kind == "string":
            found.append(unquote_string(token))
        elif token.kind == "number":
            found.append(token.text)
        elif token.kind == "parameter":
            found.append(int(token.text[1:]))
        elif token.text.lower() == "null":
            found.append(None)
        else:
            return None
        if [token.text.lower() for token in tokens[:2]] == ["::", "text"]:
            del tokens[:2]
        if tokens and tokens[0].text == ",":
            tokens.pop(0)
    return tuple(found) if tokens and tokens.pop(0).text == ")" else None


def stops_ours(call: SessionCall, backends: Backends) -> bool:
    """Tell whether a call stops what our sessions do, models included, whatever the upstream."""
    if call.function == f"{OWN_SCHEMA}.cancel":
        return True
    process_id = call.arguments[0] if call.function in ("pg_cancel_backend", "pg_terminate_backend") else None
    return isinstance(process_id, str) and process_id.isdigit() and int(process_id) in backends


def call_columns(call: SessionCall) -> tuple[Column, ...]:
    """Return the one column of its result."""
    return (Column(call.label, FUNCTIONS[call.function].type_oid),)


def run_session_call(call: SessionCall, bound: BoundStatement, state: SessionState) -> UpstreamResult:
    """Return the rows of its result."""
    arguments = [_value(argument, bound.parameters) for argument in call.arguments]
    function = FUNCTIONS[call.function]
    values = function.values(arguments, state)
    if function.type_oid in ARROW_TYPES:
        table = pa.table({call.label: pa.array(values, ARROW_TYPES[function.type_oid])})
        return TableResult(call_columns(call), table, "SELECT")
    texts = [[None if value is None else str(value)] for value in values]
    result = TextRows((call.label,), texts, "SELECT", bound.result_formats)
    result.columns = call_columns(call)
    return result


def _value(argument: str | int | None, parameters: Sequence[Parameter]) -> str | None:
    if not isinstance(argument, int):
        return argument
    if argument > len(parameters):
        raise InvalidValue(f"there is no parameter ${argument}", sqlstate="42P02")
    given = parameters[argument - 1]
    if given.format == 1:
        value = decode_value(given.value, given.format, given.type_oid)
        return None if value is None else str(value)
    return None if given.value is None else given.value.decode()
