"""confidence_heuristic, context_overlap: what the machine says about answers, for the meta cascades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rvbbit_proxy.llm.embeddings import Embedder
from rvbbit_proxy.llm.offline.registry import Items, offline_method
from rvbbit_proxy.llm.offline_meta import confidence_heuristic, context_overlap


@offline_method("confidence_heuristic")
def confidence(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Score the confidence in each ``output``, given its ``input``."""
    return [confidence_heuristic({**arguments, **item}) for item in items]


@offline_method("context_overlap")
def overlap(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Score how much of each message of ``context`` the ``output`` uses."""
    return [context_overlap({**arguments, **item}) for item in items]
