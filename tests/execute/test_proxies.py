"""What a proxy may decide, proven by a sample."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.execute.proxies import Zones, find_zones, least_proof, sample_size

EACH = 12
"""Samples in a stratum."""


def strata(*true: int) -> list[list[bool | None]]:
    """Return strata of samples with so many true ones in each."""
    return [[True] * count + [False] * (EACH - count) for count in true]


def test_pure_ends_are_decided() -> None:
    assert find_zones(strata(*[0] * 10, *[6] * 2, *[12] * 8), 0.95) == Zones(10, 8)


def test_nothing_is_decided_where_the_proxy_tells_nothing() -> None:
    assert find_zones(strata(*[6] * 20), 0.95) == Zones(0, 0)
    assert find_zones(strata(*[1] * 20), 0.95) == Zones(0, 0)


def test_a_few_samples_prove_nothing() -> None:
    few: list[list[bool | None]] = [[False] for _ in range(20)]
    assert find_zones(few, 0.95) == Zones(0, 0)


def test_what_is_rarely_true_is_not_decided_away() -> None:
    rare = strata(*[0] * 8, 1, *[0] * 7, 1, 1, 1, 1)
    assert find_zones(rare, 0.9).false <= 8


def test_failed_samples_do_not_count() -> None:
    failed: list[list[bool | None]] = [[None] * EACH for _ in range(20)]
    assert find_zones(failed, 0.95) == Zones(0, 0)


@given(st.integers(0, 100_000), st.sampled_from((0.8, 0.9, 0.95, 0.99)))
def test_samples_pay(inputs: int, accuracy: float) -> None:
    size = sample_size(inputs, accuracy)
    assert size == 0 or (size * 3 <= inputs and size >= least_proof(accuracy))


def test_bound_holds_as_often_as_stated() -> None:
    """Zones over a proxy that is wrong just more often than allowed are hardly ever taken."""
    random, taken = np.random.default_rng(7), 0
    for _ in range(400):
        wrong = random.random((20, EACH)) < 0.055
        truths: list[list[bool | None]] = [list(map(bool, row)) for row in wrong[:10]]
        truths += [[bool(right) for right in row] for row in ~wrong[10:]]
        zones = find_zones(truths, 0.95)
        taken += zones.false > 0 or zones.true > 0
    assert taken <= 0.05 * 400
