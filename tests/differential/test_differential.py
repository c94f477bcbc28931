"""Random statements give the rows that a naive evaluation gives, on both upstreams."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from differential.both_ways import BothWays, duckdb_both_ways, postgres_both_ways
from differential.statements import Example, examples
from hypothesis import HealthCheck, given, settings

FEW = settings(max_examples=150, derandomize=True, database=None, deadline=None)
"""What ``make test`` runs: the same examples every time."""
MANY = settings.get_profile("differential")
ASKED = MANY if settings.get_current_profile_name() == "differential" else FEW
CHECKS = [HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def duckdb_upstream() -> Iterator[BothWays]:
    with duckdb_both_ways() as both:
        yield both
    tell("DuckDB", both)


@pytest.fixture(scope="module")
def postgres_upstream(postgres_url: str) -> Iterator[BothWays]:
    with postgres_both_ways(postgres_url) as both:
        yield both
    tell("PostgreSQL", both)


def tell(name: str, both: BothWays) -> None:
    """Print what was compared, and what could not be; ``-s`` shows it."""
    print(f"\n{name}:")
    for outcome, count in both.counts.most_common():
        print(f"{count:6} {outcome}")


@settings(ASKED, suppress_health_check=CHECKS)
@given(examples())
def test_same_on_duckdb(duckdb_upstream: BothWays, example: Example) -> None:
    duckdb_upstream.check(example)


@settings(ASKED, suppress_health_check=CHECKS)
@given(examples())
def test_same_on_postgres(postgres_upstream: BothWays, example: Example) -> None:
    postgres_upstream.check(example)
