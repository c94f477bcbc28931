"""YAML to cascades: what is refused, and at which line."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_door import bundled, written

from rvbbit_proxy.cascade.load import load_cascade, load_cascades
from rvbbit_proxy.errors import ConfigurationFault

GOOD = """\
cascade_id: good
description: Says yes or no.
inputs_schema:
  text: The text.
cells:
  - name: judge
    system: Reply only true or false.
    prompt: |
      <text>
      {{ text }}
      </text>
    output: {type: boolean}
"""


def fault_of(tmp_path: Path, text: str, name: str = "good.yaml") -> str:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationFault) as caught:
        load_cascades([tmp_path])
    message = caught.value.message
    assert message.startswith(f"{path}:"), message
    return message.removeprefix(f"{path}:")


def test_a_good_file_is_a_frozen_cascade(tmp_path: Path) -> None:
    spec = written(tmp_path, good=GOOD)["good"]
    assert spec.cells[0].name == "judge"
    assert spec.inputs["text"].description == "The text."
    assert spec.output.type == "boolean"
    with pytest.raises(Exception, match="frozen"):
        spec.description = "other"  # type: ignore[misc]


def test_the_id_is_the_file_name_unless_said(tmp_path: Path) -> None:
    path = tmp_path / "named.cascade.yaml"
    path.write_text(GOOD.replace("cascade_id: good\n", ""))
    assert load_cascade(path).cascade_id == "named"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("    output:", "    wards: []\n    output:", "12: unknown key cells.0.llm.wards"),
        ("    output:", "    takes: 3\n    output:", "12: unknown key cells.0.llm.takes"),
        ("    output:", "    loop_until: x\n    output:", "12: unknown key cells.0.llm.loop_until"),
        ("cells:", "colour: red\ncells:", "5: unknown key colour"),
        ("type: boolean", "type: bool", "12: cells.0.llm.output.type: Input should be"),
        ("description: Says yes or no.\n", "", "1: description: Field required"),
        ("{{ text }}", "{{ txt }}", "10: the template names an unknown input 'txt'"),
        ("{{ text }}", "{{ text | }}", "10: expected token"),
        ("{{ text }}", "{{ outputs.find }}", "10: the template names an unknown input 'outputs'"),
        ("{{ text }}", "{% include 'x' %}", "10: a template cannot load another one"),
        ("      <text>\n", "", "9: a value must stand between tags"),
        ("Reply only", "About {{ text }} reply only", "7: the template names an unknown input 'text'"),
        ("    output:", "    context: [find]\n    output:", "12: 'find' is not an earlier cell"),
        ("cells:", "cascade_id: twice\ncells:", "5: key 'cascade_id' is given twice"),
        ("    prompt: |", "    prompt: [", "10: expected ',' or ']'"),
        (
            "{type: boolean}",
            "{type: text, labels_from: labels}",
            "12: labels_from names an unknown input 'labels'",
        ),
        ("{type: boolean}", "{type: boolean, json_schema: {}}", "12: only jsonb has a json_schema"),
        ("{type: boolean}", "{type: jsonb, json_schema: {type: 5}}", "12: not a JSON Schema"),
        ("cells:", "reduce: {prompt: x}\ncells:", "5: reduce needs an input of type text[]"),
        ("  - name: judge", "  - name: Judge", "6: cells.0.llm.name: String should match"),
        ("cells:", "test_cases: [{inputs: {text: a}}]\ncells:", "5: a test case needs expect"),
        ("cells:", "test_cases: [{inputs: {}, expect: 1}]\ncells:", "5: missing inputs: text"),
        (
            "cells:",
            "batch: {system: x, item: '{{ text }}', answer: mix}\ncells:",
            "5: batch.answer: Input should be",
        ),
        (
            "cells:",
            "batch: {system: x, item: '{{ t }}', answer: matching}\ncells:",
            "5: the template names an unk",
        ),
    ],
)
def test_a_fault_says_file_line_reason(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    assert fault_of(tmp_path, GOOD.replace(old, new, 1)).startswith(fault)


def test_a_cell_without_a_kind_is_refused(tmp_path: Path) -> None:
    text = "description: d\ncells:\n  - name: a\n    sql: SELECT 1\n"
    assert fault_of(tmp_path, text).startswith("3: cells.0: a cell has one of the keys prompt, trait, cascade")


def test_two_files_of_one_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    assert "1: cascade 'good' is also in" in fault_of(tmp_path, GOOD, "b.yaml")


STEP = "description: d\ninputs_schema: {{text: t}}\ncells:\n  - name: a\n    {kind}: {name}\n"


@pytest.mark.parametrize("kind", ["trait", "cascade"])
def test_an_unknown_reference_is_refused(tmp_path: Path, kind: str) -> None:
    fault = fault_of(tmp_path, STEP.format(kind=kind, name="nobody"))
    assert fault == f"5: there is no {kind} 'nobody'"


def test_a_cascade_that_uses_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(STEP.format(kind="cascade", name="two"))
    (tmp_path / "two.yaml").write_text(STEP.format(kind="trait", name="one"))
    with pytest.raises(ConfigurationFault, match=r"one\.yaml:3: cascade uses itself: one > two > one"):
        load_cascades([tmp_path])


def test_a_sub_cascade_must_be_given_its_inputs(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    text = STEP.format(kind="cascade", name="good").replace("text: t", "note: t")
    assert fault_of(tmp_path, text, "outer.yaml") == "4: cascade 'good' is not given text"


def test_the_version_is_that_of_all_that_shapes_an_answer(tmp_path: Path) -> None:
    def version(inner: str) -> tuple[str, str]:
        cascades = written(tmp_path, good=inner, outer=STEP.format(kind="cascade", name="good"))
        return cascades["good"].genus_hash, cascades["outer"].genus_hash

    first = version(GOOD)
    assert version(GOOD) == first
    assert version(GOOD.replace("Says yes or no", "Other words")) == first
    changed = version(GOOD.replace("Reply only", "Say only"))
    assert changed[0] != first[0]
    assert changed[1] != first[1], "a cascade's version holds those of the cascades it uses"


def test_the_versions_of_bundled_cascades_differ() -> None:
    versions = [spec.genus_hash for spec in bundled().values()]
    assert all(versions)
    assert len(set(versions)) == len(versions)


def test_a_missing_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="is not a folder"):
        load_cascades([tmp_path / "absent"])
