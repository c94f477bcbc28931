"""What operators have let through before: of the inputs judged with the same constants, how many were true.

A score counts as true above one half. The counts are on the ledger, in each operator span's ``args``; at start the
newest spans are read back.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rvbbit_proxy.plan.plan import OperatorStage

LOADED_SPANS = 10_000
"""Operator spans read from the ledger at start."""
SPANS_SQL = f"""
SELECT args::VARCHAR AS args FROM rvbbit_ledger.main.latency_events
WHERE event_type = 'operator' AND args->>'true' IS NOT NULL ORDER BY start_time DESC LIMIT {LOADED_SPANS}
"""
TRUE_SCORE = 0.5


class History:
    """Counts by operator and constants. Safe from any thread."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def load(self, spans: Iterable[Mapping[str, Any]]) -> None:
        """Take the ``args`` of operator spans, as :func:`counted` made them."""
        for args in spans:
            self._add(_key(args["operator"], args["constants"]), args["judged"], args["true"])

    def note(self, stage: OperatorStage, counts: Mapping[str, Any]) -> None:
        """Add what a stage has judged, as :func:`counted` tells it."""
        if counts:
            self._add(_key(stage.operator.name, counts["constants"]), counts["judged"], counts["true"])

    def counts(self, stage: OperatorStage) -> tuple[int, int]:
        """Return how many inputs were judged with the stage's constants, and how many of them were true."""
        with self._lock:
            return self._counts.get(_key(stage.operator.name, dict(stage.constants)), (0, 0))

    def _add(self, key: str, judged: int, true: int) -> None:
        with self._lock:
            before = self._counts.get(key, (0, 0))
            self._counts[key] = (before[0] + judged, before[1] + true)


def _key(operator: str, constants: Mapping[str, Any]) -> str:
    return json.dumps([operator, constants], sort_keys=True, default=str)


def counted(stage: OperatorStage, values: Sequence[Any]) -> dict[str, Any]:
    """Return what a stage's answers tell of later ones; nothing where they are neither booleans nor scores."""
    if stage.aggregate or stage.operator.returns not in ("boolean", "double precision"):
        return {}
    known = [value for value in values if value is not None]
    true = sum(value is True or (value is not False and value > TRUE_SCORE) for value in known)
    return {"constants": dict(stage.constants), "judged": len(known), "true": true}


def load_history(rows: Sequence[Mapping[str, Any]]) -> History:
    """Return the history of the rows of :data:`SPANS_SQL`."""
    history = History()
    history.load(json.loads(row["args"]) for row in rows)
    return history
