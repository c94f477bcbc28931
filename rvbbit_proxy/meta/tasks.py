"""What is to be judged of an ended run, as tasks that can be written down.

Sampling is by the session's id, so that the same run is always judged or always left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from rvbbit_proxy.caller import utc_now, uuid7
from rvbbit_proxy.cascade.runtime import CellEnded, RunEnded
from rvbbit_proxy.ledger.records import MetaTaskRecord

CONFIDENCE = "assess_training_confidence"
RELEVANCE = "analyze_context_relevance"

TEXT_CHARS = 1_000
"""How much of one text a judge sees; a judgement costs about as much as what it judges."""
ITEMS = 20
"""How many items of one array a judge sees."""
DEPTH = 6


def sampled(session_id: str, share: float) -> bool:
    """Tell whether a run belongs to the share (0 to 1) of runs that are judged.

    >>> sampled("ses_1", 1.0), sampled("ses_1", 0.0)
    (True, False)
    """
    digest = hashlib.sha256(session_id.encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def tasks_of(ended: RunEnded) -> Iterator[MetaTaskRecord]:
    """Yield what to judge of a run that ended well: its answer, and each cell that had context."""
    if ended.session.status != "success":
        return
    yield _task(ended, CONFIDENCE, _answer_inputs(ended))
    for cell in ended.cells:
        if cell.context_messages:
            yield _task(ended, RELEVANCE, _cell_inputs(cell), cell)


def shorten(value: Any, depth: int = DEPTH) -> Any:
    """Return the value with long texts and arrays cut; what is cut says so.

    >>> shorten(list(range(22)))[-1]
    '… (2 more)'
    """
    if isinstance(value, str):
        return _shorten_text(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == 0:
        return _shorten_text(str(value))
    more = len(value) - ITEMS
    if isinstance(value, Mapping):
        kept = {str(key): shorten(item, depth - 1) for key, item in list(value.items())[:ITEMS]}
        return kept | ({"…": f"{more} more"} if more > 0 else {})
    return [shorten(item, depth - 1) for item in value[:ITEMS]] + ([f"… ({more} more)"] if more > 0 else [])


def _shorten_text(text: str) -> str:
    more = len(text) - TEXT_CHARS
    return f"{text[:TEXT_CHARS]}… ({more} more characters)" if more > 0 else text


def _answer_inputs(ended: RunEnded) -> dict[str, Any]:
    definition = ended.session.cascade_definition or {}
    return {
        "task": shorten(str(definition.get("description") or ended.session.cascade_id)),
        "input": shorten(ended.session.input_data),
        "output": shorten(ended.session.output),
    }


def _cell_inputs(cell: CellEnded) -> dict[str, Any]:
    return {
        "cell": cell.name,
        "context": [shorten(message.content) for message in cell.context_messages],
        "output": shorten(cell.output),
    }


def _task(
    ended: RunEnded, cascade_id: str, inputs: dict[str, Any], cell: CellEnded | None = None
) -> MetaTaskRecord:
    return MetaTaskRecord(
        task_id=str(uuid7()),
        cascade_id=cascade_id,
        meta_of_session_id=ended.session.session_id,
        created_at=utc_now(),
        status="pending",
        model=ended.options.model,
        caller_id=ended.session.caller_id,
        cell_name=cell.name if cell else None,
        inputs=inputs,
        context_trace_ids=[message.trace_id for message in cell.context_messages] if cell else [],
    )
