"""Whatever bytes a client sends, the server lives, answers or hangs up, and nobody else notices.

``RVBBIT_FUZZ_SECONDS`` sets how long each kind of input is tried (``make fuzz``); the default is for every test run.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import duckdb
import psycopg
import pytest
from dialogue import cut_messages
from dialogue.frontend_text import encode, message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_client import GSSENC_REQUEST, SSL_REQUEST, Address, query, startup

from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.server.listener import Server
from rvbbit_proxy.session.session import open_session
from rvbbit_proxy.session.state import Services
from rvbbit_proxy.settings import RunOptions

SECONDS = float(os.environ.get("RVBBIT_FUZZ_SECONDS", "3"))
PATIENCE_S = 10
STARTUP_LIMIT_S = 5.0
"""Shorter than a test's patience: a client that never finishes its startup packet is sent away."""


LOG_IN = startup(user="eve", database="shop", application_name="fuzz")
SYNC = message(b"S", b"")
CONVERSATIONS: tuple[tuple[bytes, ...], ...] = (
    (LOG_IN, query("SELECT 1; SELECT 'a' AS b"), query(""), message(b"X", b"")),
    (SSL_REQUEST, GSSENC_REQUEST, LOG_IN, query("SHOW server_version")),
    (
        LOG_IN,
        message(b"P", b"s\0SELECT $1::int + $2\0" + struct.pack("!hii", 2, 23, 0)),
        message(b"B", b"p\0s\0" + struct.pack("!hhhhi", 2, 0, 0, 2, 1) + b"7" + struct.pack("!i", 1) + b"8\0\0"),
        message(b"D", b"Pp\0"),
        message(b"E", b"p\0" + struct.pack("!i", 1)),
        message(b"H", b""),
        message(b"C", b"Ss\0"),
        SYNC,
    ),
    (
        LOG_IN,
        query("CREATE TEMP TABLE c (a int, b text)"),
        query("COPY c FROM STDIN"),
        message(b"d", b"1\tx\n2\t\\N\n"),
        message(b"c", b""),
        query("COPY c TO STDOUT (FORMAT binary)"),
        message(b"f", b"no\0"),
    ),
    (LOG_IN, query("BEGIN"), query("DECLARE d CURSOR FOR SELECT 1"), query("FETCH d"), query("SELECT 1/0"), SYNC),
    (LOG_IN, message(b"F", struct.pack("!Ihhh", 1, 0, 0, 0)), message(b"p", b"secret\0"), SYNC),
    (struct.pack("!IIII", 16, 80877102, 1, 2),),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    """One server for all inputs: what one of them breaks, the next would meet."""
    with duckdb.connect() as database:
        upstream = DuckDBUpstream(database)
        server = Server(
            "127.0.0.1",
            0,
            lambda client, identity, packet: open_session(
                client, upstream, Services(RunOptions()), identity, packet.parameters
            ),
            startup_timeout_s=STARTUP_LIMIT_S,
            max_message_bytes=1 << 20,
        )
        yield Address(*server.start(), server)
        server.shutdown(0)


@pytest.fixture(scope="module")
def witness(server: Address) -> Iterator[psycopg.Connection]:  # type: ignore[type-arg]
    """A well-behaved client, connected all the time."""
    with psycopg.connect(server.url, autocommit=True, options="-c statement_timeout=10s") as connection:
        yield connection


def attack(server: Address, parts: Sequence[bytes]) -> None:
    """Send the parts, end the stream, and read until the server hangs up too."""
    with socket.create_connection((server.host, server.port), timeout=PATIENCE_S) as sock:
        try:
            for part in parts:
                sock.sendall(part)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65_536):
                pass
        except TimeoutError:
            raise
        except OSError:
            return  # the server hung up first


Input = TypeVar("Input")


def repeat(inputs: st.SearchStrategy[Input], act: Callable[[Input], None]) -> None:
    """Act on inputs until the time is over, in rounds: hypothesis itself knows no end in time."""
    deadline = time.monotonic() + SECONDS

    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def check(given_input: Input) -> None:
        if time.monotonic() < deadline:
            act(given_input)

    while time.monotonic() < deadline:
        check()


