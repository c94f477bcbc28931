"""themes, cluster_labels: groups of like texts, each named by a phrase of one to three words out of them.

Groups: k-means over embeddings where a local model is there, else over TF-IDF of stems reduced by SVD. Names: the
phrase that many texts of the group and few others hold. Random states are fixed: the same texts, the same themes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rvbbit_proxy.llm.embeddings import Embedder
from rvbbit_proxy.llm.offline.registry import Items, offline_method
from rvbbit_proxy.llm.offline.words import NEGATIONS, STOP_WORDS, content_stems, stem, texts_in

DEFAULT_THEMES = 5
MAX_EMBEDDED = 600
"""Distinct texts that are embedded; more are compared by their words (about 170 texts a second otherwise)."""
MAX_PHRASE_WORDS = 3
PHRASE_BONUS = (1.0, 1.5, 1.7)
"""What a phrase of one, two, three words is worth: longer ones say more."""
WEAK_WORTH = 0.3
"""What a phrase is worth that starts or ends with a verb or adverb."""
_WEAK_STEMS = frozenset(
    map(
        stem,
        """see hear find observe watch spot describe report discover come go follow walk run stand cross hold say
        tell take look seem feel think want need use give keep start try call ask seen heard found""".split(),
    )
)
_COMPOUND = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Like texts: their indexes, their name, and how many texts they are, repeated ones counted."""

    members: tuple[int, ...]
    label: str
    size: int


