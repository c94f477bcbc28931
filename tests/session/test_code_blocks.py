"""DO on DuckDB: what a block of PL/pgSQL without variables can say."""

from __future__ import annotations

import pytest
from dialogue import Dialogue

from rvbbit_proxy.wire.frontend import Query

ENUM = "DO 'BEGIN CREATE TYPE mood AS ENUM (''sad'', ''ok''); EXCEPTION WHEN duplicate_object THEN null; END'"
DONE = ["C DO", "Z I"]


def test_a_type_is_made_once(talk: Dialogue) -> None:
    assert talk.say(Query(ENUM)) == DONE
    assert talk.say(Query(f"{ENUM}; SELECT 'ok'::mood::text"))[-3:] == ["D ok", "C SELECT 1", "Z I"]


def test_an_error_is_caught_after_writes_of_the_transaction(talk: Dialogue) -> None:
    talk.say(Query(ENUM))
    for sql in ("BEGIN", "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", ENUM, "COMMIT"):
        talk.say(Query(sql))
    assert talk.say(Query("SELECT a FROM t"))[1] == "D 1"


def test_without_a_handler_nothing_is_left(talk: Dialogue) -> None:
    told = talk.say(Query("DO $$BEGIN CREATE TABLE t (a int); INSERT INTO nowhere VALUES (1); END$$"))
    assert [line[:7] for line in told] == ["E 42P01", "Z I"]
    assert talk.say(Query("SELECT to_regclass('t') IS NULL"))[1] == "D t"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'x') THEN PERFORM 1; RAISE NOTICE 'a%', 1; END IF;",
         "N NOTICE 00000 a1"),
        ("IF 1 > 2 THEN NULL; ELSIF CASE WHEN true THEN true END THEN RAISE WARNING '%%'; ELSE NULL; END IF;",
         "N WARNING 01000 %"),
        ("BEGIN PERFORM 1 / 0; EXCEPTION WHEN unique_violation OR division_by_zero THEN RAISE INFO 'no'; END;",
         "N INFO 00000 no"),
        ("EXECUTE format('CREATE TABLE %I (a int)', 'A b'); INSERT INTO \"A b\" VALUES (1);", "C DO"),
        ("RAISE EXCEPTION 'stop %', lower('X');", "E P0001 stop x"),
        ("BEGIN PERFORM nope(); EXCEPTION WHEN others THEN RAISE; END;", "E 42883 function nope does not exist"),
        ("FOR i IN 1..3 LOOP NULL; END LOOP;", "E 0A000 FOR in blocks of code is not supported on DuckDB"),
        ("COMMIT;", "E 0A000 COMMIT in blocks of code is not supported on DuckDB"),
        ("SELECT 1", "E 42601 syntax error at end of input"),
    ],
)  # fmt: skip
def test_code(talk: Dialogue, code: str, told: str) -> None:
    assert talk.say(Query(f"DO $$ BEGIN {code} END; $$ LANGUAGE plpgsql"))[0] == told


def test_declarations_are_refused_with_a_hint(talk: Dialogue) -> None:
    told = talk.say(Query("DO $$DECLARE i int := 1; BEGIN NULL; END$$"))[0]
    assert told.startswith("E 0A000 DECLARE in blocks of code is not supported on DuckDB")
