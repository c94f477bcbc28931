"""What the sessions of one upstream are doing, as pg_stat_activity tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

State = Literal["active", "idle", "idle in transaction", "idle in transaction (aborted)"]
_RESTING: dict[str, State] = {
    "I": "idle",
    "T": "idle in transaction",
    "E": "idle in transaction (aborted)",
}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class SessionActivity:
    """One session: who it is, and its latest statement. Written by the session's thread, read by all.

    ``settings`` gives name, value and description of the parameters in force there, ``locks`` the advisory locks of
    all sessions as ``base.locks`` has them.
    """

    pid: int
    user: str
    database: str
    application_name: str = ""
    client_address: str | None = None
    backend_start: datetime = field(default_factory=_now)
    state: State = "idle"
    query: str = ""
    query_start: datetime | None = None
    transaction_start: datetime | None = None
    state_change: datetime | None = None
    settings: Callable[[], Iterable[tuple[str, str, str]]] | None = None
    locks: Callable[[], Iterable[tuple[Any, ...]]] | None = None

    def began(self, query: str) -> None:
        """Note that a statement runs."""
        self.query, self.state = query, "active"
        self.query_start = self.state_change = _now()
        if self.transaction_start is None:
            self.transaction_start = self.query_start

    def rests(self, transaction_status: str) -> None:
        """Note that the client is told to go on, with the status of ReadyForQuery."""
        self.state, self.state_change = _RESTING[transaction_status], _now()
        if transaction_status == "I":
            self.transaction_start = None


class Activity:
    """The sessions that are open; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[int, SessionActivity] = {}

    def opened(self, session: SessionActivity) -> None:
        """List a session."""
        with self._lock:
            self._sessions[id(session)] = session

    def closed(self, session: SessionActivity) -> None:
        """List it no more."""
        with self._lock:
            self._sessions.pop(id(session), None)

    def sessions(self) -> list[SessionActivity]:
        """Return the sessions in the order they were opened."""
        with self._lock:
            return list(self._sessions.values())
