"""COPY with the client, as a dialogue."""

from __future__ import annotations

import pytest
from dialogue import Dialogue

from rvbbit_proxy.wire.frontend import Bind, CopyData, CopyDone, CopyFail, Execute, Parse, Query, Sync


@pytest.fixture
def table(talk: Dialogue) -> Dialogue:
    talk.say(Query("CREATE TABLE t (a int, b text)"))
    return talk


def test_out_as_text(table: Dialogue) -> None:
    table.say(Query("INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, E'a\\tb')"))
    assert table.say(Query("COPY t TO STDOUT")) == [
        "H 0 2",
        r"d '1\tx\n'",
        r"d '2\t\\N\n'",
        r"d '3\ta\\tb\n'",
        "c",
        "C COPY 3",
        "Z I",
    ]


def test_out_as_csv(table: Dialogue) -> None:
    sql = "COPY (SELECT 1 AS a, 'x,y' AS b) TO STDOUT (FORMAT csv, HEADER)"
    assert table.say(Query(sql)) == ["H 0 2", r"d 'a,b\n'", "d '1,\"x,y\"\\n'", "c", "C COPY 1", "Z I"]


def test_out_as_binary(table: Dialogue) -> None:
    answer = table.say(Query("COPY (SELECT 1 AS a) TO STDOUT (FORMAT binary)"))
    assert answer == [
        "H 1 1",
        "d 5047434f50590aff0d0a00" + "00" * 8 + "0001" + "00000004" + "00000001",
        "d ffff",
        "c",
        "C COPY 1",
        "Z I",
    ]


def test_in_as_text(table: Dialogue) -> None:
    answer = table.say(Query("COPY t FROM STDIN"), CopyData(b"1\tx\n2\t"), CopyData(b"\\N\n3\ta\\tb"), CopyDone())
    assert answer == ["G 0 2", "C COPY 3", "Z I"]
    assert table.say(Query("SELECT * FROM t ORDER BY a"), quiet="TCZ") == ["D 1,x", "D 2,~", "D 3,a\tb"]


def test_in_as_csv_with_columns(table: Dialogue) -> None:
    copy = Query("COPY t (b) FROM STDIN (FORMAT csv, HEADER)")
    assert table.say(copy, CopyData(b'b\n"x,""y"\n'), CopyDone()) == ["G 0 1", "C COPY 1", "Z I"]
    assert table.say(Query("SELECT * FROM t"))[1] == 'D ~,x,"y'


def test_types_that_the_engine_reads_otherwise(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a int[], b bytea, c timestamptz, d interval, e timestamp)"))
    talk.say(Query("SET TimeZone = 'Asia/Tokyo'"))
    line = b"{1,2}\t\\\\x6100\t2026-01-01 12:00:00\t1 day 02:00\t2026-01-01 12:00:00.5\n"
    assert talk.say(Query("COPY t FROM STDIN"), CopyData(line), CopyDone())[-2] == "C COPY 1"
    assert talk.say(Query("SELECT * FROM t"))[1] == (
        "D {1,2},\\x6100,2026-01-01 12:00:00+09,1 day 02:00:00,2026-01-01 12:00:00.5"
    )


def test_binary_goes_out_and_comes_in_again(talk: Dialogue) -> None:
    talk.say(
        Query("CREATE TABLE t AS SELECT i::int AS a, 'n' || i AS b, i::numeric(9,2) AS c FROM range(20) AS r(i)")
    )
    answer = talk.say(Query("COPY t TO STDOUT (FORMAT binary)"))
    data = [CopyData(_bytes(message[2:])) for message in answer if message.startswith("d ")]
    talk.say(Query("CREATE TABLE u AS SELECT * FROM t LIMIT 0"))
    assert talk.say(Query("COPY u FROM STDIN (FORMAT binary)"), *data, CopyDone())[-2] == "C COPY 20"
    assert talk.say(Query("SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM u)"))[1] == "D 0"


def _bytes(shown: str) -> bytes:
    return shown[1:-1].encode() if shown.startswith("'") else bytes.fromhex(shown)


def test_the_client_may_give_up(table: Dialogue) -> None:
    answer = table.say(Query("COPY t FROM STDIN"), CopyData(b"1\tx\n"), CopyFail("no more"))
    assert answer == ["G 0 2", "E 57014 COPY from stdin failed: no more", "Z I"]
    assert table.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_bad_data_undo_the_copy_and_the_rest_is_ignored(table: Dialogue) -> None:
    answer = table.say(
        Query("COPY t FROM STDIN"),
        CopyData(b"1\tx\n2\ty\tz\n"),
        CopyData(b"3\tx\n"),
        CopyDone(),
        Query("SELECT 1"),
    )
    assert answer[:3] == ["G 0 2", "E 22P04 extra data after last expected column", "Z I"]
    assert answer[4] == "D 1"
    bad = table.say(Query("COPY t FROM STDIN"), CopyData(b"x\ty\n"), CopyDone())
    assert bad[1].startswith("E 22P02 ")
    assert table.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_another_message_ends_the_copy(table: Dialogue) -> None:
    assert table.say(Query("COPY t FROM STDIN"), Query("SELECT 1")) == [
        "G 0 2",
        "E 08P01 unexpected message Query during COPY from stdin",
        "Z I",
    ]


def test_by_extended_query(table: Dialogue) -> None:
    prefix = (Parse("", "COPY t FROM STDIN"), Bind("", ""), Execute(""))
    assert table.say(*prefix, CopyData(b"1\tx\n"), CopyDone(), Sync()) == ["1", "2", "G 0 2", "C COPY 1", "Z I"]
    out = (Parse("", "COPY t TO STDOUT"), Bind("", ""), Execute(""), Sync())
    assert table.say(*out) == ["1", "2", "H 0 2", r"d '1\tx\n'", "c", "C COPY 1", "Z I"]


def test_inside_a_block(table: Dialogue) -> None:
    table.say(Query("BEGIN"))
    assert table.say(Query("COPY t FROM STDIN"), CopyData(b"1\tx\n"), CopyDone())[-1] == "Z T"
    table.say(Query("ROLLBACK"))
    assert table.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_many_rows(table: Dialogue) -> None:
    data = [
        CopyData(b"".join(b"%d\tn%d\n" % (n, n) for n in range(start, start + 10_000)))
        for start in range(0, 120_000, 10_000)
    ]
    assert table.say(Query("COPY t FROM STDIN"), *data, CopyDone())[-2] == "C COPY 120000"
    assert table.say(Query("SELECT count(*), sum(a), count(DISTINCT b) FROM t"))[1] == "D 120000,7199940000,120000"


def test_a_table_that_is_not_there(table: Dialogue) -> None:
    assert table.say(Query("COPY nope FROM STDIN"))[0].startswith("E 42P01 ")
    assert table.say(Query("COPY nope TO STDOUT"))[0].startswith("E 42P01 ")
