"""Prepared calls: the provider sees no difference, nor does who asks, between the first of a kind and the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from scripted_model import Fault, ScriptedModel

from rvbbit_proxy.llm.provider import Provider, ProviderFailure, _failure, load_litellm
from rvbbit_proxy.llm.request import ModelRequest


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    opened = Provider(timeout_s=5.0)
    try:
        yield opened
    finally:
        await opened.aclose()


def with_provider(work: Callable[[Provider], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with provider() as opened:
            return await work(opened)

    return asyncio.run(run())


def request(prompt: str, model: str = "openai/test-model", **more: Any) -> ModelRequest:
    system = {"role": "system", "content": "Reply yes or no."}
    return ModelRequest(model, [system, {"role": "user", "content": prompt}], "means", "judge", **more)


@pytest.fixture
def asked_of_litellm(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts that went through ``litellm.acompletion``."""
    litellm = load_litellm()
    complete, prompts = litellm.acompletion, list[str]()

    async def noting(**arguments: Any) -> Any:
        prompts.append(arguments["messages"][-1]["content"])
        return await complete(**arguments)

    monkeypatch.setattr(litellm, "acompletion", noting)
    return prompts


SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": {}}}}
KINDS: Mapping[str, dict[str, Any]] = {
    "plain": {},
    "parameters": {"parameters": {"temperature": 0.5, "max_tokens": 7, "seed": 3}},
    "logprobs": {"parameters": {"logprobs": True, "top_logprobs": 5, "max_tokens": 1}},
    "schema": {"response_format": SCHEMA},
    "gpt-4o-mini": {"model": "openai/gpt-4o-mini", "parameters": {"temperature": 0.0, "max_tokens": 7}},
    "gpt-5-mini": {"model": "openai/gpt-5-mini", "parameters": {"temperature": 0.0, "max_tokens": 7}},
    "o3-mini": {"model": "openai/o3-mini", "parameters": {"temperature": 0.0, "max_tokens": 7}},
    "hosted_vllm": {"model": "hosted_vllm/some/model", "parameters": {"temperature": 0.0}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_provider_sees_no_difference(
    scripted_model: ScriptedModel, asked_of_litellm: list[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", scripted_model.url)
    scripted_model.on("", "yes")

    async def thrice(opened: Provider) -> list[Any]:
        return [await opened.complete(request("a bird?", **KINDS[kind])) for _ in range(3)]

    first, second, third = with_provider(thrice)
    bodies = [seen.body for seen in scripted_model.seen]
    headers = [_own_headers(seen.headers) for seen in scripted_model.seen]
    assert bodies[0] == bodies[1] == bodies[2]
    assert headers[0] == headers[1] == headers[2]
    assert (first.text, first.usage, first.model) == (second.text, second.usage, second.model)
    assert third.finish_reason == first.finish_reason
    assert len(asked_of_litellm) == 1


def _own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that the provider reads, not those of the HTTP library."""
    library = {"accept", "accept-encoding", "connection", "user-agent", "content-length", "host"}
    return {name.lower(): value for name, value in headers.items() if name.lower() not in library}


def test_kinds_are_told_apart(scripted_model: ScriptedModel, asked_of_litellm: list[str]) -> None:
    scripted_model.on("", "yes")

    async def work(opened: Provider) -> None:
        for tokens in (5, 9, 5, 9):
            await opened.complete(request(f"at most {tokens}?", parameters={"max_tokens": tokens}))

    with_provider(work)
    assert [seen.body["max_tokens"] for seen in scripted_model.seen] == [5, 9, 5, 9]
    assert asked_of_litellm == ["at most 5?", "at most 9?"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 400),
        Fault("status", 429, retry_after_s=3),
        Fault("status", 500),
        Fault("status", 529),
        Fault("malformed"),
        Fault("reset"),
    ],
    ids=lambda fault: f"{fault.kind}{fault.status}",
)
def test_failures_are_the_same(scripted_model: ScriptedModel, fault: Fault) -> None:
    scripted_model.on("", "yes")

    async def failure(opened: Provider) -> ProviderFailure:
        scripted_model.fail(*[fault] * 5)
        with pytest.raises(ProviderFailure) as raised:
            await opened.complete(request("a bird?"))
        return raised.value

    async def work(opened: Provider) -> tuple[ProviderFailure, ProviderFailure, int]:
        first = await failure(opened)
        scripted_model.reset()
        await opened.complete(request("a bird?"))
        before = scripted_model.requests
        return first, await failure(opened), scripted_model.requests - before

    first, next_one, sent = with_provider(work)
    assert (next_one.status, next_one.transient) == (first.status, first.transient)
    assert next_one.retry_after_s == first.retry_after_s
    assert sent == 1, "litellm's own resends would be on nobody's bill"


def test_a_key_may_change(
    scripted_model: ScriptedModel, asked_of_litellm: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_model.on("", "yes")

    async def work(opened: Provider) -> None:
        await opened.complete(request("first"))
        monkeypatch.setenv("OPENAI_API_KEY", "another")
        scripted_model.fail(Fault("status", 401))
        with pytest.raises(ProviderFailure):
            await opened.complete(request("refused"))
        await opened.complete(request("with the new key"))

    with_provider(work)
    assert asked_of_litellm == ["first", "with the new key"]
    assert scripted_model.seen[-1].headers["Authorization"] == "Bearer another"


@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [
        ("Retry-After", "2.5", 2.5),
        ("retry-after-ms", "1500", 1.5),
        ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Retry-After", "soon", None),
    ],
)
def test_retry_after_has_several_forms(header: str, value: str, seconds: float | None) -> None:
    error = openai.RateLimitError(
        "later",
        response=httpx.Response(429, headers={header: value}, request=httpx.Request("POST", "http://x")),
        body=None,
    )
    assert _failure(error).retry_after_s == seconds
