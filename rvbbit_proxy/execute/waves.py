"""Waves: a spool's rows are judged in their order, a few at a time, until enough have passed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.execute.judging import StageReport, judge, result_table
from rvbbit_proxy.execute.relations import drop_relations, make_relation
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.plan.plan import ORDINAL, OperatorStage, Waves


def run_waves(
    stage: Waves, request: StatementRequest, upstream: UpstreamSession, services: Services
) -> list[StageReport]:
    """Judge the spool's rows wave by wave until enough have passed or none is left."""
    rows = upstream.fetch(f"SELECT count(*) AS n FROM {stage.spool}").column(0)[0].as_py()
    collected = [_Collected(each) for each in stage.filters]
    seen = passed = 0
    while seen == 0 or (seen < rows and passed < stage.needed):
        upto = seen + wave_size(stage.needed - passed, passed, seen)
        drop_relations([stage.relation], upstream)
        wave = f"SELECT * FROM {stage.spool} WHERE {ORDINAL} > {seen} AND {ORDINAL} <= {upto}"
        make_relation(stage.relation, wave, upstream)
        for each in collected:
            each.judge_new(request, upstream, services)
        passed += upstream.fetch(stage.passing_sql).column(0)[0].as_py()
        seen = upto
    return [each.report() for each in collected]


def wave_size(missing: int, passed: int, seen: int) -> int:
    """Return how many rows to judge next, from the share that has passed (Laplace's rule of succession).

    >>> wave_size(10, 0, 0), wave_size(3, 7, 20), wave_size(1, 0, 62)
    (20, 9, 64)
    """
    return max(1, math.ceil(missing * (seen + 2) / (passed + 1)))


@dataclass(slots=True)
class _Collected:
    """What one filter of the waves has answered so far."""

    stage: OperatorStage
    known: set[tuple[Any, ...]] = field(default_factory=set)
    results: list[pa.Table] = field(default_factory=list)
    reports: list[StageReport] = field(default_factory=list)

    def judge_new(self, request: StatementRequest, upstream: UpstreamSession, services: Services) -> None:
        """Judge the wave's inputs that no earlier wave had, and load all results anew."""
        inputs = upstream.fetch(self.stage.input_sql)
        rows = list(zip(*(inputs.column(key).to_pylist() for key in self.stage.key_columns), strict=True))
        new = [index for index, row in enumerate(rows) if row not in self.known]
        if self.stage.key_columns:
            inputs = inputs.take(pa.array(new, pa.int64()))
        elif self.results:
            return
        judged = judge(self.stage, inputs, request, services)
        self.known.update(rows)
        self.reports.append(judged.report)
        self.results.append(result_table(self.stage, judged.keys, judged.values))
        upstream.load(self.stage.relation, pa.concat_tables(self.results), self.stage.key_columns)

    def report(self) -> StageReport:
        """Add the waves up."""
        return StageReport(
            self.stage.relation,
            sum(report.inputs for report in self.reports),
            sum(report.cached for report in self.reports),
            sum(report.runs for report in self.reports),
            sum(report.failed for report in self.reports),
        )
