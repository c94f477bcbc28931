"""A session's transactions: the client's block with its savepoints, or the one that a statement of several steps has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb

from rvbbit_proxy.engine.catalog.emulation import SessionCatalog
from rvbbit_proxy.engine.duckdb_foreign_keys import KeyChecks, KeyCommits
from rvbbit_proxy.engine.duckdb_result import DuckDBResult
from rvbbit_proxy.engine.duckdb_savepoints import Savepoints, WriteCommits
from rvbbit_proxy.engine.statement import TransactionCommand
from rvbbit_proxy.engine.upstream import TransactionStatus
from rvbbit_proxy.errors import InFailedTransaction, UpstreamError


class Transactions:
    """The transactions of one session; ``status`` is as ReadyForQuery tells it, ``keys`` what there is to check."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        catalog: SessionCatalog,
        key_commits: KeyCommits,
        commits: WriteCommits,
        warn: Callable[[str, str], None],
    ) -> None:
        """``warn`` takes SQLSTATE and message."""
        self.status: TransactionStatus = "I"
        self.keys = KeyChecks(connection, catalog.references, key_commits, self.wrote)
        self._savepoints = Savepoints(connection, commits, self.keys)
        self._connection = connection
        self._catalog = catalog
        self._commits = commits
        self._warn = warn
        self._begun_as = ""
        self._in_steps = False

    @property
    def in_block(self) -> bool:
        """Whether the client has a block open."""
        return self.status != "I"

    @property
    def is_open(self) -> bool:
        """Whether a statement's effects wait for a COMMIT to come."""
        return self.in_block or self._in_steps

    @property
    def changed_rows(self) -> bool:
        """Whether the client's block has changed rows, beside which DuckDB makes no index."""
        return self.in_block and self._savepoints.changed_rows

    def control(self, command: TransactionCommand) -> DuckDBResult:
        """Run BEGIN, COMMIT, SAVEPOINT and their kin."""
        if command.verb == "begin":
            return self._begin(command)
        if command.verb in ("commit", "rollback"):
            return self._end_block(command)
        if command.verb == "rollback to":
            return self._rollback_to(command.name)
        self.refuse_if_failed()
        if command.verb == "set":
            return DuckDBResult(None, "SET")
        return self._savepoint(command)

    def refuse_if_failed(self) -> None:
        """Raise InFailedTransaction in a block that has failed."""
        if self.status == "E":
            raise InFailedTransaction(
                "current transaction is aborted, commands ignored until end of transaction block"
            )

    def fail(self) -> None:
        """Have the block refuse all but its end."""
        if self.status == "T":
            self.status = "E"

    def wrote(self, sql: str) -> None:
        """Note that a statement has written something."""
        if self.in_block:
            self._savepoints.wrote(sql)
        elif not self._in_steps:
            self._commits.note()

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Have what runs inside take effect together, with the client's block or at once."""
        alone, self._in_steps = not self.in_block, True
        if alone:
            self._connection.execute("BEGIN TRANSACTION")
            self.keys.begin()
        try:
            yield
        except BaseException:
            if alone:
                self._roll_back()
            raise
        finally:
            self._in_steps = False
        if alone:
            self._commit()

    def abandon(self) -> None:
        """Roll back what is open; raises what DuckDB raises when it cannot, and nothing is open then either."""
        if self.in_block:
            self.status = "I"
            self._roll_back()

    def _begin(self, command: TransactionCommand) -> DuckDBResult:
        self.refuse_if_failed()
        if self.in_block:
            self._warn("25001", "there is already a transaction in progress")
        else:
            self._catalog.block_begins()
            self._begun_as = "BEGIN TRANSACTION READ ONLY" if command.read_only else "BEGIN TRANSACTION"
            self._savepoints.begin()
            self._connection.execute(self._begun_as)
            self.status = "T"
        return DuckDBResult(None, "BEGIN")

    def _end_block(self, command: TransactionCommand) -> DuckDBResult:
        status, self.status = self.status, "I"
        if status == "I":
            self._warn("25P01", "there is no transaction in progress")
            return DuckDBResult(None, command.verb.upper())
        verb = "commit" if command.verb == "commit" and status == "T" else "rollback"
        if verb == "commit":
            self._commit()
        else:
            self._roll_back()
        if command.chain:
            self._begin(TransactionCommand("begin"))
        return DuckDBResult(None, verb.upper())

    def _commit(self) -> None:
        """Commit, unless a foreign key is violated, or may be by what others have committed meanwhile."""
        committed = False
        try:
            self.keys.check_waiting()
            with self.keys.commit():
                self._connection.execute("COMMIT")
            committed = True
            self._commits.note()
        finally:
            if not committed:
                with suppress(duckdb.TransactionException):  # it was DuckDB that could not commit, and rolled back
                    self._connection.execute("ROLLBACK")
            self._catalog.block_ended(committed=committed)

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        finally:
            self._catalog.block_ended(committed=False)

    def _savepoint(self, command: TransactionCommand) -> DuckDBResult:
        tag = command.verb.upper()
        if not self.in_block:
            what = "SAVEPOINT" if command.verb == "savepoint" else f"{tag} SAVEPOINT"
            raise UpstreamError(f"{what} can only be used in transaction blocks", sqlstate="25P01")
        if command.verb == "savepoint":
            self._savepoints.set(command.name)
        else:
            self._savepoints.release(command.name)
        return DuckDBResult(None, tag)

    def _rollback_to(self, name: str) -> DuckDBResult:
        if not self.in_block:
            raise UpstreamError("ROLLBACK TO SAVEPOINT can only be used in transaction blocks", sqlstate="25P01")
        self._savepoints.roll_back_to(name, self._begin_again)
        self.status = "T"
        return DuckDBResult(None, "ROLLBACK")

    def _begin_again(self) -> None:
        self._roll_back()
        self._connection.execute(self._begun_as)
