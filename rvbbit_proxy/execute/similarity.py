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

Matrix = npt.NDArray[np.float32]
RIDGE = np.float32(0.5)
"""Weight against large coefficients; vectors have length 1."""


def can_compare(operator: Operator, options: RunOptions, services: Services) -> bool:
    """Whether similarity tells of the operator's answers, costs less than they do, and can be had.

    Words in common are no guide: without a model of embeddings, given or found, there is none.
    """
    if not operator.proxied or not operator.asks_model or options.model == OFFLINE:
        return False
    return options.embed_model != OFFLINE or services.door.embedder() is not None


async def embed_sides(
    operator: Operator, items: Sequence[Item], ctx: CallerContext, options: RunOptions, services: Services
) -> tuple[Matrix, Matrix]:
    """Return the vectors of the items' first two arguments, (n, d) each, L2-normalised.

    The embeddings are on the ledger; known texts cost nothing.
    """
    left, right = (arg.name for arg in operator.args[:2])
    sides = [[str(item[name]) for item in items] for name in (left, right)]
    texts = list(dict.fromkeys([*sides[0], *sides[1]]))
    cascade_id = operator.cascade.cascade_id
    matrix = await services.door.embed(texts, ctx, model=options.embed_model, cascade_id=cascade_id)
    row = {text: index for index, text in enumerate(texts)}
    lefts, rights = (matrix[[row[text] for text in side]] for side in sides)
    return lefts, rights


def cosines(lefts: Matrix, rights: Matrix) -> Matrix:
    """Return one cosine for each pair of rows, (n,)."""
    products: Matrix = np.einsum("ij,ij->i", lefts, rights)
    return products


def fit_scores(lefts: Matrix, rights: Matrix, known: Sequence[int], truths: Sequence[bool]) -> Matrix:
    """Return a score for each pair of rows, (n,), fitted to the answers of those that are known.

    Ridge regression, in its dual form, on the vectors that vary and on their cosines. Where the known answers are all
    the same there is nothing to fit: the cosines themselves are returned.
    """
    similarity = cosines(lefts, rights)
    if len(set(truths)) < 2:
        return similarity
    varying = lefts if (rights == rights[0]).all() else lefts * rights * np.float32(np.sqrt(lefts.shape[1]))
    spread = similarity.std() or np.float32(1)
    features = np.column_stack([varying - varying.mean(axis=0), (similarity - similarity.mean()) / spread])
    fitted = features[list(known)]
    target = np.array(truths, np.float32) - np.float32(np.mean(truths))
    weights = np.linalg.solve(fitted @ fitted.T + RIDGE * np.eye(len(fitted), dtype=np.float32), target)
    scores: Matrix = (features @ (fitted.T @ weights)).astype(np.float32)
    return scores
