"""The methods by name, and how the door calls one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rvbbit_proxy.llm.embeddings import Embedder
from rvbbit_proxy.llm.request import OfflineTask

Items: TypeAlias = Sequence[Mapping[str, Any]]
Method: TypeAlias = Callable[[Items, Mapping[str, Any], Embedder | None], list[Any]]
"""Answers items one by one, in order; ``arguments`` come from the cascade's YAML and serve all items."""

FAMILIES = ("predicates", "sentiment", "extract", "parse", "condense", "themes", "judging")
"""The modules that register methods."""

_methods: dict[str, Method] = {}


def offline_method(name: str) -> Callable[[Method], Method]:
    """Register a method."""

    def register(method: Method) -> Method:
        _methods[name] = method
        return method

    return register


def offline_methods() -> Mapping[str, Method]:
    """Return all methods by name."""
    for family in FAMILIES:
        importlib.import_module(f"rvbbit_proxy.llm.offline.{family}")
    return _methods


def answer_offline(task: OfflineTask, find_embedder: Callable[[], Embedder | None]) -> list[Any]:
    """Answer a task's items, in order. Computes: to be run on a thread."""
    return offline_methods()[task.method](task.items, task.arguments, find_embedder())
