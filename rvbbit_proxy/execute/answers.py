"""From a stage's distinct inputs to its answers: cache first, then runs of the cascade, in batches, side by side.

An answer is in the cache and on the ledger before it is used. A batch the model answered in the wrong shape is
split and asked again, singles last. The first failure stops the statement (``rvbbit.on_error = fail``) after
what is in flight has ended, so money spent is never lost; or it is NULL (``null``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from rvbbit_proxy.caller import CallerContext, utc_now
from rvbbit_proxy.errors import (
    AnswerInvalid,
    BudgetExceeded,
    LedgerUnwritable,
    QueryCancelled,
    RvbbitError,
)
from rvbbit_proxy.execute.batches import Item, group_batches, split_batch
from rvbbit_proxy.execute.keys import item_keys, max_age_s
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.ledger.records import CacheRecord
from rvbbit_proxy.operators.answering import answer
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.settings import RunOptions

NEVER_NULL = (BudgetExceeded, QueryCancelled, LedgerUnwritable)
"""Errors that end the statement even under ``on_error = null``."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class Answers:
    """One value per input, in order, and how they came about.

    ``decided``: by a proxy, without the model; ``sampled``: by the model, to know the proxy; ``proxy_model``: the
    small model that decided, None for embeddings; ``shared``: in prompts that other operators share.
    """

    values: list[Any]
    cached: int = 0
    runs: int = 0
    failed: int = 0
    first_error: RvbbitError | None = None
    decided: int = 0
    sampled: int = 0
    shared: int = 0
    proxy_model: str | None = None


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
    asked: int = 0
    runs: int = 0

    def fault(self) -> RvbbitError | None:
        """Return the failure that ends the statement, None where there is none or all are NULL."""
        ending = RvbbitError if self.options.on_error == "fail" else NEVER_NULL
        return next((error for error in self.failures.values() if isinstance(error, ending)), None)


async def answer_inputs(
    operator: Operator,
    items: Sequence[Item],
    ctx: CallerContext,
    options: RunOptions,
    services: Services,
    given: Mapping[str, Any] = NOTHING,
) -> Answers:
    """Answer every item; equal items are asked once, here and in statements running beside this one.

    ``given``: answers that are there already, by cache key.

    :raises RvbbitError: the first failure, when ``options.on_error`` is ``fail``.
    """
    keys = item_keys(operator, options, items)
    asked = {key: item for key, item in zip(keys, items, strict=True) if key not in given}
    work = _Work(operator, ctx, options, services, asked)
    if options.cache == "off" or not operator.cached:
        await _ask(list(work.items), work)
    else:
        ask = partial(_ask, work=work)
        found = await services.cache.answers(
            list(work.items), ask, refresh=options.cache == "refresh", max_age_s=max_age_s(operator, options)
        )
        work.found.update(found)
    if (fault := work.fault()) is not None:
        raise fault
    error = next(iter(work.failures.values()), None)
    failed = sum(key in work.failures for key in keys)
    values = [given[key] if key in given else work.found.get(key) for key in keys]
    cached, shared = len(work.items) - work.asked, len(keys) - len(asked)
    return Answers(values, cached, work.runs, failed, error, shared=shared)


def known_answers(
    operator: Operator, keys: Sequence[str], options: RunOptions, services: Services
) -> dict[str, Any]:
    """Return the answers that the statement may take from the cache, by cache key."""
    if options.cache != "on" or not operator.cached:
        return {}
    return services.cache.get_many(keys, max_age_s=max_age_s(operator, options))


async def _ask(keys: Sequence[str], work: _Work) -> None:
    """Run the cascade for these inputs; answers go to ``found``, failures to ``failures``."""
    work.asked += len(keys)
    work.services.running.expect(work.ctx.query_id, len(keys))
    items = [work.items[key] for key in keys]
    batches = iter([[keys[i] for i in batch] for batch in group_batches(work.operator, items, work.options)])

    async def worker() -> None:
        for batch in batches:
            if work.failures and work.fault() is not None:
                return
            await _ask_batch(batch, work)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(work.options.concurrency, len(keys))):
            group.create_task(worker())


async def _ask_batch(keys: list[str], work: _Work) -> None:
    items = [work.items[key] for key in keys]
    work.runs += 1
    try:
        work.ctx.check()
        values = await answer(work.operator, items, work.ctx, work.options, work.services.runtime)
    except AnswerInvalid as error:
        if len(keys) == 1:
            work.failures[keys[0]] = error
            work.services.running.advance(work.ctx.query_id, 1)
            return
        for part in split_batch(work.operator, items):
            await _ask_batch([keys[index] for index in part], work)
    except RvbbitError as error:
        work.failures.update(dict.fromkeys(keys, error))
        work.services.running.advance(work.ctx.query_id, len(keys))
    else:
        work.found.update(zip(keys, values, strict=True))
        work.services.running.advance(work.ctx.query_id, len(keys))
        remember(work.operator, keys, values, work.ctx, work.options, work.services)


def remember(
    operator: Operator,
    keys: Sequence[str],
    values: Sequence[Any],
    ctx: CallerContext,
    options: RunOptions,
    services: Services,
) -> None:
    """Keep answers under their cache keys, where operator and statement let them be kept."""
    if not operator.cached or options.cache == "off":
        return
    now = utc_now()
    services.cache.put_many(
        [
            CacheRecord(
                cache_key=key,
                operator=operator.name,
                genus_hash=operator.version,
                model=options.model,
                value=value,
                created_at=now,
                caller_id=ctx.caller_id,
            )
            for key, value in zip(keys, values, strict=True)
        ]
    )
