"""Vectors without a model: hashed character n-grams. Texts that share word parts are near; meaning is not seen.

Stateless, so a text's vector does not depend on what else is asked: the same input has the same answer.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from rvbbit_proxy.llm.embeddings import FloatArray

DIMENSIONS = 1024
_NGRAMS = (3, 4, 5)


class LexicalEmbedder:
    """An :class:`Embedder` of character n-grams of 3 to 5 within words; cosines are 0 to 1."""

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return (n, 1024) float32, L2-normalised; an empty text is a zero vector."""
        matrix = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in enumerate(texts):
            for gram, count in Counter(_grams(text)).items():
                matrix[row, _bucket(gram)] += 1 + np.log(count)
        normalised: FloatArray = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
        return normalised


def _grams(text: str) -> list[str]:
    words = [f" {word} " for word in re.findall(r"\w+", text.lower())]
    return [word[i : i + n] for word in words for n in _NGRAMS for i in range(len(word) - n + 1)]


def _bucket(gram: str) -> int:
    # not hash(): it differs from process to process
    return (
        int.from_bytes(hashlib.blake2b(gram.encode("utf-8", "surrogatepass"), digest_size=2).digest()) % DIMENSIONS
    )
