"""The transaction block: PostgreSQL's states over an upstream's BEGIN, COMMIT and ROLLBACK.

``implicit`` is the block around the statements of one simple query, or of the extended messages up to Sync.
The upstream keeps its own state; the session's says more: an error the upstream never saw fails the block too.
Source: PostgreSQL's src/backend/access/transam/xact.c; protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal

from rvbbit_proxy.engine.statement import TransactionCommand, transaction_command
from rvbbit_proxy.engine.upstream import Notice, TransactionStatus, UpstreamSession
from rvbbit_proxy.errors import ActiveTransaction, InFailedTransaction, RvbbitError
from rvbbit_proxy.session.advisory_locks import SessionLocks
from rvbbit_proxy.session.notifications import SessionNotifications
from rvbbit_proxy.session.parameter_commands import parse_transaction_modes
from rvbbit_proxy.session.parameters import Parameters, Snapshot
from rvbbit_proxy.session.results import Done
from rvbbit_proxy.sql.lexer import leading_words, lexemes

State = Literal["idle", "implicit", "explicit"]
MODES = ("transaction_isolation", "transaction_read_only", "transaction_deferrable")
_OPENING = frozenset({"begin", "start", "work", "transaction"})


class NoActiveTransaction(RvbbitError, sqlstate="25P01"):
    """Only allowed inside a transaction block."""


class UnknownSavepoint(RvbbitError, sqlstate="3B001"):
    """No savepoint has this name."""


class TransactionBlock:
    """One session's transaction block.

    ``on_end`` is told when a transaction is about to end, and how.
    """

    def __init__(
        self,
        upstream: UpstreamSession,
        parameters: Parameters,
        notify: Callable[[Notice], None],
        on_end: Callable[[bool], None],
        notifications: SessionNotifications,
        locks: SessionLocks,
    ) -> None:
        self._upstream = upstream
        self._parameters = parameters
        self._notify = notify
        self._on_end = on_end
        self._notifications = notifications
        self._locks = locks
        self._savepoints: list[tuple[str, Snapshot, int, int]] = []
        self.queried = False
        self.began_s = 0.0
        """When the transaction began, by the clock that only goes forward."""
        self.state: State = "idle"
        self.failed = False

    @property
    def status(self) -> TransactionStatus:
        """The state as ReadyForQuery tells it."""
        if self.state != "explicit":
            return "I"
        return "E" if self.failed else "T"

    def refuse_late_modes(self, modes: Mapping[str, str]) -> None:
        """Raise ActiveTransaction (25001) for modes that a transaction's first query has settled."""
        for name, value in modes.items():
            if not self.queried or value == self._parameters.get(name):
                continue
            if name == "transaction_isolation":
                raise ActiveTransaction("SET TRANSACTION ISOLATION LEVEL must be called before any query")
            if name == "transaction_read_only" and value == "off":
                raise ActiveTransaction("transaction read-write mode must be set before any query")

    def refuse_if_failed(self) -> None:
        """Raise InFailedTransaction (25P02) in a failed block."""
        if self.failed:
            raise InFailedTransaction(
                "current transaction is aborted, commands ignored until end of transaction block"
            )

    def start_implicit(self) -> None:
        """Open the block around several statements, unless one is open."""
        if self.state == "idle":
            self._upstream.execute("BEGIN").close()
            self._begin("implicit")

    def end_implicit(self) -> None:
        """Commit the block around several statements, if it is one."""
        if self.state == "implicit":
            self._finish(commit=not self.failed)

    def fail(self) -> None:
        """A statement failed: an explicit block waits for ROLLBACK, an implicit one is undone at once."""
        if self.state == "explicit":
            self.failed = True
        elif self.state == "implicit":
            self._finish(commit=False)
        else:
            self._parameters.rollback()

    def abandon(self) -> None:
        """The session ends."""
        if self.state != "idle":
            self._finish(commit=False)

    def run(self, sql: str) -> Done:
        """Run a transaction command."""
        command = transaction_command(sql)
        if command is None:
            raise NoActiveTransaction("unrecognized transaction command")
        match command.verb:
            case "begin":
                return self._run_begin(sql)
            case "commit" | "rollback":
                return self._run_end(command, sql)
            case "rollback to":
                return self._run_rollback_to(command, sql)
            case _:
                return self._run_savepoint(command, sql)

    def _run_begin(self, sql: str) -> Done:
        self.refuse_if_failed()
        modes = parse_transaction_modes(
            token.text.lower() for token in lexemes(sql) if token.text.lower() not in _OPENING
        )
        if self.state == "explicit":
            self._warn("25001", "there is already a transaction in progress")
        elif self.state == "implicit":
            self.state = "explicit"  # what the implicit block did so far becomes part of it
        else:
            self._upstream.execute(sql).close()
            self._begin("explicit")
        self._set_modes(modes)
        return Done("START TRANSACTION" if leading_words(sql, 1) == ("start",) else "BEGIN")

    def _set_modes(self, modes: dict[str, str]) -> None:
        for name in MODES:
            value = modes.get(name, self._parameters.get(f"default_{name}"))
            if value != self._parameters.get(name):
                self._parameters.set(name, value, local=True)

    def _run_end(self, command: TransactionCommand, sql: str) -> Done:
        if self.state != "explicit":
            if command.chain:
                raise NoActiveTransaction(
                    f"{command.verb.upper()} AND CHAIN can only be used in transaction blocks"
                )
            self._warn("25P01", "there is no transaction in progress")
        commit = command.verb == "commit" and not self.failed
        modes = {name: self._parameters.get(name) for name in MODES}
        if self.state != "idle":
            self._finish(commit=commit)
        if command.chain:
            self._upstream.execute(_begin_with(modes)).close()
            self._begin("explicit")
            self._set_modes(modes)
        return Done("COMMIT" if commit else "ROLLBACK")

    def _run_savepoint(self, command: TransactionCommand, sql: str) -> Done:
        self.refuse_if_failed()
        verb = "SAVEPOINT" if command.verb == "savepoint" else "RELEASE SAVEPOINT"
        self._require_block(verb)
        if command.verb == "savepoint":
            self._upstream.execute(sql).close()
            asked = len(self._notifications.pending)
            self._savepoints.append((command.name, self._parameters.snapshot(), asked, self._locks.mark))
        else:
            index = self._savepoint_index(command.name)
            self._upstream.execute(sql).close()
            del self._savepoints[index:]
        return Done(verb.split()[0])

    def _run_rollback_to(self, command: TransactionCommand, sql: str) -> Done:
        self._require_block("ROLLBACK TO SAVEPOINT")
        index = self._savepoint_index(command.name)
        self._upstream.execute(sql).close()
        self.failed = False
        _, parameters, asked, locked = self._savepoints[index]
        self._parameters.restore(parameters)
        self._notifications.forget(asked)
        self._locks.roll_back(locked)
        del self._savepoints[index + 1 :]
        return Done("ROLLBACK")

    def _require_block(self, verb: str) -> None:
        if self.state != "explicit":
            raise NoActiveTransaction(f"{verb} can only be used in transaction blocks")

    def _savepoint_index(self, name: str) -> int:
        for index in reversed(range(len(self._savepoints))):
            if self._savepoints[index][0] == name:
                return index
        raise UnknownSavepoint(f'savepoint "{name}" does not exist')

    def _begin(self, state: State) -> None:
        self.state = state
        self.failed = self.queried = False
        self.began_s = time.monotonic()
        self._parameters.begin()

    def _finish(self, *, commit: bool) -> None:
        """End the block upstream and here; a commit that fails upstream has rolled back."""
        self._on_end(commit)
        self.state, self.failed = "idle", False
        self._savepoints.clear()
        try:
            self._upstream.execute("COMMIT" if commit else "ROLLBACK").close()
        except RvbbitError:
            self._parameters.rollback()
            self._notifications.end_transaction(False)
            raise
        finally:
            self._locks.roll_back()
        self._notifications.end_transaction(commit)
        if commit:
            self._parameters.commit()
        else:
            self._parameters.rollback()

    def _warn(self, sqlstate: str, message: str) -> None:
        self._notify(Notice("WARNING", sqlstate, message))


def _begin_with(modes: Mapping[str, str]) -> str:
    """Return BEGIN with these modes.

    >>> _begin_with({"transaction_isolation": "serializable", "transaction_read_only": "on"})
    'BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, NOT DEFERRABLE'
    """
    reading = "ONLY" if modes.get("transaction_read_only") == "on" else "WRITE"
    waiting = "DEFERRABLE" if modes.get("transaction_deferrable") == "on" else "NOT DEFERRABLE"
    level = modes.get("transaction_isolation", "read committed").upper()
    return f"BEGIN ISOLATION LEVEL {level}, READ {reading}, {waiting}"
