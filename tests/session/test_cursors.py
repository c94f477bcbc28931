"""DECLARE, FETCH, MOVE, CLOSE; PREPARE, EXECUTE, DEALLOCATE."""

from __future__ import annotations

import pytest
from dialogue import Dialogue

from rvbbit_proxy.errors import SyntaxFault
from rvbbit_proxy.session.cursors import ALL, CloseCursor, Declare, Fetch, parse_cursor_command
from rvbbit_proxy.wire.frontend import Describe, Execute, Query, Sync


@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("DECLARE c CURSOR FOR SELECT 1", Declare("c", "SELECT 1")),
        (
            'DECLARE "C x" BINARY SCROLL CURSOR WITH HOLD FOR SELECT 1',
            Declare("C x", "SELECT 1", True, True, True),
        ),
        ("DECLARE c NO SCROLL CURSOR WITHOUT HOLD FOR VALUES (1)", Declare("c", "VALUES (1)")),
        ("FETCH c", Fetch("c")),
        ("FETCH next", Fetch("next")),
        ("FETCH FROM c", Fetch("c")),
        ("FETCH 3 IN c", Fetch("c", count=3)),
        ("FETCH -2 c", Fetch("c", count=-2)),
        ("FETCH ALL FROM c", Fetch("c", count=ALL)),
        ("FETCH FORWARD c", Fetch("c")),
        ("FETCH FORWARD ALL FROM c", Fetch("c", count=ALL)),
        ("FETCH BACKWARD 2 FROM c", Fetch("c", count=-2)),
        ("FETCH PRIOR FROM c", Fetch("c", count=-1)),
        ("FETCH FIRST FROM c", Fetch("c", "absolute", 1)),
        ("FETCH LAST FROM c", Fetch("c", "absolute", -1)),
        ("FETCH ABSOLUTE 4 FROM c", Fetch("c", "absolute", 4)),
        ("FETCH RELATIVE -1 FROM c", Fetch("c", "relative", -1)),
        ("MOVE 5 FROM c", Fetch("c", count=5, move=True)),
        ("CLOSE c", CloseCursor("c")),
        ("CLOSE ALL;", CloseCursor(None)),
    ],
)
def test_cursor_commands_are_read(sql: str, command: object) -> None:
    assert parse_cursor_command(sql) == command


@pytest.mark.parametrize(
    "sql", ["DECLARE c", "DECLARE c CURSOR SELECT 1", "FETCH", "FETCH 1 c d", "FETCH ABSOLUTE c"]
)
def test_malformed_cursor_commands(sql: str) -> None:
    with pytest.raises(SyntaxFault):
        parse_cursor_command(sql)


def rows(talk: Dialogue, sql: str) -> str:
    return " ".join(message[2:] for message in talk.say(Query(sql), quiet="TZ"))


def test_a_cursor_goes_forward(talk: Dialogue) -> None:
    assert rows(talk, "BEGIN; DECLARE c CURSOR FOR SELECT range FROM range(5)") == "BEGIN DECLARE CURSOR"
    assert rows(talk, "FETCH c") == "0 FETCH 1"
    assert rows(talk, "MOVE 2 FROM c") == "MOVE 2"
    assert rows(talk, "FETCH ALL FROM c") == "3 4 FETCH 2"
    assert rows(talk, "FETCH c") == "FETCH 0"
    assert rows(talk, "FETCH PRIOR FROM c") == "55000 cursor can only scan forward"


