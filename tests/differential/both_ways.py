"""An upstream on which a statement runs twice, through our engine and plainly, and what differs.

What is compared: rows, in order where the statement determines it; column names and types; the command tag; what
Describe tells of the columns; a changed table's rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from differential.pieces import number_parameters
from differential.queries import Query
from differential.statements import Example, Row, Statement
from differential.truth import ANSWERS, TruthfulDoor, duckdb_functions, postgres_functions
from fake_door import ROOT

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.load import load_cascade
from rvbbit_proxy.cascade.runtime import Runtime
from rvbbit_proxy.cascade.spec import CascadeSpec
from rvbbit_proxy.cascade.traits import BUILTIN_TRAITS
from rvbbit_proxy.engine.duckdb_instance import open_instance
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.engine.postgres_upstream import PostgresUpstream
from rvbbit_proxy.engine.upstream import Notice, Parameter, RawRows, Upstream, UpstreamSession
from rvbbit_proxy.errors import NotSupported, RvbbitError
from rvbbit_proxy.execute.model_loop import ModelLoop
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.semantics import SemanticEngine
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.ledger.records import Record
from rvbbit_proxy.llm.cache import ResultCache
from rvbbit_proxy.operators.operator import load_operators
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.sql.dialect import SqlReader

CREATE = """
CREATE TABLE a (id integer, title text, note text, n integer, flag boolean, "Odd Name" text);
CREATE TABLE b (id integer, a_id integer, label text, w double precision);
CREATE TABLE k (id integer PRIMARY KEY, label text)
"""
CONTENTS = {name: f"SELECT * FROM {name}" for name in ("a", "b", "k", "made")}

NUMBERED = re.compile(r"_\d+$")
NAMELESS = ("?column?", "true", "false", "NULL")
"""Names that DuckDB gives to literals without one, and that do not always reach the item to be told otherwise."""

Columns = list[tuple[str, int]] | None


class Difference(AssertionError):
    """The two ways do not agree."""


class _Forgetful:
    """A ledger that keeps nothing."""

    def note(self, *records: Record) -> None:
        self.record(*records)

    def record(self, *records: Record) -> None:
        """Forget."""

    def trim_cache(self, limit: int) -> int:
        """Forget nothing: there is nothing."""
        return 0

    def load_cache(self, limit: int) -> list[tuple[str, Any, float]]:
        """Return nothing."""
        return []


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement gave: rows, columns as (name, type), the tag."""

    rows: list[tuple[Any, ...]]
    columns: Columns
    tag: str


