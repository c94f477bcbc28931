"""PostgreSQL's own errors and notices, passed through with all their fields.

Source: https://www.postgresql.org/docs/16/protocol-error-fields.html
"""

from __future__ import annotations

from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from rvbbit_proxy.engine.upstream import Notice
from rvbbit_proxy.errors import InFailedTransaction, QueryCancelled, RvbbitError, UpstreamError, UpstreamLost

FURTHER_FIELDS = {
    pq.DiagnosticField.SCHEMA_NAME: "s",
    pq.DiagnosticField.TABLE_NAME: "t",
    pq.DiagnosticField.COLUMN_NAME: "c",
    pq.DiagnosticField.DATATYPE_NAME: "d",
    pq.DiagnosticField.CONSTRAINT_NAME: "n",
    pq.DiagnosticField.CONTEXT: "W",
    pq.DiagnosticField.INTERNAL_QUERY: "q",
    pq.DiagnosticField.INTERNAL_POSITION: "p",
    pq.DiagnosticField.SOURCE_FILE: "F",
    pq.DiagnosticField.SOURCE_LINE: "L",
    pq.DiagnosticField.SOURCE_FUNCTION: "R",
}
"""What an error carries besides message, detail, hint and position, by PostgreSQL's letters."""

SHUTDOWNS = frozenset(("57P01", "57P02", "57P03", "57P05"))
"""The server ends the session: the connection is as good as lost."""

_CLASSES: dict[str, type[RvbbitError]] = {"57014": QueryCancelled, "25P02": InFailedTransaction}


def _field(result: PGresult, name: pq.DiagnosticField) -> str | None:
    value = result.error_field(name)
    return None if value is None else value.decode(errors="replace")


def _further(result: PGresult) -> dict[str, str]:
    values = ((letter, _field(result, name)) for name, letter in FURTHER_FIELDS.items())
    return {letter: value for letter, value in values if value is not None}


def error_of(result: PGresult, connection: PGconn) -> RvbbitError:
    """Return the error a failed result holds."""
    sqlstate = _field(result, pq.DiagnosticField.SQLSTATE)
    if sqlstate is None or sqlstate in SHUTDOWNS or connection.status == pq.ConnStatus.BAD:
        return lost(connection, result.error_message.decode(errors="replace"), sqlstate)
    position = _field(result, pq.DiagnosticField.STATEMENT_POSITION)
    return _CLASSES.get(sqlstate, UpstreamError)(
        _field(result, pq.DiagnosticField.MESSAGE_PRIMARY) or "",
        detail=_field(result, pq.DiagnosticField.MESSAGE_DETAIL),
        hint=_field(result, pq.DiagnosticField.MESSAGE_HINT),
        position=int(position) if position else None,
        sqlstate=sqlstate,
        fields=_further(result),
    )


def lost(connection: PGconn, message: str = "", sqlstate: str | None = None) -> UpstreamLost:
    """Return the error of a connection that broke; the upstream's own words are the detail."""
    said = (message or connection.error_message.decode(errors="replace")).strip()
    return UpstreamLost(
        "connection to the upstream was lost",
        detail=f"{said} (SQLSTATE {sqlstate})" if sqlstate else said or None,
        hint="Reconnect; a transaction that was open has been rolled back.",
    )


def notice_of(result: PGresult) -> Notice:
    """Return what a notice result says."""
    return Notice(
        _field(result, pq.DiagnosticField.SEVERITY_NONLOCALIZED) or "NOTICE",
        _field(result, pq.DiagnosticField.SQLSTATE) or "00000",
        _field(result, pq.DiagnosticField.MESSAGE_PRIMARY) or "",
        detail=_field(result, pq.DiagnosticField.MESSAGE_DETAIL),
        hint=_field(result, pq.DiagnosticField.MESSAGE_HINT),
        fields=_further(result),
    )
