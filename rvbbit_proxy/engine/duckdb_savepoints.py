"""Savepoints, which DuckDB does not have: the block is rolled back whole, and what it had written is put back.

What a block has written is copied where a savepoint is set: of tables that it only added rows to, those rows, which
DuckDB keeps apart until they are committed; of others all rows, up to ``MOST_ROWS``. Definitions are not put back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from rvbbit_proxy.engine.duckdb_constraints import written_name
from rvbbit_proxy.engine.duckdb_foreign_keys import KeyChecks, KeyState
from rvbbit_proxy.engine.duckdb_tables import FIRST_NEW_ROW, Table, find_table, get_table, quoted
from rvbbit_proxy.errors import NotSupported, UpstreamError
from rvbbit_proxy.sql.lexer import leading_words

MOST_ROWS = 10_000
"""A table with more rows is not copied whole."""
HEAD = 1_000
"""So many characters tell which table a statement writes to, unless it begins with WITH."""
_SAVED, _MISSING = "rvbbit_saved", "rvbbit_missing"


class WriteCommits:
    """A count of the commits that have written something, in whatever session. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def note(self) -> None:
        """Count one more."""
        with self._lock:
            self.count += 1


@dataclass(frozen=True, slots=True)
class _Saved:
    """A table's rows as they were at a savepoint, all of them or only the new ones."""

    rows: pa.Table
    whole: bool


@dataclass(frozen=True, slots=True)
class _Savepoint:
    """``saved``: what the block had written, by the table's name as written; ``lost``: what of it is not there."""

    name: str
    writes: int
    saved: Mapping[str, _Saved]
    lost: str | None
    keys: KeyState


