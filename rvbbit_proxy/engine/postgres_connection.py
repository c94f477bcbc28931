"""Waiting for libpq without holding Python's lock.

libpq's own blocking calls, as psycopg offers them, keep the interpreter's lock while the server works: no other
session would run, and no cancel could be sent. So the connection is non-blocking, and the waiting is done here.
Source: https://www.postgresql.org/docs/16/libpq-async.html
"""

from __future__ import annotations

import select

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from rvbbit_proxy.errors import UpstreamLost

_POLLED = {pq.PollingStatus.READING: select.POLLIN, pq.PollingStatus.WRITING: select.POLLOUT}


def connect(conninfo: str, timeout_s: float) -> PGconn:
    """Connect; raises UpstreamLost when the server refuses or nothing comes for ``timeout_s`` seconds."""
    connection = pq.PGconn.connect_start(conninfo.encode())
    polling = pq.PollingStatus.WRITING
    while polling in _POLLED and connection.status != pq.ConnStatus.BAD:
        if not _wait(connection, _POLLED[polling], timeout_s):
            raise UpstreamLost("could not connect to the upstream", detail=f"no answer in {timeout_s:g} s")
        polling = pq.PollingStatus(connection.connect_poll())
    if connection.status != pq.ConnStatus.OK:
        said = connection.error_message.decode(errors="replace").strip()
        raise UpstreamLost("could not connect to the upstream", detail=said or None)
    connection.nonblocking = 1
    return connection


def _wait(connection: PGconn, events: int, timeout_s: float | None = None) -> int:
    """Wait until the socket is ready; return for what, 0 when the time is over."""
    poller = select.poll()
    poller.register(connection.socket, events)
    ready = poller.poll(None if timeout_s is None else timeout_s * 1000)
    return ready[0][1] if ready else 0


def flush(connection: PGconn) -> None:
    """Send what is queued, reading meanwhile what the server says."""
    while connection.flush() == 1:
        if _wait(connection, select.POLLIN | select.POLLOUT) & select.POLLIN:
            connection.consume_input()


def next_result(connection: PGconn) -> PGresult | None:
    """Return the next result of what was sent, None after the last."""
    while connection.is_busy():
        _wait(connection, select.POLLIN)
        connection.consume_input()
    return connection.get_result()


def last_result(connection: PGconn) -> PGresult:
    """Return the one result of a simple request, first its error if there are several."""
    flush(connection)
    last: PGresult | None = None
    while (result := next_result(connection)) is not None:
        if last is None or last.status != pq.ExecStatus.FATAL_ERROR:
            last = result
        if result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT):
            break
    if last is None:
        raise psycopg.OperationalError("the server gave no result")
    return last


def put_copy_data(connection: PGconn, data: bytes) -> None:
    """Send COPY data, no faster than the server takes it."""
    while connection.put_copy_data(data) == 0:
        _wait(connection, select.POLLOUT)
    flush(connection)


def put_copy_end(connection: PGconn, failure: bytes | None = None) -> None:
    """End COPY data, or let the COPY fail."""
    while connection.put_copy_end(failure) == 0:
        _wait(connection, select.POLLOUT)
    flush(connection)


def get_copy_data(connection: PGconn) -> memoryview | None:
    """Return one row of COPY data, None at the end; the rest is in the results."""
    while True:
        size, data = connection.get_copy_data(1)
        if size > 0:
            return data
        if size < 0:
            return None
        _wait(connection, select.POLLIN)
        connection.consume_input()
