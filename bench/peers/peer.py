"""What every peer's script shares: read the task, run it once the imports are made, write the answer and the time.

A script runs in its peer's own virtualenv: ``python peers/NAME.py TASK.json ANSWER.json``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONCURRENCY = 16
"""Requests in flight, where the peer lets one say."""


@dataclass(frozen=True)
class Task:
    """A task as the bench gives it: tables as lists of rows, the words to ask with, the model's base URL."""

    name: str
    variant: str
    tables: Mapping[str, list[dict[str, Any]]]
    words: Mapping[str, str]
    model_url: str
    folder: Path


def run(tasks: Mapping[str, Callable[[Task], Any]], warm_up: Callable[[Task], object] | None = None) -> None:
    """Run the task named on the command line and write its answer; the time is the task's alone."""
    given, written = map(Path, sys.argv[1:3])
    task = Task(**{**json.loads(given.read_text()), "folder": given.parent})
    if task.name not in tasks:
        written.write_text(json.dumps({"error": "has no form for this task"}))
        return
    if warm_up is not None:
        warm_up(task)
    started = time.perf_counter()
    answer = tasks[task.name](task)
    seconds = time.perf_counter() - started
    written.write_text(json.dumps({"answer": answer, "seconds": seconds}, default=str))
