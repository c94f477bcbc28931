"""The judgement of ``assess_training_confidence`` as an annotation."""

from __future__ import annotations

from typing import Any

from rvbbit_proxy.caller import utc_now, uuid7
from rvbbit_proxy.ledger.records import AnnotationRecord, MetaTaskRecord, SessionRecord
from rvbbit_proxy.meta.tasks import CONFIDENCE


def annotation_of(task: MetaTaskRecord, meta: SessionRecord, answer: dict[str, Any]) -> AnnotationRecord:
    """Return the annotation; ``answer`` is ``{"confidence": 0 to 1, "reason": text}``."""
    return AnnotationRecord(
        annotation_id=str(uuid7()),
        session_id=task.meta_of_session_id,
        caller_id=meta.caller_id,
        created_at=utc_now(),
        confidence=float(answer["confidence"]),
        notes=answer.get("reason"),
        annotated_by=CONFIDENCE,
        meta_session_id=meta.session_id,
    )
