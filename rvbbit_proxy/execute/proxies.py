"""Model cascades: a cheap proxy decides the clear cases of a predicate, the model the rest.

The proxy gives every input a score. It is made of the embeddings of the predicate's arguments: their similarity, to
which the model's answers to a first sample are fitted; or it is a small model (``rvbbit.proxy_model``), and the score
is how likely that finds the predicate true. The other inputs fall into strata of equal size by it; a sample, as large in
each stratum, is judged by the model. From either end strata are added to a zone that the
proxy decides, as long as the sample proves that in the zone proxy and model agree as often as asked: an exact
binomial test of one zone after the other, each end at half of what may go wrong, so that both bounds hold together
with :data:`CONFIDENCE`. Nor may the sample show that more than the allowed share of what is true, or of what is false,
is decided wrongly: else a predicate that is rarely true would be decided by never saying so. What the proxy decides is
not put into the cache. Sources: Kang et al. 2022 (SUPG), fixed-sequence tests (Maurer et al. 1995).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.execute.answers import NOTHING, Answers, answer_inputs, known_answers
from rvbbit_proxy.execute.batches import Item
from rvbbit_proxy.execute.keys import item_keys
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.execute.similarity import Matrix, can_compare, cosines, embed_sides, fit_scores
from rvbbit_proxy.execute.small_model import can_score, score_items
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.settings import RunOptions

CONFIDENCE = 0.95
STRATA = 20
SAMPLE_SHARE = 0.2
MOST_SAMPLED = 1000
FITTED_SHARE = 0.5
"""The first sample, which the proxy is fitted to, as a share of the second, which proves it."""
LEAST_GAIN = 1
"""Inputs not sampled, for one that is, at least; else the model is asked for all."""


@dataclass(frozen=True, slots=True)
class Zones:
    """How many strata the proxy decides: the least similar are false, the most similar true."""

    false: int
    true: int


def wanted_accuracy(operator: Operator, options: RunOptions, services: Services) -> float | None:
    """Return the share of answers that has to agree with the model; None where no proxy may answer."""
    accuracy = options.accuracy if options.accuracy is not None else operator.accuracy
    if accuracy is None or operator.returns != "boolean" or operator.shape != "scalar":
        return None
    return accuracy if can_score(operator, options) or can_compare(operator, options, services) else None


def sample_size(inputs: int, accuracy: float) -> int:
    """Return how many inputs the model judges to prove the proxy; 0 where that would not pay.

    >>> sample_size(1200, 0.95), sample_size(100, 0.95), sample_size(100_000, 0.9)
    (240, 0, 1000)
    """
    least = 2 * least_proof(accuracy)
    wanted = min(max(least, math.ceil(inputs * SAMPLE_SHARE)), max(MOST_SAMPLED, least))
    each = math.ceil(wanted / STRATA)
    sampled = each * STRATA * (1 + FITTED_SHARE)
    return each * STRATA if sampled * (1 + LEAST_GAIN) <= inputs else 0


def least_proof(accuracy: float) -> int:
    """Return how many samples without a fault prove a zone.

    >>> least_proof(0.95), least_proof(0.9)
    (72, 36)
    """
    return math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(accuracy))


async def answer_cascaded(
    operator: Operator,
    items: Sequence[Item],
    ctx: CallerContext,
    options: RunOptions,
    services: Services,
    given: Mapping[str, Any] = NOTHING,
) -> Answers:
    """Answer every item as :func:`answer_inputs` does, the clear cases by the proxy where that is allowed."""
    accuracy = wanted_accuracy(operator, options, services)
    unknown = _unknown(operator, items, options, services) if accuracy is not None else []
    size = sample_size(len(unknown), accuracy) if accuracy is not None else 0
    if accuracy is None or not size:
        return await answer_inputs(operator, items, ctx, options, services, given)

    async def ask(asked: Sequence[int]) -> Answers:
        return await answer_inputs(operator, [items[index] for index in asked], ctx, options, services)

    if can_score(operator, options):
        scored = await _score(operator, items, unknown, ctx, options, services)
    else:
        lefts, rights = await embed_sides(operator, [items[index] for index in unknown], ctx, options, services)
        scored = await _fit(lefts, rights, unknown, int(size * FITTED_SHARE), ask)
    strata = _strata(scored.scores)
    size = min(size, STRATA * min(map(len, strata)))
    samples = _draw(strata, size)
    second = [index for sample in samples for index in sample]
    proving = await ask(second)
    truths = dict(zip(second, proving.values, strict=True))
    zones = find_zones([[truths[index] for index in sample] for sample in samples], accuracy)
    truths |= dict(zip(scored.asked, scored.answers.values, strict=True))
    decided = _decide(strata, zones, truths)
    rest = [index for index in range(len(items)) if index not in truths and index not in decided]
    asked = await ask(rest)
    values = {**truths, **decided, **dict(zip(rest, asked.values, strict=True))}
    parts = (scored.answers, proving, asked)
    return Answers(
        values=[values[index] for index in range(len(items))],
        cached=sum(part.cached for part in parts),
        runs=sum(part.runs for part in parts),
        failed=sum(part.failed for part in parts),
        first_error=next((part.first_error for part in parts if part.first_error), None),
        decided=len(decided),
        sampled=len(truths),
        proxy_model=options.proxy_model if can_score(operator, options) else None,
    )


@dataclass(frozen=True, slots=True)
class _Scored:
    """What a proxy makes of inputs: scores by position, and the model's answers to those it was fitted to."""

    scores: Mapping[int, float]
    asked: Sequence[int] = ()
    answers: Answers = field(default_factory=lambda: Answers([]))


