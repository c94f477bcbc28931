"""A cascade's own test cases: run them and tell which answers are not as they must be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.run import run_cascade
from rvbbit_proxy.cascade.runtime import Runtime
from rvbbit_proxy.cascade.spec import CascadeSpec, CaseSpec
from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.settings import OFFLINE, RunOptions


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one test case ended. ``reason`` says what was wrong, or why it was left out."""

    cascade_id: str
    number: int  # 1-based, as in the file
    inputs: Mapping[str, Any]
    outcome: str  # passed, failed, skipped
    answer: Any = None
    reason: str = ""


async def run_test_cases(
    cascade: CascadeSpec, runtime: Runtime, options: RunOptions, ctx: CallerContext | None = None
) -> list[CaseResult]:
    """Run the test cases in order, one at a time. A case's own failure is a result, never an exception."""
    caller = ctx or CallerContext("check", "minted")
    return [
        await _run_case(cascade, number, case, caller, options, runtime)
        for number, case in enumerate(cascade.test_cases, 1)
    ]


async def _run_case(
    cascade: CascadeSpec,
    number: int,
    case: CaseSpec,
    ctx: CallerContext,
    options: RunOptions,
    runtime: Runtime,
) -> CaseResult:
    if case.needs_model and options.model == OFFLINE:
        return CaseResult(cascade.cascade_id, number, case.inputs, "skipped", reason="needs a model")
    try:
        answer = await run_cascade(cascade, case.inputs, ctx, options, runtime)
    except RvbbitError as error:
        return CaseResult(cascade.cascade_id, number, case.inputs, "failed", reason=f"{error.sqlstate}: {error}")
    reason = _objection(case, answer)
    return CaseResult(
        cascade.cascade_id, number, case.inputs, "failed" if reason else "passed", answer, reason or ""
    )


def _objection(case: CaseSpec, answer: Any) -> str | None:
    """Return what is wrong with an answer, None if nothing is."""
    if case.between is not None:
        low, high = case.between
        if not isinstance(answer, int | float) or not low <= answer <= high:
            return f"{answer!r} is not between {low:g} and {high:g}"
    if case.contains is not None and case.contains.casefold() not in str(answer).casefold():
        return f"{answer!r} does not contain {case.contains!r}"
    if "expect" in case.model_fields_set and not _same(answer, case.expect):
        return f"{answer!r} is not {case.expect!r}"
    return None


def _same(answer: Any, expected: Any) -> bool:
    if isinstance(answer, float) and isinstance(expected, int | float):
        return math.isclose(answer, expected, rel_tol=1e-9, abs_tol=1e-9)
    return type(answer) is type(expected) and bool(answer == expected)
