"""condense, summarize: the sentences of a text, or of many, that say most of what the whole says.

Sentences are taken out as they stand, never written. Source: centroid summaries, Radev et al. 2004; no two that
say the same, Carbonell & Goldstein 1998 (MMR).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rvbbit_proxy.llm.embeddings import Embedder
from rvbbit_proxy.llm.offline.predicates import coverage
from rvbbit_proxy.llm.offline.registry import Items, offline_method
from rvbbit_proxy.llm.offline.words import content_stems, sentences_of, texts_in

CONDENSED_WORDS = 20
SUMMARY_SENTENCES = 3
MAX_SENTENCES = 2000
"""Sentences looked at; of more, evenly spread ones."""
SAMENESS_WEIGHT = 0.6
"""What likeness to a sentence already chosen costs, in cosines to the centre."""
WISH_WEIGHT = 0.7


@offline_method("condense")
def condense(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Say ``text`` in its most central sentence, cut at a clause near ``max_words``."""
    asked = [{**arguments, **item} for item in items]
    return [condense_one(str(item["text"]), int(item.get("max_words") or CONDENSED_WORDS)) for item in asked]


@offline_method("summarize")
def summarize(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Summarize ``texts`` in ``sentences`` of them (3), following ``instruction`` where there is one."""
    asked = [{**arguments, **item} for item in items]
    return [
        summarize_one(
            texts_in(item["texts"]),
            str(item.get("instruction") or ""),
            int(item.get("sentences") or SUMMARY_SENTENCES),
        )
        for item in asked
    ]


def condense_one(text: str, max_words: int = CONDENSED_WORDS) -> str:
    """Return the most central sentence, cut at a clause near ``max_words``."""
    sentences = sentences_of(text)
    if not sentences:
        return text.strip()
    counts = Counter(content_stems(text))

    def weight(sentence: str) -> float:
        # of few sentences none is at the centre, so what counts is how much of the text's matter one holds
        stems = set(content_stems(sentence))
        return sum(counts[stem] for stem in stems) / math.sqrt(max(1, len(sentence.split())))

    return _shortened(max(sentences, key=weight), max_words)


def summarize_one(texts: Sequence[str], instruction: str = "", sentences: int = SUMMARY_SENTENCES) -> str:
    """Return the most central sentences of all texts, in the order of the texts; equal sentences count as one."""
    found = Counter(sentence for text in texts for sentence in sentences_of(text))
    if not found:
        return ""
    every = list(found)
    step = max(1, -(-len(every) // MAX_SENTENCES))
    kept = every[::step]
    chosen = _central(kept, sentences, [found[sentence] for sentence in kept], instruction)
    return " ".join(_ended(kept[index]) for index in sorted(chosen))


def _central(
    sentences: Sequence[str], count: int, weights: Sequence[int] | None = None, instruction: str = ""
) -> list[int]:
    """Return the indexes of the sentences nearest to the centre and unlike each other, best first."""
    vectors = _vectors(sentences)
    centre = np.average(vectors, axis=0, weights=weights)
    scores = vectors @ (centre / max(float(np.linalg.norm(centre)), 1e-12))
    if instruction:
        scores = scores + WISH_WEIGHT * np.array([coverage(sentence, instruction) for sentence in sentences])
    chosen: list[int] = []
    sameness = np.zeros(len(sentences))
    while len(chosen) < min(count, len(sentences)):
        rank = scores - SAMENESS_WEIGHT * sameness
        rank[chosen] = -np.inf
        chosen.append(int(np.argmax(rank)))
        sameness = np.maximum(sameness, vectors @ vectors[chosen[-1]])
    return chosen


def _vectors(sentences: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return (n, words) term counts, damped by log, L2-normalised; a long sentence is no nearer for its length."""
    stems = [content_stems(sentence) for sentence in sentences]
    shared = Counter(stem for one in stems for stem in set(one))
    columns = {stem: column for column, (stem, _) in enumerate(shared.most_common(4000))}
    matrix = np.zeros((len(sentences), max(1, len(columns))))
    for row, one in enumerate(stems):
        for stem, count in Counter(one).items():
            if stem in columns:
                matrix[row, columns[stem]] = 1 + np.log(count)
    normalised: npt.NDArray[np.float64] = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    return normalised


def _shortened(sentence: str, max_words: int) -> str:
    """Cut a long sentence where its last clause within ``max_words`` ends, else at the word."""
    if len(sentence.split()) <= max_words:
        return sentence
    head = " ".join(sentence.split()[:max_words])
    clause = re.match(r"(.{20,})[,;:]\s", head, re.DOTALL)
    return (clause[1] if clause else head).rstrip(" ,;:") + ("." if clause else " …")


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
