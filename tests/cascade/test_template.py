"""Data stay data, whatever they hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.cascade.template import (
    TemplateFault,
    check_expression,
    check_template,
    evaluate,
    render_lines,
    render_prompt,
)
from rvbbit_proxy.errors import CascadeFailed

PROMPT = "<criterion>{{ criterion }}</criterion>\n<text>{{ text }}</text>"
HOSTILE = st.text() | st.lists(
    st.sampled_from(
        ["<", "</", "text>", "</text>", "< / TEXT >", "<criterion>", "<|im_start|>", "{{", "}}", "a", "\n"]
    )
).map("".join)


@given(HOSTILE, HOSTILE)
def test_values_never_bring_a_tag_of_the_template(criterion: str, text: str) -> None:
    prompt = render_prompt(PROMPT, {"criterion": criterion, "text": text})
    assert re.findall(r"<\s*/?\s*(?:text|criterion)\b", prompt, re.IGNORECASE) == [
        "<criterion",
        "</criterion",
        "<text",
        "</text",
    ]
    assert "<|" not in prompt


@given(HOSTILE, HOSTILE)
def test_values_side_by_side_do_not_make_a_tag(left: str, right: str) -> None:
    prompt = render_prompt("<text>{{ a }}{{ b }}</text>", {"a": left, "b": right})
    assert len(re.findall(r"<\s*/?\s*text\b", prompt, re.IGNORECASE)) == 2


@given(st.lists(HOSTILE, min_size=1))
def test_a_value_in_lines_never_makes_a_line(values: list[str]) -> None:
    lines = [render_lines("{{ text }}", {"text": value}) for value in values]
    assert all(len(line.splitlines()) <= 1 for line in lines)


def test_other_angle_brackets_stay() -> None:
    assert render_prompt("<text>{{ text }}</text>", {"text": "a < b <p>"}) == "<text>a < b <p></text>"


def test_template_syntax_in_a_value_is_text() -> None:
    assert render_prompt("<t>{{ text }}</t>", {"text": "{{ 7 * 7 }}"}) == "<t>{{ 7 * 7 }}</t>"


@pytest.mark.parametrize(
    "source", ["{{ ''.__class__.__mro__ }}", "{{ text.__class__ }}", "{{ text.format.__globals__ }}"]
)
def test_the_sandbox_holds(source: str) -> None:
    with pytest.raises(CascadeFailed, match="unsafe"):
        render_prompt(source, {"text": "x"})


def test_null_prints_as_nothing_and_lists_as_json() -> None:
    assert render_prompt("<t>{{ a }}|{{ b }}</t>", {"a": None, "b": ["x", "é"]}) == '<t>|["x", "é"]</t>'


def test_numbers_need_no_tags() -> None:
    check_template("At most {{ n }}.", {"n": "integer"}, tagged=True)
    with pytest.raises(TemplateFault) as caught:
        check_template("At most\n{{ n }}.", {"n": "text"}, tagged=True)
    assert caught.value.line == 2


def test_loops_and_their_names_are_allowed() -> None:
    check_template(
        "<t>{% for x in texts %}{{ loop.index }}. {{ x }}{% endfor %}</t>", {"texts": "text[]"}, tagged=True
    )


def test_expressions_keep_their_type() -> None:
    check_expression("outputs.find[0]", {}, ["find"])
    assert evaluate("outputs.find[0]", {"outputs": {"find": [1, 2]}}) == 1
    with pytest.raises(TemplateFault):
        check_expression("nothing", {"text": "text"})
    with pytest.raises(CascadeFailed, match="names nothing"):
        evaluate("outputs.other", {"outputs": {"find": 1}})
