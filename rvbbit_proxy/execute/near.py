"""Which texts of one side are nearest to those of the other, exactly, by the cosine of their vectors. Pure."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
"""One L2-normalised row for each text."""
Positions = npt.NDArray[np.int64]
COMPARED_ROWS = 1_000
"""Askers whose similarities are in memory at the same time."""


class Near(Protocol):
    """Who is near whom: ``most`` is the length of the longest list of others."""

    most: int

    def ranked(self, askers: Positions, first: int, last: int) -> tuple[Positions, Positions]:
        """Return each asker with its nearest others from rank ``first`` to before ``last``, as pairs of positions."""


class AllNear:
    """Everybody may be near everybody."""

    def __init__(self, longer: Matrix, shorter: Matrix) -> None:
        self._longer, self._shorter = longer, shorter
        self.most = len(shorter)

    def ranked(self, askers: Positions, first: int, last: int) -> tuple[Positions, Positions]:
        """Rank the whole other side."""
        nearest = min(last, self.most)
        found = [np.zeros((0, nearest), np.int64)]
        for start in range(0, len(askers), COMPARED_ROWS):
            cosines = self._longer[askers[start : start + COMPARED_ROWS]] @ self._shorter.T
            if nearest < cosines.shape[1]:
                chosen = np.argpartition(-cosines, nearest - 1, axis=1)[:, :nearest]
            else:
                chosen = np.broadcast_to(np.arange(nearest), cosines.shape)
            order = np.argsort(-np.take_along_axis(cosines, chosen, axis=1), axis=1, kind="stable")
            found.append(np.take_along_axis(chosen, order, axis=1))
        others = np.concatenate(found)[:, first:]
        return np.repeat(askers, others.shape[1]), others.ravel()


class ListedNear:
    """Everybody has a list of others, given as pairs of positions. Without ``shorter`` the lists are ranked already."""

    def __init__(self, longer: Matrix, shorter: Matrix | None, askers: Positions, others: Positions) -> None:
        self.longer, self._shorter = longer, shorter
        order = np.argsort(askers, kind="stable")
        self._others = others[order]
        self._starts = np.searchsorted(askers[order], np.arange(len(longer) + 1))
        self.most = int(np.diff(self._starts).max(initial=0))

    def ranked(self, askers: Positions, first: int, last: int) -> tuple[Positions, Positions]:
        """Rank each asker's list."""
        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for start in range(0, len(askers), COMPARED_ROWS):
            some = askers[start : start + COMPARED_ROWS]
            counts = self._starts[some + 1] - self._starts[some]
            rows = np.repeat(np.arange(len(some)), counts)
            ends = np.cumsum(counts)
            ranks = np.arange(len(rows)) - np.repeat(ends - counts, counts)
            others = self._others[np.repeat(self._starts[some], counts) + ranks]
            if self._shorter is not None:
                cosines = (self.longer[some] @ self._shorter.T)[rows, others]
                others = others[np.lexsort((-cosines, rows))]
            kept = (ranks >= first) & (ranks < last)
            found.append((some[rows[kept]], others[kept]))
        return np.concatenate([rows for rows, _ in found]), np.concatenate([others for _, others in found])
