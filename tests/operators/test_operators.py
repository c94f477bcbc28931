"""Operators from cascades: names, words, conflicts, answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fake_door import FakeDoor, FakeLedger, bundled, make_runtime, written

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.check import run_test_cases
from rvbbit_proxy.errors import ConfigurationFault
from rvbbit_proxy.operators import Operators, answer, load_operators
from rvbbit_proxy.operators.estimate import Asked, estimate_run
from rvbbit_proxy.settings import RunOptions

CASCADES = bundled()
OPERATORS = load_operators(CASCADES)
OPTIONS = RunOptions(model="m")


def answered(name: str, items: list[dict[str, Any]], door: FakeDoor) -> list[Any]:
    runtime = make_runtime(door, CASCADES, FakeLedger())
    return asyncio.run(answer(OPERATORS.by_name[name], items, CallerContext("ann"), OPTIONS, runtime))


def test_the_operators_of_the_skeleton_are_there() -> None:
    assert {
        "semantic_matches", "means", "semantic_score", "relevance", "sentiment", "classify", "ask",
        "extracts", "condense", "tldr", "summarize", "themes", "similar_to",
    } <= set(OPERATORS.by_name)  # fmt: skip
    words = {" ".join(words): operator.name for words, operator in OPERATORS.infix}
    assert words == {
        "MEANS": "semantic_matches",
        "MATCHES": "semantic_matches",
        "ABOUT": "semantic_score",
        "RELEVANCE TO": "semantic_score",
        "EXTRACTS": "extracts",
        "SIMILAR_TO": "similar_to",
    }
    assert len(OPERATORS.infix[0][0]) == 2, "the longest words come first"


@pytest.mark.parametrize(
    ("name", "returns", "shape", "batched"),
    [
        ("means", "boolean", "scalar", True),
        ("relevance", "double precision", "scalar", True),
        ("summarize", "text", "aggregate", True),
        ("themes", "text[]", "aggregate", True),
        ("similar_to", "double precision", "scalar", True),
    ],
)
def test_what_an_operator_is(name: str, returns: str, shape: str, batched: bool) -> None:
    operator = OPERATORS.by_name[name]
    assert (operator.returns, operator.shape, operator.batched) == (returns, shape, batched)
    assert operator.version == operator.cascade.genus_hash


def test_every_bundled_operator_is_complete() -> None:
    for operator in OPERATORS.by_name.values():
        assert len(operator.cascade.test_cases) >= 2, operator.name
        assert operator.offline or operator.name == "ask"


FILE = """\
description: d
sql_function:
  name: {name}
  aliases: []
  syntax: ["{syntax}"]
  args: [{{name: a}}, {{name: b}}]
  returns: text
cells:
  - name: cell
    prompt: "<a>{{{{ a }}}}</a>"
