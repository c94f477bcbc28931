"""Results to messages: RowDescription, rows as they come, command tags, errors.

Rows leave batch by batch, and ``Client.send`` blocks while the client does not read: memory is bounded by a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.upstream import Batch, Column, RawRows, ValueRows
from rvbbit_proxy.errors import InternalFault, QueryCancelled, RvbbitError
from rvbbit_proxy.session.client import Client, ClientLost
from rvbbit_proxy.session.results import row_count
from rvbbit_proxy.session.row_stream import TEXT_ENCODERS, send_behind
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.types.few_rows import encode_value_rows, value_encoders
from rvbbit_proxy.wire.types.rows import FEW_ROWS, encode_data_rows, encode_raw_rows
from rvbbit_proxy.wire.types.style import TextStyle

log = logging.getLogger(__name__)

EARLY_ROWS = 1000
"""A batch of at least this many rows leaves at once, and more are likely to follow."""

_NEVER_CANCELLED = CancelToken()
_COUNTED = frozenset({"SELECT", "FETCH", "MOVE", "COPY"})


def send_rows(
    batches: Iterable[Batch],
    columns: Sequence[Column],
    formats: Sequence[int],
    state: SessionState,
    cancel: CancelToken,
) -> int:
    """Send rows as they come and return their number."""
    count, client = 0, state.client
    codes = backend.spread_formats(formats, len(columns))
    encode = partial(encode_batch, columns=columns, codes=codes, style=state.parameters.text_style())
    checked = _checked(batches, cancel)
    for batch in checked:
        rows = row_count(batch)
        count += rows
        client.send(encode(batch))
        if rows >= EARLY_ROWS:
            client.flush()
            return count + send_behind(checked, encode, client, 1 if all(codes) else TEXT_ENCODERS)
    return count


def _checked(batches: Iterable[Batch], cancel: CancelToken) -> Iterator[Batch]:
    for batch in batches:
        cancel.check()
        yield batch


def encode_batch(batch: Batch, columns: Sequence[Column], codes: Sequence[int], style: TextStyle) -> bytes:
    """Return the DataRow messages of a batch; raises NotSupported for raw binary rows asked as text."""
    if isinstance(batch, RawRows):
        return encode_raw_rows(batch.rows, batch.formats, columns, codes)
    if isinstance(batch, ValueRows) and batch.num_rows <= FEW_ROWS:
        encoders = value_encoders(tuple(column.type_oid for column in columns), tuple(codes), style)
        if encoders is not None:
            return encode_value_rows(batch.rows, encoders)
    return encode_data_rows(batch, columns, codes, style)


def counted_tag(tag: str, rows: int) -> str:
    """Return the tag with the rows sent, where PostgreSQL's has them.

    >>> counted_tag("SELECT", 3), counted_tag("INSERT 0 1", 1), counted_tag("SHOW", 1)
    ('SELECT 3', 'INSERT 0 1', 'SHOW')
    """
    return f"{tag} {rows}" if tag in _COUNTED else tag


class Attempt:
    """A statement that runs, cancellable; what goes wrong is told to the client, and fails its transaction.

    The one place where any exception ends: a bug costs the statement, not the session. ``offset`` is where the
    statement begins in its text, in characters. What is not ``lasting`` is over soon, and not cancelled.
    """

    __slots__ = ("_lasting", "_state", "cancel", "offset", "succeeded")

    def __init__(self, state: SessionState, *, lasting: bool = True) -> None:
        self._state = state
        self._lasting = lasting
        self.cancel = state.start_running() if lasting else _NEVER_CANCELLED
        self.offset = 0
        self.succeeded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool:
        try:
            if error is None:
                self.succeeded = True
                return True
            if isinstance(error, ClientLost) or not isinstance(error, Exception):
                return False
            tell_failure(self._fault(error), self._state, self.offset)
            return True
        finally:
            if self._lasting:
                self._state.stop_running()

    def _fault(self, error: Exception) -> RvbbitError:
        if self.cancel.cancelled:
            log.info("a cancelled statement ended in %r", error)
            return QueryCancelled(self.cancel.reason)
        if isinstance(error, RvbbitError):
            return error
        log.error("a statement met a bug", exc_info=error)
        told = f"internal error: {type(error).__name__}: {error}"
        return InternalFault(told, hint="The server's log has more.")


def tell_failure(error: RvbbitError, state: SessionState, offset: int = 0) -> None:
    """Send the error and fail the transaction."""
    send_error(error, state.client, offset)
    try:
        state.block.fail()
    except RvbbitError as rollback_error:
        log.warning("the upstream did not roll back: %s", rollback_error)


def send_error(error: RvbbitError, client: Client, offset: int = 0) -> None:
    """Send an ErrorResponse; a position counts from ``offset`` characters on."""
    fields = backend.error_fields(error)
    if "P" in fields and offset:
        fields["P"] = str(int(fields["P"]) + offset)
    client.send(backend.encode_error_response(fields))
