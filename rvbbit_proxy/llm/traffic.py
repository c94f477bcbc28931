"""Who may send next: slots of the whole server and of each provider, shared fairly, fewer when a provider throttles.

A provider's limit follows AIMD: halved when it throttles (once for all that was sent before), one more per round
of successes. Retry-After pauses the provider for everybody. A free slot goes to the caller that holds the fewest,
then to its statement that holds the fewest, then to who has waited longest since its last one.
Belongs to one event loop.
Source: https://datatracker.ietf.org/doc/html/rfc5681 (AIMD)
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeAlias

from rvbbit_proxy.caller import CallerContext

THROTTLED = frozenset({429, 529})
"""HTTP statuses that ask for fewer requests."""


@dataclass(slots=True)
class ProviderLimit:
    """How many requests one provider takes at a time; ``most`` is what the settings allow."""

    most: int
    limit: float
    in_flight: int = 0
    halved_at: float = float("-inf")
    paused_until: float = float("-inf")

    def open(self, now: float) -> bool:
        """Tell whether one more may be sent."""
        return self.in_flight < int(self.limit) and now >= self.paused_until


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose requests queue together: those of one statement of one caller to one provider."""

    caller: str | None
    statement: str | None
    provider: str


@dataclass(slots=True)
class _Queue:
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    served: int = 0


Turn: TypeAlias = tuple[int, int, int]


class Traffic:
    """The slots. ``provider_limits``: at most so many of a provider; without an entry, the server's limit."""

    def __init__(
        self, limit: int, provider_limits: Mapping[str, int], *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._limit = limit
        self._provider_limits = provider_limits
        self._clock = clock
        self._in_flight = 0
        self._providers: dict[str, ProviderLimit] = {}
        self._queues: dict[Sender, _Queue] = {}
        self._held_by_caller: Counter[str | None] = Counter()
        self._held_by_statement: Counter[str | None] = Counter()
        self._order = itertools.count(1)

    def provider(self, name: str) -> ProviderLimit:
        """Return a provider's limit."""
        known = self._providers.get(name)
        if known is None:
            most = self._provider_limits.get(name, self._limit)
            known = self._providers[name] = ProviderLimit(most, float(most))
        return known

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(len(queue.waiting) for queue in list(self._queues.values()))

    @asynccontextmanager
    async def slot(self, provider: str, ctx: CallerContext) -> AsyncIterator[None]:
        """Hold a slot of the server and of the provider; waits for its turn. May be cancelled while it waits."""
        sender = Sender(ctx.caller_id, ctx.query_id, provider)
        await self._take(sender)
        sent_at = self._clock()
        try:
            yield
        except Throttling as throttling:
            self._throttled(self.provider(provider), throttling, sent_at)
            raise
        else:
            self._succeeded(self.provider(provider))
        finally:
            self._release(sender)

    async def _take(self, sender: Sender) -> None:
        place = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(sender, _Queue())
        queue.waiting.append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._release(sender)
            else:
                self._forget(sender, place)
            raise

    def _admit(self) -> None:
        """Give the free slots away."""
        now = self._clock()
        while self._in_flight < self._limit:
            ready = [
                sender for sender, queue in self._queues.items() if queue.waiting and self._may_send(sender, now)
            ]
            if not ready:
                return
            sender = min(ready, key=self._turn)
            queue = self._queues[sender]
            place = queue.waiting.popleft()
            queue.served = next(self._order)
            self._count(sender, 1)
            place.set_result(None)

    def _may_send(self, sender: Sender, now: float) -> bool:
        return self.provider(sender.provider).open(now)

    def _turn(self, sender: Sender) -> Turn:
        return (
            self._held_by_caller[sender.caller],
            self._held_by_statement[sender.statement],
            self._queues[sender].served,
        )

    def _count(self, sender: Sender, by: int) -> None:
        self._in_flight += by
        self.provider(sender.provider).in_flight += by
        self._held_by_caller[sender.caller] += by
        self._held_by_statement[sender.statement] += by

    def _release(self, sender: Sender) -> None:
        self._count(sender, -1)
        if not self._held_by_caller[sender.caller]:
            del self._held_by_caller[sender.caller]
        if not self._held_by_statement[sender.statement]:
            del self._held_by_statement[sender.statement]
        self._drop_if_idle(sender)
        self._admit()

    def _forget(self, sender: Sender, place: asyncio.Future[None]) -> None:
        self._queues[sender].waiting.remove(place)
        self._drop_if_idle(sender)

    def _drop_if_idle(self, sender: Sender) -> None:
        """Forget a queue nobody waits in, unless its statement still has requests in flight and may come back."""
        queue = self._queues.get(sender)
        if queue is not None and not queue.waiting and sender.statement not in self._held_by_statement:
            del self._queues[sender]

    def _throttled(self, provider: ProviderLimit, throttling: Throttling, sent_at: float) -> None:
        now = self._clock()
        if throttling.fewer and sent_at > provider.halved_at:
            provider.limit, provider.halved_at = max(1.0, provider.limit / 2), now
        if throttling.pause_s is not None:
            provider.paused_until = max(provider.paused_until, now + throttling.pause_s)
            asyncio.get_running_loop().call_later(throttling.pause_s, self._admit)

    @staticmethod
    def _succeeded(provider: ProviderLimit) -> None:
        provider.limit = min(float(provider.most), provider.limit + 1 / max(1, int(provider.limit)))


class Throttling(Exception):
    """A provider asks to wait: with fewer requests at a time, or to send none for ``pause_s`` seconds."""

    def __init__(self, *, fewer: bool, pause_s: float | None) -> None:
        super().__init__("throttled")
        self.fewer = fewer
        self.pause_s = pause_s
