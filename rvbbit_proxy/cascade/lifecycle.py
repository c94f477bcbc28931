"""The life of a run: its session row before and after, its span around, its observers told.

Whatever ends a run, a bug or a cancelled task too, its session row says how it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from rvbbit_proxy.caller import CallerContext, mint_session_id, mint_span_id, utc_now
from rvbbit_proxy.cascade.runtime import CellEnded, Run, RunEnded, Runtime
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import CascadeSpec
from rvbbit_proxy.errors import QueryCancelled
from rvbbit_proxy.ledger.records import SessionRecord
from rvbbit_proxy.settings import RunOptions

logger = logging.getLogger(__name__)
Work = Callable[[Run, list[CellEnded]], Awaitable[Any]]
"""What a run does: given the run and the list that its cells go to as they end, its answer."""


async def run_session(
    spec: CascadeSpec,
    data: Any,
    ctx: CallerContext,
    options: RunOptions,
    runtime: Runtime,
    work: Work,
    *,
    meta_of_session_id: str | None = None,
    trace_id: str | None = None,
) -> Any:
    """Do the work as one run: session row before and after, a span around, observers told."""
    session_id, trace_id = mint_session_id(), trace_id or mint_span_id()
    inside = ctx.for_run(session_id, trace_id)
    running = _session_record(spec, data, ctx, inside, meta_of_session_id)
    runtime.ledger.note(running)
    run = Run(spec, replace(inside, trace_id=ctx.trace_id), ctx.session_id, options, runtime)
    ended: list[CellEnded] = []
    try:
        with open_span(run, "cascade", trace_id=trace_id) as opened:
            output = await work(opened, ended)
    except BaseException as error:
        _end(_failed(running, error), ended, inside, options, runtime)
        raise
    _end(replace(running, status="success", output=output), ended, inside, options, runtime)
    return output


def _session_record(
    spec: CascadeSpec, data: Any, ctx: CallerContext, inside: CallerContext, meta_of_session_id: str | None
) -> SessionRecord:
    return SessionRecord(
        session_id=inside.session_id or "",
        cascade_id=spec.cascade_id,
        caller_id=ctx.caller_id,
        created_at=utc_now(),
        status="running",
        cascade_definition=spec.definition,
        input_data=data,
        config_path=spec.config_path,
        parent_session_id=ctx.session_id,
        root_session_id=inside.root_session_id,
        depth=inside.depth,
        invocation_metadata_json=dict(ctx.invocation_metadata),
        genus_hash=spec.genus_hash,
        query_id=ctx.query_id,
        root_trace_id=ctx.root_trace_id,
        trace_id=inside.trace_id,
        is_meta=ctx.is_meta,
        meta_of_session_id=meta_of_session_id,
    )


def _failed(running: SessionRecord, error: BaseException) -> SessionRecord:
    cancelled = isinstance(error, QueryCancelled | asyncio.CancelledError | KeyboardInterrupt)
    return replace(
        running,
        status="cancelled" if cancelled else "error",
        error_type=type(error).__name__,
        error_message=str(error),
    )


def _end(
    session: SessionRecord,
    ended: Sequence[CellEnded],
    inside: CallerContext,
    options: RunOptions,
    runtime: Runtime,
) -> None:
    session = replace(session, completed_at=utc_now())
    runtime.ledger.note(session)
    told = RunEnded(session, tuple(ended), inside, options)
    for observer in runtime.observers:
        try:
            observer(told)
        except Exception:
            logger.exception("observer of run %s failed", session.session_id)
