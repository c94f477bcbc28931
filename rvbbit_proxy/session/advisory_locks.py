"""Advisory locks between the sessions of this server, which is the database's only writer.

A key is held by a session or by its transaction, any number of times. Who asks waits behind those who asked before.
Source: https://www.postgresql.org/docs/16/explicit-locking.html#ADVISORY-LOCKS ; PostgreSQL's lock.c for who waits.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.errors import RvbbitError

Mode = Literal["ExclusiveLock", "ShareLock"]
Level = Literal["session", "transaction"]
_WORD = 0xFFFFFFFF


class LockNotAvailable(RvbbitError, sqlstate="55P03"):
    """lock_timeout is over."""


class DeadlockDetected(RvbbitError, sqlstate="40P01"):
    """Sessions wait for one another."""


@dataclass(frozen=True, slots=True)
class LockKey:
    """A key as pg_locks shows it: ``objsubid`` is 1 for one bigint, 2 for two integers."""

    classid: int
    objid: int
    objsubid: int

    @classmethod
    def of(cls, *numbers: int) -> LockKey:
        """Return the key of one bigint or two integers.

        >>> LockKey.of(-1), LockKey.of(1, 2)
        (LockKey(classid=4294967295, objid=4294967295, objsubid=1), LockKey(classid=1, objid=2, objsubid=2))
        """
        if len(numbers) == 1:
            return cls(numbers[0] >> 32 & _WORD, numbers[0] & _WORD, 1)
        return cls(numbers[0] & _WORD, numbers[1] & _WORD, 2)

    def __str__(self) -> str:
        return f"advisory lock [{self.classid},{self.objid},{self.objsubid}]"


@dataclass(eq=False, slots=True)
class _Request:
    owner: SessionLocks
    key: LockKey
    mode: Mode
    since: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(slots=True)
class _Lock:
    """Who holds a key in which modes, and who waits for it, in order."""

    holders: dict[SessionLocks, Counter[Mode]] = field(default_factory=dict)
    waiting: list[_Request] = field(default_factory=list)

    def in_the_way(self, request: _Request) -> Iterator[SessionLocks]:
        """Yield the sessions a request has to wait for; one that holds the key already passes those who wait."""
        for owner, modes in self.holders.items():
            if owner is not request.owner and any(_conflict(mode, request.mode) for mode in modes):
                yield owner
        if request.owner in self.holders:
            return
        for earlier in self.waiting:
            if earlier is request:
                return
            if _conflict(earlier.mode, request.mode):
                yield earlier.owner


def _conflict(one: Mode, other: Mode) -> bool:
    return "ExclusiveLock" in (one, other)


class AdvisoryLocks:
    """The locks of all sessions. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._locks: dict[LockKey, _Lock] = {}
        self._requests: dict[SessionLocks, _Request] = {}

    def rows(self) -> list[tuple[int, int, int, int, Mode, bool, datetime | None]]:
        """Return what is held and waited for as pg_locks tells it.

        A row is classid, objid, objsubid, process id, mode, whether it is granted, since when it is waited for.
        """
        with self._changed:
            held: list[tuple[int, int, int, int, Mode, bool, datetime | None]] = [
                (key.classid, key.objid, key.objsubid, owner.process_id, mode, True, None)
                for key, lock in self._locks.items()
                for owner, modes in lock.holders.items()
                for mode in modes
            ]
            for owner, one in self._requests.items():
                key = one.key
                held.append((key.classid, key.objid, key.objsubid, owner.process_id, one.mode, False, one.since))
            return held

    def take(self, owner: SessionLocks, key: LockKey, mode: Mode) -> bool:
        """Take a lock if nobody is in the way; tell whether it was taken."""
        with self._changed:
            return self._take(_Request(owner, key, mode))

    def wait_for(
        self, owner: SessionLocks, key: LockKey, mode: Mode, cancel: CancelToken, timeout_ms: int
    ) -> None:
        """Take a lock when its turn comes.

        Raises QueryCancelled (57014), LockNotAvailable (55P03) after ``timeout_ms`` (0 is never), DeadlockDetected
        (40P01).
        """
        request = _Request(owner, key, mode)
        deadline = time.monotonic() + timeout_ms / 1000 if timeout_ms else None
        with cancel.calling(self._wake), self._changed:
            if self._take(request):
                return
            self._locks[key].waiting.append(request)
            self._requests[owner] = request
            try:
                self._refuse_deadlock(request)
                while not self._take(request):
                    cancel.check()
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise LockNotAvailable("canceling statement due to lock timeout")
                    self._changed.wait(left)
            finally:
                del self._requests[owner]
                self._locks[key].waiting.remove(request)
                self._tidy(key)

    def release(self, owner: SessionLocks, key: LockKey, mode: Mode, count: int = 1) -> None:
        """Give back a lock that was taken so many times more."""
        with self._changed:
            modes = self._locks[key].holders[owner]
            modes[mode] -= count
            if not modes[mode]:
                del modes[mode]
            if not modes:
                del self._locks[key].holders[owner]
            self._tidy(key)

    def _take(self, request: _Request) -> bool:
        lock = self._locks.setdefault(request.key, _Lock())
        if any(True for _ in lock.in_the_way(request)):
            return False
        lock.holders.setdefault(request.owner, Counter())[request.mode] += 1
        return True

    def _tidy(self, key: LockKey) -> None:
        """Forget a key that nobody holds or waits for; let those who wait look again."""
        if not self._locks[key].holders and not self._locks[key].waiting:
            del self._locks[key]
        self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _refuse_deadlock(self, request: _Request) -> None:
        """Raise DeadlockDetected if those a request waits for wait, in the end, for its own session."""
        circle = self._way_to(request.owner, request, set())
        if circle is not None:
            waits = [
                f"Process {one.owner.process_id} waits for {one.mode} on {one.key}; blocked by process {by.process_id}."
                for one, by in circle
            ]
            raise DeadlockDetected("deadlock detected", detail="\n".join(waits))

    def _way_to(
        self, goal: SessionLocks, request: _Request, seen: set[SessionLocks]
    ) -> list[tuple[_Request, SessionLocks]] | None:
        """Return who waits for whom from a request to a session, None if it does not wait for that."""
        for owner in self._locks[request.key].in_the_way(request):
            if owner is goal:
                return [(request, owner)]
            following = self._requests.get(owner)
            if following is not None and owner not in seen:
                seen.add(owner)
                rest = self._way_to(goal, following, seen)
                if rest is not None:
                    return [(request, owner), *rest]
        return None


