"""EXPLAIN of a semantic statement: its stages with inputs, calls, tokens and cost; nothing is spent.

The inputs of every stage are read (that costs no model call), so counts are exact where no earlier stage
decides; else they are an upper bound, and the plan says ``at most``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa

from rvbbit_proxy.engine.upstream import Column, UpstreamResult
from rvbbit_proxy.errors import SyntaxFault
from rvbbit_proxy.execute.estimates import StageEstimate, total_cost
from rvbbit_proxy.execute.judging import StageReport
from rvbbit_proxy.execute.result import TableResult
from rvbbit_proxy.plan.plan import Change, Plan, Spool, Waves
from rvbbit_proxy.settings import OFFLINE
from rvbbit_proxy.wire.types.oids import JSON, TEXT

EXPLAIN = re.compile(
    r"\s*EXPLAIN\b\s*(?:\(\s*(?P<options>(?:ANALYZE|VERBOSE|COSTS|SETTINGS|GENERIC_PLAN|BUFFERS|SERIALIZE|WAL|TIMING"
    r"|SUMMARY|MEMORY|FORMAT)\b[^)]*)\)|(?P<words>(?:\s*\b(?:ANALYZE|VERBOSE)\b)*))\s*",
    re.I,
)


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """``EXPLAIN (ANALYZE, FORMAT JSON)``."""

    analyze: bool = False
    format: Literal["text", "json"] = "text"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The one column EXPLAIN gives."""
        return (Column("QUERY PLAN", JSON if self.format == "json" else TEXT),)


@dataclass(frozen=True, slots=True)
class Actual:
    """What ANALYZE has seen: one report per operator stage, the rows (None: no rowset), wall time, money."""

    reports: Sequence[StageReport]
    rows: int | None
    seconds: float
    cost_usd: Decimal | None


def parse_explain(sql: str) -> tuple[str, ExplainOptions | None]:
    """Split EXPLAIN and its options from the statement it explains; None where it is no EXPLAIN.

    >>> parse_explain("EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1")
    ('SELECT 1', ExplainOptions(analyze=True, format='json'))
    >>> parse_explain("EXPLAIN (SELECT 1) UNION (SELECT 2)")
    ('(SELECT 1) UNION (SELECT 2)', ExplainOptions(analyze=False, format='text'))
    """
    match = EXPLAIN.match(sql)
    if match is None:
        return sql, None
    words = (match["options"] or match["words"] or "").upper().replace(",", " ").split()
    analyze = "ANALYZE" in words and words[min(words.index("ANALYZE") + 1, len(words) - 1)] not in ("FALSE", "OFF")
    form = words[words.index("FORMAT") + 1] if "FORMAT" in words[:-1] else "TEXT"
    if form not in ("TEXT", "JSON"):
        raise SyntaxFault(f'unrecognized value for EXPLAIN option "format": "{form.lower()}"', sqlstate="22023")
    return sql[match.end() :], ExplainOptions(analyze, "json" if form == "JSON" else "text")


def explain_result(
    plan: Plan, estimates: Sequence[StageEstimate], model: str, options: ExplainOptions, actual: Actual | None
) -> UpstreamResult:
    """Return the plan as rows; ``estimates`` are from before the run that ``actual`` tells of."""
    lines = (
        [_as_json(plan, estimates, actual)]
        if options.format == "json"
        else _as_text(plan, estimates, model, actual)
    )
    return TableResult(options.columns, pa.table({"QUERY PLAN": pa.array(lines, pa.string())}), "EXPLAIN")


