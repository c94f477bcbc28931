"""Segments of the journal into DuckDB: in bulk, latest row per key, one transaction each.

The tables have no PRIMARY KEY: an index halves the load (measured, 30,000 rows a batch: 470,000 rows/s by
INSERT OR REPLACE against 900,000 by DELETE and INSERT without one), and replacing by key keeps them unique.
The transaction also writes the segment's number to ``journal_applied``: replay knows what is in.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import duckdb
import pyarrow as pa

from rvbbit_proxy.ledger.encode import Row, decode_line, encode_json
from rvbbit_proxy.ledger.records import RECORD_KINDS, EventRecord, Record

log = logging.getLogger(__name__)

LEDGER_CATALOG = "rvbbit_ledger"
"""The name under which the ledger's file is attached."""

KEYS: Mapping[str, str] = {kind.table: kind.key for kind in RECORD_KINDS}

ResultT = TypeVar("ResultT")
Rows: TypeAlias = dict[str, dict[str, Row]]  # by table, by key

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}
"""What a column of decoded lines travels as; all others travel as text, which DuckDB casts."""

RECORD_ARROW_TYPES: Mapping[str, pa.DataType] = {
    **ARROW_TYPES,
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "DECIMAL(18,9)": pa.decimal128(18, 9),
}
"""What a column of records travels as."""

WRITTEN_ONCE = frozenset({EventRecord.table})
"""Tables whose keys never come again in one process: nothing is to be replaced there."""

CONVERSION_FAULTS = (duckdb.DataError, duckdb.IntegrityError, pa.ArrowInvalid, pa.ArrowTypeError)
RECORD_FAULTS = (*CONVERSION_FAULTS, ValueError, TypeError, OverflowError)
"""What a record may hold that only its line can say."""


@dataclass(frozen=True, slots=True)
class StoreColumn:
    """A column of a table of the store."""

    name: str
    type: str

    def to_arrow(self, rows: list[Row]) -> pa.Array:
        """Return this column of the rows; a row without it gives NULL."""
        values = [row.get(self.name) for row in rows]
        if self.type == "JSON":
            values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
        return pa.array(values, ARROW_TYPES.get(self.type, pa.string()))

    def of_records(self, records: Collection[Record]) -> pa.Array:
        """Return this column of the records; raises one of ``RECORD_FAULTS``."""
        values: list[Any] = list(map(attrgetter(self.name), records))
        if self.type == "JSON":
            texts = {id(value): encode_json(value) for value in {id(v): v for v in values}.values()}
            values = [None if value is None else texts[id(value)] for value in values]
        return pa.array(values, RECORD_ARROW_TYPES.get(self.type, pa.string()))


