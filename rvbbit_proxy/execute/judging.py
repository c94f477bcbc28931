"""Judging: an operator's answers to some inputs of a stage, on the ledger as one operator span."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.caller import mint_span_id, utc_now
from rvbbit_proxy.engine.upstream import Notice
from rvbbit_proxy.execute.answers import NOTHING, Answers
from rvbbit_proxy.execute.beside import Given, answer_shared, share_inputs
from rvbbit_proxy.execute.history import counted
from rvbbit_proxy.execute.progress import NOTICE_EVERY_S
from rvbbit_proxy.execute.proxies import answer_cascaded
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.ledger.records import EventRecord
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.plan.plan import VALUE, OperatorStage

ARROW_TYPES = {
    "boolean": pa.bool_(),
    "double precision": pa.float64(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "text": pa.string(),
    "jsonb": pa.string(),
    "text[]": pa.list_(pa.string()),
}
NULL_WARNING_SQLSTATE = "01000"
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a stage did, for EXPLAIN ANALYZE and the ledger."""

    relation: str
    inputs: int
    cached: int
    runs: int
    failed: int
    decided: int = 0
    sampled: int = 0
    shared: int = 0

    def __add__(self, other: StageReport) -> StageReport:
        """Add what the same stage did elsewhere."""
        return StageReport(
            self.relation,
            self.inputs + other.inputs,
            self.cached + other.cached,
            self.runs + other.runs,
            self.failed + other.failed,
            self.decided + other.decided,
            self.sampled + other.sampled,
            self.shared + other.shared,
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """The answers to some inputs of a stage: key columns, one value per row, and how they came about."""

    keys: pa.Table
    values: Sequence[Any]
    report: StageReport


def together(stage: OperatorStage, done: Sequence[Judged]) -> Judged:
    """Return as one what was judged of the same stage in parts; there is one at least."""
    values = [value for part in done for value in part.values]
    total = sum((part.report for part in done), StageReport(stage.relation, 0, 0, 0, 0))
    return Judged(pa.concat_tables([part.keys for part in done]), values, total)


def judge(
    stage: OperatorStage,
    inputs: pa.Table,
    request: StatementRequest,
    services: Services,
    given: Mapping[str, Any] = NOTHING,
) -> Judged:
    """Answer the stage's inputs, on the model loop, for the statement's caller; ``given``: by :func:`judge_shared`."""
    started, span = utc_now(), mint_span_id()
    keys, arguments = stage_rows(stage, inputs)
    count = arguments.num_rows
    outcome = None if given else _remembered(stage, arguments, request, services)
    try:
        if outcome is None:
            items = _items(stage, arguments)
            label = f"{stage.operator.name} in {stage.position}"
            work = answer_cascaded(
                stage.operator, items, request.ctx.under(span), request.options, services, given
            )
            outcome = _run(work, label, count, request, services)
    finally:
        counts = counted(stage, outcome.values) if outcome is not None else {}
        services.history.note(stage, counts)
        told = {"inputs": count, **counts, **_counts(count, outcome)}
        _record(stage, stage.operator, request, services, span, started, told, success=outcome is not None)
    if outcome.failed:
        message = f"{stage.operator.name} gave NULL for {outcome.failed} of {count} inputs that failed"
        request.notify(Notice("WARNING", NULL_WARNING_SQLSTATE, message, detail=str(outcome.first_error)))
    report = StageReport(
        stage.relation,
        count,
        outcome.cached,
        outcome.runs,
        outcome.failed,
        outcome.decided,
        outcome.sampled,
        outcome.shared,
    )
    return Judged(keys, outcome.values, report)


def judge_shared(
    stages: Sequence[OperatorStage], inputs: pa.Table, request: StatementRequest, services: Services
) -> Given:
    """Answer, in prompts that they share, what several of the stages over the same inputs do not know."""
    started, span = utc_now(), mint_span_id()
    first = stages[0]
    texts = [item[first.arguments[0]] for item in stage_inputs(first, inputs)[1]]
    shared = share_inputs(stages, texts, request.options, services)
    if not shared.items:
        return Given()
    names = [stage.operator.name for stage in stages]
    label = f"{', '.join(names)} in {first.position}"
    given: Given | None = None
    try:
        work = answer_shared(shared, stages, request.ctx.under(span), request.options, services)
        given = _run(work, label, len(shared.items), request, services)
    finally:
        told = {"inputs": len(shared.items), "for": names, "runs": given.runs if given is not None else None}
        reader = shared.reader or first.operator
        _record(first, reader, request, services, span, started, told, success=given is not None)
    return given


def _run(
    work: Coroutine[Any, Any, Outcome], label: str, inputs: int, request: StatementRequest, services: Services
) -> Outcome:
    """Run work about so many inputs on the model loop, and tell the client how far it is."""
    with services.running.at_work(request.ctx, label, inputs) as progress:
        return services.loop.run(
            work,
            request.ctx.cancel,
            tick=(lambda: request.notify(progress.notice())) if request.options.progress else None,
            every_s=NOTICE_EVERY_S,
        )


def _remembered(
    stage: OperatorStage, arguments: pa.Table, request: StatementRequest, services: Services
) -> Answers | None:
    """Return the answers to one column of texts where all of them are kept."""
    if len(stage.arguments) != 1 or stage.aggregate or not pa.types.is_string(arguments.column(0).type):
        return None
    values = services.remembered.answers(stage, arguments.column(0), request.options, services.cache)
    return None if values is None else Answers(values, cached=len(values))


def stage_inputs(stage: OperatorStage, table: pa.Table) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Return the key columns and the operator's items of the rows without NULL; groups without inputs drop out."""
    keys, arguments = stage_rows(stage, table)
    return keys, _items(stage, arguments)


def stage_rows(stage: OperatorStage, table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the key columns and the columns of arguments of the rows of :func:`stage_inputs`."""
    first, count = (1 if stage.aggregate else 0), len(stage.arguments)
    values = [table.column(first + index) for index in range(count)]
    chosen = _without_nulls(table, values) if values else table.slice(0, 1)
    keys = chosen.select(list(range(len(stage.key_columns))))
    return keys, chosen.select(list(range(first, first + count)))


def _items(stage: OperatorStage, arguments: pa.Table) -> list[dict[str, Any]]:
    constants = dict(stage.constants)
    items = [dict(constants) for _ in range(arguments.num_rows)]
    for name, column in zip(stage.arguments, arguments.columns, strict=True):
        for item, value in zip(items, column.to_pylist(), strict=True):
            item[name] = value
    return items


def _without_nulls(table: pa.Table, columns: Sequence[pa.ChunkedArray]) -> pa.Table:
    """Return the rows whose values in these columns are neither NULL nor empty lists."""
    if not any(column.null_count or _is_list(column) for column in columns):
        return table
    kept = None
    for column in columns:
        valid = column.is_valid()
        if _is_list(column):
            valid = pc.fill_null(pc.greater(pc.list_value_length(column), 0), False)
        kept = valid if kept is None else pc.and_(kept, valid)
    return table.filter(kept)


def _is_list(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_list(column.type) or pa.types.is_large_list(column.type))


def result_table(stage: OperatorStage, keys: pa.Table, values: Sequence[Any]) -> pa.Table:
    """Return the output relation's rows."""
    array = pa.array(values, ARROW_TYPES[stage.operator.returns])
    columns = [keys.column(index) for index in range(len(stage.key_columns))]
    return pa.table([*columns, array], names=[*stage.key_columns, VALUE])


def _counts(inputs: int, outcome: Answers | None) -> dict[str, int | str]:
    if outcome is None:
        return {}
    counts: dict[str, int | str] = {"cached": outcome.cached, "runs": outcome.runs, "failed": outcome.failed}
    if outcome.shared:
        counts["shared"] = outcome.shared
    if outcome.sampled:
        strong = inputs - outcome.cached - outcome.decided - outcome.sampled
        counts |= {"proxy": outcome.decided, "sample": outcome.sampled, "strong": strong}
        counts |= {"proxy_model": outcome.proxy_model} if outcome.proxy_model else {}
    return counts


def _record(
    stage: OperatorStage,
    operator: Operator,
    request: StatementRequest,
    services: Services,
    span: str,
    started: datetime,
    told: Mapping[str, Any],
    *,
    success: bool,
) -> None:
    ended = utc_now()
    ctx = request.ctx
    services.runtime.ledger.record(
        EventRecord(
            event_id=span,
            event_type="operator",
            event_subtype=stage.position,
            caller_id=ctx.caller_id,
            query_id=ctx.query_id,
            run_id=ctx.run_id,
            root_trace_id=ctx.root_trace_id,
            trace_id=span,
            parent_trace_id=ctx.trace_id,
            cascade_id=operator.cascade.cascade_id,
            start_time=started,
            end_time=ended,
            duration_ms=(ended - started).total_seconds() * 1000,
            success=success,
            args={"operator": operator.name, **told},
            source_component="execute",
            source_function="judge",
        )
    )
