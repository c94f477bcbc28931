"""Answers of operators by key, in memory and on the ledger; identical work in flight is joined.

A key says operator version, model, parameters and inputs, so whoever has the key may have the answer. Failures
are never put in. An answer may be too old for who asks; the oldest are forgotten when there are too many, in memory
at once and on the ledger soon after. Safe from any thread and event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Protocol

from rvbbit_proxy.ledger.records import CacheRecord, Record

KEPT_ANSWERS = 1_000_000
EVICTED_SHARE = 10
"""One in so many answers is forgotten when there are too many: rarely, then many at a time."""


class CacheLedger(Protocol):
    """What the cache needs of the ledger."""

    def record(self, *records: Record) -> None:
        """Journal records."""

    def load_cache(self, limit: int) -> Iterable[tuple[str, Any, float]]:
        """Return the newest answers kept, oldest first: key, value, and epoch seconds."""

    def trim_cache(self, limit: int) -> int:
        """Forget all but the newest answers; return how many were forgotten."""


def cache_key(genus_hash: str, model: str, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """Return the sha256 hex of operator version, model, parameters and inputs as canonical JSON.

    >>> cache_key("v1", "m", {}, {"a": 1, "b": 2}) == cache_key("v1", "m", {}, {"b": 2, "a": 1})
    True
    """
    return cache_keys(genus_hash, model, parameters, [inputs])[0]


def cache_keys(
    genus_hash: str, model: str, parameters: Mapping[str, Any], items: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Return :func:`cache_key` of many inputs; what they share is encoded and hashed once."""
    shared = hashlib.sha256(_canonical([genus_hash, model, parameters])[:-1].encode("utf-8", "surrogatepass"))
    keys = []
    for text in _canonical_items(items):
        digest = shared.copy()
        digest.update(f",{text}]".encode("utf-8", "surrogatepass"))
        keys.append(digest.hexdigest())
    return keys


_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":")).encode


