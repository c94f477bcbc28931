"""Which connection a CancelRequest means: process ids and their secret keys."""

from __future__ import annotations

import hmac
import itertools
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

OLD_KEY_BYTES = 4
NEW_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class BackendKey:
    """What BackendKeyData tells the client, and CancelRequest shows."""

    process_id: int
    secret_key: bytes = field(repr=False)


class CancelRegistry:
    """The keys of all connections. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process_ids = itertools.count(1)
        self._cancels: dict[int, tuple[bytes, Callable[[], None]]] = {}

    def register(self, cancel: Callable[[], None], *, long_key: bool = False) -> BackendKey:
        """Return a key under which ``cancel`` will be called; a long one from protocol 3.2 on."""
        key = secrets.token_bytes(NEW_KEY_BYTES if long_key else OLD_KEY_BYTES)
        with self._lock:
            process_id = next(number for number in self._process_ids if number not in self._cancels)
            self._cancels[process_id] = (key, cancel)
        return BackendKey(process_id, key)

    def rename(self, key: BackendKey, process_id: int) -> BackendKey:
        """Let a key stand for another process id, the upstream's own; one in use stays with who has it."""
        with self._lock:
            if process_id in self._cancels:
                return key
            self._cancels[process_id] = self._cancels.pop(key.process_id)
        return BackendKey(process_id, key.secret_key)

    def cancel(self, process_id: int, secret_key: bytes) -> bool:
        """Cancel what this key stands for; a wrong key does nothing. Tell whether it fitted."""
        with self._lock:
            expected, cancel = self._cancels.get(process_id, (b"", None))
        if cancel is None or not hmac.compare_digest(expected, secret_key):
            return False
        cancel()
        return True

    def release(self, key: BackendKey) -> None:
        """Forget a key; its connection is gone."""
        with self._lock:
            self._cancels.pop(key.process_id, None)
