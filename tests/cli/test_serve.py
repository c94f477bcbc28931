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

import psutil
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


def come_and_go(serving: Serving, clients: int) -> tuple[int, int]:
    """Let clients connect, ask and leave; return the server's threads and descriptors once it has let go of them."""
    process = psutil.Process(serving.process.pid)
    for _ in range(clients):
        with serving.connect() as connection:
            connection.execute("SELECT 1")
    with serving.connect() as connection:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state IS NOT NULL"
        while connection.execute(asked).fetchone() != (0,) or len(process.net_connections()) > 2:
            pass
        return process.num_threads(), process.num_fds()


def test_clients_that_left_leave_no_thread_and_no_descriptor(serving: Serving) -> None:
    before = come_and_go(serving, 5)
    assert come_and_go(serving, 40) <= before


def test_memory_is_bounded_whatever_a_result_has(serving: Serving) -> None:
    process = psutil.Process(serving.process.pid)
    with serving.connect() as connection:
        rows = "SELECT i, repeat('x', 500) AS title, i / 7.0 AS ratio FROM range({}) r(i)"
        connection.execute(rows.format(20_000))
        connection.execute("SELECT count(*) FROM pg_class")  # what is made in the background is there
        before = process.memory_info().rss
        with connection.cursor() as cursor:
            count = sum(1 for _ in cursor.stream(rows.format(200_000)))
        assert count == 200_000  # about 100 MB on the wire
        assert process.memory_info().rss - before < 50_000_000


def test_plain_sql_needs_neither_pandas_nor_a_driver_nor_a_model(serving: Serving) -> None:
    with serving.connect() as connection:
        connection.execute("SELECT * FROM range(5000)")
    mapped = {each.path for each in psutil.Process(serving.process.pid).memory_maps()}
    heavy = ("safetensors", "tokenizers", "/pandas/", "psycopg")
    assert not [path for path in mapped if any(name in path for name in heavy)]
