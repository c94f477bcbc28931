"""Numbered SQL files, applied once in order, each in a transaction, its checksum kept.

Files are append-only: ``migrations/duckdb/0001_ledger.sql``, ``0002_…``. A file that has changed since it was
applied, or a ledger newer than the program, is a fault, not something to repair in silence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.errors import ConfigurationFault

VERSION_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version INTEGER NOT NULL, name VARCHAR NOT NULL, checksum VARCHAR NOT NULL,
        applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the migrations folder."""

    version: int
    name: str
    sql: str
    checksum: str  # sha256 hex of the text


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One migration and when it was applied; None is pending."""

    version: int
    name: str
    applied_at: datetime | None


def load_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """Return the migrations of a folder (default: those shipped for DuckDB), numbered 1, 2, 3…

    Raises :class:`ConfigurationFault` for a gap or a name that is not ``NNNN_words.sql``.
    """
    paths = sorted((folder or bundled_folder("migrations") / "duckdb").glob("*.sql"))
    migrations = tuple(_load_migration(path) for path in paths)
    for expected, migration in enumerate(migrations, start=1):
        if migration.version != expected:
            raise ConfigurationFault(f"{migration.name}: expected migration number {expected}")
    return migrations


def _load_migration(path: Path) -> Migration:
    numbered = re.fullmatch(r"(\d{4})_\w+", path.stem)
    if numbered is None:
        raise ConfigurationFault(f"{path}:1: a migration is named NNNN_words.sql")
    sql = path.read_text(encoding="utf-8")
    return Migration(int(numbered[1]), path.name, sql, hashlib.sha256(sql.encode()).hexdigest())


def migrate(cursor: duckdb.DuckDBPyConnection, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Apply what is pending to the cursor's current catalog and return it."""
    cursor.execute(VERSION_TABLE)
    applied = _applied(cursor)
    _check_applied(applied, migrations)
    pending = tuple(migration for migration in migrations if migration.version not in applied)
    for migration in pending:
        _apply(cursor, migration)
    return pending


def migration_status(
    cursor: duckdb.DuckDBPyConnection, migrations: Sequence[Migration]
) -> tuple[MigrationStatus, ...]:
    """Tell which migrations are applied; changes nothing but the version table's existence."""
    cursor.execute(VERSION_TABLE)
    applied = _applied(cursor)
    _check_applied(applied, migrations)
    return tuple(
        MigrationStatus(each.version, each.name, applied[each.version][1] if each.version in applied else None)
        for each in migrations
    )


def _applied(cursor: duckdb.DuckDBPyConnection) -> dict[int, tuple[str, datetime]]:
    rows = cursor.execute("SELECT version, checksum, applied_at FROM schema_migrations").fetchall()
    return {version: (checksum, applied_at) for version, checksum, applied_at in rows}


def _check_applied(applied: dict[int, tuple[str, datetime]], migrations: Sequence[Migration]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, (checksum, _) in applied.items():
        if version not in known:
            raise ConfigurationFault(
                f"the ledger has migration {version}, which this version of rvbbit-proxy does not know",
                hint="Upgrade rvbbit-proxy.",
            )
        if known[version].checksum != checksum:
            raise ConfigurationFault(
                f"{known[version].name}: has changed since it was applied",
                hint="Migrations are append-only: restore the file and put the change into a new one.",
            )


def _apply(cursor: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    cursor.execute("BEGIN")
    try:
        cursor.execute(migration.sql)
        cursor.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)",
            [migration.version, migration.name, migration.checksum],
        )
        cursor.execute("COMMIT")
    except duckdb.Error as error:
        cursor.execute("ROLLBACK")
        raise ConfigurationFault(f"{migration.name}: {error}") from error
