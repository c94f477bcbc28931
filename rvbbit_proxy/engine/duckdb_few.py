"""Queries that gave few rows before, without Arrow's costs.

A relation is bound to tell its columns and bound again to run, and a stream of Arrow batches costs more than the few
rows in it. A query that is like one which gave few rows runs at once instead, and its rows come as Python values:
for ``SELECT 1`` that takes what DuckDB itself takes. Queries are alike if they differ only in their literals.
Not taken so: columns whose Python values are not exact (infinite dates, intervals, nested values).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from rvbbit_proxy.engine.catalog.rewrite import Rewritten
from rvbbit_proxy.engine.duckdb_names import postgres_names
from rvbbit_proxy.engine.duckdb_types import decimal_size, is_free, kind_of, postgres_type
from rvbbit_proxy.engine.upstream import Column, ValueRows
from rvbbit_proxy.sql.lexer import words
from rvbbit_proxy.sql.likeness import likeness
from rvbbit_proxy.sql.remembered import LONGEST_KEPT

FEW_ROWS = 100
CHUNK_ROWS = 2048
KEPT_QUERIES = 128
"""Per session: a client repeats no more."""
_ARROW_TYPES = {
    "boolean": pa.bool_(),
    "tinyint": pa.int16(),
    "smallint": pa.int16(),
    "utinyint": pa.int16(),
    "integer": pa.int32(),
    "usmallint": pa.int32(),
    "bigint": pa.int64(),
    "uinteger": pa.int64(),
    "ubigint": pa.decimal128(20, 0),
    "float": pa.float32(),
    "double": pa.float64(),
    "varchar": pa.string(),
    "json": pa.string(),
    "enum": pa.string(),
    "blob": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
_HUGE = frozenset(("hugeint", "uhugeint"))
_MOMENTS = frozenset(("date", "timestamp"))
_INFINITE = frozenset((date.max, date.min, datetime.max, datetime.min))


@dataclass(frozen=True, slots=True)
class Shape:
    """What a running query, so described by DuckDB, gives: its columns, and their Arrow form.

    ``moments`` are the columns some of whose values look like others in Python; where there are any, all rows have
    to be here before one is sent.
    """

    description: Sequence[tuple[Any, ...]]
    columns: tuple[Column, ...]
    schema: pa.Schema
    converters: tuple[Callable[[Sequence[Any]], pa.Array], ...]
    moments: tuple[int, ...]

    def few(self, rows: Sequence[tuple[Any, ...]]) -> ValueRows:
        """Return rows as they are. Raises ``Inexact``."""
        for place in self.moments:
            _check_moments(row[place] for row in rows)
        return ValueRows(rows, self.batch)

    def batch(self, rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
        """Return rows as a batch. Raises ``Inexact``."""
        for place in self.moments:
            _check_moments(row[place] for row in rows)
        values = zip(*rows, strict=True) if rows else ((),) * len(self.converters)
        arrays = [convert(column) for convert, column in zip(self.converters, values, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class Inexact(Exception):  # no error: the caller goes another way
    """Python has no value for what a column holds."""


@dataclass(slots=True)
class FewQuery:
    """A parsed query, ready to run; ``tag`` is its command tag without rows.

    ``bounded``: see :func:`is_bounded`. ``written`` is the statement as the client wrote it, once it ran so: nothing
    need be looked at when exactly this text comes again.
    """

    text: str
    statement: duckdb.Statement
    tag: str
    bounded: bool
    written: Rewritten | None = None
    _shape: Shape | None = None

    def shape(self, description: Sequence[tuple[Any, ...]]) -> Shape | None:
        """Return what it gives, running with this description; None where Python values will not do."""
        if self._shape is None or self._shape.description != description:
            self._shape = _shape(self.text, description)
        return self._shape


class FewQueries:
    """The queries of one session that are expected to give few rows, the latest used last."""

    def __init__(self) -> None:
        self._expected: OrderedDict[str, bool] = OrderedDict()
        self._queries: OrderedDict[str, FewQuery] = OrderedDict()

    def expects(self, sql: str) -> bool:
        """Tell whether a query like this one gave few rows, and none gave what cannot come this way."""
        return len(sql) <= LONGEST_KEPT and self._expected.get(likeness(sql), False)

    def expect(self, sql: str) -> None:
        """Note that a query gave few rows."""
        if len(sql) > LONGEST_KEPT:
            return
        like = likeness(sql)
        _keep(self._expected, like, self._expected.get(like, True))

    def refuse(self, sql: str) -> None:
        """Note that queries like this one cannot come this way."""
        _keep(self._expected, likeness(sql), False)
        self._queries.pop(sql, None)

    def written(self, sql: str) -> FewQuery | None:
        """Return the query of exactly this text, if it ran just as the client wrote it."""
        query = self._queries.get(sql)
        if query is None or query.written is None:
            return None
        self._queries.move_to_end(sql)
        return query

    def ran_as_written(self, statement: Rewritten) -> None:
        """Note that a query, if it is one of these, ran as the client wrote it."""
        query = self._queries.get(statement.sql)
        if query is not None:
            query.written = statement

    def query(self, text: str) -> FewQuery | None:
        """Return the parsed query of exactly this text, if it ran before."""
        return self._queries.get(text)

    def keep(self, query: FewQuery) -> None:
        """Keep a parsed query."""
        _keep(self._queries, query.text, query)


def is_bounded(sql: str) -> bool:
    """Tell whether a query cannot give more rows than its text has words: it reads no relation, calls no function.

    Worth knowing, since a stream costs DuckDB as much again as the query.

    >>> is_bounded("SELECT 1"), is_bounded("SELECT unnest(a)"), is_bounded("FROM t")
    (True, False, False)
    """
    return "(" not in sql and words(sql).isdisjoint(("from", "table"))


def run_few(
    connection: duckdb.DuckDBPyConnection, query: FewQuery, shape: Shape
) -> tuple[ValueRows, pa.RecordBatchReader | None]:
    """Fetch what a connection has executed: the first rows, and a reader of the others where there are more.

    Raises ``Inexact``.
    """
    if query.bounded:
        return shape.few(connection.fetchall()), None
    rows = connection.fetchmany(FEW_ROWS + 1)
    first = shape.few(rows)
    if len(rows) <= FEW_ROWS:
        return first, None
    if shape.moments:
        raise Inexact
    return first, pa.RecordBatchReader.from_batches(shape.schema, _chunks(connection, shape))


def _chunks(connection: duckdb.DuckDBPyConnection, shape: Shape) -> Iterator[pa.RecordBatch]:
    while rows := connection.fetchmany(CHUNK_ROWS):
        yield shape.batch(rows)


def _shape(sql: str, description: Sequence[tuple[Any, ...]]) -> Shape | None:
    names, types = tuple(item[0] for item in description), tuple(item[1] for item in description)
    kinds = [kind_of(kind) for kind in types]
    forms = [_arrow_type(kind, duckdb_type) for kind, duckdb_type in zip(kinds, types, strict=True)]
    if any(form is None for form in forms):
        return None
    named = postgres_names(sql, names)
    return Shape(
        description,
        tuple(Column(name, *postgres_type(kind)) for name, kind in zip(named, types, strict=True)),
        pa.schema([pa.field(f"c{n}", form) for n, form in enumerate(forms)]),
        tuple(_converter(kind, form) for kind, form in zip(kinds, forms, strict=True)),
        tuple(place for place, kind in enumerate(kinds) if kind in _MOMENTS),
    )


def are_exact(types: Sequence[DuckDBPyType]) -> bool:
    """Tell whether columns of these types may come as Python values."""
    return all(_arrow_type(kind_of(kind), kind) is not None for kind in types)


def _arrow_type(kind: str, duckdb_type: DuckDBPyType) -> pa.DataType | None:
    if kind == "decimal":
        size = decimal_size(duckdb_type)
        return None if is_free(*size) else pa.decimal128(*size)
    return pa.string() if kind in _HUGE else _ARROW_TYPES.get(kind)


def _converter(kind: str, form: pa.DataType) -> Callable[[Sequence[Any]], pa.Array]:
    if kind in _HUGE:
        return lambda values: pa.array([None if value is None else str(value) for value in values], form)
    return lambda values: pa.array(values, form)


def _check_moments(values: Iterable[Any]) -> None:
    for value in values:
        if value is not None and (not isinstance(value, date) or value in _INFINITE):
            raise Inexact


def _keep(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > KEPT_QUERIES:
        kept.popitem(last=False)