"""


def load(tmp_path: Path, **syntax: str) -> Operators:
    return load_operators(written(tmp_path, **{k: FILE.format(name=k, syntax=v) for k, v in syntax.items()}))


def test_a_file_added_is_an_operator_added(tmp_path: Path) -> None:
    operators = load(tmp_path, rhymes="{{ a }} rhymes  with {{ b }}", pairs="Pair_Up({{ a }}, {{ b }})")
    assert [words for words, _ in operators.infix] == [("RHYMES", "WITH")]
    assert set(operators.by_name) == {"rhymes", "pairs", "pair_up"}


@pytest.mark.parametrize(
    ("syntax", "reason"),
    [
        ("{{ a }} LIKE {{ b }}", "5: LIKE is a word of PostgreSQL's own"),
        ("{{ a }} between {{ b }}", "5: BETWEEN is a word of PostgreSQL's own"),
        ("{{ a }} ~ {{ b }}", "5: '{{ a }} ~ {{ b }}' is neither"),
        ("{{ a }} KNOWS {{ c }}", "5: the template names an unknown argument 'c'"),
        ("{{ b }} KNOWS {{ a }}", "5: the template must name the arguments in order: a, b"),
        ("KNOWS({{ a }})", "5: the template leaves out an argument that has no default"),
        ("SELECT({{ a }}, {{ b }})", "2: 'select' is a word of PostgreSQL's own"),
        ("KNOWS", "5: 'KNOWS' is neither"),
    ],
)
def test_a_bad_template_is_a_fault_at_its_line(tmp_path: Path, syntax: str, reason: str) -> None:
    with pytest.raises(ConfigurationFault) as caught:
        load(tmp_path, one=syntax)
    assert caught.value.message.startswith(f"{tmp_path / 'one.yaml'}:{reason}")


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("{{ a }} KNOWS {{ b }}", "{{ a }} knows {{ b }}", "operator KNOWS"),
        ("KNOWS({{ a }}, {{ b }})", "knows({{ a }}, {{ b }})", "function knows"),
    ],
)
def test_a_conflict_names_both_files(tmp_path: Path, first: str, second: str, what: str) -> None:
    with pytest.raises(ConfigurationFault) as caught:
        load(tmp_path, one=first, two=second)
    assert caught.value.message == f"{tmp_path / 'two.yaml'}:2: {what} is also in {tmp_path / 'one.yaml'}:2"


def test_a_required_argument_after_an_optional_one_is_a_fault(tmp_path: Path) -> None:
    text = FILE.format(name="one", syntax="ONE({{ a }}, {{ b }})").replace("{name: a}", "{name: a, default: x}")
    with pytest.raises(ConfigurationFault, match=r"one\.yaml:6: argument 'b' has no default and follows"):
        load_operators(written(tmp_path, one=text))


def test_null_is_answered_without_a_call() -> None:
    door = FakeDoor(["true"])
    items = [{"text": None, "criterion": "c"}, {"text": "a", "criterion": "c"}, {"text": "b", "criterion": None}]
    assert answered("means", items, door) == [None, True, None]
    assert len(door.requests) == 1
    assert answered("themes", [{"texts": [None, None]}], door) == [None]
    assert answered("summarize", [{"texts": []}], door) == [None]
    assert len(door.requests) == 1


def test_defaults_may_be_left_out_and_nulls_of_a_group_are_ignored() -> None:
    door = FakeDoor(["a\nb"])
    assert answered("themes", [{"texts": ["x", None, "y"]}], door) == [["a", "b"]]
    assert "At most 5 themes.\n<texts>\n- x\n- y\n</texts>" in door.requests[0].messages[1]["content"]


def test_several_groups_are_answered_in_one_run_without_their_nulls() -> None:
    door = FakeDoor(["1: one\n2: two"])
    assert answered("summarize", [{"texts": ["a", None]}, {"texts": [None]}, {"texts": ["b"]}], door) == [
        "one",
        None,
        "two",
    ]
    assert door.requests[0].messages[1]["content"] == "1.\n- a\n2.\n- b"


def test_a_label_comes_back_as_it_was_declared() -> None:
    items = [{"text": text, "labels": "Praise, Complaint"} for text in ("good", "bad")]
    assert answered("classify", items, FakeDoor(["1: praise\n2: COMPLAINT"])) == ["Praise", "Complaint"]


def test_what_is_not_there_is_null() -> None:
    items = [{"text": text, "what": "email"} for text in ("a@b.c", "nothing")]
    assert answered("extracts", items, FakeDoor(["1: a@b.c\n2: NULL"])) == ["a@b.c", None]


def test_instructions_cost_a_few_dozen_tokens() -> None:
    """Ten short texts in a batch cost little more than the texts; one in the single form, too."""
    for name in ("means", "relevance", "sentiment", "classify", "ask", "extracts", "condense"):
        operator = OPERATORS.by_name[name]
        item = {arg.name: "xxxx" for arg in operator.args}
        assert estimate_run(operator, [item], "m").tokens_in <= 65, name
        assert estimate_run(operator, [item] * 10, "m").tokens_in <= 65 + 10 * 4, name


def test_estimates_follow_the_prompts() -> None:
    door = FakeDoor(["none"])
    items = [{"text": f"report number {n} about something", "criterion": "footprints"} for n in range(20)]
    answered("means", items, door)
    sent = sum(len(message["content"]) for message in door.requests[0].messages) / 4
    estimated = estimate_run(OPERATORS.by_name["means"], items, "m")
    assert 0.7 * sent <= estimated.tokens_in <= 1.4 * sent
    assert estimate_run(OPERATORS.by_name["similar_to"], [{"a": "x", "b": "y"}], "m") == Asked()
    assert estimate_run(OPERATORS.by_name["means"], [], "m") == Asked()


def test_the_test_cases_of_a_cascade_can_fail() -> None:
    runtime = make_runtime(FakeDoor(["true", "false", "maybe", "maybe", "maybe"]), CASCADES, FakeLedger())
    results = asyncio.run(run_test_cases(CASCADES["semantic_matches"], runtime, OPTIONS))
    assert [result.outcome for result in results] == ["passed", "failed", "failed"]
    assert results[1].reason == "False is not True"
    assert results[2].reason.startswith("39000")


def test_cases_that_need_a_model_are_left_out_offline() -> None:
    runtime = make_runtime(FakeDoor(), CASCADES, FakeLedger())
    results = asyncio.run(run_test_cases(CASCADES["ask"], runtime, RunOptions()))
    assert {result.outcome for result in results} == {"skipped"}
