"""One client's socket: bytes gathered on the way out, frames on the way in. All of it blocks.

A simple query costs one ``recv`` and one ``send``: what is sent waits until the session flushes, or until enough
has gathered.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time

from rvbbit_proxy.errors import ProtocolError
from rvbbit_proxy.session.client import ClientLost
from rvbbit_proxy.wire.framing import LARGE_LIMIT_BYTES, AnyFrame, FrameDecoder
from rvbbit_proxy.wire.frontend import FrontendMessage, decode_message

RECEIVE_BYTES = 65_536
GATHER_BYTES = 65_536
SYNC = b"S"


class ClientSocket:
    """Implements :class:`rvbbit_proxy.session.client.Client` over a socket."""

    def __init__(self, sock: socket.socket, max_message_bytes: int = LARGE_LIMIT_BYTES) -> None:
        self._socket = sock
        self._decoder = FrameDecoder(max_message_bytes)
        self._peeked: AnyFrame | None = None
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._out_lock = threading.Lock()
        self._deadline: float | None = None

    # out

    def send(self, data: bytes) -> None:
        """Take whole messages; they leave when enough has gathered."""
        with self._out_lock:
            self._out.append(data)
            self._out_bytes += len(data)
            if self._out_bytes >= GATHER_BYTES:
                self._send_gathered()

    def flush(self) -> None:
        """Make everything sent leave now."""
        with self._out_lock:
            if self._out:
                self._send_gathered()

    def send_now(self, data: bytes) -> None:
        """Send and flush."""
        self.send(data)
        self.flush()

    def _send_gathered(self) -> None:
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out, self._out_bytes = [], 0
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ClientLost(str(error)) from error

    # in

    def limit_silence(self, seconds: float | None) -> None:
        """Let every receive together take this long from now on; None is for ever."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        if seconds is None:
            self._socket.settimeout(None)

    def receive_frame(self) -> AnyFrame:
        """Return the next frame.

        Raises ClientLost, TimeoutError, or ProtocolError (08P01), after which the stream is lost.
        """
        frame, self._peeked = self._peeked, None
        while frame is None:
            frame = self._decoder.next_frame()
            if frame is None:
                self._decoder.feed(self._receive_bytes())
        return frame

    def receive(self) -> FrontendMessage:
        """Return the next message."""
        return decode_message(self.receive_frame())

    def sync_follows(self) -> bool:
        """Tell whether the next message is here already and is a Sync."""
        if self._peeked is None:
            try:
                self._peeked = self._decoder.next_frame()
            except ProtocolError:
                return False  # receive_frame meets it again
        return self._peeked is not None and getattr(self._peeked, "type", None) == SYNC

    def _receive_bytes(self) -> bytes:
        try:
            if self._deadline is not None:
                self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))
            data = self._socket.recv(RECEIVE_BYTES)
        except TimeoutError:
            raise
        except OSError as error:
            raise ClientLost(str(error)) from error
        if not data:
            raise ClientLost("the client closed the connection")
        return data

    # the socket itself

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on. Raises ProtocolError (08P01) if bytes came in clear behind the request."""
        if self._decoder.buffered_bytes:
            raise ProtocolError(
                "received unencrypted data after SSL request",
                detail="This could be either a client-software bug or evidence of an attempted man-in-the-middle"
                " attack.",
            )
        try:
            self._socket = context.wrap_socket(self._socket, server_side=True)
        except OSError as error:
            raise ClientLost(f"TLS handshake failed: {error}") from error

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return isinstance(self._socket, ssl.SSLSocket)

    def shut_down(self) -> None:
        """End both directions; a blocked receive ends with ClientLost. From any thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was gone already

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
