"""Prices: the settings' before litellm's table, exact, unknown is None."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.llm.prices import FREE, ModelPrice, Usage, estimate_tokens, price_of
from rvbbit_proxy.settings import OFFLINE, Price

TABLE = {
    "mini": {
        "litellm_provider": "openai",
        "input_cost_per_token": 2.5e-07,
        "output_cost_per_token": 2e-06,
        "cache_read_input_token_cost": 2.5e-08,
    },
    "acme/long": {
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 4e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "output_cost_per_token_above_200k_tokens": 6e-06,
        "cache_creation_input_token_cost": 1.25e-06,
    },
    "acme/painter": {"output_cost_per_image": 0.04},
}


def test_the_table_in_usd_per_million() -> None:
    price = price_of("openai/mini", {}, TABLE)
    assert price == ModelPrice(Decimal("0.25"), Decimal("2"), Decimal("0.025"), Decimal("0.25"))
    assert price == price_of("mini", {}, TABLE)


def test_the_settings_come_first() -> None:
    own = Price(input_usd_per_mtok=Decimal(7), output_usd_per_mtok=Decimal(8))
    price = price_of("openai/mini", {"openai/mini": own}, TABLE)
    assert price == ModelPrice(Decimal(7), Decimal(8), Decimal(7), Decimal(7))


def test_long_prompts_cost_their_tier() -> None:
    short, long = (price_of("acme/long", {}, TABLE, prompt_tokens=n) for n in (200_000, 200_001))
    assert short is not None and long is not None
    assert (short.input_usd_per_mtok, long.input_usd_per_mtok) == (1, 2)
    assert (short.output_usd_per_mtok, long.output_usd_per_mtok) == (4, 6)
    assert short.cache_write_usd_per_mtok == Decimal("1.25")


@pytest.mark.parametrize("model", ["acme/unheard", "acme/mini", "acme/painter", "unheard"])
def test_unknown_is_none(model: str) -> None:
    assert price_of(model, {}, TABLE) is None


def test_the_machine_is_free() -> None:
    assert price_of(OFFLINE, {}) == FREE
    assert FREE.cost_usd(Usage(10**6, 10**6)) == 0


COUNTS = st.integers(0, 10**6)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_cost_is_exact(uncached: int, cached: int, written: int, completion: int, cents: int) -> None:
    price = ModelPrice(Decimal(cents) / 100, Decimal(3), Decimal("0.5"), Decimal("1.25"))
    usage = Usage(uncached + cached + written, completion, cached_tokens=cached, cache_write_tokens=written)
    millionths = (
        uncached * Decimal(cents) / 100 + cached * Decimal("0.5") + written * Decimal("1.25") + completion * 3
    )
    assert abs(price.cost_usd(usage) * 10**6 - millionths) <= Decimal("0.0005")
    assert usage.total_tokens == uncached + cached + written + completion


@given(st.text())
def test_estimates_grow_with_the_text(text: str) -> None:
    assert estimate_tokens(text) <= estimate_tokens(text + "x") <= estimate_tokens(text) + 1
    assert (estimate_tokens(text) == 0) == (text == "")