@dataclass(repr=False)
class BothWays:
    """An upstream session, our engine before it, and what has been compared so far."""

    session: UpstreamSession
    engine: SemanticEngine
    counts: Counter[str] = field(default_factory=Counter)
    invalid: list[tuple[str, str]] = field(default_factory=list)

    def check(self, example: Example) -> None:
        """Run the example both ways. Raises :class:`Difference`; counts what could not be compared."""
        self._fill(example.rows)
        try:
            for name, view in example.statement.views:
                self._run(f"CREATE VIEW plain_{name} AS {view.plain}")
            plain = self._plainly(example.statement)
            any_of = self._unlimited(example.statement.query)
        except RvbbitError as error:
            self.counts[f"invalid: {_gist(error)}"] += 1
            self.invalid.append((str(error), example.statement.piece.plain))
            self._drop_views(example.statement)
            return
        try:
            self._make_views(example.statement)
            self._check_ours(example, plain, any_of)
        except NotSupported as error:
            self.counts[f"not supported: {_gist(error)}"] += 1
        except Difference:
            if not self._agree_unoptimized(example):
                raise
            self.counts["same without the upstream's optimizer"] += 1
        else:
            self.counts["same"] += 1
        finally:
            self._clean()
            self._drop_views(example.statement)

    def _make_views(self, statement: Statement) -> None:
        for name, view in statement.views:
            made = StatementRequest(
                f"CREATE VIEW {name} AS {view.ours}", CallerContext("test"), RunOptions(), _unheard
            )
            if self.engine.is_semantic(made.sql, self.session):
                self._outcome(self.engine.execute(made, self.session))
            else:
                self._run(made.sql)
        self.engine.is_semantic(statement.piece.ours, self.session)  # as a session asks: it reads the views anew

    def _drop_views(self, statement: Statement) -> None:
        for name, _ in statement.views:
            self.engine.is_semantic(f"DROP VIEW {name}", self.session)
            self._run(f"DROP VIEW IF EXISTS {name}")
            self._run(f"DROP VIEW IF EXISTS plain_{name}")

    def _check_ours(self, example: Example, plain: Outcome, any_of: Counter[str] | None) -> None:
        statement = example.statement
        ours, parameters = number_parameters(statement.piece.ours)
        options = RunOptions(batch_size=example.batch_size, cache="on" if example.cached else "off")
        try:
            described = self._described(ours, parameters)
            request = StatementRequest(ours, CallerContext("test"), options, _unheard, parameters)
            if example.explained:
                self._outcome(self.engine.execute(replace(request, sql=f"EXPLAIN {ours}"), self.session))
            given = self._ours(request, statement)
        except NotSupported:
            raise
        except RvbbitError as error:
            if (
                error.sqlstate == NotSupported.default_sqlstate
            ):  # PostgreSQL's own limits, such as those of FULL JOIN
                raise NotSupported(str(error)) from error
            raise Difference(f"{type(error).__name__} {error.sqlstate}: {error} {error.detail or ''}") from error
        if any_of is None:
            _compare(given, plain, statement.query)
        elif Counter(map(repr, given.rows)) - any_of or len(given.rows) != len(plain.rows):
            raise Difference(f"rows {given.rows}, plainly {len(plain.rows)} of {any_of}")
        if statement.query is not None and not _same_columns(described, given.columns):
            raise Difference(f"described {described}, gave {given.columns}")

    def _agree_unoptimized(self, example: Example) -> bool:
        """Tell whether both ways agree once DuckDB runs statements as they are written.

        DuckDB 2.0's optimizer has faults of its own, in outer joins whose ON holds subqueries.
        """
        if self.session.dialect != "duckdb":
            return False
        self._clean()
        self._run("PRAGMA disable_optimizer")
        try:
            self._check_ours(example, self._plainly(example.statement), self._unlimited(example.statement.query))
        except Difference:
            return False
        else:
            return True
        finally:
            self._clean()
            self._run("PRAGMA enable_optimizer")

    def _unlimited(self, query: Query | None) -> Counter[str] | None:
        """Return the rows of which a LIMIT without order may take any; None where the rows are determined."""
        if query is None or query.unlimited is None:
            return None
        return Counter(map(repr, self._outcome(self.session.execute(query.unlimited)).rows))

    def _described(self, ours: str, parameters: tuple[Parameter, ...]) -> Columns:
        description = self.engine.describe(ours, [parameter.type_oid for parameter in parameters], self.session)
        if description.columns is None:
            return None
        return [(column.name, column.type_oid) for column in description.columns]

    def _plainly(self, statement: Statement) -> Outcome:
        with self._undone(statement):
            outcome = self._outcome(self.session.execute(statement.piece.plain))
            return self._with_table(outcome, statement)

    def _ours(self, request: StatementRequest, statement: Statement) -> Outcome:
        with self._undone(statement):
            outcome = self._outcome(self.engine.execute(request, self.session))
            return self._with_table(outcome, statement)

    def _with_table(self, outcome: Outcome, statement: Statement) -> Outcome:
        if statement.table is None:
            return outcome
        table = self._outcome(self.session.execute(CONTENTS[statement.table]))
        return Outcome([*table.rows, *(("returned", *row) for row in outcome.rows)], table.columns, outcome.tag)

    @contextmanager
    def _undone(self, statement: Statement) -> Iterator[None]:
        """Run a change in a block that is rolled back, a query outside of any."""
        if statement.table is not None:
            self._run("BEGIN")
        try:
            yield
        finally:
            self._clean()

    def _clean(self) -> None:
        if self.session.transaction_status() != "I":
            self._run("ROLLBACK")

    @staticmethod
    def _outcome(result: Any) -> Outcome:
        rows = [row for batch in result.batches() for row in _rows(batch)]
        columns = None if result.columns is None else [(column.name, column.type_oid) for column in result.columns]
        result.close()
        return Outcome(rows, columns, result.tag)

    def _run(self, sql: str) -> None:
        self.session.execute(sql).close()

    def _fill(self, tables: dict[str, list[Row]]) -> None:
        for name, rows in tables.items():
            self._run(f"DELETE FROM {name}")
            if rows:
                values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
                self._run(f"INSERT INTO {name} VALUES {values}")


