"""Waves: a spool's rows are judged in their order, some at a time, until enough have passed all conditions.

What a wave tells of the conditions decides in which order they judge the next one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.execute.batches import batch_size
from rvbbit_proxy.execute.judging import StageReport, judge, result_table, stage_inputs
from rvbbit_proxy.execute.keys import item_keys
from rvbbit_proxy.execute.ordering import SAMPLE_ROWS, Seen, order_of, remembered, sample_size
from rvbbit_proxy.execute.relations import count_rows, drop_relations, make_relation
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.operators.estimate import estimate_run
from rvbbit_proxy.plan.plan import KEY, ORDINAL, Condition, Either, OperatorStage, Product, Waves

MET_ROWS = 100
"""Rows by which what a condition costs is estimated."""
OUTPUT_WEIGHT = 4
"""What an output token costs, in input tokens."""
UNKNOWN_TOKENS = 40.0
"""What an input takes that another operator has yet to make."""
GROWTH = 4
"""Where all rows are judged, a wave is at most so many times as long as all before it."""


def run_waves(
    stage: Waves, request: StatementRequest, upstream: UpstreamSession, services: Services
) -> list[StageReport]:
    """Judge the spool's rows wave by wave until enough have passed or none is left."""
    return _Run(stage, request, upstream, services).run()


def wave_size(missing: int, passed: int, seen: int, batch: int = 1) -> int:
    """Return how many rows to judge next, from the share that has passed (Laplace's rule of succession).

    What is more than a batch is made whole batches: a prompt that is not full costs a request all the same.

    Where nothing is known, as many as have to pass: fewer are never enough.

    >>> wave_size(10, 0, 0), wave_size(3, 7, 20), wave_size(1, 0, 62), wave_size(30, 10, 60, batch=100)
    (10, 9, 64, 200)
    """
    size = math.ceil(missing * (seen + 2) / (passed + 1)) if seen else missing
    return size if size <= batch else math.ceil(size / batch) * batch


def wave_count(rows: int, needed: int | None, batch: int, concurrency: int) -> int:
    """Return how many waves judge so many rows at most: those of a LIMIT when nothing passes.

    >>> wave_count(2000, 10, 100, 16), wave_count(2000, None, 100, 16)
    (3, 3)
    """
    done = count = 0
    while done < rows:
        if needed is None:
            done += SAMPLE_ROWS if not done else _next_rows(done, batch, concurrency)
        else:
            done += wave_size(needed, 0, done, batch)
        count += 1
    return count


def _next_rows(done: int, batch: int, concurrency: int) -> int:
    return max(batch * concurrency, GROWTH * done)


