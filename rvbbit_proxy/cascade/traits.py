"""The deterministic steps that ship with us, by the name that cells use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rvbbit_proxy.cascade.runtime import Run, Trait
from rvbbit_proxy.cascade.template import tally as tally_texts


async def cosine_similarity(items: Sequence[Mapping[str, Any]], run: Run) -> list[Any]:
    """Return how alike the embeddings of ``a`` and ``b`` are, 0 to 1; opposite counts as 0."""
    texts = list(dict.fromkeys(text for item in items for text in (item["a"], item["b"])))
    vectors = await run.runtime.door.embed(
        texts,
        run.ctx,
        model=run.options.embed_model,
        cascade_id=run.spec.cascade_id,
        cell_name=run.cell_name,
    )
    row = {text: number for number, text in enumerate(texts)}
    left = vectors[[row[item["a"]] for item in items]]
    right = vectors[[row[item["b"]] for item in items]]
    cosines = np.einsum("ij,ij->i", left, right, dtype=np.float64)
    return [float(value) for value in np.clip(cosines, 0.0, 1.0)]


async def tally(items: Sequence[Mapping[str, Any]], run: Run) -> list[Any]:
    """Return ``texts`` one a line, equal ones once with their count."""
    return [tally_texts(item["texts"]) for item in items]


BUILTIN_TRAITS: Mapping[str, Trait] = {"cosine_similarity": cosine_similarity, "tally": tally}
