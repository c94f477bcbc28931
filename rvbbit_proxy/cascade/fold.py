"""A group too large for one prompt: cut it into parts, never cut it off.

Pure arithmetic on texts; ``run`` asks about the parts and about their answers, and folds again if the answers are
too many in turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

PART_TOKENS = 48_000
"""How many tokens of texts one prompt may hold, by :func:`estimate_tokens`."""


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens, at least one: four bytes of UTF-8 each, as in English prose."""
    return max(1, (len(text.encode("utf-8", "surrogatepass")) + 3) // 4)


def fits(texts: Sequence[str], budget_tokens: int) -> bool:
    """Tell whether the distinct texts fit in one prompt."""
    return sum(_cost(text) for text in set(texts)) <= budget_tokens


def split_texts(texts: Sequence[str], budget_tokens: int) -> list[list[str]]:
    """Return the texts in parts that each fit, equal texts together, overlong ones cut at blanks.

    Nothing is lost: the parts hold every text as often as it was given.
    """
    counts = Counter(texts)
    parts: list[list[str]] = [[]]
    left = budget_tokens
    for text, count in counts.items():
        for piece in _pieces(text, budget_tokens):
            cost = _cost(piece)
            if cost > left and parts[-1]:
                parts.append([])
                left = budget_tokens
            parts[-1] += [piece] * count
            left -= cost
    return parts


def _cost(text: str) -> int:
    return estimate_tokens(text) + 2  # the bullet and the line break


def _pieces(text: str, budget_tokens: int) -> list[str]:
    """Cut a text that alone is over the budget, at blanks where there are any."""
    if _cost(text) <= budget_tokens:
        return [text]
    pieces: list[str] = []
    rest = text
    limit = max(1, budget_tokens - 3)
    while rest:
        end = _cut(rest, limit)
        pieces.append(rest[:end])
        rest = rest[end:]
    return pieces


def _cut(text: str, limit_tokens: int) -> int:
    """Return where to cut so that what is before is at most ``limit_tokens``: after a blank, if there is one."""
    end = min(len(text), limit_tokens * 4)
    while end > 1 and estimate_tokens(text[:end]) > limit_tokens:
        end = end * 3 // 4
    if end >= len(text):
        return len(text)
    blank = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    return blank + 1 if blank > 0 else max(1, end)
