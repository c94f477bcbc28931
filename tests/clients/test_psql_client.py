"""psql: variables, \\gdesc, \\copy, cursors by FETCH_COUNT, -1, ON_ERROR_STOP, formats, and the \\d family."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.conftest import PSQL, Database

SCRIPT_TIME_S = 60


@dataclass(frozen=True)
class Done:
    """What psql said, and how it ended."""

    out: str
    err: str
    code: int


def psql(database: Database, script: str, *options: str) -> Done:
    done = subprocess.run(
        [str(PSQL), "-X", "-d", database.dsn, *options],
        input=script,
        capture_output=True,
        text=True,
        timeout=SCRIPT_TIME_S,
        check=False,
    )
    return Done(done.stdout, done.stderr, done.returncode)


TERSE = ("-q", "-At")


def test_formats(database: Database, table: str) -> None:
    done = psql(database, "SELECT id, name, score FROM items WHERE id IN (6, 7) ORDER BY id;\n\\x\nSELECT 1 AS a;")
    assert done.out == (
        " id |  name  | score \n----+--------+-------\n  6 | name 6 |  1.50\n  7 | name 7 |      \n(2 rows)\n\n"
        "Expanded display is on.\n-[ RECORD 1 ]\na | 1\n\n"
    )
    csv = psql(database, "SELECT true, NULL, ARRAY['a b'], 1.50 AS price", "-q", "--csv").out
    assert csv == '?column?,?column?,array,price\nt,,"{""a b""}",1.50\n'


def test_variables_and_conditions(database: Database, table: str) -> None:
    script = """
\\set who 'name 5'
SELECT id FROM items WHERE name = :'who';
SELECT 7 AS seven, 'x' AS letter \\gset
\\echo :seven :letter
SELECT count(*) AS "name" FROM items WHERE id < :seven \\gset
\\if true
\\echo :name
\\endif
SELECT :"letter" FROM (SELECT 3 AS x) AS q;
SELECT $1::int + $2::int \\bind 1 2 \\g
SELECT 'SELECT ' || i FROM generate_series(1, 2) AS g(i) \\gexec
"""
    assert psql(database, script, *TERSE).out.split() == ["5", "7", "x", "6", "3", "3", "1", "2"]


def test_gdesc(database: Database, table: str) -> None:
    done = psql(
        database,
        "SELECT id, name, score, now() AS at, ARRAY[1] AS list, 'x'::varchar(5) AS short FROM items \\gdesc",
        *TERSE,
    )
    expected = [
        "id|integer",
        "name|text",
        "score|numeric(8,2)",
        "at|timestamp with time zone",
        "list|integer[]",
        "short|character varying(5)" if database.kind == "postgres" else "short|character varying",
    ]
    assert done.out.splitlines() == expected


def test_copy(database: Database, table: str, tmp_path: Path) -> None:
    csv = tmp_path / "items.csv"
    csv.write_text('id,name,score\n201,"a,b",1.5\n202,c,\n')
    script = f"""
