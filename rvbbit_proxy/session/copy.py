"""COPY between the client and the server.

Out: any query's rows, semantic ones too, in CopyData messages as they come. In: rows are gathered into temporary
tables of a few thousand and inserted from there, all in one transaction.
Differs from PostgreSQL: what a column's type refuses is told without the line it stood in.
Source: https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-COPY
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.duckdb_parameters import duckdb_form
from rvbbit_proxy.engine.upstream import Column, RawRows, UpstreamResult
from rvbbit_proxy.errors import NotSupported, ProtocolError, QueryCancelled
from rvbbit_proxy.session.results import Done, row_count
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, read_statement
from rvbbit_proxy.sql.copy import CopyCommand
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.copy.decode import TextRow
from rvbbit_proxy.wire.copy.decode_binary import BinaryRow
from rvbbit_proxy.wire.copy.decoders import decoder_of
from rvbbit_proxy.wire.copy.encode import CopyEncoder
from rvbbit_proxy.wire.frontend import CopyData, CopyDone, CopyFail, Flush, Sync
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.registry import decode_value

Run = Callable[[BoundStatement], UpstreamResult]
Row = TextRow | BinaryRow

INCOMING = "rvbbit_copy_incoming"
CHUNK_ROWS = 50_000
EARLY_ROWS = 1000
_CAST_BY_ENGINE = frozenset(
    {
        oids.BOOL, oids.INT2, oids.INT4, oids.INT8, oids.FLOAT4, oids.FLOAT8, oids.NUMERIC, oids.TEXT, oids.VARCHAR,
        oids.BPCHAR, oids.UUID, oids.JSON, oids.JSONB, oids.DATE,
    }
)  # fmt: skip
"""Types whose text the engine reads as PostgreSQL does."""


def run_copy(
    command: CopyCommand, bound: BoundStatement, state: SessionState, cancel: CancelToken, run: Run
) -> UpstreamResult:
    """Run a COPY with the client to its end; its result is only the tag."""
    if command.direction == "out":
        return Done(f"COPY {_copy_out(command, bound, state, cancel, run)}")
    state.block.start_implicit()
    return Done(f"COPY {_copy_in(command, state, cancel)}")


def _copy_out(
    command: CopyCommand, bound: BoundStatement, state: SessionState, cancel: CancelToken, run: Run
) -> int:
    query = command.query or f"SELECT {_column_list(command.columns) or '*'} FROM {command.relation}"
    formats = (1,) if command.options.format == "binary" else (0,)
    inner = replace(read_statement(query), tags=bound.statement.tags)
    result = run(replace(bound, statement=inner, result_formats=formats))
    try:
        if result.columns is None:
            raise NotSupported("COPY query must have a RETURNING clause")
        return _send_out(
            CopyEncoder(result.columns, command.options, state.parameters.text_style()), result, state, cancel
        )
    finally:
        result.close()


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


def _copy_in(command: CopyCommand, state: SessionState, cancel: CancelToken) -> int:
    target = f"SELECT {_column_list(command.columns) or '*'} FROM {command.relation}"
    columns = state.upstream.describe(target).columns or ()
    names = [column.name for column in columns]
    decoder = decoder_of(names, command.options, command.relation)
    code = int(command.options.format == "binary")
    state.client.send(backend.encode_copy_in_response(code, len(columns)))
    state.client.flush()
    count, gathered = 0, list[Row]()
    for data in _incoming(state):
        cancel.check()
        gathered += decoder.feed(data)
        if len(gathered) >= CHUNK_ROWS:
            count += _insert(gathered, columns, code, command, state)
            gathered = []
    gathered += decoder.finish()
    return count + _insert(gathered, columns, code, command, state)


def _incoming(state: SessionState) -> Iterator[bytes]:
    """Yield the client's COPY data up to CopyDone; raises QueryCancelled (57014) for CopyFail."""
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
            case _:
                raise ProtocolError(f"unexpected message {type(message).__name__} during COPY from stdin")


def _insert(
    rows: Sequence[Row], columns: Sequence[Column], code: int, command: CopyCommand, state: SessionState
) -> int:
    if not rows:
        return 0
    if not columns:
        raise NotSupported("COPY into a table without columns is not supported")
    arrays = [
        _array(values, column, code, state)
        for values, column in zip(zip(*rows, strict=True), columns, strict=True)
    ]
    state.upstream.load(INCOMING, pa.table(arrays, names=[f"c{n}" for n in range(len(columns))]))
    target = _column_list([column.name for column in columns])
    values = ", ".join(_cast(f"c{n}", column, state) for n, column in enumerate(columns))
    state.upstream.execute(f"INSERT INTO {command.relation} ({target}) SELECT {values} FROM {INCOMING}").close()
    state.upstream.execute(f"DROP TABLE {INCOMING}").close()
    return len(rows)


def _array(values: Sequence[str | bytes | None], column: Column, code: int, state: SessionState) -> pa.Array:
    """Return a column to load: text where the engine reads it, else values."""
    if state.upstream.dialect == "postgres" and not code:
        return pa.array(values, pa.string())
    if not code and column.type_oid in _CAST_BY_ENGINE:
        return pa.array(values, pa.string())
    style = state.parameters.text_style()
    read = [duckdb_form(decode_value(_wire_form(value), code, column.type_oid, style)) for value in values]
    try:
        return pa.array(read)
    except pa.ArrowException:  # 'infinity' among dates, say
        return pa.array([None if value is None else str(value) for value in read], pa.string())


def _wire_form(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _cast(name: str, column: Column, state: SessionState) -> str:
    """Return the expression that PostgreSQL needs; DuckDB casts on its own where it inserts."""
    if state.upstream.dialect != "postgres":
        return name
    found = state.upstream.fetch(f"SELECT format_type({column.type_oid}, {column.typmod}) AS name").to_pylist()
    return f"CAST({name} AS {found[0]['name']})"


def _column_list(names: Sequence[str]) -> str:
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)
