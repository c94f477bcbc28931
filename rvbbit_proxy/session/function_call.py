"""The function call message: a function by its oid, as old libpq and the JDBC driver's large objects use it.

It runs as a query of that one call. Source: https://www.postgresql.org/docs/16/protocol-flow.html (function call)
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.upstream import Parameter
from rvbbit_proxy.errors import ProtocolError, UnknownOperator
from rvbbit_proxy.session.output import encode_batch
from rvbbit_proxy.session.running import run_statement
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, Statement
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.frontend import FunctionCall


@dataclass(frozen=True, slots=True)
class CalledFunction:
    """A function as pg_proc has it: its quoted name, its arguments' types, whether NULL in is NULL out."""

    name: str
    argument_oids: tuple[int, ...]
    strict: bool


def call_function(message: FunctionCall, state: SessionState, cancel: CancelToken) -> None:
    """Call it and send the FunctionCallResponse."""
    state.block.refuse_if_failed()
    function = _find_function(message.function_oid, state)
    given, expected = len(message.arguments), len(function.argument_oids)
    if given != expected:
        raise ProtocolError(f"function call message contains {given} arguments but function requires {expected}")
    if function.strict and None in message.arguments:
        state.client.send(backend.encode_function_call_response(None))
        return
    formats = backend.spread_formats(message.argument_formats, given)
    parameters = tuple(
        Parameter(value, 1 if code else 0, oid)
        for value, code, oid in zip(message.arguments, formats, function.argument_oids, strict=True)
    )
    marks = ", ".join(f"${number}" for number in range(1, given + 1))
    statement = Statement(f"SELECT {function.name}({marks})", "plain")
    bound = BoundStatement(statement, "extended", parameters, (message.result_format,))
    state.client.send(backend.encode_function_call_response(_run(bound, state, cancel)))


def _run(bound: BoundStatement, state: SessionState, cancel: CancelToken) -> bytes | None:
    result = run_statement(bound, state, cancel)
    try:
        columns, style = result.columns or (), state.parameters.text_style()
        rows = [encode_batch(batch, columns, bound.result_formats, style) for batch in result.batches()]
        return next((_only_value(row) for row in rows if row), None)
    finally:
        result.close()


def _only_value(data_row: bytes) -> bytes | None:
    """Return the value of a DataRow message of one column."""
    (length,) = struct.unpack_from("!i", data_row, 7)
    return None if length < 0 else data_row[11 : 11 + length]


def _find_function(oid: int, state: SessionState) -> CalledFunction:
    found = state.upstream.fetch(
        "SELECT CAST(n.nspname AS text) AS schema, CAST(p.proname AS text) AS name,"
        " CAST(p.proargtypes AS text) AS types, p.proisstrict AS strict"
        " FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
        f" WHERE p.oid = {oid}"
    ).to_pylist()
    if not found:
        raise UnknownOperator(f"function with OID {oid} does not exist")
    row = found[0]
    parts = [row["name"]] if row["schema"] == "pg_catalog" else [row["schema"], row["name"]]
    name = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
    types = re.findall(r"\d+", row["types"])  # an oidvector, or a list of DuckDB's
    return CalledFunction(name, tuple(map(int, types)), bool(row["strict"]))
