"""Rows of COPY's binary format found all at once.

Where a row begins is known only from the row before it. But a row begins with its count of fields and a length, so
the few places that look like it are tried all together, field by field, and those that follow on each other from
the first are the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rvbbit_proxy.wire.types.columns import Mask, Numbers, binary_column, offsets_from

NULL = -1
_LENGTH_BYTES = 4
_COUNT_BYTES = 2


@dataclass(frozen=True, slots=True)
class FoundRows:
    """Complete rows from the start of the data: ``columns``, and where the next one begins."""

    columns: tuple[pa.Array, ...]
    end: int


def find_rows(data: bytes, column_count: int) -> FoundRows | None:
    """Return the rows at the start of the data, None if there are none; faults and the end marker end them."""
    characters = np.frombuffer(data, np.uint8)
    begins = _candidates(characters, column_count)
    if not len(begins) or begins[0] != 0:
        return None
    starts, lengths, ends, good = _fields(characters, begins, column_count)
    chosen = _chain(begins, ends, good)
    if not len(chosen):
        return None
    columns = tuple(
        _gathered(characters, starts[place][chosen], lengths[place][chosen]) for place in range(column_count)
    )
    return FoundRows(columns, int(ends[chosen[-1]]))


def _candidates(characters: Numbers, column_count: int) -> Numbers:
    """Return the places that hold the count and then a plausible length: small, or NULL's."""
    high, low = divmod(column_count, 256)
    size = len(characters) - _COUNT_BYTES - _LENGTH_BYTES + 1
    if size <= 0:
        return np.zeros(0, np.int64)
    found: Numbers = np.flatnonzero((characters[:size] == high) & (characters[1 : size + 1] == low))
    first = characters[found + _COUNT_BYTES]
    plausible: Numbers = found[(first == 0) | (first == 255)]
    return plausible


def _fields(
    characters: Numbers, begins: Numbers, column_count: int
) -> tuple[list[Numbers], list[Numbers], Numbers, Mask]:
    """Return each field's starts and lengths, the rows' ends, and which of them are complete and well-formed."""
    position = begins + _COUNT_BYTES
    good = np.ones(len(begins), np.bool_)
    starts, lengths = [], []
    last = len(characters) - _LENGTH_BYTES
    for _ in range(column_count):
        good &= position <= last
        at = np.where(good, position, 0)
        length = np.zeros(len(at), np.int64)
        for byte in range(_LENGTH_BYTES):
            length = length << 8 | characters[at + byte]
        length[length == 0xFFFFFFFF] = NULL
        start = at + _LENGTH_BYTES
        position = start + np.maximum(length, 0)
        good &= position <= len(characters)
        starts.append(start)
        lengths.append(length)
    return starts, lengths, position, good


def _chain(begins: Numbers, ends: Numbers, good: Mask) -> Numbers:
    """Return which candidates follow on each other from the first."""
    following = np.searchsorted(begins, ends)
    if good.all() and (following == np.arange(1, len(begins) + 1)).all() and (ends[:-1] == begins[1:]).all():
        return np.arange(len(begins))
    chosen, place = [], 0
    places, whole = following.tolist(), good.tolist()
    known, next_begins = begins.tolist(), ends.tolist()
    while place < len(known) and whole[place]:
        chosen.append(place)
        after = places[place]
        if after >= len(known) or known[after] != next_begins[place]:
            break
        place = after
    return np.array(chosen, np.int64)


def _gathered(characters: Numbers, starts: Numbers, lengths: Numbers) -> pa.Array:
    """Return the values as one binary column."""
    nulls = lengths == NULL
    sizes = np.where(nulls, 0, lengths)
    offsets = offsets_from(sizes)
    width = int(sizes[0])
    if width <= 16 and (sizes == width).all():
        data = characters[starts[:, None] + np.arange(width)].reshape(-1)
    else:
        data = characters[np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)]
    return binary_column(data, offsets, nulls if nulls.any() else None)
