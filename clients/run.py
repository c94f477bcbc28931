"""``make clients``: run every client against the server on both upstreams and print a table of what passed and failed.

PostgreSQL itself is the reference: a check that fails there is a fault of the check. Exit code 1 when a check fails
that ``docs/differences.md`` does not list, or passes although it does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from clients.install import Missing  # noqa: E402
from clients.known import DIFFERENCES, known_failures  # noqa: E402
from clients.suites import SUITES, Suite  # noqa: E402
from clients.tap import OUTCOMES, Check, Outcome, parse_tap  # noqa: E402
from clients.targets import TARGETS, Target, serve  # noqa: E402

SUITE_TIME_S = 300
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
        return Ran(
            suite.name,
            target.name,
            (*parse_tap(said), Check("ends", "failed", f"it did not end in {SUITE_TIME_S} s")),
        )
    checks = parse_tap(done.stdout)
    if done.returncode or not checks:
        words = " ".join((done.stderr or done.stdout).split())[-_LAST_WORDS:]
        checks.append(Check("ends", "failed", f"exit code {done.returncode}: {words}"))
    return Ran(suite.name, target.name, tuple(checks))


def print_table(results: Mapping[str, Sequence[Ran]]) -> None:
    """Print client by passed/failed/listed/skipped, for each target."""
    targets = [ran.target for ran in next(iter(results.values()))]
    print(f"\n{'':18}" + "".join(f"{target:>38}" for target in targets))
    print(
        f"{'client':18}"
        + "".join(
            f"{outcome:>11}" if n == 0 else f"{outcome:>9}" for _ in targets for n, outcome in enumerate(OUTCOMES)
        )
    )
    for name, ran in results.items():
        print(f"{name:18}" + "".join(_cells(one) for one in ran))
    for reason in sorted(
        {f"{ran.suite}: {ran.skipped}" for runs in results.values() for ran in runs if ran.skipped}
    ):
        print(f"skipped: {reason}")


def _cells(ran: Ran) -> str:
    if ran.skipped:
        return f"{'skipped':>38}"
    return "".join(
        f"{ran.count(outcome):>11}" if n == 0 else f"{ran.count(outcome):>9}" for n, outcome in enumerate(OUTCOMES)
    )


def with_listed(ran: Ran, known: Mapping[tuple[str, str], str]) -> Ran:
    """Return the outcomes after the list of differences, which are DuckDB's: a check on it has to fail."""
    if ran.target != "DuckDB":
        return ran
    return replace(
        ran, checks=tuple(_with_listed(check, known.get((ran.suite, check.name))) for check in ran.checks)
    )


def _with_listed(check: Check, reason: str | None) -> Check:
    if reason is None or check.outcome == "skipped":
        return check
    if check.outcome == "passed":
        return replace(check, outcome="failed", reason="it passes, though docs/differences.md lists it")
    return replace(check, outcome="listed", reason=reason)


def print_failures(ran: Ran) -> None:
    """Print every failed check of a suite."""
    for check in ran.checks:
        if check.outcome in {"failed", "listed"}:
            print(f"  {check.outcome} on {ran.target}: {check.name}: {check.reason}", flush=True)


def main() -> int:
    """Run the suites asked for, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="clients", description=__doc__)
    parser.add_argument("names", nargs="*", help="clients to run; none: all")
    parser.add_argument("--only", choices=TARGETS, help="one database instead of all")
    options = parser.parse_args()
    chosen = [suite for suite in SUITES if not options.names or suite.name in options.names]
    known = known_failures(DIFFERENCES.read_text())
    results: dict[str, list[Ran]] = {}
    with serve([options.only] if options.only else TARGETS) as targets:
        for suite in chosen:
            started = time.monotonic()
            results[suite.name] = []
            for target in targets:
                results[suite.name].append(with_listed(run_suite(suite, target), known))
            print(f"{suite.name}: {time.monotonic() - started:.0f} s", flush=True)
            for ran in results[suite.name]:
                print_failures(ran)
    print_table(results)
    counts = {
        outcome: sum(ran.count(outcome) for runs in results.values() for ran in runs) for outcome in OUTCOMES
    }
    print("\n" + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
