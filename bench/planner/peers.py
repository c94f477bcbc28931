"""The peers: each installed from PyPI into a virtualenv of its own, and run by its script in bench/peers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from ours import Ran
from tasks import CRITERION, LABELS, NAME, ORDER, WATER

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv-peers"
SCRIPTS = ROOT / "bench" / "peers"
WORDS = {"criterion": CRITERION, "water": WATER, "labels": LABELS, "name": NAME, "order": ORDER}
INSTALL_LIMIT_S = 900
START_LIMIT_S = 120
"""For a peer's imports, beside the time for its task."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer as pip installs it; ``first`` is installed before it, ``pythons`` are those it runs on."""

    requirement: str
    first: Sequence[str] = ()
    pythons: Sequence[str] = ("python3.11", "python3")

    @property
    def name(self) -> str:
        """The package's name."""
        return self.requirement.partition("==")[0]


OPENAIVEC = Peer("openaivec==2.9.3")
PEERS: Mapping[str, tuple[Peer, str]] = {
    "openaivec": (OPENAIVEC, ""),
    "openaivec, by 64": (OPENAIVEC, "64"),
    "blendsql": (Peer("blendsql==0.1.28", first=("polars<2",)), ""),  # under polars 2 it mixes up the rows
    "docetl": (Peer("docetl==0.3.0"), ""),
    "fenic": (Peer("fenic==0.13.0", first=("openai<3",)), ""),
    "lotus-ai": (Peer("lotus-ai==1.2.4", first=("torch==2.13.0",)), ""),
    "thalamusdb": (Peer("thalamusdb==0.1.15", pythons=("python3.12", "python3.13")), ""),
}
"""The systems in the table: a peer, and what of it is varied."""

SKIPPED = {"palimpzest": "0.9.0 imports only on Python 3.12, and there its PyTorch comes with several GB of CUDA"}
"""Peers that are not run, and why."""


class PeerProcess:
    """A peer's script in a process of its own, started when there is a task for it; a context manager."""

    def __init__(self, system: str) -> None:
        self._peer, self._variant = PEERS[system]
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="rvbbit-peer-")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._folder.cleanup()

    def run_task(self, task: str, tables: Mapping[str, Any], model_url: str, limit_s: float) -> Ran:
        """Run one task, for so long at most; a task that takes longer, or fails, ends the process."""
        python = _install(self._peer)
        if isinstance(python, str):
            return Ran(None, 0.0, python)
        folder = Path(self._folder.name, task)
        folder.mkdir()
        given = {"name": task, "variant": self._variant, "tables": tables, "words": WORDS, "model_url": model_url}
        process = self._process or self._start(python)
        assert process.stdin is not None and process.stdout is not None
        limit = threading.Timer(START_LIMIT_S + limit_s, process.kill)
        limit.start()
        print(json.dumps({**given, "limit_s": limit_s, "folder": str(folder)}), file=process.stdin, flush=True)
        line = process.stdout.readline()
        limit.cancel()
        if not line:
            self._stop()
            return Ran(None, 0.0, _last_line(self._errors.read_text()))
        answer = json.loads(line)
        if "answer" not in answer:
            self._stop()
        return Ran(answer.get("answer"), answer.get("seconds", 0.0), answer.get("error"))

    @property
    def _errors(self) -> Path:
        return Path(self._folder.name, "errors.txt")

    def _start(self, python: Path) -> subprocess.Popen[str]:
        script = SCRIPTS / f"{self._peer.name.replace('-', '_')}_peer.py"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [python, script],
                cwd=self._folder.name,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _environment() -> dict[str, str]:
    """Return the environment, with a tokenizer at hand for those that would download one."""
    litellm = find_spec("litellm")
    assert litellm is not None and litellm.submodule_search_locations is not None
    tokenizers = Path(litellm.submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {
        **kept,
        "TIKTOKEN_CACHE_DIR": str(tokenizers),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
    }


@cache
def _install(peer: Peer) -> Path | str:
    """Return the peer's Python, or why there is none."""
    folder = ENVIRONMENTS / peer.name
    python, done = folder / "bin" / "python", folder / ".installed"
    if done.exists() and done.read_text() == peer.requirement:
        return python
    base = next(filter(None, map(_working_python, peer.pythons)), None)
    if base is None:
        return f"skipped: needs {' or '.join(peer.pythons)}, which this machine does not have"
    print(f"installing {peer.requirement}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([base, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    try:
        for requirement in (*peer.first, peer.requirement):
            subprocess.run(
                [*pip, requirement], check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S
            )
    except subprocess.CalledProcessError as error:
        return f"skipped: pip says {_last_line(error.stderr)}"
    except subprocess.TimeoutExpired:
        return f"skipped: pip was not done after {INSTALL_LIMIT_S} s"
    done.write_text(peer.requirement)
    return python


def _working_python(name: str) -> str | None:
    """Return a Python by its name, if it starts: a shim may stand for one that is not chosen."""
    path = shutil.which(name)
    if path is None:
        return None
    return path if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0 else None


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "ended without an answer"
