"""Several inputs in one prompt: numbers in, numbers out."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.cascade.batch import parse_batch, render_batch
from rvbbit_proxy.cascade.output import AnswerFault, Expected
from rvbbit_proxy.cascade.spec import BatchSpec


def form(answer: Literal["matching", "percents", "numbered", "json"]) -> BatchSpec:
    return BatchSpec(item="{{ text }}", answer=answer, system="s", prompt="Topic: {{ topic }}")


SCORE = Expected("double precision", min=0, max=1)
BOOLEAN = Expected("boolean")


def test_items_follow_what_is_shared_one_a_line() -> None:
    items = [{"text": "a\n2. b", "topic": "x\ny"}, {"text": " c\u2028d ", "topic": "x\ny"}]
    assert render_batch(form("matching"), items) == "Topic: x y\n1. a 2. b\n2. c d"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 3", [True, False, True]),
        ("2.", [False, True, False]),
        ("None.", [False, False, False]),
        ("[1,2]", [True, True, False]),
        ("```\n3\n```", [False, False, True]),
        ("1 and 2", [True, True, False]),
        ("#1, #3", [True, False, True]),
        ("Matching texts: 1, 2 and 3.", [True, True, True]),
        ("Here they are:\n```json\n[1]\n```", [True, False, False]),
        ("<think>2 is not about it</think>\n1", [True, False, False]),
        ('{"matches": ["1", 3]}', [True, False, True]),
        ("[true, false, true]", [True, False, True]),
        ('{"1": "yes", "2": false, "3": "no"}', [True, False, False]),
        ("1: true\n- 2: no\n**3:** yes", [True, False, True]),
        ("[]", [False, False, False]),
    ],
)
def test_matching(text: str, values: list[bool]) -> None:
    assert parse_batch(text, form("matching"), 3, BOOLEAN) == values


@pytest.mark.parametrize(
    "text",
    ["", "4", "0", "1,1", "all but 2", "none of them", "true", "-1", "1: true", "[1, 0, 1]", "{}", "[true]"],
)
def test_matching_refuses(text: str) -> None:
    with pytest.raises(AnswerFault):
        parse_batch(text, form("matching"), 3, BOOLEAN)


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(1, n)))))
def test_matching_comes_back_as_it_was(drawn: tuple[int, set[int]]) -> None:
    count, matching = drawn
    text = ",".join(map(str, sorted(matching))) or "none"
    values = parse_batch(text, form("matching"), count, BOOLEAN)
    assert {number for number, value in enumerate(values, 1) if value} == matching


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1:80, 3:5", [0.8, 0.0, 0.05]),
        ("2: 100\n", [0.0, 1.0, 0.0]),
        ("none.", [0.0, 0.0, 0.0]),
        ("3=7%;", [0, 0, 0.07]),
        ("Scores: 1:80, 3:5", [0.8, 0.0, 0.05]),
        ('{"1": "80", "3": 5}', [0.8, 0.0, 0.05]),
        ('{"scores": {"2": 100}}', [0.0, 1.0, 0.0]),
        ("1:80\n3:5", [0.8, 0.0, 0.05]),
    ],
)
def test_percents(text: str, values: list[float]) -> None:
    assert parse_batch(text, form("percents"), 3, SCORE) == values


@pytest.mark.parametrize(
    "text", ["", "4:10", "1:0.8", "1:80,1:90", "80", "1:101", "2:-5", "1:80 and 2:3", "[80, 0, 5]", '{"1": 0.8}']
)
def test_percents_refuses(text: str) -> None:
    with pytest.raises(AnswerFault):
        parse_batch(text, form("percents"), 3, SCORE)


def test_numbered_in_any_order() -> None:
    assert parse_batch("2: 0.5\n\n1) 1", form("numbered"), 2, SCORE) == [1.0, 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "Scores:\n1: 0.5\n2: 1",
        "- 1: 0.5\n- 2: '1'",
        "**1.** 0.5\n**2.** score: 1",
        "Item 1: 0.5\nItem 2: 1",
        '{"1": "0.5", "2": 1}',
        '```\n{"answers": [0.5, 1]}\n```',
        "Certainly:\n```\n1: 0.5\n2: 1\n```\nI hope this helps!",
    ],
)
def test_numbered_in_other_words(text: str) -> None:
    assert parse_batch(text, form("numbered"), 2, SCORE) == [0.5, 1.0]


def test_a_text_may_go_on_for_lines() -> None:
    assert parse_batch("1: a\n- b\n2: c", form("numbered"), 2, Expected("text")) == ["a\n- b", "c"]
    assert parse_batch('[4711, "x"]', form("numbered"), 2, Expected("text")) == ["4711", "x"]
    assert parse_batch('1: ["a", 7]', form("numbered"), 1, Expected("text[]")) == [["a", "7"]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1: 0.5", "no answer for item 2"),
        ("1: 0.5\n2: 0.5\n3: 1", "there is no item 3"),
        ("1: 0.5\n1: 0.6", "twice"),
        ("1: 0.5\n2: high", "item 2: 'high' is not a number"),
        ("1: 0.5\n2:", "item 2: the answer is empty"),
        ("1: 0.5\nScores:\n2: 0.5", "not 'number: value'"),
        ("Some thoughts\n1: 0.5\n2: 0.5", "not 'number: value'"),
    ],
)
def test_numbered_refuses(text: str, reason: str) -> None:
    with pytest.raises(AnswerFault, match=reason):
        parse_batch(text, form("numbered"), 2, SCORE)


def test_numbered_texts_may_hold_colons_and_be_absent() -> None:
    expected = Expected("text", absent="NULL")
    assert parse_batch("1: at 12:30\n2: NULL", form("numbered"), 2, expected) == ["at 12:30", None]


@pytest.mark.parametrize("text", ['{"1": 0, "2": 1}', "[0, 1]", '```json\n{"2": 1, "1": 0}\n```'])
def test_json(text: str) -> None:
    assert parse_batch(text, form("json"), 2, SCORE) == [0.0, 1.0]


@pytest.mark.parametrize(
    "text", ["[0]", '{"1": 0}', '{"1": 0, "2": 1, "3": 1}', '{"a": 0, "b": 1}', '{"1": 0, "01": 1}', "3"]
)
def test_json_refuses(text: str) -> None:
    with pytest.raises(AnswerFault):
        parse_batch(text, form("json"), 2, SCORE)


@given(st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=3), max_size=4))
def test_an_array_is_taken_whole_or_not_at_all(values: list[Any]) -> None:
    good = len(values) == 2 and all(isinstance(value, bool) for value in values)
    try:
        assert parse_batch(json.dumps(values), form("json"), 2, BOOLEAN) == values
    except AnswerFault:
        assert not good
