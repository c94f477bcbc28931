"""How many tokens a prompt and its answer will take, before anything is sent.

An estimate from lengths (four bytes a token), for EXPLAIN and for sizing batches; what was really used is the
provider's to say and the ledger's to record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from rvbbit_proxy.cascade.fold import PART_TOKENS, estimate_tokens, split_texts
from rvbbit_proxy.cascade.spec import BatchSpec, CascadeSpec, LlmCell
from rvbbit_proxy.operators.operator import Operator

MESSAGE_TOKENS = 4
"""What a chat message costs besides its text."""
NUMBER_TOKENS = 3
"""What ``12. `` costs in front of an item."""

ANSWER_TOKENS = {"boolean": 1, "double precision": 3, "integer": 2, "text": 30, "text[]": 40, "jsonb": 60}
"""What one answer takes, by type; a guess for texts."""
LABEL_TOKENS = 3


def estimate_prompt_tokens(operator: Operator, items: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return tokens in and out of answering the items in one run; (0, 0) where no model is asked."""
    if not operator.asks_model or not items:
        return 0, 0
    if operator.cascade.batch is not None and len(items) > 1:
        return _batch_tokens(operator, operator.cascade.batch, items)
    singles = [_single_tokens(operator, item) for item in items]
    return sum(asked for asked, _ in singles), sum(answered for _, answered in singles)


def answer_tokens(operator: Operator) -> int:
    """Return what one answer takes."""
    output = operator.cascade.output
    return LABEL_TOKENS if output.labels or output.labels_from else ANSWER_TOKENS[output.type]


def _batch_tokens(operator: Operator, batch: BatchSpec, items: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    shared = [arg.name for arg in operator.args if arg.shared]
    own = [arg.name for arg in operator.args if not arg.shared]
    frame = literal_tokens(batch.system) + literal_tokens(batch.prompt) + 2 * MESSAGE_TOKENS
    common = sum(_value_tokens(items[0].get(name)) for name in shared)
    texts = sum(_value_tokens(item.get(name)) + NUMBER_TOKENS for item in items for name in own)
    if batch.answer == "matching":
        return frame + common + texts, len(items)
    return frame + common + texts, len(items) * (answer_tokens(operator) + NUMBER_TOKENS)


def _single_tokens(operator: Operator, item: Mapping[str, Any]) -> tuple[int, int]:
    frame = single_frame_tokens(operator.cascade)
    out = answer_tokens(operator)
    group = item.get(operator.args[0].name) if operator.shape == "aggregate" else None
    if not isinstance(group, list | tuple):
        return frame + sum(_value_tokens(value) for value in item.values()), out
    parts = split_texts([text for text in group if isinstance(text, str)], PART_TOKENS)
    texts = sum(_value_tokens(text) + 2 for part in parts for text in set(part))
    asked = len(parts) + (1 if len(parts) > 1 else 0)
    reduced = len(parts) * out if len(parts) > 1 else 0
    return frame * asked + texts + reduced, out * asked


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
        return sum(_value_tokens(entry) for entry in value)
    return estimate_tokens(str(value))