class SessionLocks:
    """What one session holds: counted by the session, and in order by its transaction."""

    def __init__(self, locks: AdvisoryLocks, process_id: int) -> None:
        self._locks = locks
        self.process_id = process_id
        self._session: Counter[tuple[LockKey, Mode]] = Counter()
        self._transaction: list[tuple[LockKey, Mode]] = []

    def lock(self, key: LockKey, mode: Mode, level: Level, cancel: CancelToken, timeout_ms: int) -> None:
        """Take a lock, after waiting for it; raises what :meth:`AdvisoryLocks.wait_for` does."""
        self._locks.wait_for(self, key, mode, cancel, timeout_ms)
        self._note(key, mode, level)

    def try_lock(self, key: LockKey, mode: Mode, level: Level) -> bool:
        """Take a lock that is free; tell whether it was."""
        taken = self._locks.take(self, key, mode)
        if taken:
            self._note(key, mode, level)
        return taken

    def _note(self, key: LockKey, mode: Mode, level: Level) -> None:
        if level == "session":
            self._session[key, mode] += 1
        else:
            self._transaction.append((key, mode))

    def unlock(self, key: LockKey, mode: Mode) -> bool:
        """Give back what the session took once; tell whether it had."""
        if not self._session[key, mode]:
            return False
        self._session[key, mode] -= 1
        self._locks.release(self, key, mode)
        return True

    def unlock_all(self) -> None:
        """Give back all that the session took; its transaction's stay."""
        taken, self._session = self._session, Counter()
        for (key, mode), count in taken.items():
            if count:
                self._locks.release(self, key, mode, count)

    @property
    def mark(self) -> int:
        """What :meth:`roll_back` returns to."""
        return len(self._transaction)

    def roll_back(self, mark: int = 0) -> None:
        """Give back what the transaction took since the mark; without one, all."""
        taken, self._transaction = self._transaction[mark:], self._transaction[:mark]
        for key, mode in reversed(taken):
            self._locks.release(self, key, mode)

    def close(self) -> None:
        """The session ends."""
        self.roll_back()
        self.unlock_all()
