"""Results that the proxy makes itself, and results that end the transaction they were read in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from rvbbit_proxy.engine.upstream import Batch, Column, UpstreamResult


class TableResult(UpstreamResult):
    """Rows at hand, such as a plan's text."""

    def __init__(self, columns: Sequence[Column], table: pa.Table, tag: str) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.tag = tag
        self._batches = iter(table.to_batches())

    def batches(self) -> Iterator[Batch]:
        """Yield the rows."""
        yield from self._batches

    def detach(self) -> None:
        """Nothing to do: the rows are here."""

    def close(self) -> None:
        """Drop the rows."""
        self._batches = iter(())


class FinishedResult(UpstreamResult):
    """A result after whose last row something is done once, such as dropping the stages' relations."""

    def __init__(self, inner: UpstreamResult, finish: Callable[[bool], None], tag: str | None = None) -> None:
        super().__init__()
        self._inner = inner
        self._tag = tag
        self._finish: Callable[[bool], None] | None = finish
        self.columns = inner.columns
        if self.columns is None:
            self._end(True)

    @property
    def tag(self) -> str:
        """The command tag of the inner result, where none was given."""
        return self._inner.tag if self._tag is None else self._tag

    @tag.setter
    def tag(self, value: str) -> None:
        self._tag = value

    def batches(self) -> Iterator[Batch]:
        """Yield the inner result's rows, then finish."""
        try:
            yield from self._inner.batches()
        except BaseException:
            self._end(False)
            raise
        self._end(True)

    def detach(self) -> None:
        """Read what is left to memory, then finish: the session is free for another statement."""
        self._inner.detach()
        self._end(True)

    def close(self) -> None:
        """Drop what is left, then finish."""
        self._inner.close()
        self._end(True)

    def _end(self, success: bool) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(success)
