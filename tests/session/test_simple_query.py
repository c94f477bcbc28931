"""The simple query protocol, as a dialogue."""

from __future__ import annotations

import pytest
from dialogue import Dialogue

from rvbbit_proxy.wire.frontend import Query


def test_one_statement(talk: Dialogue) -> None:
    assert talk.say(Query("SELECT 1 AS a, 'x' AS b, NULL::text AS c")) == [
        "T a:23,b:25,c:25",
        "D 1,x,~",
        "C SELECT 1",
        "Z I",
    ]


@pytest.mark.parametrize("sql", ["", ";", "  ; ;", "-- only a comment", "/* nothing */"])
def test_an_empty_query_says_so(talk: Dialogue, sql: str) -> None:
    assert talk.say(Query(sql)) == ["I", "Z I"]


def test_tags_count_rows(talk: Dialogue) -> None:
    assert talk.say(Query("CREATE TABLE t (a int)")) == ["C CREATE TABLE", "Z I"]
    assert talk.say(Query("INSERT INTO t VALUES (1), (2)")) == ["C INSERT 0 2", "Z I"]
    assert talk.say(Query("UPDATE t SET a = 3")) == ["C UPDATE 2", "Z I"]
    assert talk.say(Query("INSERT INTO t VALUES (4) RETURNING a")) == ["T a:23", "D 4", "C INSERT 0 1", "Z I"]
    assert talk.say(Query("DELETE FROM t"))[0] == "C DELETE 3"


