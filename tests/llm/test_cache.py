"""Answers by key: kept, journalled, joined while in flight."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.caller import utc_now
from rvbbit_proxy.ledger.records import CacheRecord, Record
from rvbbit_proxy.llm.cache import ResultCache, cache_key, cache_keys


class CacheOnly:
    """A ledger that knows the cache's table only."""

    def __init__(self, *kept: CacheRecord) -> None:
        self.kept = list(kept)

    def record(self, *records: Record) -> None:
        self.kept += [record for record in records if isinstance(record, CacheRecord)]

    def trim_cache(self, limit: int) -> int:
        forgotten, self.kept = self.kept[:-limit], self.kept[-limit:]
        return len(forgotten)

    def load_cache(self, limit: int) -> Iterable[tuple[str, Any, float]]:
        return [(kept.cache_key, kept.value, kept.created_at.timestamp()) for kept in self.kept[-limit:]]


def answer(key: str, value: object) -> CacheRecord:
    return CacheRecord(
        cache_key=key, operator="means", genus_hash="v1", model="m", value=value, created_at=utc_now()
    )


def test_key_depends_on_all_that_shapes_the_answer() -> None:
    keys = {
        cache_key("v1", "m", {}, {"text": "a"}),
        cache_key("v2", "m", {}, {"text": "a"}),
        cache_key("v1", "n", {}, {"text": "a"}),
        cache_key("v1", "m", {"temperature": 1}, {"text": "a"}),
        cache_key("v1", "m", {}, {"text": "b"}),
        cache_key("v1", "m", {}, {"text": None}),
    }
    assert len(keys) == 6 and all(len(key) == 64 for key in keys)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5))
def test_keys_are_the_hash_of_canonical_json(items: list[dict[str, Any]]) -> None:
    for key, item in zip(cache_keys("v1", "m", {"p": 1}, items), items, strict=True):
        canonical = json.dumps(
            ["v1", "m", {"p": 1}, item], sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":")
        )
        assert key == hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def test_null_is_an_answer_and_absence_is_not() -> None:
    cache = ResultCache(CacheOnly())
    cache.put_many([answer("a", None)])
    assert cache.get_many(["a", "b"]) == {"a": None}


def test_answers_survive_in_the_ledger() -> None:
    ledger = CacheOnly(answer("a", 1))
    ResultCache(ledger).put_many([answer("b", 2)])
    cache = ResultCache(ledger)
    assert cache.load() == 2
    assert cache.get_many("ab") == {"a": 1, "b": 2}


def test_claim_divides_known_owned_awaited() -> None:
    cache = ResultCache(CacheOnly())
    cache.put_many([answer("a", 1)])
    first, second = cache.claim("ab"), cache.claim("abcc")
    assert (first.known, first.owned, list(first.awaited)) == ({"a": 1}, ("b",), [])
    assert (second.known, second.owned, list(second.awaited)) == ({"a": 1}, ("c",), ["b"])


def test_work_in_flight_is_asked_once() -> None:
    cache, asked = ResultCache(CacheOnly()), list[Sequence[str]]()

    async def ask(keys: Sequence[str]) -> None:
        asked.append(keys)
        await asyncio.sleep(0)
        cache.put_many([answer(key, key.upper()) for key in keys])

    async def run() -> list[dict[str, object]]:
        return await asyncio.gather(cache.answers("abc", ask), cache.answers("bcd", ask), cache.answers("a", ask))

    first, second, third = asyncio.run(run())
    assert asked == [("a", "b", "c"), ("d",)]
    assert (first, second, third) == (
        {"a": "A", "b": "B", "c": "C"},
        {"b": "B", "c": "C", "d": "D"},
        {"a": "A"},
    )


def test_two_that_wait_for_each_other_both_end() -> None:
    cache = ResultCache(CacheOnly())

    async def ask(keys: Sequence[str]) -> None:
        await asyncio.sleep(0)
        cache.put_many([answer(key, 1) for key in keys])

    async def run() -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(cache.answers("ab", ask), cache.answers("bc", ask), cache.answers("ca", ask))

    asyncio.run(run())
    assert cache.get_many("abc") == {"a": 1, "b": 1, "c": 1}


