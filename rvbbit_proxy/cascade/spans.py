"""Timed units of a run, recorded when they end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rvbbit_proxy.caller import mint_span_id, utc_now, uuid7
from rvbbit_proxy.cascade.runtime import Run
from rvbbit_proxy.ledger.records import EventRecord


@contextmanager
def open_span(
    run: Run,
    event_type: str,
    *,
    cell_name: str | None = None,
    trace_id: str | None = None,
    subtype: str | None = None,
    args: dict[str, Any] | None = None,
) -> Iterator[Run]:
    """Yield the run with its context under a new span; record the span at the end, with the error if any.

    ``trace_id``: the span's id where it was minted before.
    """
    name = cell_name or run.cell_name
    span_id = trace_id or mint_span_id()
    started, clock = utc_now(), time.perf_counter()
    error: BaseException | None = None
    try:
        yield replace(run, ctx=run.ctx.under(span_id), cell_name=name)
    except BaseException as raised:
        error = raised
        raise
    finally:
        duration_ms = (time.perf_counter() - clock) * 1000
        run.runtime.ledger.note(
            EventRecord(
                event_id=str(uuid7()),
                event_type=event_type,
                event_subtype=subtype,
                node_id=name,
                args=args,
                source_component="cascade",
                caller_id=run.ctx.caller_id,
                root_trace_id=run.ctx.root_trace_id,
                trace_id=span_id,
                parent_trace_id=run.ctx.trace_id,
                query_id=run.ctx.query_id,
                session_id=run.ctx.session_id,
                parent_session_id=run.parent_session_id,
                cascade_id=run.spec.cascade_id,
                cell_name=name,
                is_meta=run.ctx.is_meta,
                run_id=run.ctx.run_id,
                recursion_id=run.ctx.recursion_id,
                parent_recursion_id=run.ctx.parent_recursion_id,
                current_depth=run.ctx.current_depth,
                max_depth=run.ctx.max_depth,
                start_time=started,
                end_time=utc_now(),
                duration_ms=duration_ms,
                success=error is None,
                error_type=type(error).__name__ if error else None,
                error_message=str(error) if error else None,
            )
        )