def _canonical_items(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the canonical JSON of each item; a value that an item has from the one before is not encoded again.

    >>> list(_canonical_items([{"b": "x", "a": [1]}, {"b": "y", "a": [1]}, {}]))
    ['{"a":[1],"b":"x"}', '{"a":[1],"b":"y"}', '{}']
    """
    names: list[str] = []
    encoded: dict[str, tuple[Any, str]] = {}
    for item in items:
        if len(names) != len(item) or not all(name in item for name in names):
            names, encoded = sorted(item), {}
        for name in names:
            value, before = item[name], encoded.get(name)
            if before is None or before[0] is not value:
                text = encode_basestring(value) if type(value) is str else _canonical(value)
                encoded[name] = (value, f"{encode_basestring(name)}:{text}")
        yield "{" + ",".join([encoded[name][1] for name in names]) + "}"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who does what: ``known`` answers, keys ``owned`` by the claimer, keys ``awaited`` from others.

    Every owned key must end in :meth:`ResultCache.put_many` or :meth:`ResultCache.release`.
    """

    known: Mapping[str, Any]
    owned: tuple[str, ...]
    awaited: Mapping[str, Future[None]]


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """Since the start: answers given from the cache, worked out, waited for while others did, and forgotten."""

    entries: int
    hits: int
    misses: int
    joined: int
    evicted: int


class ResultCache:
    """The process's answers: a dict in front of the ledger's ``semantic_cache``, of ``limit`` answers at most."""

    def __init__(self, ledger: CacheLedger, limit: int = KEPT_ANSWERS) -> None:
        self._ledger = ledger
        self._limit = limit
        self._entries: dict[str, tuple[Any, float]] = {}  # value and epoch seconds, oldest first
        self._hits = self._misses = self._joined = self._evicted = 0
        self._in_flight: dict[str, Future[None] | None] = {}  # what is waited for, once somebody waits
        self._lock = threading.Lock()

    def load(self) -> int:
        """Read the ledger's newest answers and return how many there are."""
        entries = {key: (value, at) for key, value, at in self._ledger.load_cache(self._limit)}
        with self._lock:
            self._entries.update(entries)
        if len(entries) == self._limit:
            self._ledger.trim_cache(self._limit)
        return len(entries)

    def get_many(self, keys: Iterable[str], *, max_age_s: float | None = None) -> dict[str, Any]:
        """Return the known answers among these keys; a key that is absent is not known (None is an answer)."""
        with self._lock:
            return self._younger(keys, -math.inf if max_age_s is None else time.time() - max_age_s)

    def get_all(self, keys: Sequence[str], *, max_age_s: float | None = None) -> list[Any] | None:
        """Return the answers of distinct keys, in their order, as given from the cache; None where one is not known."""
        with self._lock:
            entries = list(map(self._entries.get, keys))
            if None in entries:
                return None
            known = [entry for entry in entries if entry is not None]
            if max_age_s is not None and any(at < time.time() - max_age_s for _, at in known):
                return None
            self._hits += len(known)
        return [value for value, _ in known]

    def _younger(self, keys: Iterable[str], than: float) -> dict[str, Any]:
        find = self._entries.get
        return {key: entry[0] for key in keys if (entry := find(key)) is not None and entry[1] >= than}

    def statistics(self) -> CacheStatistics:
        """Return what the cache has done."""
        with self._lock:
            return CacheStatistics(len(self._entries), self._hits, self._misses, self._joined, self._evicted)

    def put_many(self, records: Sequence[CacheRecord]) -> None:
        """Journal answers, keep them, and wake who waits for them."""
        if not records:
            return
        self._ledger.record(*records)
        with self._lock:
            for record in records:
                self._entries.pop(record.cache_key, None)  # a fresh answer goes to the end
                self._entries[record.cache_key] = _entry(record)
            too_many = len(self._entries) > self._limit
            if too_many:
                self._evict()
        self.release(record.cache_key for record in records)
        if too_many:
            threading.Thread(target=self._ledger.trim_cache, args=(self._limit,), name="cache-trim").start()

    def _evict(self) -> None:
        count = len(self._entries) - self._limit + self._limit // EVICTED_SHARE
        for key in list(itertools.islice(self._entries, count)):
            del self._entries[key]
        self._evicted += count

    def claim(self, keys: Iterable[str], *, refresh: bool = False, max_age_s: float | None = None) -> Claim:
        """Divide keys into known, owned by the claimer, and awaited from others who already work on them.

        ``refresh`` takes no kept answer; work in flight is joined all the same, being fresh.
        """
        oldest = math.inf if refresh else -math.inf if max_age_s is None else time.time() - max_age_s
        asked = dict.fromkeys(keys)
        with self._lock:
            known = self._younger(asked, oldest)
            unknown = [key for key in asked if key not in known]
            awaited = {key: self._ended(key) for key in unknown if key in self._in_flight}
            owned = [key for key in unknown if key not in awaited]
            self._in_flight.update(dict.fromkeys(owned))
            self._hits += len(known)
            self._misses += len(owned)
            self._joined += len(awaited)
        return Claim(known, tuple(owned), awaited)

    def _ended(self, key: str) -> Future[None]:
        """Return what ends when the work on a key in flight does."""
        ended = self._in_flight[key]
        if ended is None:
            ended = self._in_flight[key] = Future()
        return ended

    def release(self, keys: Iterable[str]) -> None:
        """Give owned keys up, answered or not, and wake who waits for them."""
        with self._lock:
            ended = [self._in_flight.pop(key, None) for key in keys]
        for future in filter(None, ended):
            future.set_result(None)

    async def answers(
        self,
        keys: Sequence[str],
        ask: Callable[[Sequence[str]], Awaitable[None]],
        *,
        refresh: bool = False,
        max_age_s: float | None = None,
    ) -> dict[str, Any]:
        """Return the answers of keys, asking only for those nobody has and nobody is asking for.

        ``ask`` works keys out and puts them in with :meth:`put_many`, as early as each is there; it may leave
        keys out. If it raises, what it put in stays, others that wait for the rest try themselves, and the error
        goes to the caller. Keys nobody could answer are absent from the result.
        """
        found: dict[str, Any] = {}
        began = time.time()
        claim = self.claim(keys, refresh=refresh, max_age_s=max_age_s)
        while True:
            found.update(claim.known)
            if claim.owned:
                try:
                    await ask(claim.owned)
                finally:
                    self.release(claim.owned)
                with self._lock:
                    found.update(self._younger(claim.owned, began))  # not what was there before and is too old
            if not claim.awaited:
                return found
            # shield: cancelling one who waits must not cancel the future the others wait for
            await asyncio.gather(*(asyncio.shield(asyncio.wrap_future(f)) for f in claim.awaited.values()))
            claim = self.claim(claim.awaited, max_age_s=max_age_s)


def _entry(record: CacheRecord) -> tuple[Any, float]:
    return record.value, record.created_at.timestamp()
