"""The judgement of ``analyze_context_relevance`` as one record per message of context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rvbbit_proxy.caller import utc_now, uuid7
from rvbbit_proxy.ledger.records import MetaTaskRecord, RelevanceRecord, SessionRecord


def relevance_of(
    task: MetaTaskRecord, meta: SessionRecord, answer: Sequence[dict[str, Any]]
) -> tuple[RelevanceRecord, ...]:
    """Return a record for every message that was to be judged.

    ``answer`` is an array of ``{"message": 1-based, "relevance": 0 to 1, "reason": text}``. A message that it
    leaves out has relevance None.
    """
    judged = {entry["message"]: entry for entry in answer}
    return tuple(
        _record(task, meta, trace_id, judged.get(number, {}))
        for number, trace_id in enumerate(task.context_trace_ids, start=1)
    )


def _record(task: MetaTaskRecord, meta: SessionRecord, trace_id: str, entry: dict[str, Any]) -> RelevanceRecord:
    return RelevanceRecord(
        relevance_id=str(uuid7()),
        session_id=meta.session_id,
        meta_of_session_id=task.meta_of_session_id,
        cell_name=task.cell_name,
        caller_id=meta.caller_id,
        created_at=utc_now(),
        context_trace_id=trace_id,
        relevance=entry.get("relevance"),
        reason=entry.get("reason") if entry else "not judged",
    )
