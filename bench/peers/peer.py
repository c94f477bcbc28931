"""What every peer's script shares: read tasks, run each once the imports are made, tell the answer and the time.

A script runs in its peer's own virtualenv, a task a line in, an answer a line out. It has a function for each task, by
the names in :data:`FORMS`, but for the filters, which :func:`filters` makes of one.
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
    """Answer each task of standard input, a line of JSON, with a line; the time is the task's alone."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the peer prints is no answer

    def tell(**answer: Any) -> None:
        print(json.dumps(answer, default=str), file=answers, flush=True)

    for line in sys.stdin:
        given = json.loads(line)
        task = Task(**{**given, "folder": Path(given["folder"])})
        if task.name not in tasks:
            tell(error="has no form for this task")
            continue
        if warm_up is not None:
            warm_up(task)
        timer = threading.Timer(task.limit_s, _give_up, (tell, task.limit_s))
        timer.daemon = True
        timer.start()
        started = time.perf_counter()
        answer = tasks[task.name](task)
        seconds = time.perf_counter() - started
        timer.cancel()
        tell(answer=answer, seconds=seconds)


def _give_up(tell: Callable[..., None], limit_s: float) -> None:
    """End the process, whatever its threads do."""
    tell(error=f"> {limit_s:g} s", seconds=limit_s)
    os._exit(0)
