"""Functions that only the session can answer: what stops sessions, notifies, takes advisory locks.

With a PostgreSQL upstream they are its own, except for what stops our sessions there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import pyarrow as pa

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.upstream import Column, Description, Notice, RawRows, UpstreamResult
from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.execute.result import TableResult
from rvbbit_proxy.session.advisory_locks import Level, LockKey, Mode
from rvbbit_proxy.session.backends import Actor, Backends
from rvbbit_proxy.session.notifications import checked_notify
from rvbbit_proxy.session.session_calls import Item, SessionCall, SessionQuery, Signatures, read_session_query
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement
from rvbbit_proxy.sql.remembered import remembered
from rvbbit_proxy.wire.types import oids

Value: TypeAlias = str | bool | int | None
Values: TypeAlias = Sequence[Any]
Answer: TypeAlias = Callable[[Values, SessionState, CancelToken], Value]
OWN_SCHEMA = "rvbbit"
_ARROW_TYPES = {oids.BOOL: pa.bool_(), oids.INT8: pa.int64(), oids.VOID: pa.string(), oids.TEXT: pa.string()}
_SQL_TYPES = {oids.BOOL: "boolean", oids.INT8: "bigint", oids.VOID: "text", oids.TEXT: "text"}
_CHANNELS = "pg_listening_channels"
_ONE_KEY = (("bigint",), ("integer", "integer"))


@dataclass(frozen=True, slots=True)
class SessionFunction:
    """``signatures`` are the types of its arguments; a ``strict`` one is not called for NULL, and gives NULL."""

    type_oid: int
    signatures: tuple[tuple[str, ...], ...]
    answer: Answer
    strict: bool = True


def _pg_notify(arguments: Values, state: SessionState, cancel: CancelToken) -> Value:
    channel, payload = (argument or "" for argument in arguments)
    state.take_notification_command(checked_notify(channel, payload))
    return ""


def _stop(act: Callable[[Backends, int, Actor], bool]) -> Answer:
    def answer(arguments: Values, state: SessionState, cancel: CancelToken) -> Value:
        process_id = int(arguments[0])
        found = act(state.services.backends, process_id, _actor(state))
        if not found:
            state.notify(Notice("WARNING", "01000", f"PID {process_id} is not a PostgreSQL server process"))
        return found

    return answer


def _cancel_caller(arguments: Values, state: SessionState, cancel: CancelToken) -> Value:
    return state.services.backends.cancel_caller(arguments[0], _actor(state))


def _actor(state: SessionState) -> Actor:
    return Actor(state.identity.user, state.parameters.get("is_superuser") == "on")


def _lock(mode: Mode, level: Level) -> SessionFunction:
    def answer(arguments: Values, state: SessionState, cancel: CancelToken) -> Value:
        state.locks.lock(_key(arguments), mode, level, cancel, state.parameters.ms("lock_timeout"))
        return ""

    return SessionFunction(oids.VOID, _ONE_KEY, answer)


def _try_lock(mode: Mode, level: Level) -> SessionFunction:
    return SessionFunction(
        oids.BOOL, _ONE_KEY, lambda arguments, state, cancel: state.locks.try_lock(_key(arguments), mode, level)
    )


def _unlock(mode: Mode) -> SessionFunction:
    def answer(arguments: Values, state: SessionState, cancel: CancelToken) -> Value:
        held = state.locks.unlock(_key(arguments), mode)
        if not held:
            state.notify(Notice("WARNING", "01000", f"you don't own a lock of type {mode}"))
        return held

    return SessionFunction(oids.BOOL, _ONE_KEY, answer)


def _unlock_all(arguments: Values, state: SessionState, cancel: CancelToken) -> Value:
    state.locks.unlock_all()
    return ""


def _key(arguments: Values) -> LockKey:
    return LockKey.of(*map(int, arguments))


FUNCTIONS = MappingProxyType(
    {
        "pg_cancel_backend": SessionFunction(oids.BOOL, (("integer",),), _stop(Backends.cancel)),
        "pg_terminate_backend": SessionFunction(oids.BOOL, (("integer",),), _stop(Backends.terminate)),
        f"{OWN_SCHEMA}.cancel": SessionFunction(oids.INT8, (("text",),), _cancel_caller),
        "pg_notify": SessionFunction(oids.VOID, (("text", "text"),), _pg_notify, strict=False),
        _CHANNELS: SessionFunction(oids.TEXT, ((),), lambda arguments, state, cancel: None),
        "pg_advisory_lock": _lock("ExclusiveLock", "session"),
        "pg_advisory_lock_shared": _lock("ShareLock", "session"),
        "pg_advisory_xact_lock": _lock("ExclusiveLock", "transaction"),
        "pg_advisory_xact_lock_shared": _lock("ShareLock", "transaction"),
        "pg_try_advisory_lock": _try_lock("ExclusiveLock", "session"),
        "pg_try_advisory_lock_shared": _try_lock("ShareLock", "session"),
        "pg_try_advisory_xact_lock": _try_lock("ExclusiveLock", "transaction"),
        "pg_try_advisory_xact_lock_shared": _try_lock("ShareLock", "transaction"),
        "pg_advisory_unlock": _unlock("ExclusiveLock"),
        "pg_advisory_unlock_shared": _unlock("ShareLock"),
        "pg_advisory_unlock_all": SessionFunction(oids.VOID, ((),), _unlock_all),
    }
)
"""All of them; ``pg_listening_channels`` alone gives a row for each channel."""
_SIGNATURES: Signatures = MappingProxyType({name: function.signatures for name, function in FUNCTIONS.items()})


_STOPPING: Signatures = MappingProxyType(
    {name: _SIGNATURES[name] for name in ("pg_cancel_backend", "pg_terminate_backend", f"{OWN_SCHEMA}.cancel")}
)
_OF_ONE_PROCESS = re.compile(r"SELECT CAST\((\d+) AS integer\) AS \S+")


@remembered
def find_session_query(sql: str) -> SessionQuery | None:
    """Return the query of our functions that a statement is, None for any other; raises NotSupported (0A000)."""
    return read_session_query(sql, _SIGNATURES)


def find_stopping_query(sql: str, backends: Backends) -> SessionQuery | None:
    """Return the query, if a statement is one, that stops what our sessions do, models included."""
    try:
        query = read_session_query(sql, _STOPPING)
    except NotSupported:
        return None  # the upstream has functions of these names
    if query is None or any(
        call.function == f"{OWN_SCHEMA}.cancel" for item in query.items for call in item.calls
    ):
        return query
    process = _OF_ONE_PROCESS.fullmatch(query.sql)
    return query if process is not None and int(process[1]) in backends else None


def describe_session_query(query: SessionQuery, parameter_oids: Sequence[int], state: SessionState) -> Description:
    """Tell its parameters and columns; nothing is called."""
    found = state.upstream.describe(query.sql, parameter_oids)
    columns = found.columns or ()
    told: list[Column] = []
    for item, places in _places(query, len(columns)):
        if item.is_call:
            told.append(_call_column(item))
        elif item.calls:
            text = _spelled(item, [None] * len(item.calls))
            told += state.upstream.describe(f"SELECT {text}").columns or ()
        else:
            told += [columns[place] for place in places]
    return Description(found.parameter_oids, tuple(told))


def run_session_query(
    query: SessionQuery, bound: BoundStatement, state: SessionState, cancel: CancelToken
) -> UpstreamResult:
    """Call what it calls, row by row, and return its rows; outside a block, a transaction's locks end with it."""
    try:
        return _run(query, bound, state, cancel)
    finally:
        if state.block.state == "idle":
            state.locks.roll_back()


