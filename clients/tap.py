"""TAP, as far as the suites use it: ``ok``, ``not ok``, ``# SKIP``; and a writer for suites in Python."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

Outcome = Literal["passed", "failed", "listed", "skipped"]
"""``listed`` is a failure that ``docs/differences.md`` explains."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_LINE = re.compile(r"^(?P<not>not )?ok(?: \d+)? - (?P<name>.*?)(?: # (?P<skip>SKIP )?(?P<reason>.*))?$")
_KEPT = 300


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a suite: what was checked, and how it went."""

    name: str
    outcome: Outcome
    reason: str = ""


def parse_tap(text: str) -> list[Check]:
    """Return the checks in a suite's output, past whatever else it says.

    >>> parse_tap("ok - a\\nnot ok - b # no\\nok - c # SKIP why")[1:]
    [Check(name='b', outcome='failed', reason='no'), Check(name='c', outcome='skipped', reason='why')]
    """
    return list(_checks(text))


def _checks(text: str) -> Iterator[Check]:
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is not None:
            outcome: Outcome = "failed" if found["not"] else "skipped" if found["skip"] else "passed"
            yield Check(found["name"], outcome, found["reason"] or "")


@contextmanager
def check(name: str) -> Iterator[None]:
    """Write one check: it failed if the block raises."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever a client library raises is the check's outcome
        where = traceback.extract_tb(error.__traceback__)[1:2]
        line = f" (line {where[0].lineno})" if where else ""
        write(name, " ".join(f"{type(error).__name__}: {error}{line}".split())[:_KEPT])
    else:
        write(name)


def write(name: str, fault: str = "") -> None:
    """Write one check's line; with a fault it failed."""
    print(f"not ok - {name} # {fault}" if fault else f"ok - {name}", flush=True)


def same(found: object, expected: object) -> None:
    """Raise unless what was found is what PostgreSQL gives."""
    if found != expected:
        raise AssertionError(f"got {found!r}, expected {expected!r}")


def main(suite: Callable[[str, int, str, str], None]) -> None:
    """Run a Python suite with the address its command line tells: HOST PORT USER DATABASE."""
    host, port, user, database = sys.argv[1:5]
    suite(host, int(port), user, database)
