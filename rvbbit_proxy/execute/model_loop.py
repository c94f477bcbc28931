"""The one event loop on which all model traffic runs, in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.errors import QueryCancelled

T = TypeVar("T")
POLL_S = 0.05


class ModelLoop:
    """Runs coroutines for threads that block; cancellation of the statement cancels its task."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rvbbit-models", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], cancel: CancelToken | None = None) -> T:
        """Run to the end and return the result.

        :raises QueryCancelled: as soon as ``cancel`` is set; requests in flight are stopped.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        while True:
            try:
                return future.result(timeout=POLL_S if cancel is not None else None)
            except concurrent.futures.TimeoutError:
                if future.done():
                    raise
                if cancel is not None and cancel.cancelled:
                    self._stop(future)
                    cancel.check()
            except concurrent.futures.CancelledError:
                raise QueryCancelled("canceling statement due to user request") from None

    @staticmethod
    def _stop(future: concurrent.futures.Future[Any]) -> None:
        """Cancel the task and wait until it has recorded what it was doing."""
        future.cancel()

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
