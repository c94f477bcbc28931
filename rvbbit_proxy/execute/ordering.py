"""The order of conditions: by what judging a row costs, over the share of rows that this removes.

That is the order of least expected cost where conditions are independent (Hellerstein and Stonebraker 1993,
"Predicate migration"). Shares come from the ledger's history, from a sample judged by all conditions where there is
none, and from what has been judged since. Where nothing tells two apart, the cheaper goes first, then the one that
was written first. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SAMPLE_ROWS = 40
"""Rows judged by all conditions where nothing is known of them."""
SAMPLE_SHARE = 0.25
"""A sample is at most this share of the rows; else it would cost more than it can save."""
HISTORY_WEIGHT = 20.0
"""What the ledger tells counts as much as this many rows judged now."""
LEAST_REMOVED = 0.01


@dataclass(slots=True)
class Seen:
    """What is known of one condition. ``cost``: tokens for a row; counts are of rows judged, and of those passed."""

    cost: float
    judged: float = 0.0
    passed: float = 0.0

    @property
    def known(self) -> bool:
        """Whether anything has told what the condition lets through."""
        return self.judged > 0

    @property
    def rank(self) -> float:
        """Return cost over the share removed, by Laplace's rule of succession; the least goes first."""
        removed = 1 - (self.passed + 1) / (self.judged + 2)
        return self.cost / max(removed, LEAST_REMOVED)

    def add(self, judged: float, passed: float) -> None:
        """Count rows that were judged."""
        self.judged += judged
        self.passed += passed


def remembered(cost: float, judged: int, passed: int) -> Seen:
    """Return what history tells of a condition, at a weight that rows judged now soon outvote.

    >>> remembered(10.0, 400, 100)
    Seen(cost=10.0, judged=20.0, passed=5.0)
    """
    weight = min(1.0, HISTORY_WEIGHT / judged) if judged else 0.0
    return Seen(cost, judged * weight, passed * weight)


def order_of(conditions: Sequence[Seen]) -> list[int]:
    """Return the conditions' numbers, the first to be judged first.

    >>> order_of([Seen(100.0, 40, 4), Seen(100.0, 40, 36), Seen(1.0, 40, 36)])
    [2, 0, 1]
    >>> order_of([Seen(30.0), Seen(20.0), Seen(20.0)])
    [1, 2, 0]
    """
    return sorted(range(len(conditions)), key=lambda number: (conditions[number].rank, number))


def sample_size(rows: int, conditions: Sequence[Seen]) -> int:
    """Return how many rows all conditions shall judge first; 0 where enough is known, or too few rows follow.

    >>> sample_size(1000, [Seen(1.0), Seen(2.0)]), sample_size(100, [Seen(1.0), Seen(2.0)])
    (40, 0)
    """
    if len(conditions) < 2 or all(condition.known for condition in conditions):
        return 0
    return SAMPLE_ROWS if SAMPLE_ROWS <= rows * SAMPLE_SHARE else 0
