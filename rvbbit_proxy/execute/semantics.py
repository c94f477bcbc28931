"""The entry to semantic statements: is this one, what does it give, run it, explain it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache

import pyarrow as pa
from sqlglot import exp

from rvbbit_proxy.engine.upstream import Description, Notice, Parameter, UpstreamResult, UpstreamSession
from rvbbit_proxy.errors import RvbbitError, SyntaxFault
from rvbbit_proxy.execute.estimates import StageEstimate, check_budget, estimate_stages
from rvbbit_proxy.execute.explain import Actual, ExplainOptions, explain_result, parse_explain
from rvbbit_proxy.execute.judging import StageReport
from rvbbit_proxy.execute.plans import Describe, Plans
from rvbbit_proxy.execute.relations import drop_relations
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.result import FinishedResult
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.execute.stages import run_stages
from rvbbit_proxy.execute.views import (
    SemanticViews,
    creates_view,
    expand_views,
    mentions,
    reads_view,
    stand_in,
)
from rvbbit_proxy.plan.describable import describable
from rvbbit_proxy.plan.lower import plan_statement
from rvbbit_proxy.plan.plan import Plan
from rvbbit_proxy.settings import OFFLINE
from rvbbit_proxy.sql.dialect import print_sql, semantic_calls
from rvbbit_proxy.sql.lexer import words
from rvbbit_proxy.sql.literals import bind, literal
from rvbbit_proxy.wire.types.registry import decode_value, wire_type

OFFLINE_NOTICE = Notice(
    "NOTICE",
    "00000",
    "no model is configured: rvbbit answers offline, with approximate lexical and statistical methods",
    hint="Set RVBBIT_MODEL, or SET rvbbit.model, to a litellm model id.",
)
PARSED_STATEMENTS = 512
UNTYPED = {0, 25, 705, 1043}
BEGIN = {"duckdb": "BEGIN", "postgres": "BEGIN ISOLATION LEVEL REPEATABLE READ"}


class SemanticEngine:
    """Plans and runs statements that hold operators. Thread-safe: it keeps no state of a statement."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reader = services.reader
        self._parse = lru_cache(PARSED_STATEMENTS)(self._reader.parse)
        self._views = SemanticViews()
        self._plans = Plans()

    def is_semantic(self, sql: str, upstream: UpstreamSession) -> bool:
        """Whether the statement, or what it explains, holds an operator or reads a view that does; else cheap.

        So may a statement we cannot read that has an operator's word: :meth:`execute` lets the upstream try it first.
        """
        found = words(sql)
        views = self._views.known(upstream)
        self._views.watch(found, upstream)
        if self._reader.words.isdisjoint(found) and not mentions(sql, views):
            return False
        inner, _ = parse_explain(sql)
        try:
            tree = self._parse(inner)
        except SyntaxFault:
            return True
        return bool(semantic_calls(tree)) or reads_view(tree, views)

    def describe(self, sql: str, parameter_oids: Sequence[int], upstream: UpstreamSession) -> Description:
        """Tell parameters and columns, from the upstream, with typed NULLs in the operators' places."""
        inner, options = parse_explain(sql)
        with self._or_our_syntax_fault(sql) as readable:
            if not readable:
                return upstream.describe(sql, parameter_oids)
        tree = self._read(inner, upstream)
        if creates_view(tree):
            return Description((), None)
        tree = describable(tree, self._reader.operators)
        description = upstream.describe(self._sql(tree, upstream), parameter_oids)
        return Description(description.parameter_oids, options.columns) if options else description

    def check_syntax(self, sql: str, upstream: UpstreamSession) -> None:
        """Raise the syntax error (42601) of a statement that :meth:`is_semantic`."""
        with self._or_our_syntax_fault(sql) as readable:
            if not readable:
                upstream.check_syntax(sql)

    def live_rows(self, relation: str) -> tuple[str, pa.Table] | None:
        """Return the table and its rows as they are now, behind a relation of what the server does; None: another."""
        match relation:
            case "running_queries":
                return "running_stages", self._services.running.table()
            case "cache_statistics":
                return "cache_counts", pa.Table.from_pylist([asdict(self._services.cache.statistics())])
            case _:
                return None

    def execute(self, request: StatementRequest, upstream: UpstreamSession) -> UpstreamResult:
        """Run the statement for its caller; its rows stream from the upstream."""
        inner, options = parse_explain(request.sql)
        with self._or_our_syntax_fault(request.sql) as readable:
            if not readable:
                return upstream.execute(request.sql, request.parameters, result_formats=request.result_formats)
        read = self._read(inner, upstream)
        if creates_view(read):
            tree = bind(read, _literals(request.parameters))
            return upstream.execute(self._sql(stand_in(tree, self._reader), upstream))
        plan = self._plan(read, inner, request.parameters, upstream)
        self._tell_offline(plan, request, upstream)
        if options is not None:
            return self._explain(plan, request, upstream, options)
        return self._run(plan, request, upstream)[0]

    def _plan(self, read: exp.Expr, sql: str, parameters: Sequence[Parameter], upstream: UpstreamSession) -> Plan:
        """Return the plan of a statement's tree, the one of its text where neither parameters nor views shape it."""

        def make(describe: Describe, suffix: str | None) -> Plan:
            tree = bind(read, _literals(parameters))
            return plan_statement(tree, self._reader.operators, upstream.dialect, describe, suffix)

        names = _namer(upstream)
        if parameters or read is not self._parse(sql):
            return make(names, None)
        return self._plans.plan(sql, make, names, upstream)

    @contextmanager
    def _or_our_syntax_fault(self, sql: str) -> Iterator[bool]:
        """Tell whether we can read the statement; if not, and the upstream cannot either, the fault is ours.

        The upstream may know syntax that we do not, and use an operator's word as a plain name.
        """
        inner, _ = parse_explain(sql)
        try:
            self._parse(inner)
        except SyntaxFault as fault:
            try:
                yield False
            except RvbbitError as error:
                raise (fault if error.sqlstate == fault.sqlstate else error) from error
        else:
            yield True

    def _read(self, sql: str, upstream: UpstreamSession) -> exp.Expr:
        """Return the statement's tree, views over operators expanded; not to be changed."""
        tree, views = self._parse(sql), self._views.texts
        return expand_views(tree, views, self._parse, upstream.dialect) if reads_view(tree, views) else tree

    @staticmethod
    def _sql(tree: exp.Expr, upstream: UpstreamSession) -> str:
        return print_sql(tree, upstream.dialect)

    def _run(
        self, plan: Plan, request: StatementRequest, upstream: UpstreamSession
    ) -> tuple[UpstreamResult, list[StageReport]]:
        own_transaction = upstream.transaction_status() == "I"
        if own_transaction:
            upstream.execute(BEGIN[upstream.dialect]).close()

        def finish(success: bool) -> None:
            if not success and own_transaction:
                upstream.execute("ROLLBACK").close()
            else:
                drop_relations(plan.relations, upstream)
                if own_transaction:
                    upstream.execute("COMMIT").close()
            self._plans.end(plan, upstream)

        self._plans.begin(plan, upstream)
        try:
            if request.options.max_cost_usd is not None:
                check_budget(self._estimates(plan, request, upstream), request.options.max_cost_usd)
            reports, tag = run_stages(plan, request, upstream, self._services)
            result = upstream.execute(plan.final_sql, result_formats=request.result_formats)
        except BaseException:
            if own_transaction:
                upstream.execute("ROLLBACK").close()
            self._plans.end(plan, upstream)
            raise
        return FinishedResult(result, finish, tag), reports

    def _estimates(self, plan: Plan, request: StatementRequest, upstream: UpstreamSession) -> list[StageEstimate]:
        return estimate_stages(plan, request, upstream, self._services)

    def _explain(
        self, plan: Plan, request: StatementRequest, upstream: UpstreamSession, options: ExplainOptions
    ) -> UpstreamResult:
        estimates = self._estimates(plan, request, upstream)
        actual = self._analyze(plan, request, upstream) if options.analyze else None
        return explain_result(plan, estimates, request.options.model, options, actual)

    def _analyze(self, plan: Plan, request: StatementRequest, upstream: UpstreamSession) -> Actual:
        budget, started = request.ctx.budget, time.perf_counter()
        result, reports = self._run(plan, request, upstream)
        rows = sum(map(_row_count, result.batches())) if result.columns is not None else None
        result.close()
        cost = budget.spent_usd if budget is not None else None
        return Actual(reports, rows, time.perf_counter() - started, cost)

    def _tell_offline(self, plan: Plan, request: StatementRequest, upstream: UpstreamSession) -> None:
        asks = bool(plan.operator_stages)
        if asks and request.options.model == OFFLINE and upstream not in self._services.told_offline:
            self._services.told_offline.add(upstream)
            request.notify(OFFLINE_NOTICE)


def _row_count(batch: object) -> int:
    rows = getattr(batch, "num_rows", None)
    return int(rows) if rows is not None else len(getattr(batch, "rows", ()))


def _namer(upstream: UpstreamSession) -> Callable[[str], list[str]]:
    def names(sql: str) -> list[str]:
        """Return the names by which the upstream itself knows a query's columns."""
        return list(upstream.fetch(f"{sql} LIMIT 0").column_names)

    return names


def _literals(parameters: Sequence[Parameter]) -> dict[int, exp.Expr]:
    return {number: _literal(value) for number, value in enumerate(parameters, start=1)}


def _literal(parameter: Parameter) -> exp.Expr:
    """Return a bound value as a literal of its declared type; text of an undeclared type stays untyped."""
    oid = parameter.type_oid
    value = decode_value(parameter.value, parameter.format, oid)
    name = wire_type(oid).name
    sql_name = f"{name[1:]}[]" if name.startswith("_") else name
    return literal(value, None if oid in UNTYPED else sql_name)
