"""What every peer's script shares: read the task, run it once the imports are made, write the answer and the time.

A script runs in its peer's own virtualenv: ``python peers/NAME.py TASK.json ANSWER.json``. It has a function for
each task, by the names in :data:`FORMS`, but for the filters, which :func:`filters` makes of one.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONCURRENCY = 16
"""Requests in flight, where the peer lets one say."""
FORMS = {"W4": "summaries", "W5": "join", "W6": "top_ten", "W7": "fields"}
"""The names of the functions that run the tasks which are no filters."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """A task as the bench gives it: tables as lists of rows, the words to ask with, the model's base URL."""

    name: str
    variant: str
    tables: Mapping[str, Rows]
    words: Mapping[str, str]
    model_url: str
    limit_s: float
    folder: Path


Form = Callable[[Task], Any]
"""Runs a task and returns its answer."""


def filters(matching: Callable[[Task, Rows, int | None], list[int]]) -> dict[str, Form]:
    """Return W1 to W3, made of what gives the ids of the rows that match, at most so many where it knows a limit."""
    return {
        "W1": lambda task: matching(task, task.tables["messages"], None),
        "W2": lambda task: matching(task, [row for row in task.tables["messages"] if row["year"] == 2020], None),
        "W3": lambda task: matching(task, task.tables["messages"], 10)[:10],
    }


def forms(script: Mapping[str, Any]) -> dict[str, Form]:
    """Return the tasks that a script, by its globals, has functions for."""
    others = {task: script[name] for task, name in FORMS.items() if name in script}
    return {**filters(script["matching"]), **others}


def run(tasks: Mapping[str, Form], warm_up: Callable[[Task], object] | None = None) -> None:
    """Run the task named on the command line and write its answer; the time is the task's alone."""
    given, written = map(Path, sys.argv[1:3])
    task = Task(**{**json.loads(given.read_text()), "folder": given.parent})
    if task.name not in tasks:
        written.write_text(json.dumps({"error": "has no form for this task"}))
        return
    if warm_up is not None:
        warm_up(task)
    timer = threading.Timer(task.limit_s, _give_up, (written, task.limit_s))
    timer.daemon = True
    timer.start()
    started = time.perf_counter()
    answer = tasks[task.name](task)
    seconds = time.perf_counter() - started
    timer.cancel()
    written.write_text(json.dumps({"answer": answer, "seconds": seconds}, default=str))


def _give_up(written: Path, limit_s: float) -> None:
    """End the process, whatever its threads do."""
    written.write_text(json.dumps({"error": f"> {limit_s:g} s", "seconds": limit_s}))
    os._exit(0)
