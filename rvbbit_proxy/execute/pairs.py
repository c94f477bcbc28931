"""Pairs of two sources' texts: all of them, or, where they are many, those that are alike enough to match.

Blocking: every text of the longer side is paired with its k nearest of the shorter one, by the cosine of embeddings,
exactly. k is learned by the model's own answers about a random sample of the longer side: it doubles until no text
of the sample has a match among the next k. Bound: a pair is missed only if it matches though its texts are further
apart; as none of ``SAMPLE`` texts had a match at ranks k + 1 to 2 k, at 95 % confidence fewer than 3 in ``SAMPLE``
texts have one there (rule of three). ``rvbbit.join = exhaustive`` judges every pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rvbbit_proxy.engine.upstream import Notice, UpstreamSession
from rvbbit_proxy.execute.answers import NOTHING
from rvbbit_proxy.execute.judging import Judged, judge, together
from rvbbit_proxy.execute.near import COMPARED_ROWS, AllNear, ListedNear, Near, Positions
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.execute.similarity import can_compare
from rvbbit_proxy.plan.plan import OperatorStage, Sides
from rvbbit_proxy.settings import RunOptions

AUTO_PAIRS = 100_000
"""Pairs that are all judged without asking: 40 prompts of short texts."""
FIRST_NEAREST = 8
SAMPLE = 60
ESTIMATED_PAIRS = 200_000
"""Pairs that EXPLAIN looks at; of more it looks at a part and scales up."""

Judge: TypeAlias = Callable[[OperatorStage, pa.Table, StatementRequest, Services], Judged]


@dataclass(frozen=True, slots=True)
class Expected:
    """What EXPLAIN knows of a stage's pairs: some of them, of how many times as many, and how they are found.

    ``every``, where fewer than all pairs are expected: some of all, of ``every_times`` as many.
    """

    inputs: pa.Table
    times: float
    method: str
    every: pa.Table | None = None
    every_times: float = 1.0


def judge_pairs(
    stage: OperatorStage,
    sides: Sides,
    request: StatementRequest,
    upstream: UpstreamSession,
    services: Services,
    judge_all: Judge = judge,
) -> Judged:
    """Answer the stage's pairs, or those that may match; ``judge_all`` is for all of them."""
    left, right = (_texts(sql, upstream) for sql in (sides.left_sql, sides.right_sql))
    count = len(left) * len(right)
    if not (_blocked(stage, count, request.options, services) and _pays(count, max(len(left), len(right)))):
        return judge_all(stage, _product(stage, left, right), request, services)
    return _Blocking(stage, left, right, None, request, services).run()


def judge_related(
    stage: OperatorStage,
    inputs: pa.Table,
    request: StatementRequest,
    services: Services,
    given: Mapping[str, Any] = NOTHING,
) -> Judged:
    """Answer a stage's inputs; where they are many pairs that something plain ties, those that may match."""
    related = _related(stage, inputs, request.options, services)
    if related is None:
        return judge(stage, inputs, request, services, given)
    return _Blocking(stage, *related, request, services).run()


def expected_pairs(
    stage: OperatorStage, sides: Sides, upstream: UpstreamSession, options: RunOptions, services: Services
) -> Expected:
    """Return the pairs to expect; which texts are near is not found out, it may cost embeddings."""
    left, right = (_texts(sql, upstream) for sql in (sides.left_estimate_sql, sides.right_estimate_sql))
    count = len(left) * len(right)
    if _blocked(stage, count, options, services) and _pays(count, max(len(left), len(right))):
        shorter = min(len(left), len(right))
        method = f"the nearest of {shorter} by embeddings for each of {max(len(left), len(right))}"
        method = (
            f"{method}: {min(FIRST_NEAREST, shorter)}, more while a sample of {SAMPLE} has matches further away"
        )
        table = _windows(stage, left, right, min(FIRST_NEAREST, shorter))
        part = table.slice(0, ESTIMATED_PAIRS)
        return Expected(part, table.num_rows / max(part.num_rows, 1), method, *_some_pairs(stage, left, right))
    return Expected(*_some_pairs(stage, left, right), f"all pairs of {len(left)} x {len(right)}")


