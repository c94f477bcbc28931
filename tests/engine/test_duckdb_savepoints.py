from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from rvbbit_proxy.engine import duckdb_savepoints
from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.errors import RvbbitError


@pytest.fixture
def upstream(instance: duckdb.DuckDBPyConnection) -> DuckDBUpstream:
    return DuckDBUpstream(instance)


@pytest.fixture
def session(upstream: DuckDBUpstream) -> Iterator[DuckDBSession]:
    with_table = upstream.open_session(user="u", database="d", application_name="a")
    say(
        with_table,
        "CREATE TABLE t (a serial PRIMARY KEY, b text UNIQUE, double int GENERATED ALWAYS AS (a * 2) STORED)",
        "INSERT INTO t (b) VALUES ('one'), ('two'), (NULL)",
    )
    yield with_table
    with_table.close()


def say(session: DuckDBSession, *statements: str) -> None:
    for sql in statements:
        session.execute(sql).close()


def refused(session: DuckDBSession, sql: str) -> RvbbitError:
    with pytest.raises(RvbbitError) as caught:
        session.execute(sql)
    return caught.value


def rows(session: DuckDBSession, sql: str = "SELECT a, b FROM t ORDER BY a") -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in session.fetch(sql).to_pylist()]


def test_added_rows_come_back(session: DuckDBSession) -> None:
    say(session, "BEGIN", "INSERT INTO t (b) VALUES ('kept')", "SAVEPOINT s", "INSERT INTO t (b) VALUES ('lost')")
    say(session, "ROLLBACK TO s", "INSERT INTO t (b) VALUES ('later')", "COMMIT")
    assert rows(session) == [(1, "one"), (2, "two"), (3, None), (4, "kept"), (6, "later")]
    assert rows(session, "SELECT double FROM t WHERE a = 4") == [(8,)]


def test_changed_rows_come_back(session: DuckDBSession) -> None:
    say(session, "BEGIN", "UPDATE t SET b = b || '!' WHERE a = 1", "DELETE FROM t WHERE a = 3", "SAVEPOINT s")
    say(session, "UPDATE t SET b = NULL", "DELETE FROM t WHERE a = 2")
    assert refused(session, "SELECT nope").sqlstate == "42703"
    say(session, "ROLLBACK TO s")
    assert rows(session) == [(1, "one!"), (2, "two")]
    say(session, "COMMIT")
    assert rows(session) == [(1, "one!"), (2, "two")]


def test_savepoints_inside_savepoints(session: DuckDBSession) -> None:
    say(session, "BEGIN", "INSERT INTO t (b) VALUES ('x')", "SAVEPOINT one", "DELETE FROM t WHERE a = 1")
    say(session, "SAVEPOINT two", "DELETE FROM t", "ROLLBACK TO two")
    assert rows(session) == [(2, "two"), (3, None), (4, "x")]
    say(session, "DELETE FROM t", "ROLLBACK TO one")
    assert rows(session) == [(1, "one"), (2, "two"), (3, None), (4, "x")]
    assert refused(session, "ROLLBACK TO two").sqlstate == "3B001"
    say(session, "ROLLBACK TO one", "COMMIT")
    assert len(rows(session)) == 4


def test_all_types_come_back_as_they_were(session: DuckDBSession) -> None:
    say(session, "CREATE TABLE wide AS FROM test_all_types() LIMIT 0", "BEGIN")
    say(session, "INSERT INTO wide FROM test_all_types()", "SAVEPOINT s", "DELETE FROM wide", "ROLLBACK TO s")
    differ = "SELECT count(*) FROM (FROM wide EXCEPT ALL FROM test_all_types())"
    assert rows(session, differ) == [(0,)]
    assert rows(session, "SELECT count(*) FROM wide") == [(3,)]
    say(session, "ROLLBACK")


def test_deferred_foreign_keys_are_checked_at_the_end_all_the_same(session: DuckDBSession) -> None:
    say(session, "CREATE TABLE c (a int REFERENCES t (a) DEFERRABLE INITIALLY DEFERRED)")
    say(session, "BEGIN", "INSERT INTO c VALUES (99)", "SAVEPOINT s")
    refused(session, "SELECT nope")
    say(session, "ROLLBACK TO s")
    assert refused(session, "COMMIT").sqlstate == "23503"
    say(session, "ROLLBACK")


def test_cascades_are_undone(session: DuckDBSession) -> None:
    say(session, "CREATE TABLE c (a int REFERENCES t (a) ON DELETE CASCADE)", "INSERT INTO c VALUES (1), (2)")
    say(session, "BEGIN", "DELETE FROM t WHERE a = 1", "SAVEPOINT s", "DELETE FROM t", "ROLLBACK TO s", "COMMIT")
    assert rows(session, "SELECT a FROM c") == [(2,)]


def test_definitions_before_a_savepoint_are_not_put_back(session: DuckDBSession) -> None:
    say(session, "BEGIN", "CREATE TABLE u (a int)", "SAVEPOINT s", "INSERT INTO u VALUES (1)")
    fault = refused(session, "ROLLBACK TO s")
    assert (fault.sqlstate, fault.detail) == (
        "0A000",
        "The transaction had run CREATE TABLE before the savepoint.",
    )
    assert session.transaction_status() == "E"
    say(session, "ROLLBACK")


def test_large_changed_tables_are_not_copied(session: DuckDBSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_savepoints, "MOST_ROWS", 2)
    say(session, "BEGIN", "UPDATE t SET b = b WHERE a = 1", "SAVEPOINT s", "DELETE FROM t")
    fault = refused(session, "ROLLBACK TO s")
    assert (fault.sqlstate, fault.detail) == (
        "0A000",
        "The transaction had changed t, which has more than 2 rows.",
    )
    say(session, "ROLLBACK", "BEGIN", "INSERT INTO t (b) VALUES ('new')", "SAVEPOINT s", "DELETE FROM t")
    say(session, "ROLLBACK TO s", "COMMIT")
    assert len(rows(session)) == 4


def test_what_others_have_committed_is_not_undone(session: DuckDBSession, upstream: DuckDBUpstream) -> None:
    other = upstream.open_session(user="u", database="d", application_name="a")
    say(session, "BEGIN", "UPDATE t SET b = 'uno' WHERE a = 1", "SAVEPOINT s", "DELETE FROM t WHERE a = 1")
    say(other, "INSERT INTO t (b) VALUES ('of another')")
    assert refused(session, "ROLLBACK TO s").sqlstate == "40001"
    say(
        session,
        "ROLLBACK",
        "BEGIN",
        "INSERT INTO t (b) VALUES ('own')",
        "SAVEPOINT s",
        "DELETE FROM t WHERE a = 1",
    )
    say(other, "INSERT INTO t (b) VALUES ('of another again')")
    say(session, "ROLLBACK TO s", "COMMIT")
    assert [b for _, b in rows(session)] == ["one", "two", None, "of another", "own", "of another again"]
    other.close()
