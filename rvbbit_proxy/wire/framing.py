"""Cut the byte stream of a client into frames, without doing any I/O.

In the style of h11: :meth:`FrameDecoder.feed` takes bytes as they come, :meth:`FrameDecoder.next_frame` gives the
next whole frame or None. What a frame means is ``frontend``'s matter.
Source: https://www.postgresql.org/docs/16/protocol-message-formats.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from rvbbit_proxy.errors import ProtocolError

CANCEL_REQUEST_CODE = 80877102
SSL_REQUEST_CODE = 80877103
GSSENC_REQUEST_CODE = 80877104
REQUEST_CODES = frozenset({CANCEL_REQUEST_CODE, SSL_REQUEST_CODE, GSSENC_REQUEST_CODE})

STARTUP_LIMIT_BYTES = 10_000
SMALL_LIMIT_BYTES = 10_000
AUTHENTICATION_LIMIT_BYTES = 65_535
LARGE_LIMIT_BYTES = 2**30 - 2
"""What PostgreSQL accepts at most in a message that may be large."""

LARGE_TYPES = frozenset(b"BFPQd")
SMALL_TYPES = frozenset(b"CDEHSXcf")
AUTHENTICATION_TYPES = frozenset(b"p")
FRONTEND_TYPES = LARGE_TYPES | SMALL_TYPES | AUTHENTICATION_TYPES
_LIMITS_BYTES = (
    dict.fromkeys(LARGE_TYPES, LARGE_LIMIT_BYTES)
    | dict.fromkeys(SMALL_TYPES, SMALL_LIMIT_BYTES)
    | dict.fromkeys(AUTHENTICATION_TYPES, AUTHENTICATION_LIMIT_BYTES)
)
_TYPES = {code: bytes((code,)) for code in FRONTEND_TYPES}
_unpack_length = struct.Struct("!I").unpack_from


@dataclass(frozen=True, slots=True)
class StartupFrame:
    """A packet without a type byte: ``code`` is a protocol version or a request code."""

    code: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """A typed message; ``type`` is one byte, ``body`` what follows the length."""

    type: bytes
    body: bytes


AnyFrame: TypeAlias = StartupFrame | Frame


class Phase(Enum):
    """What the decoder expects next."""

    STARTUP = "startup"
    MESSAGES = "messages"


class FrameDecoder:
    """Bytes in, frames out.

    Starts in the startup phase and leaves it with the first packet that is no SSLRequest, GSSENCRequest or
    CancelRequest. After a ProtocolError the stream is lost: the connection must end.
    """

    def __init__(self, max_message_bytes: int = LARGE_LIMIT_BYTES, *, phase: Phase = Phase.STARTUP) -> None:
        self.phase = phase
        self._limits_bytes = {code: min(limit, max_message_bytes) for code, limit in _LIMITS_BYTES.items()}
        self._buffer = bytearray()
        self._start = 0

    @property
    def buffered_bytes(self) -> int:
        """How many bytes wait for the rest of their frame.

        Must be 0 when TLS begins: bytes sent in clear after an SSLRequest are an attack (CVE-2021-23222).
        """
        return len(self._buffer) - self._start

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes as they came from the client."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def next_frame(self) -> AnyFrame | None:
        """Return the next whole frame, or None until more bytes are fed.

        Raises ProtocolError for an unknown type or a length that PostgreSQL refuses, before its body arrives.
        """
        if self.phase is Phase.STARTUP:
            return self._next_startup_frame()
        return self._next_typed_frame()

    def _next_startup_frame(self) -> StartupFrame | None:
        if self.buffered_bytes < 4:
            return None
        (length,) = _unpack_length(self._buffer, self._start)
        if not 8 <= length <= STARTUP_LIMIT_BYTES:
            raise ProtocolError("invalid length of startup packet")
        if self.buffered_bytes < length:
            return None
        (code,) = _unpack_length(self._buffer, self._start + 4)
        body = self._take(8, length)
        if code not in REQUEST_CODES:
            self.phase = Phase.MESSAGES
        return StartupFrame(code, body)

    def _next_typed_frame(self) -> Frame | None:
        buffered = len(self._buffer) - self._start
        if not buffered:
            return None
        type_code = self._buffer[self._start]
        limit_bytes = self._limits_bytes.get(type_code)
        if limit_bytes is None:
            raise ProtocolError(f"invalid frontend message type {type_code}")
        if buffered < 5:
            return None
        (length,) = _unpack_length(self._buffer, self._start + 1)
        if not 4 <= length <= limit_bytes + 4:
            raise ProtocolError(
                "invalid message length", detail=f"Message type {chr(type_code)!r} has length {length}."
            )
        if buffered < length + 1:
            return None
        return Frame(_TYPES[type_code], self._take(5, length + 1))

    def _take(self, begin: int, end: int) -> bytes:
        """Return the buffer between these offsets from the frame's start, and step over it."""
        with memoryview(self._buffer) as view:
            body = bytes(view[self._start + begin : self._start + end])
        self._start += end
        return body
