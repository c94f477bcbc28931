"""What goes through the door to a model, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class OfflineTask:
    """How the machine itself answers: a method of ``llm.offline`` and its arguments, from the cell's YAML.

    ``items`` holds one mapping of arguments per input of a batch, exactly one where the call is single.
    """

    method: str
    items: Sequence[Mapping[str, Any]]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One chat completion to be asked. ``model`` is a litellm id or ``offline``."""

    model: str
    messages: Sequence[Mapping[str, str]]
    cascade_id: str
    cell_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)  # temperature, max_tokens, …: litellm's names
    response_format: Mapping[str, Any] | None = None
    offline: OfflineTask | None = None
    attempt: int = 1
    iteration: int | None = None
    result_cache: str | None = None


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A model's answer with its account. Recorded before it is returned; ``cost_usd`` None is unpriced.

    ``values``: for an offline task, one answer per item, already typed; None from a real model. ``first_token``: the
    log-probabilities of what the answer may begin with, by text; empty where they were not asked for, or not given.
    """

    text: str
    model: str
    provider: str
    interaction_id: str
    trace_id: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None
    finish_reason: str | None = None
    values: Sequence[Any] | None = None
    first_token: Mapping[str, float] = field(default_factory=dict)