class _Run:
    """One run of one stage."""

    def __init__(
        self, stage: Waves, request: StatementRequest, upstream: UpstreamSession, services: Services
    ) -> None:
        self._stage = stage
        self._request = request
        self._upstream = upstream
        self._services = services
        self._judges = {each.relation: _Collected(each) for each in stage.filters}
        self._seen: list[Seen] = []
        self._operands: dict[str, list[Seen]] = {}
        self._taken = False
        self._needed = self._find_needed()
        self._first_rows = count_rows(stage.product.first, upstream) if stage.product is not None else 0
        self._read = self._made = 0
        self._batch = (
            max(batch_size(each.operator, request.options) for each in stage.filters) if stage.filters else 1
        )

    def run(self) -> list[StageReport]:
        """Judge until enough rows have passed."""
        left = self._count_left()
        sample = self._meet(self._expect_rows())
        done = passed = last = 0
        while not done or (left > 0 and (self._needed is None or passed < self._needed)):
            size = max(sample, self._wave_size(done, passed))
            last = self._take(last, size)
            passed += self._sample() if sample else self._filter()
            done, left, sample = max(1, done + size), self._left_after(last, left - size), 0
        return [each.report() for each in self._judges.values()]

    def _count_left(self) -> int:
        return (
            self._first_rows if self._stage.product is not None else count_rows(self._stage.spool, self._upstream)
        )

    def _expect_rows(self) -> int:
        """Return about how many rows there are to judge."""
        product = self._stage.product
        if product is None:
            return self._count_left()
        self._make_rows(product, MET_ROWS)
        return self._made * self._first_rows // max(1, self._read)

    def _make_rows(self, product: Product, wanted: int) -> None:
        """Make so many rows of a product, and what else the last row of its first source gives."""
        while self._made < wanted and self._read < self._first_rows:
            some = max(1, (wanted - self._made) * self._read // max(1, self._made) if self._made else self._read)
            numbers = f"{ORDINAL} > {self._read} AND {ORDINAL} <= {self._read + some}"
            make_relation(product.block, f"SELECT * FROM {product.first} WHERE {numbers}", self._upstream)
            rows = f"SELECT *, row_number() OVER () + {self._made} FROM ({product.rows_sql}) AS q"
            self._upstream.execute(f"INSERT INTO {self._stage.spool} {rows}").close()
            drop_relations([product.block], self._upstream)
            self._read = min(self._first_rows, self._read + some)
            self._made = count_rows(self._stage.spool, self._upstream)

    def _find_needed(self) -> int | None:
        """Return how many rows, or keys, have to pass beside those that are given; there are no more keys than that."""
        stage, needed = self._stage, self._stage.needed
        given = [count_rows(relation, self._upstream) for relation in stage.given]
        if not stage.keyed:
            return needed if needed is None else max(0, needed - sum(given))
        if needed is not None and needed <= max(given, default=0):
            return 0
        keys = self._number(f"SELECT max({KEY}) FROM {stage.spool}")
        return keys if needed is None else min(needed, keys)

    def _left_after(self, last: int, left: int) -> int:
        """Return how many rows after ``last`` are to be judged: none of a key of which one has passed."""
        stage = self._stage
        if stage.product is not None:
            return self._made - last if self._read == self._first_rows else 1
        if not stage.keyed:
            return left
        settled = f"{KEY} IN (SELECT {KEY} FROM {stage.relation})"
        self._upstream.execute(f"DELETE FROM {stage.spool} WHERE {ORDINAL} > {last} AND {settled}").close()
        return self._number(f"SELECT count(*) FROM {stage.spool} WHERE {ORDINAL} > {last}")

    def _number(self, sql: str) -> int:
        return int(self._upstream.fetch(sql).column(0)[0].as_py() or 0)

    def _meet(self, rows: int) -> int:
        """Find out what is known of the conditions; return how many rows to judge by all of them."""
        self._take(0, MET_ROWS)
        met = min(MET_ROWS, rows)
        for either in self._stage.choices:
            self._copy_wave(either)
            self._operands[either.relation] = [self._known(each, met, operand=True) for each in either.operands]
        self._seen = [self._known(condition, met) for condition in self._stage.conditions]
        drop_relations([either.relation for either in self._stage.choices], self._upstream)
        return max(sample_size(rows, group) for group in self._groups()) if self._needed != 0 else 0

    def _groups(self) -> list[list[Seen]]:
        """Return what is known of those that have to be put in order: the conditions, and each OR's operands."""
        choices = [
            [
                seen
                for seen, operand in zip(self._operands[each.relation], each.operands, strict=True)
                if operand.stages
            ]
            for each in self._stage.choices
        ]
        return [self._seen, *choices]

    def _wave_size(self, done: int, passed: int) -> int:
        if self._needed is not None:
            return wave_size(self._needed - passed, passed, done, self._batch) if self._needed else 0
        if done == 0 and any(len(group) > 1 and not all(seen.known for seen in group) for group in self._groups()):
            return SAMPLE_ROWS
        return _next_rows(done, self._batch, self._request.options.concurrency)

    def _take(self, last: int, size: int) -> int:
        """Put so many rows after the ``last`` into the wave's relation; return the number of the new last."""
        stage, end = self._stage, last + size
        if self._taken:
            drop_relations([stage.relation], self._upstream)
        self._taken = True
        if stage.product is not None:
            self._make_rows(stage.product, end)
        if stage.keyed:
            after = f"SELECT {ORDINAL} FROM {stage.spool} WHERE {ORDINAL} > {last} ORDER BY {ORDINAL} LIMIT {size}"
            end = self._number(f"SELECT max({ORDINAL}) FROM ({after}) AS q")
        rows = f"SELECT * FROM {stage.spool} WHERE {ORDINAL} > {last} AND {ORDINAL} <= {end}"
        make_relation(stage.relation, rows, self._upstream)
        return end

    def _known(self, condition: Condition, rows: int, *, operand: bool = False) -> Seen:
        """Return what is known of a condition before it has judged anything.

        What counts as passed is what is left to judge after it: for an ``operand`` of an OR, what it does not let pass.
        """
        cost = sum(self._cost(stage, condition) for stage in condition.stages) / max(rows, 1)
        decided_by = self._judges.get(condition.decided_by or "")
        if decided_by is None:
            return Seen(cost)
        judged, true = self._services.history.counts(decided_by.stage)
        return remembered(cost, judged, judged - true if condition.negated != operand else true)

    def _cost(self, stage: OperatorStage, condition: Condition) -> float:
        """Return the tokens that answering the stage's inputs takes, those of the wave that are not known."""
        if any(other.relation in stage.input_sql for other in condition.stages):
            return UNKNOWN_TOKENS
        _, items = stage_inputs(stage, self._upstream.fetch(stage.input_sql))
        options = self._request.options
        keys = item_keys(stage.operator, options, items)
        known = self._services.cache.get_many(keys) if options.cache == "on" and stage.operator.cached else {}
        todo = [item for item, key in zip(items, keys, strict=True) if key not in known]
        asked = estimate_run(stage.operator, todo, options.model)
        return float(asked.tokens_in + OUTPUT_WEIGHT * asked.tokens_out)

    def _sample(self) -> int:
        """Judge the wave by every condition, learn what each lets through; return how many rows pass them all."""
        for condition in self._stage.conditions:
            self._judge(condition, whole=True)
        outcomes = self._outcomes(self._stage.relation, self._stage.conditions)
        for seen, outcome in zip(self._seen, outcomes, strict=True):
            seen.add(len(outcome), sum(outcome))
        for condition in self._stage.conditions:
            self._drop_failed(condition)
        return self._count_passed()

    def _outcomes(self, relation: str, conditions: Sequence[Condition]) -> list[list[bool]]:
        """Return for each condition which of the relation's rows pass it."""
        truths = [f"coalesce({condition.sql}, false) AS p{number}" for number, condition in enumerate(conditions)]
        rows = self._upstream.fetch(f"SELECT {', '.join(truths)} FROM {relation}")
        return [rows.column(number).to_pylist() for number in range(len(conditions))]

    def _filter(self) -> int:
        """Judge the wave by one condition after another; return how many rows pass them all."""
        relation = self._stage.relation
        left = count_rows(relation, self._upstream)
        for number in order_of(self._seen):
            condition, before = self._stage.conditions[number], left
            self._judge(condition)
            self._drop_failed(condition)
            left = count_rows(relation, self._upstream)
            self._seen[number].add(before, left)
        return self._count_passed() if self._stage.keyed else left

    def _drop_failed(self, condition: Condition) -> None:
        relation = self._stage.relation
        self._upstream.execute(f"DELETE FROM {relation} WHERE ({condition.sql}) IS NOT TRUE").close()

    def _count_passed(self) -> int:
        """Return how many rows of the wave, or keys, have passed."""
        what = f"DISTINCT {KEY}" if self._stage.keyed else "*"
        return self._number(f"SELECT count({what}) FROM {self._stage.relation}")

    def _judge(self, condition: Condition, *, whole: bool = False) -> None:
        """Answer what the condition needs; ``whole``: what each operand of an OR needs, for all rows."""
        if condition.either is not None:
            self._judge_either(condition.either, whole=whole)
            return
        for stage in condition.stages:
            judge = self._judges[stage.relation]
            judge.judge_new(stage.input_sql, self._request, self._upstream, self._services)

    def _judge_either(self, either: Either, *, whole: bool) -> None:
        """Judge the wave by one operand after another, each the rows that none before it has let pass."""
        self._copy_wave(either)
        known = self._operands[either.relation]
        left = count_rows(either.relation, self._upstream)
        for number in order_of(known):
            operand, before = either.operands[number], left
            self._judge(operand)
            if not whole:
                self._upstream.execute(f"DELETE FROM {either.relation} WHERE {operand.sql}").close()
                left = count_rows(either.relation, self._upstream)
                known[number].add(before, left)
        if whole:
            for seen, outcome in zip(known, self._outcomes(either.relation, either.operands), strict=True):
                seen.add(len(outcome), len(outcome) - sum(outcome))
        drop_relations([either.relation], self._upstream)

    def _copy_wave(self, either: Either) -> None:
        make_relation(either.relation, f"SELECT * FROM {self._stage.relation}", self._upstream)


@dataclass(slots=True)
class _Collected:
    """What one operator of the waves has answered so far."""

    stage: OperatorStage
    known: set[tuple[Any, ...]] = field(default_factory=set)
    results: list[pa.Table] = field(default_factory=list)
    reports: list[StageReport] = field(default_factory=list)

    def judge_new(
        self, input_sql: str, request: StatementRequest, upstream: UpstreamSession, services: Services
    ) -> None:
        """Judge the inputs that have not been judged, and load all results anew."""
        inputs = upstream.fetch(input_sql)
        rows = list(zip(*(inputs.column(key).to_pylist() for key in self.stage.key_columns), strict=True))
        new = [index for index, row in enumerate(rows) if row not in self.known]
        if self.stage.key_columns:
            inputs = inputs.take(pa.array(new, pa.int64()))
        elif any(result.num_rows for result in self.results):
            return
        if self.results and not inputs.num_rows:
            return
        judged = judge(self.stage, inputs, request, services)
        self.known.update(rows)
        self.reports.append(judged.report)
        self.results.append(result_table(self.stage, judged.keys, judged.values))
        upstream.load(self.stage.relation, pa.concat_tables(self.results), self.stage.key_columns)

    def report(self) -> StageReport:
        """Add the waves up."""
        return sum(self.reports, StageReport(self.stage.relation, 0, 0, 0, 0))
