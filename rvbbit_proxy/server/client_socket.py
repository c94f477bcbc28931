"""One client's socket: bytes gathered on the way out, frames on the way in. All of it blocks.

A simple query costs one ``recv`` and one ``send``: what is sent waits until the session flushes, or until enough
has gathered.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from rvbbit_proxy.errors import ProtocolError
from rvbbit_proxy.session.client import ClientLost
from rvbbit_proxy.wire.framing import LARGE_LIMIT_BYTES, AnyFrame, FrameDecoder
from rvbbit_proxy.wire.frontend import FrontendMessage, decode_message

RECEIVE_BYTES = 65_536
GATHER_BYTES = 65_536
SYNC = b"S"
TLS_HANDSHAKE = b"\x16"
HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
"""What the system says of a connection whose client has gone (POLLRDHUP: Linux)."""


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
        self._waker: tuple[socket.socket, socket.socket] | None = None

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
        if seconds is None and self._deadline is not None:
            self._socket.settimeout(None)
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def take_frame(self) -> AnyFrame | None:
        """Return the next frame if it is here. Raises ProtocolError (08P01), after which the stream is lost."""
        frame, self._peeked = self._peeked, None
        return frame if frame is not None else self._decoder.next_frame()

    def receive_frame(self) -> AnyFrame:
        """Return the next frame.

        Raises ClientLost, TimeoutError, or ProtocolError (08P01), after which the stream is lost.
        """
        while (frame := self.take_frame()) is None:
            self._decoder.feed(self._receive_bytes())
        return frame

    def await_frame(self, watched: int | None = None) -> AnyFrame | None:
        """Return the next frame; None when woken, or when the descriptor ``watched`` becomes readable.

        Raises what :meth:`receive_frame` does.
        """
        if self._waker is None and watched is None:
            return self.receive_frame()
        while (frame := self.take_frame()) is None:
            if not self._wait_for_client(watched):
                return None
            self._decoder.feed(self._receive_bytes())
        return frame

    def _wait_for_client(self, watched: int | None) -> bool:
        """Wait for the client, whose bytes go first, for a waking, or for ``watched``; tell whether it was the client."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        if self._waker is not None:
            poller.register(self._waker[0], select.POLLIN)
        if watched is not None:
            poller.register(watched, select.POLLIN)
        ready = {number for number, _ in poller.poll(self._left_ms())}
        if not ready:
            raise TimeoutError("the client was silent")
        if self._socket.fileno() in ready:
            return True
        if self._waker is not None and self._waker[0].fileno() in ready:
            self._waker[0].recv(RECEIVE_BYTES)
        return False

    def _left_ms(self) -> float | None:
        if self._deadline is None:
            return None
        return max(1.0, (self._deadline - time.monotonic()) * 1000)

    def wakeable(self) -> Callable[[], None]:
        """Return what makes :meth:`await_frame` return None, from any thread."""
        if self._waker is None:
            self._waker = socket.socketpair()
            for end in self._waker:
                end.setblocking(False)
        return self._wake

    def _wake(self) -> None:
        assert self._waker is not None  # wakeable made it
        with suppress(OSError):  # full: it wakes anyway; closed: the connection has ended
            self._waker[1].send(b"!")

    @property
    def can_wake(self) -> bool:
        """Whether somebody may wake the connection."""
        return self._waker is not None

    def has_hung_up(self) -> bool:
        """Tell whether the client has closed its side; from any thread."""
        poller = select.poll()
        try:
            poller.register(self._socket, HUNG_UP)
        except (OSError, ValueError):
            return True  # closed by now
        return bool(poller.poll(0))

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
            self.wakeable()  # OpenSSL allows no write beside a read that waits: who ends us has to wake us
        except OSError as error:
            raise ClientLost(f"TLS handshake failed: {error}") from error

    def begins_with_tls(self) -> bool:
        """Tell whether the first byte is a TLS handshake's: a client that does not ask first (PostgreSQL 17)."""
        try:
            if self._deadline is not None:
                self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))
            return self._socket.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE
        except TimeoutError:
            raise
        except OSError as error:
            raise ClientLost(str(error)) from error

    @property
    def protocol(self) -> str | None:
        """What the client asked to speak inside TLS (ALPN)."""
        return self._socket.selected_alpn_protocol() if isinstance(self._socket, ssl.SSLSocket) else None

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
        for end in self._waker or ():
            end.close()
