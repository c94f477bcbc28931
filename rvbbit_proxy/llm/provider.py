"""litellm, behind the door: loaded when first needed, quiet, without retries of its own.

Importing it takes seconds, so :meth:`Provider.preload` does it on a thread. Its exceptions become
:class:`ProviderFailure`, sorted into those worth a resend and the others. One aiohttp session carries all requests
of one event loop.
Source: https://docs.litellm.ai/docs/completion/input, https://docs.litellm.ai/docs/exception_mapping
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import numpy as np
import numpy.typing as npt

from rvbbit_proxy.caller import utc_now
from rvbbit_proxy.llm.prices import Usage, estimate_tokens
from rvbbit_proxy.llm.request import ModelRequest

if TYPE_CHECKING:
    from rvbbit_proxy.llm.prepared import PreparedCalls

_load_lock = threading.Lock()


class ProviderFailure(Exception):
    """A request that brought no answer. ``transient``: the same request may succeed if sent again."""

    def __init__(
        self,
        error_type: str,
        message: str,
        *,
        transient: bool,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.transient = transient
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Completion:
    """A provider's answer to a chat request."""

    text: str
    model: str
    usage: Usage
    finish_reason: str | None
    request_id: str | None
    tool_call_count: int = 0
    first_token: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vectors:
    """A provider's answer to an embedding request: (n, d) float32, L2-normalised, in the order of the texts."""

    matrix: npt.NDArray[np.float32]
    model: str
    usage: Usage


class Provider:
    """litellm for one event loop. ``complete`` and ``embed`` raise :class:`ProviderFailure`."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._prepared: PreparedCalls | None = None

    def preload(self) -> None:
        """Import litellm on a thread of its own, so that the first call need not wait for it."""
        threading.Thread(target=load_litellm, name="litellm-import", daemon=True).start()

    async def prepare(self) -> ModuleType:
        """Return litellm, loaded without holding up the event loop."""
        return _loaded if _loaded is not None else await asyncio.to_thread(load_litellm)

    async def complete(self, request: ModelRequest) -> Completion:
        """Send one chat completion."""
        await self.prepare()
        more: dict[str, Any] = dict(request.parameters)
        if request.response_format is not None:
            more["response_format"] = dict(request.response_format)
        roles = [message["role"] for message in request.messages]
        kind = json.dumps([request.model, roles, more], sort_keys=True, default=str)
        complete = partial(self._calls().complete, kind, request.messages, model=request.model, **more)
        return _completion(await self._send(complete), request)

    async def embed(self, model: str, texts: Sequence[str]) -> Vectors:
        """Send one embedding request."""
        litellm = await self.prepare()
        session = self._calls().session
        embed = partial(litellm.aembedding, model=model, input=list(texts), shared_session=session)
        response = await self._send(embed)
        return _vectors(response, model, texts)

    async def aclose(self) -> None:
        """Close the HTTP session, and forget litellm's clients, which would otherwise go on using it."""
        if self._prepared is not None:
            await self._prepared.aclose()
            await self._prepared.session.close()
            self._prepared = None
        if _loaded is not None:
            _loaded.in_memory_llm_clients_cache.flush_cache()

    def _calls(self) -> PreparedCalls:
        """Return the calls on this loop's one session."""
        # litellm has been imported before, and it imports aiohttp
        import aiohttp  # noqa: PLC0415

        from rvbbit_proxy.llm.prepared import PreparedCalls  # noqa: PLC0415

        if self._prepared is None:
            no_limit = aiohttp.ClientTimeout(total=None)  # _send has one of its own
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=no_limit, trust_env=bool(getproxies())
            )
            self._prepared = PreparedCalls(session)
        return self._prepared

    async def _send(self, function: Callable[..., Awaitable[Any]]) -> Any:
        # litellm has imported both long before
        import openai  # noqa: PLC0415
        from litellm._internal_context import is_internal_call  # noqa: PLC0415

        task = function(timeout=self._timeout_s, num_retries=0, max_retries=0, drop_params=True)
        # litellm then skips its own log of each answer, which nobody reads and which costs 0.7 ms of CPU
        internal = is_internal_call.set(True)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await task
        except TimeoutError as error:
            message = f"no answer within {self._timeout_s:g} s"
            raise ProviderFailure("Timeout", message, transient=True) from error
        except openai.OpenAIError as error:
            raise _failure(error) from error
        finally:
            is_internal_call.reset(internal)


_loaded: ModuleType | None = None


