"""How similar an operator's first two arguments are, by embeddings: a guide to its answers, made without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.execute.batches import Item
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.settings import OFFLINE, RunOptions


def can_compare(operator: Operator, options: RunOptions, services: Services) -> bool:
    """Whether similarity tells of the operator's answers, costs less than they do, and can be had.

    Words in common are no guide: without a model of embeddings, given or found, there is none.
    """
    if not operator.proxied or not operator.asks_model or options.model == OFFLINE:
        return False
    return options.embed_model != OFFLINE or services.door.embedder() is not None


async def similarities(
    operator: Operator, items: Sequence[Item], ctx: CallerContext, options: RunOptions, services: Services
) -> npt.NDArray[np.float32]:
    """Return one cosine per item, (n,) float32; the embeddings are on the ledger, known texts cost nothing."""
    left, right = (arg.name for arg in operator.args[:2])
    sides = [[str(item[name]) for item in items] for name in (left, right)]
    texts = list(dict.fromkeys([*sides[0], *sides[1]]))
    cascade_id = operator.cascade.cascade_id
    matrix = await services.door.embed(texts, ctx, model=options.embed_model, cascade_id=cascade_id)
    row = {text: index for index, text in enumerate(texts)}
    lefts, rights = (matrix[[row[text] for text in side]] for side in sides)
    cosines: npt.NDArray[np.float32] = np.einsum("ij,ij->i", lefts, rights)
    return cosines
