"""Functions that only the session can answer, where a statement is nothing but the call of one.

With a PostgreSQL upstream they are its own. Inside larger statements they are the catalog's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rvbbit_proxy.engine.upstream import Column, Parameter
from rvbbit_proxy.errors import InvalidValue
from rvbbit_proxy.session.notifications import checked_notify
from rvbbit_proxy.session.results import TextRows
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier, unquote_string
from rvbbit_proxy.sql.remembered import remembered
from rvbbit_proxy.wire.types import oids

Arguments = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class SessionFunction:
    """``values`` gives the rows of its one column; its type's text and binary forms must be the same."""

    type_oid: int
    arity: int
    values: Callable[[Arguments, SessionState], Sequence[str]]


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


FUNCTIONS: Mapping[str, SessionFunction] = MappingProxyType(
    {
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
    if "pg_" not in sql.lower():
        return None
    tokens = [token for token in lexemes(sql) if token.text != ";"]
    if len(tokens) < 4 or tokens.pop(0).text.lower() != "select":
        return None
    if tokens[0].text.lower() == "pg_catalog" and tokens[1].text == ".":
        del tokens[:2]
    name = tokens.pop(0).text.lower()
    if name not in FUNCTIONS:
        return None
    arguments = _take_arguments(tokens)
    if arguments is None or len(arguments) != FUNCTIONS[name].arity:
        return None
    if tokens and tokens[0].text.lower() == "as":
        tokens.pop(0)
    label = unquote_identifier(tokens.pop(0)) if tokens and tokens[0].kind in ("word", "quoted") else name
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


def call_columns(call: SessionCall) -> tuple[Column, ...]:
    """Return the one column of its result."""
    return (Column(call.label, FUNCTIONS[call.function].type_oid),)


def run_session_call(call: SessionCall, bound: BoundStatement, state: SessionState) -> TextRows:
    """Return the rows of its result."""
    arguments = [_value(argument, bound.parameters) for argument in call.arguments]
    rows = [[value] for value in FUNCTIONS[call.function].values(arguments, state)]
    result = TextRows((call.label,), rows, "SELECT", bound.result_formats)
    result.columns = call_columns(call)
    return result


def _value(argument: str | int | None, parameters: Sequence[Parameter]) -> str | None:
    if not isinstance(argument, int):
        return argument
    if argument > len(parameters):
        raise InvalidValue(f"there is no parameter ${argument}", sqlstate="42P02")
    value = parameters[argument - 1].value
    return None if value is None else value.decode()
