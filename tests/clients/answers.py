"""One statement's answer from either database, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import pq

STATEMENTS = Path(__file__).with_name("answers.sql")
ANY_VALUE = "? "
_DIFFERS = "-- differs: "


@dataclass(frozen=True)
class Asking:
    """A statement of the file, and under what head ``docs/differences.md`` says why its answers differ."""

    sql: str
    differs: str | None = None
    any_value: bool = False


@dataclass(frozen=True)
class Answer:
    """What a client sees: command tag, columns as (name, type oid), rows as text, SQLSTATE, notices' SQLSTATEs."""

    tag: str
    columns: tuple[tuple[str, int], ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    sqlstate: str = ""
    notices: tuple[str, ...] = ()
    message: str = field(default="", compare=False)


def read_askings() -> Iterator[Asking]:
    """Yield the statements of the file, one a line."""
    differs = None
    for line in STATEMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(_DIFFERS):
            differs = line.removeprefix(_DIFFERS)
        elif line and not line.startswith("--"):
            yield Asking(line.removeprefix(ANY_VALUE), differs, line.startswith(ANY_VALUE))
            differs = None


class Client:
    """A connection that keeps the notices of the statement under way."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.add_notice_handler(lambda notice: self._notices.append(notice.sqlstate or ""))
        self._notices: list[str] = []

    def ask(self, asking: Asking) -> Answer:
        """Run a statement by the simple protocol."""
        self._notices.clear()
        cursor = self._connection.cursor()
        try:
            cursor.execute(asking.sql.encode())
        except psycopg.Error as error:
            return Answer("", sqlstate=error.sqlstate or "", message=str(error))
        result = cursor.pgresult
        assert result is not None  # a statement was run
        rows = () if asking.any_value else tuple(_rows(result))
        columns = tuple(((result.fname(n) or b"").decode(), result.ftype(n)) for n in range(result.nfields))
        return Answer((result.command_status or b"").decode(), columns, rows, notices=tuple(self._notices))

    def close(self) -> None:
        """End the session."""
        self._connection.close()


def _rows(result: pq.abc.PGresult) -> Iterator[tuple[str | None, ...]]:
    for row in range(result.ntuples):
        values = (result.get_value(row, column) for column in range(result.nfields))
        yield tuple(None if value is None else value.decode() for value in values)
