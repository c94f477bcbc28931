"""The documentation cannot rot: what a user can name is in the README."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from rvbbit_proxy.app import load_all_cascades
from rvbbit_proxy.cli.main import program
from rvbbit_proxy.operators.operator import distinct_operators, load_operators
from rvbbit_proxy.session.parameter_table import PARAMETERS
from rvbbit_proxy.settings import Settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_group(program).commands
OPERATORS = {each.name: each for each in distinct_operators(load_operators(load_all_cascades(Settings())))}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_row(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", [spec.name for key, spec in PARAMETERS.items() if key.startswith("rvbbit.")])
def test_every_session_parameter_of_ours_has_its_row(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_row(name: str) -> None:
    assert f"| `rvbbit {name}" in README


@pytest.mark.parametrize(
    ("command", "flag"),
    [(name, option) for name, each in COMMANDS.items() for param in each.params for option in param.opts],
)
def test_every_flag_is_mentioned(command: str, flag: str) -> None:
    if flag.startswith("--"):
        assert flag in README


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_is_mentioned_by_each_of_its_forms(name: str) -> None:
    table = README.split("## Operators")[1].split("## Commands")[0].lower()
    for words in OPERATORS[name].infix:
        assert " ".join(words).lower() in table
    for form in OPERATORS[name].names:
        assert f"{form}(" in table or f"`{form}`" in table


def test_the_reader_is_sent_to_files_that_exist() -> None:
    root = Path(__file__).parents[2]
    links = [part.split(")")[0] for part in README.split("](")[1:] if not part.startswith("#")]
    assert [link for link in links if not (root / link).exists()] == []