def test_several_statements_are_one_transaction(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"))
    assert talk.say(Query("INSERT INTO t VALUES (1); SELECT nope; INSERT INTO t VALUES (2)")) == [
        "C INSERT 0 1",
        'E 42703 column "nope" does not exist @34',
        "Z I",
    ]
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_positions_count_from_the_whole_text(talk: Dialogue) -> None:
    sql = "SELECT 1; /*caller_id='x'*/ SELECT nope"
    assert talk.say(Query(sql))[3] == f'E 42703 column "nope" does not exist @{sql.index("nope") + 1}'


@pytest.mark.parametrize(
    "wrong", ["SELEC 1", "SELECT 1 FROM", "SET TIME ZONE", "BEGIN WORKS", "COPY t FROM", "FETCH c c"]
)
def test_nothing_runs_if_one_statement_does_not_parse(talk: Dialogue, wrong: str) -> None:
    talk.say(Query("CREATE TABLE t (a int)"))
    told = talk.say(Query(f"INSERT INTO t VALUES (1); SELECT $$;$$; {wrong}; SELECT 2"))
    assert [line[:7] for line in told] == ["E 42601", "Z I"]
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_what_the_upstream_lacks_is_told_among_several_statements(talk: Dialogue) -> None:
    sql = "CREATE OR REPLACE FUNCTION pg_temp.f(OUT a text) RETURNS text AS $$ BEGIN END $$ LANGUAGE plpgsql; SELECT f()"
    assert talk.say(Query(sql))[0].startswith("E 0A000 functions in a language are not supported on DuckDB")


def test_what_the_upstream_is_told_otherwise_parses(talk: Dialogue) -> None:
    """Statements that are rewritten for DuckDB, or that the session runs, are no errors of grammar."""
    script = """
        CREATE TABLE t (a serial PRIMARY KEY, b int[] DEFAULT '{}'); LISTEN x; SET LOCAL search_path TO public;
        ALTER TABLE t ADD COLUMN c int, ADD COLUMN d text; DROP TABLE IF EXISTS u, v; GRANT SELECT ON t TO PUBLIC;
        SELECT 'a'::regtype IS NULL OR true WHERE 'x' OPERATOR(pg_catalog.=) 'x' AND false; TRUNCATE t, t;
        SELECT EXTRACT(epoch FROM now()) > 0 AS a; DISCARD PLANS; SHOW TIME ZONE; DEALLOCATE ALL; UNLISTEN *
    """
    assert [line for line in talk.say(Query(script)) if line.startswith("E")] == []


def test_begin_inside_several_statements_keeps_what_came_before(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"))
    assert talk.say(Query("INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2)")) == [
        "C INSERT 0 1",
        "C BEGIN",
        "C INSERT 0 1",
        "Z T",
    ]
    assert talk.say(Query("ROLLBACK")) == ["C ROLLBACK", "Z I"]
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_commit_inside_several_statements(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"))
    sql = "BEGIN; INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); SELECT nope"
    assert talk.say(Query(sql)) == [
        "C BEGIN",
        "C INSERT 0 1",
        "C COMMIT",
        "C INSERT 0 1",
        f'E 42703 column "nope" does not exist @{sql.index("nope") + 1}',
        "Z I",
    ]
    assert talk.say(Query("SELECT a FROM t"))[1:-1] == ["D 1", "C SELECT 1"]


def test_a_failed_block_waits_for_rollback(talk: Dialogue) -> None:
    assert talk.say(Query("BEGIN")) == ["C BEGIN", "Z T"]
    assert talk.say(Query("SELECT nope"))[-1] == "Z E"
    refusal = "E 25P02 current transaction is aborted, commands ignored until end of transaction block"
    assert talk.say(Query("SELECT 1")) == [refusal, "Z E"]
    assert talk.say(Query("SHOW timezone")) == [refusal, "Z E"]
    assert talk.say(Query("COMMIT")) == ["C ROLLBACK", "Z I"]


def test_an_error_of_the_session_fails_the_block_too(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"))
    assert talk.say(Query("BEGIN; INSERT INTO t VALUES (1)"))[-1] == "Z T"
    assert talk.say(Query("SHOW nonesuch"))[-1] == "Z E"
    assert talk.say(Query("COMMIT")) == ["C ROLLBACK", "Z I"]
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_transaction_commands_out_of_place_warn(talk: Dialogue) -> None:
    assert talk.say(Query("COMMIT")) == [
        "N WARNING 25P01 there is no transaction in progress",
        "C COMMIT",
        "Z I",
    ]
    talk.say(Query("BEGIN"))
    assert talk.say(Query("BEGIN")) == [
        "N WARNING 25001 there is already a transaction in progress",
        "C BEGIN",
        "Z T",
    ]
    assert talk.say(Query("ROLLBACK AND CHAIN")) == ["C ROLLBACK", "Z T"]
    assert talk.say(Query("END")) == ["C COMMIT", "Z I"]
    assert talk.say(Query("START TRANSACTION READ ONLY")) == ["C START TRANSACTION", "Z T"]


def test_savepoints(talk: Dialogue) -> None:
    assert talk.say(Query("SAVEPOINT a"))[0] == "E 25P01 SAVEPOINT can only be used in transaction blocks"
    talk.say(Query("BEGIN; SAVEPOINT a"))
    assert talk.say(Query("SELECT nope"))[-1] == "Z E"
    assert talk.say(Query("ROLLBACK TO a")) == ["C ROLLBACK", "Z T"]
    assert talk.say(Query("SELECT 1"))[1:] == ["D 1", "C SELECT 1", "Z T"]
    assert talk.say(Query("RELEASE SAVEPOINT a"))[0] == "C RELEASE"
    assert talk.say(Query("ROLLBACK TO a"))[0] == 'E 3B001 savepoint "a" does not exist'


def test_a_read_only_transaction_refuses_writes(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"))
    talk.say(Query("BEGIN READ ONLY"))
    assert talk.say(Query("INSERT INTO t VALUES (1)")) == [
        "E 25006 cannot execute INSERT in a read-only transaction",
        "Z E",
    ]


def test_a_bug_costs_the_statement_and_not_the_session(
    talk: Dialogue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    with monkeypatch.context() as patch:
        patch.setattr(talk.session.state.upstream, "execute", broken)
        assert talk.say(Query("SELECT 1")) == ["E XX000 internal error: ZeroDivisionError: oops", "Z I"]
    assert "Traceback" in caplog.text
    assert talk.say(Query("SELECT 1"))[1] == "D 1"


def test_a_query_is_told_in_one_go(talk: Dialogue) -> None:
    before = talk.client.flushes
    talk.say(Query("SELECT 1"))
    assert talk.client.flushes == before + 1


def test_big_results_leave_batch_by_batch(talk: Dialogue) -> None:
    before = talk.client.flushes
    answer = talk.say(Query("SELECT range FROM range(100000)"))
    assert answer[-2] == "C SELECT 100000" and len(answer) == 100_003
    assert talk.client.flushes > before + 3


def test_explain_has_no_count(talk: Dialogue) -> None:
    assert talk.say(Query("EXPLAIN SELECT 1"), quiet="TD") == ["C EXPLAIN", "Z I"]
