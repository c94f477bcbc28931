"""The extended query protocol, as a dialogue."""

from __future__ import annotations

import struct

from dialogue import Dialogue

from rvbbit_proxy.wire.frontend import (
    Bind,
    Close,
    CopyData,
    CopyDone,
    Describe,
    Execute,
    Flush,
    Parse,
    Query,
    Sync,
)

ALL_IN_ONE = (Bind("", ""), Describe("P", ""), Execute(""), Sync())


def test_one_round_trip(talk: Dialogue) -> None:
    assert talk.say(Parse("", "SELECT 1 AS a"), *ALL_IN_ONE) == ["1", "2", "T a:23", "D 1", "C SELECT 1", "Z I"]


def test_describe_infers_parameter_types(talk: Dialogue) -> None:
    assert talk.say(Parse("s", "SELECT $1::int + 1 AS a, $2 || 'x' AS b"), Describe("S", "s"), Sync()) == [
        "1",
        "t 23,25",
        "T a:23,b:25",
        "Z I",
    ]


def test_parameters_and_results_in_binary(talk: Dialogue) -> None:
    four = struct.pack("!i", 4)
    answer = talk.say(
        Parse("", "SELECT $1::int AS a, $2::text AS b"),
        Bind("", "", (1, 0), (four, None), (1,)),
        Execute(""),
        Sync(),
    )
    assert answer == ["1", "2", "D x00000004,~", "C SELECT 1", "Z I"]


def test_a_portal_gives_its_rows_in_pieces(talk: Dialogue) -> None:
    talk.say(Query("BEGIN"))
    assert talk.say(
        Parse("", "SELECT range AS i FROM range(5)"),
        Bind("p", ""),
        Execute("p", 2),
        Execute("p", 2),
        Execute("p", 2),
        Execute("p", 2),
        Sync(),
    ) == ["1", "2", "D 0", "D 1", "s", "D 2", "D 3", "s", "D 4", "C SELECT 1", "C SELECT 0", "Z T"]
    assert talk.say(Execute("p"), Sync())[0] == "C SELECT 0"
    assert talk.say(Close("P", "p"), Execute("p"), Sync()) == [
        "3",
        'E 34000 portal "p" does not exist',
        "Z E",
    ]


def test_two_portals_side_by_side(talk: Dialogue) -> None:
    talk.say(Query("BEGIN"))
    talk.say(Parse("s", "SELECT range AS i FROM range($1::int, 9)"), Sync())
    assert talk.say(
        Bind("a", "s", (), (b"0",)),
        Bind("b", "s", (), (b"5",)),
        Execute("a", 1),
        Execute("b", 1),
        Execute("a", 1),
        Execute("b", 1),
        Sync(),
        quiet="2s",
    ) == ["D 0", "D 5", "D 1", "D 6", "Z T"]


def test_portals_end_with_their_transaction(talk: Dialogue) -> None:
    assert talk.say(Parse("", "SELECT range FROM range(5)"), Bind("p", ""), Execute("p", 1), Sync()) == [
        "1",
        "2",
        "D 0",
        "s",
        "Z I",
    ]
    assert talk.say(Execute("p"), Sync()) == ['E 34000 portal "p" does not exist', "Z I"]


def test_after_an_error_everything_is_skipped_up_to_sync(talk: Dialogue) -> None:
    assert talk.say(
        Parse("", "SELECT nope"),
        Bind("", ""),
        Execute(""),
        Parse("", "SELECT 1"),
        Query("SELECT 2"),
        Flush(),
        Sync(),
    ) == ["1", "2", 'E 42703 column "nope" does not exist @8', "Z I"]
    assert talk.say(Query("SELECT 1"))[1] == "D 1"


