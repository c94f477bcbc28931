"""Segments of the journal into DuckDB: in bulk, latest row per key, one transaction each.

The tables have no PRIMARY KEY: an index halves the load (measured, 30,000 rows a batch: 470,000 rows/s by
INSERT OR REPLACE against 900,000 by DELETE and INSERT without one), and replacing by key keeps them unique.
The transaction also writes the segment's number to ``journal_applied``: replay knows what is in.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import duckdb
import pyarrow as pa

from rvbbit_proxy.ledger.encode import Row, decode_line
from rvbbit_proxy.ledger.records import RECORD_KINDS

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
"""What a column travels as; all others travel as text, which DuckDB casts."""

CONVERSION_FAULTS = (duckdb.DataError, duckdb.IntegrityError, pa.ArrowInvalid, pa.ArrowTypeError)


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

    def load(self, segment: int, path: Path) -> None:
        """Commit a segment's rows; a segment that is in already is left alone. Raises duckdb.Error.

        Rows that a table cannot take go to the file of rejected rows, with a warning; the others are loaded.
        """
        if segment <= self.last_segment():
            return
        rows = latest_rows(path)
        try:
            self._commit(rows, segment)
        except CONVERSION_FAULTS:
            self._load_one_by_one(rows)
            self._commit({}, segment)

    def _commit(self, rows: Rows, segment: int | None) -> None:
        for table, by_key in rows.items():
            self._cursor.register(f"{table}_batch", self._batch(table, list(by_key.values())))
        try:
            self.transaction(lambda cursor: _replace(cursor, rows, segment))
        finally:
            for table in rows:
                self._cursor.unregister(f"{table}_batch")

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
                    self._commit({table: {key: row}}, None)
                except CONVERSION_FAULTS as error:
                    self._reject(table, row, error)

    def _reject(self, table: str, row: Row, error: Exception) -> None:
        log.warning("ledger: %s does not take a row, kept in %s: %s", table, self._rejected, error)
        with self._rejected.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"table": table, "row": row, "error": str(error)}) + "\n")


def _replace(cursor: duckdb.DuckDBPyConnection, tables: Iterable[str], segment: int | None) -> None:
    """Put the registered batches of these tables in place of what has their keys, and note the segment."""
    for table in tables:
        key, batch = KEYS[table], f"{table}_batch"
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
