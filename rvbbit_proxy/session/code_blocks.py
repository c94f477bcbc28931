"""DO on an upstream that has no blocks of code: the session runs it, statement by statement.

A block that catches errors takes back what it did through a savepoint, as far as the upstream has them.
Differs from PostgreSQL: DO runs what needs no variable and no loop; the rest is refused.
Source: https://www.postgresql.org/docs/16/sql-do.html, plpgsql-control-structures.html#PLPGSQL-ERROR-TRAPPING
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rvbbit_proxy.engine.upstream import Notice, RawRows, UpstreamResult
from rvbbit_proxy.errors import NotSupported, RvbbitError, SyntaxFault
from rvbbit_proxy.session.code_syntax import Choice, CodeBlock, Raise, Run, RunText, Step, parse_code, parse_do
from rvbbit_proxy.session.results import Done
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, read_statement

RunStatement = Callable[[BoundStatement], UpstreamResult]
_SAVEPOINT = "rvbbit_code_block"
_UNPLACED = re.compile("%%?")


class RaisedException(RvbbitError, sqlstate="P0001"):
    """RAISE EXCEPTION."""


def run_do(bound: BoundStatement, state: SessionState, run: RunStatement) -> Done:
    """Run a DO as one transaction, which Sync or the end of the query commits."""
    code = parse_do(bound.statement.sql)
    if code is None:
        raise SyntaxFault("syntax error in DO")
    block = parse_code(code)
    state.block.start_implicit()
    _Runner(bound, state, run).run_block(block)
    return Done("DO")


class _Runner:
    """Runs steps in order; ``_caught`` are the errors being handled, the innermost last."""

    def __init__(self, bound: BoundStatement, state: SessionState, run: RunStatement) -> None:
        self._bound = bound
        self._state = state
        self._run = run
        self._caught: list[RvbbitError] = []

    def run_block(self, block: CodeBlock) -> None:
        """Run a block; an error it catches takes back what it did."""
        if not block.handlers:
            self._run_steps(block.steps)
            return
        upstream = self._state.upstream
        upstream.execute(f"SAVEPOINT {_SAVEPOINT}").close()
        try:
            self._run_steps(block.steps)
        except RvbbitError as error:
            steps = block.handler_of(error.sqlstate)
            if steps is None:
                raise
            upstream.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}").close()
            self._caught.append(error)
            self._run_steps(steps)
            self._caught.pop()
        upstream.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}").close()

    def _run_steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._run_step(step)

    def _run_step(self, step: Step) -> None:
        match step:
            case CodeBlock():
                self.run_block(step)
            case Choice():
                self._choose(step)
            case Raise():
                self._raise(step)
            case RunText():
                text = self._value(step.expression)
                if text is None:
                    raise RvbbitError("query string argument of EXECUTE is null", sqlstate="22004")
                self._rows(str(text))
            case Run():
                self._rows(step.sql)

    def _choose(self, choice: Choice) -> None:
        for condition, steps in choice.branches:
            if condition is None or self._value(condition):
                self._run_steps(steps)
                return

    def _raise(self, step: Raise) -> None:
        if not step.level:
            if not self._caught:
                raise RvbbitError(
                    "RAISE without parameters cannot be used outside an exception handler", sqlstate="0Z002"
                )
            raise self._caught[-1]
        values = [self._value(argument) for argument in step.arguments]
        message = _placed(step.template, values)
        if step.level == "exception":
            raise RaisedException(message)
        self._state.notify(Notice(step.level.upper(), "01000" if step.level == "warning" else "00000", message))

    def _value(self, expression: str) -> Any:
        rows = self._rows(f"SELECT {expression}")
        return rows[0] if rows else None

    def _rows(self, sql: str) -> list[Any]:
        """Run a statement to its end; return its first column."""
        statement = read_statement(sql)
        if statement.kind in ("transaction", "copy"):
            raise NotSupported("transactions and COPY in blocks of code are not supported on DuckDB")
        try:
            result = self._run(BoundStatement(statement, "simple"))
            try:
                return list(_first_column(result))
            finally:
                result.close()
        except RvbbitError as error:
            error.position = None  # it would count in the code, not in what the client sent
            raise


def _first_column(result: UpstreamResult) -> Iterator[Any]:
    for batch in result.batches():
        if isinstance(batch, RawRows):
            yield from (None if row[0] is None else row[0].decode() for row in batch.rows)
        elif batch.columns:
            yield from batch.columns[0].to_pylist()


def _placed(template: str, values: Sequence[Any]) -> str:
    """Put values where RAISE's message has a ``%``; ``%%`` is one of its own.

    >>> _placed("%: 5%% of %", ["a", None])
    'a: 5% of <NULL>'
    """
    if len([mark for mark in _UNPLACED.findall(template) if mark == "%"]) != len(values):
        raise SyntaxFault("the number of parameters of RAISE does not match its message")
    left = iter(values)
    return _UNPLACED.sub(lambda found: "%" if found[0] == "%%" else _text(next(left)), template)


def _text(value: Any) -> str:
    return "<NULL>" if value is None else str(value).lower()[0] if isinstance(value, bool) else str(value)
