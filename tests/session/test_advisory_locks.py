"""Advisory locks between sessions: who waits, who is first, deadlocks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.errors import QueryCancelled, RvbbitError
from rvbbit_proxy.session.advisory_locks import (
    AdvisoryLocks,
    DeadlockDetected,
    LockKey,
    LockNotAvailable,
    Mode,
    SessionLocks,
)

KEY, OTHER = LockKey.of(1), LockKey.of(2, 3)
PATIENCE_S = 20.0


class Sessions:
    """Sessions by number, whose waiting happens in threads."""

    def __init__(self) -> None:
        self.locks = AdvisoryLocks()
        self.by_number = [SessionLocks(self.locks, number) for number in range(4)]

    def take(self, number: int, key: LockKey = KEY, mode: Mode = "ExclusiveLock") -> bool:
        return self.by_number[number].try_lock(key, mode, "session")

    def give(self, number: int, key: LockKey = KEY, mode: Mode = "ExclusiveLock") -> bool:
        return self.by_number[number].unlock(key, mode)

    @contextmanager
    def waiting(
        self, number: int, key: LockKey = KEY, mode: Mode = "ExclusiveLock", timeout_ms: int = 0
    ) -> Iterator[Waiter]:
        """Let a session wait in a thread of its own; the block runs once it does."""
        waiter = Waiter(lambda cancel: self.by_number[number].lock(key, mode, "session", cancel, timeout_ms))
        waiter.thread.start()
        while not any(row[3] == number and not row[5] for row in self.locks.rows()) and waiter.thread.is_alive():
            waiter.thread.join(0.001)
        yield waiter
        waiter.cancel.cancel()
        waiter.thread.join(PATIENCE_S)


class Waiter:
    """A thread that takes a lock; ``error`` is what came of it."""

    def __init__(self, take: Callable[[CancelToken], None]) -> None:
        self.cancel = CancelToken()
        self.error: RvbbitError | None = None
        self._take = take
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._take(self.cancel)
        except RvbbitError as error:
            self.error = error

    def ended(self) -> RvbbitError | None:
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
        return self.error


def test_a_lock_is_given_to_who_waits() -> None:
    sessions = Sessions()
    assert sessions.take(0)
    with sessions.waiting(1) as waiter:
        assert not sessions.take(2)
        assert sessions.give(0)
        assert waiter.ended() is None
    assert not sessions.take(0)
    assert not sessions.give(0)


def test_who_asks_later_waits_behind() -> None:
    sessions = Sessions()
    sessions.take(0, mode="ShareLock")
    with sessions.waiting(1) as exclusive:
        assert not sessions.take(2, mode="ShareLock"), "it would starve the one who waits"
        assert sessions.take(0, mode="ShareLock"), "who holds the key passes"
        sessions.give(0, mode="ShareLock")
        sessions.give(0, mode="ShareLock")
        assert exclusive.ended() is None


def test_a_waiting_session_can_be_cancelled() -> None:
    sessions = Sessions()
    sessions.take(0)
    with sessions.waiting(1) as waiter:
        waiter.cancel.cancel("why not")
        assert isinstance(waiter.ended(), QueryCancelled)
        assert str(waiter.error) == "why not"
    assert [row[3] for row in sessions.locks.rows()] == [0]


def test_a_cancelled_statement_waits_for_nothing() -> None:
    sessions = Sessions()
    sessions.take(0)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(QueryCancelled):
        sessions.by_number[1].lock(KEY, "ExclusiveLock", "session", cancel, 0)


def test_waiting_has_a_limit() -> None:
    sessions = Sessions()
    sessions.take(0)
    with pytest.raises(LockNotAvailable, match="lock timeout"):
        sessions.by_number[1].lock(KEY, "ShareLock", "session", CancelToken(), 1)


def test_the_last_of_a_circle_is_refused() -> None:
    sessions = Sessions()
    third = LockKey.of(3)
    for number, key in enumerate((KEY, OTHER, third)):
        sessions.take(number, key)
    with sessions.waiting(0, OTHER) as first, sessions.waiting(1, third) as second:
        with pytest.raises(DeadlockDetected) as raised:
            sessions.by_number[2].lock(KEY, "ExclusiveLock", "session", CancelToken(), 0)
        assert raised.value.detail == (
            "Process 2 waits for ExclusiveLock on advisory lock [0,1,1]; blocked by process 0.\n"
            "Process 0 waits for ExclusiveLock on advisory lock [2,3,2]; blocked by process 1.\n"
            "Process 1 waits for ExclusiveLock on advisory lock [0,3,1]; blocked by process 2."
        )
        sessions.by_number[2].close()
        assert second.ended() is None
        sessions.by_number[1].close()
        assert first.ended() is None


def test_two_upgrades_are_a_deadlock() -> None:
    sessions = Sessions()
    sessions.take(0, mode="ShareLock")
    sessions.take(1, mode="ShareLock")
    with sessions.waiting(0) as first:
        with pytest.raises(DeadlockDetected):
            sessions.by_number[1].lock(KEY, "ExclusiveLock", "session", CancelToken(), 0)
        sessions.by_number[1].close()
        assert first.ended() is None


def test_nothing_is_left_of_a_session_that_ends() -> None:
    sessions = Sessions()
    one = sessions.by_number[0]
    for _ in range(3):
        one.try_lock(KEY, "ExclusiveLock", "session")
        one.try_lock(OTHER, "ShareLock", "transaction")
    mark = one.mark
    one.try_lock(LockKey.of(9), "ShareLock", "transaction")
    one.roll_back(mark)
    assert {row[:3] for row in sessions.locks.rows()} == {(0, 1, 1), (2, 3, 2)}
    one.unlock_all()
    assert {row[:3] for row in sessions.locks.rows()} == {(2, 3, 2)}
    one.close()
    assert sessions.locks.rows() == []
