"""What a call costs: USD per million tokens by model, and the exact cost of a usage.

Not here: estimates of calls not made yet (``plan``). A model without a known price costs None, never zero.
Source: ``[prices]`` of the settings; litellm's ``model_prices_and_context_window.json``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from rvbbit_proxy.settings import OFFLINE, Price

USD_QUANTUM = Decimal("1e-9")
_MTOK = Decimal(1_000_000)
_TIER = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; the prompt's include cached and cache-writing ones, the completion's reasoning.

    ``source``: provider, estimated, offline.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    source: str = "provider"

    @property
    def uncached_prompt_tokens(self) -> int:
        """Prompt tokens paid in full."""
        return max(0, self.prompt_tokens - self.cached_tokens - self.cache_write_tokens)

    @property
    def total_tokens(self) -> int:
        """Prompt and completion."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """USD per million tokens."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_input_usd_per_mtok: Decimal
    cache_write_usd_per_mtok: Decimal

    def cost_usd(self, usage: Usage) -> Decimal:
        """Return the cost of a usage, to 1e-9 USD.

        >>> price = ModelPrice(Decimal("0.25"), Decimal(2), Decimal("0.025"), Decimal("0.25"))
        >>> price.cost_usd(Usage(1000, 100, cached_tokens=400))
        Decimal('0.000360000')
        """
        total = (
            usage.uncached_prompt_tokens * self.input_usd_per_mtok
            + usage.cached_tokens * self.cached_input_usd_per_mtok
            + usage.cache_write_tokens * self.cache_write_usd_per_mtok
            + usage.completion_tokens * self.output_usd_per_mtok
        )
        return (total / _MTOK).quantize(USD_QUANTUM, ROUND_HALF_EVEN)


FREE = ModelPrice(Decimal(0), Decimal(0), Decimal(0), Decimal(0))
"""What the machine itself asks for an answer."""


def estimate_tokens(text: str) -> int:
    """Return a token count where nobody counted: four characters a token, at least one unless empty."""
    return (len(text) + 3) // 4


def price_of(
    model: str,
    prices: Mapping[str, Price],
    table: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    prompt_tokens: int = 0,
) -> ModelPrice | None:
    """Return a model's price, None when nobody knows it.

    ``prices`` are the settings', by the model id as it is given to us; ``table`` is litellm's, in USD per token,
    where long prompts (``prompt_tokens``) may cost more.
    """
    if model == OFFLINE:
        return FREE
    if model in prices:
        return _from_settings(prices[model])
    entry = _table_entry(model, table or {})
    return None if entry is None else _from_table(entry, prompt_tokens)


def _from_settings(price: Price) -> ModelPrice:
    cached = price.cached_input_usd_per_mtok
    return ModelPrice(
        price.input_usd_per_mtok,
        price.output_usd_per_mtok,
        price.input_usd_per_mtok if cached is None else cached,
        price.input_usd_per_mtok,
    )


def _table_entry(model: str, table: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Find ``provider/model`` as it stands, else ``model`` where the table says it is that provider's."""
    if model in table:
        return table[model]
    provider, _, name = model.partition("/")
    entry = table.get(name)
    return entry if entry is not None and entry.get("litellm_provider") == provider else None


def _from_table(entry: Mapping[str, Any], prompt_tokens: int) -> ModelPrice | None:
    if entry.get("input_cost_per_token") is None:
        return None
    suffix = _tier_suffix(entry, prompt_tokens)

    def per_mtok(name: str, default: Decimal) -> Decimal:
        per_token = entry.get(name + suffix, entry.get(name))
        return default if per_token is None else Decimal(str(per_token)) * _MTOK

    input_usd = per_mtok("input_cost_per_token", Decimal(0))
    return ModelPrice(
        input_usd,
        per_mtok("output_cost_per_token", Decimal(0)),
        per_mtok("cache_read_input_token_cost", input_usd),
        per_mtok("cache_creation_input_token_cost", input_usd),
    )


def _tier_suffix(entry: Mapping[str, Any], prompt_tokens: int) -> str:
    """Return the suffix of the highest tier a prompt of this length reaches, empty for the base price."""
    tiers = [int(match[1]) for key in entry if (match := _TIER.fullmatch(key))]
    reached = [tier for tier in tiers if prompt_tokens > tier * 1000]
    return f"_above_{max(reached)}k_tokens" if reached else ""
