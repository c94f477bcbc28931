"""COPY through real clients: operators in its query, its caller, cancelling, DuckDB and PostgreSQL behind it."""

from __future__ import annotations

import asyncio
import io
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import asyncpg
import psycopg
import pytest
from psycopg import errors
from scripted_model import ScriptedModel

from tests.e2e.conftest import MODEL, PRICES, SIGHTINGS, Running

MEANT = "SELECT id, title MEANS 'visual contact' AS meant FROM sightings WHERE id < 4 ORDER BY id"
TEXT = b"0\tt\n1\tf\n2\tt\n3\tf\n"


def copied(connection: psycopg.Connection[Any], sql: str) -> bytes:
    with connection.cursor().copy(sql) as copy:
        return b"".join(copy)


@pytest.fixture(params=["duckdb", "postgres"])
def either(
    request: pytest.FixtureRequest, serve: Callable[..., Running], model: ScriptedModel, postgres_url: str
) -> Running:
    """The server on DuckDB, and in front of PostgreSQL, with the table of reports."""
    upstream = {"upstream": postgres_url} if request.param == "postgres" else {}
    server = serve(model=MODEL, prices=PRICES, batch_size=1, meta=0, **upstream)
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS sightings CASCADE")
        connection.execute(SIGHTINGS)
    return server


def test_operators_in_the_query(either: Running) -> None:
    with either.connect() as connection:
        assert copied(connection, f"COPY ({MEANT}) TO STDOUT") == TEXT
        csv = copied(connection, f"COPY ({MEANT}) TO STDOUT WITH CSV HEADER")
        assert csv == b"id,meant\n0,t\n1,f\n2,t\n3,f\n"
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY ({MEANT}) TO STDOUT (FORMAT binary)") as copy:
                copy.set_types(["int4", "bool"])
                assert list(copy.rows()) == [(0, True), (1, False), (2, True), (3, False)]
            assert cursor.rowcount == 4


def test_the_caller_pays(either: Running) -> None:
    with either.connect() as connection:
        connection.execute("SET rvbbit.caller_id = 'nightly'")
        copied(connection, f"COPY ({MEANT}) TO STDOUT")
        copied(connection, "COPY sightings TO STDOUT")
        with connection.cursor().copy("COPY sightings (id) FROM STDIN") as copy:
            copy.write("100\n101\n")
        with (
            pytest.raises(errors.InvalidTextRepresentation),
            connection.cursor().copy("COPY sightings (id) FROM STDIN") as copy,
        ):
            copy.write("x\n")
        log = connection.execute(
            "SELECT status, sqlstate, rows_out FROM rvbbit.sql_query_log WHERE caller_id = 'nightly'"
            " AND (sql_text LIKE 'COPY%' OR sql_text LIKE '%MEANS%' OR sql_text LIKE '%FROM sightings')"
            " ORDER BY started_at"
        ).fetchall()
        assert log == [
            ("success", None, 4),
            ("success", None, 40),
            ("success", None, 2),
            ("error", "22P02", 0),
        ]
        cost = connection.execute(
            "SELECT query_cost FROM rvbbit.caller_costs WHERE caller_id = 'nightly'"
        ).fetchone()
        assert cost is not None and cost[0] > 0


def test_the_ledger_can_be_copied(either: Running) -> None:
    with either.connect() as connection:
        connection.execute("SET rvbbit.caller_id = 'me'")
        copied(connection, f"COPY ({MEANT}) TO STDOUT")
        query = "SELECT DISTINCT caller_id FROM rvbbit.llm_interactions"
        assert copied(connection, f"COPY ({query}) TO STDOUT") == b"me\n"
        assert copied(connection, "COPY rvbbit.llm_interactions (caller_id) TO STDOUT").startswith(b"me\n")


def test_asyncpg(either: Running) -> None:
    async def run() -> bytes:
        connection = await asyncpg.connect(host=either.host, port=either.port, user="ann", database="demo")
        try:
            into = io.BytesIO()
            assert await connection.copy_from_query(MEANT, output=into) == "COPY 4"
            return into.getvalue()
        finally:
            await connection.close()

    assert asyncio.run(run()) == TEXT


def test_adbc_gets_its_results_by_binary_copy(either: Running) -> None:
    with (
        adbc_driver_postgresql.dbapi.connect(f"postgresql://ann@{either.host}:{either.port}/demo") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(MEANT)
        assert cursor.fetch_arrow_table().to_pydict() == {
            "id": [0, 1, 2, 3],
            "meant": [True, False, True, False],
        }


def test_psql(either: Running, tmp_path: Path) -> None:
    def psql(*commands: str, given: str = "") -> str:
        options = [word for command in commands for word in ("-c", command)]
        base = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", either.dsn()]
        done = subprocess.run([*base, *options], input=given, capture_output=True, text=True, check=True)
        return done.stdout

    assert psql(f"\\copy ({MEANT}) to stdout") == TEXT.decode()
    file = tmp_path / "rows.csv"
    psql(f"\\copy ({MEANT}) to '{file}' with (format csv, header)")
    assert file.read_text() == "id,meant\n0,t\n1,f\n2,t\n3,f\n"
    psql("CREATE TABLE copied_in (id int, meant boolean)", f"\\copy copied_in from '{file}' csv header")
    assert psql("COPY copied_in TO STDOUT", "DROP TABLE copied_in") == TEXT.decode()


def test_cancelled_in_mid_stream(either: Running) -> None:
    endless = "COPY (SELECT i, 'some text to fill the line' FROM generate_series(1, 100000000) AS g(i)) TO STDOUT"
    with either.connect() as connection:
        with pytest.raises(errors.QueryCanceled), connection.cursor().copy(endless) as copy:
            assert next(iter(copy))
            connection.cancel_safe()
            for _ in copy:
                pass
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_client_goes_away_in_mid_stream(either: Running) -> None:
    sql = "COPY (SELECT i FROM generate_series(1, 100000000) AS g(i)) TO STDOUT"
    connection = either.connect()
    with suppress(psycopg.OperationalError), connection.cursor().copy(sql) as copy:
        next(iter(copy))
        connection.close()
    with either.connect() as other:
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_model_fails_before_a_row_is_sent(either: Running, model: ScriptedModel) -> None:
    with either.connect() as connection:
        connection.execute("SET rvbbit.max_cost = '0.000001'")
        with pytest.raises(errors.ConfigurationLimitExceeded):
            copied(connection, f"COPY ({MEANT}) TO STDOUT")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_operators_where_they_cannot_be(either: Running) -> None:
    with either.connect() as connection:
        for sql in (
            "COPY sightings FROM STDIN WHERE title MEANS 'x'",
            "COPY (SELECT title MEANS 'x' FROM sightings) TO '/nowhere/file.csv'",
        ):
            with pytest.raises(errors.FeatureNotSupported):
                copied(connection, sql)