@offline_method("themes")
def themes(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Name at most ``n`` themes of ``texts``, the most frequent first."""
    asked = [{**arguments, **item} for item in items]
    return [
        [cluster.label for cluster in clusters_of(Counter(texts_in(item["texts"])), _n(item), embedder)]
        for item in asked
    ]


@offline_method("cluster_labels")
def cluster_labels(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Return, for each of ``texts``, the name of its theme, of at most ``n``; None for a text without words."""
    return [
        _labels_of(texts_in(item["texts"]), _n(item), embedder) for item in ({**arguments, **i} for i in items)
    ]


def _n(item: Mapping[str, Any]) -> int:
    return max(1, int(item.get("n") or DEFAULT_THEMES))


def _labels_of(texts: Sequence[str], n: int, embedder: Embedder | None) -> list[str | None]:
    counts = Counter(texts)
    distinct = list(counts)
    label_of: dict[str, str] = {}
    for cluster in clusters_of(counts, n, embedder):
        label_of.update((distinct[member], cluster.label) for member in cluster.members)
    return [label_of.get(text) for text in texts]


def clusters_of(counts: Mapping[str, int], n: int, embedder: Embedder | None) -> list[Cluster]:
    """Group distinct texts (with how often each occurs) into at most n clusters, largest first."""
    texts = list(counts)
    spoken = [index for index, text in enumerate(texts) if content_stems(text)]
    if not spoken:
        return []
    weights = np.array([counts[texts[index]] for index in spoken], float)
    groups = _groups([texts[index] for index in spoken], weights, n, embedder)
    members = [tuple(spoken[row] for row in np.flatnonzero(groups == group)) for group in np.unique(groups)]
    sizes = [sum(counts[texts[index]] for index in group) for group in members]
    order = sorted(range(len(members)), key=lambda group: (-sizes[group], members[group]))
    labels = _labels([[texts[index] for index in members[group]] for group in order], counts)
    return [Cluster(members[group], label, sizes[group]) for group, label in zip(order, labels, strict=True)]


def _groups(
    texts: Sequence[str], weights: npt.NDArray[np.float64], n: int, embedder: Embedder | None
) -> npt.NDArray[np.int64]:
    """Return the group number of each text."""
    if n == 1 or len(texts) == 1:
        return np.zeros(len(texts), np.int64)
    if embedder is not None and len(texts) <= MAX_EMBEDDED:
        vectors: npt.NDArray[Any] = embedder.embed(texts)
    else:
        vectors = _reduced(texts)
    return _k_means(vectors, weights, min(n, len(np.unique(vectors.round(6), axis=0))))


def _k_means(vectors: npt.NDArray[Any], weights: npt.NDArray[np.float64], clusters: int) -> npt.NDArray[np.int64]:
    from sklearn.cluster import KMeans  # noqa: PLC0415  takes two seconds

    means = KMeans(clusters, n_init=4, random_state=0).fit(vectors, sample_weight=weights)
    groups: npt.NDArray[np.int64] = means.labels_.astype(np.int64)
    return groups


def _reduced(texts: Sequence[str]) -> npt.NDArray[Any]:
    """Return TF-IDF vectors of stems, of at most 50 dimensions, L2-normalised."""
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415  takes two seconds
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    terms = TfidfVectorizer(analyzer=content_stems, sublinear_tf=True).fit_transform(texts)
    dimensions = min(50, min(terms.shape) - 1)
    vectors = terms.toarray() if dimensions < 1 else TruncatedSVD(dimensions, random_state=0).fit_transform(terms)
    reduced: npt.NDArray[Any] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return reduced


def _labels(groups: Sequence[Sequence[str]], counts: Mapping[str, int]) -> list[str]:
    """Name each group by the phrase typical of it; no two names the same."""
    in_group = [_phrases(group, counts) for group in groups]
    everywhere: Counter[tuple[str, ...]] = Counter()
    for phrases in in_group:
        everywhere.update({stems: phrase.texts for stems, phrase in phrases.items()})
    total = sum(counts.values())
    names: list[str] = []
    for phrases in in_group:
        names.append(_best_phrase(phrases, everywhere, total, names))
    return names


@dataclass(slots=True)
class _Phrase:
    """How many texts hold a phrase, and in which forms."""

    texts: int
    forms: Counter[str]

    @property
    def form(self) -> str:
        """The phrase as it stands most often."""
        return self.forms.most_common(1)[0][0]


def _phrases(texts: Sequence[str], counts: Mapping[str, int]) -> dict[tuple[str, ...], _Phrase]:
    """Count the phrases of one to three content words that stand together, by stems, one per text."""
    found: dict[tuple[str, ...], _Phrase] = defaultdict(lambda: _Phrase(0, Counter()))
    for text in texts:
        seen: set[tuple[str, ...]] = set()
        for run in _runs(text):
            for stems, form in _spans(run, text):
                phrase = found[stems]
                phrase.forms[form] += counts[text]
                if stems not in seen:
                    seen.add(stems)
                    phrase.texts += counts[text]
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, or words joined by hyphens, and where it stands."""

    text: str
    stem: str
    start: int
    end: int


def _runs(text: str) -> list[list[_Token]]:
    """Split at stop words, at punctuation and at words that are only digits."""
    runs: list[list[_Token]] = [[]]
    for match in _COMPOUND.finditer(text):
        word = match[0].lower()
        bare = word in STOP_WORDS or word in NEGATIONS or word.isdigit() or len(word) < 2
        if bare or (runs[-1] and text[runs[-1][-1].end : match.start()].strip()):
            runs.append([])
        if not bare:
            runs[-1].append(_Token(word, stem(word), match.start(), match.end()))
    return runs


def _spans(run: Sequence[_Token], text: str) -> list[tuple[tuple[str, ...], str]]:
    """Return the stems of each phrase of a run, and the phrase as it stands in the text."""
    return [
        (
            tuple(token.stem for token in run[i : i + n]),
            " ".join(text[run[i].start : run[i + n - 1].end].lower().split()),
        )
        for n in range(1, MAX_PHRASE_WORDS + 1)
        for i in range(len(run) - n + 1)
    ]


def _weak(form: str) -> bool:
    """Tell whether a phrase starts or ends with a verb or adverb, as far as endings tell."""
    edges = (form.split()[0], form.split()[-1])
    return any(stem(word) in _WEAK_STEMS or ("-" not in word and word.endswith(("ed", "ly"))) for word in edges)


def _best_phrase(
    phrases: Mapping[tuple[str, ...], _Phrase],
    everywhere: Mapping[tuple[str, ...], int],
    total: int,
    taken: Sequence[str],
) -> str:
    def worth(stems: tuple[str, ...]) -> tuple[float, str]:
        here = phrases[stems].texts
        rare = np.log(1 + total / everywhere[stems])
        typical = here / everywhere[stems]
        strength = WEAK_WORTH if _weak(phrases[stems].form) else 1.0
        return (here * rare * typical * strength * PHRASE_BONUS[len(stems) - 1], " ".join(stems))

    for stems in sorted(phrases, key=worth, reverse=True):
        if phrases[stems].form not in taken:
            return phrases[stems].form
    return f"theme {len(taken) + 1}"
