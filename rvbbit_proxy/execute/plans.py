"""Plans of statements that came before, so that one that is repeated is not planned again.

A plan names the relations it makes. Those of a kept plan are always the same, so what an upstream knows of the final
statement holds the next time; hence a session runs a kept plan once at a time, and another meanwhile gets its own names.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.plan.plan import Plan

KEPT_PLANS = 256
LONGEST_KEPT = 20_000
"""Statements of more characters are seldom repeated."""

Describe = Callable[[str], Sequence[str]]
MakePlan = Callable[[Describe, str | None], Plan]
"""Plans a statement, given what tells column names and the suffix of relations, None for a fresh one."""


@dataclass(slots=True)
class Plans:
    """The plans used last. Safe from any thread."""

    _kept: dict[tuple[str, str], Plan] = field(default_factory=dict)
    _running: weakref.WeakKeyDictionary[UpstreamSession, set[str]] = field(
        default_factory=weakref.WeakKeyDictionary
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, sql: str, make: MakePlan, describe: Describe, upstream: UpstreamSession) -> Plan:
        """Return the plan of a statement whose text alone tells it; ``make`` makes it unless it is kept.

        What was asked of the upstream's catalogs may be otherwise the next time, so such a plan is not kept.
        """
        key = upstream.dialect, sql
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is not None:
                self._kept[key] = kept
            running = frozenset(self._running.get(upstream, ()))
        if kept is not None and running.isdisjoint(kept.relations):
            return kept
        if kept is not None or len(sql) > LONGEST_KEPT:
            return make(describe, None)
        asked = False

        def describe_once(query: str) -> Sequence[str]:
            nonlocal asked
            asked = True
            return describe(query)

        made = make(describe_once, hashlib.sha256(sql.encode("utf-8", "surrogatepass")).hexdigest()[:16])
        if not running.isdisjoint(made.relations):
            return make(describe, None)
        if not asked:
            with self._lock:
                self._kept[key] = made
                if len(self._kept) > KEPT_PLANS:
                    del self._kept[next(iter(self._kept))]
        return made

    def begin(self, plan: Plan, upstream: UpstreamSession) -> None:
        """Note that a session runs a plan."""
        with self._lock:
            self._running.setdefault(upstream, set()).update(plan.relations)

    def end(self, plan: Plan, upstream: UpstreamSession) -> None:
        """Note that what the plan has made in the session is gone."""
        with self._lock:
            self._running.get(upstream, set()).difference_update(plan.relations)
