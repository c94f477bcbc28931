"""How inputs are divided among prompts. Pure: inputs in, lists of their positions out.

A prompt's form follows from its inputs: one alone is asked in the single form, several that are equal in what they
share in the batch form, pairs whose sides repeat in the block form. Every list is within the bounds of the operator
and the options; an input longer than the budget stands alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rvbbit_proxy.cascade.block import make_block
from rvbbit_proxy.execute.blocks import Pairs, number_pairs, tile_pairs
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.settings import RunOptions

Item = Mapping[str, Any]
Batches = list[list[int]]

BATCH_TOKENS = 8_000
"""Tokens of inputs that share one run, at most, where the operator has no batch form that says its own."""


def group_batches(operator: Operator, items: Sequence[Item], options: RunOptions) -> Batches:
    """Return the prompts as positions of items: blocks where they take fewer tokens than batches."""
    size = batch_size(operator, options)
    if size == 1:
        return [[index] for index in range(len(items))]
    pairs = number_pairs(operator.cascade, items)
    budget = operator.cascade.batch.tokens if operator.cascade.batch else BATCH_TOKENS
    batches = _by_right(range(len(items)), pairs, size, budget)
    if operator.cascade.block is None or len(pairs.right_tokens) < 2:
        return batches
    tiles, others = tile_pairs(pairs, operator.cascade.block, options.batch_size)
    blocks = [*tiles, *_by_right(others, pairs, size, budget)]
    return min(batches, blocks, key=pairs.tokens)


def split_batch(operator: Operator, items: Sequence[Item]) -> Batches:
    """Return the parts in which a prompt that failed is asked again: a block in four, a batch in two."""
    block = make_block(operator.cascade, items)
    if block is None:
        middle = len(items) // 2
        return [list(range(middle)), list(range(middle, len(items)))]
    half_left, half_right = len(block.lefts) // 2, len(block.rights) // 2
    parts: dict[tuple[bool, bool], list[int]] = {}
    for index, (left, right) in enumerate(block.pairs):
        parts.setdefault((right >= half_right, left >= half_left), []).append(index)
    return [parts[key] for key in sorted(parts)]


def batch_size(operator: Operator, options: RunOptions) -> int:
    """Return how many inputs share a prompt: as many as the options and the operator allow."""
    if not operator.batched:
        return 1
    return min(options.batch_size, operator.batch_size or options.batch_size)


def _by_right(indexes: Sequence[int], pairs: Pairs, size: int, budget: int) -> Batches:
    """Return batches of inputs that are equal in what they share."""
    groups: dict[int, list[int]] = {}
    for index in indexes:
        groups.setdefault(pairs.right_of[index], []).append(index)
    return [batch for members in groups.values() for batch in _fill(members, pairs, size, budget)]


def _fill(members: Sequence[int], pairs: Pairs, size: int, budget: int) -> Iterator[list[int]]:
    """Yield batches of one group, equally large so that none is a remainder."""
    tokens = [pairs.left_tokens[pairs.left_of[member]] for member in members]
    total = sum(min(each, budget) for each in tokens)
    count = max(math.ceil(len(members) / size), math.ceil(total / budget))
    fair_size = math.ceil(len(members) / count)
    batch: list[int] = []
    weight = 0
    for member, own in zip(members, tokens, strict=True):
        if batch and (len(batch) == fair_size or weight + own > budget):
            yield batch
            batch, weight = [], 0
        batch.append(member)
        weight += own
    yield batch
