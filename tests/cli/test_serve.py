"""``rvbbit serve`` as a process: ready, found by others, ended by a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

PROGRAM = (sys.executable, "-m", "rvbbit_proxy.cli.main")


@dataclass(frozen=True, slots=True)
class Serving:
    process: subprocess.Popen[str]
    home: Path
    port: int

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname="demo", user="me", autocommit=True)

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    home = tmp_path / "home"
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--home", str(home)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            ready = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", process.stdout.readline())
            assert ready is not None
            yield Serving(process, home, int(ready[1]))
        finally:
            process.kill()


def command(serving: Serving, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments, "--home", str(serving.home)], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_flushes_and_ends_with_0(serving: Serving, number: signal.Signals) -> None:
    with serving.connect() as connection:
        connection.execute("SET rvbbit.caller_id = 'nightly'")
        assert connection.execute("SELECT 'footprints' MEANS 'footprints'").fetchone() == (True,)
    assert serving.stop(number) == 0
    assert not (serving.home / "server.json").exists()
    costs = command(serving, "costs", "--json")
    assert [json.loads(line)["caller"] for line in costs.stdout.splitlines()] == ["nightly"]


def test_costs_and_migrations_are_asked_of_the_server_that_has_the_home(serving: Serving) -> None:
    found = json.loads((serving.home / "server.json").read_text())
    assert found == {"host": "127.0.0.1", "port": serving.port, "pid": serving.process.pid}
    with serving.connect() as connection:
        connection.execute("/*caller_id='it%27s'*/ SELECT 'footprints' MEANS 'footprints'")
    while_running = command(serving, "costs", "--json", "--caller", "it's", "--since", "2020-01-01")
    assert json.loads(while_running.stdout)["calls"] == 1, while_running.stderr
    assert "pending" not in command(serving, "migrate", "--status").stdout
    assert serving.stop(signal.SIGTERM) == 0
    afterwards = command(serving, "costs", "--json", "--caller", "it's", "--since", "2020-01-01")
    assert json.loads(afterwards.stdout) == json.loads(while_running.stdout)


def test_two_processes_cannot_have_one_home(serving: Serving) -> None:
    second = command(serving, "backfill-callers")
    assert second.returncode == 1
    assert f"in use by process {serving.process.pid}" in second.stderr


def test_what_a_killed_server_left_is_no_server(serving: Serving) -> None:
    os.kill(serving.process.pid, signal.SIGKILL)
    serving.process.wait(timeout=30)
    assert (serving.home / "server.json").exists()
    assert command(serving, "costs", "--json").returncode == 0
