"""The wheel carries what the program reads, and works from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation of its own; dependencies are the environment's."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    run(*pip, "--no-deps", "--no-index", "--target", str(target), str(wheel), cwd=target)
    return target


def shipped(folder: str) -> set[str]:
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix in (".yaml", ".sql"))
    return {f"rvbbit_proxy/bundled/{path.relative_to(ROOT)}" for path in files}


@pytest.mark.parametrize("folder", ["cascades", "traits", "migrations"])
def test_the_wheel_carries_our_files(wheel: Path, folder: str) -> None:
    expected = shipped(folder)
    assert expected
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_the_sample_and_the_views(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"rvbbit_proxy/demo/sightings.csv", "rvbbit_proxy/ledger/views.sql"} <= names


def test_the_wheel_carries_no_tests_and_no_caches(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith("tests/") or "__pycache__" in name] == []


def test_the_installation_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    where = "import rvbbit_proxy; print(rvbbit_proxy.__file__)"
    printed = run(sys.executable, "-c", where, cwd=tmp_path, PYTHONPATH=str(installed))
    assert Path(printed.strip()).is_relative_to(installed)


def test_check_finds_no_fault_from_another_folder(installed: Path, tmp_path: Path) -> None:
    printed = run(str(installed / "bin" / "rvbbit"), "check", cwd=tmp_path, PYTHONPATH=str(installed))
    assert printed.endswith("no faults\n")


def test_migrate_makes_a_ledger_from_another_folder(installed: Path, tmp_path: Path) -> None:
    program = str(installed / "bin" / "rvbbit")
    home = ("--home", str(tmp_path / "home"))
    before = run(program, "migrate", "--status", *home, cwd=tmp_path, PYTHONPATH=str(installed))
    after = run(program, "migrate", *home, cwd=tmp_path, PYTHONPATH=str(installed))
    assert "pending" in before
    assert "pending" not in after
