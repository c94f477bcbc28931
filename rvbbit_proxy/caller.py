"""Who the work is for: ids, and the caller context that travels by value.

Not here: finding the caller of a statement (``session``) and recording it (``ledger``).
Nothing in this module is ambient: DuckDB runs Python on threads of its own, where a ContextVar reads unset,
so a :class:`CallerContext` is passed as an argument through every call, await and thread.
Source: LEDGER model; W3C Trace Context; RFC 9562 (uuid7).
"""

from __future__ import annotations

import os
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from rvbbit_proxy.errors import BudgetExceeded, QueryCancelled

CallerSource = Literal["comment", "set_local", "set", "startup", "http", "minted", "none"]

ADJECTIVES = """
    amber bold brave bright brisk calm clever cosmic crisp curious daring eager early fabled fair fierce
    gentle glad golden grand happy hidden honest humble jolly keen kind lively lucky lunar mellow merry
    mighty misty nimble noble patient plucky polar proud quick quiet rapid rosy royal rustic sandy shady
    sharp shiny silent silver sly smooth snowy solar spry steady stormy subtle sunny swift tidy tiny vivid
    warm wild wise witty young zesty
""".split()
ANIMALS = """
    ant badger bat bear beaver bison bobcat camel cat cobra condor coyote crab crane crow deer dingo dolphin
    dove eagle eel elk falcon ferret finch fox frog gecko goat goose hare hawk heron horse ibex iguana jackal
    jaguar kestrel koala lemur lion lizard llama lynx magpie marten mink mole moose moth newt ocelot orca
    otter owl panda panther puffin puma quail rabbit raven robin salmon seal shark sloth sparrow stoat stork
    swan tapir tern tiger toad trout turtle viper vole walrus wasp weasel whale wolf wombat wren yak zebra
""".split()


def mint_caller_id(prefix: str = "sql") -> str:
    """Return a fresh ``<prefix>-<adjective>-<animal>-<6 hex>``."""
    return f"{prefix}-{secrets.choice(ADJECTIVES)}-{secrets.choice(ANIMALS)}-{secrets.token_hex(3)}"


class _Entropy:
    """Random bytes, taken from the system many at a time: one system call per 256 ids. Thread-safe."""

    CHUNK = 4096

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = b""
        self._used = 0
        os.register_at_fork(after_in_child=self._forget)

    def take(self, count: int) -> bytes:
        """Return so many bytes that nobody else gets."""
        with self._lock:
            if self._used + count > len(self._bytes):
                self._bytes, self._used = os.urandom(self.CHUNK), 0
            self._used += count
            return self._bytes[self._used - count : self._used]

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._bytes = b""


_entropy = _Entropy()
_uuid7_lock = threading.Lock()
_uuid7_last = 0


def uuid7() -> uuid.UUID:
    """Return a time-ordered UUID, strictly increasing within the process (RFC 9562, method 3)."""
    global _uuid7_last
    with _uuid7_lock:
        # 48 bits of milliseconds and 12 bits of their fraction, together a count of 1/4096 ms
        now = max(time.time_ns() * 4096 // 1_000_000, _uuid7_last + 1)
        _uuid7_last = now
    milliseconds, fraction = divmod(now, 4096)
    tail = int.from_bytes(_entropy.take(8)) & ((1 << 62) - 1)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | tail)


def mint_session_id() -> str:
    """Return the id of one cascade run: time-sortable text."""
    return f"ses_{uuid7().hex}"


def mint_trace_id() -> str:
    """Return a W3C trace id, 32 hex: the whole tree."""
    return _entropy.take(16).hex()


def mint_span_id() -> str:
    """Return a W3C span id, 16 hex: one event in the tree."""
    return _entropy.take(8).hex()


def utc_now() -> datetime:
    """Return the time with its zone, to the microsecond."""
    return datetime.now(UTC)


