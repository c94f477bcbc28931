"""Connections: startup, refusals, cancel, silence, the end."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

import duckdb
import psycopg
import pytest
from raw_client import GSSENC_REQUEST, SSL_REQUEST, Address, RawClient, Serve, query, startup

from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.server.listener import Server
from rvbbit_proxy.session.session import open_session
from rvbbit_proxy.session.state import Services
from rvbbit_proxy.settings import RunOptions

SLOW = "SELECT count(*) FROM range(100000000000) AS t(i) WHERE i % 7 = 3"


def connect(address: Address) -> RawClient:
    return RawClient(address.host, address.port)


def test_a_session(serve: Serve) -> None:
    with connect(serve()) as client:
        client.log_in()
        client.send(query("SELECT 1 AS a"))
        assert client.hear() == ["T a:23", "D 1", "C SELECT 1", "Z I"]


def test_encryption_is_declined_where_there_is_none(serve: Serve) -> None:
    with connect(serve()) as client:
        client.send(GSSENC_REQUEST)
        assert client.read(1) == b"N"
        client.send(SSL_REQUEST)
        assert client.read(1) == b"N"
        client.log_in()


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        (startup(database="x"), "E FATAL 28000 no PostgreSQL user name specified in startup packet"),
        (startup(user="a", replication="true"), "E FATAL 0A000 replication connections are not supported"),
        (startup(user="a", nonesuch="1"), 'E FATAL 42704 unrecognized configuration parameter "nonesuch"'),
        (struct.pack("!II", 4, 0), "E FATAL 08P01 invalid length of startup packet"),
        (
            struct.pack("!II", 8, 2 << 16),
            "E FATAL 0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.2",
        ),
    ],
)
def test_bad_startup_packets_are_told(serve: Serve, packet: bytes, answer: str) -> None:
    with connect(serve()) as client:
        client.send(packet)
        assert client.hear() == [answer]


def test_a_newer_protocol_is_negotiated(serve: Serve) -> None:
    with connect(serve()) as client:
        body = b"user\0alice\0_pq_.x\0on\0\0"
        client.send(struct.pack("!II", len(body) + 8, 3 << 16 | 9) + body)
        assert client.hear() == ["v 3.2 _pq_.x", "Z I"]
        assert len(client.key) == 4 + 32


def test_a_message_of_an_unknown_type_ends_the_connection(serve: Serve) -> None:
    with connect(serve()) as client:
        client.log_in()
        client.send(b"!\0\0\0\4")
        assert client.hear() == ["E FATAL 08P01 invalid frontend message type 33"]


def test_a_message_over_the_limit_ends_the_connection(serve: Serve) -> None:
    with connect(serve(max_message_bytes=100)) as client:
        client.log_in()
        client.send(query("SELECT '" + "x" * 100 + "'")[:5])
        assert client.hear() == ["E FATAL 08P01 invalid message length"]


def test_a_message_malformed_inside_costs_only_itself(serve: Serve) -> None:
    with connect(serve()) as client:
        client.log_in()
        client.send(b"Q\0\0\0\6\xff\0")
        assert client.hear() == ['E 22021 invalid byte sequence for encoding "UTF8": 0xff', "Z I"]
        client.send(b"B\0\0\0\5x" + b"S\0\0\0\4")
        assert client.hear() == ["E 08P01 invalid string in message", "Z I"]
        client.send(query("SELECT 1 AS a"))
        assert client.hear()[1] == "D 1"


def test_too_many_connections(serve: Serve) -> None:
    address = serve(max_connections=1)
    with connect(address) as first, connect(address) as second:
        first.log_in()
        second.send(startup(user="b"))
        assert second.hear() == ["E FATAL 53300 sorry, too many clients already"]
        first.send(b"X\0\0\0\4")
        assert first.hear() == []


def test_whoever_never_starts_is_cut_off(serve: Serve) -> None:
    with connect(serve(startup_timeout_s=0.05)) as client:
        client.send(b"\0")
        assert client.hear() == []


def test_silence_can_be_limited(serve: Serve) -> None:
    address = serve()
    with connect(address) as client:
        client.log_in()
        client.send(query("SET idle_session_timeout = 20"))
        assert client.hear()[-1] == "Z I"
        assert client.hear() == ["E FATAL 57P05 terminating connection due to idle-session timeout"]
    with connect(address) as client:
        client.log_in()
        client.send(query("SET idle_in_transaction_session_timeout = 20; BEGIN"))
        client.hear()
        assert client.hear() == ["E FATAL 25P03 terminating connection due to idle-in-transaction timeout"]


def test_a_transaction_can_be_limited(serve: Serve) -> None:
    with connect(serve()) as client:
        client.log_in()
        client.send(query("SET transaction_timeout = 20"))
        client.hear()
        client.send(query(SLOW))
        assert client.hear() == ["E 57014 canceling statement due to transaction timeout", "Z I"]
        client.send(query("BEGIN"))
        client.hear()
        assert client.hear() == ["E FATAL 25P04 terminating connection due to transaction timeout"]


def test_cancel_by_key(serve: Serve) -> None:
    address = serve()
    with connect(address) as client:
        client.log_in()

        def cancel(key: bytes) -> None:
            with connect(address) as other:
                other.send(struct.pack("!II", 8 + len(key), 80877102) + key)
                assert other.hear() == []

        cancel(client.key)  # nothing runs: nothing happens
        client.send(query("SELECT 1 AS a"))
        assert client.hear()[1] == "D 1"
        client.send(query(SLOW))
        wrong = client.key[:4] + bytes(4)
        cancel(wrong)
        answer: list[str] = []
        thread = threading.Thread(target=lambda: answer.extend(client.hear()))
        thread.start()
        while thread.is_alive():  # the statement may not have begun when the first request comes
            cancel(client.key)
            thread.join(0.02)
        assert answer == ["E 57014 canceling statement due to user request", "Z I"]
        client.send(query("SELECT 2 AS a"))
        assert client.hear()[1] == "D 2"


def test_a_statement_stops_when_its_client_has_gone(serve: Serve) -> None:
    address = serve()
    with connect(address) as client:
        client.log_in()
        client.send(query(SLOW))
        wait_until(lambda: is_busy(address))
    wait_until(lambda: not address.server._connections)


def test_a_statement_runs_on_without_its_client_where_that_is_wanted(serve: Serve) -> None:
    address = serve()
    with connect(address) as client:
        client.log_in()
        client.send(query("SET client_connection_check_interval = 0"))
        client.hear()
        client.send(query(SLOW))
        wait_until(lambda: is_busy(address))
        connection = next(iter(address.server._connections.values()))
        client.socket.shutdown(socket.SHUT_WR)
        wait_until(connection._client.has_hung_up)
        connection.check_client()
        assert is_busy(address)
        connection.cancel()
        assert client.hear() == ["E 57014 canceling statement due to user request", "Z I"]


def test_statement_timeout(serve: Serve) -> None:
    with connect(serve()) as client:
        client.log_in()
        client.send(query("SET statement_timeout = 30"))
        client.hear()
        client.send(query(SLOW))
        assert client.hear() == ["E 57014 canceling statement due to statement timeout", "Z I"]


def test_idle_connections_hear_of_the_shutdown(serve: Serve) -> None:
    address = serve()
    with connect(address) as client:
        client.log_in()
        address.server.shutdown(5)
        assert client.hear() == ["E FATAL 57P01 terminating connection due to administrator command"]
    with pytest.raises(OSError):
        connect(address)


def test_a_running_statement_may_finish_before_the_shutdown(serve: Serve) -> None:
    address = serve()
    with connect(address) as client:
        client.log_in()
        client.send(query("SELECT count(*) AS n FROM range(300000000) AS t(i) WHERE i % 7 = 3"))
        wait_until(lambda: is_busy(address))
        address.server.shutdown(60)
        assert [message[0] for message in client.hear("E")] == ["T", "D", "C", "Z", "E"]


def test_a_statement_that_takes_too_long_is_cancelled_by_the_shutdown(serve: Serve) -> None:
    address = serve()
    with connect(address) as client:
        client.log_in()
        client.send(query(SLOW))
        wait_until(lambda: is_busy(address))
        address.server.shutdown(0)
        assert not address.server._connections


def test_many_connections_at_once(serve: Serve) -> None:
    address = serve()
    with psycopg.connect(address.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (client int, n int)")
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            with psycopg.connect(address.url, autocommit=True) as connection:
                for n in range(20):
                    connection.execute("SET application_name = 'c%d'" % number)  # noqa: UP031
                    connection.execute("SELECT %s::int", (n,))
                with connection.transaction():
                    connection.execute("INSERT INTO t SELECT %s, range FROM range(5)", (number,))
                assert connection.execute("SHOW application_name").fetchone() == (f"c{number}",)
        except (psycopg.Error, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with psycopg.connect(address.url) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (40,)


def is_busy(address: Address) -> bool:
    """Tell whether a statement runs upstream."""
    connections = list(address.server._connections.values())
    sessions = [connection._session for connection in connections if connection._session is not None]
    return any(session.state._running is not None for session in sessions)


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not condition():
        pause.wait(0.005)


def test_a_database_that_is_closed_before_its_clients_leave() -> None:
    """Neither who is connected nor who comes costs the thread an exception, which would fail this test."""
    database = duckdb.connect()
    upstream = DuckDBUpstream(database)
    server = Server(
        "127.0.0.1",
        0,
        lambda client, identity, startup: open_session(
            client, upstream, Services(RunOptions()), identity, startup.parameters
        ),
    )
    address = Address(*server.start(), server)
    with connect(address) as client, connect(address) as late:
        client.log_in()
        client.send(query("BEGIN; CREATE TABLE t (a int)"))
        assert client.hear()[-1] == "Z T"
        database.close()
        late.send(startup(user="b"))
        assert late.hear() == ["E FATAL 08006 the database is closed"]
    server.shutdown(20)
