"""``rvbbit serve``: the server until a signal, and the file by which other commands find it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from rvbbit_proxy.app import App
from rvbbit_proxy.errors import ConfigurationFault
from rvbbit_proxy.settings import Settings

SERVER_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where a server listens that has the home, and its process."""

    host: str
    port: int
    pid: int


def serve(settings: Settings, database: str | None) -> None:
    """Listen until SIGTERM or SIGINT; then let running statements end, flush, and return."""
    stop = stop_event()
    keep_pandas_out()
    with App.open(settings, database) as app:
        host, port = listen(app)
        with announced(settings.home, RunningServer(host, port, os.getpid())):
            print(f"listening on {host}:{port}", flush=True)
            stop.wait()
            app.stop_server()


class _NoPandas:
    """A finder of modules for which there is no pandas."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("left out", name=name)


def keep_pandas_out() -> None:
    """Let Arrow find no pandas, which takes 45 MB and which Arrow loads with its first array.

    It looks once for Series among its arguments, and again only where it is asked for a DataFrame.
    """
    finder: Any = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


def listen(app: App) -> tuple[str, int]:
    """Start the app's server and return its address. Raises :class:`ConfigurationFault` where it cannot listen."""
    try:
        return app.start_server()
    except OSError as error:
        address = f"{app.settings.host}:{app.settings.port}"
        raise ConfigurationFault(
            f"cannot listen on {address}: {error.strerror}", hint="Give another --port, or 0 for any free one."
        ) from error


def stop_event() -> threading.Event:
    """Return an event that the first SIGTERM or SIGINT sets; the second one ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


@contextmanager
def announced(home: Path, server: RunningServer) -> Iterator[None]:
    """Keep the server's address in the home while the block runs."""
    path = home / SERVER_FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(server)) + "\n", encoding="utf-8")
    fresh.rename(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_server(home: Path) -> RunningServer | None:
    """Return the server that has the home, None if there is none (or only what a killed one left)."""
    try:
        server = RunningServer(**json.loads((home / SERVER_FILE).read_text(encoding="utf-8")))
        os.kill(server.pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        return server
    return server