def try_all(
    inputs: st.SearchStrategy[Sequence[bytes]],
    server: Address,
    witness: psycopg.Connection,  # type: ignore[type-arg]
) -> None:
    """Attack with as many inputs as the time allows; after each the witness is still answered."""

    def act(parts: Sequence[bytes]) -> None:
        attack(server, parts)
        assert witness.execute("SELECT 1").fetchone() == (1,)

    repeat(inputs, act)


@st.composite
def mutated(draw: st.DrawFn) -> list[bytes]:
    """Return a valid conversation with some of its bytes, parts and lengths changed."""
    parts = list(draw(st.sampled_from(CONVERSATIONS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(parts) - 1))
        change = draw(st.sampled_from(("byte", "cut", "drop", "twice", "swap", "length", "insert")))
        part = parts[place]
        at = draw(st.integers(0, max(0, len(part) - 1)))
        if change == "byte":
            parts[place] = part[:at] + draw(st.binary(min_size=1, max_size=1)) + part[at + 1 :]
        elif change == "cut":
            parts[place] = part[:at]
        elif change == "drop" and len(parts) > 1:
            del parts[place]
        elif change == "twice":
            parts.insert(place, part)
        elif change == "swap":
            other = draw(st.integers(0, len(parts) - 1))
            parts[place], parts[other] = parts[other], part
        elif change == "length":
            length = struct.pack("!I", draw(st.integers(0, 2**32 - 1)))
            start = 0 if place == 0 else 1
            parts[place] = part[:start] + length + part[start + 4 :]
        elif change == "insert":
            parts[place] = part[:at] + draw(st.binary(max_size=40)) + part[at:]
    return parts


def typed_message() -> st.SearchStrategy[bytes]:
    """Return well-framed messages of any type with any body."""
    return st.builds(
        message, st.sampled_from([bytes((code,)) for code in b"BCDEFHPQSXcdfpZ\0"]), st.binary(max_size=80)
    )


def test_bytes_instead_of_a_startup_packet(server: Address, witness: psycopg.Connection) -> None:  # type: ignore[type-arg]
    packet = st.builds(
        lambda code, body: struct.pack("!II", len(body) + 8, code) + body,
        st.sampled_from((196608, 196610, 131072, 80877102, 80877103, 80877104, 0, 2**32 - 1)),
        st.binary(max_size=60),
    )
    try_all(st.lists(st.one_of(st.binary(max_size=60), packet), max_size=3), server, witness)


def test_bytes_after_the_startup(server: Address, witness: psycopg.Connection) -> None:  # type: ignore[type-arg]
    body = st.lists(st.one_of(st.binary(max_size=60), typed_message()), max_size=6)
    try_all(body.map(lambda parts: [LOG_IN, *parts]), server, witness)


def test_mutated_conversations(server: Address, witness: psycopg.Connection) -> None:  # type: ignore[type-arg]
    try_all(mutated(), server, witness)


STATEMENTS = (
    "SELECT 1 AS a",
    "SELECT $1::int AS a",
    "SELECT i FROM generate_series(1, 5) AS t(i)",
    "SELECT 1/0",
    "SELECT nonesuch",
    "SELEC",
    "",
    "BEGIN",
    "BEGIN READ ONLY",
    "COMMIT",
    "ROLLBACK AND CHAIN",
    "ROLLBACK",
    "SAVEPOINT s",
    "ROLLBACK TO s",
    "RELEASE s",
    "CREATE TEMP TABLE IF NOT EXISTS f (a int)",
    "INSERT INTO f VALUES (1)",
    "COPY (SELECT 1) TO STDOUT",
    "DECLARE c CURSOR FOR SELECT i FROM generate_series(1, 5) AS t(i)",
    "DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 5) AS t(i)",
    "FETCH 2 FROM c",
    "FETCH BACKWARD ALL FROM h",
    "CLOSE c",
    "CLOSE ALL",
    "PREPARE s1 (int) AS SELECT $1 + 1 AS a",
    "EXECUTE s1 (1)",
    "EXECUTE s1 ('x')",
    "DEALLOCATE ALL",
    "LISTEN fuzz",
    "NOTIFY fuzz, 'x'",
    "UNLISTEN *",
    "SET application_name = 'fuzz'",
    "SET LOCAL TimeZone = 'Asia/Tokyo'",
    "SHOW transaction_isolation",
    "RESET ALL",
    "DISCARD ALL",
)
NAMES = st.sampled_from(("-", "s1", "p1", "c", "h"))
VALUES = st.sampled_from(
    ("()", "('1')", "('x') in 0 out 1", "(NULL) in 1", "(\\x00000001) in 1 out 0,1", "('1', '2')")
)
EXTENDED = st.one_of(
    st.builds("Parse {} {}".format, NAMES, st.sampled_from(STATEMENTS)),
    st.builds("Bind {} {} {}".format, NAMES, NAMES, VALUES),
    st.builds("Describe {} {}".format, st.sampled_from("SP"), NAMES),
    st.builds("Execute {} {}".format, NAMES, st.integers(0, 3)),
    st.builds("Close {} {}".format, st.sampled_from("SP"), NAMES),
    st.sampled_from(("Flush", "CopyDone", "CopyData x", "CopyFail no")),
)
SIMPLE = st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=4).map("; ".join).map("Query {}".format)


