"""``rvbbit check``: cascades, operators and settings loaded; with ``--test`` the cascades' own test cases run."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rvbbit_proxy.app import App, cascade_folders, load_all_cascades
from rvbbit_proxy.caller import CallerContext, mint_caller_id
from rvbbit_proxy.cascade.check import CaseResult, run_test_cases
from rvbbit_proxy.cascade.load import cascade_files, load_cascade
from rvbbit_proxy.errors import ConfigurationFault
from rvbbit_proxy.operators.operator import distinct_operators, load_operators
from rvbbit_proxy.settings import RunOptions, Settings


def faults(settings: Settings) -> list[str]:
    """Return what is wrong with the cascades, one ``file:line: reason`` each; files first, then references."""
    found = [fault for path in cascade_files(cascade_folders(settings)) for fault in _file_faults(path)]
    if found:
        return found
    try:
        load_operators(load_all_cascades(settings))
    except ConfigurationFault as fault:
        return lines_of(fault)
    return []


def _file_faults(path: Path) -> list[str]:
    try:
        load_cascade(path)
    except ConfigurationFault as fault:
        return lines_of(fault)
    return []


def lines_of(fault: ConfigurationFault) -> list[str]:
    """Return a fault's reason and the further ones that its detail holds."""
    return [fault.message, *(fault.detail or "").splitlines()]


def counted(settings: Settings) -> str:
    """Return how much there is of what was loaded, in a line."""
    cascades = load_all_cascades(settings)
    operators = list(distinct_operators(load_operators(cascades)))
    return f"{len(cascades)} cascades, {len(operators)} operators: no faults"


def run_cases(settings: Settings) -> Iterator[CaseResult]:
    """Run the test cases of all cascades on a throw-away home and yield their results."""
    with tempfile.TemporaryDirectory(prefix="rvbbit-check-") as home:
        with App.open(settings.model_copy(update={"home": Path(home), "meta": 0.0})) as app:
            options = RunOptions.of(app.settings)
            for cascade in app.cascades.values():
                ctx = CallerContext(
                    mint_caller_id("check"),
                    "minted",
                    {"origin": "cli", "triggered_by": "rvbbit check --test"},
                )
                yield from app.loop.run(run_test_cases(cascade, app.runtime, options, ctx))


def summary(results: Sequence[CaseResult]) -> str:
    """Return how the test cases went, in a line.

    >>> summary([CaseResult("means", 1, {}, "passed"), CaseResult("means", 2, {}, "skipped")])
    '1 passed, 0 failed, 1 skipped'
    """
    outcomes = Counter(result.outcome for result in results)
    return ", ".join(f"{outcomes[name]} {name}" for name in ("passed", "failed", "skipped"))
