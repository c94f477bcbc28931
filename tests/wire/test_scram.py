"""SCRAM: RFC 7677's example, PostgreSQL's stored form, and what must fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.errors import AuthenticationFailed, InvalidValue, ProtocolError, RvbbitError
from rvbbit_proxy.wire.scram import (
    MECHANISM,
    MECHANISM_PLUS,
    ChannelBindingFault,
    ScramServer,
    ScramState,
    Verifier,
    make_verifier,
    mechanisms,
    mock_verifier,
    parse_verifier,
)

SECRET = b"the server's own"
VERIFIER = make_verifier("pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))


def client_final(password: str, client_first: bytes, server_first: bytes, channel: bytes = b"n,,") -> bytes:
    fields = dict(part.split(b"=", 1) for part in server_first.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    without_proof = b"c=" + base64.b64encode(channel) + b",r=" + fields[b"r"]
    message = b",".join((client_first, server_first, without_proof))
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
    return without_proof + b",p=" + base64.b64encode(proof)


def test_the_example_of_rfc_7677() -> None:
    server = ScramServer("user", VERIFIER, mock_secret=SECRET, nonce="%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    first = server.first(MECHANISM, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    assert first == b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final = server.final(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert final == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert server.state is ScramState.DONE


def test_a_wrong_password_fails() -> None:
    server = ScramServer("user", VERIFIER, mock_secret=SECRET)
    first = server.first(MECHANISM, b"y,,n=,r=abc")
    with pytest.raises(AuthenticationFailed, match='password authentication failed for user "user"'):
        server.final(client_final("pen", b"n=,r=abc", first, b"y,,"))
    assert server.state is ScramState.FAILED
    with pytest.raises(ProtocolError):
        server.final(b"c=biws,r=x,p=x")


def test_a_stranger_looks_like_a_wrong_password() -> None:
    salts = set()
    for _ in range(2):
        server = ScramServer("nobody", None, mock_secret=SECRET)
        first = server.first(MECHANISM, b"n,,n=,r=abc")
        salts.add(first.split(b",")[1])
        with pytest.raises(AuthenticationFailed):
            server.final(client_final("x", b"n=,r=abc", first))
    assert len(salts) == 1
    assert mock_verifier("a", SECRET) != mock_verifier("b", SECRET)


def test_the_nonce_and_the_channel_are_checked() -> None:
    for final in (b"c=biws,r=other,p=" + base64.b64encode(bytes(32)), b"c=eSws,r=abc,p=x", b"junk"):
        server = ScramServer("user", VERIFIER, mock_secret=SECRET)
        server.first(MECHANISM, b"n,,n=,r=abc")
        with pytest.raises(ProtocolError):
            server.final(final)


@pytest.mark.parametrize(
    "data", [None, b"", b"n,,n=,r=", b"p=tls-unique,,n=,r=abc", b"n,a=other,n=,r=abc", b"x,,n=,r=a"]
)
def test_bad_first_messages(data: bytes | None) -> None:
    with pytest.raises(ProtocolError):
        ScramServer("user", VERIFIER, mock_secret=SECRET).first(MECHANISM, data)


def test_another_mechanism() -> None:
    with pytest.raises(ProtocolError):
        ScramServer("user", VERIFIER, mock_secret=SECRET).first("SCRAM-SHA-256-PLUS", b"n,,n=,r=a")


END_POINT = b"the hash of a certificate"
BOUND = b"p=tls-server-end-point,,"


def bound_server() -> ScramServer:
    return ScramServer("user", VERIFIER, mock_secret=SECRET, end_point=END_POINT)


def test_a_proof_is_bound_to_the_channel() -> None:
    assert mechanisms(None) == (MECHANISM,)
    assert mechanisms(END_POINT) == (MECHANISM_PLUS, MECHANISM)
    server = bound_server()
    first = server.first(MECHANISM_PLUS, BOUND + b"n=,r=abc")
    server.final(client_final("pencil", b"n=,r=abc", first, BOUND + END_POINT))
    assert server.state is ScramState.DONE


@pytest.mark.parametrize("channel", [BOUND + b"another certificate's", BOUND, b"n,,", b"y,,"])
def test_a_proof_for_another_channel_is_refused(channel: bytes) -> None:
    server = bound_server()
    first = server.first(MECHANISM_PLUS, BOUND + b"n=,r=abc")
    with pytest.raises(ChannelBindingFault, match="SCRAM channel binding check failed") as raised:
        server.final(client_final("pencil", b"n=,r=abc", first, channel))
    assert raised.value.sqlstate == "28000"
    assert server.state is ScramState.FAILED


def test_a_client_that_was_kept_from_the_offer_is_refused() -> None:
    server = bound_server()
    with pytest.raises(ChannelBindingFault, match="SCRAM channel binding negotiation error"):
        server.first(MECHANISM, b"y,,n=,r=abc")
    assert server.state is ScramState.FAILED
    bound_server().first(MECHANISM, b"n,,n=,r=abc")  # a client that cannot bind may go on


@pytest.mark.parametrize(
    ("mechanism", "first", "told"),
    [
        (MECHANISM_PLUS, b"n,,n=,r=abc", "does not include channel binding data"),
        (MECHANISM_PLUS, b"y,,n=,r=abc", "does not include channel binding data"),
        (MECHANISM, BOUND + b"n=,r=abc", "includes channel binding data"),
        (MECHANISM_PLUS, b"p=tls-unique,,n=,r=abc", 'unsupported SCRAM channel-binding type "tls-unique"'),
        (MECHANISM_PLUS, b"x,,n=,r=abc", 'Unexpected channel-binding flag "x"'),
    ],
)
def test_bad_first_messages_where_binding_is_offered(mechanism: str, first: bytes, told: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        bound_server().first(mechanism, first)
    assert told in f"{raised.value.message} {raised.value.detail}"


def test_verifiers_read_back() -> None:
    assert parse_verifier(str(VERIFIER)) == VERIFIER
    assert VERIFIER.stored_key.hex() not in repr(VERIFIER)
    for text in ("", "md5abc", "SCRAM-SHA-256$4096:AA==$AA==:AA==", "SCRAM-SHA-256$x:AA==$AA==:AA=="):
        with pytest.raises(InvalidValue):
            parse_verifier(text)


def test_postgres_makes_the_same_verifier(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET password_encryption = 'scram-sha-256'")
        connection.execute("CREATE ROLE scram_example PASSWORD 'pencil'")
        row: Any = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_example'"
        ).fetchone()
        connection.execute("DROP ROLE scram_example")
    theirs: Verifier = parse_verifier(row[0])
    assert make_verifier("pencil", salt=theirs.salt, iterations=theirs.iterations) == theirs


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes(first: bytes, final: bytes) -> None:
    server = ScramServer("user", VERIFIER, mock_secret=SECRET)
    try:
        server.first(MECHANISM, first)
    except RvbbitError:
        server = ScramServer("user", VERIFIER, mock_secret=SECRET)
        server.first(MECHANISM, b"n,,n=,r=abc")
    with pytest.raises(RvbbitError):
        server.final(final)
