"""The planner against its peers: seven tasks, one scripted model, one table.

Run: ``python bench/planner/run.py [--tasks W1,W2] [--systems 'ours;openaivec'] [--latency-ms 50]``; see bench/README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

import ours  # noqa: E402
import peers  # noqa: E402
from cases import make_data  # noqa: E402
from report import Line, print_report  # noqa: E402
from tasks import TASKS, agreement, export_rows  # noqa: E402

OURS = {"ours": None, "ours, unbatched": 1}
"""Our lines in the table, and their ``rvbbit.batch_size``."""
UNBATCHED = ("W1", "W2", "W3")
"""Tasks that we run unbatched, too: the distinct inputs that any plan must ask."""


Run = tuple[str, str, ours.Ran, dict[str, Any]]
"""The line's label, the task, how it ran, and what the model counted."""


@dataclass(frozen=True, slots=True)
class Model:
    """The scripted model in its process."""

    url: str

    def start(self, system: str, task: str) -> None:
        """Reset the counters for one run."""
        self._ask("start", {"system": system, "task": task})

    def counters(self) -> dict[str, Any]:
        """Return what was asked since the start."""
        return self._ask("counters")

    def seen(self) -> dict[str, Any]:
        """Return the first requests since the start, and their answers."""
        return self._ask("seen")

    def _ask(self, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url.removesuffix("/v1") + f"/bench/{path}", data)
        with urllib.request.urlopen(request) as response:
            answer: dict[str, Any] = json.load(response)
        return answer


@contextmanager
def scripted_model(latency_ms: float) -> Iterator[Model]:
    """Start the scripted model in a process of its own."""
    command = [sys.executable, __file__, "--serve-model", "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Model(json.loads(process.stdout.readline())["url"])


def main() -> None:
    """Run the systems on the tasks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--systems", default=";".join(["ours", *peers.PEERS]), help="separated by semicolons")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--limit-s", type=float, default=20.0, help="what a task may take")
    parser.add_argument("--show-prompts", action="store_true", help="print the first prompts of every run")
    parser.add_argument("--serve-model", action="store_true", help="only serve the scripted model")
    options = parser.parse_args()
    if options.serve_model:
        import model  # noqa: PLC0415  needs a tokenizer that the other side does not

        model.serve(options.latency_ms / 1000)
        return
    tasks, systems = options.tasks.split(","), options.systems.split(";")
    with scripted_model(options.latency_ms) as model_process:
        lines = list(_run_all(tasks, systems, model_process, options.limit_s, options.show_prompts))
    print_report(lines, options.latency_ms)
    for name, reason in peers.SKIPPED.items():
        print(f"\nskipped: {name}: {reason}")


def _run_all(tasks: list[str], systems: list[str], model: Model, limit_s: float, show: bool) -> Iterator[Line]:
    data = make_data()
    tables = export_rows(data)
    for system in systems:
        run = (
            _run_ours(tasks, tables, model, limit_s)
            if system == "ours"
            else _run_peer(system, tasks, tables, model, limit_s)
        )
        for label, task, ran, counters in run:
            right = None
            if ran.error is None:
                right = agreement(task, data, ran.answer, counters["summaries"])
            line = Line(label, task, counters, ran.seconds, right, ran.error)
            print(line.progress(), file=sys.stderr, flush=True)
            if show:
                print(json.dumps(model.seen(), indent=1), flush=True)
            yield line


def _run_ours(tasks: list[str], tables: Any, model: Model, limit_s: float) -> Iterator[Run]:
    for task in tasks:
        for label, batch_size in OURS.items():
            if batch_size is not None and task not in UNBATCHED:
                continue
            with tempfile.TemporaryDirectory(prefix="rvbbit-bench-") as folder:
                with ours.serving(Path(folder), tables, model.url) as conninfo:
                    model.start("ours", "W1")
                    ours.warm_up(conninfo)
                    model.start("ours", task)
                    ran = ours.run_task(task, conninfo, batch_size, limit_s)
                    yield label, task, ran, model.counters()


def _run_peer(system: str, tasks: list[str], tables: Any, model: Model, limit_s: float) -> Iterator[Run]:
    with peers.PeerProcess(system) as peer:
        for task in tasks:
            model.start(peers.PEERS[system][0].name, task)
            ran = peer.run_task(task, tables, model.url, limit_s)
            yield system, task, ran, model.counters()


if __name__ == "__main__":
    main()
