"""Pairs of texts divided into blocks, each of few distinct texts and many of the pairs. Pure.

Lefts that are paired with the same rights form a rectangle, as all pairs of a join do, or those that agree in a cheap
condition; a rectangle is cut into equal blocks by the counts that take the fewest tokens. Small blocks are put
together; what is not asked in such a block is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from rvbbit_proxy.cascade.block import number_sides, split_sides
from rvbbit_proxy.cascade.spec import BlockSpec, CascadeSpec
from rvbbit_proxy.operators.estimate import side_tokens

FRAME_TOKENS = 60
"""What a prompt costs besides its texts, for weighing few prompts against many."""
OPEN_BLOCKS = 16
"""Blocks that are not full and may take another small one; more would cost more time than they save prompts."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Inputs as pairs: which left and which right each has, and what a line of each side takes in a prompt."""

    left_of: Sequence[int]
    right_of: Sequence[int]
    left_tokens: Sequence[int]
    right_tokens: Sequence[int]

    def tokens(self, batches: Sequence[Sequence[int]]) -> int:
        """Return what these prompts take, roughly, without the answers."""
        return sum(
            FRAME_TOKENS
            + sum(self.left_tokens[left] for left in {self.left_of[index] for index in batch})
            + sum(self.right_tokens[right] for right in {self.right_of[index] for index in batch})
            for batch in batches
        )


def number_pairs(spec: CascadeSpec, items: Sequence[Mapping[str, Any]]) -> Pairs:
    """Return the items as pairs of what is their own and what is shared."""
    lefts, rights = split_sides(spec)
    left_sides, left_of = number_sides(items, lefts)
    right_sides, right_of = number_sides(items, rights)
    return Pairs(left_of, right_of, list(map(side_tokens, left_sides)), list(map(side_tokens, right_sides)))


@dataclass(slots=True)
class _Block:
    """Sides that share a prompt, and the inputs among their pairs."""

    lefts: set[int]
    rights: set[int]
    indexes: list[int] = field(default_factory=list)


def tile_pairs(pairs: Pairs, spec: BlockSpec, side: int) -> tuple[list[list[int]], list[int]]:
    """Return blocks as positions of inputs, and the inputs that are too long for one.

    ``side``: at most so many distinct texts on either side.
    """
    partners: dict[int, dict[int, int]] = {}
    others = []
    for index, (left, right) in enumerate(zip(pairs.left_of, pairs.right_of, strict=True)):
        if max(pairs.left_tokens[left], pairs.right_tokens[right]) > spec.tokens // 2:
            others.append(index)
        else:
            partners.setdefault(left, {})[right] = index
    packer = _Packer(pairs, spec, side)
    for lefts, rights in _rectangles(partners):
        for block in packer.cut(lefts, rights):
            block.indexes = [
                partners[left][right] for right in sorted(block.rights) for left in sorted(block.lefts)
            ]
            packer.add(block)
    return [block.indexes for block in packer.blocks], others


def _rectangles(partners: Mapping[int, Mapping[int, int]]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield lefts and rights all of whose pairs are asked: lefts with the same rights together."""
    groups: dict[frozenset[int], list[int]] = {}
    for left, rights in partners.items():
        groups.setdefault(frozenset(rights), []).append(left)
    for same, lefts in groups.items():
        yield lefts, sorted(same)


@dataclass(slots=True)
class _Packer:
    """Cuts rectangles into blocks within the bounds, and puts small blocks together."""

    pairs: Pairs
    spec: BlockSpec
    side: int
    blocks: list[_Block] = field(default_factory=list)
    open: list[_Block] = field(default_factory=list)

    def cut(self, lefts: Sequence[int], rights: Sequence[int]) -> Iterator[_Block]:
        """Yield equal blocks of a rectangle."""
        rows, columns = self._counts(lefts, rights)
        for some_rights in _even_parts(rights, columns):
            for some_lefts in _even_parts(lefts, rows):
                yield _Block(set(some_lefts), set(some_rights))

    def add(self, block: _Block) -> None:
        """Put a block into the open one with which it shares most, or beside them."""
        fitting = [
            other for other in self.open if self._fits(block.lefts | other.lefts, block.rights | other.rights)
        ]
        if not fitting:
            self.blocks.append(block)
            self.open = [*self.open, block][-OPEN_BLOCKS:]
            return
        best = max(fitting, key=lambda other: self._weight(block.lefts & other.lefts, block.rights & other.rights))
        best.lefts |= block.lefts
        best.rights |= block.rights
        best.indexes += block.indexes

    def _fits(self, lefts: set[int], rights: set[int]) -> bool:
        few = max(len(lefts), len(rights)) <= self.side and len(lefts) * len(rights) <= self.spec.size**2
        return few and self._weight(lefts, rights) <= self.spec.tokens

    def _weight(self, lefts: set[int], rights: set[int]) -> int:
        left_tokens, right_tokens = self.pairs.left_tokens, self.pairs.right_tokens
        return sum(left_tokens[left] for left in lefts) + sum(right_tokens[right] for right in rights)

    def _counts(self, lefts: Sequence[int], rights: Sequence[int]) -> tuple[int, int]:
        """Return into how many parts to cut each side, for the fewest tokens."""
        left_tokens = [self.pairs.left_tokens[left] for left in lefts]
        right_tokens = [self.pairs.right_tokens[right] for right in rights]
        least = max(math.ceil(len(lefts) / self.side), math.ceil(sum(left_tokens) / self.spec.tokens))
        costs = {}
        for rows in {*range(least, min(3 * least + 8, len(lefts) + 1)), len(lefts)}:
            columns = self._columns(rows, left_tokens, right_tokens)
            if columns is not None:
                repeated = columns * sum(left_tokens) + rows * sum(right_tokens)
                costs[repeated + rows * columns * FRAME_TOKENS, rows] = rows, columns
        return costs[min(costs)]

    def _columns(self, rows: int, left_tokens: Sequence[int], right_tokens: Sequence[int]) -> int | None:
        """Return into how few parts the rights must be cut where the lefts are cut into ``rows``; None: none do."""
        left = self.spec.tokens - _heaviest(left_tokens, rows)
        most = min(self.side, self.spec.size**2 // math.ceil(len(left_tokens) / rows))
        if left < max(right_tokens) or most == 0:
            return None
        columns = max(math.ceil(len(right_tokens) / most), math.ceil(sum(right_tokens) / left))
        while columns < len(right_tokens) and _heaviest(right_tokens, columns) > left:
            columns += 1
        return columns


def _even_parts(members: Sequence[int], count: int) -> Iterator[Sequence[int]]:
    size = math.ceil(len(members) / count)
    for start in range(0, len(members), size):
        yield members[start : start + size]


def _heaviest(tokens: Sequence[int], count: int) -> int:
    """Return the weight of the heaviest of so many even parts."""
    sums = [0, *accumulate(tokens)]
    size = math.ceil(len(tokens) / count)
    return max(sums[min(start + size, len(tokens))] - sums[start] for start in range(0, len(tokens), size))
