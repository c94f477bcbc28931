"""psql's tab completion, driven through a pseudo-terminal: what it offers, and that its queries run."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from catalog_places import PSQL, Place

LIMIT_S = 20
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x07|\r")


class Terminal:
    """psql in a pseudo-terminal."""

    def __init__(self, dsn: str) -> None:
        self._end, client = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "PSQL_HISTORY": os.devnull, "INPUTRC": os.devnull}
        self._process = subprocess.Popen(
            [str(PSQL), "-X", "-v", "PROMPT1=ready> ", dsn],
            stdin=client,
            stdout=client,
            stderr=client,
            env=environment,
        )
        os.close(client)
        self.read_until(rb"ready> ")

    def read_until(self, pattern: bytes) -> bytes:
        """Return what is printed up to a pattern."""
        seen, deadline = b"", time.monotonic() + LIMIT_S
        while re.search(pattern, CONTROL.sub(b"", seen)) is None:
            ready, _, _ = select.select([self._end], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"psql printed {seen!r}"
            seen += os.read(self._end, 65536)
        return CONTROL.sub(b"", seen)

    def complete(self, typed: str, wanted: str) -> None:
        """Type, press the tab key, and wait for the wanted line; then forget the line."""
        os.write(self._end, typed.encode() + b"\t")
        self.read_until(re.escape(wanted.encode()))
        os.write(self._end, b"\x15\n")  # kill the line, ask for a new prompt
        self.read_until(rb"ready> ")

    def close(self) -> None:
        """End psql."""
        os.close(self._end)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LIMIT_S)
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def terminal(ours: Place) -> Iterator[Terminal]:
    with closing(Terminal(ours.dsn)) as terminal:
        yield terminal


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("SELECT * FROM custom", "SELECT * FROM customers "),
        ("SELECT * FROM big", "SELECT * FROM big_orders "),
        ("SELECT * FROM other.th", "SELECT * FROM other.things "),
        ("SELECT * FROM rvbbit.all_d", "SELECT * FROM rvbbit.all_data "),
        ("SET search_path TO oth", "SET search_path TO other "),
        ("UPDATE orders SET custo", "UPDATE orders SET customer_id "),
        ("INSERT INTO coun", "INSERT INTO counted "),
        ("ALTER TABLE orders DROP COLUMN cust", "ALTER TABLE orders DROP COLUMN customer_id "),
        ("DROP INDEX orders_n", "DROP INDEX orders_note_idx "),
        ("DROP TYPE moo", "DROP TYPE mood "),
        ("ALTER TYPE mood RENAME VALUE 'ha", "ALTER TYPE mood RENAME VALUE 'happy' "),
        ("DROP SEQUENCE counter", "DROP SEQUENCE counter "),
        ("SET rvbbit.max_", "SET rvbbit.max_cost "),
        ("SET statement_t", "SET statement_timeout "),
        (r"\df mean", r"\df means "),
        (r"\d big", r"\d big_orders "),
        (r"\dn oth", r"\dn other "),
        (r"\dv big", r"\dv big_orders "),
        (r"\sv big", r"\sv big_orders "),
    ],
)
def test_completes(terminal: Terminal, typed: str, completed: str) -> None:
    terminal.complete(typed, completed)
