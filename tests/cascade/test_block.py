"""Pairs in one prompt: two numbered lists in, pairs of numbers out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.cascade.block import Block, parse_block, render_block
from rvbbit_proxy.cascade.output import AnswerFault, Expected
from rvbbit_proxy.cascade.spec import BlockSpec

FORM = BlockSpec(system="s", right_title="Kinds", right="{{ kind }}", left_title="Goods", left="{{ goods }}")
SCORES = FORM.model_copy(update={"answer": "percents"})
BOOLEAN, SCORE = Expected("boolean"), Expected("double precision", min=0, max=1)


def block(lefts: int, rights: int, pairs: set[tuple[int, int]] | None = None) -> Block:
    every = [(left, right) for left in range(lefts) for right in range(rights)]
    return Block(
        tuple({"goods": f"goods {n}"} for n in range(lefts)),
        tuple({"kind": f"kind {n}"} for n in range(rights)),
        tuple(pair for pair in every if pairs is None or pair in pairs),
    )


def test_numbers_go_on_from_the_rights_to_the_lefts() -> None:
    assert render_block(FORM, block(2, 2)) == "Kinds:\n1. kind 0\n2. kind 1\nGoods:\n3. goods 0\n4. goods 1"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("1:3,4", {(0, 0), (1, 0)}),
        ("```\n1: 3\n2. 3, 4\n```", {(0, 0), (0, 1), (1, 1)}),
        ("3: 1,2", {(0, 0), (0, 1)}),
        ("1:none\n2:4.", {(1, 1)}),
        ("None.", set()),
        ("Matches:\n- 1: 3\n**2**: 4", {(0, 0), (1, 1)}),
        ('{"1": [3, 4], "2": []}', {(0, 0), (1, 0)}),
        ("```json\n{}\n```", set()),
    ],
)
def test_matching_pairs(text: str, pairs: set[tuple[int, int]]) -> None:
    assert set(parse_block(text, FORM, block(2, 2), BOOLEAN)) == pairs


@pytest.mark.parametrize(
    "text", ["", "1", "1:2", "3:4", "1:5", "0:3", "1:3,3", "1:3\n3:1", "all", "1: 3 and 4", "1:3=5"]
)
def test_pairs_are_refused(text: str) -> None:
    with pytest.raises(AnswerFault):
        parse_block(text, FORM, block(2, 2), BOOLEAN)


def test_pairs_that_were_not_asked_are_not_judged() -> None:
    assert parse_block("1:3,4\n2:3,4", FORM, block(2, 2, {(0, 0), (1, 1)}), BOOLEAN) == {
        (0, 0): True,
        (1, 1): True,
    }


def test_scores() -> None:
    assert parse_block("1:3=80,4=5\n2:4=100%", SCORES, block(2, 2), SCORE) == {
        (0, 0): 0.8,
        (1, 0): 0.05,
        (1, 1): 1.0,
    }


@pytest.mark.parametrize("text", ["1:3", "1:3=0.8", "1:3=120", "1:3=-1"])
def test_scores_are_refused(text: str) -> None:
    with pytest.raises(AnswerFault):
        parse_block(text, SCORES, block(2, 2), SCORE)


@given(st.integers(1, 8), st.integers(2, 8), st.data())
def test_pairs_come_back_as_they_were(lefts: int, rights: int, data: st.DataObject) -> None:
    pairs = data.draw(st.sets(st.tuples(st.integers(0, lefts - 1), st.integers(0, rights - 1))))
    lines = {right: [left + rights + 1 for left, its in sorted(pairs) if its == right] for _, right in pairs}
    text = "\n".join(f"{right + 1}:{','.join(map(str, numbers))}" for right, numbers in lines.items()) or "none"
    assert set(parse_block(text, FORM, block(lefts, rights), BOOLEAN)) == pairs
