"""Slots: fair between callers, fewer when a provider throttles, none while it asks to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from scripted_model import Fault, ScriptedModel, Usage

from rvbbit_proxy.caller import Budget, CallerContext
from rvbbit_proxy.errors import BudgetExceeded
from rvbbit_proxy.llm.door import ModelDoor
from rvbbit_proxy.llm.request import ModelRequest
from rvbbit_proxy.llm.traffic import Throttling, Traffic
from rvbbit_proxy.settings import Price, Settings
from tests.llm.test_door import ListLedger

MODEL = "openai/test-model"
PRICE = Price(input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(1000))


def caller(name: str, statement: str | None = None) -> CallerContext:
    return CallerContext(name, query_id=statement or f"query of {name}")


class Clock:
    """A clock that tests move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


async def served_in_order(traffic: Traffic, senders: list[CallerContext]) -> list[str | None]:
    """Let all wait at once for a server that is full; return the callers in the order in which they were served."""
    order: list[str | None] = []
    full = asyncio.Event()

    async def fill() -> None:
        async with traffic.slot("p", caller("first")):
            await full.wait()

    async def wait(ctx: CallerContext) -> None:
        async with traffic.slot("p", ctx):
            order.append(ctx.caller_id)
            await asyncio.sleep(0)

    filling = asyncio.create_task(fill())
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(wait(ctx)) for ctx in senders]
    await asyncio.sleep(0)
    full.set()
    await asyncio.gather(filling, *waiting)
    return order


def test_a_small_query_does_not_wait_for_a_big_one() -> None:
    senders = [caller("big")] * 20 + [caller("small")] * 2
    order = asyncio.run(served_in_order(Traffic(1, {}), senders))
    assert sorted(order) == sorted(each.caller_id or "" for each in senders)
    assert [order.index("small"), len(order) - 1 - order[::-1].index("small")] == [1, 3]


def test_a_caller_with_many_statements_has_one_share() -> None:
    senders = [caller("many", f"statement {n}") for n in range(8)] + [caller("one")] * 4
    order = asyncio.run(served_in_order(Traffic(2, {}), senders))
    assert order[:8].count("one") >= 3


def test_a_provider_has_a_limit_of_its_own() -> None:
    async def run() -> None:
        traffic = Traffic(5, {"slow": 1})
        async with traffic.slot("slow", caller("a")), traffic.slot("fast", caller("a")):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await traffic.slot("slow", caller("b")).__aenter__()
            assert traffic.provider("slow").in_flight == traffic.provider("fast").in_flight == 1
        async with traffic.slot("slow", caller("b")):
            pass

    asyncio.run(run())


def test_throttling_halves_once_for_all_that_was_sent_before() -> None:
    async def run() -> list[float]:
        traffic, clock = Traffic(16, {}, clock=(clock := Clock())), clock
        limits = []

        async def throttled(gate: asyncio.Event) -> None:
            with pytest.raises(Throttling):
                async with traffic.slot("p", caller("a")):
                    await gate.wait()
                    raise Throttling(fewer=True, pause_s=None)

        gate = asyncio.Event()
        together = [asyncio.create_task(throttled(gate)) for _ in range(5)]
        await asyncio.sleep(0)
        clock.now += 1
        gate.set()
        await asyncio.gather(*together)
        limits.append(traffic.provider("p").limit)
        clock.now += 1
        await throttled(gate)
        limits.append(traffic.provider("p").limit)
        for _ in range(4):
            async with traffic.slot("p", caller("a")):
                pass
        limits.append(traffic.provider("p").limit)
        return limits

    assert asyncio.run(run()) == [8, 4, 5]


def test_retry_after_pauses_everybody() -> None:
    async def run() -> None:
        traffic, clock = Traffic(16, {}, clock=(clock := Clock())), clock
        with pytest.raises(Throttling):
            async with traffic.slot("p", caller("a")):
                raise Throttling(fewer=True, pause_s=0.005)
        waiting = asyncio.create_task(traffic.slot("p", caller("b")).__aenter__())
        async with traffic.slot("other", caller("b")):
            assert not waiting.done()
        clock.now += 1
        await waiting  # woken when the pause is over, though nothing else is released

    asyncio.run(run())


def test_who_gives_up_waiting_leaves_no_trace() -> None:
    async def run() -> None:
        traffic = Traffic(1, {})
        async with traffic.slot("p", caller("a")):
            waiting = asyncio.create_task(traffic.slot("p", caller("b")).__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with asyncio.timeout(1), traffic.slot("p", caller("c")):
            pass

    asyncio.run(run())


def in_door(work: Callable[[ModelDoor], Awaitable[Any]], **settings: Any) -> Any:
    async def run() -> Any:
        door = ModelDoor(
            Settings(prices={MODEL: PRICE}, **settings), ListLedger(), find_embedder=lambda _: None, backoff_s=0.0
        )
        try:
            return await work(door)
        finally:
            await door.aclose()

    return asyncio.run(run())


def ask(door: ModelDoor, number: int, ctx: CallerContext) -> Awaitable[Any]:
    return door.ask(ModelRequest(MODEL, [{"role": "user", "content": f"number {number}"}], "means", "judge"), ctx)


def test_a_provider_that_throttles_gets_fewer_at_a_time(scripted_model: ScriptedModel) -> None:
    """Twelve of sixteen are refused at first, all are answered in the end."""
    scripted_model.on("number", "yes")

    async def work(door: ModelDoor) -> float:
        await ask(door, 0, caller("a"))
        scripted_model.fail(*[Fault(status=429)] * 12)
        replies = await asyncio.gather(*(ask(door, n, caller("a")) for n in range(16)))
        assert [reply.text for reply in replies] == ["yes"] * 16
        return door.traffic.provider("openai").limit

    assert in_door(work, concurrency=16, request_retries=2) < 16


def test_many_at_once_do_not_overshoot_the_budget(scripted_model: ScriptedModel) -> None:
    scripted_model.on("number", "yes", usage=Usage(prompt_tokens=1, completion_tokens=10))  # 0.01 USD each
    budget = Budget(Decimal("0.055"))

    async def work(door: ModelDoor) -> list[Any]:
        for n in range(4):  # the door learns what a call takes
            await ask(door, n, caller("a"))
        scripted_model.reset()
        ctx = CallerContext("a", budget=budget)
        return await asyncio.gather(*(ask(door, n, ctx) for n in range(16)), return_exceptions=True)

    replies = in_door(work, concurrency=16)
    refused = [reply for reply in replies if isinstance(reply, BudgetExceeded)]
    assert scripted_model.requests == 5 and len(refused) == 11
    assert budget.spent_usd == Decimal("0.05") and budget.reserved_usd == 0
