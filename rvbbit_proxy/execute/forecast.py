"""What calls not made yet will cost and take: output tokens and seconds as the cascade's past calls had them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from rvbbit_proxy.llm.observed import Observation
from rvbbit_proxy.llm.prices import ModelPrice, Usage
from rvbbit_proxy.operators.estimate import Asked

DEVIATIONS = 2
"""The range holds what so many standard deviations of the sum allow: 95 of 100 times."""
LENGTH_FACTOR = 1.6
"""How wrong input tokens that are estimated from lengths may be, either way."""
GUESS_FACTOR = 3
"""How wrong a guess at output tokens may be, either way, where no past call tells."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Output tokens, dollars (None: no price) with their range, and seconds (None: nobody knows).

    ``past_calls`` is how many calls it rests on; 0 is a guess from the operator's type.
    """

    tokens_out: int
    cost_usd: Decimal | None
    cost_low_usd: Decimal | None
    cost_high_usd: Decimal | None
    seconds: float | None
    past_calls: int


def forecast(
    asked: Asked, seen: Observation | None, price: ModelPrice | None, concurrency: int, scale: float | None = None
) -> Forecast:
    """Return what these calls will cost and take, ``concurrency`` of them at a time.

    ``scale``: how many tokens the model counts for one that is estimated from lengths.
    """
    tokens_in = asked.tokens_in * (scale or 1)
    if seen is None or not asked.calls:
        mean, low, high = asked.tokens_out, asked.tokens_out // GUESS_FACTOR, asked.tokens_out * GUESS_FACTOR
    else:
        mean = round(seen.tokens_out * asked.calls)
        spread = DEVIATIONS * seen.tokens_out_spread * math.sqrt(asked.calls)
        low, high = max(0, math.floor(mean - spread)), math.ceil(mean + spread)
    usages = [
        Usage(round(tokens_in), mean),
        Usage(math.floor(tokens_in / LENGTH_FACTOR), low),
        Usage(math.ceil(tokens_in * LENGTH_FACTOR), high),
    ]
    costs = [None if price is None else price.cost_usd(usage) for usage in usages]
    rounds = math.ceil(asked.calls / max(1, concurrency))
    seconds = rounds * seen.seconds if seen is not None else (None if asked.calls else 0.0)
    return Forecast(mean, costs[0], costs[1], costs[2], seconds, seen.calls if seen is not None else 0)
