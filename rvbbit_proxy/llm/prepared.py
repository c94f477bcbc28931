"""Prepared calls: requests of one kind to litellm's own handler, for which litellm decides only once what they share.

``litellm.acompletion`` works out provider, base URL, key and the provider's parameters from a model, its parameters and
the environment: 2 ms of CPU, a thread, and the same outcome for every request of the kind. So the first one goes
through it, and the arguments that litellm's handler gets then are kept; the next ones go to that handler with their own
messages. Headers, body, errors and reply are litellm's for each of them. Only for providers that speak OpenAI's form.
This module imports litellm, which takes seconds: it is itself imported late.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aiohttp
import httpx
import litellm
from litellm.llms.custom_httpx.aiohttp_transport import map_aiohttp_exceptions
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler
from litellm.llms.custom_httpx.llm_http_handler import BaseLLMHTTPHandler

Messages: TypeAlias = Sequence[Mapping[str, str]]

MOST_KINDS = 200
"""Kinds of requests kept, at most; more than any set of operators has."""
REFUSED = frozenset({401, 403, 404})
"""Statuses after which all kinds are worked out anew: the key or the base may have changed."""
DECODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that no longer hold of a body that aiohttp has decoded."""


_noted: ContextVar[dict[str, Any] | None] = ContextVar("_noted", default=None)
"""Where the request under way wants the handler's arguments put."""


class _NotingHandler(BaseLLMHTTPHandler):  # type: ignore[misc]  # litellm has no types
    """litellm's handler; it notes what litellm has worked out, for the request that asks for it."""

    def completion(self, **arguments: Any) -> Any:
        noted = _noted.get()
        if noted is not None and isinstance(arguments.get("provider_config"), litellm.OpenAIGPTConfig):
            noted.update(_fresh(arguments))
        return super().completion(**arguments)


_handler = litellm.main.base_llm_http_handler = _NotingHandler()


class SessionClient(AsyncHTTPHandler):  # type: ignore[misc]  # litellm has no types
    """litellm's HTTP client on an aiohttp session, without httpx's way through; it never sends anything twice."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(shared_session=session)
        self._session = session

    async def post(self, url: str, data: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        """Return the reply, read to its end; raises httpx's errors, as litellm's own client."""
        with map_aiohttp_exceptions():
            async with self._session.post(url, data=data, headers=headers) as answer:
                body = await answer.read()
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in DECODED]
        response = httpx.Response(answer.status, headers=kept, content=body)
        if not answer.ok:
            response.request = httpx.Request("POST", url)  # which costs as much as the rest, and only errors need
            response.raise_for_status()
        return response


@dataclass(slots=True)
class PreparedCalls:
    """The kinds of requests met on one aiohttp session. Belongs to its event loop."""

    session: aiohttp.ClientSession
    _kinds: dict[str, dict[str, Any]] = field(default_factory=dict)
    _client: SessionClient = field(init=False)

    def __post_init__(self) -> None:
        self._client = SessionClient(self.session)

    async def complete(self, kind: str, messages: Messages, **arguments: Any) -> Any:
        """Return litellm's reply. ``kind``: what tells requests apart that differ in more than their messages.

        ``arguments`` are those of ``litellm.acompletion``; raises what that raises.
        """
        prepared = self._kinds.get(kind)
        if prepared is not None:
            return await self._send(prepared, messages)
        noted: dict[str, Any] = {}
        token = _noted.set(noted)
        try:
            reply = await litellm.acompletion(messages=_copied(messages), shared_session=self.session, **arguments)
        finally:
            _noted.reset(token)
        if noted and len(self._kinds) < MOST_KINDS:
            self._kinds[kind] = noted
        return reply

    async def _send(self, prepared: Mapping[str, Any], messages: Messages) -> Any:
        own = {"messages": _copied(messages), "model_response": litellm.ModelResponse(), "client": self._client}
        try:
            return await _handler.completion(**{**_fresh(prepared), **own})
        except Exception as error:  # as litellm: whatever it is, it becomes one of OpenAI's errors
            if getattr(error, "status_code", None) in REFUSED:
                self._kinds.clear()
            raise litellm.exception_type(
                model=prepared["model"],
                custom_llm_provider=prepared["custom_llm_provider"],
                original_exception=error,
            ) from error

    async def aclose(self) -> None:
        """Close what litellm's client made; the session is its owner's."""
        await self._client.close()


def _copied(messages: Messages) -> list[dict[str, str]]:
    return [dict(message) for message in messages]


def _fresh(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the handler's arguments with copies of those it changes."""
    return {
        **arguments,
        "optional_params": copy.deepcopy(arguments["optional_params"]),
        "headers": dict(arguments["headers"] or {}),
        "litellm_params": dict(arguments["litellm_params"]),
    }
