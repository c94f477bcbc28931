"""Looks at a statement's text that are taken once: clients repeat their statements, and a look costs microseconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

KEPT_TEXTS = 2048
LONGEST_KEPT = 4096
"""In characters: what is longer is data more than statement, and seldom comes again."""

P = ParamSpec("P")
R = TypeVar("R")


def remembered(look: Callable[Concatenate[str, P], R]) -> Callable[Concatenate[str, P], R]:
    """Keep the answers of a pure function whose first argument is a text and whose others are hashable."""
    kept = lru_cache(KEPT_TEXTS)(look)

    @wraps(look)
    def answer(text: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if len(text) > LONGEST_KEPT:
            return look(text, *args, **kwargs)
        return kept(text, *args, **kwargs)  # type: ignore[arg-type]  # hashable, as said above

    return answer
