"""The deterministic steps that ship with us, by the name that cells use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rvbbit_proxy.cascade.runtime import Run, Trait
from rvbbit_proxy.cascade.spec import OfflineSpec
from rvbbit_proxy.cascade.template import tally as tally_texts
from rvbbit_proxy.errors import ModelUnavailable
from rvbbit_proxy.llm.request import ModelRequest, OfflineTask
from rvbbit_proxy.settings import OFFLINE


async def cosine_similarity(items: Sequence[Mapping[str, Any]], run: Run) -> list[Any]:
    """Return how alike the embeddings of ``a`` and ``b`` are, 0 to 1; opposite counts as 0.

    Where neither an embedding model is configured nor a local one is found, the cascade's offline method answers.
    """
    texts = list(dict.fromkeys(text for item in items for text in (item["a"], item["b"])))
    try:
        vectors = await run.runtime.door.embed(
            texts,
            run.ctx,
            model=run.options.embed_model,
            cascade_id=run.spec.cascade_id,
            cell_name=run.cell_name,
        )
    except ModelUnavailable:
        if run.options.embed_model != OFFLINE or run.spec.offline is None:
            raise
        return await _answer_offline(run.spec.offline, items, run)
    row = {text: number for number, text in enumerate(texts)}
    left = vectors[[row[item["a"]] for item in items]]
    right = vectors[[row[item["b"]] for item in items]]
    cosines = np.einsum("ij,ij->i", left, right, dtype=np.float64)
    return [float(value) for value in np.clip(cosines, 0.0, 1.0)]


async def _answer_offline(offline: OfflineSpec, items: Sequence[Mapping[str, Any]], run: Run) -> list[Any]:
    request = ModelRequest(
        model=OFFLINE,
        messages=[{"role": "user", "content": f"{item['a']}\n{item['b']}"} for item in items],
        cascade_id=run.spec.cascade_id,
        cell_name=run.cell_name or "",
        offline=OfflineTask(offline.method, items, offline.arguments),
    )
    reply = await run.runtime.door.ask(request, run.ctx)
    return list(reply.values or ())


async def tally(items: Sequence[Mapping[str, Any]], run: Run) -> list[Any]:
    """Return ``texts`` one a line, equal ones once with their count."""
    return [tally_texts(item["texts"]) for item in items]


BUILTIN_TRAITS: Mapping[str, Trait] = {"cosine_similarity": cosine_similarity, "tally": tally}