def expected_related(
    stage: OperatorStage, inputs: pa.Table, options: RunOptions, services: Services
) -> Expected | None:
    """Return the pairs to expect of inputs that are blocked; None where all of them are asked about."""
    related = _related(stage, inputs, options, services)
    if related is None:
        return None
    left, right, relation = related
    pairs = relation if len(left) >= len(right) else (relation[1], relation[0])
    near = ListedNear(np.zeros((max(map(len, (left, right))), 1), np.float32), None, *pairs)
    rows, columns = near.ranked(np.arange(len(near.longer)), 0, FIRST_NEAREST)
    chosen = _table(stage, left, right, *((rows, columns) if len(left) >= len(right) else (columns, rows)))
    part, every = chosen.slice(0, ESTIMATED_PAIRS), inputs.slice(0, ESTIMATED_PAIRS)
    method = (
        f"of {len(relation[0])} pairs, the nearest by embeddings for each of {len(near.longer)}: {FIRST_NEAREST}, more "
        f"while a sample of {SAMPLE} has matches further away"
    )
    times = chosen.num_rows / max(part.num_rows, 1)
    return Expected(part, times, method, every, inputs.num_rows / max(every.num_rows, 1))


def _some_pairs(stage: OperatorStage, left: pa.Array, right: pa.Array) -> tuple[pa.Table, float]:
    """Return some of all pairs, all if they are few, and of how many times as many."""
    count = len(left) * len(right)
    share = min(1.0, (ESTIMATED_PAIRS / count) ** 0.5) if count else 1.0
    some = _product(stage, *(texts.slice(0, max(1, int(len(texts) * share))) for texts in (left, right)))
    return some, count / max(some.num_rows, 1)


def _related(
    stage: OperatorStage, inputs: pa.Table, options: RunOptions, services: Services
) -> tuple[pa.Array, pa.Array, tuple[Positions, Positions]] | None:
    """Return the distinct texts of either side, and the pairs as their positions; None where all pairs are asked."""
    pairwise = len(stage.key_columns) == 2 and stage.arguments == tuple(
        arg.name for arg in stage.operator.args[:2]
    )
    if not pairwise or not _blocked(stage, inputs.num_rows, options, services):
        return None
    inputs = inputs.drop_null()
    sides = [inputs.column(index).combine_chunks().dictionary_encode() for index in range(2)]
    positions = [np.asarray(side.indices, dtype=np.int64) for side in sides]
    left, right = (side.dictionary for side in sides)
    longer = max(len(left), len(right))
    return (left, right, (positions[0], positions[1])) if _pays(len(positions[0]), longer) else None


def _pays(pairs: int, askers: int) -> bool:
    """Whether blocking leaves out half of the pairs, at the least."""
    return pairs > 2 * FIRST_NEAREST * askers


def _blocked(stage: OperatorStage, pairs: int, options: RunOptions, services: Services) -> bool:
    if options.join == "exhaustive" or not stage.selective or stage.operator.returns != "boolean":
        return False
    many = pairs > (FIRST_NEAREST * SAMPLE if options.join == "blocked" else AUTO_PAIRS)
    return many and can_compare(stage.operator, options, services)


def _texts(sql: str, upstream: UpstreamSession) -> pa.Array:
    return upstream.fetch(sql).column(0).combine_chunks().drop_null()


def _product(stage: OperatorStage, left: pa.Array, right: pa.Array) -> pa.Table:
    rows, columns = np.arange(len(left)), np.arange(len(right))
    return _table(stage, left, right, np.repeat(rows, len(right)), np.tile(columns, len(left)))


