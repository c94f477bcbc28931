"""COPY on DuckDB answers what a real PostgreSQL answers: rows, tags, errors and their places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dialogue import Dialogue, ScriptedClient, cut_messages

from rvbbit_proxy.engine.postgres_upstream import PostgresUpstream
from rvbbit_proxy.session.session import open_session
from rvbbit_proxy.session.state import Identity, Services
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.wire.frontend import Bind, CopyData, CopyDone, CopyFail, Execute, Parse, Query, Sync

TABLES = """
CREATE TABLE t (id int PRIMARY KEY, note text NOT NULL DEFAULT 'none', price numeric(5,2), day date, fine boolean);
CREATE TABLE v (a int[], b bytea, c timestamptz, d interval, e timestamp, f time, g uuid, h float8, i json, j bigint);
CREATE TABLE "S p" ("A" int, "b,c" text)
"""
BINARY = b"PGCOPY\n\xff\r\n\x00" + bytes(8)


@pytest.fixture
def both(talk: Dialogue, postgres_url: str) -> Iterator[tuple[Dialogue, Dialogue]]:
    """The session on DuckDB, and one on PostgreSQL, which copies by itself."""
    client, upstream = ScriptedClient(), PostgresUpstream(postgres_url)
    session = open_session(client, upstream, Services(RunOptions()), Identity("alice", "shop", "con_1"), {})
    reference = Dialogue(session, client)
    reference.say(Query("CREATE SCHEMA copying; SET search_path = copying"))
    for dialogue in (talk, reference):
        assert dialogue.say(Query(TABLES))[-1] == "Z I"
        dialogue.say(Query("SET TimeZone = 'Europe/Berlin'"))
    yield talk, reference
    reference.say(Query("ROLLBACK"))
    reference.say(Query("DROP SCHEMA copying CASCADE"))
    session.close()
    upstream.close()


def fault(dialogue: Dialogue, sql: str, data: bytes) -> dict[str, str]:
    """Return the fields of the error that a COPY FROM ends with."""
    dialogue.client.incoming.extend((Query(sql), CopyData(data), CopyDone()))
    while dialogue.client.incoming:
        dialogue.session.handle(dialogue.client.incoming.popleft())
    said, dialogue.client.said = dialogue.client.said, b""
    bodies = [body for kind, body in cut_messages(said) if kind == "E"]
    assert len(bodies) == 1, said
    fields = {part[:1].decode(): part[1:].decode() for part in bodies[0].split(b"\0") if part}
    place = fields.get("W", "").splitlines()[-1:]  # PostgreSQL's json says more before it
    return {"C": fields["C"], "M": fields["M"], "W": "".join(place)}


FAULTS = [
    ("COPY t (id) FROM STDIN", b"1\n2\nabc\n"),
    ("COPY t (id) FROM STDIN", b"1\n2147483648\n"),
    ("COPY t (id) FROM STDIN", b"1.5\n"),
    ("COPY t (id) FROM STDIN", b"\n"),
    ("COPY t (id, price) FROM STDIN", b"1\t1\n2\tabc\n"),
    ("COPY t (id, price) FROM STDIN", b"1\t123456\n"),
    ("COPY t (id, day) FROM STDIN", b"1\t2024-02-30\n"),
    ("COPY t (id, day) FROM STDIN", b"1\tsoon\n"),
    ("COPY t (id, fine) FROM STDIN (FORMAT csv)", b'1,t\n2,"may\nbe"\n'),
    ("COPY t (id, fine) FROM STDIN (FORMAT csv, HEADER)", b"id,fine\r\n1,t\r\n2,x\r\n"),
    ("COPY t (id, note) FROM STDIN", b"1\ta\tb\n"),
    ("COPY t (id, note) FROM STDIN", b"1\n"),
    ("COPY t (id, note) FROM STDIN", b"1\tok\n\n"),
    ("COPY t (id, note) FROM STDIN (FORMAT csv)", b'1,"open\n'),
    ("COPY t (id, note) FROM STDIN (FORMAT csv)", b'1,"a\n\nb",c\n'),
    ("COPY t (id, note) FROM STDIN (FORMAT csv, HEADER match)", b"id,nope\n1,x\n"),
    ("COPY t (id, note) FROM STDIN", b"1\t" + b"x" * 200 + b"\ty\n"),
    ("COPY t (day, id) FROM STDIN", b"\\N\t" + b"9" * 150 + b"\n"),
    ("COPY t (id, note) FROM STDIN", b"1\t\xff\n"),
    ("COPY t (id) FROM STDIN (FORMAT binary)", b"nonsense that is long enough to be read"),
    ("COPY t (id) FROM STDIN (FORMAT binary)", BINARY + b"\0\2"),
    ("COPY t (id) FROM STDIN (FORMAT binary)", BINARY + b"\0\1\0\0\0\4\0\0\0\1" + b"\0\1\0\0\0\3abc"),
    ("COPY v (g) FROM STDIN", b"0000\n"),
    ("COPY v (h) FROM STDIN", b"1\n1e400\n"),
    ("COPY v (c) FROM STDIN", b"2024-01-01 10:00\nlater noonish\n"),
    ("COPY v (a) FROM STDIN", b"{1,2}\n{1,x}\n"),
    ("COPY v (b) FROM STDIN", b"\\\\x6\n"),
    ("COPY v (j) FROM STDIN", b"1\n" * 3000 + b"x\n"),
    ("COPY t (id, note) FROM STDIN", b"x\ta\n2\tb\tc\n"),
    ("COPY t (id, day, note) FROM STDIN", b"1\tnever\n"),
    ("COPY t (id, note) FROM STDIN", b"1\ta\n2\t\\xff\n"),
    ("COPY t (id) FROM STDIN (FORMAT binary)", BINARY + b"\0\1\0\0\0\3abc" + b"\0\2"),
    ("COPY v (i) FROM STDIN", b"{}\n{bad\n"),
    ('COPY "S p" FROM STDIN (FORMAT csv)', b"x,1\n"),
]


@pytest.mark.parametrize(("sql", "data"), FAULTS, ids=range(len(FAULTS)))
def test_faults_and_their_places(both: tuple[Dialogue, Dialogue], sql: str, data: bytes) -> None:
    ours, reference = both
    assert fault(ours, sql, data) == fault(reference, sql, data)
    assert ours.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


CONSTRAINTS = [
    ("COPY t (id, note) FROM STDIN", b"1\ta\n2\tb\n1\tc\n", "23505", "COPY t, line 3"),
    ("COPY t (id, note) FROM STDIN", b"1\ta\n2\t\\N\n", "23502", "COPY t, line 2"),
]


@pytest.mark.parametrize(("sql", "data", "sqlstate", "place"), CONSTRAINTS, ids=["unique", "not null"])
def test_constraints(both: tuple[Dialogue, Dialogue], sql: str, data: bytes, sqlstate: str, place: str) -> None:
    for dialogue in both:
        found = fault(dialogue, sql, data)
        assert found["C"] == sqlstate and found["W"].startswith(place)


def test_a_key_that_was_there_before(talk: Dialogue) -> None:
    talk.say(Query("CREATE TABLE t (a text, b int, PRIMARY KEY (a, b)); INSERT INTO t VALUES ('x', 2)"))
    found = fault(talk, "COPY t FROM STDIN", b"x\t1\nx\t2\nx\t3\n")
    assert (found["C"], found["W"]) == ("23505", "COPY t, line 2")


STATEMENTS = [
    "COPY nope FROM STDIN",
    "COPY t (nope) FROM STDIN",
    "COPY t (id, id) FROM STDIN",
    "COPY t FROM STDIN (FORMAT csv, FORCE_NULL (id), FORCE_QUOTE (id))",
    "COPY t (id) FROM STDIN (FORMAT csv, FORCE_NULL (note))",
    "COPY t (id) TO STDOUT (FORMAT csv, FORCE_QUOTE (note))",
    "COPY t FROM STDIN (DELIMITER 'ab')",
    "COPY t FROM STDIN (FORMAT xml)",
    "COPY t TO STDOUT (FORMAT binary, DELIMITER ',')",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_statements_refused(both: tuple[Dialogue, Dialogue], sql: str) -> None:
    answers = [dialogue.say(Query(sql))[0].split(" @")[0][:7] for dialogue in both]
    assert answers[0] == answers[1]


ROWS = [
    ("v (a, b, c)", b"{1,NULL,3}\t\\\\x00ff\t2024-07-01 12:00:00\n{}\t\\\\x\tinfinity\n\\N\t\\N\t\\N\n"),
    ("v (d, e, f)", b"1 day 02:00\t2024-01-01 12:00:00.5\t10:00\n-1 mon\t0044-03-15 12:00:00 BC\t24:00:00\n"),
    (
        "v (g, h, i)",
        b'00000000-0000-0000-0000-00000000000a\tNaN\t{"a": 1}\n\\N\t-Infinity\t\\N\n\\N\t1e-300\t[]\n',
    ),
    ("v (j)", b"9223372036854775807\n-1\n +5\n".replace(b" +5", b" 5")),
    ("t (id, fine, day, price)", b"1\tyes\t2024-1-5\t1.005\n2\toff\tinfinity\t-0.5\n3\tt\t0044-03-15 BC\t1e2\n"),
    ('"S p"', b"1\ta\\tb\\nc\\\\d\n2\t\n3\t\\N\n"),
]


@pytest.mark.parametrize(("target", "data"), ROWS, ids=[target for target, _ in ROWS])
@pytest.mark.parametrize("options", ["", " (FORMAT csv)", " (FORMAT binary)"], ids=["text", "csv", "binary"])
def test_rows_in_and_out_again(both: tuple[Dialogue, Dialogue], target: str, data: bytes, options: str) -> None:
    """What text brought in goes out alike, and what went out of PostgreSQL comes in."""
    said: list[bytes] = []
    for dialogue in both:
        assert dialogue.say(Query(f"COPY {target} FROM STDIN"), CopyData(data), CopyDone())[-2].startswith(
            "C COPY"
        )
        said.append(b"".join(out(dialogue, target, options)))
    assert said[0] == said[1]
    for dialogue in both:
        name = target.partition(" (")[0]
        dialogue.say(Query(f"DELETE FROM {name}"))
        copied = dialogue.say(Query(f"COPY {target} FROM STDIN{options}"), CopyData(said[1]), CopyDone())
        assert copied[-2].startswith("C COPY"), copied
        assert b"".join(out(dialogue, target, options)) == said[1]


def out(dialogue: Dialogue, target: str, options: str) -> list[bytes]:
    dialogue.client.incoming.append(Query(f"COPY {target} TO STDOUT{options}"))
    dialogue.session.handle(dialogue.client.incoming.popleft())
    said, dialogue.client.said = dialogue.client.said, b""
    return [body for kind, body in cut_messages(said) if kind == "d"]


def test_where(both: tuple[Dialogue, Dialogue]) -> None:
    sql = "COPY t (id, price) FROM STDIN (FORMAT csv) WHERE price > 1.5 AND t.id <> 3"
    for dialogue in both:
        answer = dialogue.say(Query(sql), CopyData(b"1,1\n2,2\n3,3\n4,\n"), CopyDone())
        assert answer == ["G 0 2", "C COPY 1", "Z I"]
        assert dialogue.say(Query("SELECT id, note FROM t"))[1] == "D 2,none"


def test_read_only(both: tuple[Dialogue, Dialogue]) -> None:
    for dialogue in both:
        dialogue.say(Query("BEGIN READ ONLY"))
        answer = dialogue.say(Query("COPY t FROM STDIN"))
        assert answer == ["E 25006 cannot execute COPY FROM in a read-only transaction", "Z E"]
        dialogue.say(Query("ROLLBACK"))


def test_generated_columns_are_left_out(both: tuple[Dialogue, Dialogue]) -> None:
    for dialogue in both:
        dialogue.say(Query("CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int)"))
        dialogue.say(Query("CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a * 2), c int)"))
        answer = dialogue.say(Query("COPY g FROM STDIN"), CopyData(b"1\t2\n"), CopyDone())
        assert answer == ["G 0 2", "C COPY 1", "Z I"]
        assert dialogue.say(Query("COPY g TO STDOUT"))[1] == r"d '1\t2\n'"


def test_error_after_rows_have_gone_out(both: tuple[Dialogue, Dialogue]) -> None:
    sql = "COPY (SELECT 10 / (2000000 - i) FROM generate_series(1, 2000000) AS g(i)) TO STDOUT"
    for dialogue in both:
        answer = dialogue.say(Query(sql))
        assert answer[0] == "H 0 1"
        assert answer[-2:] == ["E 22012 division by zero", "Z I"]
        assert "c" not in answer
        assert dialogue.say(Query("SELECT 1"))[1] == "D 1"


BAD = CopyData(b"1\tx\n" * 10 + b"x\ty\n" + b"2\tz\n" * 800_000)
COPY = (Parse("", "COPY t (id, note) FROM STDIN"), Bind("", ""), Execute(""))


@pytest.mark.parametrize("early_sync", [False, True])
def test_extended_errors_skip_to_sync(both: tuple[Dialogue, Dialogue], early_sync: bool) -> None:
    """libpq sends Sync behind Execute, and another behind CopyDone."""
    for dialogue in both:
        messages = (*COPY, Sync()) if early_sync else COPY
        answer = dialogue.say(*messages, BAD, BAD, BAD, CopyDone(), Parse("", "SELECT 1"), Sync())
        assert answer[:3] == ["1", "2", "G 0 2"]
        assert answer[3].startswith("E 22P02 ") and answer[4:] == ["Z I"]
        assert dialogue.say(*COPY, Sync(), CopyData(b"1\tx\n"), CopyDone(), Sync())[-2:] == ["C COPY 1", "Z I"]


def test_the_client_gives_up(both: tuple[Dialogue, Dialogue]) -> None:
    for dialogue in both:
        answer = dialogue.say(*COPY, Sync(), CopyData(b"1\tx\n"), CopyFail("no more"), Sync())
        assert answer == ["1", "2", "G 0 2", "E 57014 COPY from stdin failed: no more", "Z I"]
        assert dialogue.say(Query("SELECT count(*) FROM t"))[1] == "D 0"
        dialogue.say(Query("BEGIN"))
        dialogue.say(Query("COPY t (id) FROM STDIN"), CopyFail("no more"))
        assert dialogue.say(Query("SELECT 1"))[-1] == "Z E"
        dialogue.say(Query("ROLLBACK"))


def test_several_copies_in_one_query(both: tuple[Dialogue, Dialogue]) -> None:
    for dialogue in both:
        answer = dialogue.say(
            Query("COPY t (id) FROM STDIN; COPY t (id) FROM STDIN CSV; COPY t (id) TO STDOUT"),
            CopyData(b"1\n"), CopyDone(), CopyData(b"2\n"), CopyDone(),
        )  # fmt: skip
        assert answer == [
            "G 0 1", "C COPY 1", "G 0 1", "C COPY 1", "H 0 1", r"d '1\n'", r"d '2\n'", "c", "C COPY 2", "Z I",
        ]  # fmt: skip
        failed = dialogue.say(
            Query("COPY t (id) FROM STDIN; COPY t (id) FROM STDIN; SELECT 1"),
            CopyData(b"3\n"), CopyDone(), CopyData(b"x\n"), CopyDone(),
        )  # fmt: skip
        assert failed[:3] == ["G 0 1", "C COPY 1", "G 0 1"] and failed[-1] == "Z I" and len(failed) == 5
        assert dialogue.say(Query("SELECT count(*) FROM t"))[1] == "D 2"


def test_nothing_is_copied(both: tuple[Dialogue, Dialogue]) -> None:
    for dialogue in both:
        assert dialogue.say(Query("COPY t FROM STDIN"), CopyDone()) == ["G 0 5", "C COPY 0", "Z I"]
        assert dialogue.say(Query("COPY t TO STDOUT")) == ["H 0 5", "c", "C COPY 0", "Z I"]
        empty = dialogue.say(Query("COPY t (id) TO STDOUT (FORMAT csv, HEADER)"))
        assert empty == ["H 0 1", r"d 'id\n'", "c", "C COPY 0", "Z I"]
        binary = dialogue.say(Query("COPY t FROM STDIN BINARY"), CopyData(BINARY + b"\xff\xff"), CopyDone())
        assert binary == ["G 1 5", "C COPY 0", "Z I"]


def test_types_of_duckdb_come_back(talk: Dialogue) -> None:
    talk.say(Query("CREATE TYPE mood AS ENUM ('sad', 'glad')"))
    talk.say(
        Query(
            "CREATE TABLE d (a mood, b STRUCT(x int, y text), c MAP(text, int), d HUGEINT, e TIMETZ, f text[], g VARBIT)"
        )
    )
    talk.say(
        Query(
            "INSERT INTO d VALUES ('glad', {'x': 1, 'y': 'q'}, MAP {'k': 2}, 170141183460469231731687303715884105727,"
            " '10:00:00+02', ['a', NULL, 'b c'], '0101'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
        )
    )
    for options in ("", " (FORMAT csv)", " (FORMAT binary)"):
        before = out(talk, "d", options)
        assert len(before) >= 2
        talk.say(Query("CREATE TABLE kept AS FROM d"))
        talk.say(Query("DELETE FROM d"))
        copied = talk.say(Query(f"COPY d FROM STDIN{options}"), CopyData(b"".join(before)), CopyDone())
        assert copied[-2] == "C COPY 2", copied
        assert out(talk, "d", options) == before
        assert talk.say(Query("SELECT count(*) FROM (FROM d EXCEPT FROM kept)"))[1] == "D 0"
        talk.say(Query("DROP TABLE kept"))
    found = fault(talk, "COPY d (a) FROM STDIN", b"sad\nangry\n")
    assert (found["C"], found["W"]) == ("22P02", 'COPY d, line 2, column a: "angry"')