\\copy items FROM '{csv}' CSV HEADER
\\copy (SELECT * FROM items WHERE id > 200 ORDER BY id) TO STDOUT CSV
COPY items (id, name) FROM STDIN;
203\td\\te
\\.
SELECT name FROM items WHERE id = 203;
COPY (SELECT id, score FROM items WHERE id > 200 ORDER BY id) TO STDOUT;
"""
    done = psql(database, script)
    assert done.err == ""
    assert done.out.splitlines()[:4] == ["COPY 2", '201,"a,b",1.50', "202,c,", "COPY 1"]
    assert done.out.splitlines()[-3:] == ["201\t1.50", "202\t\\N", "203\t\\N"]


def test_fetch_count(database: Database, table: str) -> None:
    done = psql(database, "\\set FETCH_COUNT 7\nSELECT id FROM items ORDER BY id;", *TERSE)
    assert done.out.split() == [str(i) for i in range(1, 101)]


def test_single_transaction_and_stop(database: Database, table: str) -> None:
    stop = ("-v", "ON_ERROR_STOP=1", *TERSE)
    done = psql(database, "DELETE FROM items WHERE id = 1;\nSELECT * FROM missing;\nSELECT 5;", "-1", *stop)
    assert done.code == 3 and done.out == ""
    assert 'ERROR:  relation "missing" does not exist' in done.err
    assert "LINE 1: SELECT * FROM missing;\n                      ^" in done.err
    assert psql(database, "SELECT count(*) FROM items", *TERSE).out == "100\n"
    assert psql(database, "DELETE FROM items WHERE id = 1;", "-1", *stop).code == 0
    assert psql(database, "SELECT count(*) FROM items", *TERSE).out == "99\n"


def test_error_details(database: Database) -> None:
    script = "\\set VERBOSITY verbose\nSELECT 1/0;\n\\echo :SQLSTATE :LAST_ERROR_SQLSTATE :ERROR\nSELECT 2;\n\\errverbose"
    done = psql(database, script, *TERSE)
    assert "ERROR:  22012: division by zero" in done.err and "22012 22012 true" in done.out


def test_on_error_rollback(database: Database, table: str) -> None:
    script = "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nDELETE FROM items WHERE id = 1;\nSELECT missing;\nCOMMIT;\n"
    psql(database, script)
    assert psql(database, "SELECT count(*) FROM items", *TERSE).out == "99\n"


def test_multi_statement_and_tags(database: Database) -> None:
    done = psql(database, "SELECT 1\\; SELECT 2;\nBEGIN;\nSELECT 1/0;\nSELECT 3;\nROLLBACK;", "-At")
    assert done.out.splitlines() == ["1", "2", "BEGIN", "ROLLBACK"]
    assert "current transaction is aborted, commands ignored until end of transaction block" in done.err


def test_conninfo_and_settings(database: Database) -> None:
    done = psql(
        database, "\\conninfo\n\\encoding\nSHOW search_path;\n\\timing on\nSELECT 1;\n\\dconfig work_mem", "-At"
    )
    assert 'You are connected to database "demo" as user "postgres"' in done.out
    assert "UTF8" in done.out and '"$user", public' in done.out and "Time: " in done.out
    assert "work_mem|" in done.out and done.err == ""


OBJECTS = """
DROP VIEW IF EXISTS shown_view;
DROP TABLE IF EXISTS child;
DROP TABLE IF EXISTS parent;
CREATE TABLE parent (id int PRIMARY KEY, code varchar(9) UNIQUE, made timestamp DEFAULT now());
CREATE TABLE child (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES parent (id), CHECK (id > 0));
CREATE INDEX child_parent ON child (parent_id);
CREATE VIEW shown_view AS SELECT id FROM parent;
CREATE SEQUENCE IF NOT EXISTS shown_seq;
COMMENT ON TABLE parent IS 'the one above';
COMMENT ON COLUMN parent.code IS 'its code';
"""


@pytest.fixture
def objects(database: Database) -> Iterator[None]:
    done = psql(database, OBJECTS, "-q", "-v", "ON_ERROR_STOP=1")
    assert done.code == 0, done.err
    yield
    psql(database, "DROP VIEW shown_view; DROP TABLE child; DROP TABLE parent; DROP SEQUENCE shown_seq;", "-q")


COMMANDS: list[tuple[str, list[str]]] = [
    (
        "\\d",
        ["public|child|table|postgres", "public|shown_view|view|postgres", "public|shown_seq|sequence|postgres"],
    ),
    ("\\dt", ["public|parent|table|postgres"]),
    ("\\dt+", ["the one above"]),
    ("\\dv", ["public|shown_view|view|postgres"]),
    ("\\dv+", ["public|shown_view|view|postgres|permanent"]),
    ("\\di", ["public|child_parent|index|postgres|child"]),
    ("\\ds", ["public|shown_seq|sequence|postgres"]),
    (
        "\\d parent",
        ["id|integer||not null|", "code|character varying(9)|||", "made|timestamp without time zone|||now()"],
    ),
    ("\\d+ parent", ["its code"]),
    ("\\d child", ["child_parent", "FOREIGN KEY (parent_id) REFERENCES parent(id)", "PRIMARY KEY", "CHECK"]),
    ("\\d shown_view", ["id|integer"]),
    ("\\d+ shown_view", ["View definition:", "SELECT"]),
    ("\\d shown_seq", ["bigint"]),
    ("\\dn", ["public|"]),
    ("\\dn+", ["public|"]),
    ("\\du", ["postgres|Superuser"]),
    ("\\l", ["demo|postgres|UTF8"]),
    ("\\l+", ["demo|postgres|UTF8"]),
    ("\\dT", []),
    ("\\dTS int4", ["pg_catalog|integer|"]),
    ("\\dx", []),
    ("\\df", []),
    ("\\dfS lower", ["pg_catalog|lower|"]),
    ("\\dp", ["public|parent|table|"]),
    ("\\dd", []),
    ("\\db", []),
    ("\\dc", []),
    ("\\dC", []),
    ("\\dD", []),
    ("\\det", []),
    ("\\dew", []),
    ("\\des", []),
    ("\\dF", []),
    ("\\dg", ["postgres|Superuser"]),
    ("\\dL", []),
    ("\\dm", []),
    ("\\do", []),
    ("\\dO", []),
    ("\\dP", []),
    ("\\drds", []),
    ("\\dRp", []),
    ("\\dRs", []),
    ("\\dy", []),
    ("\\dX", []),
    ("\\dA", ["btree|Index"]),
    ("\\dtS pg_class", ["pg_catalog|pg_class|table|"]),
    ("\\dt public.*", ["public|parent|table|postgres"]),
    ("\\dt no_such_table", []),
    ("\\sv shown_view", ["CREATE OR REPLACE VIEW"]),
]


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_backslash(database: Database, objects: None, command: str, expected: list[str]) -> None:
    done = psql(database, command, "-A")
    assert "ERROR" not in done.err and done.code == 0, done.err
    missing = [text for text in expected if text not in done.out]
    assert not missing, done.out