def _run(query: SessionQuery, bound: BoundStatement, state: SessionState, cancel: CancelToken) -> UpstreamResult:
    if any(call.function == _CHANNELS for item in query.items for call in item.calls):
        return _listening_channels(query, state)
    asked = state.upstream.execute(query.sql, bound.parameters)
    columns, arrays = asked.columns or (), _arrays(asked)
    answers = iter(_answers(query, arrays, state, cancel))
    told: list[Column] = []
    given: list[pa.ChunkedArray] = []
    for item, places in _places(query, len(columns)):
        values = [next(answers) for _ in item.calls]
        if item.is_call:
            told.append(_call_column(item))
            given.append(_as_array(values[0], told[-1].type_oid))
        elif item.calls:
            computed = state.upstream.execute(f"SELECT {_spelled(item, [value for (value,) in values])}")
            told += computed.columns or ()
            given += _arrays(computed)
        else:
            told += [columns[place] for place in places]
            given += [arrays[place] for place in places]
    return TableResult(told, pa.Table.from_arrays(given, [f"c{n}" for n in range(len(given))]), "SELECT")


def _answers(
    query: SessionQuery, arrays: Sequence[pa.ChunkedArray], state: SessionState, cancel: CancelToken
) -> list[list[Value]]:
    """Return the values of each call, row by row: they are called in the order of rows, then of items."""
    moved = _moved(query, len(arrays))
    calls = [call for item in query.items for call in item.calls]
    arguments = [[arrays[moved(number)].to_pylist() for number in call.arguments] for call in calls]
    answers: list[list[Value]] = [[] for _ in calls]
    for row in range(len(arrays[0])):
        for call, columns, given in zip(calls, arguments, answers, strict=True):
            cancel.check()
            given.append(_answer(call, [column[row] for column in columns], state, cancel))
    return answers


