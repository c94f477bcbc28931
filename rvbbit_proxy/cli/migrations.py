"""``rvbbit migrate``: a home's ledger to the newest schema, and how far it is."""

from __future__ import annotations

from datetime import datetime

import duckdb

from rvbbit_proxy.cli.client import connect, run_sql
from rvbbit_proxy.cli.costs import ledger_of
from rvbbit_proxy.cli.serving import running_server
from rvbbit_proxy.ledger.migrate import load_migrations, migration_status
from rvbbit_proxy.settings import Settings


def migrate_home(settings: Settings) -> None:
    """Open the home's ledger, which applies what is pending, and close it again."""
    with ledger_of(settings):
        pass


def migration_rows(settings: Settings) -> list[tuple[int, str, datetime | str]]:
    """Return version, name and time of each migration, ``pending`` where it is not applied; changes nothing."""
    applied = _applied(settings)
    return [(each.version, each.name, applied.get(each.version, "pending")) for each in load_migrations()]


def _applied(settings: Settings) -> dict[int, datetime]:
    server = running_server(settings.home)
    if server is not None:
        with connect(server.host, server.port) as connection:
            (answer,) = run_sql(connection, "SELECT version, applied_at FROM rvbbit.schema_migrations")
            return dict(answer.rows)
    path = settings.home / "ledger.duckdb"
    if not path.exists():
        return {}
    with duckdb.connect(path) as connection:
        return {
            each.version: each.applied_at
            for each in migration_status(connection, load_migrations())
            if each.applied_at
        }
