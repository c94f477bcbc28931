"""The result of one statement on DuckDB: Arrow batches off a stream, cast in DuckDB where the wire needs it.

DuckDB has one open stream per connection; ``detach`` reads what is left into memory and frees the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import duckdb
import pyarrow as pa

from rvbbit_proxy.engine.duckdb_names import postgres_names
from rvbbit_proxy.engine.duckdb_types import postgres_type, wire_expression
from rvbbit_proxy.engine.upstream import Batch, Column, UpstreamResult, ValueRows
from rvbbit_proxy.errors import RvbbitError

BATCH_ROWS = 12_288
"""Six of DuckDB's vectors: beside its rows a batch costs little, so that encoders rarely wait for Python's lock; more
would cost more memory."""
SLICE_BYTES = 2_000_000
"""A batch of wide rows is yielded in pieces of about so much, since it takes some times as much to encode one."""
FIRST_ROWS = 1000
"""What is yielded of the first batch before the rest of it, when more are to come: it leaves the sooner."""

OnFault: TypeAlias = Callable[[BaseException], RvbbitError]


def describe_relation(relation: duckdb.DuckDBPyRelation, sql: str) -> tuple[Column, ...]:
    """Return the columns of a statement's relation as RowDescription tells them."""
    names = postgres_names(sql, relation.columns)
    return tuple(
        Column(name, *postgres_type(duckdb_type)) for name, duckdb_type in zip(names, relation.types, strict=True)
    )


def wire_projection(relation: duckdb.DuckDBPyRelation) -> str | None:
    """Return a SELECT list over columns c1…cn that fits the wire; None where all columns do.

    The names c1… stand for columns that may have equal names.
    """
    expressions = [wire_expression(kind, f"c{n}") for n, kind in enumerate(relation.types, start=1)]
    if not any(expressions):
        return None
    return ", ".join(expression or f"c{n}" for n, expression in enumerate(expressions, start=1))


def column_list(relation: duckdb.DuckDBPyRelation) -> str:
    """Return ``c1, …, cn``."""
    return ", ".join(f"c{n}" for n in range(1, len(relation.columns) + 1))


class DuckDBResult(UpstreamResult):
    """A statement's rows. Errors inside the stream come out of :meth:`batches` translated."""

    def __init__(
        self,
        columns: tuple[Column, ...] | None,
        tag: str,
        reader: pa.RecordBatchReader | None = None,
        *,
        first: ValueRows | None = None,
        on_fault: OnFault | None = None,
        on_end: Callable[[DuckDBResult], None] | None = None,
    ) -> None:
        super().__init__()
        self.columns = columns
        self.tag = tag
        self._reader = reader
        self._on_fault = on_fault
        self._on_end = on_end
        self._kept: list[pa.RecordBatch | ValueRows] = [] if first is None else [first]
        self._fault: RvbbitError | None = None

    def prime(self) -> None:
        """Read the first batch, so that an error of the statement's start comes out of ``execute``."""
        batch = self._read()
        if batch is not None and batch.num_rows == BATCH_ROWS:
            self._kept += [batch.slice(0, FIRST_ROWS), batch.slice(FIRST_ROWS)]
        elif batch is not None:
            self._kept.append(batch)
        if self._fault is not None:
            raise self._fault

    @property
    def first_rows(self) -> int:
        """How many rows are here already."""
        return sum(batch.num_rows for batch in self._kept)

    def batches(self) -> Iterator[Batch]:
        """Yield the batches not yielded yet."""
        while (batch := self._next()) is not None:
            yield from _slices(batch)
        if self._fault is not None:
            raise self._fault

    def _next(self) -> pa.RecordBatch | ValueRows | None:
        return self._kept.pop(0) if self._kept else self._read()

    def _read(self) -> pa.RecordBatch | None:
        if self._reader is None:
            return None
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            self._end()
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            self._fault = self._on_fault(error) if self._on_fault else None
            self._end()
        return None

    def detach(self) -> None:
        """Read what is left into memory; an error met there comes out of :meth:`batches` later."""
        while (batch := self._read()) is not None:
            self._kept.append(batch)

    def close(self) -> None:
        """Drop what is left."""
        self._kept.clear()
        self._end()

    def _end(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        if reader is not None and self._on_end is not None:
            self._on_end(self)


def _slices(batch: pa.RecordBatch | ValueRows) -> Iterator[Batch]:
    """Yield the batch in pieces of about ``SLICE_BYTES``; nothing if it is empty."""
    pieces = 1 if isinstance(batch, ValueRows) else 1 + batch.nbytes // SLICE_BYTES
    rows = -(-batch.num_rows // pieces)
    for start in range(0, batch.num_rows, rows or 1):
        yield batch.slice(start, rows) if pieces > 1 else batch
