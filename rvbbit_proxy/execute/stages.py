"""Runs the stages of a plan on the client's upstream session.

Each stage leaves one temporary relation there; all of them are dropped when the final statement has been read.
"""

from __future__ import annotations

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.execute.judging import StageReport, judge, result_table
from rvbbit_proxy.execute.pairs import judge_pairs
from rvbbit_proxy.execute.relations import drop_relations, make_relation
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.execute.top import judge_top
from rvbbit_proxy.execute.waves import run_waves
from rvbbit_proxy.plan.plan import OperatorStage, Plan, Spool, Waves


def run_stages(
    plan: Plan, request: StatementRequest, upstream: UpstreamSession, services: Services
) -> list[StageReport]:
    """Make every stage's relation, in order; what was made is dropped when one fails."""
    reports: list[StageReport] = []
    try:
        for stage in plan.stages:
            if isinstance(stage, Spool):
                make_relation(stage.relation, stage.sql, upstream)
            elif isinstance(stage, Waves):
                reports += run_waves(stage, request, upstream, services)
            else:
                reports.append(_run_operator(stage, request, upstream, services))
    except BaseException:
        drop_relations(plan.relations, upstream)
        raise
    return reports


def _run_operator(
    stage: OperatorStage, request: StatementRequest, upstream: UpstreamSession, services: Services
) -> StageReport:
    judge_all = judge if stage.top is None else judge_top
    if stage.sides is None:
        judged = judge_all(stage, upstream.fetch(stage.input_sql), request, services)
    else:
        judged = judge_pairs(stage, stage.sides, request, upstream, services, judge_all)
    upstream.load(stage.relation, result_table(stage, judged.keys, judged.values), stage.key_columns)
    return judged.report
