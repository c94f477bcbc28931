"""Meta cascades: who pays, what is judged, and that nothing of it reaches the query."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.caller import Budget, CallerContext, CancelToken, mint_span_id, utc_now, uuid7
from rvbbit_proxy.cascade.check import run_test_cases
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.cascade.run import run_cascade
from rvbbit_proxy.cascade.runtime import RunEnded, Runtime
from rvbbit_proxy.cascade.traits import BUILTIN_TRAITS
from rvbbit_proxy.errors import ConfigurationFault, ModelUnavailable
from rvbbit_proxy.ledger.ledger import Ledger, open_ledger
from rvbbit_proxy.ledger.records import InteractionRecord, SessionRecord
from rvbbit_proxy.llm.door import ModelDoor
from rvbbit_proxy.llm.request import ModelReply, ModelRequest
from rvbbit_proxy.meta.queue import MetaQueue
from rvbbit_proxy.meta.tasks import CONFIDENCE, RELEVANCE, sampled, shorten
from rvbbit_proxy.settings import RunOptions, Settings

OPERATOR = """
description: Says what a text is about.
inputs_schema: {text: The text.}
cells:
  - name: look
    prompt: <text>{{ text }}</text>
  - name: say
    context: [look]
    prompt: <looked>{{ outputs.look }}</looked>
