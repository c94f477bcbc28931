"""match, relevance, similarity, classify: how near a text is to a criterion, a topic, a text, a label.

Two judges: which of the criterion's words the text says (stems, words of like meaning, negation), and, where a
local model is there, the cosine of embeddings. Approximate: figures measured are in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rvbbit_proxy.llm.embeddings import Embedder, FloatArray
from rvbbit_proxy.llm.offline.lexical import LexicalEmbedder
from rvbbit_proxy.llm.offline.registry import Items, offline_method
from rvbbit_proxy.llm.offline.sentiment import sentiment_score
from rvbbit_proxy.llm.offline.thesaurus import SENSES, Sense, senses_of
from rvbbit_proxy.llm.offline.words import content_words, texts_in

SAID_IN_OTHER_WORDS = 0.8
"""What a word of like meaning counts, against 1 for the word itself."""
MATCH_COVERAGE = 0.5
"""The share of the criterion's words that must be said for a match."""
MATCH_COSINE = 0.45
"""MiniLM's cosine from which a text matches without saying any of the words."""
SENSE_COSINE = 0.25
"""The least cosine to a sense's examples for the nearest sense to mean anything."""
COSINE_FLOOR, COSINE_CEILING = 0.1, 0.7
"""MiniLM's cosines of unrelated and of equivalent texts, which become 0 and 1 of a relevance."""
SENTIMENT_LABELS = {"positive", "negative", "neutral", "mixed"}
REST_LABELS = ("other", "none", "unknown", "misc", "miscellaneous", "unclear", "neutral")


@offline_method("match")
def match(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Tell whether ``text`` says what ``criterion`` asks for."""
    return [_matches(text, criterion, embedder) for text, criterion in _pairs(items, arguments, embedder)]


@offline_method("relevance")
def relevance(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Score how relevant ``text`` is to ``criterion``, 0 to 1."""
    return [round(_relevance(text, topic, embedder), 4) for text, topic in _pairs(items, arguments, embedder)]


@offline_method("similarity")
def similarity(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Score how alike the texts ``a`` and ``b`` are, 0 to 1: the cosine of their vectors."""
    pairs = [(str(item["a"]), str(item["b"])) for item in ({**arguments, **item} for item in items)]
    judge = embedder or LexicalEmbedder()
    left, right = (judge.embed([pair[side] for pair in pairs]) for side in (0, 1))
    return [round(float(np.clip(cosine, 0, 1)), 4) for cosine in (left * right).sum(axis=1)]


@offline_method("classify")
def classify(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Return the one of ``labels`` (a list, or comma-separated) that fits ``text`` best; None when none does."""
    asked = [{**arguments, **item} for item in items]
    return [_best_label(str(item["text"]), _labels(item["labels"]), embedder) for item in asked]


def coverage(text: str, criterion: str) -> float:
    """Return the share of the criterion's words that the text says, in other words or its own, 0 to 1.

    >>> coverage("Footprints found near creek", "large footprints"), coverage("Nothing seen", "visual")
    (0.5, 0.0)
    """
    wanted = [word.stem for word in content_words(criterion)]
    said = {word.stem for word in content_words(text) if not word.negated}
    if not wanted:
        return 0.0
    return sum(_said(stem, said) for stem in wanted) / len(wanted)


def _said(stem: str, said: set[str]) -> float:
    if stem in said:
        return 1.0
    return SAID_IN_OTHER_WORDS if any(sense.stems & said for sense in senses_of(stem)) else 0.0


def _pairs(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[tuple[str, str]]:
    pairs = [(str(item["text"]), str(item["criterion"])) for item in ({**arguments, **item} for item in items)]
    if embedder is not None:  # in one go: batches of like length are several times faster
        embedder.embed([text for pair in pairs for text in pair])
    return pairs


def _matches(text: str, criterion: str, embedder: Embedder | None) -> bool:
    senses = [sense for word in content_words(criterion) for sense in senses_of(word.stem) if sense.examples]
    said = coverage(text, criterion) >= MATCH_COVERAGE * SAID_IN_OTHER_WORDS
    if embedder is None:
        return said
    if senses:
        return _nearest_sense(text, senses[0].kind, embedder) in senses if not said else not _negates(text, senses)
    return said or _cosine(text, criterion, embedder) >= MATCH_COSINE


def _negates(text: str, senses: Sequence[Sense]) -> bool:
    return any(word.negated and word.stem in sense.stems for word in content_words(text) for sense in senses)


def _nearest_sense(text: str, kind: str, embedder: Embedder) -> Sense | None:
    rivals = [sense for sense in SENSES if sense.kind == kind and sense.examples]
    cosines = [_best_cosine(text, sense.examples, embedder) for sense in rivals]
    best = int(np.argmax(cosines))
    return rivals[best] if cosines[best] >= SENSE_COSINE else None


def _relevance(text: str, topic: str, embedder: Embedder | None) -> float:
    said = coverage(text, topic)
    judge = embedder or LexicalEmbedder()
    cosine = _cosine(text, topic, judge)
    near = (cosine - COSINE_FLOOR) / (COSINE_CEILING - COSINE_FLOOR) if embedder else cosine
    # the cosine also ranks the texts that say equally much
    return float(np.clip(max(0.9 * said + 0.1 * cosine, near), 0, 1))


def _best_label(text: str, labels: Sequence[str], embedder: Embedder | None) -> str | None:
    if not labels:
        return None
    if {label.lower() for label in labels} <= SENTIMENT_LABELS:
        return _sentiment_label(text, labels)
    rest = [label for label in labels if label.lower() in REST_LABELS]
    real = [label for label in labels if label not in rest] or list(labels)
    scores = [_relevance(text, label, embedder) for label in real]
    best = int(np.argmax(scores))
    if scores[best] < 0.1:
        return rest[0] if rest else (real[best] if scores[best] > 0 else None)
    return real[best]


def _sentiment_label(text: str, labels: Sequence[str]) -> str:
    score = sentiment_score(text)
    name = "positive" if score > 0.1 else "negative" if score < -0.1 else "neutral"
    chosen = {label.lower(): label for label in labels}
    return chosen.get(name) or chosen.get("mixed") or labels[0]


def _labels(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else texts_in(value)
    return [label for part in parts if (label := part.strip())]


def _cosine(a: str, b: str, embedder: Embedder) -> float:
    return _best_cosine(a, (b,), embedder)


def _best_cosine(text: str, others: Sequence[str], embedder: Embedder) -> float:
    vectors: FloatArray = embedder.embed([text, *others])
    return float((vectors[1:] @ vectors[0]).max())
