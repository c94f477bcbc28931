"""What the machine says about answers without a model: plain counts, labelled approximate, cost zero.

``confidence_heuristic`` knows nothing of the truth: an empty answer is worth nothing, an answer whose words
come from its input is more to be trusted than one whose words do not. ``context_overlap`` takes the share of
the answer's words that a message contains. Both see words of three letters and more, without their endings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WORD = re.compile(r"[^\W_]{3,}")
_STEM_CHARS = 5

PRESENT = 0.5
"""The confidence in an answer of which nothing can be said but that it is there and of the right type."""


def confidence_heuristic(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"confidence": 0 to 1, "reason": …}`` for an ``input`` and its ``output``.

    >>> confidence_heuristic({"input": {"text": "cracks in the bridge"}, "output": "bridge cracks"})["confidence"]
    0.8
    """
    output = item["output"]
    if output in (None, "", [], {}):
        return {"confidence": 0.0, "reason": "the answer is empty"}
    words = set(_stems(output))
    if not words:
        return {"confidence": PRESENT, "reason": "typed answer without words to compare"}
    share = len(words & set(_stems(item["input"]))) / len(words)
    confidence = round(0.3 + PRESENT * share, 3)
    return {"confidence": confidence, "reason": f"{share:.0%} of the answer's words are in the input"}


def context_overlap(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return ``{"message", "relevance", "reason"}`` for each message of ``context``, given the ``output``."""
    words = set(_stems(item["output"]))
    return [_overlap(number, message, words) for number, message in enumerate(item["context"], start=1)]


def _overlap(number: int, message: str, words: set[str]) -> dict[str, Any]:
    share = len(words & set(_stems(message))) / len(words) if words else 0.0
    return {
        "message": number,
        "relevance": round(share, 3),
        "reason": f"contains {share:.0%} of the answer's words",
    }


def _stems(value: object) -> Iterator[str]:
    """Yield the first letters of each word in a text or in the texts of a JSON value."""
    if isinstance(value, str):
        for word in _WORD.findall(value.casefold()):
            yield word[:_STEM_CHARS]
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _stems(entry)
    elif isinstance(value, Sequence):
        for entry in value:
            yield from _stems(entry)