def _windows(stage: OperatorStage, left: pa.Array, right: pa.Array, nearest: int) -> pa.Table:
    """Return as many pairs as blocking begins with: neighbours share what is near them, as they often do."""
    longer, shorter = max(len(left), len(right)), min(len(left), len(right))
    first = np.arange(longer) * shorter // max(longer, 1)
    others = ((first[:, None] + np.arange(nearest)) % max(shorter, 1)).ravel()
    askers = np.repeat(np.arange(longer), nearest)
    return _table(stage, left, right, *((askers, others) if len(left) >= len(right) else (others, askers)))


def _table(stage: OperatorStage, left: pa.Array, right: pa.Array, rows: Positions, columns: Positions) -> pa.Table:
    return pa.table([left.take(pa.array(rows)), right.take(pa.array(columns))], names=list(stage.key_columns))


class _Blocking:
    """One stage whose pairs are found by embeddings."""

    def __init__(
        self,
        stage: OperatorStage,
        left: pa.Array,
        right: pa.Array,
        related: tuple[Positions, Positions] | None,
        request: StatementRequest,
        services: Services,
    ) -> None:
        self._stage = stage
        self._left, self._right = left, right
        self._request = request
        self._services = services
        self._turned = len(left) < len(right)
        vectors = [self._vectors(texts) for texts in (left, right)]
        longer, shorter = reversed(vectors) if self._turned else vectors
        self._askers = len(longer)
        self._of = f"{len(left)} x {len(right)}" if related is None else f"{len(related[0])}"
        self._near: Near = AllNear(longer, shorter)
        if related is not None:
            askers, others = reversed(related) if self._turned else related
            self._near = ListedNear(longer, shorter, askers, others)
        self._done: list[Judged] = []

    def run(self) -> Judged:
        """Learn on a sample how far away matches are, then judge the pairs that are as near."""
        shuffled = np.random.default_rng(0).permutation(self._askers)
        sample, rest = shuffled[:SAMPLE], np.sort(shuffled[SAMPLE:])
        nearest = self._learn(sample)
        for start in range(0, len(rest), COMPARED_ROWS * 10):
            self._judge(rest[start : start + COMPARED_ROWS * 10], 0, nearest)
        self._tell(nearest, len(sample))
        return together(self._stage, self._done)

    def _learn(self, sample: Positions) -> int:
        """Return k: no text of the sample has a match among the k after its k nearest."""
        known, nearest = 0, min(FIRST_NEAREST, self._near.most)
        while self._judge(sample, known, nearest) or known == 0:
            known, nearest = nearest, min(2 * nearest, self._near.most)
            if known == nearest:
                break
        return known

    def _judge(self, askers: Positions, first: int, last: int) -> bool:
        """Judge each asker with its others of these ranks; return whether anything matches."""
        rows, columns = self._near.ranked(askers, first, last)
        pair = (columns, rows) if self._turned else (rows, columns)
        table = _table(self._stage, self._left, self._right, *pair)
        self._done.append(judge(self._stage, table, self._request, self._services))
        return any(self._done[-1].values)

    def _vectors(self, texts: pa.Array) -> npt.NDArray[np.float32]:
        work = self._services.door.embed(
            texts.to_pylist(),
            self._request.ctx,
            model=self._request.options.embed_model,
            cascade_id=self._stage.operator.cascade.cascade_id,
        )
        return self._services.loop.run(work, self._request.ctx.cancel)

    def _tell(self, nearest: int, sample: int) -> None:
        missed = f"fewer than {300 / sample:.0f} %" if nearest < self._near.most else "none"
        self._request.notify(
            Notice(
                "NOTICE",
                "00000",
                f"{self._stage.operator.name}: {self._of} pairs, judged the {nearest} "
                "nearest of each by embeddings",
                detail=f"Of {sample} texts none matched any of the next {nearest}; at 95 % confidence {missed} do.",
                hint="SET rvbbit.join = exhaustive judges every pair.",
            )
        )