def load_litellm() -> ModuleType:
    """Import litellm once, quiet: no telemetry, no download of its price table, no prints."""
    global _loaded
    with _load_lock:
        if _loaded is None:
            os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            # its own HTTP client for OpenAI too, not the openai package: 0.9 ms of the loop's CPU a call, not 1.9
            os.environ.setdefault("EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER", "True")
            import litellm  # noqa: PLC0415  takes seconds

            litellm.telemetry = False
            litellm.suppress_debug_info = True
            # litellm works out a cost for each answer (0.7 ms of CPU); the ledger's is exact, and ours
            litellm.utils.update_response_metadata = _ignore
            for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
            gc.freeze()  # a million objects that stay: looking through them for garbage holds all threads for 0.3 s
            _loaded = litellm
    return _loaded


def _ignore(**_: Any) -> None:
    """Take litellm's place where it does what nobody reads."""


def price_table() -> Mapping[str, Mapping[str, Any]]:
    """Return litellm's prices in USD per token, by model; loads litellm."""
    table: Mapping[str, Mapping[str, Any]] = load_litellm().model_cost
    return table


def provider_name(model: str) -> str:
    """Return the provider in a litellm model id; a bare name is OpenAI's.

    >>> provider_name("ollama/llama3"), provider_name("gpt-5-mini")
    ('ollama', 'openai')
    """
    return model.partition("/")[0] if "/" in model else "openai"


def _failure(error: Any) -> ProviderFailure:
    status = getattr(error, "status_code", None)
    message = str(getattr(error, "message", None) or error)
    # below 400: a reply that litellm could not read; and an account without money stays so, whatever the status
    transient = status is None or status < 400 or status in (408, 409, 425, 429) or status >= 500
    return ProviderFailure(
        type(error).__name__,
        message,
        transient=transient and "insufficient_quota" not in message,
        status=status,
        retry_after_s=_retry_after_s(error),
    )


def _retry_after_s(error: Any) -> float | None:
    """Return the seconds that the provider asks to wait, None where it asks nothing that can be read.

    Source: RFC 9110, 10.2.3; retry-after-ms is OpenAI's and Azure's.
    """
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    ):
        for name, parse in _RETRY_AFTER.items():
            if headers and name in headers:
                try:
                    return max(0.0, parse(headers[name]))
                except (ValueError, TypeError):
                    continue
    return None


def _seconds_or_date(value: str) -> float:
    """Return Retry-After's seconds, whichever of its forms it has. Raises ValueError or TypeError."""
    if value[:1].isdigit():
        return float(value)
    return (parsedate_to_datetime(value) - utc_now()).total_seconds()


_RETRY_AFTER: Mapping[str, Callable[[str], float]] = {
    "retry-after-ms": lambda value: float(value) / 1000,
    "retry-after": _seconds_or_date,
}


def _completion(response: Any, request: ModelRequest) -> Completion:
    if not response.choices:
        raise ProviderFailure("EmptyAnswer", "the reply holds no choices", transient=True)
    choice = response.choices[0]
    text = choice.message.content or ""
    return Completion(
        text=text,
        model=response.model or request.model,
        usage=_usage(getattr(response, "usage", None), [m["content"] for m in request.messages], text),
        finish_reason=choice.finish_reason,
        request_id=response.id,
        tool_call_count=len(choice.message.tool_calls or ()),
        first_token=_first_token(getattr(choice, "logprobs", None)),
    )


def _first_token(logprobs: Any) -> dict[str, float]:
    """Return the log-probabilities of the first token's alternatives, by text."""
    tokens = getattr(logprobs, "content", None)
    if not tokens:
        return {}
    first = tokens[0]
    return {first.token: first.logprob, **{each.token: each.logprob for each in first.top_logprobs or ()}}


def _usage(usage: Any, prompt: Sequence[str], text: str) -> Usage:
    """Return the usage the provider reports, else one estimated from the texts."""
    if usage is None or not usage.prompt_tokens:
        return Usage(sum(map(estimate_tokens, prompt)), estimate_tokens(text), source="estimated")
    prompt_details = getattr(usage, "prompt_tokens_details", None)
    completion_details = getattr(usage, "completion_tokens_details", None)
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=getattr(prompt_details, "cached_tokens", None) or 0,
        cache_write_tokens=getattr(usage, "cache_creation_input_tokens", None) or 0,
        reasoning_tokens=getattr(completion_details, "reasoning_tokens", None) or 0,
    )


def _vectors(response: Any, model: str, texts: Sequence[str]) -> Vectors:
    rows = sorted(response.data, key=lambda row: row["index"])
    if len(rows) != len(texts):
        message = f"{len(rows)} vectors for {len(texts)} texts"
        raise ProviderFailure("EmptyAnswer", message, transient=True)
    matrix = np.array([row["embedding"] for row in rows], dtype=np.float32)
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    return Vectors(matrix, response.model or model, _usage(response.usage, texts, ""))