class Store:
    """The ledger's tables, written by one thread at a time through one cursor."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, rejected: Path) -> None:
        """``cursor``: its current catalog is the ledger's. ``rejected``: the file for rows that no table takes."""
        self._cursor = cursor
        self._rejected = rejected
        self._columns = {table: self._columns_of(table) for table in KEYS}

    def _columns_of(self, table: str) -> tuple[StoreColumn, ...]:
        found = self._cursor.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND table_name = ?"
            " ORDER BY column_index",
            [LEDGER_CATALOG, table],
        ).fetchall()
        return tuple(StoreColumn(name, data_type) for name, data_type in found)

    def last_segment(self) -> int:
        """Return the newest segment that is in the store, 0 if none is."""
        ((found,),) = self._cursor.execute("SELECT coalesce(max(segment), 0) FROM journal_applied").fetchall()
        return int(found)

    def load(self, segment: int, path: Path, records: Sequence[Record] | None = None) -> None:
        """Commit a segment's rows; a segment that is in already is left alone. Raises duckdb.Error.

        ``records``: what its lines say, where this process wrote them; the lines are then read only where a record
        holds what no column takes. Rows that a table cannot take go to the file of rejected rows, with a warning;
        the others are loaded.
        """
        if segment <= self.last_segment():
            return
        if records is None or not self._load_records(segment, records):
            self._load_lines(segment, path)

    def _load_records(self, segment: int, records: Sequence[Record]) -> bool:
        """Commit the records, the last one of each key; tell whether the tables take them."""
        latest: dict[str, dict[str, Record]] = {}
        for record in records:
            latest.setdefault(record.table, {})[getattr(record, record.key)] = record
        try:
            batches = {
                table: pa.table({column.name: column.of_records(rows.values()) for column in self._columns[table]})
                for table, rows in latest.items()
            }
            self._commit(batches, segment, replaced=latest.keys() - WRITTEN_ONCE)
        except RECORD_FAULTS as fault:
            log.debug("ledger: segment %d is read from its lines: %s", segment, fault)
            return False
        return True

    def _load_lines(self, segment: int, path: Path) -> None:
        rows = latest_rows(path)
        try:
            self._commit(self._batches(rows), segment)
        except CONVERSION_FAULTS:
            self._load_one_by_one(rows)
            self._commit({}, segment)

    def _commit(
        self, batches: Mapping[str, pa.Table], segment: int | None, replaced: Collection[str] | None = None
    ) -> None:
        """Put batches in their tables; ``replaced``: the tables that may have some of the keys (None: all)."""
        tables = dict.fromkeys(batches, True) if replaced is None else {name: name in replaced for name in batches}
        for table, batch in batches.items():
            self._cursor.register(f"{table}_batch", batch)
        try:
            self.transaction(lambda cursor: _put(cursor, tables, segment))
        finally:
            for table in batches:
                self._cursor.unregister(f"{table}_batch")

    def _batches(self, rows: Rows) -> dict[str, pa.Table]:
        return {table: self._batch(table, list(by_key.values())) for table, by_key in rows.items()}

    def _batch(self, table: str, rows: list[Row]) -> pa.Table:
        return pa.table({column.name: column.to_arrow(rows) for column in self._columns[table]})

    def transaction(self, work: Callable[[duckdb.DuckDBPyConnection], ResultT]) -> ResultT:
        """Do the work in one transaction of the store's cursor, whose current catalog is the ledger's."""
        self._cursor.execute("BEGIN")
        try:
            result = work(self._cursor)
            self._cursor.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return result

    def close(self) -> None:
        """Close the cursor."""
        self._cursor.close()

    def _roll_back(self) -> None:
        try:
            self._cursor.execute("ROLLBACK")
        except duckdb.TransactionException:
            log.debug("nothing to roll back: COMMIT itself failed")

    def _load_one_by_one(self, rows: Rows) -> None:
        for table, by_key in rows.items():
            for key, row in by_key.items():
                try:
                    self._commit(self._batches({table: {key: row}}), None)
                except CONVERSION_FAULTS as error:
                    self._reject(table, row, error)

    def _reject(self, table: str, row: Row, error: Exception) -> None:
        log.warning("ledger: %s does not take a row, kept in %s: %s", table, self._rejected, error)
        with self._rejected.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"table": table, "row": row, "error": str(error)}) + "\n")


def _put(cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, bool], segment: int | None) -> None:
    """Put the registered batches in their tables, where told in place of what has their keys; note the segment."""
    for table, replaced in tables.items():
        key, batch = KEYS[table], f"{table}_batch"
        if replaced:
            cursor.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {batch})")
        cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {batch}")
    if segment is not None:
        cursor.execute("DELETE FROM journal_applied")
        cursor.execute("INSERT INTO journal_applied (segment) VALUES (?)", [segment])


def latest_rows(path: Path) -> Rows:
    """Return a segment's rows, the last one of each key.

    A torn last line is what a crash leaves and is skipped; a broken line before it is skipped with a warning
    that names file and line.
    """
    rows: Rows = {}
    for table, row in _decoded_lines(path):
        rows.setdefault(table, {})[str(row.get(KEYS[table]))] = row
    return rows


def _decoded_lines(path: Path) -> Iterator[tuple[str, Row]]:
    if not path.exists():
        log.warning("ledger: segment %s has disappeared; what was in it is lost", path)
        return
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            log.info("ledger: %s:%d: torn last line skipped", path, number)
            continue
        try:
            table, row = decode_line(line)
        except ValueError as error:
            log.warning("ledger: %s:%d: broken line skipped: %s", path, number, error)
            continue
        if table in KEYS:
            yield table, row
        else:
            log.warning("ledger: %s:%d: unknown table %r, line skipped", path, number, table)