"""
ANSWERS = {
    CONFIDENCE: '{"confidence": 0.75, "reason": "plain"}',
    RELEVANCE: '[{"message": 1, "relevance": 0.5, "reason": "half of it"}]',
}
OPTIONS = RunOptions(model="scripted/model", meta=1.0)


@dataclass
class ScriptedDoor:
    """Answers by cascade, for 0.01 USD a call, on the ledger; ``failing`` cascades have no model.

    ``gate``: judgements wait for it.
    """

    ledger: Ledger
    failing: set[str] = field(default_factory=set)
    gate: asyncio.Event | None = None
    requests: list[ModelRequest] = field(default_factory=list)
    contexts: list[CallerContext] = field(default_factory=list)

    async def ask(self, request: ModelRequest, ctx: CallerContext) -> ModelReply:
        if self.gate is not None and ctx.is_meta:
            await self.gate.wait()
        self.requests.append(request)
        self.contexts.append(ctx)
        if request.cascade_id in self.failing:
            raise ModelUnavailable("no such model")
        call = InteractionRecord(
            interaction_id=str(uuid7()),
            caller_id=ctx.caller_id,
            query_id=ctx.query_id,
            session_id=ctx.session_id,
            is_meta=ctx.is_meta,
            root_trace_id=ctx.root_trace_id,
            trace_id=mint_span_id(),
            cascade_id=request.cascade_id,
            start_time=utc_now(),
            total_cost=Decimal("0.01"),
            cost_state="priced",
        )
        self.ledger.record(call)
        if ctx.budget is not None:
            ctx.budget.add(call.total_cost)
        text = ANSWERS.get(request.cascade_id, "bridges")
        return ModelReply(
            text, request.model, "scripted", call.interaction_id, call.trace_id, 1, 1, call.total_cost
        )

    async def embed(self, texts: Sequence[str], ctx: CallerContext, **_: Any) -> Any:
        return np.zeros((len(texts), 1), np.float32)


@dataclass
class World:
    ledger: Ledger
    door: ScriptedDoor
    queue: MetaQueue
    runtime: Runtime

    async def run(self, ctx: CallerContext, options: RunOptions = OPTIONS) -> Any:
        return await run_cascade(
            self.runtime.cascades["topic_of"], {"text": "A bridge."}, ctx, options, self.runtime
        )

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.ledger.query(sql).to_pylist()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with duckdb.connect() as connection:
        ledger = open_ledger(tmp_path / "home", connection, flush_interval_s=3600)
        yield ledger
        ledger.close()


@pytest.fixture
def world_of(ledger: Ledger, tmp_path: Path) -> Callable[..., World]:
    own = tmp_path / "cascades"
    own.mkdir()
    (own / "topic_of.cascade.yaml").write_text(OPERATOR)
    cascades = load_cascades([bundled_folder("cascades"), bundled_folder("traits"), own])

    def make(**settings: Any) -> World:
        door, queue = ScriptedDoor(ledger), MetaQueue(ledger, **settings)
        runtime = Runtime(door, ledger, cascades, BUILTIN_TRAITS, observers=(queue.run_ended,))
        queue.start(runtime)
        return World(ledger, door, queue, runtime)

    return make


def caller(name: str = "sql-calm-crab-000001", **values: Any) -> CallerContext:
    return CallerContext(name, "minted", {"user": "ada"}, query_id=str(uuid7()), **values)


def test_a_run_is_judged_for_its_caller_and_the_accounts_add_up(world_of: Callable[..., World]) -> None:
    world = world_of()
    ctx = caller(trace_id=mint_span_id(), budget=Budget(Decimal("0.02")), cancel=CancelToken())

    async def work() -> None:
        assert await world.run(ctx) == "bridges"
        assert ctx.cancel is not None
        ctx.cancel.cancel()  # the client has gone; what it ran is judged all the same
        await world.queue.drain()

    asyncio.run(work())
    assert ctx.budget is not None and ctx.budget.spent_usd == Decimal("0.02")
    (judged,) = world.rows("FROM cascade_sessions WHERE NOT is_meta")
    metas = world.rows("FROM cascade_sessions WHERE is_meta ORDER BY cascade_id")
    assert [row["cascade_id"] for row in metas] == [RELEVANCE, CONFIDENCE]
    for row in metas:
        assert row["parent_session_id"] == row["meta_of_session_id"] == judged["session_id"]
        assert row["caller_id"] == ctx.caller_id and row["query_id"] == ctx.query_id
        assert row["root_trace_id"] == ctx.root_trace_id and row["depth"] == 1
        assert json.loads(row["invocation_metadata_json"]) == {"user": "ada"}
    (bill,) = world.rows("FROM caller_costs")
    assert (bill["cost"], bill["query_cost"], bill["meta_cost"]) == (
        Decimal("0.04"),
        Decimal("0.02"),
        Decimal("0.02"),
    )
    kinds = world.rows(
        "SELECT kind, cascade_id, caller_id, sum(cost) AS cost FROM all_data GROUP BY ALL ORDER BY 1, 2"
    )
    assert [(row["kind"], row["cascade_id"]) for row in kinds] == [
        ("meta", RELEVANCE),
        ("meta", CONFIDENCE),
        ("query", "topic_of"),
    ]
    assert {row["caller_id"] for row in kinds} == {ctx.caller_id}


def test_the_judgements_are_recorded(world_of: Callable[..., World]) -> None:
    world = world_of()

    async def work() -> None:
        await world.run(caller())
        await world.queue.drain()

    asyncio.run(work())
    (judged,) = world.rows("FROM cascade_sessions WHERE NOT is_meta")
    (annotation,) = world.rows("FROM training_annotations")
    assert (annotation["session_id"], annotation["confidence"]) == (judged["session_id"], 0.75)
    assert (annotation["notes"], annotation["annotated_by"]) == ("plain", CONFIDENCE)
    (relevance,) = world.rows("FROM context_relevance")
    assert (relevance["meta_of_session_id"], relevance["cell_name"]) == (judged["session_id"], "say")
    assert (relevance["relevance"], relevance["reason"]) == (0.5, "half of it")
    (look,) = world.rows("SELECT trace_id FROM latency_events WHERE event_type = 'cell' AND cell_name = 'look'")
    assert relevance["context_trace_id"] == look["trace_id"]
    assert {row["caller_id"] for row in [annotation, relevance]} == {judged["caller_id"]}
    assert world.rows("SELECT DISTINCT status, inputs FROM meta_tasks") == [{"status": "success", "inputs": None}]


def test_ten_at_once_inherit_alike_and_callers_do_not_mix(world_of: Callable[..., World]) -> None:
    world = world_of(concurrency=5)
    callers = [caller(f"caller-{number % 2}") for number in range(10)]

    async def work() -> None:
        await asyncio.gather(*(world.run(ctx) for ctx in callers))
        await world.queue.drain()

    asyncio.run(work())
    bills = world.rows("SELECT caller_id, sessions, cost, meta_cost FROM caller_costs ORDER BY caller_id")
    assert bills == [
        {"caller_id": name, "sessions": 15, "cost": Decimal("0.20"), "meta_cost": Decimal("0.10")}
        for name in ("caller-0", "caller-1")
    ]
    mixed = world.rows(
        """SELECT child.session_id FROM cascade_sessions AS child
           JOIN cascade_sessions AS parent ON parent.session_id = child.parent_session_id
           WHERE child.caller_id IS DISTINCT FROM parent.caller_id"""
    )
    assert mixed == []


def test_a_missing_parent_means_no_caller_a_warning_and_no_crash(
    world_of: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world = world_of()
    lost = SessionRecord(
        session_id="ses_lost",
        cascade_id="topic_of",
        caller_id="x",
        created_at=utc_now(),
        status="success",
        output="y",
    )

    async def work() -> None:
        world.queue.run_ended(RunEnded(lost, (), caller(), OPTIONS))
        await world.queue.drain()

    with caplog.at_level(logging.WARNING):
        asyncio.run(work())
    assert "ses_lost is not on the ledger" in caplog.text
    (meta,) = world.rows("FROM cascade_sessions")
    assert (meta["caller_id"], meta["status"], meta["meta_of_session_id"]) == (None, "success", "ses_lost")
    (orphan,) = world.rows("FROM orphaned_meta_cascades")
    assert (orphan["session_id"], orphan["reason"]) == (meta["session_id"], "judged session not found")


def test_meta_runs_are_not_judged_unless_asked_and_then_one_level_deep(world_of: Callable[..., World]) -> None:
    async def work(world: World) -> None:
        await world.run(caller())
        await world.queue.drain()

    plain = world_of()
    asyncio.run(work(plain))
    assert plain.rows("SELECT count(*) AS n FROM cascade_sessions WHERE is_meta") == [{"n": 2}]
    nested = world_of(meta_of_meta=True)
    asyncio.run(work(nested))
    rows = nested.rows(
        """SELECT judging.caller_id, judged.is_meta, count(*) AS n FROM cascade_sessions AS judging
           JOIN cascade_sessions AS judged ON judged.session_id = judging.meta_of_session_id
           GROUP BY ALL ORDER BY 2"""
    )
    assert [(row["is_meta"], row["n"], row["caller_id"]) for row in rows] == [
        (False, 4, "sql-calm-crab-000001"),
        (True, 2, "sql-calm-crab-000001"),
    ]


def test_a_failing_judge_fails_alone(world_of: Callable[..., World], caplog: pytest.LogCaptureFixture) -> None:
    world = world_of()
    world.door.failing = {CONFIDENCE}

    async def work() -> None:
        assert await world.run(caller()) == "bridges"
        await world.queue.drain()

    asyncio.run(work())
    status = world.rows("SELECT cascade_id, status FROM cascade_sessions ORDER BY is_meta, cascade_id")
    assert [(row["cascade_id"], row["status"]) for row in status] == [
        ("topic_of", "success"),
        (RELEVANCE, "success"),
        (CONFIDENCE, "error"),
    ]
    assert world.rows("FROM training_annotations") == []
    (task,) = world.rows("FROM meta_tasks WHERE status = 'error'")
    assert "no such model" in task["error_message"]


def test_a_failed_run_is_not_judged(world_of: Callable[..., World]) -> None:
    world = world_of()
    world.door.failing = {"topic_of"}

    async def work() -> None:
        with pytest.raises(ModelUnavailable):
            await world.run(caller())
        await world.queue.drain()

    asyncio.run(work())
    assert world.rows("SELECT status FROM cascade_sessions") == [{"status": "error"}]


def test_sampling_is_the_share_and_repeatable(world_of: Callable[..., World]) -> None:
    sessions = [f"ses_{number}" for number in range(2000)]
    some = [session for session in sessions if sampled(session, 0.25)]
    assert 400 < len(some) < 600
    assert [session for session in sessions if sampled(session, 0.25)] == some
    world = world_of()
    asyncio.run(world.run(caller(), replace(OPTIONS, meta=0.0)))
    assert world.queue.pending == 0
    assert world.rows("FROM meta_tasks") == []


def test_overflow_is_counted_and_told_once(
    world_of: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world = world_of(limit=2)

    async def work() -> None:
        world.door.gate = asyncio.Event()
        for _ in range(3):
            await world.run(caller())
        assert (world.queue.pending, world.queue.dropped) == (2, 4)
        world.door.gate.set()
        await world.queue.drain()

    with caplog.at_level(logging.WARNING):
        asyncio.run(work())
    assert world.queue.pending == 0
    assert caplog.text.count("queue is full") == 1


def test_what_is_owed_at_the_end_is_judged_by_the_next_process(world_of: Callable[..., World]) -> None:
    first = world_of()

    async def stop_early() -> None:
        first.door.gate = asyncio.Event()
        await first.run(caller())
        await first.queue.aclose()

    asyncio.run(stop_early())
    assert first.rows("SELECT DISTINCT status FROM meta_tasks") == [{"status": "pending"}]
    second = world_of()

    async def resume() -> int:
        owed = await second.queue.resume(RunOptions())
        await second.queue.drain()
        return owed

    assert asyncio.run(resume()) == 2
    assert {request.model for request in second.door.requests} == {"scripted/model"}
    assert second.rows("SELECT DISTINCT status FROM meta_tasks") == [{"status": "success"}]
    assert second.rows("SELECT caller_id FROM training_annotations") == [{"caller_id": "sql-calm-crab-000001"}]


def test_a_missing_meta_cascade_is_a_fault_at_start(ledger: Ledger) -> None:
    queue = MetaQueue(ledger)
    with pytest.raises(ConfigurationFault, match=CONFIDENCE):
        queue.start(Runtime(ScriptedDoor(ledger), ledger, {}))


def test_a_judge_sees_a_shortened_run_that_says_so() -> None:
    short = shorten({"texts": ["x" * 5000] * 30, "n": 3})
    assert len(short["texts"]) == 21
    assert short["texts"][0].endswith("… (4000 more characters)")
    assert short["texts"][-1] == "… (10 more)"
    assert short["n"] == 3
    deep: Any = "end"
    for _ in range(50):
        deep = [deep]
    assert len(str(shorten(deep))) < 1200


def test_offline_the_machine_judges_for_nothing(ledger: Ledger) -> None:
    cascades = load_cascades([bundled_folder("cascades"), bundled_folder("traits")])
    queue = MetaQueue(ledger)

    async def work() -> None:
        door = ModelDoor(Settings(), ledger, find_embedder=lambda _: None)
        runtime = Runtime(door, ledger, cascades, BUILTIN_TRAITS, observers=(queue.run_ended,))
        queue.start(runtime)
        texts = ["Footprints by the river.", "Large footprints in the snow."]
        await run_cascade(cascades["summarize"], {"texts": texts}, caller(), RunOptions(meta=1.0), runtime)
        await queue.drain()
        for name in (CONFIDENCE, RELEVANCE):
            results = await run_test_cases(cascades[name], runtime, RunOptions())
            assert [result.reason for result in results if result.outcome == "failed"] == []
        await door.aclose()

    asyncio.run(work())
    (annotation,) = ledger.query("FROM training_annotations").to_pylist()
    assert annotation["confidence"] == 0.8  # a sentence taken from the input
    (relevance,) = ledger.query("FROM context_relevance").to_pylist()
    assert relevance["relevance"] == 1.0
    calls = ledger.query(
        "SELECT DISTINCT total_cost, usage_source FROM llm_interactions WHERE is_meta"
    ).to_pylist()
    assert calls == [{"total_cost": Decimal(0), "usage_source": "offline"}]
