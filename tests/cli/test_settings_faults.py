"""A wrong setting says where it comes from: flag, environment, or file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rvbbit_proxy.errors import ConfigurationFault
from rvbbit_proxy.settings import load_settings


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fault(flags: dict[str, Any] | None = None) -> ConfigurationFault:
    with pytest.raises(ConfigurationFault) as raised:
        load_settings(flags or {})
    return raised.value


def write(text: str) -> None:
    Path("rvbbit.toml").write_text(text, encoding="utf-8")


def test_flags_win_over_environment_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("port = 1\nconcurrency = 2\nbatch_size = 3\n")
    monkeypatch.setenv("RVBBIT_PORT", "10")
    monkeypatch.setenv("RVBBIT_CONCURRENCY", "20")
    settings = load_settings({"port": 100, "concurrency": None})
    assert (settings.port, settings.concurrency, settings.batch_size, settings.meta) == (100, 20, 3, 0.0)


def test_prices_come_from_the_file() -> None:
    write('[prices."my/model"]\ninput_usd_per_mtok = 0.25\noutput_usd_per_mtok = 2\n')
    assert str(load_settings({}).prices["my/model"].input_usd_per_mtok) == "0.25"


def test_folders_in_the_environment_are_a_path_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVBBIT_CASCADES", "a:b/c")
    assert load_settings({}).cascades == (Path("a"), Path("b/c"))


def test_a_value_in_the_file_is_named_by_line() -> None:
    write('# mine\nmodel = "x"\nport = "many"\n')
    assert fault().message.startswith("rvbbit.toml:3: port: ")


def test_an_unknown_key_is_named_by_line() -> None:
    write("port = 1\nprot = 2\n")
    assert fault().message == "rvbbit.toml:2: prot: there is no such setting"


def test_a_key_inside_a_table_is_named_by_line() -> None:
    write('[prices."my/model"]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = "cheap"\n')
    assert fault().message.startswith("rvbbit.toml:3: prices.my/model.output_usd_per_mtok: ")


def test_broken_toml_is_named_by_line() -> None:
    write("port = 1\nhost =\n")
    assert fault().message.startswith("rvbbit.toml:2: ")


def test_the_environment_is_named_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    write("meta = 0.5\n")
    monkeypatch.setenv("RVBBIT_META", "7")
    assert fault().message.startswith("RVBBIT_META: ")


def test_a_flag_is_named_as_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVBBIT_PORT", "1")
    assert fault({"port": "x"}).message.startswith("--port: ")


def test_all_faults_are_told() -> None:
    write('port = "x"\nmeta = 3\n')
    raised = fault()
    assert [line.split(": ")[0] for line in [raised.message, *(raised.detail or "").splitlines()]] == [
        "rvbbit.toml:1",
        "rvbbit.toml:2",
    ]
