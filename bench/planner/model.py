"""The scripted model of the bench, in a process of its own: a set latency, the truth, counters.

``POST /bench/start {"system", "task"}`` resets it for one run; ``GET /bench/counters`` tells what was asked.
Tokens are those of all message contents and of the answer, by tiktoken's cl100k_base, which litellm ships. Schemas
and tool definitions are not counted, which favours the systems that send them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import tiktoken
from aiohttp import web
from answering import ANSWERERS, Asked, Reply
from cases import make_data
from scripted_model import Rule, ScriptedModel
from scripted_model.rules import Request, content_of, prompt_of
from truth import Truth

_ANY = Rule("")


def encoding() -> tiktoken.Encoding:
    """Return cl100k_base from the copy in litellm's folder, without importing litellm."""
    litellm = importlib.util.find_spec("litellm")
    assert litellm is not None and litellm.submodule_search_locations is not None
    folder = Path(litellm.submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    return tiktoken.get_encoding("cl100k_base")


class BenchModel(ScriptedModel):
    """A scripted model that answers one system's prompts of one task at a time."""

    def __init__(self, latency_s: float, port: int) -> None:
        super().__init__(latency_s=latency_s, port=port)
        self.truth = Truth(make_data())
        self.system, self.task = "ours", "W1"
        self.answers: list[str] = []
        self._encode = encoding().encode_ordinary
        self._tokens = lru_cache(maxsize=100_000)(lambda text: len(self._encode(text)))

    def application(self) -> web.Application:
        """Return the model's routes, the other API of OpenAI's, and the bench's own."""
        application = super().application()
        application.router.add_post("/v1/responses", self._responses)
        application.router.add_post("/bench/start", self._start)
        application.router.add_get("/bench/counters", self._counters)
        application.router.add_get("/bench/seen", self._seen_so_far)
        return application

    async def _start(self, http: web.Request) -> web.Response:
        body = await http.json()
        self.reset()
        self.system, self.task = body["system"], body["task"]
        self.truth.summaries.clear()
        self.answers.clear()
        return web.json_response({})

    async def _counters(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "requests": self.requests,
                "prompt_tokens": self.prompt_tokens,
                "output_tokens": self.completion_tokens,
                "peak_concurrency": self.peak_concurrency,
                "not_understood": self.unscripted[:1],
                "not_understood_count": len(self.unscripted),
                "summaries": {number: sorted(codes) for number, codes in self.truth.summaries.items()},
            }
        )

    async def _seen_so_far(self, http: web.Request) -> web.Response:
        count = int(http.query.get("count", "3"))
        bodies = [request.body for request in self.seen[:count]]
        return web.json_response({"bodies": bodies, "answers": self.answers[:count]})

    def _rule_for(self, messages: Any, model: str) -> Rule:
        return _ANY

    def _answer(self, request: Request) -> tuple[Reply, int, int]:
        """Return the answer and its tokens, in and out; what is not understood is kept and answered with blanks."""
        try:
            reply = ANSWERERS[self.system](Asked(self.task, request.messages, request.body), self.truth)
        except (ValueError, KeyError, IndexError) as error:
            self.unscripted.append(f"{type(error).__name__} {error}\n{request.prompt}")
            reply = Reply("")
        tokens_in = sum(self._tokens(content_of(message)) for message in request.messages)
        tokens_out = len(self._encode(reply.text))
        self._count(tokens_in, tokens_out)
        self.answers.append(reply.text)
        return reply, tokens_in, tokens_out

    async def _chat(self, http: web.Request) -> web.StreamResponse:
        """Answer, as a stream of two chunks where one is asked for; a client that stops early hangs up."""
        try:
            answered = await super()._chat(http)
            body = await http.json()
            if not body.get("stream") or not isinstance(answered, web.Response):
                return answered
            return await _stream(http, json.loads(answered.text or "{}"))
        except ConnectionResetError:
            return web.Response()

    def _completion(self, request: Request, rule: Rule) -> dict[str, Any]:
        reply, tokens_in, tokens_out = self._answer(request)
        message: dict[str, Any] = {"role": "assistant", "content": reply.text}
        if reply.tool is not None:
            function = {"name": reply.tool, "arguments": reply.text}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": f"call_{self.requests}", "type": "function", "function": function}],
            }
        return {
            "id": f"chatcmpl-{self.requests}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if reply.tool else "stop"}],
            "usage": {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
            },
        }

    async def _responses(self, http: web.Request) -> web.Response:
        body = await http.json()
        messages = _messages_of(body)
        request = Request(http.path, body["model"], prompt_of(messages), messages, body)
        with self._seen(request):
            await self._wait(None)
            reply, tokens_in, tokens_out = self._answer(request)
            return web.json_response(_response(request, reply, tokens_in, tokens_out, self.requests))


async def _stream(http: web.Request, completion: Mapping[str, Any]) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await stream.prepare(http)
    for chunk in _chunks(completion):
        await stream.write(b"data: " + chunk + b"\n\n")
    return stream


def _chunks(completion: Mapping[str, Any]) -> list[bytes]:
    shared = {**completion, "object": "chat.completion.chunk", "usage": None}
    choice = completion["choices"][0]
    text = {"index": 0, "delta": choice["message"], "finish_reason": choice["finish_reason"]}
    parts = [{**shared, "choices": [text]}, {**shared, "choices": [], "usage": completion["usage"]}]
    return [*(json.dumps(part).encode() for part in parts), b"[DONE]"]


def _messages_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = body["input"]
    listed = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
    if body.get("instructions"):
        listed.insert(0, {"role": "system", "content": body["instructions"]})
    return listed


def _response(request: Request, reply: Reply, tokens_in: int, tokens_out: int, number: int) -> dict[str, Any]:
    part = {"type": "output_text", "text": reply.text, "annotations": []}
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "model": request.model,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "output": [
            {
                "type": "message",
                "id": f"msg_{number}",
                "status": "completed",
                "role": "assistant",
                "content": [part],
            }
        ],
        "usage": {
            "input_tokens": tokens_in,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": tokens_out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens_in + tokens_out,
        },
    }


def serve(latency_s: float, port: int = 0) -> None:
    """Serve until standard input closes."""
    with BenchModel(latency_s, port) as model:
        print(json.dumps({"url": model.url}), flush=True)
        sys.stdin.read()
