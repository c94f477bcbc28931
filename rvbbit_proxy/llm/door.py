"""The one door to models: whatever asks a model goes through here, and is on the ledger before it is used.

One request: ``ctx`` may go on (not cancelled, money left) → its expected cost set aside → a slot (``traffic``) → a
row ``pending`` journalled → sent → the row with its outcome journalled → the budget told → the answer returned.
Every resend is a row of its own. The row is the span; no event is recorded beside it.
Not here: caches of results, validation of answers, retries because of what an answer says (``cascade``).
A door belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import random
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rvbbit_proxy.caller import Budget, CallerContext, mint_span_id, utc_now, uuid7
from rvbbit_proxy.errors import LedgerUnwritable, ModelUnavailable, RequestRefused
from rvbbit_proxy.ledger.records import InteractionRecord, Record
from rvbbit_proxy.llm.embeddings import Embedder, VectorCache, find_embedder
from rvbbit_proxy.llm.observed import Observed
from rvbbit_proxy.llm.offline.lexical import LexicalEmbedder
from rvbbit_proxy.llm.offline.registry import answer_offline, offline_methods
from rvbbit_proxy.llm.prices import ModelPrice, Usage, estimate_tokens, price_of
from rvbbit_proxy.llm.provider import (
    Completion,
    Provider,
    ProviderFailure,
    Vectors,
    price_table,
    provider_name,
)
from rvbbit_proxy.llm.request import ModelReply, ModelRequest
from rvbbit_proxy.llm.traffic import THROTTLED, Throttling, Traffic
from rvbbit_proxy.settings import OFFLINE, Settings

EMBED_BATCH = 256
"""Texts in one embedding request."""
BACKOFF_LIMIT_S = 8.0
RETRY_AFTER_LIMIT_S = 600.0
"""A provider that asks to wait longer is unavailable; nothing is sent before the time it asks for."""
THROTTLED_RESENDS = 8
"""A request that a provider throttles is sent again so often, besides ``request_retries``: others make room."""
EXPECTED_TOKENS_OUT = 10
"""What an answer takes where no earlier call tells."""

Answer = TypeVar("Answer", Completion, Vectors)


class CallLedger(Protocol):
    """What the door needs of the ledger."""

    def record(self, *records: Record) -> None:
        """Journal records."""

    def note(self, *records: Record) -> None:
        """Take records that may wait for the next ones journalled."""


class ModelDoor:
    """Asks models, and the machine itself when the model is ``offline``. Raises :class:`ModelUnavailable`.

    ``find_embedder`` finds the local sentence-embedding model, or None, given ``settings.embed_folder``.
    ``backoff_s`` is the first pause before a resend; it doubles.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: CallLedger,
        *,
        find_embedder: Callable[[Path | None], Embedder | None] = find_embedder,
        backoff_s: float = 0.5,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self.observed = Observed()
        self.traffic = Traffic(settings.concurrency, settings.provider_concurrency)
        self._settled = asyncio.Event()
        self._provider = Provider(settings.request_timeout_s)
        self._backoff_s = backoff_s
        self._find_embedder = find_embedder
        self._embedder: Embedder | None = None
        self._embedder_sought = False
        self._embedder_lock = threading.Lock()
        self._vectors = VectorCache()
        # numpy and scikit-learn use several cores by themselves; two threads keep a long task from blocking all
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="offline")

    def preload(self) -> None:
        """Start importing litellm on a thread where a model is configured.

        The local sentence model waits for its first use: plain SQL never needs its 100 MB.
        """
        if self._settings.model != OFFLINE or self._settings.embed_model != OFFLINE:
            self._provider.preload()

    def embedder(self) -> Embedder | None:
        """Return the local sentence-embedding model, loaded on first use; None when the machine has none."""
        with self._embedder_lock:
            if not self._embedder_sought:
                self._embedder = self._find_embedder(self._settings.embed_folder)
                self._embedder_sought = True
        return self._embedder

    async def ask(self, request: ModelRequest, ctx: CallerContext) -> ModelReply:
        """Ask for one completion, and return it when it is on the ledger.

        Raises :class:`ModelUnavailable`, :class:`BudgetExceeded`, :class:`QueryCancelled`.
        """
        row = _chat_row(request, ctx)
        if request.model == OFFLINE:
            return await self._ask_offline(request, row, ctx)
        if ctx.budget is not None and ctx.budget.limit_usd is not None:
            await self._provider.prepare()
        expect = partial(self._expect, request)
        row, completion = await self._send(row, ctx, partial(self._provider.complete, request), expect)
        seconds, tokens_out = (row.duration_ms or 0) / 1000, completion.usage.completion_tokens
        # by the size that is looked for, which is estimated, whatever the provider's tokens are
        estimated = _estimated_tokens(request)
        self.observed.add(request.cascade_id, request.model, estimated, tokens_out, seconds)
        self.observed.weigh(request.cascade_id, request.model, estimated, completion.usage.prompt_tokens)
        return _reply(completion, row)

    async def embed(
        self,
        texts: Sequence[str],
        ctx: CallerContext,
        *,
        model: str | None = None,
        cascade_id: str | None = None,
        cell_name: str | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return one vector per text, (n, d) float32, L2-normalised; known texts cost no request."""
        model = model or self._settings.embed_model
        distinct = list(dict.fromkeys(texts))
        vectors = self._vectors.get_many(model, distinct)
        missing = [text for text in distinct if text not in vectors]
        for start in range(0, len(missing), EMBED_BATCH):
            batch = missing[start : start + EMBED_BATCH]
            row = _embedding_row(model, batch, ctx, cascade_id, cell_name)
            expect = partial(self._expect_vectors, model, batch)
            _, answer = await self._send(row, ctx, partial(self._embed_batch, model, batch), expect)
            self._vectors.put_many(model, batch, answer.matrix)
            vectors.update(zip(batch, answer.matrix, strict=True))
        return np.stack([vectors[text] for text in texts]) if texts else np.zeros((0, 0), np.float32)

    def price(self, model: str) -> ModelPrice | None:
        """Return a model's price for short prompts, None when nobody knows it."""
        return self._price(model, Usage(0))

    async def aclose(self) -> None:
        """Close connections and threads; no request may be in flight."""
        await self._provider.aclose()
        self._workers.shutdown(wait=True, cancel_futures=True)

    async def _ask_offline(self, request: ModelRequest, row: InteractionRecord, ctx: CallerContext) -> ModelReply:
        if request.offline is None or request.offline.method not in offline_methods():
            raise ModelUnavailable(
                f"cascade {request.cascade_id} cannot be answered without a model",
                detail=f"No model is configured, and the machine has no method for cell {request.cell_name}.",
                hint="Set RVBBIT_MODEL or rvbbit.model to a litellm model id.",
            )
        task, values = request.offline, list[Any]()

        async def work() -> Completion:
            loop = asyncio.get_running_loop()
            values.extend(await loop.run_in_executor(self._workers, answer_offline, task, self.embedder))
            text = json.dumps(values if len(task.items) != 1 else values[0], ensure_ascii=False, default=str)
            usage = Usage(_estimated_tokens(request), estimate_tokens(text), source="offline")
            return Completion(text, OFFLINE, usage, "stop", None)

        row, completion = await self._send(row, ctx, work, _Expected)
        return replace(_reply(completion, row), values=values)

    async def _embed_batch(self, model: str, batch: Sequence[str]) -> Vectors:
        if model != OFFLINE:
            return await self._provider.embed(model, batch)
        loop = asyncio.get_running_loop()
        matrix = await loop.run_in_executor(self._workers, self._local_vectors, batch)
        return Vectors(matrix, OFFLINE, Usage(sum(map(estimate_tokens, batch)), source="offline"))

    def _local_vectors(self, batch: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return vectors of the local model, of character n-grams where there is none."""
        return (self.embedder() or LexicalEmbedder()).embed(batch)

    async def _send(
        self,
        row: InteractionRecord,
        ctx: CallerContext,
        send: Callable[[], Awaitable[Answer]],
        expect: Callable[[], _Expected],
    ) -> tuple[InteractionRecord, Answer]:
        """Send until answered, at most ``request_retries`` times more; each sending is a row."""
        resends = _Resends(self._settings.request_retries)
        while True:
            try:
                return await self._send_paid(_as_sent(row, resends.count), ctx, send, expect)
            except ProviderFailure as failure:
                if not resends.allow(failure):
                    raise _unavailable(row, failure, resends.count) from failure
                pause_s = self._pause_s(resends.count - 1, failure)
            await asyncio.sleep(pause_s)

    async def _send_paid(
        self,
        row: InteractionRecord,
        ctx: CallerContext,
        send: Callable[[], Awaitable[Answer]],
        expect: Callable[[], _Expected],
    ) -> tuple[InteractionRecord, Answer]:
        """Send once, the money for it set aside."""
        ctx.check()
        if ctx.budget is None:
            return await self._send_in_turn(row, ctx, send)
        expected_usd = await self._reserve(ctx.budget, expect)
        cost_usd, answered = None, False
        try:
            row, answer = await self._send_in_turn(row, ctx, send)
            cost_usd, answered = row.total_cost, True
        finally:
            ctx.budget.settle(expected_usd, cost_usd, answered=answered)
            self._settled.set()
        return row, answer

    async def _reserve(self, budget: Budget, expect: Callable[[], _Expected]) -> Decimal:
        """Set money aside, when there is enough of it whatever the calls under way cost; return how much."""
        while True:
            expected = _Expected() if budget.limit_usd is None else expect()
            if budget.reserve(expected.usd, alone=not expected.known):
                return expected.usd
            self._settled.clear()
            await self._settled.wait()

    async def _send_in_turn(
        self, row: InteractionRecord, ctx: CallerContext, send: Callable[[], Awaitable[Answer]]
    ) -> tuple[InteractionRecord, Answer]:
        try:
            async with self.traffic.slot(row.provider or "", ctx):
                ctx.check()
                try:
                    return await self._send_once(replace(row, start_time=utc_now()), send)
                except ProviderFailure as failure:
                    throttling = _throttling(failure)
                    if throttling is None:
                        raise
                    raise throttling from failure
        except Throttling as throttling:
            assert throttling.__cause__ is not None
            raise throttling.__cause__ from None

    async def _send_once(
        self, row: InteractionRecord, send: Callable[[], Awaitable[Answer]]
    ) -> tuple[InteractionRecord, Answer]:
        self._ledger.record(row)
        try:
            answer = await send()
        except (Exception, asyncio.CancelledError) as error:
            self._ledger.record(_failed(row, error))
            raise
        row = _answered(row, answer, self._price(row.model_requested or "", answer.usage))
        try:
            self._ledger.record(row)
        except LedgerUnwritable:
            self._ledger.note(row)  # the money is spent: it gets there when there is room again
            raise
        return row, answer

    def _expect(self, request: ModelRequest) -> _Expected:
        """Return what a call is expected to cost at most; 0 where nobody knows the price."""
        price = self.price(request.model)
        if price is None:
            return _Expected()
        texts = [message["content"] for message in request.messages]
        seen = self.observed.find(request.cascade_id, request.model, _estimated_tokens(request))
        tokens_out = EXPECTED_TOKENS_OUT if seen is None else math.ceil(seen.tokens_out_most)
        limits = (request.parameters.get(name) for name in ("max_tokens", "max_completion_tokens"))
        tokens_out = min([tokens_out, *filter(None, limits)])
        return _Expected(price.cost_usd(Usage(_most_tokens(texts), tokens_out)), known=seen is not None)

    def _expect_vectors(self, model: str, texts: Sequence[str]) -> _Expected:
        price = self.price(model)
        return _Expected() if price is None else _Expected(price.cost_usd(Usage(_most_tokens(texts))))

    def _price(self, model: str, usage: Usage) -> ModelPrice | None:
        prices = self._settings.prices
        table = None if model == OFFLINE or model in prices else price_table()
        return price_of(model, prices, table, prompt_tokens=usage.prompt_tokens)

    def _pause_s(self, resend: int, failure: ProviderFailure) -> float:
        if failure.retry_after_s is not None:
            return failure.retry_after_s
        longest_s = min(self._backoff_s * 2.0**resend, BACKOFF_LIMIT_S)
        return longest_s * random.uniform(0.5, 1.0)


def _chat_row(request: ModelRequest, ctx: CallerContext) -> InteractionRecord:
    messages = [dict(message) for message in request.messages]
    asked = [request.model, messages, dict(request.parameters), request.response_format]
    return _row(
        request.model,
        ctx,
        cascade_id=request.cascade_id,
        cell_name=request.cell_name,
        attempt=request.attempt,
        iteration=request.iteration,
        result_cache=request.result_cache,
        context_messages=len(messages),
        request_hash=_hash(asked),
        request_json=messages,
    )


def _embedding_row(
    model: str, texts: Sequence[str], ctx: CallerContext, cascade_id: str | None, cell_name: str | None
) -> InteractionRecord:
    return _row(
        model,
        ctx,
        cascade_id=cascade_id,
        cell_name=cell_name,
        model_type="embedding",
        request_hash=_hash([model, texts]),
        request_json={"texts": len(texts)},  # not the texts: a column of them would be kept twice
    )


def _row(model: str, ctx: CallerContext, **more: Any) -> InteractionRecord:
    return InteractionRecord(
        interaction_id=uuid7().hex,
        caller_id=ctx.caller_id,
        root_trace_id=ctx.root_trace_id,
        trace_id=mint_span_id(),
        parent_trace_id=ctx.trace_id,
        start_time=utc_now(),
        query_id=ctx.query_id,
        session_id=ctx.session_id,
        is_meta=ctx.is_meta,
        run_id=ctx.run_id,
        recursion_id=ctx.recursion_id,
        parent_recursion_id=ctx.parent_recursion_id,
        current_depth=ctx.current_depth,
        max_depth=ctx.max_depth,
        model=model,
        model_requested=model,
        provider=OFFLINE if model == OFFLINE else provider_name(model),
        **more,
    )


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a call is expected to cost at most; ``known``: from calls of its kind."""

    usd: Decimal = Decimal(0)
    known: bool = True


def _estimated_tokens(request: ModelRequest) -> int:
    return sum(estimate_tokens(message["content"]) for message in request.messages)


def _most_tokens(texts: Sequence[str]) -> int:
    """Return what texts take as a prompt, at most: a token for every four bytes of UTF-8."""
    return sum(len(text.encode("utf-8", "surrogatepass")) + 3 for text in texts) // 4


@dataclass(slots=True)
class _Resends:
    """How often one request has been sent again; throttled ones count apart."""

    most: int
    count: int = 0
    throttled: int = 0

    def allow(self, failure: ProviderFailure) -> bool:
        """Count one more, unless it is not worth it or there were enough."""
        throttled = failure.status in THROTTLED and self.throttled < THROTTLED_RESENDS and self.most > 0
        enough = not throttled and self.count - self.throttled >= self.most
        if not failure.transient or enough or (failure.retry_after_s or 0) > RETRY_AFTER_LIMIT_S:
            return False
        self.count += 1
        self.throttled += throttled
        return True


def _throttling(failure: ProviderFailure) -> Throttling | None:
    """Return what a failure means for the provider's other requests, None where it means nothing."""
    fewer = failure.status in THROTTLED
    pause_s = failure.retry_after_s
    if pause_s is not None and pause_s > RETRY_AFTER_LIMIT_S:
        pause_s = None  # nobody waits so long; the others hear of it themselves
    return Throttling(fewer=fewer, pause_s=pause_s) if fewer or pause_s is not None else None


def _as_sent(row: InteractionRecord, resend: int) -> InteractionRecord:
    """Return the row of this sending: ids and attempt of its own."""
    if resend == 0:
        return row
    return replace(
        row,
        interaction_id=uuid7().hex,
        trace_id=mint_span_id(),
        attempt=row.attempt + resend,
        metadata={**row.metadata, "resend": resend},
    )


def _answered(row: InteractionRecord, answer: Completion | Vectors, price: ModelPrice | None) -> InteractionRecord:
    usage = answer.usage
    more: dict[str, Any] = {"cost_state": "unpriced"}
    if price is not None:
        more = {
            "cost_state": "priced",
            "total_cost": price.cost_usd(usage),
            "input_usd_per_mtok": price.input_usd_per_mtok,
            "output_usd_per_mtok": price.output_usd_per_mtok,
            "cached_input_usd_per_mtok": price.cached_input_usd_per_mtok,
        }
    if isinstance(answer, Completion):
        more |= {
            "context_tokens": usage.prompt_tokens,
            "response_text": answer.text,
            "response_length": len(answer.text),
            "finish_reason": answer.finish_reason,
            "request_id": answer.request_id,
            "tool_call_count": answer.tool_call_count,
            "has_tool_calls": answer.tool_call_count > 0,
        }
    return replace(
        row,
        **_ended(row.start_time),
        success=True,
        model=answer.model,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        uncached_prompt_tokens=usage.uncached_prompt_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usage_source=usage.source,
        **more,
    )


def _failed(row: InteractionRecord, error: BaseException) -> InteractionRecord:
    error_type, message = type(error).__name__, str(error)
    if isinstance(error, ProviderFailure):
        error_type = error.error_type
    elif isinstance(error, asyncio.CancelledError):
        error_type, message = "QueryCancelled", "cancelled while the request was in flight"
    return replace(
        row,
        **_ended(row.start_time),
        success=False,
        cost_state="failed",
        error_type=error_type,
        error_message=message,
    )


def _ended(start_time: datetime) -> dict[str, Any]:
    end_time = utc_now()
    return {"end_time": end_time, "duration_ms": (end_time - start_time).total_seconds() * 1000}


def _reply(completion: Completion, row: InteractionRecord) -> ModelReply:
    return ModelReply(
        text=completion.text,
        model=completion.model,
        provider=row.provider or "",
        interaction_id=row.interaction_id,
        trace_id=row.trace_id,
        prompt_tokens=completion.usage.prompt_tokens,
        completion_tokens=completion.usage.completion_tokens,
        cost_usd=row.total_cost,
        finish_reason=completion.finish_reason,
        first_token=completion.first_token,
    )


def _unavailable(row: InteractionRecord, failure: ProviderFailure, resends: int) -> ModelUnavailable:
    sent = f" after {resends + 1} attempts" if resends else ""
    status = f" (HTTP {failure.status})" if failure.status else ""
    kind = RequestRefused if failure.status in REFUSED else ModelUnavailable
    return kind(
        f"model {row.model_requested} is unavailable: {failure.error_type}{status}{sent}",
        detail=failure.message,
        hint=_HINTS.get(failure.status or 0, "Check the provider's status and RVBBIT_MODEL; nothing was cached."),
    )


REFUSED = (400, 413, 422)
"""HTTP statuses by which a provider refuses a request, and not whoever asks."""
_HINTS: Mapping[int, str] = {
    400: "The provider refused the request: check RVBBIT_MODEL and the cascade's parameters.",
    401: "Check the provider's API key, for instance OPENAI_API_KEY.",
    403: "The API key may not use this model.",
    404: "Check the model id in RVBBIT_MODEL or rvbbit.model, and the provider's base URL.",
    429: "The provider throttles: lower rvbbit.concurrency, or try again later.",
}


def _hash(asked: object) -> str:
    canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