def test_when_the_owner_fails_those_who_wait_try_themselves() -> None:
    cache, attempts = ResultCache(CacheOnly()), 0

    async def ask(keys: Sequence[str]) -> None:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        if attempts == 1:
            cache.put_many([answer("a", 1)])
            raise ConnectionError
        cache.put_many([answer(key, 2) for key in keys])

    async def run() -> list[object]:
        return await asyncio.gather(cache.answers("ab", ask), cache.answers("ab", ask), return_exceptions=True)

    failed, second = asyncio.run(run())
    assert isinstance(failed, ConnectionError)
    assert second == {"a": 1, "b": 2}


def test_one_who_gives_up_waiting_leaves_the_others_waiting() -> None:
    cache = ResultCache(CacheOnly())

    async def never(keys: Sequence[str]) -> None:
        raise AssertionError(keys)

    async def run() -> dict[str, object]:
        claim = cache.claim("a")
        impatient = asyncio.create_task(cache.answers("a", never))
        patient = asyncio.create_task(cache.answers("a", never))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        cache.put_many([answer(key, 1) for key in claim.owned])
        return await patient

    assert asyncio.run(run()) == {"a": 1}


def test_refresh_asks_again_but_not_twice_at_once() -> None:
    cache, asked = ResultCache(CacheOnly()), 0
    cache.put_many([answer("a", 0)])

    async def ask(keys: Sequence[str]) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        cache.put_many([answer(key, asked) for key in keys])

    async def run() -> list[dict[str, object]]:
        return await asyncio.gather(*(cache.answers("a", ask, refresh=True) for _ in range(3)))

    assert asyncio.run(run()) == [{"a": 1}] * 3
    assert asked == 1


def test_keys_left_out_are_absent() -> None:
    cache = ResultCache(CacheOnly())

    async def ask(keys: Sequence[str]) -> None:
        cache.put_many([answer("a", 1)])

    assert asyncio.run(cache.answers("ab", ask)) == {"a": 1}
    assert cache.claim("b").owned == ("b",)


def aged(key: str, value: object, age_s: float) -> CacheRecord:
    return replace(answer(key, value), created_at=utc_now() - timedelta(seconds=age_s))


def test_an_answer_too_old_is_asked_anew_and_not_given_when_that_fails() -> None:
    cache = ResultCache(CacheOnly())
    cache.put_many([aged("a", "old", 100), aged("b", "old", 100), aged("c", "young", 10)])
    assert cache.get_many("abc", max_age_s=50) == {"c": "young"}

    async def ask(keys: Sequence[str]) -> None:
        assert keys == ("a", "b")
        cache.put_many([answer("a", "new")])  # b fails

    assert asyncio.run(cache.answers("abc", ask, max_age_s=50)) == {"a": "new", "c": "young"}
    assert cache.get_many("abc") == {"a": "new", "b": "old", "c": "young"}


def test_the_oldest_are_forgotten_in_memory_and_on_the_ledger() -> None:
    ledger = CacheOnly()
    cache = ResultCache(ledger, limit=20)
    cache.put_many([answer(str(n), n) for n in range(20)])
    cache.put_many([answer("0", "again")])
    assert cache.statistics().evicted == 0
    cache.put_many([answer("20", 20)])
    for thread in threading.enumerate():
        if thread.name == "cache-trim":
            thread.join()
    assert cache.get_many(map(str, range(21))) == {"0": "again", **{str(n): n for n in range(4, 21)}}
    assert (cache.statistics().entries, cache.statistics().evicted, len(ledger.kept)) == (18, 3, 20)


def test_statistics_count_hits_misses_and_what_was_joined() -> None:
    cache = ResultCache(CacheOnly())
    cache.put_many([answer("a", 1)])

    async def ask(keys: Sequence[str]) -> None:
        await asyncio.sleep(0)
        cache.put_many([answer(key, 1) for key in keys])

    async def run() -> None:
        await asyncio.gather(cache.answers("ab", ask), cache.answers("ab", ask))

    asyncio.run(run())
    counts = cache.statistics()
    assert (counts.entries, counts.misses, counts.joined) == (2, 1, 1)
    assert counts.hits >= 2
