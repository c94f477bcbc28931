"""Answers of operators by key, in memory and on the ledger; identical work in flight is joined.

A key says operator version, model, parameters and inputs, so whoever has the key may have the answer. Failures
are never put in. Safe from any thread and event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from rvbbit_proxy.ledger.records import CacheRecord, Record

LOADED_ANSWERS = 1_000_000
"""Answers read from the ledger at start."""


class CacheLedger(Protocol):
    """What the cache needs of the ledger."""

    def record(self, *records: Record) -> None:
        """Journal records."""

    def load_cache(self, limit: int) -> Iterable[CacheRecord]:
        """Return the newest answers kept, oldest first."""


def cache_key(genus_hash: str, model: str, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """Return the sha256 hex of operator version, model, parameters and inputs as canonical JSON.

    >>> cache_key("v1", "m", {}, {"a": 1, "b": 2}) == cache_key("v1", "m", {}, {"b": 2, "a": 1})
    True
    """
    canonical = json.dumps(
        [genus_hash, model, parameters, inputs],
        sort_keys=True,
        ensure_ascii=False,
        default=str,
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Claim:
    """Who does what: ``known`` answers, keys ``owned`` by the claimer, keys ``awaited`` from others.

    Every owned key must end in :meth:`ResultCache.put_many` or :meth:`ResultCache.release`.
    """

    known: Mapping[str, Any]
    owned: tuple[str, ...]
    awaited: Mapping[str, Future[None]]


class ResultCache:
    """The process's answers: a dict in front of the ledger's ``semantic_cache``."""

    def __init__(self, ledger: CacheLedger) -> None:
        self._ledger = ledger
        self._values: dict[str, Any] = {}
        self._in_flight: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    def load(self, limit: int = LOADED_ANSWERS) -> int:
        """Read the ledger's newest answers and return how many there are."""
        values = {record.cache_key: record.value for record in self._ledger.load_cache(limit)}
        with self._lock:
            self._values.update(values)
        return len(values)

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the known answers among these keys; a key that is absent is not known (None is an answer)."""
        with self._lock:
            return {key: self._values[key] for key in keys if key in self._values}

    def put_many(self, records: Sequence[CacheRecord]) -> None:
        """Journal answers, keep them, and wake who waits for them."""
        if not records:
            return
        self._ledger.record(*records)
        with self._lock:
            self._values.update((record.cache_key, record.value) for record in records)
        self.release(record.cache_key for record in records)

    def claim(self, keys: Iterable[str], *, refresh: bool = False) -> Claim:
        """Divide keys into known, owned by the claimer, and awaited from others who already work on them.

        ``refresh`` takes no kept answer; work in flight is joined all the same, being fresh.
        """
        known: dict[str, Any] = {}
        owned: list[str] = []
        awaited: dict[str, Future[None]] = {}
        with self._lock:
            for key in dict.fromkeys(keys):
                if not refresh and key in self._values:
                    known[key] = self._values[key]
                elif key in self._in_flight:
                    awaited[key] = self._in_flight[key]
                else:
                    self._in_flight[key] = Future()
                    owned.append(key)
        return Claim(known, tuple(owned), awaited)

    def release(self, keys: Iterable[str]) -> None:
        """Give owned keys up, answered or not, and wake who waits for them."""
        with self._lock:
            futures = [self._in_flight.pop(key) for key in keys if key in self._in_flight]
        for future in futures:
            future.set_result(None)

    async def answers(
        self, keys: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[None]], *, refresh: bool = False
    ) -> dict[str, Any]:
        """Return the answers of keys, asking only for those nobody has and nobody is asking for.

        ``ask`` works keys out and puts them in with :meth:`put_many`, as early as each is there; it may leave
        keys out. If it raises, what it put in stays, others that wait for the rest try themselves, and the error
        goes to the caller. Keys nobody could answer are absent from the result.
        """
        found: dict[str, Any] = {}
        claim = self.claim(keys, refresh=refresh)
        while True:
            found.update(claim.known)
            if claim.owned:
                try:
                    await ask(claim.owned)
                finally:
                    self.release(claim.owned)
                found.update(self.get_many(claim.owned))
            if not claim.awaited:
                return found
            # shield: cancelling one who waits must not cancel the future the others wait for
            await asyncio.gather(*(asyncio.shield(asyncio.wrap_future(f)) for f in claim.awaited.values()))
            claim = self.claim(claim.awaited)
