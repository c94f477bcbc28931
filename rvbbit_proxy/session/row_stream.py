"""The batches of a large result, encoded beside the reading, sent one after another.

Most of the work happens outside of Python's lock. Text takes two encoders: with two cores a stream needs three
quarters of the time it needs with one. Binary rows are little more than copied, and two would only meet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from rvbbit_proxy.engine.upstream import Batch
from rvbbit_proxy.session.client import Client
from rvbbit_proxy.session.results import row_count

TEXT_ENCODERS = 2
UNDER_WAY = 2
"""So many batches are held at most, beside the one that is read."""


def send_behind(
    batches: Iterable[Batch], encode: Callable[[Batch], bytes], client: Client, encoders: int = TEXT_ENCODERS
) -> int:
    """Send every batch as soon as it and those before it are encoded; return the number of rows.

    Raises what reading, encoding or sending raises, when what came before has left.
    """
    count = 0
    under_way: deque[Future[None]] = deque()
    with ThreadPoolExecutor(encoders, "rvbbit-encoder") as threads:
        for batch in batches:
            count += row_count(batch)
            before = under_way[-1] if under_way else None
            under_way.append(threads.submit(_send_after, before, batch, encode, client))
            if len(under_way) > UNDER_WAY:
                under_way.popleft().result()
        for left in under_way:
            left.result()
    return count


def _send_after(
    before: Future[None] | None, batch: Batch, encode: Callable[[Batch], bytes], client: Client
) -> None:
    data = encode(batch)
    if before is not None:
        before.result()  # it began earlier, so it ends without us
    client.send(data)
    client.flush()
