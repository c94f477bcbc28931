"""A door and a ledger for tests without the rooms below: scripted replies, everything kept in memory.

A request beyond the script fails the test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.cascade.runtime import Observer, Runtime
from rvbbit_proxy.cascade.spec import CascadeSpec
from rvbbit_proxy.cascade.traits import BUILTIN_TRAITS
from rvbbit_proxy.ledger.records import EventRecord, Record, SessionRecord
from rvbbit_proxy.llm.request import ModelReply, ModelRequest

ROOT = Path(__file__).parents[2]
Script = Callable[[ModelRequest], str | ModelReply]


def reply(
    text: str, *, model: str = "m", finish_reason: str = "stop", values: Sequence[object] | None = None
) -> ModelReply:
    """Return a reply as the door gives it."""
    return ModelReply(text, model, "fake", "interaction", "span", 10, 2, None, finish_reason, values)


@dataclass
class FakeDoor:
    """Answers from a list, or from a function of the request; an exception in the list is raised."""

    script: Script | list[str | ModelReply | BaseException] = field(default_factory=list)
    requests: list[ModelRequest] = field(default_factory=list)
    contexts: list[CallerContext] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)
    vectors: dict[str, Sequence[float]] = field(default_factory=dict)

    async def ask(self, request: ModelRequest, ctx: CallerContext) -> ModelReply:
        self.requests.append(request)
        self.contexts.append(ctx)
        if callable(self.script):
            given: str | ModelReply | BaseException = self.script(request)
        else:
            assert self.script, f"unscripted: {request.messages}"
            given = self.script.pop(0)
        if isinstance(given, BaseException):
            raise given
        return given if isinstance(given, ModelReply) else reply(given, model=request.model)

    async def embed(
        self,
        texts: Sequence[str],
        ctx: CallerContext,
        *,
        model: str | None = None,
        cascade_id: str | None = None,
        cell_name: str | None = None,
    ) -> NDArray[np.float32]:
        self.contexts.append(ctx)
        self.embedded += texts
        rows = np.array([self.vectors[text] for text in texts], dtype=np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@dataclass
class FakeLedger:
    """Keeps records in the order of recording."""

    records: list[Record] = field(default_factory=list)

    def note(self, *records: Record) -> None:
        self.record(*records)

    def record(self, *records: Record) -> None:
        self.records += records

    @property
    def sessions(self) -> list[SessionRecord]:
        """All session rows, running ones too."""
        return [record for record in self.records if isinstance(record, SessionRecord)]

    @property
    def ended(self) -> list[SessionRecord]:
        """The rows of ended runs, in the order of ending."""
        return [session for session in self.sessions if session.status != "running"]

    def spans(self, event_type: str) -> list[EventRecord]:
        """The spans of one type, in the order of ending."""
        events = [record for record in self.records if isinstance(record, EventRecord)]
        return [event for event in events if event.event_type == event_type]


def make_runtime(
    door: FakeDoor, cascades: dict[str, CascadeSpec], ledger: FakeLedger, *observers: Observer
) -> Runtime:
    """Return a runtime of these parts and the built-in traits."""
    return Runtime(door, ledger, cascades, BUILTIN_TRAITS, observers)


def bundled() -> dict[str, CascadeSpec]:
    """Return the cascades that ship with the product."""
    return load_cascades([ROOT / "cascades", ROOT / "traits"])


def written(folder: Path, *others: Path, **files: str) -> dict[str, CascadeSpec]:
    """Write cascade files, by id, and load them, with the cascades of other folders."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return load_cascades([*others, folder])
