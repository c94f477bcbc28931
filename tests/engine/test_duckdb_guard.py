from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.errors import ReadOnlyRelation


@pytest.fixture
def session(instance: duckdb.DuckDBPyConnection) -> Iterator[DuckDBSession]:
    for statement in (
        "ATTACH ':memory:' AS rvbbit_ledger",
        "CREATE TABLE rvbbit_ledger.main.facts (a int)",
        "CREATE TABLE rvbbit_ledger.main.training_annotations (a int)",
        "ATTACH ':memory:' AS rvbbit",
        "CREATE VIEW rvbbit.main.all_data AS SELECT * FROM rvbbit_ledger.main.facts",
        "CREATE VIEW rvbbit.main.training_annotations AS SELECT * FROM rvbbit_ledger.main.training_annotations",
    ):
        instance.execute(statement)
    session = DuckDBUpstream(instance).open_session(user="u", database="d", application_name="a")
    yield session
    session.close()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM rvbbit_ledger.main.facts",
        'DELETE FROM "RVBBIT_ledger" . main . facts',
        "UPDATE rvbbit_ledger.facts SET a = $1",
        "INSERT OR REPLACE INTO rvbbit_ledger.main.facts VALUES (1)",
        "WITH q AS (SELECT 1) INSERT INTO rvbbit_ledger.main.facts SELECT * FROM q",
        "EXPLAIN ANALYZE DELETE FROM rvbbit_ledger.main.facts",
        "PREPARE p AS DELETE FROM rvbbit_ledger.main.facts",
        "TRUNCATE rvbbit_ledger.main.facts",
        "DROP TABLE rvbbit_ledger.main.training_annotations",
        "DROP VIEW all_data",
        "ALTER VIEW all_data RENAME TO mine",
        "CREATE OR REPLACE VIEW rvbbit.all_data AS SELECT 1",
        "CREATE INDEX i ON rvbbit_ledger.main.facts (a)",
        "COPY rvbbit_ledger.main.facts FROM 'x.csv'",
        "COPY FROM DATABASE memory TO rvbbit",
        "DETACH rvbbit",
        "USE rvbbit",
        "SET search_path = 'rvbbit.main'",
    ],
)
def test_the_ledger_is_read_only(session: DuckDBSession, sql: str) -> None:
    with pytest.raises(ReadOnlyRelation) as caught:
        session.execute(sql)
    assert caught.value.sqlstate == "42501"


def test_it_is_read_with_and_without_its_name(session: DuckDBSession) -> None:
    for name in ("all_data", "rvbbit.all_data", "rvbbit.main.all_data"):
        assert session.fetch(f"SELECT count(*) AS n FROM {name}").to_pylist() == [{"n": 0}]
    session.execute("CREATE TABLE copy_of_it AS SELECT * FROM rvbbit.all_data")


def test_the_users_own_table_comes_first(session: DuckDBSession) -> None:
    session.execute("CREATE TABLE all_data (mine text)")
    assert session.fetch("SELECT * FROM all_data").column_names == ["mine"]
    session.execute("DROP TABLE all_data")
    assert session.fetch("SELECT * FROM all_data").column_names == ["a"]


@pytest.mark.parametrize(
    "name", ["rvbbit_ledger.main.training_annotations", "rvbbit.training_annotations", "training_annotations"]
)
def test_annotations_may_be_written(session: DuckDBSession, name: str) -> None:
    assert session.execute(f"INSERT INTO {name} VALUES (1), (2)").tag == "INSERT 0 2"
    assert session.execute(f"DELETE FROM {name} WHERE a = 1").tag == "DELETE 1"
    assert session.fetch("SELECT a FROM rvbbit.training_annotations").to_pylist() == [{"a": 2}]


def test_the_users_own_annotations_stay_his(session: DuckDBSession) -> None:
    session.execute("CREATE TABLE training_annotations (a int)")
    session.execute("INSERT INTO training_annotations VALUES (5)")
    assert session.fetch("SELECT a FROM main.training_annotations").to_pylist() == [{"a": 5}]
    assert session.fetch("SELECT a FROM rvbbit.training_annotations").num_rows == 0
