from __future__ import annotations

import pytest

from rvbbit_proxy.engine.statement import (
    TransactionCommand,
    command_tag,
    parameter_marks,
    strip_end,
    transaction_command,
    words_of,
)
from rvbbit_proxy.errors import SyntaxFault


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("BEGIN", TransactionCommand("begin")),
        ("start transaction isolation level repeatable read;", TransactionCommand("begin")),
        ("BEGIN READ ONLY, NOT DEFERRABLE", TransactionCommand("begin", read_only=True)),
        ("/* c */ COMMIT AND CHAIN -- x", TransactionCommand("commit", chain=True)),
        ("END", TransactionCommand("commit")),
        ("ABORT AND NO CHAIN", TransactionCommand("rollback")),
        ('ROLLBACK TO SAVEPOINT "A ""b"', TransactionCommand("rollback to", name='A "b')),
        ("SAVEPOINT Abc", TransactionCommand("savepoint", name="abc")),
        ("release abc", TransactionCommand("release", name="abc")),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", TransactionCommand("set")),
    ],
)
def test_transaction_control_is_recognised(sql: str, expected: TransactionCommand) -> None:
    assert transaction_command(sql) == expected


@pytest.mark.parametrize(
    "sql", ["SELECT 'BEGIN'", "SET SESSION timezone = 'UTC'", "", "-- BEGIN", "EXPLAIN SELECT 1"]
)
def test_other_statements_are_not(sql: str) -> None:
    assert transaction_command(sql) is None


def test_begin_with_unknown_words_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxFault):
        transaction_command("BEGIN foo")


@pytest.mark.parametrize(
    ("verb", "sql", "tag"),
    [
        ("CREATE", "CREATE OR REPLACE TEMP TABLE t (a int)", "CREATE TABLE"),
        ("CREATE", "CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX"),
        ("CREATE", "CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW"),
        ("DROP", "DROP TABLE IF EXISTS t", "DROP TABLE"),
        ("INSERT", "WITH q AS (SELECT 1) INSERT INTO t SELECT * FROM q", "INSERT"),
        ("SELECT", "(VALUES (1))", "SELECT"),
        ("SELECT", "SHOW tables", "SHOW"),
        ("DELETE", "TRUNCATE t", "TRUNCATE TABLE"),
    ],
)
def test_tags(verb: str, sql: str, tag: str) -> None:
    assert command_tag(verb, words_of(sql)) == tag


def test_parameters_in_literals_and_comments_are_text() -> None:
    sql = "SELECT $1, '$2', E'\\'$3', \"$4\", $$ $5 $$, $x$ $6 $x$ -- $7\n, /* $8 */ $10"
    assert [mark.number for mark in parameter_marks(sql)] == [1, 10]


def test_the_end_is_stripped_but_not_what_a_literal_holds() -> None:
    assert strip_end("SELECT ';' ; -- x;\n") == "SELECT ';'"