async def _fit(
    lefts: Matrix,
    rights: Matrix,
    unknown: Sequence[int],
    size: int,
    ask: Callable[[Sequence[int]], Awaitable[Answers]],
) -> _Scored:
    """Score by embeddings, one pair of rows for each of the unknown inputs, fitted to a sample of so many."""
    strata = _strata(dict(enumerate(cosines(lefts, rights).tolist())))
    rows = [row for sample in _draw(strata, size) for row in sample]
    asked = [unknown[row] for row in rows]
    answers = await ask(asked)
    known = [(row, value) for row, value in zip(rows, answers.values, strict=True) if value is not None]
    scores = fit_scores(lefts, rights, [row for row, _ in known], [value for _, value in known]).tolist()
    taken = set(asked)
    left = {index: score for index, score in zip(unknown, scores, strict=True) if index not in taken}
    return _Scored(left, asked, answers)


async def _score(
    operator: Operator,
    items: Sequence[Item],
    unknown: Sequence[int],
    ctx: CallerContext,
    options: RunOptions,
    services: Services,
) -> _Scored:
    """Score by the small model; what it does not tell of is left to the other."""
    scores = await score_items(operator, [items[index] for index in unknown], ctx, options, services)
    return _Scored({index: score for index, score in zip(unknown, scores, strict=True) if score is not None})


def _strata(scores: Mapping[int, float]) -> list[list[int]]:
    """Divide what has scores into strata of equal size, the lowest first."""
    order = sorted(scores, key=lambda each: (scores[each], each))
    return [[int(each) for each in stratum] for stratum in np.array_split(np.array(order, int), STRATA)]


def _unknown(operator: Operator, items: Sequence[Item], options: RunOptions, services: Services) -> list[int]:
    """Return the items that the cache cannot answer."""
    keys = item_keys(operator, options, items)
    known = known_answers(operator, keys, options, services)
    return [index for index, key in enumerate(keys) if key not in known]


def _draw(strata: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Draw the same number from each stratum, the same ones every time."""
    random = np.random.default_rng(0)
    return [
        [stratum[row] for row in random.choice(len(stratum), size // len(strata), replace=False)]
        for stratum in strata
    ]


def find_zones(truths: Sequence[Sequence[bool | None]], accuracy: float) -> Zones:
    """Return the zones that the samples of the strata, the least similar first, prove.

    >>> find_zones([[False] * 12] * 10 + [[True, False] * 6] * 2 + [[True] * 12] * 8, 0.95)
    Zones(false=10, true=8)
    """
    allowed = {answer: _allowed_faults(truths, answer, accuracy) for answer in (True, False)}
    false = _proven([_faults(stratum, fault=True) for stratum in truths], accuracy, allowed[True])
    true = _proven([_faults(stratum, fault=False) for stratum in reversed(truths)], accuracy, allowed[False])
    return Zones(false, min(true, len(truths) - false))


def _faults(stratum: Sequence[bool | None], *, fault: bool) -> tuple[int, int]:
    """Return how many answers a stratum's sample has, and how many of them are the fault."""
    known = [truth for truth in stratum if truth is not None]
    return len(known), sum(truth is fault for truth in known)


def _allowed_faults(truths: Sequence[Sequence[bool | None]], answer: bool, accuracy: float) -> int:
    found = sum(truth is answer for stratum in truths for truth in stratum)
    return math.floor(found * (1 - accuracy) + 1e-9)


def _proven(strata: Sequence[tuple[int, int]], accuracy: float, allowed: int) -> int:
    """Return how many strata, from the first on, have no more faults than accuracy allows, surely."""
    judged = faults = proven = 0
    for number, (count, wrong) in enumerate(strata, start=1):
        judged, faults = judged + count, faults + wrong
        if judged < least_proof(accuracy):
            continue
        if faults > allowed or _chance(judged, faults, 1 - accuracy) > (1 - CONFIDENCE) / 2:
            break
        proven = number
    return proven


def _chance(judged: int, faults: int, rate: float) -> float:
    """Return how likely so few faults are where they have this rate (binomial)."""
    return sum(
        math.comb(judged, count) * rate**count * (1 - rate) ** (judged - count) for count in range(faults + 1)
    )


def _decide(strata: Sequence[Sequence[int]], zones: Zones, sampled: dict[int, bool | None]) -> dict[int, bool]:
    false = [index for stratum in strata[: zones.false] for index in stratum]
    true = [index for stratum in strata[len(strata) - zones.true :] for index in stratum]
    answers = {**dict.fromkeys(false, False), **dict.fromkeys(true, True)}
    return {index: answer for index, answer in answers.items() if index not in sampled}


def cascade_method(operator: Operator, inputs: int, options: RunOptions, services: Services) -> str | None:
    """Return how a stage with so many unknown inputs is answered, for EXPLAIN; None where the model answers all."""
    accuracy = wanted_accuracy(operator, options, services)
    size = sample_size(inputs, accuracy) if accuracy is not None else 0
    if not size:
        return None
    proxy = options.proxy_model if can_score(operator, options) else "similarity"
    return f"{proxy} decides clear cases, at {accuracy:g} on a sample of {size}, the model the rest"
