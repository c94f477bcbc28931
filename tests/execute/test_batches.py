"""How inputs are divided among prompts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.execute.answers import BATCH_TOKENS, group_batches
from rvbbit_proxy.llm.prices import estimate_tokens
from rvbbit_proxy.operators.operator import load_operators
from rvbbit_proxy.settings import RunOptions

OPERATORS = load_operators(load_cascades([bundled_folder("cascades")])).by_name
MEANS = OPERATORS["semantic_matches"]


def sizes(texts: list[str], batch_size: int = 100) -> list[int]:
    items = [{"text": text, "criterion": "x"} for text in texts]
    return [len(batch) for batch in group_batches(MEANS, items, RunOptions(batch_size=batch_size))]


def test_equal_batches_instead_of_a_remainder() -> None:
    assert sizes(["short"] * 101) == [51, 50]
    assert sizes(["short"] * 1200) == [100] * 12
    assert sizes(["short"] * 3, batch_size=1) == [1, 1, 1]


def test_long_inputs_stand_alone() -> None:
    assert sizes(["a" * BATCH_TOKENS * 5, "b", "a" * BATCH_TOKENS * 5]) == [1, 1, 1]


def test_what_is_shared_is_not_mixed() -> None:
    items = [{"text": str(n), "criterion": "x" if n % 2 else "y"} for n in range(10)]
    assert group_batches(MEANS, items, RunOptions()) == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]


@given(st.lists(st.integers(0, 3 * BATCH_TOKENS), min_size=1, max_size=60), st.integers(1, 100))
def test_every_input_is_in_one_batch_within_the_budget(lengths: list[int], size: int) -> None:
    items = [{"text": "a" * length, "criterion": "x"} for length in lengths]
    batches = group_batches(MEANS, items, RunOptions(batch_size=size))
    assert sorted(index for batch in batches for index in batch) == list(range(len(items)))
    for batch in batches:
        weight = sum(estimate_tokens(items[index]["text"]) + 3 for index in batch)
        assert len(batch) == 1 or (len(batch) <= size and weight <= BATCH_TOKENS)
