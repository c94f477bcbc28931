"""The scripted server: ``/v1/chat/completions`` and ``/v1/embeddings`` on a thread of its own."""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from scripted_model.rules import (
    Answer,
    Fault,
    Request,
    Rule,
    When,
    content_of,
    count_tokens,
    embedding_of,
    prompt_of,
)


class ScriptedModel:
    """An OpenAI-compatible server for tests; a context manager. Counters may be read from any thread.

    ``url`` is the base a client is given (``http://127.0.0.1:PORT/v1``). Rules are tried in order, the first
    that accepts answers; faults queued with :meth:`fail` come before any rule.
    """

    def __init__(
        self, rules: Iterable[Rule] = (), *, latency_s: float = 0.0, host: str = "127.0.0.1", port: int = 0
    ):
        self.rules: list[Rule] = list(rules)
        self.latency_s = latency_s
        self.host, self.port = host, port
        self.seen: list[Request] = []
        self.unscripted: list[str] = []
        self.used: Counter[int] = Counter()
        self.in_flight = 0
        self.peak_concurrency = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._ready = threading.Event()
        self._failure: OSError | None = None

    # scripting

    def on(self, when: When, answer: Answer = "", **more: Any) -> Rule:
        """Append a rule; ``more`` is what :class:`Rule` takes."""
        rule = Rule(when, answer, **more)
        self.rules.append(rule)
        return rule

    def fail(self, *faults: Fault) -> None:
        """Let the next requests fail so, one fault each, whatever they ask."""
        self._faults.extend(faults)

    # what happened

    @property
    def url(self) -> str:
        """The API base."""
        return f"http://{self.host}:{self.port}/v1"

    @property
    def requests(self) -> int:
        """The number of requests seen, failed ones included."""
        return len(self.seen)

    @property
    def prompts(self) -> list[str]:
        """The prompts seen, in the order of arrival."""
        return [request.prompt for request in self.seen]

    @property
    def requests_by_model(self) -> Counter[str]:
        """The number of requests by model."""
        return Counter(request.model for request in self.seen)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait, without sleeping, for the counters to satisfy a condition; fail after ``timeout_s``."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), "the scripted model never got there"

    def reset(self) -> None:
        """Forget what was seen; the rules stay."""
        with self._lock:
            self.seen.clear()
            self.unscripted.clear()
            self._faults.clear()
            self.peak_concurrency = self.in_flight
            self.prompt_tokens = self.completion_tokens = 0

    def verify(self) -> None:
        """Fail when a prompt came that no rule answers."""
        assert not self.unscripted, f"{len(self.unscripted)} unscripted prompts; the first:\n{self.unscripted[0]}"

    # life

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="scripted-model", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def application(self) -> web.Application:
        """Return the routes; a bench adds its own."""
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_post("/v1/chat/completions", self._chat)
        application.router.add_post("/v1/embeddings", self._embeddings)
        return application

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port, backlog=1024)
            await site.start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stopping.wait()
        except OSError as error:
            self._failure = error
            self._ready.set()
        finally:
            await runner.cleanup()

    # requests

    async def _chat(self, http: web.Request) -> web.StreamResponse:
        body = await http.json()
        messages = body["messages"]
        request = Request(http.path, body["model"], prompt_of(messages), messages, body, dict(http.headers))
        with self._seen(request):
            rule = self._rule_for(messages, request.model)
            fault = self._next_fault() or (rule.fault if rule else None)
            await self._wait(rule.latency_s if rule else None)
            if fault is not None:
                return await self._break(http, fault)
            if rule is None:
                self.unscripted.append(request.prompt)
                return _error(400, f"unscripted prompt: {request.prompt[:200]}")
            return web.json_response(self._completion(request, rule))

    async def _embeddings(self, http: web.Request) -> web.StreamResponse:
        body = await http.json()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        request = Request(http.path, body["model"], "\n".join(texts), (), body)
        with self._seen(request):
            fault = self._next_fault()
            await self._wait(None)
            if fault is not None:
                return await self._break(http, fault)
            tokens = sum(map(count_tokens, texts))
            self._count(tokens, 0)
            return web.json_response(_embedding_list(texts, request.model, tokens))

    def _seen(self, request: Request) -> _InFlight:
        return _InFlight(self, request)

    def _rule_for(self, messages: Sequence[Any], model: str) -> Rule | None:
        for index, rule in enumerate(self.rules):
            if (rule.times is None or self.used[index] < rule.times) and rule.accepts(messages, model):
                self.used[index] += 1
                return rule
        return None

    def _next_fault(self) -> Fault | None:
        return self._faults.popleft() if self._faults else None

    async def _wait(self, latency_s: float | None) -> None:
        latency_s = self.latency_s if latency_s is None else latency_s
        if latency_s > 0:
            await asyncio.sleep(latency_s)

    async def _break(self, http: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "status":
            return _error(fault.status, fault.message, fault.retry_after_s)
        if fault.kind == "malformed":
            return web.Response(text='{"id": "chatcmpl-1", "choices": [{"mess', content_type="application/json")
        if fault.kind == "hang":
            await self._stopping.wait()
        if http.transport is not None:
            http.transport.abort()
        raise asyncio.CancelledError

    def _completion(self, request: Request, rule: Rule) -> dict[str, Any]:
        text, usage = rule.text(request.messages), rule.usage
        prompt_tokens = usage.prompt_tokens
        if prompt_tokens is None:
            prompt_tokens = sum(count_tokens(content_of(message)) for message in request.messages)
        completion_tokens = usage.completion_tokens if usage.completion_tokens is not None else count_tokens(text)
        self._count(prompt_tokens, completion_tokens)
        reply: dict[str, Any] = {
            "id": f"chatcmpl-{self.requests}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request.model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": rule.finish_reason,
                }
            ],
        }
        if rule.first_token is not None and request.body.get("logprobs"):
            reply["choices"][0]["logprobs"] = _logprobs(rule.first_token(request.messages))
        if usage.reported:
            reply["usage"] = {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
                "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
                "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
            }
        return reply

    def _count(self, prompt_tokens: int, completion_tokens: int) -> None:
        with self._lock:
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens


class _InFlight:
    """Counts one request while it is being answered."""

    def __init__(self, model: ScriptedModel, request: Request) -> None:
        self.model, self.request = model, request

    def __enter__(self) -> None:
        model = self.model
        with model._changed:
            model.seen.append(self.request)
            model.in_flight += 1
            model.peak_concurrency = max(model.peak_concurrency, model.in_flight)
            model._changed.notify_all()

    def __exit__(self, *_: object) -> None:
        with self.model._changed:
            self.model.in_flight -= 1
            self.model._changed.notify_all()


def _error(status: int, message: str, retry_after_s: float | None = None) -> web.Response:
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    error = {"error": {"message": message, "type": "scripted", "param": None, "code": str(status)}}
    return web.Response(status=status, text=json.dumps(error), content_type="application/json", headers=headers)


def _logprobs(probabilities: Mapping[str, float]) -> dict[str, Any]:
    """Return the first token's alternatives as OpenAI tells them, the likeliest first."""
    tokens = [
        {"token": token, "logprob": math.log(share), "bytes": None}
        for token, share in sorted(probabilities.items(), key=lambda entry: -entry[1])
    ]
    return {"content": [{**tokens[0], "top_logprobs": tokens}], "refusal": None}


def _embedding_list(texts: Sequence[str], model: str, tokens: int) -> dict[str, Any]:
    return {
        "object": "list",
        "model": model,
        "data": [{"object": "embedding", "index": i, "embedding": embedding_of(t)} for i, t in enumerate(texts)],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
