"""Records for the ledger's tests, complete but for what a test says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rvbbit_proxy.caller import mint_session_id, mint_span_id, utc_now, uuid7
from rvbbit_proxy.ledger.records import (
    AnnotationRecord,
    EventRecord,
    InteractionRecord,
    QueryRecord,
    SessionRecord,
)

NOON = datetime(2026, 11, 20, 12, 0, 0, 7, tzinfo=UTC)


def query_row(**values: Any) -> QueryRecord:
    defaults: dict[str, Any] = {
        "query_id": str(uuid7()),
        "caller_id": "sql-calm-crab-000001",
        "caller_source": "minted",
        "connection_id": "1",
        "started_at": NOON,
        "sql_text": "SELECT 1",
        "status": "success",
    }
    return QueryRecord(**{**defaults, **values})


def session_row(**values: Any) -> SessionRecord:
    defaults: dict[str, Any] = {
        "session_id": mint_session_id(),
        "cascade_id": "matches",
        "caller_id": "sql-calm-crab-000001",
        "created_at": NOON,
        "status": "success",
        "trace_id": mint_span_id(),
    }
    return SessionRecord(**{**defaults, **values})


def annotation_row(**values: Any) -> AnnotationRecord:
    defaults: dict[str, Any] = {
        "annotation_id": str(uuid7()),
        "session_id": "ses_1",
        "caller_id": "sql-calm-crab-000001",
        "created_at": utc_now(),
    }
    return AnnotationRecord(**{**defaults, **values})


def call_row(**values: Any) -> InteractionRecord:
    defaults: dict[str, Any] = {
        "interaction_id": str(uuid7()),
        "caller_id": "sql-calm-crab-000001",
        "root_trace_id": "0" * 32,
        "trace_id": mint_span_id(),
        "start_time": NOON,
        "model": "openai/gpt-5-mini",
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "total_cost": Decimal("0.000000001"),
        "cost_state": "priced",
        "success": True,
    }
    return InteractionRecord(**{**defaults, **values})


def event_row(**values: Any) -> EventRecord:
    defaults: dict[str, Any] = {
        "event_id": str(uuid7()),
        "event_type": "cell",
        "caller_id": "sql-calm-crab-000001",
        "root_trace_id": "0" * 32,
        "trace_id": mint_span_id(),
        "start_time": NOON,
    }
    return EventRecord(**{**defaults, **values})
