"""The door, over HTTP, against the scripted model: what is asked, what is recorded, what fails how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scripted_model import Fault, ScriptedModel, Usage

from rvbbit_proxy.caller import Budget, CallerContext, CancelToken
from rvbbit_proxy.errors import BudgetExceeded, LedgerUnwritable, ModelUnavailable, QueryCancelled
from rvbbit_proxy.ledger.records import InteractionRecord, Record
from rvbbit_proxy.llm.door import ModelDoor
from rvbbit_proxy.llm.request import ModelRequest, OfflineTask
from rvbbit_proxy.settings import OFFLINE, Price, Settings

MODEL = "openai/test-model"
PRICE = Price(
    input_usd_per_mtok=Decimal("2"),
    output_usd_per_mtok=Decimal("10"),
    cached_input_usd_per_mtok=Decimal("0.5"),
)
CTX = CallerContext("sql-calm-otter-00aa11", query_id="q1", session_id="ses_1", trace_id="00f067aa0ba902b7")


class ListLedger:
    """A ledger that keeps records in a list, and the newest row by key."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, *records: Record) -> None:
        self.records.extend(records)

    def note(self, *records: Record) -> None:
        self.records.extend(records)

    @property
    def rows(self) -> list[InteractionRecord]:
        newest = {row.interaction_id: row for row in self.records if isinstance(row, InteractionRecord)}
        return list(newest.values())


@pytest.fixture
def ledger() -> ListLedger:
    return ListLedger()


@asynccontextmanager
async def opened(ledger: ListLedger, **settings: Any) -> AsyncIterator[ModelDoor]:
    settings = {"prices": {MODEL: PRICE}, "request_retries": 2, **settings}
    door = ModelDoor(Settings(**settings), ledger, find_embedder=lambda folder: None, backoff_s=0.0)
    try:
        yield door
    finally:
        await door.aclose()


def in_door(ledger: ListLedger, work: Callable[[ModelDoor], Awaitable[Any]], **settings: Any) -> Any:
    async def run() -> Any:
        async with opened(ledger, **settings) as door:
            return await work(door)

    return asyncio.run(run())


def request(prompt: str = "is it a bird?", **more: Any) -> ModelRequest:
    system = {"role": "system", "content": "Reply yes or no."}
    return ModelRequest(MODEL, [system, {"role": "user", "content": prompt}], "means", "judge", **more)