class Budget:
    """What one statement may spend, in USD; ``None`` is unlimited. Thread-safe.

    ``spent_usd`` counts known prices only: a call without a price costs NULL and cannot be limited.
    ``reserved_usd`` is what the calls under way are expected to cost: they are counted before they are sent, so
    that many at once do not overshoot. ``calls`` are those answered.
    """

    CAUTION = 2
    """Calls go side by side only while the limit holds if each costs so many times what is expected."""

    def __init__(self, limit_usd: Decimal | None) -> None:
        self.limit_usd = limit_usd
        self.spent_usd = Decimal(0)
        self.reserved_usd = Decimal(0)
        self.calls = 0
        self._under_way = 0
        self._alone = False
        self._lock = threading.Lock()

    def add(self, cost_usd: Decimal | None) -> None:
        """Count the cost of a call that has been made."""
        if cost_usd is not None:
            with self._lock:
                self.spent_usd += cost_usd

    def reserve(self, expected_usd: Decimal, *, alone: bool = False) -> bool:
        """Set money aside for a call; False where what is under way must end first to know whether it is there.

        ``alone``: nobody knows what such a call costs, so it goes with nothing else under way. Near the limit every
        call does: what is spent beyond it is the error in the expectation of one call, never of many.

        Raises :class:`BudgetExceeded` when the call would go beyond the limit with nothing else under way.
        """
        with self._lock:
            if not self._fits(expected_usd, alone=alone):
                if self._under_way:
                    return False
                raise self._exceeded(f"The next call is expected to cost {expected_usd:f} USD.")
            self.reserved_usd += expected_usd
            self._under_way += 1
            self._alone = alone
        return True

    def _fits(self, expected_usd: Decimal, *, alone: bool) -> bool:
        if self.limit_usd is None:
            return True
        if not self._under_way:
            return self.spent_usd + expected_usd <= self.limit_usd
        most_usd = self.spent_usd + self.CAUTION * (self.reserved_usd + expected_usd)
        return not alone and not self._alone and most_usd <= self.limit_usd

    def settle(self, expected_usd: Decimal, cost_usd: Decimal | None, *, answered: bool) -> None:
        """Give back what was set aside for a call that has ended, and count what it cost."""
        with self._lock:
            self.reserved_usd -= expected_usd
            self.spent_usd += cost_usd or 0
            self.calls += answered
            self._under_way -= 1
            self._alone = False

    def check(self) -> None:
        """Raise :class:`BudgetExceeded` when nothing is left for another call."""
        if self.limit_usd is not None and self.spent_usd >= self.limit_usd:
            raise self._exceeded()

    def _exceeded(self, detail: str | None = None) -> BudgetExceeded:
        return BudgetExceeded(
            f"query has spent {self.spent_usd} USD of rvbbit.max_cost = {self.limit_usd}",
            detail=detail,
            hint="Raise rvbbit.max_cost; what was answered so far is cached and will not be paid again.",
        )


class CancelToken:
    """Set by a CancelRequest or a timeout; asked before every model call. Thread-safe."""

    def __init__(self) -> None:
        self._cancelled = False
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self.reason = "canceling statement due to user request"

    def cancel(self, reason: str | None = None) -> None:
        """Ask the statement to stop."""
        self.reason = reason or self.reason
        with self._lock:
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Let :meth:`cancel` call this, from its own thread, while the block runs; at once when it was called."""
        with self._lock:
            cancelled = self._cancelled
            if not cancelled:
                self._callbacks.append(callback)
        if cancelled:
            callback()
        try:
            yield
        finally:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    def check(self) -> None:
        """Raise :class:`QueryCancelled` when cancelled."""
        if self._cancelled:
            raise QueryCancelled(self.reason)


@dataclass(frozen=True, slots=True)
class CallerContext:
    """The caller of a piece of work and its place in the tree of runs.

    At the query level ``session_id`` is None; inside a cascade run it is that run's id. ``trace_id`` is the
    span new children hang under.
    """

    caller_id: str | None
    source: CallerSource = "none"
    invocation_metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    query_id: str | None = None
    run_id: datetime | None = None
    root_trace_id: str = field(default_factory=mint_trace_id)
    trace_id: str | None = None
    session_id: str | None = None
    root_session_id: str | None = None
    depth: int = 0
    is_meta: bool = False
    recursion_id: str | None = None
    parent_recursion_id: str | None = None
    current_depth: int | None = None
    max_depth: int | None = None
    budget: Budget | None = field(default=None, compare=False)
    cancel: CancelToken | None = field(default=None, compare=False)

    def under(self, trace_id: str) -> CallerContext:
        """Return the context whose children hang under this span."""
        return replace(self, trace_id=trace_id)

    def for_run(self, session_id: str, trace_id: str) -> CallerContext:
        """Return the context inside a new cascade run started from here; the caller stays."""
        return replace(
            self,
            session_id=session_id,
            root_session_id=self.root_session_id or session_id,
            depth=self.depth + 1 if self.session_id else self.depth,
            trace_id=trace_id,
        )

    def check(self) -> None:
        """Raise when the statement was cancelled or its money is spent."""
        if self.cancel is not None:
            self.cancel.check()
        if self.budget is not None:
            self.budget.check()
