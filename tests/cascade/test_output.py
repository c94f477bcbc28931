"""Answers to typed values: forgiving about form, never about meaning."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.cascade.output import (
    AnswerFault,
    Expected,
    check_value,
    expect,
    parse_answer,
    split_labels,
    strip_title,
)
from rvbbit_proxy.cascade.spec import OutputSpec
from rvbbit_proxy.errors import InvalidValue

SCORE = Expected("double precision", min=0, max=1)


@pytest.mark.parametrize(
    ("text", "expected", "value"),
    [
        ("true", Expected("boolean"), True),
        (" No.\n", Expected("boolean"), False),
        ("```json\nTRUE\n```", Expected("boolean"), True),
        ("0", Expected("boolean"), False),
        ("0.7", SCORE, 0.7),
        ("1.", SCORE, 1.0),
        (".5", SCORE, 0.5),
        ("```\n1e-3\n```", SCORE, 0.001),
        ("-12", Expected("integer"), -12),
        ("a\nb", Expected("text"), "a\nb"),
        ("null.", Expected("text", absent="NULL"), None),
        ('["a", "b"]', Expected("text[]"), ["a", "b"]),
        ("- a\n2. b\n\n* c d", Expected("text[]"), ["a", "b", "c d"]),
        ('```json\n{"a": [1]}\n```', Expected("jsonb"), {"a": [1]}),
        ("BILLING.", Expected("text", labels=("billing", "other")), "billing"),
        ('Label: "Billing"', Expected("text", labels=("billing", "other")), "billing"),
        ("a: b", Expected("text", labels=("a: b", "b")), "a: b"),
        ("Answer: true", Expected("boolean"), True),
        ('{"matches": "yes"}', Expected("boolean"), True),
        ('{"score": "0.25"}', SCORE, 0.25),
        ('It is so:\n```json\n{"score": 1}\n```', SCORE, 1.0),
        ("<think>\nfalse?\n</think>\n\ntrue", Expected("boolean"), True),
        ("Code: x", Expected("text"), "Code: x"),
        ('["a", 1]', Expected("text[]"), ["a", "1"]),
    ],
)
def test_a_good_answer_is_its_value(text: str, expected: Expected, value: Any) -> None:
    parsed = parse_answer(text, expected)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        ("", Expected("text"), "empty"),
        ("```\n```", Expected("boolean"), "empty"),
        ("maybe", Expected("boolean"), "neither true nor false"),
        ("yes, it does", Expected("boolean"), "neither"),
        ("true false", Expected("boolean"), "neither"),
        ("1.5", SCORE, "outside 0 to 1"),
        ("nan", SCORE, "not a number"),
        ("about 0.5", SCORE, "not a number"),
        ("1e999", SCORE, "not a number"),
        ("1.5", Expected("integer"), "not an integer"),
        ("[[1], 2]", Expected("text[]"), "is not"),
        ('{"a": true, "b": true}', Expected("boolean"), "is not"),
        ("false: true", Expected("integer"), "not an integer"),
        ("[oops", Expected("text[]"), "not JSON"),
        ("a\nb\nc", Expected("text[]", max_items=2), "3 items, at most 2"),
        ("{'a': 1}", Expected("jsonb"), "not JSON"),
        ("NaN", Expected("jsonb"), "NaN is not JSON"),
        ('{"a": "x"}', Expected("jsonb", json_schema={"properties": {"a": {"type": "number"}}}), r"\$\.a"),
        ("refund", Expected("text", labels=("billing", "other")), "none of: billing, other"),
    ],
)
def test_a_bad_answer_is_a_fault(text: str, expected: Expected, reason: str) -> None:
    with pytest.raises(AnswerFault, match=reason):
        parse_answer(text, expected)


@given(st.text(max_size=12))
def test_a_boolean_is_one_of_six_words(text: str) -> None:
    try:
        parse_answer(text, Expected("boolean"))
    except AnswerFault:
        return
    marks = "\"'`*“”"
    word = strip_title(text.strip()).strip().strip(marks).removesuffix(".").rstrip().strip(marks)
    assert word.lower() in {"true", "false", "yes", "no", "1", "0"}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_as_it_was(value: float) -> None:
    assert parse_answer(repr(value), Expected("double precision")) == value


def test_values_of_the_machine_are_checked_too() -> None:
    assert check_value(1, SCORE) == 1.0
    with pytest.raises(AnswerFault):
        check_value(True, SCORE)
    with pytest.raises(AnswerFault, match="null"):
        check_value(None, SCORE)


def test_labels_come_from_the_inputs() -> None:
    output = OutputSpec(type="text", labels_from="labels")
    assert expect(output, {"labels": "a, b,, a"}).labels == ("a", "b")
    with pytest.raises(InvalidValue):
        split_labels(" , ")
