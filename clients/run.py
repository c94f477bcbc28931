"""``make clients``: run every client against both databases and print a table of what passed and failed.

Exit code 1 when a check fails on DuckDB that passes nowhere listed: the list is in ``docs/differences.md``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from clients.install import Missing  # noqa: E402
from clients.known import DIFFERENCES, known_failures  # noqa: E402
from clients.suites import SUITES, Suite  # noqa: E402
from clients.tap import Check, Outcome, parse_tap  # noqa: E402
from clients.targets import Target, serve_duckdb, serve_postgres  # noqa: E402

SUITE_TIME_S = 600
_LAST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Ran:
    """A suite's checks on one target; ``skipped`` says why there are none."""

    suite: str
    target: str
    checks: tuple[Check, ...] = ()
    skipped: str = ""

    def count(self, outcome: Outcome) -> int:
        """Return how many checks ended so."""
        return sum(check.outcome == outcome for check in self.checks)


def run_suite(suite: Suite, target: Target) -> Ran:
    """Run one suite; a suite that dies has a failed check called ``ends``."""
    try:
        command = suite.prepare(target)
    except Missing as missing:
        return Ran(suite.name, target.name, skipped=str(missing))
    try:
        done = subprocess.run(
            [*command.arguments, *target.arguments],
            env=command.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SUITE_TIME_S,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        said = slow.stdout.decode() if isinstance(slow.stdout, bytes) else ""
        return Ran(suite.name, target.name, (*parse_tap(said), Check("ends", "failed", "it did not end")))
    checks = parse_tap(done.stdout)
    if done.returncode or not checks:
        words = " ".join((done.stderr or done.stdout).split())[-_LAST_WORDS:]
        checks.append(Check("ends", "failed", f"exit code {done.returncode}: {words}"))
    return Ran(suite.name, target.name, tuple(checks))


def print_table(results: Mapping[str, Sequence[Ran]]) -> None:
    """Print client by passed/failed/skipped, for each target."""
    targets = [ran.target for ran in next(iter(results.values()))]
    print(f"\n{'client':18}" + "".join(f"{target:>34}" for target in targets))
    print(f"{'':18}" + f"{'passed  failed  skipped':>34}" * len(targets))
    for name, ran in results.items():
        print(f"{name:18}" + "".join(_cells(one) for one in ran))


def _cells(ran: Ran) -> str:
    if ran.skipped:
        return f"{'skipped: ' + ran.skipped:>34}"
    return f"{ran.count('passed'):>17}{ran.count('failed'):>8}{ran.count('skipped'):>9}"


def print_failures(results: Mapping[str, Sequence[Ran]], known: Mapping[tuple[str, str], str]) -> int:
    """Print every failed check; return how many fail on DuckDB and are not explained."""
    unexplained = 0
    for name, runs in results.items():
        for ran in runs:
            for check in ran.checks:
                if check.outcome != "failed":
                    continue
                reason = known.get((name, check.name))
                mark = "known" if reason else "FAILED"
                unexplained += ran.target == "DuckDB" and not reason
                print(f"{mark} on {ran.target}: {name}: {check.name}: {reason or check.reason}")
    return unexplained


def main() -> int:
    """Run the suites asked for, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="clients", description=__doc__)
    parser.add_argument("names", nargs="*", help="clients to run; none: all")
    parser.add_argument("--only", choices=("DuckDB", "PostgreSQL"), help="one database instead of both")
    options = parser.parse_args()
    chosen = [suite for suite in SUITES if not options.names or suite.name in options.names]
    results: dict[str, list[Ran]] = {}
    with ExitStack() as stack:
        servers = {"DuckDB": serve_duckdb, "PostgreSQL": serve_postgres}
        targets = [stack.enter_context(serve()) for name, serve in servers.items() if options.only in (None, name)]
        for suite in chosen:
            results[suite.name] = [run_suite(suite, target) for target in targets]
            counts = [f"{ran.target} {ran.skipped or ran.count('failed')}" for ran in results[suite.name]]
            print(f"{suite.name}: failed: {', '.join(counts)}", flush=True)
    known = known_failures(DIFFERENCES.read_text()) if DIFFERENCES.exists() else {}
    unexplained = print_failures(results, known)
    print_table(results)
    passed = sum(ran.count("passed") for runs in results.values() for ran in runs if ran.target == "DuckDB")
    print(f"\n{passed} passed, {unexplained} failed")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
