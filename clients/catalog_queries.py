"""The catalog queries of tools, as data: ``catalog/*.sql``, and what two databases answer to them.

The files say in our own SQL what each tool is known to ask when it connects and browses: the same relations,
functions and constructs. A check begins with ``-- name:``; ``-- compare:`` says what must be PostgreSQL's: ``rows``
(unless said otherwise), ``columns`` with their types, or ``names`` of the columns only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, LiteralString, cast

import psycopg

FOLDER = Path(__file__).resolve().parent / "catalog"
SCHEMA = FOLDER / "schema.sql"
Compared = Literal["rows", "columns", "names"]
_BLOCK = re.compile(
    r"^-- name: (?P<name>.+)\n(?:-- compare: (?P<compared>\w+)\n)?(?P<sql>(?:(?!-- name:).*\n?)*)", re.MULTILINE
)
_OIDS = frozenset((26, 2205, 2206))
_FIRST_USER_OID = 16384
_USER_OID = re.compile(r"\b(?:1[6-9]\d{3}|[2-9]\d{4}|\d{6,})\b")


@dataclass(frozen=True, slots=True)
class CatalogQuery:
    """One check. ``sql`` may hold several statements; the last that gives rows is compared."""

    name: str
    sql: str
    compared: Compared


@dataclass(frozen=True, slots=True)
class Answer:
    """What a database said: columns with type oids, rows in order of their text, or its error in either format."""

    columns: tuple[tuple[str, int], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    fault: str = ""
    binary_fault: str = ""


def tools() -> list[str]:
    """Return the names of the files."""
    return sorted(path.stem for path in FOLDER.glob("*.sql") if path != SCHEMA)


def read_queries(tool: str) -> list[CatalogQuery]:
    """Return a tool's checks in order; they run in one session."""
    return list(parse_queries((FOLDER / f"{tool}.sql").read_text(encoding="utf-8")))


def parse_queries(text: str) -> Iterator[CatalogQuery]:
    r"""Yield the checks in a file's text.

    >>> [
    ...     (query.name, query.compared)
    ...     for query in parse_queries("-- name: a\nSELECT 1;\n-- name: b\n-- compare: names\n")
    ... ]
    [('a', 'rows'), ('b', 'names')]
    """
    for found in _BLOCK.finditer(text):
        yield CatalogQuery(
            found["name"].strip(), found["sql"].strip(), cast("Compared", found["compared"] or "rows")
        )


def ask(connection: psycopg.Connection[Any], query: CatalogQuery) -> Answer:
    """Run a check in text, then, where it is one statement that gives rows, in binary."""
    try:
        answer = _last_rows(connection.execute(cast("LiteralString", query.sql)))
    except psycopg.Error as error:
        return Answer(fault=_fault(connection, error))
    if ";" in query.sql.rstrip(";") or not answer.columns:
        return answer
    try:
        connection.execute(cast("LiteralString", query.sql.rstrip(";")), binary=True)
    except psycopg.Error as error:
        return replace(answer, binary_fault=_fault(connection, error))
    return answer


def _fault(connection: psycopg.Connection[Any], error: psycopg.Error) -> str:
    """Return an error's text; a block that it failed is ended."""
    if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
        connection.rollback()
    return f"{error.sqlstate}: {' '.join(str(error).split())}"


def _last_rows(cursor: psycopg.Cursor[Any]) -> Answer:
    answer = Answer()
    while True:
        if cursor.description is not None and cursor.pgresult is not None:
            columns = tuple((column.name, column.type_code) for column in cursor.description)
            answer = Answer(columns, _texts(cursor.pgresult, columns))
        if not cursor.nextset():
            return answer


def _texts(result: psycopg.pq.abc.PGresult, columns: Sequence[tuple[str, int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        sorted(
            tuple(_text(result.get_value(row, place), columns[place][1]) for place in range(result.nfields))
            for row in range(result.ntuples)
        )
    )


def _text(value: bytes | None, type_oid: int) -> str:
    """Return a value's text, without the oids that differ from database to database."""
    if value is None:
        return "NULL"
    text = value.decode()
    if type_oid in _OIDS and text.isdigit():
        return "oid" if int(text) >= _FIRST_USER_OID else text
    return _USER_OID.sub("oid", text) if type_oid in (1028, 30) else text


def compare(ours: Answer, theirs: Answer, compared: Compared) -> str:
    """Return how our answer differs from PostgreSQL's; empty if it does not."""
    if ours.fault or theirs.fault:
        return "" if ours.fault[:5] == theirs.fault[:5] else ours.fault or f"no error; PostgreSQL: {theirs.fault}"
    if ours.binary_fault and not theirs.binary_fault:
        return f"in binary: {ours.binary_fault}"
    if compared == "names":
        ours_named, theirs_named = ([name for name, _ in one.columns] for one in (ours, theirs))
        return "" if ours_named == theirs_named else f"columns {ours_named} instead of {theirs_named}"
    if ours.columns != theirs.columns:
        differing = [f"{a} instead of {b}" for a, b in zip(ours.columns, theirs.columns, strict=False) if a != b]
        return f"columns: {', '.join(differing) or f'{len(ours.columns)} instead of {len(theirs.columns)}'}"
    if compared == "rows" and ours.rows != theirs.rows:
        more = [row for row in ours.rows if row not in theirs.rows]
        less = [row for row in theirs.rows if row not in ours.rows]
        return f"rows: {more[:3]} instead of {less[:3]} ({len(ours.rows)}, {len(theirs.rows)})"
    return ""
