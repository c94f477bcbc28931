"""From a stage's distinct inputs to its answers: cache first, then runs of the cascade, in batches, side by side.

An answer is in the cache and on the ledger before it is used. A batch the model answered in the wrong shape is
split and asked again, singles last. The first failure stops the statement (``rvbbit.on_error = fail``) after
what is in flight has ended, so money spent is never lost; or it is NULL (``null``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rvbbit_proxy.caller import CallerContext, utc_now
from rvbbit_proxy.errors import (
    AnswerInvalid,
    BudgetExceeded,
    QueryCancelled,
    RvbbitError,
)
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.ledger.records import CacheRecord
from rvbbit_proxy.llm.cache import cache_key
from rvbbit_proxy.operators import Operator, answer
from rvbbit_proxy.settings import RunOptions

Item = Mapping[str, Any]
NEVER_NULL = (BudgetExceeded, QueryCancelled)
"""Errors that end the statement even under ``on_error = null``."""


@dataclass(slots=True)
class Answers:
    """One value per input, in order, and how they came about."""

    values: list[Any]
    cached: int = 0
    runs: int = 0
    failed: int = 0
    first_error: RvbbitError | None = None


@dataclass(slots=True)
class _Work:
    """The distinct inputs of one stage while they are answered; ``found`` maps a cache key to its value."""

    operator: Operator
    ctx: CallerContext
    options: RunOptions
    services: Services
    items: dict[str, Item]
    found: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, RvbbitError] = field(default_factory=dict)
    runs: int = 0


async def answer_inputs(
    operator: Operator, items: Sequence[Item], ctx: CallerContext, options: RunOptions, services: Services
) -> Answers:
    """Answer every item; equal items are asked once.

    :raises RvbbitError: the first failure, when ``options.on_error`` is ``fail``.
    """
    keys = [cache_key(operator.version, model_of(operator, options), item) for item in items]
    work = _Work(operator, ctx, options, services, dict(zip(keys, items, strict=True)))
    if options.cache == "on":
        work.found.update(services.cache.get_many(list(work.items)))
    cached = len(work.found)
    await _answer_missing(work)
    error = next(iter(work.failures.values()), None)
    if error is not None and (options.on_error == "fail" or isinstance(error, NEVER_NULL)):
        raise error
    values = [work.found.get(key) for key in keys]
    return Answers(values, cached, work.runs, sum(key in work.failures for key in keys), error)


def model_of(operator: Operator, options: RunOptions) -> str:
    """Return the part of the cache key that names the model in force."""
    return f"{options.model}|{options.embed_model}"


async def _answer_missing(work: _Work) -> None:
    """Claim what nobody is asking yet and ask it; wait for what other statements are asking."""
    missing = [key for key in work.items if key not in work.found]
    while missing:
        if work.options.cache == "on":
            claim = work.services.cache.claim(missing)
            owned, waiting = list(claim.owned), dict(claim.waiting)
        else:
            owned, waiting = missing, {}
        try:
            await _ask(owned, work)
        finally:
            work.services.cache.release(owned)
        missing = await _collect(waiting, work)
        if work.failures and work.options.on_error == "fail":
            return


async def _collect(waiting: Mapping[str, asyncio.Future[Any]], work: _Work) -> list[str]:
    """Take the answers of other statements; return the keys whose owner failed."""
    orphaned = []
    for key, future in waiting.items():
        await asyncio.wait([future])
        known = work.services.cache.get_many([key])
        if key in known:
            work.found[key] = known[key]
        else:
            orphaned.append(key)
    return orphaned


async def _ask(keys: Sequence[str], work: _Work) -> None:
    batches = iter(list(_batches(keys, work)))

    async def worker() -> None:
        for batch in batches:
            if work.failures and work.options.on_error == "fail":
                return
            await _ask_batch(batch, work)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(work.options.concurrency, len(keys))):
            group.create_task(worker())


def _batches(keys: Sequence[str], work: _Work) -> Iterator[list[str]]:
    """Yield keys that may share a prompt: same shared arguments, as many as the options and the operator allow."""
    size = work.options.batch_size if work.operator.batched else 1
    shared = [arg.name for arg in work.operator.args if arg.shared]
    groups: dict[str, list[str]] = {}
    for key in keys:
        group = json.dumps([work.items[key].get(name) for name in shared], default=str)
        groups.setdefault(group, []).append(key)
    for members in groups.values():
        for start in range(0, len(members), size):
            yield members[start : start + size]


async def _ask_batch(keys: list[str], work: _Work) -> None:
    items = [work.items[key] for key in keys]
    work.runs += 1
    try:
        work.ctx.check()
        values = await answer(work.operator, items, work.ctx, work.options, work.services.runtime)
    except AnswerInvalid as error:
        if len(keys) == 1:
            work.failures[keys[0]] = error
            return
        middle = len(keys) // 2
        await _ask_batch(keys[:middle], work)
        await _ask_batch(keys[middle:], work)
    except RvbbitError as error:
        work.failures.update(dict.fromkeys(keys, error))
    else:
        work.found.update(zip(keys, values, strict=True))
        _remember(keys, values, work)


def _remember(keys: Sequence[str], values: Sequence[Any], work: _Work) -> None:
    if not work.operator.cascade.sql_function or work.options.cache == "off":
        return
    now = utc_now()
    work.services.cache.put_many(
        [
            CacheRecord(
                cache_key=key,
                operator=work.operator.name,
                genus_hash=work.operator.version,
                model=model_of(work.operator, work.options),
                value=value,
                created_at=now,
                caller_id=work.ctx.caller_id,
            )
            for key, value in zip(keys, values, strict=True)
        ]
    )
