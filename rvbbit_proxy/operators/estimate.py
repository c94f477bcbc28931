"""How many tokens a prompt and its answer will take, before anything is sent.

An estimate from lengths (four bytes a token), for EXPLAIN and for sizing batches; what was really used is the
provider's to say and the ledger's to record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rvbbit_proxy.cascade.block import Block, make_block, split_sides
from rvbbit_proxy.cascade.fold import PART_TOKENS, estimate_tokens, split_texts
from rvbbit_proxy.cascade.spec import BatchSpec, BlockSpec, CascadeSpec, LlmCell
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.settings import OFFLINE

Inputs = Mapping[str, Any]

MESSAGE_TOKENS = 4
"""What a chat message costs besides its text."""
NUMBER_TOKENS = 3
"""What ``12. `` costs in front of an item."""

ANSWER_TOKENS = {"boolean": 1, "double precision": 3, "integer": 2, "text": 30, "text[]": 40, "jsonb": 60}
"""What one answer takes, by type; a guess for texts."""
LABEL_TOKENS = 3
FIELD_TOKENS = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """What answering some inputs asks of a model: calls, and their tokens in and out."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: Asked) -> Asked:
        """Add up."""
        return Asked(
            self.calls + other.calls, self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out
        )

    def times(self, factor: float) -> Asked:
        """Return so many times as much."""
        return Asked(*(round(each * factor) for each in (self.calls, self.tokens_in, self.tokens_out)))


def estimate_run(operator: Operator, items: Sequence[Inputs], model: str) -> Asked:
    """Return what answering the items in one run asks of the model; nothing where none is asked."""
    spec = operator.cascade
    if not operator.asks_model or not items:
        return Asked()
    if len(items) == 1 or spec.batch is None:
        return sum((_single(operator, item, model) for item in items), Asked())
    block = make_block(spec, items)
    if spec.block is not None and block is not None:
        return _block(spec.block, block)
    return _batch(operator, spec.batch, items)


def side_tokens(values: Inputs) -> int:
    """Return what a numbered line with these values takes in a prompt."""
    return sum(map(_value_tokens, values.values())) + NUMBER_TOKENS


def answer_tokens(operator: Operator, item: Inputs) -> int:
    """Return what the answer for an item takes."""
    output = operator.cascade.output
    if output.items_from:
        return FIELD_TOKENS * (1 + str(item.get(output.items_from)).count(";"))
    return LABEL_TOKENS if output.labels or output.labels_from else ANSWER_TOKENS[output.type]


def _batch(operator: Operator, batch: BatchSpec, items: Sequence[Inputs]) -> Asked:
    lefts, rights = split_sides(operator.cascade)
    frame = literal_tokens(batch.system) + literal_tokens(batch.prompt) + 2 * MESSAGE_TOKENS
    common = sum(_value_tokens(items[0].get(name)) for name in rights)
    texts = sum(side_tokens({name: item.get(name) for name in lefts}) for item in items)
    each = _SPARSE_TOKENS.get(batch.answer) or answer_tokens(operator, items[0]) + NUMBER_TOKENS
    return Asked(1, frame + common + texts, len(items) * each)


def _block(spec: BlockSpec, block: Block) -> Asked:
    """Estimate a block; of its answer, that every text on the left matches one on the right."""
    frame = sum(map(literal_tokens, (spec.system, spec.right_title, spec.left_title))) + 2 * MESSAGE_TOKENS
    texts = sum(map(side_tokens, (*block.rights, *block.lefts)))
    return Asked(1, frame + texts, len(block.lefts) * 2 * _SPARSE_TOKENS[spec.answer] + 2 * len(block.rights))


_SPARSE_TOKENS = {"matching": 1, "percents": 2}
"""What an answer takes by input where only some inputs are named in it: half of them."""


def _single(operator: Operator, item: Inputs, model: str) -> Asked:
    spec = operator.cascade
    cells = sum(isinstance(cell, LlmCell) for cell in spec.cells)
    frame, out = single_frame_tokens(spec), answer_tokens(operator, item)
    group = item.get(operator.args[0].name) if operator.shape == "aggregate" else None
    if not isinstance(group, list | tuple):
        return Asked(cells, frame + sum(map(_value_tokens, item.values())), out)
    texts = [text for text in group if isinstance(text, str)]
    parts = split_texts(texts, PART_TOKENS) if spec.reduce is not None and model != OFFLINE else [texts]
    tokens = sum(_value_tokens(text) + 2 for part in parts for text in set(part))
    folded = len(parts) > 1
    asked = len(parts) + folded
    return Asked(cells * len(parts) + folded, frame * asked + tokens + folded * len(parts) * out, out * asked)


@lru_cache(maxsize=1024)
def literal_tokens(template: str) -> int:
    """Return the tokens of what a template itself says."""
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", template, flags=re.DOTALL)
    return estimate_tokens(text) if text.strip() else 0


def single_frame_tokens(spec: CascadeSpec) -> int:
    """Return the tokens of the single form's prompts without the values, over all cells."""
    cells = [cell for cell in spec.cells if isinstance(cell, LlmCell)]
    return sum(literal_tokens(cell.system) + literal_tokens(cell.prompt) + 2 * MESSAGE_TOKENS for cell in cells)


def _value_tokens(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, list | tuple):
        return sum(_value_tokens(entry) + 2 for entry in {str(entry) for entry in value if entry is not None})
    return estimate_tokens(str(value))
