"""How far the semantic statements of the server are, for NOTICEs to their clients and ``rvbbit.running_queries``.

Counts only; what was spent is the budget's and the ledger's. Thread-safe: the model loop counts, others read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.engine.upstream import Notice

NOTICE_EVERY_S = 2.0
"""A statement is silent so long at first, and between two NOTICEs."""

SCHEMA = pa.schema(
    {
        "query_id": pa.string(),
        "stage": pa.string(),
        "inputs_done": pa.int64(),
        "inputs_total": pa.int64(),
        "seconds_left": pa.float64(),
    }
)


@dataclass(slots=True)
class StageProgress:
    """One statement's stage at work: ``total`` distinct inputs, ``done`` of them, ``known`` from the start."""

    ctx: CallerContext
    stage: str
    total: int
    clock: Callable[[], float]
    done: int = 0
    known: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def seconds_left(self) -> float | None:
        """Return how long the rest takes at the speed so far; None as long as nothing was worked out."""
        worked = self.done - self.known
        if worked <= 0:
            return None
        return (self.clock() - self.started) / worked * (self.total - self.done)

    def notice(self) -> Notice:
        """Return what the client is told."""
        budget, left = self.ctx.budget, self.seconds_left()
        cost = "" if budget is None else f", {budget.calls} calls, ${budget.spent_usd:.4f} so far"
        time_left = "" if left is None else f", about {left:.0f} s left"
        return Notice("NOTICE", "00000", f"{self.stage}: {self.done} of {self.total} inputs{cost}{time_left}")


class RunningStages:
    """The stages at work, by query id."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._stages: dict[str | None, StageProgress] = {}

    @contextmanager
    def at_work(self, ctx: CallerContext, stage: str, total: int) -> Iterator[StageProgress]:
        """Count a stage while the block runs."""
        progress = StageProgress(ctx, stage, total, self._clock)
        with self._lock:
            self._stages[ctx.query_id] = progress
        try:
            yield progress
        finally:
            with self._lock:
                self._stages.pop(ctx.query_id, None)

    def expect(self, query_id: str | None, asked: int) -> None:
        """Note that so many inputs of the statement's stage must be worked out: the others are known."""
        with self._lock:
            if (progress := self._stages.get(query_id)) is not None and not progress.known:
                progress.known = progress.done = max(0, progress.total - asked)

    def advance(self, query_id: str | None, count: int) -> None:
        """Note that so many more inputs have their answer, or never will."""
        with self._lock:
            if (progress := self._stages.get(query_id)) is not None:
                progress.done = min(progress.total, progress.done + count)

    def table(self) -> pa.Table:
        """Return one row per statement that is at work on a stage."""
        with self._lock:
            stages = list(self._stages.values())
        rows = [
            {
                "query_id": each.ctx.query_id,
                "stage": each.stage,
                "inputs_done": each.done,
                "inputs_total": each.total,
                "seconds_left": each.seconds_left(),
            }
            for each in stages
        ]
        return pa.Table.from_pylist(rows, SCHEMA)
