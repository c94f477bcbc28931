"""``rvbbit serve``: the server until a signal, and the file by which other commands find it."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rvbbit_proxy.app import App
from rvbbit_proxy.cli.footprint import leave_alone_what_is_here, stay_small
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
    stay_small()
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of grammar that it leaves to the upstream
    with App.open(settings, database) as app:
        leave_alone_what_is_here()
        host, port = listen(app)
        with announced(settings.home, RunningServer(host, port, os.getpid())):
            print(f"listening on {host}:{port}", flush=True)
            stop.wait()
            app.stop_server()


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
