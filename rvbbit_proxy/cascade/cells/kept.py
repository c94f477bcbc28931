"""What a fold keeps for later folds: its parts' answers, and which texts a part holds.

A group that has grown since takes the parts whose texts it still has, and asks about the others only. A part is found
by its anchor, the text with the least digest: a kept list of digests and counts stands under the anchor's key, beside
the answers of operators. Parts less than half full are not reused, so that small additions do not pile up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from rvbbit_proxy.caller import utc_now
from rvbbit_proxy.cascade.fold import PART_TOKENS, fits, split_texts
from rvbbit_proxy.cascade.runtime import AnswerCache, Run
from rvbbit_proxy.cascade.together import together
from rvbbit_proxy.ledger.records import CacheRecord
from rvbbit_proxy.llm.cache import cache_keys

Inputs = Mapping[str, Any]
Leaf = Sequence[tuple[str, int]]
"""A part's texts: digest and count of each, in the part's order."""


def parts_of(run: Run, name: str, inputs: Inputs) -> list[list[str]]:
    """Return the group's texts in parts, those of earlier folds where their texts are still there."""
    texts = list(inputs[name])
    cache = _cache(run)
    if cache is None or run.options.cache != "on":
        return split_texts(texts, PART_TOKENS)
    rest = Counter(texts)
    by_digest = {_digest(text): text for text in rest}
    keys = _keys(run, "anchor", [{**inputs, name: digest} for digest in by_digest])
    found: list[Leaf] = list(cache.get_many(keys, max_age_s=_max_age_s(run)).values())
    parts = []
    for leaf in sorted(found, key=len, reverse=True):
        counts = {by_digest[digest]: count for digest, count in leaf if digest in by_digest}
        if len(counts) == len(leaf) and all(count <= rest[text] for text, count in counts.items()):
            rest.subtract(counts)
            parts.append([text for text, count in counts.items() for _ in range(count)])
    left = list(rest.elements())
    return parts + (split_texts(left, PART_TOKENS) if left else [])


async def answers_of(
    run: Run, form: str, items: Sequence[Inputs], ask: Callable[[int], Awaitable[Any]]
) -> list[Any]:
    """Return an answer for each item, kept ones first; ``ask`` is given the positions of the others."""
    cache = _cache(run)
    if cache is None or run.options.cache == "off":
        return await together([_await(ask(index)) for index in range(len(items))])
    keys = _keys(run, form, items)
    positions = {key: index for index, key in enumerate(keys)}

    async def ask_key(key: str) -> None:
        cache.put_many([_record(run, key, await ask(positions[key]))])

    async def ask_all(owned: Sequence[str]) -> None:
        await together([ask_key(key) for key in owned])

    refresh = run.options.cache == "refresh"
    found = await cache.answers(keys, ask_all, refresh=refresh, max_age_s=_max_age_s(run))
    return [found[key] for key in keys]


def keep_parts(run: Run, name: str, inputs: Inputs, parts: Sequence[Sequence[str]]) -> None:
    """Let later folds find the parts that are at least half full."""
    cache = _cache(run)
    if cache is None or run.options.cache == "off":
        return
    leaves = [
        [(_digest(text), count) for text, count in Counter(part).items()]
        for part in parts
        if not fits(part, PART_TOKENS // 2)
    ]
    anchors = [{**inputs, name: min(digest for digest, _ in leaf)} for leaf in leaves]
    keys = _keys(run, "anchor", anchors)
    cache.put_many([_record(run, key, leaf) for key, leaf in zip(keys, leaves, strict=True)])


async def _await(work: Awaitable[Any]) -> Any:
    return await work


def _cache(run: Run) -> AnswerCache | None:
    """Return where the run's answers may be kept."""
    function = run.spec.sql_function
    return run.runtime.cache if function is not None and function.cache else None


def _keys(run: Run, form: str, items: Sequence[Inputs]) -> list[str]:
    parameters = {"embed_model": run.options.embed_model, "fold": form}
    return cache_keys(run.spec.genus_hash, run.options.model, parameters, items)


def _max_age_s(run: Run) -> float | None:
    own = run.spec.sql_function.cache_ttl_s if run.spec.sql_function else None
    return min(filter(None, (own, run.options.cache_ttl_s)), default=None)


def _record(run: Run, key: str, value: Any) -> CacheRecord:
    function = run.spec.sql_function
    assert function is not None
    return CacheRecord(
        cache_key=key,
        operator=function.name,
        genus_hash=run.spec.genus_hash,
        model=run.options.model,
        value=value,
        created_at=utc_now(),
        caller_id=run.ctx.caller_id,
    )


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
