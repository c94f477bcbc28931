"""A client that speaks bytes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from dialogue import QUIET, frontend_text, tell
from dialogue.frontend_text import GSSENC_REQUEST, SSL_REQUEST

from rvbbit_proxy.server.listener import Server


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    server: Server

    @property
    def url(self) -> str:
        return f"postgresql://alice@{self.host}:{self.port}/shop"


__all__ = ["GSSENC_REQUEST", "SSL_REQUEST", "Address", "RawClient", "Serve", "query", "startup"]

Serve = Callable[..., Address]


def startup(**parameters: str) -> bytes:
    """Return a startup packet of protocol 3.0."""
    return frontend_text.startup("3.0", parameters)


def query(sql: str) -> bytes:
    """Return a Query message."""
    return frontend_text.encode(f"Query {sql}")


class RawClient:
    """A socket, and the server's messages as texts."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self.key = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def read(self, count: int) -> bytes:
        """Return so many bytes, fewer at the end of the stream."""
        data = b""
        while len(data) < count and (more := self.socket.recv(count - len(data))):
            data += more
        return data

    def hear(self, until: str = "Z") -> list[str]:
        """Return messages up to one of this type, or to the end of the stream."""
        heard: list[str] = []
        while head := self.read(5):
            kind, body = chr(head[0]), self.read(struct.unpack("!I", head[1:])[0] - 4)
            if kind == "K":
                self.key = body
            if kind not in QUIET:
                heard.append(tell(kind, body))
            if kind == until:
                break
        return heard

    def log_in(self) -> None:
        """Start a session."""
        self.send(startup(user="alice", database="shop"))
        assert self.hear() == ["Z I"]
