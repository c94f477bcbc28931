"""The peers: each in a virtualenv of its own, installed from PyPI, run by its script in bench/peers."""

from __future__ import annotations

from typing import Any

from ours import Ran

PEERS: tuple[str, ...] = ()


def run_task(system: str, task: str, tables: Any, model_url: str) -> Ran:
    raise NotImplementedError
