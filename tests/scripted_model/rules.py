"""What a prompt is answered with: rules, usage and faults. Pure data, no sockets."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Message = Mapping[str, Any]
Answer = str | Callable[[Sequence[Message]], str] | Mapping[str, Any] | Sequence[Any]
When = str | re.Pattern[str] | Callable[[Sequence[Message]], bool]

EMBEDDING_DIMENSIONS = 64


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens an answer reports; None counts them by :func:`count_tokens`."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    reported: bool = True  # False: the reply has no usage at all


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong instead of an answer. ``hang`` holds the request until the server stops."""

    kind: Literal["status", "reset", "hang", "malformed"] = "status"
    status: int = 500
    message: str = "scripted fault"
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Answer the prompts that ``when`` accepts: a regex searched in the whole prompt, or a predicate of messages.

    ``answer`` is text, a function of the messages, or data to be sent as JSON text. ``times`` limits how often
    the rule answers; ``fault`` is what happens instead of an answer. ``first_token`` gives the probabilities of what
    the answer may begin with, for those who ask for log-probabilities.
    """

    when: When
    answer: Answer = ""
    usage: Usage = Usage()
    fault: Fault | None = None
    times: int | None = None
    latency_s: float | None = None
    model: str | None = None
    finish_reason: str = "stop"
    first_token: Callable[[Sequence[Message]], Mapping[str, float]] | None = None

    def accepts(self, messages: Sequence[Message], model: str) -> bool:
        """Tell whether this rule answers these messages, put to this model."""
        if self.model is not None and self.model != model:
            return False
        if callable(self.when):
            return self.when(messages)
        return re.search(self.when, prompt_of(messages), re.DOTALL | re.IGNORECASE) is not None

    def text(self, messages: Sequence[Message]) -> str:
        """Return the answer's text."""
        if callable(self.answer):
            return self.answer(messages)
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was seen. ``prompt`` is all contents joined by newlines, or the texts to embed."""

    path: str
    model: str
    prompt: str
    messages: Sequence[Message]
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def prompt_of(messages: Sequence[Message]) -> str:
    """Return the contents of all messages, joined by newlines."""
    return "\n".join(content_of(message) for message in messages)


def content_of(message: Message) -> str:
    """Return a message's text, its text parts joined when it has parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def count_tokens(text: str) -> int:
    """Return a token count any test can work out: the whitespace-separated words, at least one."""
    return max(1, len(text.split()))


def embedding_of(text: str) -> list[float]:
    """Return a deterministic unit vector: hashed words, so that texts sharing words are near."""
    vector = [0.0] * EMBEDDING_DIMENSIONS
    for word in re.findall(r"\w+", text.lower()) or [text]:
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        vector[digest[0] % EMBEDDING_DIMENSIONS] += 1.0 if digest[1] % 2 else -1.0
    norm = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / norm for x in vector]
