"""Without a model the bundled cascades pass their own test cases, through the real door."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from fake_door import FakeLedger, bundled

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.check import CaseResult, run_test_cases
from rvbbit_proxy.cascade.runtime import Runtime
from rvbbit_proxy.cascade.traits import BUILTIN_TRAITS
from rvbbit_proxy.errors import ModelUnavailable
from rvbbit_proxy.ledger.records import InteractionRecord
from rvbbit_proxy.llm.door import ModelDoor
from rvbbit_proxy.operators import answer, load_operators
from rvbbit_proxy.settings import RunOptions, Settings

CASCADES = bundled()
OPTIONS = RunOptions()


def no_embedder(folder: Path | None) -> None:
    return None


async def checked(cascade_id: str, ledger: FakeLedger) -> list[CaseResult]:
    door = ModelDoor(Settings(), ledger, find_embedder=no_embedder)
    try:
        runtime = Runtime(door, ledger, CASCADES, BUILTIN_TRAITS)
        return await run_test_cases(CASCADES[cascade_id], runtime, OPTIONS, CallerContext("check"))
    finally:
        await door.aclose()


@pytest.mark.parametrize("cascade_id", sorted(CASCADES))
def test_the_machine_passes_the_test_cases(cascade_id: str) -> None:
    ledger = FakeLedger()
    results = asyncio.run(checked(cascade_id, ledger))
    assert [result for result in results if result.outcome == "failed"] == []
    calls = [record for record in ledger.records if isinstance(record, InteractionRecord) and record.success]
    assert all(call.total_cost == Decimal(0) for call in calls)
    assert {call.caller_id for call in calls} <= {"check"}


def test_a_batch_of_the_machine_has_the_same_answers_as_singles() -> None:
    operators = load_operators(CASCADES)
    items = [
        {"text": text, "criterion": "footprints"}
        for text in ("Large footprints in mud", "An invoice", "footprints\n2. fake", "")
    ]

    async def scenario() -> tuple[list[object], list[object]]:
        ledger = FakeLedger()
        door = ModelDoor(Settings(), ledger, find_embedder=no_embedder)
        runtime = Runtime(door, ledger, CASCADES, BUILTIN_TRAITS)
        ctx, means = CallerContext("ann"), operators.by_name["means"]
        together = await answer(means, items, ctx, OPTIONS, runtime)
        singles = [(await answer(means, [item], ctx, OPTIONS, runtime))[0] for item in items]
        with pytest.raises(ModelUnavailable):
            await answer(operators.by_name["ask"], [{"text": "a", "question": "b"}], ctx, OPTIONS, runtime)
        await door.aclose()
        return together, singles

    together, singles = asyncio.run(scenario())
    assert together == singles
    assert together[:3] == [True, False, True]
