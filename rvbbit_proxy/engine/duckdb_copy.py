"""COPY FROM STDIN into DuckDB: data to rows by column, inserted in bulk, all in the session's transaction.

An error tells the line and the column as PostgreSQL does.
Differs from PostgreSQL: an error of a constraint tells no line unless the values that broke it show which; rows are
checked some megabytes at a time, so an error comes later than PostgreSQL's.
Source: PostgreSQL's src/backend/commands/copyfrom.c (CopyFromErrorCallback).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.engine.duckdb_errors import read_fault
from rvbbit_proxy.engine.duckdb_incoming import RefusedValue, TargetColumn, find_refused, incoming_column
from rvbbit_proxy.engine.upstream import CopyIn, UpstreamSession
from rvbbit_proxy.errors import NotSupported, RvbbitError, UpstreamError
from rvbbit_proxy.sql.copy import CopyCommand, check_choices
from rvbbit_proxy.wire.copy.decode import CopyRows
from rvbbit_proxy.wire.copy.decoders import decoder_of

Insert = Callable[[str, str, pa.Table], int]
"""Runs an INSERT that selects from Arrow rows under a name; returns the number of rows."""

INCOMING = "rvbbit_copy_incoming"
CHUNK_BYTES = 4_194_304
HEAD_BYTES = 4_096
"""The first data, read line by line: they show how lines end, and hold the header."""
_SHOWN_CHARACTERS = 100
_NULL_COLUMN = re.compile(r'null value in column "(.+)" of relation')
_LINE = re.compile(r", line (\d+)")
_OLD_KEY = re.compile(r'Duplicate key "(.+)" violates')
_NEW_KEY = re.compile(r'duplicate key "(.+)"')
_FEW_COLUMNS = 12
UNIQUE_VIOLATION = "23505"


class DuckDBCopyIn(CopyIn):
    """One COPY into one table."""

    def __init__(self, session: UpstreamSession, insert: Insert, command: CopyCommand) -> None:
        self._session = session
        self._insert_rows = insert
        self._command = command
        self._targets = target_columns(session, command)
        names = [target.name for target in self._targets]
        check_choices(command.options, names)
        self.format_code = int(command.options.format == "binary")
        self.column_count = len(self._targets)
        self._decoder = decoder_of(names, command.options, command.relation_name)
        self._insert_sql = insert_sql(command, self._targets)
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._begun = False
        self._count = 0

    def write(self, data: bytes) -> None:
        """Take data; when enough has gathered, insert its rows."""
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        if self._gathered_bytes >= CHUNK_BYTES:
            self._take_gathered()

    def finish(self) -> int:
        """Insert what is left."""
        self._take_gathered()
        self._take(self._decoder.finish_columns())
        return self._count

    def abandon(self) -> None:
        """Nothing to do: the transaction is rolled back."""

    def _take_gathered(self) -> None:
        data, self._gathered, self._gathered_bytes = b"".join(self._gathered), [], 0
        if not self._begun:
            self._begun = True
            self._take(self._decoder.feed_columns(data[:HEAD_BYTES]))
            data = data[HEAD_BYTES:]
        if data:
            self._take(self._decoder.feed_columns(data))

    def _take(self, rows: CopyRows) -> None:
        """Insert rows, then raise what ended the data behind them."""
        if rows.count:
            self._insert(rows)
        if rows.fault is not None:
            self._check_cut_row(rows)
            raise rows.fault

    def _insert(self, rows: CopyRows) -> None:
        arrays = [self._incoming(place, rows) for place in range(len(self._targets))]
        table = pa.table(arrays, names=[f"c{place}" for place in range(len(arrays))])
        try:
            self._count += self._insert_rows(self._insert_sql, INCOMING, table)
        except RvbbitError as error:
            raise self._located(error, rows) from error

    def _check_cut_row(self, rows: CopyRows) -> None:
        """Raise for a value before the one that is missing: PostgreSQL meets it first."""
        columns = tuple(pa.array([value], pa.string()) for value in rows.cut_row)
        line = _LINE.search((rows.fault.fields if rows.fault else {}).get("W", ""))
        number = int(line[1]) if line else 0
        for place in range(len(columns)):
            self._incoming(place, CopyRows(columns, lambda row: number))

    def _incoming(self, place: int, rows: CopyRows) -> pa.Array:
        target, column = self._targets[place], rows.columns[place]
        try:
            return incoming_column(column, target.type_oid, self.format_code, self._session.style)
        except RefusedValue as refused:
            raise self._told(refused.fault, rows, refused.row, place) from refused

    # the place of an error

    def _located(self, error: RvbbitError, rows: CopyRows) -> RvbbitError:
        """Return the error with the place of the row that caused it, if that can be found."""
        if error.sqlstate.startswith("22"):
            found = find_refused(rows.columns, self._targets, self.format_code, self._session.style)
            if found is not None:
                row, place, fault = found
                return self._told(fault or error, rows, row, place)
        found_row = self._row_of_constraint(error, rows)
        return error if found_row is None else self._told(error, rows, found_row)

    def _row_of_constraint(self, error: RvbbitError, rows: CopyRows) -> int | None:
        names = [target.name.lower() for target in self._targets]
        null = _NULL_COLUMN.search(error.message)
        if null is not None:
            return (
                rows.columns[names.index(null[1].lower())].index(None).as_py() if null[1].lower() in names else 0
            )
        if error.sqlstate != UNIQUE_VIOLATION or self.format_code or error.__cause__ is None:
            return None
        return _row_of_key(read_fault(error.__cause__).message, names, rows)

    def _told(self, fault: RvbbitError, rows: CopyRows, row: int, place: int | None = None) -> RvbbitError:
        """Return the fault with its place in field W; a position would be one in a statement of ours."""
        where = f"COPY {self._command.relation_name}, line {rows.line_of(row)}"
        if place is not None:
            where += f", column {self._targets[place].name}"
            value = rows.columns[place][row].as_py()
            if isinstance(value, str):
                where += f': "{value[:_SHOWN_CHARACTERS]}{"..." if len(value) > _SHOWN_CHARACTERS else ""}"'
        return type(fault)(
            fault.message,
            detail=fault.detail,
            hint=fault.hint,
            sqlstate=fault.sqlstate,
            fields={**fault.fields, "W": where},
        )


def _row_of_key(said: str, names: list[str], rows: CopyRows) -> int | None:
    """Return the row whose key was there already, None where the texts do not show it.

    ``said``: DuckDB's message. It names the columns only if the key was there before the insert; else any may be
    meant that have it twice.
    """
    before = _OLD_KEY.search(said)
    if before is not None:
        keys = [part.partition(": ") for part in before[1].split(", ")]
        if not {name.lower() for name, _, _ in keys} <= set(names):
            return None
        found = _rows_with([(names.index(name.lower()), value) for name, _, value in keys], rows)
        return found[0] if found else None
    within = _NEW_KEY.search(said)
    if within is None or len(names) > _FEW_COLUMNS:
        return None
    values = within[1].split(", ")
    for places in combinations(range(len(names)), len(values)):
        found = _rows_with(list(zip(places, values, strict=True)), rows)
        if len(found) > 1:
            return found[1]
    return None


def _rows_with(key: list[tuple[int, str]], rows: CopyRows) -> list[int]:
    same = pa.array([True] * rows.count)
    for place, value in key:
        same = pc.and_(same, pc.fill_null(pc.equal(rows.columns[place], value), False))
    found: list[int] = pc.indices_nonzero(same).to_pylist()
    return found


def target_columns(session: UpstreamSession, command: CopyCommand) -> list[TargetColumn]:
    """Return the columns to fill, in the order of the data. Raises for a relation or a column that is not there."""
    names = list(command.columns)
    for place, name in enumerate(names):
        if name in names[:place]:
            raise UpstreamError(f'column "{name}" specified more than once', sqlstate="42701")
    query = copied_query(session, command)
    described = session.describe(query).columns or ()
    own = session.fetch(f"DESCRIBE {query}").to_pylist()
    if not described:
        raise NotSupported("COPY into a table without columns is not supported")
    return [
        TargetColumn(told["column_name"], told["column_type"], column.type_oid)
        for column, told in zip(described, own, strict=True)
    ]


def copied_query(session: UpstreamSession, command: CopyCommand) -> str:
    """Return the query of the columns that a COPY of a table is about: without a list, all not generated."""
    if command.columns:
        return f"SELECT {column_list(command.columns)} FROM {command.relation}"
    whole = f"SELECT * FROM {command.relation}"
    found = session.fetch(
        "SELECT column_name AS name FROM duckdb_columns()"
        f" WHERE is_generated AND lower(table_name) = '{_quoted(command.relation_name.lower())}'"
    )
    generated = {str(name).lower() for name in found.column("name").to_pylist()}
    if not generated:
        return whole
    names = [column.name for column in session.describe(whole).columns or ()]
    return (
        f"SELECT {column_list([name for name in names if name.lower() not in generated])} FROM {command.relation}"
    )


def insert_sql(command: CopyCommand, targets: list[TargetColumn]) -> str:
    """Return the INSERT from the incoming rows, whose columns are c0, c1…"""
    names = column_list([target.name for target in targets])
    values = ", ".join(
        f"{target.cast(f'c{place}')} AS {column_list([target.name])}" for place, target in enumerate(targets)
    )
    source = f"SELECT {values} FROM {INCOMING}"
    if command.where is not None:
        source = f"SELECT * FROM ({source}) AS {column_list([command.relation_name])} WHERE {command.where}"
    return f"INSERT INTO {command.relation} ({names}) {source}"


def column_list(names: list[str] | tuple[str, ...]) -> str:
    """Return quoted names between commas."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