def test_a_scroll_cursor_goes_anywhere(talk: Dialogue) -> None:
    rows(talk, "BEGIN; DECLARE c SCROLL CURSOR FOR SELECT range FROM range(1, 6)")
    assert rows(talk, "FETCH LAST FROM c") == "5 FETCH 1"
    assert rows(talk, "FETCH BACKWARD 2 FROM c") == "4 3 FETCH 2"
    assert rows(talk, "FETCH RELATIVE 0 FROM c") == "3 FETCH 1"
    assert rows(talk, "FETCH ABSOLUTE 2 FROM c") == "2 FETCH 1"
    assert rows(talk, "FETCH BACKWARD ALL FROM c") == "1 FETCH 1"
    assert rows(talk, "FETCH PRIOR FROM c") == "FETCH 0"
    assert rows(talk, "FETCH NEXT FROM c") == "1 FETCH 1"
    assert rows(talk, "FETCH ALL FROM c") == "2 3 4 5 FETCH 4"
    assert rows(talk, "FETCH PRIOR FROM c") == "5 FETCH 1"


def test_other_statements_run_beside_a_cursor(talk: Dialogue) -> None:
    rows(talk, "BEGIN; DECLARE c CURSOR FOR SELECT range FROM range(50000)")
    assert rows(talk, "FETCH 2 c") == "0 1 FETCH 2"
    assert rows(talk, "SELECT 7") == "7 SELECT 1"
    assert rows(talk, "MOVE ALL c") == "MOVE 49998"


def test_a_cursor_needs_a_transaction_unless_held(talk: Dialogue) -> None:
    assert rows(talk, "DECLARE c CURSOR FOR SELECT 1") == (
        "25P01 DECLARE CURSOR can only be used in transaction blocks"
    )
    assert rows(talk, "DECLARE h CURSOR WITH HOLD FOR SELECT range FROM range(3)") == "DECLARE CURSOR"
    assert rows(talk, "FETCH 2 FROM h") == "0 1 FETCH 2"


def test_held_cursors_outlive_commit_and_the_others_do_not(talk: Dialogue) -> None:
    rows(talk, "BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT range FROM range(3); FETCH h")
    rows(talk, "DECLARE c CURSOR FOR SELECT 1; COMMIT")
    assert rows(talk, "FETCH ALL h") == "1 2 FETCH 2"
    assert rows(talk, "FETCH c") == '34000 cursor "c" does not exist'
    assert rows(talk, "CLOSE h") == "CLOSE CURSOR"
    assert rows(talk, "BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT 1; ROLLBACK; FETCH h").endswith(
        '34000 cursor "h" does not exist'
    )


def test_a_binary_cursor_gives_binary(talk: Dialogue) -> None:
    rows(talk, "BEGIN; DECLARE c BINARY CURSOR FOR SELECT 1 AS a")
    assert talk.say(Query("FETCH c"))[:2] == ["T a:23b", "D x00000001"]


def test_a_cursor_is_a_portal_too(talk: Dialogue) -> None:
    rows(talk, "BEGIN; DECLARE c CURSOR FOR SELECT range AS i FROM range(3)")
    assert talk.say(Describe("P", "c"), Execute("c", 2), Execute("c"), Sync()) == [
        "T i:20",
        "D 0",
        "D 1",
        "s",
        "D 2",
        "C SELECT 1",
        "Z T",
    ]


def test_prepare_and_execute(talk: Dialogue) -> None:
    assert rows(talk, "PREPARE q (int, text) AS SELECT $1 + 1 AS a, $2 AS b") == "PREPARE"
    assert talk.say(Query("EXECUTE q(1 + 1, 'it''s')")) == ["T a:23,b:25", "D 3,it's", "C SELECT 1", "Z I"]
    assert rows(talk, "EXECUTE q(1)") == '42601 wrong number of parameters for prepared statement "q"'
    assert rows(talk, "PREPARE q AS SELECT 1") == '42P05 prepared statement "q" already exists'
    assert rows(talk, "DEALLOCATE q") == "DEALLOCATE"
    assert rows(talk, "EXECUTE q(1, 'x')") == '26000 prepared statement "q" does not exist'
    assert rows(talk, "DEALLOCATE ALL") == "DEALLOCATE ALL"
    assert rows(talk, "PREPARE q (nosuch) AS SELECT $1") == '42704 type "nosuch" does not exist @12'