def test_a_pipeline_is_one_transaction(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"), Parse("i", "INSERT INTO t VALUES ($1)"), Sync())
    one = (Bind("", "i", (), (b"1",)), Execute(""))
    assert talk.say(*one, *one, Parse("", "SELECT nope"), Bind("", ""), Execute(""), Sync(), quiet="12") == [
        "C INSERT 0 1",
        "C INSERT 0 1",
        'E 42703 column "nope" does not exist @8',
        "Z I",
    ]
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 0"
    talk.say(*one, *one, Sync())
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 2"


def test_syncs_cut_a_pipeline_into_transactions(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"), Parse("i", "INSERT INTO t VALUES (1)"), Sync())
    bad = (Parse("", "SELECT nope"), Bind("", ""), Execute(""), Sync())
    answer = talk.say(Bind("", "i"), Execute(""), Sync(), *bad, Bind("", "i"), Execute(""), Sync(), quiet="12")
    assert [message[0] for message in answer] == list("CZEZCZ")
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 2"


def test_begin_by_message_opens_a_block(talk: Dialogue) -> None:
    assert talk.say(Parse("", "BEGIN"), *ALL_IN_ONE) == ["1", "2", "n", "C BEGIN", "Z T"]
    assert talk.say(Parse("", "ROLLBACK"), *ALL_IN_ONE) == ["1", "2", "n", "C ROLLBACK", "Z I"]


def test_an_empty_statement(talk: Dialogue) -> None:
    assert talk.say(Parse("", " ; "), *ALL_IN_ONE) == ["1", "2", "n", "I", "Z I"]


def test_statements_by_name(talk: Dialogue) -> None:
    again = 'E 42P05 prepared statement "s" already exists'
    assert talk.say(Parse("s", "SELECT 1"), Parse("s", "SELECT 2"), Sync()) == ["1", again, "Z I"]
    assert talk.say(Close("S", "s"), Close("S", "s"), Bind("", "s"), Sync()) == [
        "3",
        "3",
        'E 26000 prepared statement "s" does not exist',
        "Z I",
    ]


def test_mistakes_have_postgresqls_codes(talk: Dialogue) -> None:
    def error(*messages: object) -> str:
        answer = talk.say(*messages, Sync())  # type: ignore[arg-type]
        return next(message for message in answer if message.startswith("E"))

    assert error(Parse("", "SELECT 1; SELECT 2")) == (
        "E 42601 cannot insert multiple commands into a prepared statement"
    )
    assert error(Parse("", "SELECT $1::int"), Bind("", "")) == (
        'E 08P01 bind message supplies 0 parameters, but prepared statement "" requires 1'
    )
    assert error(Bind("", "gone")) == 'E 26000 prepared statement "gone" does not exist'
    assert error(Execute("gone")) == 'E 34000 portal "gone" does not exist'
    assert error(Describe("P", "gone")) == 'E 34000 portal "gone" does not exist'


def test_what_wrote_once_is_not_run_again(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int)"))
    answer = talk.say(
        Parse("", "INSERT INTO t VALUES (1)"), Bind("p", ""), Execute("p"), Execute("p"), Sync(), quiet="12"
    )
    assert answer == ["C INSERT 0 1", 'E 55000 portal "p" cannot be run', "Z I"]


def test_set_and_show_by_message(talk: Dialogue) -> None:
    assert talk.say(Parse("", "SET TimeZone = 'Asia/Tokyo'"), *ALL_IN_ONE) == [
        "1",
        "2",
        "n",
        "C SET",
        "S TimeZone=Asia/Tokyo",
        "Z I",
    ]
    assert talk.say(Parse("", "SHOW timezone"), *ALL_IN_ONE)[2:] == [
        "T TimeZone:25",
        "D Asia/Tokyo",
        "C SHOW",
        "Z I",
    ]


def test_an_unnamed_portal_may_be_replaced_and_a_named_may_not(talk: Dialogue) -> None:
    talk.say(Query("BEGIN"), Parse("s", "SELECT 1"), Sync())
    assert talk.say(Bind("", "s"), Bind("", "s"), Bind("p", "s"), Bind("p", "s"), Sync()) == [
        "2",
        "2",
        "2",
        'E 42P03 cursor "p" already exists',
        "Z E",
    ]


def test_copy_messages_out_of_place_are_ignored(talk: Dialogue) -> None:
    assert talk.say(CopyData(b"x"), CopyDone()) == []
