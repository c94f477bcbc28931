"""Results that the session makes itself, and the account a result keeps of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rvbbit_proxy.engine.upstream import Batch, Column, RawRows, UpstreamResult
from rvbbit_proxy.wire.types import oids

Finish = Callable[[int, Exception | None], None]
"""Told once, at the end of a result: its rows, and the error that ended it."""


class TextRows(UpstreamResult):
    """Rows of text columns; text's wire form is the same in both formats."""

    def __init__(
        self, names: Sequence[str], rows: Sequence[Sequence[str | None]], tag: str, formats: Sequence[int] = ()
    ) -> None:
        super().__init__()
        self.columns = text_columns(names)
        self.tag = tag
        self._formats = tuple(formats) if len(formats) == len(names) else tuple(formats or (0,)) * len(names)
        self._rows: list[tuple[bytes | None, ...]] = [
            tuple(None if value is None else value.encode() for value in row) for row in rows
        ]

    def batches(self) -> Iterator[Batch]:
        """Yield all rows at once, then none."""
        rows, self._rows = self._rows, []
        if rows:
            yield RawRows(rows, self._formats)

    def detach(self) -> None:
        """Nothing to do: the rows are here."""

    def close(self) -> None:
        """Drop the rows."""
        self._rows = []


class Done(UpstreamResult):
    """A command without rows."""

    columns = None

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag = tag

    def batches(self) -> Iterator[Batch]:
        """Yield nothing."""
        return iter(())

    def detach(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class AccountedResult(UpstreamResult):
    """A result that tells its row count when it ends, well or not."""

    def __init__(self, inner: UpstreamResult, finish: Finish) -> None:
        super().__init__()
        self._inner = inner
        self._finish: Finish | None = finish
        self._rows = 0
        self.columns = inner.columns
        self.tag = inner.tag
        if self.columns is None:
            self._end(None)

    def batches(self) -> Iterator[Batch]:
        """Yield the inner batches."""
        try:
            for batch in self._inner.batches():
                self._rows += row_count(batch)
                yield batch
        except Exception as error:
            self._end(error)
            raise
        self._end(None)

    def detach(self) -> None:
        """Free the session for another statement."""
        self._inner.detach()

    def close(self) -> None:
        """Drop what is left: the client wanted no more."""
        self._inner.close()
        self._end(None)

    def _end(self, error: Exception | None) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(self._rows, error)


def text_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """Return columns of type text."""
    return tuple(Column(name, oids.TEXT) for name in names)


def row_count(batch: Batch) -> int:
    """Return how many rows a batch holds."""
    return len(batch.rows) if isinstance(batch, RawRows) else int(batch.num_rows)


def slice_batch(batch: Batch, start: int, stop: int) -> Batch:
    """Return rows ``start`` to before ``stop``."""
    if isinstance(batch, RawRows):
        return RawRows(batch.rows[start:stop], batch.formats)
    return batch.slice(start, stop - start)
