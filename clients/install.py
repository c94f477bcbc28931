"""Gets what a client needs: Python packages into an environment of their own, npm packages, Debian packages.

Everything lands under ``.clients`` in the repository, which git ignores, except Debian's packages, which only root
can install. What can't be had raises :class:`Missing` with the reason, and the client is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".clients"
INSTALL_TIME_S = 900


class Missing(Exception):
    """A client can't be had here; the message says why."""


@cache
def python_with(*packages: str) -> Path:
    """Return an interpreter of an environment that has the packages."""
    folder = FOLDER / "venv"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], "pip")
    return python


@cache
def node_with(*packages: str) -> Path:
    """Return a folder whose ``node_modules`` has the packages."""
    if shutil.which("npm") is None:
        raise Missing("no npm")
    folder = FOLDER / "node"
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / "node_modules" / package.rpartition("@")[0]).exists() for package in packages):
        _run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *packages], "npm")
    return folder


@cache
def debian(probe: str, *packages: str) -> Path:
    """Return the path ``probe`` (a file, or a command's name), having installed the packages that bring it."""
    found = _found(probe)
    if found is None:
        if shutil.which("apt-get") is None:
            raise Missing(f"no {probe}, and no apt-get to install it")
        if os.geteuid() != 0:
            raise Missing(f"no {probe}, and only root can install {' '.join(packages)}")
        _apt_update()
        _run(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages], "apt-get")
        found = _found(probe)
    if found is None:
        raise Missing(f"{' '.join(packages)} did not bring {probe}")
    return found


def _found(probe: str) -> Path | None:
    if "/" in probe:
        return Path(probe) if Path(probe).exists() else None
    command = shutil.which(probe)
    return Path(command) if command else None


@cache
def _apt_update() -> None:
    _run(["apt-get", "update", "--quiet"], "apt-get")


def _run(command: Sequence[str], what: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_TIME_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} took longer than {INSTALL_TIME_S} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing said"]
        raise Missing(f"{what} failed: {said[-1]}")


def own_python() -> Path:
    """Return the interpreter this runs on, which has the test dependencies."""
    return Path(sys.executable)