def test_answer_with_its_account(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    usage = Usage(prompt_tokens=1000, completion_tokens=50, cached_tokens=400, reasoning_tokens=30)
    scripted_model.on("bird", "yes", usage=usage)
    reply = in_door(ledger, lambda door: door.ask(request(), CTX))
    expected = Decimal("0.001900000")  # 600 × 2 + 400 × 0.5 + 50 × 10 USD per million
    assert (reply.text, reply.cost_usd, reply.provider) == ("yes", expected, "openai")
    (row,) = ledger.rows
    assert row.total_cost == expected
    assert (row.prompt_tokens, row.completion_tokens, row.total_tokens) == (1000, 50, 1050)
    assert (row.cached_tokens, row.uncached_prompt_tokens, row.reasoning_tokens) == (400, 600, 30)
    assert (row.cost_state, row.usage_source, row.success) == ("priced", "provider", True)
    assert (row.caller_id, row.query_id, row.session_id) == (CTX.caller_id, "q1", "ses_1")
    assert (row.parent_trace_id, row.root_trace_id) == (CTX.trace_id, CTX.root_trace_id)
    assert (row.cascade_id, row.cell_name, row.response_text) == ("means", "judge", "yes")
    assert (row.context_messages, row.finish_reason, row.model_requested) == (2, "stop", MODEL)
    assert row.request_id and row.duration_ms is not None and row.duration_ms > 0


def test_pending_is_recorded_before_sending(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    states: list[str] = []

    def answer(messages: object) -> str:
        states.extend(row.cost_state for row in ledger.rows)
        return "yes"

    scripted_model.on("bird", answer)
    in_door(ledger, lambda door: door.ask(request(), CTX))
    assert states == ["pending"]
    assert [r.cost_state for r in ledger.records if isinstance(r, InteractionRecord)] == ["pending", "priced"]


def test_no_price_is_unpriced_not_zero(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes")
    reply = in_door(ledger, lambda door: door.ask(request(), CTX), prices={})
    assert reply.cost_usd is None
    assert (ledger.rows[0].cost_state, ledger.rows[0].total_cost) == ("unpriced", None)


def test_missing_usage_is_estimated(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes", usage=Usage(reported=False))
    in_door(ledger, lambda door: door.ask(request("bird " * 100), CTX))
    assert ledger.rows[0].usage_source == "estimated"
    assert ledger.rows[0].prompt_tokens == 4 + 125


def test_parameters_and_response_format_are_sent(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes")
    asked = request(parameters={"temperature": 0, "max_tokens": 7}, response_format={"type": "json_object"})
    in_door(ledger, lambda door: door.ask(asked, CTX))
    body = scripted_model.seen[0].body
    assert (body["temperature"], body["max_tokens"]) == (0, 7)
    assert body["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503),
        Fault(status=429, retry_after_s=0),
        Fault("reset"),
        Fault("malformed"),
    ],
    ids=str,
)
def test_a_passing_fault_is_sent_again(ledger: ListLedger, scripted_model: ScriptedModel, fault: Fault) -> None:
    scripted_model.on("bird", "yes")
    scripted_model.fail(fault)
    assert in_door(ledger, lambda door: door.ask(request(), CTX)).text == "yes"
    failed, answered = ledger.rows
    assert (failed.success, failed.cost_state, failed.total_cost) == (False, "failed", None)
    assert failed.error_type and failed.error_message
    assert (answered.success, answered.attempt, answered.metadata) == (True, 2, {"resend": 1})
    assert failed.trace_id != answered.trace_id


def test_a_lasting_fault_is_unavailable(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", fault=Fault(status=503, message="overloaded"))
    with pytest.raises(ModelUnavailable, match=f"{MODEL} is unavailable") as caught:
        in_door(ledger, lambda door: door.ask(request(), CTX))
    assert caught.value.sqlstate == "58000"
    assert "overloaded" in (caught.value.detail or "") and caught.value.hint
    assert [row.success for row in ledger.rows] == [False] * 3
    assert scripted_model.requests == 3


@pytest.mark.parametrize(("status", "hint"), [(400, "parameters"), (401, "API key"), (404, "model id")])
def test_a_refused_request_is_not_sent_again(
    ledger: ListLedger, scripted_model: ScriptedModel, status: int, hint: str
) -> None:
    scripted_model.on("bird", fault=Fault(status=status, message="no such thing"))
    with pytest.raises(ModelUnavailable) as caught:
        in_door(ledger, lambda door: door.ask(request(), CTX))
    assert "no such thing" in (caught.value.detail or "")
    assert hint in (caught.value.hint or "")
    assert scripted_model.requests == len(ledger.rows) == 1


def test_nobody_listens(ledger: ListLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedModel() as gone:
        monkeypatch.setenv("OPENAI_API_BASE", gone.url)
        monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    with pytest.raises(ModelUnavailable, match="after 3 attempts"):
        in_door(ledger, lambda door: door.ask(request(), CTX))
    assert len(ledger.rows) == 3


def test_a_hanging_provider_times_out(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.fail(Fault("hang"))
    with pytest.raises(ModelUnavailable, match="Timeout"):
        in_door(ledger, lambda door: door.ask(request(), CTX), request_timeout_s=0.2, request_retries=0)
    assert ledger.rows[0].error_type == "Timeout"


def test_cancelled_in_flight(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.fail(Fault("hang"))

    async def cancel(door: ModelDoor) -> None:
        task = asyncio.create_task(door.ask(request(), CTX))
        await asyncio.to_thread(scripted_model.wait_until, lambda: scripted_model.in_flight == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    in_door(ledger, cancel)
    (row,) = ledger.rows
    assert (row.success, row.error_type, row.cost_state) == (False, "QueryCancelled", "failed")


def test_nothing_is_sent_once_cancelled_or_spent(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    token, budget = CancelToken(), Budget(Decimal("0.01"))
    token.cancel()
    budget.add(Decimal("0.01"))
    with pytest.raises(QueryCancelled):
        in_door(ledger, lambda door: door.ask(request(), CallerContext("c", cancel=token)))
    with pytest.raises(BudgetExceeded):
        in_door(ledger, lambda door: door.ask(request(), CallerContext("c", budget=budget)))
    assert scripted_model.requests == 0 and ledger.rows == []


def test_cost_goes_to_the_budget(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes", usage=Usage(prompt_tokens=1000, completion_tokens=0))
    budget = Budget(Decimal("0.003"))

    async def spend(door: ModelDoor) -> None:
        ctx = CallerContext("c", budget=budget)
        for _ in range(3):
            await door.ask(request(), ctx)

    with pytest.raises(BudgetExceeded):
        in_door(ledger, spend)
    assert budget.spent_usd == Decimal("0.004")
    assert scripted_model.requests == 2


def test_a_first_burst_does_not_overshoot(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    """Nobody knows what an operator's answers take before the first: that one goes alone, the others after it."""
    scripted_model.on("bird", "yes", usage=Usage(completion_tokens=1000))  # 0.01 USD each
    scripted_model.latency_s = 0.01
    budget = Budget(Decimal("0.1"))

    async def burst(door: ModelDoor) -> list[Any]:
        ctx = CallerContext("c", budget=budget)
        return await asyncio.gather(
            *(door.ask(request(f"bird {n}"), ctx) for n in range(16)), return_exceptions=True
        )

    replies = in_door(ledger, burst, concurrency=16)
    assert any(isinstance(reply, BudgetExceeded) for reply in replies)
    assert Decimal("0.08") < budget.spent_usd <= budget.limit_usd  # type: ignore[operator]
    assert scripted_model.peak_concurrency > 1


def test_a_first_call_may_be_wrong_by_itself_only(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes", usage=Usage(completion_tokens=1000))
    budget = Budget(Decimal("0.005"))

    async def burst(door: ModelDoor) -> None:
        ctx = CallerContext("c", budget=budget)
        await asyncio.gather(*(door.ask(request(f"bird {n}"), ctx) for n in range(16)), return_exceptions=True)

    in_door(ledger, burst, concurrency=16)
    assert scripted_model.requests == 1


def test_a_declared_limit_bounds_what_is_set_aside(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes", usage=Usage(completion_tokens=1000))

    async def work(door: ModelDoor) -> None:
        await door.ask(request(), CTX)  # 0.01 USD; the next one is expected to cost no more than twice that
        budget = Budget(Decimal("0.001"))
        ctx = CallerContext("c", budget=budget)
        with pytest.raises(BudgetExceeded):
            await door.ask(request(), ctx)
        await door.ask(request(parameters={"max_tokens": 20}), ctx)

    in_door(ledger, work)


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault(status=429, retry_after_s=3600), 1),
        (Fault(status=429, message="insufficient_quota: check your plan"), 1),
        (Fault(status=503), 3),
    ],
    ids=["asks for an hour", "no money", "passing"],
)
def test_what_is_not_worth_waiting_for(
    ledger: ListLedger, scripted_model: ScriptedModel, fault: Fault, sent: int
) -> None:
    scripted_model.fail(*[fault] * 5)
    with pytest.raises(ModelUnavailable):
        in_door(ledger, lambda door: door.ask(request(), CTX))
    assert scripted_model.requests == len(ledger.rows) == sent


class FullDisk(ListLedger):
    """A ledger without room for the outcome of a call."""

    def record(self, *records: Record) -> None:
        if any(isinstance(record, InteractionRecord) and record.success for record in records):
            raise LedgerUnwritable("no space", sqlstate="53100")
        super().record(*records)


def test_what_cannot_be_recorded_is_not_used_but_not_forgotten(scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes")
    ledger = FullDisk()
    with pytest.raises(LedgerUnwritable):
        in_door(ledger, lambda door: door.ask(request(), CTX))
    assert [row.cost_state for row in ledger.rows] == ["priced"]


def test_concurrency_is_the_servers(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes")
    scripted_model.latency_s = 0.02

    async def ask_many(door: ModelDoor) -> None:
        await asyncio.gather(*(door.ask(request(f"bird {n}"), CTX) for n in range(20)))

    in_door(ledger, ask_many, concurrency=4)
    assert scripted_model.peak_concurrency == 4
    assert len({row.interaction_id for row in ledger.rows}) == 20


def test_embeddings_through_litellm(ledger: ListLedger, scripted_model: ScriptedModel) -> None:
    async def embed(door: ModelDoor) -> np.ndarray:
        await door.embed(["a b", "c"], CTX, model=MODEL)
        return await door.embed(["c", "a b", "c", "d"], CTX, model=MODEL, cascade_id="similar_to")

    vectors = in_door(ledger, embed)
    assert vectors.shape == (4, 64) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors[0], vectors[2])
    assert [seen.body["input"] for seen in scripted_model.seen] == [["a b", "c"], ["d"]]
    assert [row.model_type for row in ledger.rows] == ["embedding"] * 2
    assert ledger.rows[0].total_cost == Decimal("0.000006000")
    assert ledger.rows[1].cascade_id == "similar_to"


def test_offline_answers_cost_nothing(ledger: ListLedger) -> None:
    items = [{"text": "Large footprints by the creek"}, {"text": "The invoice was paid"}]
    task = OfflineTask("match", items, {"criterion": "footprints"})
    asked = ModelRequest(OFFLINE, [{"role": "user", "content": "…"}], "means", "judge", offline=task)
    reply = in_door(ledger, lambda door: door.ask(asked, CTX))
    assert list(reply.values or ()) == [True, False]
    assert (reply.provider, reply.model, reply.cost_usd) == (OFFLINE, OFFLINE, Decimal(0))
    (row,) = ledger.rows
    assert (row.cost_state, row.total_cost, row.usage_source) == ("priced", Decimal(0), "offline")


@pytest.mark.parametrize("task", [None, OfflineTask("divine", [{}])])
def test_offline_says_what_needs_a_model(ledger: ListLedger, task: OfflineTask | None) -> None:
    asked = ModelRequest(OFFLINE, [], "ask", "answer", offline=task)
    with pytest.raises(ModelUnavailable) as caught:
        in_door(ledger, lambda door: door.ask(asked, CTX))
    assert "RVBBIT_MODEL" in (caught.value.hint or "")
    assert ledger.rows == []


def test_offline_vectors_without_a_local_model(ledger: ListLedger) -> None:
    vectors = in_door(ledger, lambda door: door.embed(["big footprints", "footprint, big", "invoice"], CTX))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > 0.5 > 0.2 > vectors[0] @ vectors[2]
    assert (ledger.rows[0].provider, ledger.rows[0].total_cost) == (OFFLINE, Decimal(0))
