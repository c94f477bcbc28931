"""Runs the stages of a plan on the client's upstream session.

Each stage leaves one temporary relation there; all of them are dropped when the final statement has been read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.execute.beside import companions
from rvbbit_proxy.execute.judging import StageReport, judge, judge_shared, result_table
from rvbbit_proxy.execute.pairs import judge_pairs, judge_related
from rvbbit_proxy.execute.relations import drop_relations, make_relation
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.execute.top import judge_top
from rvbbit_proxy.execute.waves import run_waves
from rvbbit_proxy.plan.plan import Change, OperatorStage, Plan, Spool, Stage, Waves


def run_stages(
    plan: Plan, request: StatementRequest, upstream: UpstreamSession, services: Services
) -> tuple[list[StageReport], str | None]:
    """Make every stage's relation, in order; what was made is dropped when one fails.

    Return what the operators did, and the command tag of the stage that changes rows, if there is one.
    """
    reports: list[StageReport] = []
    tag: str | None = None
    shared = _Shared()
    try:
        for number, stage in enumerate(plan.stages, start=1):
            if isinstance(stage, Spool):
                make_relation(stage.relation, stage.sql, upstream)
            elif isinstance(stage, Change):
                make_relation(stage.relation, stage.shape_sql, upstream)
                count = upstream.keep_returned(stage.relation, stage.sql)
                tag = f"{stage.verb}{' 0' if stage.verb == 'INSERT' else ''} {count}"
            elif isinstance(stage, Waves):
                reports += run_waves(stage, request, upstream, services)
            else:
                later = plan.stages[number:]
                reports.append(_run_operator(stage, later, shared, request, upstream, services))
    except BaseException:
        drop_relations(plan.relations, upstream)
        raise
    return reports, tag


@dataclass(slots=True)
class _Shared:
    """Stages that have been asked with others: the inputs of each, and the answers so far."""

    inputs: dict[str, pa.Table] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)


def _run_operator(
    stage: OperatorStage,
    later: Sequence[Stage],
    shared: _Shared,
    request: StatementRequest,
    upstream: UpstreamSession,
    services: Services,
) -> StageReport:
    judge_all = judge if stage.top is None else judge_top
    runs = 0
    if stage.sides is not None:
        judged = judge_pairs(stage, stage.sides, request, upstream, services, judge_all)
    elif stage.top is not None:
        judged = judge_top(stage, upstream.fetch(stage.input_sql), request, services)
    else:
        if stage.relation not in shared.inputs:
            runs = _ask_together(stage, later, shared, request, upstream, services)
        judged = judge_related(stage, shared.inputs.pop(stage.relation), request, services, shared.given)
    upstream.load(stage.relation, result_table(stage, judged.keys, judged.values), stage.key_columns)
    return replace(judged.report, runs=judged.report.runs + runs)


def _ask_together(
    stage: OperatorStage,
    later: Sequence[Stage],
    shared: _Shared,
    request: StatementRequest,
    upstream: UpstreamSession,
    services: Services,
) -> int:
    """Fetch the stage's inputs, and ask what it can ask with later stages over the same ones; return the runs."""
    together = companions(stage, later, request.options, services)
    inputs = upstream.fetch(stage.input_sql)
    shared.inputs.update({each.relation: inputs for each in [stage, *together]})
    if not together:
        return 0
    given = judge_shared(together, inputs, request, services)
    shared.given.update(given.values)
    return given.runs
