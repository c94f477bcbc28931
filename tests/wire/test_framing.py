"""The frame decoder: whole frames from bytes cut anywhere, and nothing but ProtocolError from bad ones."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.errors import ProtocolError
from rvbbit_proxy.wire.framing import AnyFrame, Frame, FrameDecoder, Phase, StartupFrame

STARTUP = struct.pack("!II", 8 + 10, 196608) + b"user\0me\0\0\0"[:10]
SSL_REQUEST = struct.pack("!II", 8, 80877103)
QUERY = b"Q" + struct.pack("!I", 4 + 9) + b"SELECT 1\0"
SYNC = b"S\0\0\0\4"


def frames_of(decoder: FrameDecoder) -> list[AnyFrame]:
    frames = []
    while (frame := decoder.next_frame()) is not None:
        frames.append(frame)
    return frames


@given(st.lists(st.integers(1, 12), min_size=1))
def test_cuts_do_not_matter(sizes: list[int]) -> None:
    data = SSL_REQUEST + STARTUP + QUERY + SYNC + QUERY
    whole = FrameDecoder()
    whole.feed(data)
    expected = frames_of(whole)
    decoder, frames, place = FrameDecoder(), [], 0
    while place < len(data):
        size = sizes[place % len(sizes)]
        decoder.feed(data[place : place + size])
        frames += frames_of(decoder)
        place += size
    assert frames == expected
    assert [type(frame) for frame in frames] == [StartupFrame, StartupFrame, Frame, Frame, Frame]
    assert decoder.buffered_bytes == 0


def test_a_request_leaves_the_startup_phase_open() -> None:
    decoder = FrameDecoder()
    decoder.feed(SSL_REQUEST)
    assert decoder.next_frame() == StartupFrame(80877103, b"")
    assert decoder.phase is Phase.STARTUP
    decoder.feed(STARTUP)
    assert isinstance(decoder.next_frame(), StartupFrame)
    assert decoder.phase is Phase.MESSAGES


def test_bytes_behind_an_ssl_request_are_seen() -> None:
    decoder = FrameDecoder()
    decoder.feed(SSL_REQUEST + b"x")
    decoder.next_frame()
    assert decoder.buffered_bytes == 1


@pytest.mark.parametrize("length", [0, 4, 7, 10_001, 2**32 - 1])
def test_bad_startup_length(length: int) -> None:
    decoder = FrameDecoder()
    decoder.feed(struct.pack("!I", length))
    with pytest.raises(ProtocolError) as caught:
        decoder.next_frame()
    assert caught.value.sqlstate == "08P01"


@pytest.mark.parametrize("header", [b"Q\0\0\0\3", b"Q\xff\xff\xff\xff", b"S" + struct.pack("!I", 10_005)])
def test_bad_length_is_refused_before_its_body_comes(header: bytes) -> None:
    decoder = FrameDecoder(phase=Phase.MESSAGES)
    decoder.feed(header)
    with pytest.raises(ProtocolError):
        decoder.next_frame()


def test_the_limit_is_the_constructors() -> None:
    decoder = FrameDecoder(max_message_bytes=8, phase=Phase.MESSAGES)
    decoder.feed(b"d" + struct.pack("!I", 12) + b"12345678")
    assert decoder.next_frame() == Frame(b"d", b"12345678")
    decoder.feed(b"d" + struct.pack("!I", 13))
    with pytest.raises(ProtocolError):
        decoder.next_frame()


def test_unknown_type_is_refused_at_once() -> None:
    decoder = FrameDecoder(phase=Phase.MESSAGES)
    decoder.feed(b"!")
    with pytest.raises(ProtocolError, match="invalid frontend message type 33"):
        decoder.next_frame()


@given(st.binary(max_size=100), st.sampled_from(list(Phase)))
def test_any_bytes(data: bytes, phase: Phase) -> None:
    decoder = FrameDecoder(phase=phase)
    decoder.feed(data)
    try:
        frames_of(decoder)
    except ProtocolError:
        pass
