"""Cache keys of inputs; those of texts that came before are remembered, by text.

A key is a hash of an input with its operator and constants, and takes longer to work out than to look up: so a column
of texts whose answers are all kept is answered without a step for each. Only keys are remembered here: whether there is
an answer, and how old, is the cache's to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.execute.batches import Item
from rvbbit_proxy.llm.cache import ResultCache, cache_keys
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.plan.plan import OperatorStage
from rvbbit_proxy.settings import RunOptions

REMEMBERED_BYTES = 32_000_000
KEY_BYTES = 121
"""What a key takes in memory, beside its text."""


def max_age_s(operator: Operator, options: RunOptions) -> float | None:
    """Return how old a kept answer may be; None is any age. The shorter of operator's and session's counts."""
    return min(filter(None, (operator.cache_ttl_s, options.cache_ttl_s)), default=None)


def item_keys(operator: Operator, options: RunOptions, items: Sequence[Item]) -> list[str]:
    """Return the cache keys of inputs under these options."""
    return cache_keys(operator.version, options.model, {"embed_model": options.embed_model}, items)


@dataclass(frozen=True, slots=True)
class _Texts:
    """Distinct texts, and the key of each."""

    texts: pa.Array
    keys: list[str]

    @property
    def nbytes(self) -> int:
        return int(self.texts.nbytes) + len(self.keys) * KEY_BYTES


class RememberedKeys:
    """Keys by operator, model and constants, then by text; of ``limit_bytes`` at most. Safe from any thread."""

    def __init__(self, limit_bytes: int = REMEMBERED_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: dict[tuple[str, ...], _Texts] = {}  # what was used last is last
        self._lock = threading.Lock()

    def answers(
        self, stage: OperatorStage, texts: pa.ChunkedArray, options: RunOptions, cache: ResultCache
    ) -> list[Any] | None:
        """Return the kept answers to a stage's distinct texts, in their order; None where one is lacking."""
        if options.cache != "on" or not stage.operator.cached:
            return None
        keys = self.keys(stage, texts.combine_chunks(), options)
        return cache.get_all(keys, max_age_s=max_age_s(stage.operator, options))

    def keys(self, stage: OperatorStage, texts: pa.Array, options: RunOptions) -> list[str]:
        """Return the cache keys of distinct texts, each the only argument that is no constant."""
        name = (
            stage.operator.version,
            options.model,
            options.embed_model,
            repr(stage.constants),
            *stage.arguments,
        )
        with self._lock:
            kept = self._kept.get(name, _Texts(texts.slice(0, 0), []))
        places = pc.index_in(texts, value_set=kept.texts)
        if places.null_count:
            kept = self._extended(kept, texts.filter(places.is_null()), stage, options)
            places = pc.index_in(texts, value_set=kept.texts)
        with self._lock:
            self._keep(name, kept)
        return [kept.keys[place] for place in places.to_numpy().tolist()]

    @staticmethod
    def _extended(kept: _Texts, new: pa.Array, stage: OperatorStage, options: RunOptions) -> _Texts:
        (argument,), constants = stage.arguments, dict(stage.constants)
        items = [{**constants, argument: text} for text in new.to_pylist()]
        keys = item_keys(stage.operator, options, items)
        return _Texts(pa.concat_arrays([kept.texts, new]), [*kept.keys, *keys])

    def _keep(self, name: tuple[str, ...], texts: _Texts) -> None:
        """Keep texts as the last used; forget what was used least lately, as long as there is too much."""
        self._kept.pop(name, None)
        self._kept[name] = texts
        while sum(each.nbytes for each in self._kept.values()) > self._limit_bytes:
            del self._kept[next(iter(self._kept))]
