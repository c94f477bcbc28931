"""What a run needs from outside, what it tells afterwards, and the run itself as a value.

Doors are protocols: the real ones are ``llm``'s and ``ledger``'s, tests bring their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.spec import CascadeSpec, LlmCell
from rvbbit_proxy.ledger.records import CacheRecord, Record, SessionRecord
from rvbbit_proxy.llm.request import ModelReply, ModelRequest
from rvbbit_proxy.settings import RunOptions


class Door(Protocol):
    """The one way to a model."""

    async def ask(self, request: ModelRequest, ctx: CallerContext) -> ModelReply:
        """Return the model's reply, recorded."""
        ...

    async def embed(
        self,
        texts: Sequence[str],
        ctx: CallerContext,
        *,
        model: str | None = None,
        cascade_id: str | None = None,
        cell_name: str | None = None,
    ) -> NDArray[np.float32]:
        """Return one L2-normalised row per text."""
        ...


class AnswerCache(Protocol):
    """Where answers are kept between statements: ``llm.cache.ResultCache``, which says more of each method."""

    def get_many(self, keys: Iterable[str], *, max_age_s: float | None = None) -> dict[str, Any]:
        """Return the known answers among these keys."""
        ...

    def put_many(self, records: Sequence[CacheRecord]) -> None:
        """Keep answers."""
        ...

    async def answers(
        self,
        keys: Sequence[str],
        ask: Callable[[Sequence[str]], Awaitable[None]],
        *,
        refresh: bool = False,
        max_age_s: float | None = None,
    ) -> dict[str, Any]:
        """Return the answers of keys, asking only for those nobody has and nobody is asking for."""
        ...


class Recorder(Protocol):
    """What a run asks of the ledger."""

    def record(self, *records: Record) -> None:
        """Take records; never blocks on the store."""
        ...

    def note(self, *records: Record) -> None:
        """Take records that may wait for the next ones recorded."""
        ...


@dataclass(frozen=True, slots=True)
class ContextMessage:
    """One message of a cell's context; ``trace_id`` is the span of the cell that it came from."""

    trace_id: str
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class CellEnded:
    """One cell of an ended run. ``model`` is None for a cell that asked none."""

    name: str
    trace_id: str
    context_messages: tuple[ContextMessage, ...]
    output: Any
    model: str | None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """One run that ended, well or not (see ``session.status``), with the cells that were completed.

    ``ctx`` is the context inside the run: its ``session_id`` is the run's.
    """

    session: SessionRecord
    cells: tuple[CellEnded, ...]
    ctx: CallerContext
    options: RunOptions


Observer: TypeAlias = Callable[[RunEnded], None]


class Trait(Protocol):
    """A deterministic step in Python: one answer per item, in order. Errors leave as RvbbitError."""

    def __call__(self, items: Sequence[Mapping[str, Any]], run: Run) -> Awaitable[list[Any]]:
        """Answer the items."""
        ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """The doors and the loaded cascades that runs share; one per process. ``cache``: for the parts of a fold."""

    door: Door
    ledger: Recorder
    cascades: Mapping[str, CascadeSpec]
    traits: Mapping[str, Trait] = field(default_factory=dict)
    observers: Sequence[Observer] = ()
    cache: AnswerCache | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run under way. ``ctx`` hangs new spans under its ``trace_id``; ``cell_name`` is the cell at work."""

    spec: CascadeSpec
    ctx: CallerContext
    parent_session_id: str | None
    options: RunOptions
    runtime: Runtime
    cell_name: str | None = None

    def model_of(self, cell: LlmCell) -> str:
        """Return the model that the cell asks: its own, else the statement's."""
        return cell.model or self.options.model
