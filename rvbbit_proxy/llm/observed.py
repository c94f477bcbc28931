"""What calls took so far: output tokens and seconds, by cascade, model and size of the prompt. For estimates only.

The size is the prompt tokens' number of bits, which tells a prompt of one input from that of many.

Kept while the process runs, and read from the ledger's past calls at start.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

FEW = 3
"""Calls below which a spread says nothing."""


@dataclass(frozen=True, slots=True)
class CallSums:
    """Sums over the answered calls of one kind: of tokens out, of their squares, of seconds."""

    cascade_id: str
    model: str
    size: int
    calls: int
    tokens_out: float
    tokens_out_squared: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Observation:
    """Means over ``calls`` answered calls, and the standard deviation of the output tokens."""

    calls: int
    tokens_out: float
    tokens_out_spread: float
    seconds: float

    @property
    def tokens_out_most(self) -> float:
        """What nearly every call stays below: two standard deviations above the mean; twice the mean of a few."""
        if self.calls < FEW:
            return 2 * self.tokens_out
        return self.tokens_out + 2 * self.tokens_out_spread


class PastCalls(Protocol):
    """What is read at start."""

    def call_sums(self) -> Sequence[tuple[str, str, int, int, float, float, float]]:
        """Return the sums over the calls on the ledger, as :class:`CallSums` has them."""


class Observed:
    """The observations of one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, str, int], CallSums] = {}
        self._tokens_in: dict[tuple[str | None, str], tuple[int, int]] = {}

    def load(self, past: PastCalls) -> None:
        """Begin with the ledger's past calls."""
        for sums in past.call_sums():
            self._add(CallSums(*sums))

    def add(self, cascade_id: str, model: str, tokens_in: int, tokens_out: int, seconds: float) -> None:
        """Take one answered call in."""
        self._add(CallSums(cascade_id, model, tokens_in.bit_length(), 1, tokens_out, tokens_out**2, seconds))

    def _add(self, more: CallSums) -> None:
        key = (more.cascade_id, more.model, more.size)
        with self._lock:
            known = self._sums.get(key)
            if known is not None:
                more = CallSums(
                    *key,
                    known.calls + more.calls,
                    known.tokens_out + more.tokens_out,
                    known.tokens_out_squared + more.tokens_out_squared,
                    known.seconds + more.seconds,
                )
            self._sums[key] = more

    def weigh(self, cascade_id: str, model: str, estimated: int, tokens_in: int) -> None:
        """Note how many tokens a prompt had for the model, beside the estimate from its length."""
        with self._lock:
            for key in ((cascade_id, model), (None, model)):
                before = self._tokens_in.get(key, (0, 0))
                self._tokens_in[key] = before[0] + estimated, before[1] + tokens_in

    def tokens_scale(self, cascade_id: str, model: str) -> float | None:
        """Return how many tokens the model counts for one that is estimated, best in prompts of this cascade.

        None where nothing was asked yet.
        """
        for key in ((cascade_id, model), (None, model)):
            estimated, counted = self._tokens_in.get(key, (0, 0))
            if estimated and counted:
                return counted / estimated
        return None

    def find(self, cascade_id: str, model: str, tokens_in: int) -> Observation | None:
        """Return what the cascade's calls to the model took whose prompts had about this size, None where none did."""
        size = tokens_in.bit_length()
        for near in (size, size - 1, size + 1):
            sums = self._sums.get((cascade_id, model, near))
            if sums is not None:
                return _observation(sums)
        return None


def _observation(sums: CallSums) -> Observation:
    mean = sums.tokens_out / sums.calls
    variance = max(0.0, sums.tokens_out_squared / sums.calls - mean**2)
    return Observation(sums.calls, mean, math.sqrt(variance), sums.seconds / sums.calls)
