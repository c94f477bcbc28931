"""The sessions of one server by process id, so that one can stop another: pg_cancel_backend and its like.

A session may stop those of its own user, a superuser all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from rvbbit_proxy.errors import RvbbitError


class InsufficientPrivilege(RvbbitError, sqlstate="42501"):
    """Another user's session, and no superuser."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A session as others may act on it. ``running_caller``: whom its statement is for, None between statements."""

    process_id: int
    user: str
    cancel: Callable[[], None]
    terminate: Callable[[], None]
    running_caller: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts."""

    user: str
    superuser: bool


class Backends:
    """All sessions. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._backends: dict[int, Backend] = {}

    def __contains__(self, process_id: int) -> bool:
        return process_id in self._backends

    def add(self, backend: Backend) -> None:
        """Let others find a session."""
        with self._lock:
            self._backends[backend.process_id] = backend

    def remove(self, process_id: int) -> None:
        """Forget a session; it ends."""
        with self._lock:
            self._backends.pop(process_id, None)

    def cancel(self, process_id: int, actor: Actor) -> bool:
        """Stop a session's statement; tell whether there is such a session. Raises InsufficientPrivilege."""
        backend = self._find(process_id, actor, "cancel query")
        if backend is not None:
            backend.cancel()
        return backend is not None

    def terminate(self, process_id: int, actor: Actor) -> bool:
        """End a session; tell whether there is such a session. Raises InsufficientPrivilege."""
        backend = self._find(process_id, actor, "terminate process")
        if backend is not None:
            backend.cancel()
            backend.terminate()
        return backend is not None

    def cancel_caller(self, caller_id: str, actor: Actor) -> int:
        """Stop all statements that run for a caller; return how many there were. Raises InsufficientPrivilege."""
        with self._lock:
            found = [each for each in self._backends.values() if each.running_caller() == caller_id]
        for backend in found:
            _check(backend, actor, "cancel query")
        for backend in found:
            backend.cancel()
        return len(found)

    def _find(self, process_id: int, actor: Actor, action: str) -> Backend | None:
        with self._lock:
            backend = self._backends.get(process_id)
        if backend is not None:
            _check(backend, actor, action)
        return backend


def _check(backend: Backend, actor: Actor, action: str) -> None:
    if not actor.superuser and backend.user != actor.user:
        raise InsufficientPrivilege(
            f"permission denied to {action}",
            detail=f'Only superusers and the user "{backend.user}" may do that to process {backend.process_id}.',
        )
