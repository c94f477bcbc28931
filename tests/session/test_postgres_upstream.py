"""Sessions in front of a real PostgreSQL: its own parameters, cursors and transactions stay its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dialogue import Dialogue, ScriptedClient, tell_all

from rvbbit_proxy.engine.postgres_upstream import PostgresUpstream
from rvbbit_proxy.session.session import open_session
from rvbbit_proxy.session.state import Identity, Services
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.wire.frontend import Bind, CopyData, CopyDone, Describe, Execute, Parse, Query, Sync


@pytest.fixture
def talk(postgres_url: str) -> Iterator[Dialogue]:
    client = ScriptedClient()
    upstream = PostgresUpstream(postgres_url)
    startup = {
        "application_name": "shop",
        "options": "-c rvbbit.caller_id=me -c work_mem=8MB -c statement_timeout=9s",
    }
    session = open_session(client, upstream, Services(RunOptions()), Identity("alice", "shop", "con_1"), startup)
    yield Dialogue(session, client)
    session.close()
    upstream.close()


def test_the_client_hears_what_postgresql_reports(talk: Dialogue) -> None:
    told = tell_all(talk.client.said)
    version = talk.session.state.upstream.fetch("SELECT current_setting('server_version') AS v").to_pylist()[0][
        "v"
    ]
    assert f"S server_version={version}" in told
    assert "S application_name=shop" in told


def test_parameters_are_postgresqls_and_ours(talk: Dialogue) -> None:
    talk.heard()
    assert talk.say(Query("SHOW work_mem"))[1] == "D 8MB"
    assert talk.say(Query("SHOW statement_timeout"))[1] == "D 9s"
    assert talk.say(Query("SHOW rvbbit.caller_id"))[1] == "D me"
    assert talk.say(Query("SET TimeZone = 'Asia/Tokyo'")) == ["C SET", "S TimeZone=Asia/Tokyo", "Z I"]
    assert talk.say(Query("SELECT TIMESTAMPTZ '2026-01-01 12:00:00+00'"))[1] == "D 2026-01-01 21:00:00+09"
    assert talk.say(Query("SET nonesuch = 1"))[0].startswith("E 42704 ")
    assert talk.say(Query("BEGIN; SET application_name = 'x'"))[-3:] == ["C SET", "S application_name=x", "Z T"]
    assert talk.say(Query("ROLLBACK")) == ["C ROLLBACK", "S application_name=shop", "Z I"]
    assert talk.say(Query("SELECT current_setting('application_name') AS a"))[1] == "D shop"
    set_config = Query("SELECT set_config('application_name', 'y', false)")
    assert talk.say(set_config) == ["T set_config:25", "D y", "C SELECT 1", "S application_name=y", "Z I"]
    assert talk.say(Query("RESET ALL"))[0] == "C RESET"
    assert talk.say(Query("SHOW statement_timeout"))[1] == "D 9s"
    assert talk.say(Query("SELECT current_setting('application_name') AS a"))[1] == "D shop"


def test_transactions(talk: Dialogue) -> None:
    talk.heard()
    talk.say(Query("CREATE TEMP TABLE t (a int)"))
    assert talk.say(Query("INSERT INTO t VALUES (1); SELECT nope"))[1].startswith("E 42703 ")
    talk.say(Query("BEGIN; INSERT INTO t VALUES (2); SAVEPOINT s; INSERT INTO t VALUES (3)"))
    assert talk.say(Query("SELECT nope"))[-1] == "Z E"
    assert talk.say(Query("ROLLBACK TO s"))[-1] == "Z T"
    talk.say(Query("COMMIT"))
    assert talk.say(Query("SELECT a FROM t"))[1:-1] == ["D 2", "C SELECT 1"]


def test_an_error_of_ours_fails_postgresqls_transaction_too(talk: Dialogue) -> None:
    talk.heard()
    talk.say(Query("CREATE TEMP TABLE t (a int)"))
    talk.say(Query("BEGIN; INSERT INTO t VALUES (1)"))
    assert talk.say(Query("SHOW rvbbit.nonesuch"))[-1] == "Z E"
    assert talk.say(Query("COMMIT")) == ["C ROLLBACK", "Z I"]
    assert talk.say(Query("SELECT count(*) FROM t"))[1] == "D 0"


def test_cursors_are_postgresqls_own(talk: Dialogue) -> None:
    talk.heard()
    talk.say(Query("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT generate_series(1, 5) AS i"))
    assert talk.say(Query("FETCH 2 FROM c")) == ["T i:23", "D 1", "D 2", "C FETCH 2", "Z T"]
    assert talk.say(Query("FETCH PRIOR FROM c"))[1] == "D 1"
    assert talk.say(Query("MOVE ALL FROM c; CLOSE c; COMMIT"))[:-1] == ["C MOVE 4", "C CLOSE CURSOR", "C COMMIT"]


def test_extended(talk: Dialogue) -> None:
    talk.heard()
    assert talk.say(
        Parse("s", "SELECT $1::int + 1 AS a, $2 || 'x' AS b"),
        Describe("S", "s"),
        Bind("", "s", (1, 0), (b"\0\0\0\x29", b"y"), (1, 0)),
        Execute(""),
        Sync(),
    ) == ["1", "t 23,25", "T a:23,b:25", "2", "D x0000002a,yx", "C SELECT 1", "Z I"]
    talk.say(Query("BEGIN"))
    assert talk.say(Parse("", "SELECT generate_series(1, 3) AS i"), Bind("p", ""), Execute("p", 2), Sync()) == [
        "1",
        "2",
        "D 1",
        "D 2",
        "s",
        "Z T",
    ]
    assert talk.say(Execute("p"), Sync()) == ["D 3", "C SELECT 1", "Z T"]


def test_copy(talk: Dialogue) -> None:
    talk.heard()
    talk.say(Query("CREATE TEMP TABLE t (a int, b int[], c bytea, d timestamptz)"))
    lines = b"1\t{1,2}\t\\\\x61\t2026-01-01 12:00:00+00\n2\t\\N\t\\N\t\\N\n"
    assert talk.say(Query("COPY t FROM STDIN"), CopyData(lines), CopyDone()) == ["G 0 4", "C COPY 2", "Z I"]
    out = talk.say(Query("COPY t TO STDOUT"))
    assert out[1:3] == [r"d '1\t{1,2}\t\\\\x61\t2026-01-01 12:00:00+00\n'", r"d '2\t\\N\t\\N\t\\N\n'"]
    binary = talk.say(Query("COPY t TO STDOUT (FORMAT binary)"))
    data = [CopyData(bytes.fromhex(message[2:])) for message in binary if message.startswith("d ")]
    assert talk.say(Query("COPY t FROM STDIN (FORMAT binary)"), *data, CopyDone())[1] == "C COPY 2"
    assert talk.say(Query("SELECT count(*), count(DISTINCT d) FROM t"))[1] == "D 4,1"


def test_prepared_statements(talk: Dialogue) -> None:
    talk.heard()
    talk.say(Query("PREPARE q (int, text) AS SELECT $1 + 1 AS a, $2 AS b"))
    assert talk.say(Query("EXECUTE q(2, 'x')"))[1] == "D 3,x"


def test_discard_all(talk: Dialogue) -> None:
    talk.heard()
    talk.say(Query("CREATE TEMP TABLE gone (a int); SET rvbbit.caller_id = 'x'"))
    assert talk.say(Query("DISCARD ALL"))[-2:] == ["C DISCARD ALL", "Z I"]
    assert talk.say(Query("SELECT * FROM gone"))[0].startswith("E 42P01 ")
    assert talk.say(Query("SHOW rvbbit.caller_id"))[1] == "D me"
