"""Frontend messages: golden bytes, and nothing but errors of ours from any others."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rvbbit_proxy.errors import InvalidEncoding, InvalidValue, NotSupported, ProtocolError, RvbbitError
from rvbbit_proxy.wire import frontend
from rvbbit_proxy.wire.framing import FRONTEND_TYPES, Frame, StartupFrame
from rvbbit_proxy.wire.frontend import decode_authentication, decode_message, decode_startup

V3_0, V3_2 = 196608, 196610

GOLDEN = [
    (b"Q", b"SELECT 1\0", frontend.Query("SELECT 1")),
    (b"P", b"s\0SELECT $1\0\0\2\0\0\0\x17\0\0\0\0", frontend.Parse("s", "SELECT $1", (23, 0))),
    (
        b"B",
        b"p\0s\0\0\1\0\1\0\2\0\0\0\2hi\xff\xff\xff\xff\0\2\0\0\0\1",
        frontend.Bind("p", "s", (1,), (b"hi", None), (0, 1)),
    ),
    (b"D", b"Ss\0", frontend.Describe("S", "s")),
    (b"C", b"P\0", frontend.Close("P", "")),
    (b"E", b"\0\0\0\0\5", frontend.Execute("", 5)),
    (b"E", b"\0\xff\xff\xff\xff", frontend.Execute("", 0)),
    (b"S", b"", frontend.Sync()),
    (b"H", b"", frontend.Flush()),
    (b"X", b"", frontend.Terminate()),
    (b"d", b"a\0b", frontend.CopyData(b"a\0b")),
    (b"c", b"", frontend.CopyDone()),
    (b"f", b"why\0", frontend.CopyFail("why")),
    (b"F", b"\0\0\0\7\0\1\0\0\0\1\0\0\0\1x\0\1", frontend.FunctionCall(7, (0,), (b"x",), 1)),
]


@pytest.mark.parametrize(("kind", "body", "message"), GOLDEN)
def test_golden(kind: bytes, body: bytes, message: frontend.FrontendMessage) -> None:
    assert decode_message(Frame(kind, body)) == message


@pytest.mark.parametrize(("kind", "body", "message"), GOLDEN)
def test_every_cut_and_every_byte_too_many_is_refused(
    kind: bytes, body: bytes, message: frontend.FrontendMessage
) -> None:
    if kind == b"d":
        return
    for end in range(len(body)):
        with pytest.raises(ProtocolError):
            decode_message(Frame(kind, body[:end]))
    with pytest.raises(ProtocolError):
        decode_message(Frame(kind, body + b"x"))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"P", b"\0\0\xff\xff"),
        (b"B", b"\0\0\xff\xff"),
        (b"B", b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"),
        (b"B", b"\0\0\0\2\0\0\0\1\0\1\xff\xff\xff\xff\0\0"),
        (b"D", b"X\0"),
        (b"p", b"secret\0"),
    ],
)
def test_bad_counts_lengths_and_codes(kind: bytes, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_message(Frame(kind, body))


def test_formats_are_text_or_binary() -> None:
    with pytest.raises(InvalidValue, match="unsupported format code: 2"):
        decode_message(Frame(b"B", b"\0\0\0\1\0\2\0\0\0\0"))


def test_text_must_be_utf8() -> None:
    with pytest.raises(InvalidEncoding) as caught:
        decode_message(Frame(b"Q", b"SELECT '\xff'\0"))
    assert caught.value.sqlstate == "22021"
    assert caught.value.message == 'invalid byte sequence for encoding "UTF8": 0xff'


def test_startup() -> None:
    startup = decode_startup(StartupFrame(V3_0, b"user\0me\0database\0d\0\0"))
    assert isinstance(startup, frontend.Startup)
    assert dict(startup.parameters) == {"user": "me", "database": "d"}
    assert not startup.needs_negotiation


def test_newer_protocols_are_negotiated() -> None:
    startup = decode_startup(StartupFrame(V3_2 + 5, b"user\0me\0_pq_.x\0001\0\0"))
    assert isinstance(startup, frontend.Startup)
    assert (startup.minor, startup.accepted_minor) == (7, 2)
    assert startup.needs_negotiation
    assert startup.unknown_options == ("_pq_.x",)


@pytest.mark.parametrize("body", [b"", b"user\0", b"user\0me\0", b"user\0me\0\0x"])
def test_bad_startup(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_startup(StartupFrame(V3_0, body))


def test_protocol_2_is_refused() -> None:
    with pytest.raises(NotSupported, match=r"unsupported frontend protocol 2\.0"):
        decode_startup(StartupFrame(131072, b""))


def test_requests() -> None:
    assert decode_startup(StartupFrame(80877103, b"")) == frontend.SslRequest()
    assert decode_startup(StartupFrame(80877104, b"")) == frontend.GssEncRequest()
    cancel = decode_startup(StartupFrame(80877102, struct.pack("!I", 4_000_000_000) + b"longer key"))
    assert cancel == frontend.CancelRequest(4_000_000_000, b"longer key")
    assert "longer" not in repr(cancel)
    for body in (b"", b"\0\0\0\1abc", b"\0\0\0\1" + bytes(257)):
        with pytest.raises(ProtocolError):
            decode_startup(StartupFrame(80877102, body))


def test_authentication() -> None:
    initial = Frame(b"p", b"SCRAM-SHA-256\0\0\0\0\3n,,")
    assert decode_authentication(initial, "sasl_initial") == frontend.SASLInitialResponse("SCRAM-SHA-256", b"n,,")
    assert decode_authentication(Frame(b"p", b"c=biws"), "sasl") == frontend.SASLResponse(b"c=biws")
    password = decode_authentication(Frame(b"p", b"pass\0"), "password")
    assert password == frontend.PasswordMessage("pass")
    assert "pass\\" not in repr(password) and "'pass'" not in repr(password)
    with pytest.raises(ProtocolError, match="expected password response"):
        decode_authentication(Frame(b"Q", b"\0"), "password")


@given(st.sampled_from(sorted(FRONTEND_TYPES)), st.binary(max_size=60))
@example(ord("B"), b"\0\0\0\0\xff\xff")
def test_any_body_of_a_message(kind: int, body: bytes) -> None:
    try:
        decode_message(Frame(bytes((kind,)), body))
    except RvbbitError as exc:
        assert exc.sqlstate in ("08P01", "22021")


@given(
    st.sampled_from([V3_0, V3_2, 80877102, 80877103, 80877104]) | st.integers(0, 2**32 - 1), st.binary(max_size=60)
)
def test_any_startup_packet(code: int, body: bytes) -> None:
    try:
        decode_startup(StartupFrame(code, body))
    except RvbbitError as exc:
        assert exc.sqlstate in ("08P01", "22021", "0A000")


@given(st.sampled_from(["password", "sasl_initial", "sasl"]), st.binary(max_size=60))
def test_any_authentication_body(expected: frontend.Expected, body: bytes) -> None:
    try:
        decode_authentication(Frame(b"p", body), expected)
    except RvbbitError as exc:
        assert exc.sqlstate in ("08P01", "22021")