def _as_text(plan: Plan, estimates: Sequence[StageEstimate], model: str, actual: Actual | None) -> list[str]:
    calls = sum(estimate.calls for estimate in estimates)
    offline = ", approximate" if model == OFFLINE else ""
    lines = [
        f"Semantic Plan  (model={model}{offline} calls={calls} "
        f"tokens={sum(e.tokens_in for e in estimates)}+{sum(e.tokens_out for e in estimates)} "
        f"cost={_money(total_cost(estimates))})"
    ]
    reports = actual.reports if actual is not None else [None] * len(estimates)
    operators = iter(list(zip(estimates, reports, strict=True)))
    for number, stage in enumerate(plan.stages, start=1):
        if isinstance(stage, Spool):
            lines += [f"  ->  {number}. Spool {stage.relation}  ({stage.reason})", f"        Query: {stage.sql}"]
        elif isinstance(stage, Change):
            lines += [
                f"  ->  {number}. Change {stage.relation}  ({stage.verb})",
                f"        Statement: {stage.sql}",
            ]
        elif isinstance(stage, Waves):
            lines.append(f"  ->  {number}. Waves over {stage.spool}  ({_purpose(stage)})")
            for _ in stage.filters:
                lines += _stage_lines(number, *next(operators))
        else:
            lines += _stage_lines(number, *next(operators))
    lines += ["  ->  Final", f"        Query: {plan.final_sql}"]
    if actual is not None:
        cost = f"  Cost: {_money(actual.cost_usd)}" if actual.cost_usd is not None else ""
        lines.append(f"Actual: {actual.rows} rows  Time: {actual.seconds * 1000:.1f} ms{cost}")
    return lines


def _purpose(stage: Waves) -> str:
    if stage.needed is None:
        return f"{len(stage.conditions)} conditions, in the order that costs least"
    return f"until {stage.needed} rows have passed"


def _stage_lines(number: int, estimate: StageEstimate, report: StageReport | None) -> list[str]:
    bound = "at most " if estimate.at_most else ""
    actual = (
        f"        Actual: {report.inputs} distinct, {report.cached} cached, {report.runs} runs, {report.failed} failed"
        if report is not None
        else None
    )
    lines = [
        f"  ->  {number}. Operator {estimate.operator} in {estimate.position}  ({bound}calls={estimate.calls} "
        f"tokens={estimate.tokens_in}+{estimate.tokens_out} cost={_money(estimate.cost_usd)})",
        f"        Inputs: {bound}{estimate.inputs} distinct, {estimate.cached} cached"
        f"  ({'exact' if estimate.exact else 'estimated'})",
        _range_line(estimate),
        f"        Method: {estimate.method}" if estimate.method else None,
        actual,
        f"        Shared: {report.shared} answered in prompts with other operators"
        if report is not None and report.shared
        else None,
        f"        Decided: {report.decided} by the proxy, {report.sampled} sampled by the model"
        if report is not None and report.sampled
        else None,
        f"        Query: {estimate.input_sql}",
    ]
    return [line for line in lines if line is not None]


def _range_line(estimate: StageEstimate) -> str | None:
    if not estimate.calls or estimate.cost_low_usd is None:
        return None
    seconds = "" if estimate.seconds is None else f", about {estimate.seconds:.1f} s"
    rests_on = f"from {estimate.past_calls} past calls" if estimate.past_calls else "guessed: no past calls"
    span = f"{_money(estimate.cost_low_usd)} to {_money(estimate.cost_high_usd)}"
    calls = ""
    if (estimate.calls_low, estimate.calls_high) != (estimate.calls, estimate.calls):
        calls = f", {estimate.calls_low} to {estimate.calls_high} calls"
    return f"        Estimate: {span}{seconds}{calls}  ({rests_on})"


def _as_json(plan: Plan, estimates: Sequence[StageEstimate], actual: Actual | None) -> str:
    document: dict[str, Any] = {
        "Stages": [asdict(estimate) for estimate in estimates],
        "Total Calls": sum(estimate.calls for estimate in estimates),
        "Total Cost": total_cost(estimates),
        "Final Query": plan.final_sql,
    }
    if actual is not None:
        document["Actual"] = {
            "Stages": [asdict(report) for report in actual.reports],
            "Rows": actual.rows,
            "Time": round(actual.seconds * 1000, 3),
            "Cost": actual.cost_usd,
        }
    return json.dumps([document], indent=2, default=str)


def _money(cost: Decimal | None) -> str:
    return "unpriced" if cost is None else f"${cost:.6f}"
