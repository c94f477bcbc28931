"""How likely a predicate is true of an input, by a small model's log-probabilities: a guide to the strong one's answer.

The small model is asked the operator's own question, once per input, and the first token of its answer tells. The
scores are kept like answers, under keys of their own, and its calls are on the ledger like any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.spec import LlmCell
from rvbbit_proxy.cascade.together import together
from rvbbit_proxy.execute.answers import remember
from rvbbit_proxy.execute.batches import Item
from rvbbit_proxy.execute.keys import max_age_s
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.llm.cache import cache_keys
from rvbbit_proxy.operators.answering import score
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.settings import OFFLINE, RunOptions

SCORED = {"proxy": "probability of true"}
"""What tells the key of a score from that of an answer."""


def can_score(operator: Operator, options: RunOptions) -> bool:
    """Whether the statement names a small model, and the operator is one question that it can be asked instead."""
    cells = operator.cascade.cells
    if options.proxy_model in ("", OFFLINE, options.model) or options.model == OFFLINE:
        return False
    return len(cells) == 1 and isinstance(cells[0], LlmCell) and cells[0].model is None


async def score_items(
    operator: Operator, items: Sequence[Item], ctx: CallerContext, options: RunOptions, services: Services
) -> list[float | None]:
    """Return the probability that the operator is true of each item, None where the small model does not tell."""
    small = replace(options, model=options.proxy_model, meta=0.0)
    keys = cache_keys(operator.version, small.model, SCORED, items)
    waiting = dict(zip(keys, items, strict=True))
    found: dict[str, float | None] = {}

    async def ask(asked: Sequence[str]) -> None:
        left = iter(asked)

        async def work() -> None:
            for key in left:
                found[key] = await score(operator, waiting[key], ctx, small, services.runtime)
                remember(operator, [key], [found[key]], ctx, small, services)

        await together([work() for _ in range(min(small.concurrency, len(asked)))])

    if small.cache == "off" or not operator.cached:
        await ask(list(waiting))
    else:
        found |= await services.cache.answers(
            list(waiting), ask, refresh=small.cache == "refresh", max_age_s=max_age_s(operator, small)
        )
    return [found[key] for key in keys]
