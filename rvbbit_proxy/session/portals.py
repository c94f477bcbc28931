"""Portals: statements bound to values and being fetched, row limit by row limit.

Cursors made by DECLARE are ``cursors``' matter; both share PostgreSQL's one name space of portals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rvbbit_proxy.engine.upstream import Batch, UpstreamResult
from rvbbit_proxy.errors import DuplicatePortal, UnknownPortal
from rvbbit_proxy.session.results import row_count, slice_batch
from rvbbit_proxy.session.statements import BoundStatement, PreparedStatement


class RowSource:
    """Takes rows off a result in pieces of any size."""

    def __init__(self, result: UpstreamResult) -> None:
        self.result = result
        self._batches = result.batches()
        self._left: Batch | None = None
        self.ended = False

    def take(self, limit: int) -> Iterator[Batch]:
        """Yield batches of together at most ``limit`` rows; 0 is all that is left."""
        wanted = limit
        while not self.ended:
            batch = self._next()
            if batch is None:
                self.ended = True
                return
            count = row_count(batch)
            if limit and count >= wanted:
                self._left = slice_batch(batch, wanted, count) if count > wanted else None
                yield slice_batch(batch, 0, wanted)
                return
            wanted -= count
            yield batch

    def close(self) -> None:
        """Drop what is left."""
        self.ended, self._left = True, None
        self.result.close()

    def _next(self) -> Batch | None:
        left, self._left = self._left, None
        return left if left is not None else next(self._batches, None)


@dataclass(slots=True)
class Portal:
    """``source`` is None until the first Execute, ``done`` once it can give no more."""

    name: str
    bound: BoundStatement
    prepared: PreparedStatement
    source: RowSource | None = None
    done: bool = False


@dataclass(slots=True)
class Portals:
    """The portals of one session, gone when their transaction ends."""

    _by_name: dict[str, Portal] = field(default_factory=dict)

    def add(self, portal: Portal) -> None:
        """Keep it; only the unnamed one may be replaced. Raises DuplicatePortal (42P03)."""
        if portal.name and portal.name in self._by_name:
            raise DuplicatePortal(f'cursor "{portal.name}" already exists')
        self.drop(portal.name)
        self._by_name[portal.name] = portal

    def get(self, name: str) -> Portal:
        """Return it; raises UnknownPortal (34000)."""
        found = self._by_name.get(name)
        if found is None:
            raise UnknownPortal(f'portal "{name}" does not exist')
        return found

    def find(self, name: str) -> Portal | None:
        """Return it, or None."""
        return self._by_name.get(name)

    def drop(self, name: str) -> None:
        """Close and forget it, if it is there."""
        portal = self._by_name.pop(name, None)
        if portal is not None and portal.source is not None:
            portal.source.close()

    def clear(self) -> None:
        """Close and forget all."""
        for name in tuple(self._by_name):
            self.drop(name)
