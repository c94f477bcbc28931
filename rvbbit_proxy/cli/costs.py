"""``rvbbit costs``: the roll-up of what was spent, from the home or, while a server has it, from the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import duckdb
import psycopg
from psycopg import sql

from rvbbit_proxy.cli.client import connect
from rvbbit_proxy.cli.serving import RunningServer, running_server
from rvbbit_proxy.ledger.costs import RollUp, roll_up, roll_up_sql
from rvbbit_proxy.ledger.ledger import Ledger, open_ledger
from rvbbit_proxy.settings import Settings


@contextmanager
def ledger_of(settings: Settings) -> Iterator[Ledger]:
    """Open the home's ledger. Raises :class:`ConfigurationFault` while another process has the home."""
    with duckdb.connect() as connection:
        ledger = open_ledger(settings.home, connection)
        try:
            yield ledger
        finally:
            ledger.close()


def roll_up_costs(settings: Settings, by: str, *, caller: str | None, since: datetime | None) -> RollUp:
    """Return the roll-up. Raises :class:`InvalidValue` for an unknown ``by``."""
    server = running_server(settings.home)
    if server is not None:
        return _from_server(server, by, caller, since)
    with ledger_of(settings) as ledger:
        return roll_up(ledger, by, caller=caller, since=since)


def _from_server(server: RunningServer, by: str, caller: str | None, since: datetime | None) -> RollUp:
    statement = roll_up_sql(by, schema="rvbbit")
    with connect(server.host, server.port) as connection:
        for name, value in (("$caller", caller), ("$since", since)):
            statement = statement.replace(name, sql.Literal(value).as_string(connection))
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(statement.encode())
            assert cursor.description is not None
            return RollUp(tuple(column.name for column in cursor.description), tuple(cursor.fetchall()))
