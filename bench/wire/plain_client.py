"""A client that costs next to nothing, so that the server's part of a round trip shows.

It sends bytes made beforehand and reads until ReadyForQuery, without looking at what it reads.
"""

from __future__ import annotations

import socket
import struct
from typing import Self

RECEIVE_BYTES = 1 << 20
READY_BYTES = 6
"""Of ReadyForQuery, which ends every answer."""
DESCRIPTION_BYTES = 300
"""More than the description of six columns."""


class PlainClient:
    """One connection, on which one answer is awaited at a time."""

    def __init__(self, port: int, user: str, database: str = "postgres") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(RECEIVE_BYTES)
        body = b"user\0" + user.encode() + b"\0database\0" + database.encode() + b"\0\0"
        self.ask(struct.pack("!II", len(body) + 8, 196608) + body)

    def ask(self, messages: bytes) -> int:
        """Send messages that end in one answer; return its size in bytes. Raises RuntimeError for an error."""
        self._socket.sendall(messages)
        size = received = self._socket.recv_into(self._buffer)
        if self._buffer[0] == ord("E"):
            raise RuntimeError(bytes(self._buffer[:received]).decode("utf-8", "replace"))
        while not self._is_ready(received):
            received = self._socket.recv_into(self._buffer)
            if not received:
                raise RuntimeError("the server closed the connection")
            size += received
        return size

    def ask_first_row(self, messages: bytes) -> None:
        """Send messages and wait until bytes of a row are here; nothing can be asked afterwards."""
        self._socket.sendall(messages)
        head = b""
        while len(head) < DESCRIPTION_BYTES:
            received = self._socket.recv(RECEIVE_BYTES)
            if not received:
                raise RuntimeError("the server closed the connection")
            head += received

    def _is_ready(self, received: int) -> bool:
        tail = self._buffer[max(0, received - READY_BYTES) : received]
        return tail.startswith(b"Z\0\0\0\5") and len(tail) == READY_BYTES

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def query(sql: str) -> bytes:
    """Return a simple query."""
    return _message(b"Q", sql.encode() + b"\0")


def parse(name: str, sql: str) -> bytes:
    """Return what prepares a statement."""
    return _message(b"P", name.encode() + b"\0" + sql.encode() + b"\0\0\0") + _message(b"S")


def run_prepared(name: str, *, binary: bool = True) -> bytes:
    """Return what runs a prepared statement without parameters."""
    formats = struct.pack("!HHHH", 0, 0, 1, 1) if binary else struct.pack("!HHH", 0, 0, 0)
    return (
        _message(b"B", b"\0" + name.encode() + b"\0" + formats)
        + _message(b"D", b"P\0")
        + _message(b"E", b"\0" + struct.pack("!I", 0))
        + _message(b"S")
    )


def _message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body
