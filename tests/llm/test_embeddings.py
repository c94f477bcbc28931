"""The local sentence model: its arithmetic on a tiny one made here, its meaning on the real one where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rvbbit_proxy.llm.embeddings import Bert, VectorCache, find_embedder
from rvbbit_proxy.llm.offline.lexical import LexicalEmbedder

LOCAL = find_embedder(None)
needs_local_model = pytest.mark.skipif(LOCAL is None, reason="no local sentence-embedding model")


def tiny_bert(width: int = 8, layers: int = 2) -> Bert:
    random = np.random.default_rng(7)

    def weight(*shape: int) -> np.ndarray:
        return random.normal(0, 0.3, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": weight(20, width),
        "embeddings.position_embeddings.weight": weight(16, width),
        "embeddings.token_type_embeddings.weight": weight(2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        linear = {f"{name}.attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        linear[f"{name}.attention.output.dense"] = (width, width)
        linear[f"{name}.intermediate.dense"] = (width * 4, width)
        linear[f"{name}.output.dense"] = (width, width * 4)
        for part, shape in linear.items():
            weights |= {f"{part}.weight": weight(*shape), f"{part}.bias": weight(shape[0])}
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
    for norm in norms:
        weights |= {f"{norm}.weight": 1 + weight(width), f"{norm}.bias": weight(width)}
    return Bert(weights, layers, heads=2, epsilon=1e-12)


def test_padding_changes_nothing() -> None:
    bert = tiny_bert()
    alone = bert.encode(np.array([[3, 5, 7]]), np.ones((1, 3), bool))
    padded_ids = np.array([[3, 5, 7, 0, 0], [1, 2, 3, 4, 5]])
    padded = bert.encode(padded_ids, padded_ids > 0)
    assert np.allclose(alone[0], padded[0, :3], atol=1e-5)


def test_order_of_tokens_counts() -> None:
    bert, mask = tiny_bert(), np.ones((1, 3), bool)
    forward, backward = (bert.encode(np.array([ids]), mask) for ids in ([3, 5, 7], [7, 5, 3]))
    assert not np.allclose(forward.mean(axis=1), backward.mean(axis=1), atol=1e-3)


def test_the_oldest_vector_is_dropped() -> None:
    cache = VectorCache(limit=2)
    cache.put_many("m", ["a", "b"], np.eye(2, dtype=np.float32))
    assert list(cache.get_many("m", ["a"])) == ["a"]
    cache.put_many("m", ["c"], np.ones((1, 2), np.float32))
    assert sorted(cache.get_many("m", ["a", "b", "c"])) == ["a", "c"]
    assert cache.get_many("other model", ["a"]) == {}


def test_no_folder_no_embedder(tmp_path: Path) -> None:
    assert find_embedder(tmp_path) is None


def test_lexical_vectors_are_the_same_in_every_process() -> None:
    (vector,) = LexicalEmbedder().embed(["cat"])
    assert np.flatnonzero(vector).tolist() == [69, 192, 262, 300, 679, 803]


@needs_local_model
def test_the_local_model_knows_meaning() -> None:
    assert LOCAL is not None
    texts = ["A man is eating food.", "A man eats something.", "The invoice was paid late."]
    vectors = LOCAL.embed(texts)
    assert vectors.shape == (3, 384) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.7 > 0.2 > vectors[0] @ vectors[2]


@needs_local_model
def test_a_vector_does_not_depend_on_the_batch() -> None:
    assert LOCAL is not None
    texts = [f"report number {n} " + "about the river " * (n % 7) for n in range(40)]
    fresh = find_embedder(None)  # no vectors kept yet
    assert fresh is not None
    alone = np.vstack([fresh.embed([text]) for text in texts])
    assert np.allclose(LOCAL.embed(texts), alone, atol=1e-5)
    assert np.array_equal(LOCAL.embed([texts[3], texts[3]])[0], LOCAL.embed(texts)[3])
    assert LOCAL.embed([]).shape[0] == 0