def _answer(call: SessionCall, arguments: Values, state: SessionState, cancel: CancelToken) -> Value:
    function = FUNCTIONS[call.function]
    if function.strict and None in arguments:
        return None
    return function.answer(arguments, state, cancel)


def _listening_channels(query: SessionQuery, state: SessionState) -> UpstreamResult:
    (item, *others) = query.items
    if others or not item.is_call:
        raise NotSupported(f"{_CHANNELS}() is supported only alone", hint=f"Use SELECT {_CHANNELS}().")
    channels = _as_array(tuple(state.notifications.inbox.channels), oids.TEXT)
    return TableResult((_call_column(item),), pa.Table.from_arrays([channels], ["c0"]), "SELECT")


def _places(query: SessionQuery, count: int) -> Iterator[tuple[Item, Sequence[int]]]:
    """Yield each item and the numbers of its columns among the query's ``count``."""
    moved = _moved(query, count)
    for number, item in enumerate(query.items):
        yield item, range(moved(number), moved(number + 1) if item.star else moved(number) + 1)


def _moved(query: SessionQuery, count: int) -> Callable[[int], int]:
    """Return where a column is by the number it has if a star stands for one column."""
    star = next((number for number, item in enumerate(query.items) if item.star), count)
    more = count - len(query.items) - query.extra
    return lambda number: number + more if number > star else number


def _call_column(item: Item) -> Column:
    return Column(item.label, FUNCTIONS[item.calls[0].function].type_oid)


def _spelled(item: Item, values: Sequence[Value]) -> str:
    """Return an item's text with its calls' values in their places."""
    left = iter(values)
    return "".join(piece if isinstance(piece, str) else _literal(piece, next(left)) for piece in item.pieces)


def _literal(call: SessionCall, value: Value) -> str:
    text = "NULL" if value is None else f"'{str(value).lower()}'"
    return f"CAST({text} AS {_SQL_TYPES[FUNCTIONS[call.function].type_oid]})"


def _as_array(values: Sequence[Value], type_oid: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, _ARROW_TYPES[type_oid])])


def _arrays(result: UpstreamResult) -> list[pa.ChunkedArray]:
    """Return a result's columns; what comes in wire form, as text."""
    chunks: list[list[pa.Array]] = [[] for _ in result.columns or ()]
    for batch in result.batches():
        if isinstance(batch, RawRows):
            texts = [[None if value is None else value.decode() for value in row] for row in batch.rows]
            found = [pa.array(column, pa.string()) for column in zip(*texts, strict=True)]
        else:
            found = list(batch.columns)
        for chunk, array in zip(chunks, found, strict=True):
            chunk.append(array)
    return [pa.chunked_array(chunk, None if chunk else pa.null()) for chunk in chunks]
