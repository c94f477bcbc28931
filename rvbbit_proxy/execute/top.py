"""The inputs with the greatest scores, without scoring them all: the most similar first, until no more get in.

A shortlist of the inputs that are most similar to what they are compared with, by embeddings, is scored; then the
next most similar, a wave at a time, until a wave has brought none into the greatest k. Bound: an input further down
is missed only if it outscores the k-th though none of a whole wave of more similar ones did; were it as likely as
one of them, that happens to fewer than 3 in ``wave`` inputs (rule of three, 95 %). ``rvbbit.top_k = exhaustive``
scores every input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rvbbit_proxy.execute.batches import Item, batch_size
from rvbbit_proxy.execute.judging import Judged, judge, stage_inputs, together
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.execute.similarity import can_compare, cosines, embed_sides
from rvbbit_proxy.plan.plan import OperatorStage
from rvbbit_proxy.settings import OFFLINE, RunOptions

SHORTLIST_FACTOR = 5
LEAST_SHORTLIST = 50
LEAST_WAVE = 25
"""Inputs in a wave after the shortlist, at least."""
LOCAL_EMBED_S = 0.03
"""What a text of ``TEXT_TOKENS`` takes where the model of embeddings runs on this machine."""
TEXT_TOKENS = 70
CALL_S = 1.0
"""What a call takes, where none was seen."""


@dataclass(frozen=True, slots=True)
class Shortlist:
    """How many inputs are scored first, and in every wave after."""

    first: int
    wave: int


def shortlist(stage: OperatorStage, inputs: int, options: RunOptions, services: Services) -> Shortlist | None:
    """Return the shortlist of a stage with so many inputs; None where all of them are scored.

    They are where one prompt or two hold them, where a shortlist would be most of them, where nothing tells what is
    similar, and where this machine would take longer to find that out than the model to score them all.
    """
    if stage.top is None or options.top_k == "exhaustive" or not can_compare(stage.operator, options, services):
        return None
    batch = batch_size(stage.operator, options)
    wanted = max(SHORTLIST_FACTOR * stage.top, LEAST_SHORTLIST)
    first = math.ceil(wanted / batch) * batch
    wave = math.ceil(max(stage.top, LEAST_WAVE) / batch) * batch
    if inputs <= max(first + wave, 2 * batch) or _embeds_too_long(stage, inputs, batch, options, services):
        return None
    return Shortlist(first, wave)


def _embeds_too_long(
    stage: OperatorStage, inputs: int, batch: int, options: RunOptions, services: Services
) -> bool:
    """Whether embedding on this machine takes longer than asking about every input."""
    if options.embed_model != OFFLINE:
        return False
    seen = services.door.observed.find(stage.operator.cascade.cascade_id, options.model, batch * TEXT_TOKENS)
    rounds = math.ceil(inputs / batch / options.concurrency)
    return inputs * LOCAL_EMBED_S > rounds * (seen.seconds if seen is not None else CALL_S)


def top_method(stage: OperatorStage, ranked: Shortlist | None) -> str | None:
    """Return how the greatest scores are found, for EXPLAIN; None where a stage ranks nothing."""
    if stage.top is None:
        return None
    if ranked is None:
        return f"top {stage.top}, every input scored"
    return (
        f"top {stage.top}, of the {ranked.first} most similar by embeddings, "
        f"then {ranked.wave} at a time until none of {ranked.wave} gets in"
    )


def judge_top(stage: OperatorStage, inputs: pa.Table, request: StatementRequest, services: Services) -> Judged:
    """Answer the inputs that may be among the greatest ``stage.top``."""
    present, items = stage_inputs(stage, inputs)
    plan = shortlist(stage, len(items), request.options, services)
    if plan is None:
        return judge(stage, inputs, request, services)
    order = _most_similar(stage, items, request, services)
    done = [judge(stage, present.take(order[: plan.first]), request, services)]
    start, settled = plan.first, False
    while start < len(order) and not settled:
        least = _kth_greatest(done, stage.top or 0)
        wave = judge(stage, present.take(order[start : start + plan.wave]), request, services)
        scores = [value for value in wave.values if value is not None]
        settled = not any(score > least or (stage.ties_count and score == least) for score in scores)
        done.append(wave)
        start += plan.wave
    return together(stage, done)


def _most_similar(
    stage: OperatorStage, items: Sequence[Item], request: StatementRequest, services: Services
) -> list[int]:
    work = embed_sides(stage.operator, items, request.ctx, request.options, services)
    scores = cosines(*services.loop.run(work, request.ctx.cancel))
    return [int(index) for index in np.argsort(-scores, kind="stable")]


def _kth_greatest(done: Sequence[Judged], k: int) -> float:
    """Return the k-th greatest score; below every score where there are fewer."""
    values = sorted((value for part in done for value in part.values if value is not None), reverse=True)
    return float(values[k - 1]) if 0 < k <= len(values) else -math.inf if k else math.inf
