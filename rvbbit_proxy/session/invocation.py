"""Who a statement is for: its caller, its caller context, and its row in ``sql_query_log``.

Precedence: statement comment > SET LOCAL > SET > startup options > minted. Taken once per statement, then passed
by value. Plain SQL of a caller that nobody named costs the ledger nothing.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from rvbbit_proxy.caller import (
    Budget,
    CallerContext,
    CallerSource,
    CancelToken,
    mint_caller_id,
    mint_span_id,
    mint_trace_id,
    utc_now,
    uuid7,
)
from rvbbit_proxy.errors import QueryCancelled, RvbbitError
from rvbbit_proxy.ledger.records import QueryRecord
from rvbbit_proxy.session.parameter_kinds import traceparent as check_traceparent
from rvbbit_proxy.session.parameters import Parameters
from rvbbit_proxy.session.results import Finish
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.sql.comments import CommentTags


def find_caller(tags: CommentTags, parameters: Parameters) -> tuple[str | None, CallerSource]:
    """Return the caller that was named and where; None when it has to be minted."""
    if tags.caller_id:
        return tags.caller_id, "comment"
    pinned = parameters.get("rvbbit.caller_id")
    source = parameters.source("rvbbit.caller_id")
    if not pinned or source == "default":
        return None, "minted"
    return pinned, source


def make_context(
    bound: BoundStatement, state: SessionState, options: RunOptions, cancel: CancelToken
) -> CallerContext:
    """Return the caller context of one execution of a statement."""
    tags = bound.statement.tags
    caller_id, source = find_caller(tags, state.parameters)
    root_trace_id, parent_span_id = _trace(tags, state.parameters)
    return CallerContext(
        caller_id=caller_id or mint_caller_id(),
        source=source,
        invocation_metadata=MappingProxyType(_metadata(bound, state)),
        query_id=str(uuid7()),
        run_id=utc_now(),
        root_trace_id=root_trace_id,
        trace_id=parent_span_id or mint_span_id(),
        budget=Budget(options.max_cost_usd),
        cancel=cancel,
    )


def open_account(ctx: CallerContext, bound: BoundStatement, state: SessionState) -> Finish:
    """Record that the statement began; return what records its end."""
    ledger = state.services.ledger
    if ledger is None:
        return lambda rows, error: None
    started = _record(ctx, bound, state)
    ledger.record(started)

    def finish(rows: int, error: Exception | None) -> None:
        ledger.record(replace(started, ended_at=utc_now(), rows_out=rows, **_outcome(error, ctx.cancel)))

    return finish


def _outcome(error: Exception | None, cancel: CancelToken | None) -> dict[str, Any]:
    if error is None:
        return {"status": "success"}
    cancelled = isinstance(error, QueryCancelled) or (cancel is not None and cancel.cancelled)
    return {
        "status": "cancelled" if cancelled else "error",
        "sqlstate": error.sqlstate if isinstance(error, RvbbitError) else "XX000",
        "error_message": str(error),
    }


def _record(ctx: CallerContext, bound: BoundStatement, state: SessionState) -> QueryRecord:
    metadata = dict(ctx.invocation_metadata)
    assert ctx.query_id is not None and ctx.run_id is not None  # make_context sets both
    return QueryRecord(
        query_id=ctx.query_id,
        caller_id=ctx.caller_id,
        caller_source=ctx.source,
        connection_id=state.identity.connection_id,
        started_at=ctx.run_id,
        sql_text=bound.statement.sql,
        status="running",
        protocol=bound.protocol,
        user_name=state.identity.user,
        database_name=state.identity.database,
        application_name=metadata["application"],
        traceparent=bound.statement.tags.traceparent or state.parameters.get("rvbbit.traceparent") or None,
        root_trace_id=ctx.root_trace_id,
        invocation_metadata_json=metadata,
    )


def _metadata(bound: BoundStatement, state: SessionState) -> dict[str, Any]:
    identity = state.identity
    return {
        "origin": "sql",
        "sql": bound.statement.sql,
        "protocol": bound.protocol,
        "user": identity.user,
        "application": state.parameters.get("application_name"),
        "database": identity.database,
        "triggered_by": "sql_query",
        "connection_id": identity.connection_id,
        "client_address": identity.client_address,
        "tags": state.parameters.tags() | dict(bound.statement.tags.tags),
    }


def _trace(tags: CommentTags, parameters: Parameters) -> tuple[str, str | None]:
    """Return the trace to nest in and the parent span; a fresh trace when none is given."""
    given = tags.traceparent or parameters.get("rvbbit.traceparent")
    if not given:
        return mint_trace_id(), None
    _, trace_id, span_id, _ = check_traceparent("traceparent", given).split("-")
    return trace_id, span_id
