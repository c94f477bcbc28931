"""Requests after the first of their shape: sent without litellm, and yet the same."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from scripted_model import Fault, ScriptedModel

from rvbbit_proxy.llm.provider import Completion, Provider, ProviderFailure
from rvbbit_proxy.llm.request import ModelRequest
from rvbbit_proxy.llm.route import learn_route

MESSAGES = [{"role": "user", "content": "is it a bird?"}]


def request(**parameters: object) -> ModelRequest:
    return ModelRequest("openai/test-model", MESSAGES, "means", "judge", parameters=parameters)


def complete(*requests: ModelRequest) -> list[Completion | ProviderFailure]:
    async def run() -> list[Completion | ProviderFailure]:
        provider, answers = Provider(10), list[Completion | ProviderFailure]()
        for each in requests:
            try:
                answers.append(await provider.complete(each))
            except ProviderFailure as failure:
                answers.append(failure)
        await provider.aclose()
        return answers

    return asyncio.run(run())


def test_the_next_request_is_as_litellm_made_the_first(scripted_model: ScriptedModel) -> None:
    scripted_model.on("bird", "yes")
    first, second, other = complete(
        request(temperature=0), request(temperature=0), request(temperature=0, max_tokens=5)
    )
    assert first == second or (first.text, first.usage) == (second.text, second.usage)  # type: ignore[union-attr]
    bodies = [seen.body for seen in scripted_model.seen]
    assert bodies[0] == bodies[1] and "max_tokens" not in bodies[1]
    assert bodies[2]["max_tokens"] == 5 and isinstance(other, Completion)


@pytest.mark.parametrize(
    "fault", [Fault(status=429, retry_after_s=3), Fault(status=401), Fault(status=500)], ids=str
)
def test_a_refusal_is_sorted_as_litellm_sorts_it(scripted_model: ScriptedModel, fault: Fault) -> None:
    scripted_model.on("bird", "yes")
    scripted_model.fail(fault)
    by_litellm, answered = complete(request(), request())
    assert isinstance(by_litellm, ProviderFailure) and isinstance(answered, Completion)

    async def second_fails() -> ProviderFailure:
        provider = Provider(10)
        await provider.complete(request())
        scripted_model.fail(fault)
        with pytest.raises(ProviderFailure) as caught:
            await provider.complete(request())
        assert (await provider.complete(request())).text == "yes"
        await provider.aclose()
        return caught.value

    by_us = asyncio.run(second_fails())
    assert (by_us.error_type, by_us.status, by_us.transient) == (
        by_litellm.error_type,
        by_litellm.status,
        by_litellm.transient,
    )
    assert by_us.retry_after_s == fault.retry_after_s


@pytest.mark.parametrize("kind", ["reset", "malformed"])
def test_a_broken_reply_may_be_sent_again(scripted_model: ScriptedModel, kind: str) -> None:
    scripted_model.on("bird", "yes")

    async def run() -> ProviderFailure:
        provider = Provider(10)
        await provider.complete(request())
        scripted_model.fail(Fault(kind))  # type: ignore[arg-type]
        with pytest.raises(ProviderFailure) as caught:
            await provider.complete(request())
        await provider.aclose()
        return caught.value

    assert asyncio.run(run()).transient


def test_no_route_where_the_messages_were_changed() -> None:
    sent = httpx.Request(
        "POST", "http://h/v1/chat/completions", content=json.dumps({"model": "m", "messages": []})
    )
    assert learn_route(sent, MESSAGES) is None
    assert learn_route(httpx.Request("POST", "http://h/v1/responses", content=b"{}"), MESSAGES) is None
    assert learn_route(httpx.Request("POST", "http://h/v1/chat/completions", content=b"no"), MESSAGES) is None
