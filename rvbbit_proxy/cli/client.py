"""Statements over a real PostgreSQL connection: what a command runs takes the same way as a client's.

Imported by the commands that connect, when they run: a server does without psycopg's 13 MB.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import Diagnostic

from rvbbit_proxy.app import App
from rvbbit_proxy.errors import ConfigurationFault, RvbbitError, UpstreamError, UpstreamLost
from rvbbit_proxy.settings import Settings


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one statement; ``columns`` is None where it gives no rows."""

    tag: str
    columns: tuple[str, ...] | None
    rows: tuple[tuple[Any, ...], ...]


@contextmanager
def own_server(settings: Settings, database: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    """Start a server on a free loopback port in this process, yield a connection to it, stop it."""
    private = settings.model_copy(update={"host": "127.0.0.1", "port": 0})
    with App.open(private, database) as app:
        host, port = app.start_server()
        try:
            with connect(host, port) as connection:
                yield connection
        finally:
            app.stop_server()


@contextmanager
def connect(
    host: str, port: int, *, database: str = "rvbbit", on_notice: Callable[[Diagnostic], None] | None = None
) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection; the server's notices go to stderr unless said otherwise.

    Raises what the server says, in the block too, as RvbbitError.
    """
    try:
        with psycopg.connect(
            host=host, port=port, dbname=database, user="rvbbit", application_name="rvbbit", autocommit=True
        ) as connection:
            connection.prepare_threshold = None
            connection.add_notice_handler(on_notice or print_notice)
            yield connection
    except psycopg.Error as error:
        raise _said(error) from error


def _said(error: psycopg.Error) -> RvbbitError:
    """Return the server's error as ours; its severity is in the fields, as ``S``."""
    told = error.diag
    message = told.message_primary
    if message is None:
        return UpstreamError(str(error), sqlstate=error.sqlstate or UpstreamLost.default_sqlstate)
    if told.sqlstate == ConfigurationFault.default_sqlstate:
        return ConfigurationFault(message, detail=told.message_detail, hint=told.message_hint)
    return UpstreamError(
        message,
        detail=told.message_detail,
        hint=told.message_hint,
        sqlstate=told.sqlstate,
        fields={"S": told.severity or "ERROR"},
    )


def run_sql(connection: psycopg.Connection[Any], sql: str) -> Iterator[Answer]:
    """Run the statements of a text and yield their results in order. Raises psycopg.Error."""
    with connection.cursor() as cursor:
        cursor.execute(sql.encode())
        more: bool | None = True
        while more:
            yield _answer(cursor)
            more = cursor.nextset()


def _answer(cursor: psycopg.Cursor[Any]) -> Answer:
    tag = cursor.statusmessage or ""
    if cursor.description is None:
        return Answer(tag, None, ())
    return Answer(tag, tuple(column.name for column in cursor.description), tuple(cursor.fetchall()))


def print_notice(notice: Diagnostic) -> None:
    """Print a notice to stderr as psql does."""
    print("\n".join(notice_lines(notice)), file=sys.stderr)


def notice_lines(notice: Diagnostic) -> list[str]:
    """Return a notice as psql shows it: message, detail, hint."""
    lines = [f"{notice.severity or 'NOTICE'}:  {notice.message_primary}"]
    if notice.message_detail:
        lines.append(f"DETAIL:  {notice.message_detail}")
    if notice.message_hint:
        lines.append(f"HINT:  {notice.message_hint}")
    return lines
