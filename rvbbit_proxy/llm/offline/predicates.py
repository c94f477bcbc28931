"""match, relevance, similarity, classify: how near a text is to a criterion, a topic, a text, a label.

Two judges: which of the criterion's words the text says (stems, words of like meaning, negation), and, where a
local model is there, the cosine of embeddings. Approximate: figures measured are in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
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

    Words that name a sense ('footprints') weigh twice what others ('large') do.

    >>> coverage("Footprints found near creek", "two large footprints"), coverage("Nothing seen", "visual")
    (0.6666666666666666, 0.0)
    """
    weights = {word.stem: 2 if senses_of(word.stem) else 1 for word in content_words(criterion)}
    said = {word.stem for word in content_words(text) if not word.negated}
    if not weights:
        return 0.0
    return sum(weight * _said(stem, said) for stem, weight in weights.items()) / sum(weights.values())


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
    if coverage(text, criterion) >= MATCH_COVERAGE * SAID_IN_OTHER_WORDS:
        return True
    if embedder is None:
        return False
    wanted = {sense for word in content_words(criterion) for sense in senses_of(word.stem) if sense.examples}
    if not wanted:
        return _cosine(text, criterion, embedder) >= MATCH_COSINE
    kinds = {sense.kind for sense in wanted}
    said = {sense for word in content_words(text) if not word.negated for sense in senses_of(word.stem)}
    if any(sense.kind in kinds and sense.examples for sense in said):
        return False  # it says which sense it is of, and it is another one
    return _nearest_sense(text, kinds, embedder) in wanted


def _nearest_sense(text: str, kinds: Set[str], embedder: Embedder) -> Sense | None:
    rivals = [sense for sense in SENSES if sense.kind in kinds and sense.examples]
    cosines = [_best_cosine(text, sense.examples, embedder) for sense in rivals]
    best = int(np.argmax(cosines))
    return rivals[best] if cosines[best] >= SENSE_COSINE else None


def _relevance(text: str, topic: str, embedder: Embedder | None) -> float:
    said = coverage(text, topic)
    judge = embedder or LexicalEmbedder()
    cosine = _cosine(text, topic, judge)
    near = _nearness(cosine) if embedder else cosine
    # the cosine also ranks the texts that say equally much
    return float(np.clip(max(0.9 * said + 0.1 * cosine, near), 0, 1))


def _nearness(cosine: float) -> float:
    """Return a cosine of MiniLM as a score: 0 for unrelated texts, 1 for equivalent ones."""
    return float(np.clip((cosine - COSINE_FLOOR) / (COSINE_CEILING - COSINE_FLOOR), 0, 1))


def _best_label(text: str, labels: Sequence[str], embedder: Embedder | None) -> str | None:
    if not labels:
        return None
    if {label.lower() for label in labels} <= SENTIMENT_LABELS:
        return _sentiment_label(text, labels)
    rest = [label for label in labels if label.lower() in REST_LABELS]
    real = [label for label in labels if label not in rest] or list(labels)
    scores = [_label_score(text, label, embedder) for label in real]
    best = int(np.argmax(scores))
    if scores[best] < 0.1:
        return rest[0] if rest else (real[best] if scores[best] > 0 else None)
    return real[best]


def _label_score(text: str, label: str, embedder: Embedder | None) -> float:
    score = _relevance(text, label, embedder)
    examples = [e for word in content_words(label) for sense in senses_of(word.stem) for e in sense.examples]
    if embedder is None or not examples:
        return score
    return max(score, SAID_IN_OTHER_WORDS * _nearness(_best_cosine(text, examples, embedder)))


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
