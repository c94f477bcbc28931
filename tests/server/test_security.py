"""Who may connect, and how: loopback, SCRAM-SHA-256, TLS."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from raw_client import SSL_REQUEST, RawClient, Serve, query, startup

from rvbbit_proxy.errors import ConfigurationFault
from rvbbit_proxy.server.auth import Authentication, load_users
from rvbbit_proxy.server.tls import ServerTls, end_point, load_tls
from rvbbit_proxy.wire.scram import make_verifier

HERE = Path(__file__).parent
USERS = Authentication({"alice": make_verifier("secret", iterations=4096)})


@pytest.fixture
def tls() -> ServerTls:
    return load_tls(HERE / "localhost.cert.pem", HERE / "localhost.key.pem")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_strangers_need_passwords(serve: Serve, host: str) -> None:
    with pytest.raises(ConfigurationFault, match="without passwords"):
        serve(host)


def test_scram(serve: Serve) -> None:
    address = serve("127.0.0.1", authentication=USERS)
    with psycopg.connect(address.url, password="secret") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    for user, password in [("alice", "wrong"), ("bob", "secret")]:
        with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
            psycopg.connect(address.url, user=user, password=password)


def test_nothing_is_served_before_the_password(serve: Serve) -> None:
    address = serve(authentication=USERS)
    with RawClient(address.host, address.port) as client:
        client.send(startup(user="alice") + b"Q\0\0\0\x0dSELECT 1\0")
        assert client.hear() == ["E FATAL 08P01 expected password response, got message type 81"]


def test_tls(serve: Serve, tls: ServerTls) -> None:
    address = serve(tls=tls, authentication=USERS)
    root = str(HERE / "localhost.cert.pem")
    with psycopg.connect(address.url, password="secret", sslmode="verify-full", sslrootcert=root) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SELECT count(*) FROM range(100000)").fetchone() == (100000,)
        assert len(connection.execute("SELECT range FROM range(50000)").fetchall()) == 50000


def test_channel_binding(serve: Serve, tls: ServerTls) -> None:
    address = serve(tls=tls, authentication=USERS)
    for wish in ("require", "prefer", "disable"):
        connected = psycopg.connect(address.url, password="secret", sslmode="require", channel_binding=wish)
        with connected as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "alice"'):
        psycopg.connect(address.url, password="no", sslmode="require", channel_binding="require")


def test_a_certificate_between_is_found_out(serve: Serve, tls: ServerTls) -> None:
    """The client sees another certificate than the server's: somebody decrypts between them."""
    address = serve(tls=replace(tls, end_point=b"another"), authentication=USERS)
    with pytest.raises(psycopg.OperationalError, match="SCRAM channel binding check failed"):
        psycopg.connect(address.url, password="secret", sslmode="require", channel_binding="require")


def test_without_tls_or_with_nothing_to_bind_to_no_binding_is_offered(serve: Serve, tls: ServerTls) -> None:
    for settings, mode in (({}, "disable"), ({"tls": replace(tls, end_point=None)}, "require")):
        address = serve(authentication=USERS, **settings)
        with psycopg.connect(address.url, password="secret", sslmode=mode) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="channel binding"):
            psycopg.connect(address.url, password="secret", sslmode=mode, channel_binding="require")


@pytest.mark.parametrize(
    ("algorithm", "hashed"),
    [
        ("2a864886f70d010105", "sha256"),
        ("2a864886f70d01010b", "sha256"),
        ("2a864886f70d01010c", "sha384"),
        ("2a8648ce3d040304", "sha512"),
        ("2b6570", None),
    ],
)
def test_the_end_point_is_hashed_as_the_certificate_is_signed(algorithm: str, hashed: str | None) -> None:
    body = b"\x30\x82\x01\x2c" + bytes(300)
    name = bytes.fromhex(algorithm)
    signed_by = bytes([0x30, len(name) + 4, 0x06, len(name)]) + name + b"\x05\0"
    parts = body + signed_by + b"\x03\x01\0"
    certificate = b"\x30\x82" + len(parts).to_bytes(2) + parts
    assert end_point(certificate) == (hashed and hashlib.new(hashed, certificate).digest())


def test_bytes_before_the_handshake_are_an_attack(serve: Serve, tls: ServerTls) -> None:
    address = serve(tls=tls)
    with RawClient(address.host, address.port) as client:
        client.send(SSL_REQUEST + startup(user="mallory"))
        assert client.read(1) == b"S"
        assert client.hear() == ["E FATAL 08P01 received unencrypted data after SSL request"]


def test_users_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "users"
    verifier = make_verifier("x")
    file.write_text(f'; our users\n\n"alice" "{verifier}"\n"bob ""b""" "{verifier}"\n')
    assert load_users(file) == {"alice": verifier, 'bob "b"': verifier}


@pytest.mark.parametrize(
    ("text", "fault"), [("alice x", ':2: expected "name"'), ('"a" "plain"', ":2: invalid SCRAM")]
)
def test_faults_in_the_file_have_a_line(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "users"
    file.write_text(f"\n{text}\n")
    with pytest.raises(ConfigurationFault, match=fault):
        load_users(file)
    with pytest.raises(ConfigurationFault, match="users do not load"):
        load_users(tmp_path / "gone")


def test_a_certificate_that_does_not_load_is_a_configuration_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="TLS certificate does not load"):
        load_tls(tmp_path / "gone.pem")


def test_idle_tls_connections_hear_of_the_shutdown(serve: Serve, tls: ServerTls) -> None:
    address = serve(tls=tls)
    context = ssl.create_default_context(cafile=HERE / "localhost.cert.pem")
    with RawClient(address.host, address.port) as client:
        client.send(SSL_REQUEST)
        assert client.read(1) == b"S"
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        client.log_in()
        address.server.shutdown(5)
        assert client.hear() == ["E FATAL 57P01 terminating connection due to administrator command"]


def test_tls_may_begin_with_the_first_byte(serve: Serve, tls: ServerTls) -> None:
    address = serve(tls=tls)
    context = ssl.create_default_context(cafile=HERE / "localhost.cert.pem")
    with RawClient(address.host, address.port) as client:
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        message = "received direct SSL connection request without ALPN protocol negotiation extension"
        assert client.hear() == [f"E FATAL 08P01 {message}"]
    context.set_alpn_protocols(["postgresql"])
    with RawClient(address.host, address.port) as client:
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        client.log_in()
        client.send(query("SELECT 1 AS a"))
        assert client.hear()[1] == "D 1"
    with psycopg.connect(address.url, sslmode="require", sslnegotiation="direct") as connection:
        assert connection.pgconn.ssl_in_use
