from __future__ import annotations

import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.errors import RvbbitError


def refused(session: DuckDBSession, sql: str) -> str:
    with pytest.raises(RvbbitError) as caught:
        session.execute(sql)
    return caught.value.sqlstate


def count(session: DuckDBSession) -> int:
    value: int = session.fetch("SELECT count(*) AS n FROM t").column("n")[0].as_py()
    return value


def test_a_block_commits_and_rolls_back(duck: DuckDBSession) -> None:
    assert duck.transaction_status() == "I"
    duck.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
    assert duck.transaction_status() == "T"
    duck.execute("DELETE FROM t")
    assert duck.execute("ROLLBACK").tag == "ROLLBACK"
    assert count(duck) == 2
    duck.execute("START TRANSACTION")
    duck.execute("DELETE FROM t")
    assert duck.execute("COMMIT AND CHAIN").tag == "COMMIT"
    assert duck.transaction_status() == "T"
    duck.execute("ROLLBACK")
    assert count(duck) == 0


@pytest.mark.parametrize("mistake", ["SELECT nope", "SELEC", "SELECT 1/0", "INSERT INTO t (a, b) VALUES (1, 'x')"])
def test_a_failed_block_refuses_all_but_its_end(duck: DuckDBSession, mistake: str) -> None:
    duck.execute("BEGIN")
    duck.execute("DELETE FROM t WHERE a = 2")
    refused(duck, mistake)
    assert duck.transaction_status() == "E"
    assert refused(duck, "SELECT 1") == "25P02"
    with pytest.raises(RvbbitError):
        duck.describe("SELECT 1")
    with pytest.raises(RvbbitError):
        duck.fetch("SELECT 1")
    assert duck.execute("COMMIT").tag == "ROLLBACK"
    assert duck.transaction_status() == "I"
    assert count(duck) == 2


def test_a_read_only_block_refuses_writes(duck: DuckDBSession) -> None:
    duck.execute("BEGIN READ ONLY")
    assert refused(duck, "DELETE FROM t") == "25006"
    duck.execute("ROLLBACK")


def test_rollback_to_savepoint_where_nothing_was_written(duck: DuckDBSession) -> None:
    duck.execute("BEGIN")
    duck.execute("DELETE FROM t WHERE a = 2")
    duck.execute("SAVEPOINT s")
    refused(duck, "SELECT nope FROM t")
    assert duck.execute("ROLLBACK TO SAVEPOINT s").tag == "ROLLBACK"
    assert duck.transaction_status() == "T"
    duck.execute("RELEASE s")
    duck.execute("COMMIT")
    assert count(duck) == 1


def test_rollback_to_savepoint_begins_a_block_anew_that_had_written_nothing(duck: DuckDBSession) -> None:
    duck.execute("BEGIN")
    duck.execute("SAVEPOINT s")
    for statement in ("DELETE FROM t", "SELECT 1 / 0"):
        _ = refused(duck, statement) if "/" in statement else duck.execute(statement)
        assert duck.execute("ROLLBACK TO s").tag == "ROLLBACK"
        assert count(duck) == 2
    duck.execute("DELETE FROM t WHERE a = 2")
    duck.execute("COMMIT")
    assert count(duck) == 1


def test_savepoints_have_names_and_need_a_block(duck: DuckDBSession) -> None:
    assert refused(duck, "SAVEPOINT s") == "25P01"
    duck.execute("BEGIN")
    assert refused(duck, "RELEASE SAVEPOINT s") == "3B001"
    duck.execute("ROLLBACK")


def test_describing_a_mistake_fails_the_block_as_in_postgresql(duck: DuckDBSession) -> None:
    duck.execute("BEGIN")
    with pytest.raises(RvbbitError):
        duck.describe("SELECT nope FROM t")
    assert duck.transaction_status() == "E"
    duck.execute("ROLLBACK")


def test_inference_probes_do_not_fail_the_block(duck: DuckDBSession) -> None:
    duck.execute("BEGIN")
    duck.execute("CREATE TEMP TABLE mine (x int)")
    duck.describe("SELECT * FROM mine WHERE EXISTS (SELECT 1 FROM t WHERE t.a = mine.x + $1)")
    assert duck.transaction_status() == "T"
    duck.execute("INSERT INTO mine VALUES (1)")
    duck.execute("COMMIT")


def test_write_conflicts_are_serialization_failures(duck: DuckDBSession) -> None:
    upstream = DuckDBUpstream(duck._connection)
    other = upstream.open_session(user="tester", database="memory", application_name="test")
    duck.execute("BEGIN")
    other.execute("BEGIN")
    duck.execute("UPDATE t SET c = 9 WHERE a = 1")
    assert refused(other, "UPDATE t SET c = 8 WHERE a = 1") == "40001"
    other.close()
    duck.execute("COMMIT")
