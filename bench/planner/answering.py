"""Who answers which system's prompts, and what an answer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ours_answers
import peer_answers
from scripted_model.rules import content_of
from truth import Truth


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the task it is for, its messages (role, content), and the whole body."""

    task: str
    messages: Sequence[Mapping[str, Any]]
    body: Mapping[str, Any]

    @property
    def system(self) -> str:
        """What the system messages say."""
        return "\n".join(content_of(m) for m in self.messages if m["role"] in ("system", "developer"))

    @property
    def prompt(self) -> str:
        """What the last message says."""
        return content_of(self.messages[-1])


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: text, or the arguments of a call to ``tool`` as JSON text."""

    text: str
    tool: str | None = None


Answerer = Callable[[Asked, Truth], Reply]


def _ours(asked: Asked, truth: Truth) -> Reply:
    return Reply(ours_answers.answer(asked.task, asked.system, asked.prompt, truth))


def _openaivec(asked: Asked, truth: Truth) -> Reply:
    return Reply(peer_answers.openaivec(asked.task, asked.prompt, truth))


def _thalamusdb(asked: Asked, truth: Truth) -> Reply:
    parts = [part["text"] for part in asked.messages[-1]["content"]]
    return Reply(peer_answers.thalamusdb(asked.task, parts, truth))


def _blendsql(asked: Asked, truth: Truth) -> Reply:
    return Reply(peer_answers.blendsql(asked.task, asked.prompt, truth))


def _docetl(asked: Asked, truth: Truth) -> Reply:
    function = asked.body["tools"][0]["function"]
    wanted = list(function["parameters"]["properties"])
    return Reply(peer_answers.by_names(asked.task, asked.prompt, wanted, truth), function["name"])


def _lotus(asked: Asked, truth: Truth) -> Reply:
    return Reply(peer_answers.lotus(asked.task, asked.prompt, truth))


def _fenic(asked: Asked, truth: Truth) -> Reply:
    schema = asked.body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    wanted = list(schema.get("properties", {}))
    if not wanted:
        return Reply(str(peer_answers.truth_of(asked.task, asked.prompt, truth)))
    return Reply(peer_answers.by_names(asked.task, asked.prompt, wanted, truth))


ANSWERERS: dict[str, Answerer] = {
    "ours": _ours,
    "blendsql": _blendsql,
    "docetl": _docetl,
    "fenic": _fenic,
    "lotus-ai": _lotus,
    "openaivec": _openaivec,
    "thalamusdb": _thalamusdb,
}
