"""The clients: what each needs, and the command that runs its suite against a target."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.install import FOLDER, Missing, debian, node_with, own_python, python_with
from clients.targets import Target

HERE = Path(__file__).resolve().parent
PYTHON_PACKAGES = (
    "dbt-core==1.11.16",  # from 1.12 on its build downloads a binary
    "dbt-postgres==1.11.0",
    "pgcli==4.7.1",
    "pyodbc==5.5.0",
    "sqlalchemy>=2.0",
    "psycopg[binary]>=3.2",
    "psycopg2-binary>=2.9",
    "django>=5.2,<6",
    "alembic>=1.13",
    "pandas",
)
NODE_PACKAGES = (
    "pg@8.23.1",
    "pg-cursor@2.22.0",
    "pg-query-stream@4.17.0",
    "pg-copy-streams@7.0.0",
    "postgres@3.4.9",
    "knex@3.3.0",
    "sequelize@6.37.8",
    "typeorm@1.1.1",
    "reflect-metadata@0.2.2",
)
JDBC_JAR = "/usr/share/java/postgresql.jar"
GO_SOURCES = "/usr/share/gocode"


@dataclass(frozen=True, slots=True)
class Command:
    """How a suite is run: the target's address follows the arguments."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Suite:
    """One client. ``prepare`` installs it and returns its command, or raises Missing."""

    name: str
    prepare: Callable[[Target], Command]


def _own(script: str) -> Callable[[Target], Command]:
    # without PGPORT, which a PostgreSQL that a suite starts would listen on
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "tests")}
    return lambda target: Command([str(own_python()), "-m", f"clients.{script}"], environment)


def _python(script: str) -> Callable[[Target], Command]:
    def prepare(target: Target) -> Command:
        python = python_with(*PYTHON_PACKAGES)
        return Command([str(python), "-m", f"clients.{script}"], target.environment)

    return prepare


def _odbc(target: Target) -> Command:
    debian("odbcinst", "odbcinst", "unixodbc")
    debian("/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so", "odbc-postgresql", "unixodbc")
    return _python("odbc_suite")(target)


def _jdbc(mode: str) -> Callable[[Target], Command]:
    def prepare(target: Target) -> Command:
        java = debian("java", "default-jdk-headless")
        debian("javac", "default-jdk-headless")
        debian(JDBC_JAR, "libpostgresql-jdbc-java")
        source = HERE / "jdbc" / "Suite.java"
        return Command([str(java), "-cp", JDBC_JAR, str(source), mode], target.environment)

    return prepare


def _node(script: str) -> Callable[[Target], Command]:
    def prepare(target: Target) -> Command:
        node = debian("node", "nodejs")
        modules = node_with(*NODE_PACKAGES) / "node_modules"
        return Command([str(node), str(HERE / "node" / script)], {**target.environment, "NODE_PATH": str(modules)})

    return prepare


def _go(package: str, sources: str, debian_package: str) -> Callable[[Target], Command]:
    def prepare(target: Target) -> Command:
        go = debian("go", "golang-go")
        debian(f"{GO_SOURCES}/src/{sources}", debian_package)
        return Command([str(_built(go, package))], target.environment)

    return prepare


def _built(go: Path, package: str) -> Path:
    """Compile a Go suite from Debian's sources; there is no network in it."""
    program = FOLDER / f"go-{package}"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": GO_SOURCES, "GOCACHE": str(FOLDER / "go-cache")}
    sources = [str(HERE / "go" / source) for source in ("tap.go", f"{package}.go")]
    done = subprocess.run(
        [str(go), "build", "-o", str(program), *sources],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"go build failed: {done.stderr.strip().splitlines()[-1]}")
    return program


def _perl(target: Target) -> Command:
    perl = debian("perl", "perl")
    debian("/usr/share/doc/libdbd-pg-perl", "libdbd-pg-perl")
    return Command([str(perl), str(HERE / "perl" / "suite.pl")], target.environment)


SUITES: tuple[Suite, ...] = (
    Suite("dbt-postgres", _python("dbt_suite")),
    Suite("pgjdbc extended", _jdbc("extended")),
    Suite("pgjdbc simple", _jdbc("simple")),
    Suite("node pg", _node("pg.js")),
    Suite("postgres.js", _node("postgres.js")),
    Suite("knex", _node("knex.js")),
    Suite("Sequelize", _node("sequelize.js")),
    Suite("TypeORM", _node("typeorm.js")),
    Suite("psqlODBC", _odbc),
    Suite("lib/pq", _go("pq", "github.com/lib/pq", "golang-github-lib-pq-dev")),
    Suite("pgx", _go("pgx", "github.com/jackc/pgx/v4", "golang-github-jackc-pgx-v4-dev")),
    Suite("DBD::Pg", _perl),
    Suite("pgcli", _python("pgcli_suite")),
    Suite("pgbench", _own("pgbench_suite")),
    Suite("Superset", _python("superset_suite")),
    Suite("Django", _python("django_suite")),
    Suite("Alembic", _python("alembic_suite")),
    Suite("catalog queries", _own("catalog_suite")),
)
"""Every client, in the order of the table."""
