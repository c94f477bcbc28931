"""Our own server on the tasks: ``rvbbit serve`` as a process, fresh for each task, asked through psycopg."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from tasks import CRITERION, LABELS, NAME, ORDER, WATER, Answer

MODEL = "openai/scripted"
STATEMENTS = {
    "W1": f"SELECT id FROM messages WHERE body MEANS '{CRITERION}'",
    "W2": f"SELECT id FROM messages WHERE body MEANS '{CRITERION}' AND year = 2020",
    "W3": f"SELECT id FROM messages WHERE body MEANS '{CRITERION}' LIMIT 10",
    "W4": "SELECT region, SUMMARIZE(body) FROM grouped GROUP BY region",
    "W5": "SELECT i.id, k.id FROM items i JOIN kinds k ON i.item MEANS k.kind",
    "W6": f"SELECT id FROM ranked ORDER BY body RELEVANCE TO '{WATER}' DESC LIMIT 10",
    "W7": f"SELECT id, CLASSIFY(body, '{LABELS}'), body EXTRACTS '{NAME}', body EXTRACTS '{ORDER}' FROM forms",
}
WARM_UP = "SELECT 'a first text' MEANS 'anything'"


@dataclass(frozen=True, slots=True)
class Ran:
    """A task's answer and how long the statement took, rows fetched; ``error`` is why there is no answer."""

    answer: Answer
    seconds: float
    error: str | None = None


@contextmanager
def serving(folder: Path, tables: Mapping[str, list[dict[str, Any]]], model_url: str) -> Iterator[str]:
    """Start ``rvbbit serve`` on a fresh home and a database with the tables; yield its conninfo."""
    database = folder / "bench.duckdb"
    with duckdb.connect(str(database)) as connection:
        for name, rows in tables.items():
            connection.register("given", pa.Table.from_pylist(rows))
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given ORDER BY id")
            connection.unregister("given")
    (folder / "rvbbit.toml").write_text(
        f'[prices."{MODEL}"]\ninput_usd_per_mtok = "0.15"\noutput_usd_per_mtok = "0.60"\n', encoding="utf-8"
    )
    environment = {**os.environ, "OPENAI_API_BASE": model_url, "OPENAI_API_KEY": "none", "RVBBIT_MODEL": MODEL}
    process = subprocess.Popen(
        [sys.executable, "-m", "rvbbit_proxy.cli.main", "serve", str(database), "--port", "0", "--home", "home"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        host, _, port = process.stdout.readline().split()[-1].rpartition(":")
        yield psycopg.conninfo.make_conninfo(host=host, port=port, user="bench", dbname="bench")
    finally:
        process.terminate()
        process.wait()


def run_task(task: str, conninfo: str, batch_size: int | None, limit_s: float) -> Ran:
    """Run one task's statement; ``batch_size`` None leaves the default."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if batch_size is not None:
            connection.execute(f"SET rvbbit.batch_size = {batch_size}")
        connection.execute(f"SET statement_timeout = {limit_s * 1000:.0f}")
        started = time.perf_counter()
        try:
            rows = connection.execute(STATEMENTS[task]).fetchall()
        except psycopg.errors.QueryCanceled:
            return Ran(None, limit_s, f"> {limit_s:g} s")
        except psycopg.Error as error:
            return Ran(None, time.perf_counter() - started, str(error).replace("\n", " "))
        return Ran(_answer(task, rows), time.perf_counter() - started)


def warm_up(conninfo: str) -> None:
    """Ask once, so that imports and connections are made; the answer does not count."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET rvbbit.on_error = 'null'")
        connection.execute(WARM_UP)


def _answer(task: str, rows: list[tuple[Any, ...]]) -> Answer:
    if task in ("W1", "W2", "W3", "W6"):
        return [row[0] for row in rows]
    if task == "W5":
        return [list(row) for row in rows]
    if task == "W4":
        return dict(rows)
    return {str(row[0]): list(row[1:]) for row in rows}
