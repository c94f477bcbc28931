"""How inputs are divided among prompts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.execute.batches import BATCH_TOKENS, group_batches, split_batch
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
    items = [{"text": str(n), "labels": "x" if n % 2 else "y"} for n in range(10)]
    assert group_batches(OPERATORS["classify"], items, RunOptions()) == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]


def pairs(lefts: int, rights: int, words: int = 10) -> list[dict[str, str]]:
    return [
        {"text": f"text {left} " + "word " * words, "criterion": f"kind {right} " + "word " * words}
        for left in range(lefts)
        for right in range(rights)
    ]


def sides(items: list[dict[str, str]], batches: list[list[int]]) -> list[tuple[int, int]]:
    return [
        (len({items[i]["text"] for i in batch}), len({items[i]["criterion"] for i in batch})) for batch in batches
    ]


def test_pairs_of_a_join_are_asked_in_blocks() -> None:
    items = pairs(100, 100)
    assert sides(items, group_batches(MEANS, items, RunOptions())) == [(50, 50)] * 4
    items = pairs(100, 2)
    assert sides(items, group_batches(MEANS, items, RunOptions())) == [(100, 2)]
    items = pairs(1, 30)
    assert sides(items, group_batches(MEANS, items, RunOptions())) == [(1, 30)]


def test_a_block_has_no_more_tokens_than_it_may() -> None:
    items = pairs(40, 40, words=100)
    found = sides(items, group_batches(MEANS, items, RunOptions()))
    assert sum(lefts * rights for lefts, rights in found) == 1600
    assert max((lefts + rights) * 130 for lefts, rights in found) <= MEANS.cascade.block.tokens


def test_pairs_that_agree_in_something_share_blocks() -> None:
    """As a join ON a.kind = b.kind AND a.x MEANS b.y leaves them: 30 rectangles of 3 x 3."""
    items = [
        {"text": f"text {group} {left}", "criterion": f"kind {group} {right}"}
        for group in range(30)
        for left in range(3)
        for right in range(3)
    ]
    batches = group_batches(MEANS, items, RunOptions())
    assert len(batches) == 2
    assert sorted(index for batch in batches for index in batch) == list(range(270))


def test_an_input_too_long_for_a_block_is_asked_in_batches() -> None:
    items = pairs(20, 20)
    for item in items[:20]:
        item["text"] = "word " * 5_000
    batches = group_batches(MEANS, items, RunOptions())
    assert sorted(index for batch in batches for index in batch) == list(range(400))
    assert sides(items, batches)[0] == (19, 20)
    assert sides(items, batches)[1:] == [(1, 1)] * 20


def test_without_batches_there_are_no_blocks() -> None:
    assert group_batches(MEANS, pairs(3, 3), RunOptions(batch_size=1)) == [[n] for n in range(9)]


def test_a_broken_block_is_asked_again_in_quarters_a_batch_in_halves() -> None:
    items = pairs(5, 4)
    assert sides(items, split_batch(MEANS, items)) == [(2, 2), (3, 2), (2, 2), (3, 2)]
    assert split_batch(MEANS, [items[0], items[4], items[8]]) == [[0], [1, 2]]
    assert split_batch(MEANS, pairs(1, 3)) == [[0], [1, 2]]


def test_small_groups_share_a_prompt_and_large_ones_stand_alone() -> None:
    summarize = OPERATORS["summarize"]
    budget = summarize.cascade.batch.tokens
    groups = [{"texts": ["word " * words] * 3 + [f"{n}"]} for n, words in enumerate((10, 20, budget, 30))]
    assert group_batches(summarize, groups, RunOptions()) == [[0, 1], [2], [3]]
    assert len(group_batches(summarize, groups[:1] * 50, RunOptions())) == 3


@given(
    st.sets(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1),
    st.integers(1, 40),
    st.lists(st.integers(0, 2_500), min_size=31, max_size=31),
)
def test_every_pair_is_in_one_prompt_within_the_bounds(
    drawn: set[tuple[int, int]], size: int, words: list[int]
) -> None:
    items = [
        {"text": f"{left} " + "word " * words[left], "criterion": f"{right} " + "word " * words[-right - 1]}
        for left, right in sorted(drawn)
    ]
    batches = group_batches(MEANS, items, RunOptions(batch_size=size))
    assert sorted(index for batch in batches for index in batch) == list(range(len(items)))
    block = MEANS.cascade.block
    for batch, (lefts, rights) in zip(batches, sides(items, batches), strict=True):
        if rights > 1:
            assert max(lefts, rights) <= size
            assert lefts * rights <= block.size**2
            texts = {items[i]["text"] for i in batch} | {items[i]["criterion"] for i in batch}
            assert sum(estimate_tokens(text) for text in texts) <= block.tokens


@given(st.lists(st.integers(0, 3 * BATCH_TOKENS), min_size=1, max_size=60), st.integers(1, 100))
def test_every_input_is_in_one_batch_within_the_budget(lengths: list[int], size: int) -> None:
    items = [{"text": "a" * length, "criterion": "x"} for length in lengths]
    batches = group_batches(MEANS, items, RunOptions(batch_size=size))
    assert sorted(index for batch in batches for index in batch) == list(range(len(items)))
    for batch in batches:
        weight = sum(estimate_tokens(items[index]["text"]) + 3 for index in batch)
        assert len(batch) == 1 or (len(batch) <= size and weight <= BATCH_TOKENS)