@st.composite
def turns(draw: st.DrawFn) -> list[list[str]]:
    """Return what a client says in turns, each of which ends in one ReadyForQuery."""
    extended = st.lists(EXTENDED, max_size=8).map(lambda messages: [*messages, "Sync"])
    alone = st.one_of(SIMPLE, st.just("Function 1317 ('abc') in 0 out 0")).map(lambda text: [text])
    return draw(st.lists(st.one_of(alone, extended), min_size=1, max_size=8))


def hold_turns(server: Address, said: Sequence[Sequence[str]]) -> None:
    """Take turns with the server; each is answered to its end, and the session can always be ended well."""
    with socket.create_connection((server.host, server.port), timeout=PATIENCE_S) as sock:
        sock.sendall(LOG_IN)
        hear_ready(sock)
        for turn in said:
            sock.sendall(b"".join(map(encode, turn)))
            hear_ready(sock)
        for text, answer in (("Query ROLLBACK", b"Z"), ("Query SELECT 42 AS a", b"42")):
            sock.sendall(encode(text))
            assert answer in hear_ready(sock)


def hear_ready(sock: socket.socket) -> bytes:
    """Return what comes up to the one ReadyForQuery, which is the last."""
    heard = b""
    while not whole(heard) or "Z" not in (kinds := [kind for kind, _ in cut_messages(heard)]):
        more = sock.recv(65_536)
        assert more, "the server hung up"
        heard += more
    assert kinds.index("Z") == len(kinds) - 1
    return heard


def whole(heard: bytes) -> bool:
    """Tell whether messages end where the bytes do."""
    position = 0
    while position + 5 <= len(heard):
        position += 1 + int.from_bytes(heard[position + 1 : position + 5])
    return 0 < position == len(heard)


def test_any_order_of_messages(server: Address, witness: psycopg.Connection) -> None:  # type: ignore[type-arg]
    def act(said: list[list[str]]) -> None:
        hold_turns(server, said)
        assert witness.execute("SELECT 1").fetchone() == (1,)

    repeat(turns(), act)


def test_unmutated_conversations_and_nothing_left_behind(server: Address, witness: psycopg.Connection) -> None:  # type: ignore[type-arg]
    for conversation in CONVERSATIONS:
        attack(server, conversation)
    assert witness.execute("SELECT 2").fetchone() == (2,)
    waiting = [thread for thread in threading.enumerate() if thread.name == "rvbbit-connection"]
    for thread in waiting[1:]:  # the first is the witness's
        thread.join(PATIENCE_S)
    assert sum(thread.is_alive() for thread in waiting) == 1