def _unheard(notice: Notice) -> None:
    """Take a notice nobody reads."""


def _compare(ours: Outcome, plain: Outcome, query: Query | None) -> None:
    if ours.tag != plain.tag:
        raise Difference(f"tag {ours.tag}, plainly {plain.tag}")
    if not _same_columns(ours.columns, plain.columns):
        raise Difference(f"columns {ours.columns}, plainly {plain.columns}")
    if query is not None and query.ordered:
        if ours.rows != plain.rows:
            raise Difference(f"rows in order {ours.rows}, plainly {plain.rows}")
    elif Counter(map(repr, ours.rows)) != Counter(map(repr, plain.rows)):
        raise Difference(f"rows {ours.rows}, plainly {plain.rows}")


def _same_columns(ours: Columns, theirs: Columns) -> bool:
    """Tell whether names and types agree; DuckDB may not tell the name of a literal in a nested query, or number it."""
    if ours is None or theirs is None or len(ours) != len(theirs):
        return ours == theirs
    pairs = zip(map(_column, ours), map(_column, theirs), strict=True)
    return all(
        our[1] == their[1] and (our[0] == their[0] or their[0] in NAMELESS or NUMBERED.sub("", our[0]) == their[0])
        for our, their in pairs
    )


def _column(column: tuple[str, int]) -> tuple[str, int]:
    """Return a column, a plain function's name as if it were ours; an infix form has no name."""
    name, oid = column[0].removeprefix("plain_").replace("tldr", "condense"), column[1]
    infix = {"semantic_matches", "means", "semantic_score", "similar_to", "extracts"}
    return ("?column?" if name in infix else name, oid)


def _rows(batch: pa.RecordBatch | RawRows) -> list[tuple[Any, ...]]:
    if isinstance(batch, RawRows):
        return list(batch.rows)
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _literal(value: str | int | float | bool | None) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value)


def _gist(error: RvbbitError) -> str:
    """Return an error's message without the names and numbers in it."""
    return re.sub(r"[:\"].*|\d+", "", str(error).splitlines()[0]).strip()


def _cascades() -> dict[str, CascadeSpec]:
    """Load the cascades whose truth is known, such that each hands its items to the door."""
    folder = ROOT / "cascades" / "semantic_sql"
    cascades = {name: load_cascade(folder / f"{name}.cascade.yaml") for name in (*ANSWERS, "similar_to")}
    offline = cascades["condense"].offline
    return {
        name: spec if spec.offline is not None else spec.model_copy(update={"offline": offline})
        for name, spec in cascades.items()
    }


def _engine(loop: ModelLoop) -> SemanticEngine:
    cascades = _cascades()
    door, ledger = TruthfulDoor(), _Forgetful()
    runtime = Runtime(door, ledger, cascades, BUILTIN_TRAITS)
    reader = SqlReader.of(load_operators(cascades))
    services = Services(reader, runtime, ResultCache(ledger), loop, door)  # type: ignore[arg-type]
    return SemanticEngine(services)


@contextmanager
def _opened(upstream: Upstream, functions: list[str]) -> Iterator[BothWays]:
    session = upstream.open_session(user="ann", database="demo", application_name="differential")
    loop = ModelLoop()
    try:
        both = BothWays(session, _engine(loop))
        for statement in [*functions, *CREATE.split(";")]:
            session.execute(statement).close()
        yield both
    finally:
        loop.close()
        session.close()
        upstream.close()


@contextmanager
def duckdb_both_ways() -> Iterator[BothWays]:
    """Open an empty DuckDB in memory."""
    with open_instance(":memory:") as connection, _opened(DuckDBUpstream(connection), duckdb_functions()) as both:
        yield both


@contextmanager
def postgres_both_ways(url: str) -> Iterator[BothWays]:
    """Open a schema of its own on a PostgreSQL, dropped in the end."""
    schema = "SET search_path = differential"
    functions = ["DROP SCHEMA IF EXISTS differential CASCADE", "CREATE SCHEMA differential", schema]
    with _opened(PostgresUpstream(url), [*functions, *postgres_functions()]) as both:
        yield both
        both.session.execute("DROP SCHEMA differential CASCADE").close()