class Savepoints:
    """The savepoints of the block that a session has open; ``commits`` counts those of all sessions."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, commits: WriteCommits, keys: KeyChecks) -> None:
        self._connection = connection
        self._commits = commits
        self._keys = keys
        self.begin()

    def begin(self) -> None:
        """Begin a block: nothing is written, no savepoint is set."""
        self._keys.begin()
        self._begun = self._commits.count
        self._points: list[_Savepoint] = []
        self._return_to(_Savepoint("", 0, {}, None, self._keys.state()))

    def _return_to(self, point: _Savepoint) -> None:
        self._keys.return_to(point.keys)
        self._writes, self._lost = point.writes, point.lost
        self._changed = {table: saved.whole for table, saved in point.saved.items()}
        self._saved = dict(point.saved)

    @property
    def changed_rows(self) -> bool:
        """Whether the block has changed rows that were there before."""
        return any(self._changed.values())

    def wrote(self, sql: str) -> None:
        """Note a statement of the block that writes."""
        self._writes += 1
        verb = leading_words(sql, 1)
        table = written_name(sql if verb == ("with",) else sql[:HEAD])
        if table is None:
            said = " ".join(leading_words(sql, 2)).upper()
            self._lost = self._lost or f"The transaction had run {said} before the savepoint."
            return
        added = verb == ("insert",) and "conflict" not in sql.lower()
        self._changed[table] = self._changed.get(table, False) or not added
        self._saved.pop(table, None)

    def set(self, name: str) -> None:
        """Set a savepoint here."""
        for table, changed in self._changed.items():
            if table not in self._saved and self._lost is None:
                self._save(table, whole=changed)
        self._points.append(_Savepoint(name, self._writes, dict(self._saved), self._lost, self._keys.state()))

    def release(self, name: str) -> None:
        """Forget a savepoint and those after it.

        :raises UpstreamError: 3B001, there is none of this name.
        """
        del self._points[self._index(name) :]

    def roll_back_to(self, name: str, begin_again: Callable[[], None]) -> None:
        """Return to a savepoint; ``begin_again`` rolls the block back and begins another.

        :raises NotSupported: what was written before it cannot be put back; nothing has happened.
        :raises UpstreamError: 3B001, there is none of this name; 40001, another transaction has committed meanwhile.
        """
        index = self._index(name)
        point = self._points[index]
        if point.writes != self._writes or not self._lives():
            if point.lost is not None:
                raise NotSupported(
                    "ROLLBACK TO SAVEPOINT is not supported on DuckDB after what this transaction has written",
                    detail=point.lost,
                    hint="Roll back the whole transaction.",
                )
            begin_again()
            self._put_back(point)
        self._return_to(point)
        del self._points[index + 1 :]

    def _index(self, name: str) -> int:
        for index in range(len(self._points) - 1, -1, -1):
            if self._points[index].name == name:
                return index
        raise UpstreamError(f'savepoint "{name}" does not exist', sqlstate="3B001")

    def _lives(self) -> bool:
        try:
            self._connection.execute("SELECT 1").fetchall()
        except duckdb.TransactionException:
            return False
        return True

    def _save(self, name: str, *, whole: bool) -> None:
        table = find_table(self._connection, name)
        if table is None:
            self._lost = f"The transaction had written to {name} before the savepoint."
            return
        query = f"SELECT {_columns(table)} FROM {table.path}"
        if not whole:
            query += f" WHERE rowid >= {FIRST_NEW_ROW}"
        elif self._connection.execute(f"SELECT count(*) FROM {table.path}").fetchall() > [(MOST_ROWS,)]:
            self._lost = f"The transaction had changed {name}, which has more than {MOST_ROWS} rows."
            return
        with self._exact_types():
            self._saved[name] = _Saved(self._connection.sql(query).to_arrow_table(), whole)

    @contextmanager
    def _exact_types(self) -> Iterator[None]:
        """Let Arrow carry DuckDB's own types as they are."""
        self._connection.execute("SET SESSION arrow_lossless_conversion = true")
        try:
            yield
        finally:
            self._connection.execute("SET SESSION arrow_lossless_conversion = false")

    def _put_back(self, point: _Savepoint) -> None:
        if any(saved.whole for saved in point.saved.values()) and self._commits.count != self._begun:
            raise UpstreamError(
                "could not serialize access due to concurrent update",
                detail="Another transaction has committed since this one began.",
                hint="The transaction might succeed if retried.",
                sqlstate="40001",
            )
        for name, saved in point.saved.items():
            self._connection.register(_SAVED, saved.rows)
            try:
                self._put_rows_back(get_table(self._connection, name), saved)
            finally:
                self._connection.unregister(_SAVED)

    def _put_rows_back(self, table: Table, saved: _Saved) -> None:
        columns = _columns(table)
        insert = f"INSERT INTO {table.path} ({columns}) SELECT {columns} FROM"
        if not saved.whole:
            self._connection.execute(f"{insert} {_SAVED}")
            return
        numbered = f"SELECT *, row_number() OVER (PARTITION BY {columns}) AS rvbbit_number FROM"
        here, there = (
            f"({numbered} (SELECT rowid AS rvbbit_row, {columns} FROM {table.path}))",
            f"({numbered} {_SAVED})",
        )
        same = " AND ".join(
            f"a.{column} IS NOT DISTINCT FROM b.{column}" for column in (*_names(table), "rvbbit_number")
        )
        missing = f"SELECT {columns} FROM {there} a ANTI JOIN {here} b ON {same}"
        surplus = f"SELECT rvbbit_row FROM {here} a ANTI JOIN {there} b ON {same}"
        self._connection.execute(f"CREATE TEMP TABLE {_MISSING} AS {missing}")
        self._connection.execute(f"DELETE FROM {table.path} WHERE rowid IN ({surplus})")
        self._connection.execute(f"{insert} {_MISSING}")
        self._connection.execute(f"DROP TABLE {_MISSING}")


def _names(table: Table) -> list[str]:
    return [quoted(column) for column in table.columns if column not in table.generated]


def _columns(table: Table) -> str:
    return ", ".join(_names(table))
