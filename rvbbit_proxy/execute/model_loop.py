"""The one event loop on which all model traffic runs, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import nullcontext
from typing import Any, TypeVar

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.errors import QueryCancelled

T = TypeVar("T")


class ModelLoop:
    """Runs coroutines for threads that block; cancellation of the statement cancels its task."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rvbbit-models", daemon=True)
        self._thread.start()

    def run(
        self,
        work: Coroutine[Any, Any, T],
        cancel: CancelToken | None = None,
        *,
        tick: Callable[[], None] | None = None,
        every_s: float = 1.0,
    ) -> T:
        """Run to the end and return the result; meanwhile call ``tick`` every so often, on the caller's thread.

        :raises QueryCancelled: once ``cancel`` is set; requests in flight are stopped, and recorded by then.
        """
        ended: Future[T] = Future()
        started: Future[asyncio.Task[T]] = Future()

        def start() -> None:
            task = self._loop.create_task(work)
            task.add_done_callback(lambda task: _tell(task, ended))
            started.set_result(task)

        def stop() -> None:
            self._loop.call_soon_threadsafe(lambda: started.result().cancel())

        self._loop.call_soon_threadsafe(start)
        with nullcontext() if cancel is None else cancel.calling(stop):
            try:
                while tick is not None and not wait([ended], every_s).done:
                    tick()
                return ended.result()
            except asyncio.CancelledError:
                reason = "canceling statement due to user request" if cancel is None else cancel.reason
                raise QueryCancelled(reason) from None

    def close(self) -> None:
        """Cancel what is left and stop the thread."""

        async def finish() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._loop.shutdown_default_executor()

        asyncio.run_coroutine_threadsafe(finish(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _tell(task: asyncio.Task[T], ended: Future[T]) -> None:
    """Hand a task's end over to the thread that waits for it."""
    if task.cancelled():
        ended.set_exception(asyncio.CancelledError())
        return
    error = task.exception()
    if error is None:
        ended.set_result(task.result())
    else:
        ended.set_exception(error)
