"""The queue of judgements: bounded, in the background, on the ledger until they are done.

Durable by records: a task is journalled as ``pending`` before it is queued and as ``success`` or ``error`` when
it has run, so that :meth:`MetaQueue.resume` finds after a crash what is owed. A task that ran when the process
died runs again. Everything here happens on one event loop, that of the models.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rvbbit_proxy.caller import CallerContext, utc_now
from rvbbit_proxy.cascade.run import run_cascade
from rvbbit_proxy.cascade.runtime import RunEnded, Runtime
from rvbbit_proxy.errors import ConfigurationFault, LedgerUnwritable, RvbbitError
from rvbbit_proxy.ledger.ledger import Ledger
from rvbbit_proxy.ledger.records import MetaTaskRecord, Record, SessionRecord
from rvbbit_proxy.meta.confidence import annotation_of
from rvbbit_proxy.meta.relevance import relevance_of
from rvbbit_proxy.meta.tasks import CONFIDENCE, RELEVANCE, sampled, tasks_of
from rvbbit_proxy.settings import RunOptions

log = logging.getLogger(__name__)


class MetaQueue:
    """Judges ended runs. Make it, give :meth:`run_ended` to the runtime's observers, then :meth:`start` it.

    ``meta_of_meta``: judge the judgements too, one level deep.
    """

    def __init__(
        self, ledger: Ledger, *, concurrency: int = 2, limit: int = 1_000, meta_of_meta: bool = False
    ) -> None:
        self._ledger = ledger
        self._slots = asyncio.Semaphore(concurrency)
        self._limit = limit
        self._meta_of_meta = meta_of_meta
        self._runtime: Runtime | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._overflowing = False
        self.dropped = 0
        """Judgements that were not queued because the queue was full."""

    def start(self, runtime: Runtime) -> None:
        """Take ended runs from now on and judge them with this runtime.

        Raises :class:`ConfigurationFault` when it lacks a meta cascade.
        """
        missing = [name for name in (CONFIDENCE, RELEVANCE) if name not in runtime.cascades]
        if missing:
            raise ConfigurationFault(f"meta cascades are not loaded: {', '.join(missing)}")
        self._runtime = runtime

    @property
    def pending(self) -> int:
        """Judgements queued or running."""
        return len(self._work)

    def run_ended(self, ended: RunEnded) -> None:
        """Queue the judgements of a run that ended, if it is in the sample. Never raises for a full queue."""
        if self._runtime is None or not self._wanted(ended):
            return
        for task in tasks_of(ended):
            if self._has_room():
                self._ledger.record(task)
                self._start(task, ended.options)

    def _wanted(self, ended: RunEnded) -> bool:
        if not sampled(ended.session.session_id, ended.options.meta):
            return False
        return not ended.session.is_meta or (self._meta_of_meta and self._judges_a_query(ended.session))

    def _judges_a_query(self, meta: SessionRecord) -> bool:
        """Tell whether a meta run is of the first level; the levels below are not judged."""
        judged = self._ledger.get_session_caller_context(meta.meta_of_session_id or "")
        return judged is not None and not judged.is_meta

    def _has_room(self) -> bool:
        if len(self._work) < self._limit:
            self._overflowing = False
            return True
        self.dropped += 1
        if not self._overflowing:
            log.warning("meta: the queue is full (%d), judgements are dropped", self._limit)
        self._overflowing = True
        return False

    def _start(self, task: MetaTaskRecord, options: RunOptions) -> None:
        work = asyncio.get_running_loop().create_task(self._judge(task, options))
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def resume(self, options: RunOptions) -> int:
        """Queue what an earlier process still owed; return how much. Each keeps the model it was to ask."""
        owed = await asyncio.to_thread(self._ledger.pending_meta_tasks)
        for task in owed:
            self._start(task, options)
        return len(owed)

    async def drain(self) -> None:
        """Wait until nothing is queued or running."""
        while self._work:
            await asyncio.wait(self._work)

    async def aclose(self) -> None:
        """Stop at once; what has not been judged stays pending on the ledger."""
        for work in self._work:
            work.cancel()
        await self.drain()

    async def _judge(self, task: MetaTaskRecord, options: RunOptions) -> None:
        """Run one judgement and record how it ended; its failure is nobody's but its own."""
        async with self._slots:
            done = replace(task, inputs=None)
            try:
                records, meta = await self._run(task, options)
            except RvbbitError as error:
                log.warning("meta: %s of %s failed: %s", task.cascade_id, task.meta_of_session_id, error)
                self._record(replace(done, status="error", completed_at=utc_now(), error_message=str(error)))
            except Exception as error:
                log.exception("meta: %s of %s failed", task.cascade_id, task.meta_of_session_id)
                self._record(replace(done, status="error", completed_at=utc_now(), error_message=repr(error)))
            else:
                ended = replace(
                    done,
                    status="success",
                    completed_at=utc_now(),
                    caller_id=meta.caller_id,
                    meta_session_id=meta.session_id,
                )
                self._record(*records, ended)

    def _record(self, *records: Record) -> None:
        try:
            self._ledger.record(*records)
        except LedgerUnwritable as error:
            log.error("meta: a judgement could not be recorded and will be made again: %s", error)

    async def _run(self, task: MetaTaskRecord, options: RunOptions) -> tuple[tuple[Record, ...], SessionRecord]:
        """Run the meta cascade for the judged run's caller; return the judgement and the meta run."""
        assert self._runtime is not None
        ctx = await self._context_of(task.meta_of_session_id)
        ended: list[RunEnded] = []
        answer = await run_cascade(
            self._runtime.cascades[task.cascade_id],
            task.inputs or {},
            ctx,
            replace(options, model=task.model, max_cost_usd=None, on_error="fail", progress=False),
            replace(self._runtime, observers=(*self._runtime.observers, ended.append)),
            meta_of_session_id=task.meta_of_session_id,
        )
        meta = next(run.session for run in ended if run.session.meta_of_session_id == task.meta_of_session_id)
        return JUDGEMENTS[task.cascade_id](task, meta, answer), meta

    async def _context_of(self, session_id: str) -> CallerContext:
        """Return the context under which to judge a run: its own, but meta, without its budget and cancel."""
        parent = await asyncio.to_thread(self._ledger.get_session_caller_context, session_id)
        if parent is None:
            log.warning("meta: session %s is not on the ledger, it is judged without a caller", session_id)
            parent = CallerContext(None)
        return replace(parent, is_meta=True, budget=None, cancel=None)


def _confidence(task: MetaTaskRecord, meta: SessionRecord, answer: Any) -> tuple[Record, ...]:
    return (annotation_of(task, meta, answer),)


JUDGEMENTS: dict[str, Callable[[MetaTaskRecord, SessionRecord, Any], tuple[Record, ...]]] = {
    CONFIDENCE: _confidence,
    RELEVANCE: relevance_of,
}
"""How each meta cascade's answer becomes records."""
