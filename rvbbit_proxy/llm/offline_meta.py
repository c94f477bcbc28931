"""confidence_heuristic, context_overlap: what the machine says about answers, from word counts alone.

``confidence_heuristic`` knows nothing of the truth: an empty answer is worth nothing, an answer whose words
come from its input is more to be trusted than one whose words do not. ``context_overlap`` takes the share of
the answer's words that a message contains. Words are stems of content words, so both are poor judges of labels
and scores, and say so in their reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rvbbit_proxy.llm.offline.words import content_stems

PRESENT = 0.5
"""The confidence in an answer of which nothing can be said but that it is there and of the right type."""
FOREIGN = 0.3
"""The confidence in an answer none of whose words are in its input."""


def confidence_heuristic(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"confidence": 0 to 1, "reason": …}`` for an ``input`` and its ``output``.

    >>> confidence_heuristic({"input": {"text": "Cracks in the bridge"}, "output": "bridges crack"})["confidence"]
    0.8
    """
    output = item["output"]
    if output is None or output in ("", [], {}):
        return {"confidence": 0.0, "reason": "the answer is empty"}
    words = set(_stems(output))
    if not words:
        return {"confidence": PRESENT, "reason": "typed answer without words to compare"}
    share = len(words & set(_stems(item["input"]))) / len(words)
    return {
        "confidence": round(FOREIGN + (0.8 - FOREIGN) * share, 3),
        "reason": f"{share:.0%} of the answer's words are in the input",
    }


def context_overlap(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return ``{"message", "relevance", "reason"}`` for each message of ``context``, given the ``output``.

    >>> [entry["relevance"] for entry in context_overlap({"context": ["a bridge", "rain"], "output": "Bridges"})]
    [1.0, 0.0]
    """
    words = set(_stems(item["output"]))
    return [_overlap(number, set(_stems(text)), words) for number, text in enumerate(item["context"], start=1)]


def _overlap(number: int, message: set[str], words: set[str]) -> dict[str, Any]:
    share = len(words & message) / len(words) if words else 0.0
    reason = f"contains {share:.0%} of the answer's words" if words else "the answer has no words to compare"
    return {"message": number, "relevance": round(share, 3), "reason": reason}


def _stems(value: object) -> Iterator[str]:
    """Yield the stems of the content words in a text, or in the texts of a JSON value."""
    if isinstance(value, str):
        yield from content_stems(value)
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _stems(entry)
    elif isinstance(value, Sequence):
        for entry in value:
            yield from _stems(entry)
