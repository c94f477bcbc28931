"""Clients that speak a dialogue's messages to a server and tell what it answers."""

from __future__ import annotations

import re
import select
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from dialogue import columns_of, frontend_text, tell
from wire_script import Exchange

PATIENCE_S = 30.0
QUIET_S = 0.4
"""While recording, silence of this length ends the answer to a Flush."""
ASK_AGAIN_S = 0.05

_FIRST = ("Startup", "SSLRequest", "GSSENCRequest", "Bytes")
_READY_ENDS = ("Query", "Sync", "Function", "Startup")
_FURTHER = "DHWqpstcdn"


@dataclass(frozen=True)
class Target:
    """A server under test; ``name`` is that of its differences, ``host`` may be the folder of a socket."""

    name: str
    host: str
    port: int
    user: str
    database: str

    def connect(self) -> socket.socket:
        """Open a connection."""
        if not self.host.startswith("/"):
            return socket.create_connection((self.host, self.port), timeout=PATIENCE_S)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        connection.connect(f"{self.host}/.s.PGSQL.{self.port}")
        return connection


def tell_fully(kind: str, body: bytes) -> list[str]:
    """Return a message as lines: an error with all its fields but those of its source, a column with its typmod."""
    if kind == "T":
        return ["T " + ", ".join(columns_of(body))]
    if kind in "EN":
        fields = {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}
        assert fields["S"] == fields["V"]
        return [tell(kind, body), *(f"  {letter}: {fields[letter]}" for letter in _FURTHER if letter in fields)]
    return [tell(kind, body)]


class WireClient:
    """One connection of a dialogue."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._socket = target.connect()
        self._buffer = b""
        self._owed = 0
        self._started = False
        self.key = b""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def log_in(self) -> None:
        """Start a session without telling of it."""
        options = {"user": self._target.user, "database": self._target.database, "options": "-c TimeZone=UTC"}
        self._socket.sendall(frontend_text.startup("3.0", options))
        self._started = True
        heard = list(self._until("Z"))
        assert heard[-1] == "Z I", heard

    def say(self, messages: list[str], expected: int | None) -> list[str]:
        """Send messages at once and return the answer; ``expected`` is its length where it is known."""
        if not self._started and not messages[0].startswith(_FIRST):
            self.log_in()
        filled = [self._fill(text) for text in messages]
        sent = [text for text in filled if text not in ("Await", "Cancel")]
        with suppress(BrokenPipeError, ConnectionResetError):  # hung up: what it said before can still be read
            self._socket.sendall(b"".join(map(frontend_text.encode, sent)))
        if messages[0].startswith(("SSLRequest", "GSSENCRequest")) and len(messages) == 1:
            return [f"byte {self._socket.recv(1).decode()}"]
        self._started = True
        self._owed += sum(text.split(" ")[0] in _READY_ENDS for text in filled)
        if "Cancel" in messages:
            self._cancel_until_answered()
        return list(self._answer(filled, expected))

    def _fill(self, text: str) -> str:
        return text.replace("$user", self._target.user).replace("$database", self._target.database)

    def _answer(self, messages: list[str], expected: int | None) -> Iterator[str]:
        if "Await" in messages:
            yield from self._next() or ["end of stream"]
        elif messages[-1] == "Flush":
            yield from self._some(expected)
        elif self._owed or messages[-1].startswith(("Terminate", "Bytes")):
            yield from self._until("ZG" if any(text.startswith("Execute") for text in messages) else "Z")

    def _until(self, ends: str) -> Iterator[str]:
        """Yield messages up to the last ReadyForQuery owed, a CopyInResponse, or the end of the stream."""
        while True:
            told = self._next()
            if told is None:
                yield "end of stream"
                return
            yield from told
            if told[0].startswith("G"):
                self._owed = 0 if "G" in ends else self._owed  # COPY swallows Sync
                return
            if told[0].startswith("Z"):
                self._owed -= 1
                if self._owed <= 0:
                    self._owed = 0
                    return

    def _some(self, expected: int | None) -> Iterator[str]:
        count = 0
        while expected is None or count < expected:
            if expected is None and not self._buffer and not self._more_comes():
                return
            told = self._next()
            for line in told or ["end of stream"]:
                count += 1
                yield line
            if told is None:
                return

    def _more_comes(self) -> bool:
        return bool(select.select([self._socket], [], [], QUIET_S)[0])

    def _next(self) -> list[str] | None:
        head = self._take(5)
        if head is None:
            return None
        body = self._take(struct.unpack("!I", head[1:])[0] - 4)
        assert body is not None
        kind = chr(head[0])
        if kind == "K":
            self.key = body
            return [f"K {len(body)} bytes"]
        return tell_fully(kind, body)

    def _take(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            try:
                more = self._socket.recv(65_536)
            except ConnectionResetError:
                return None
            except TimeoutError:
                raise AssertionError("the server owes an answer and is silent") from None
            if not more:
                return None
            self._buffer += more
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _cancel_until_answered(self) -> None:
        """Ask until the statement is cancelled: it may not have begun when the first request comes."""
        self._socket.settimeout(ASK_AGAIN_S)
        while True:
            with self._target.connect() as other:
                other.sendall(frontend_text.cancel_request(self.key))
                assert other.recv(1) == b""
            try:
                self._buffer += self._socket.recv(65_536)
                break
            except TimeoutError:
                continue
        self._socket.settimeout(PATIENCE_S)


class Conversation:
    """All clients of one dialogue with one server."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._clients: dict[str, WireClient] = {}

    def hold(self, exchange: Exchange, *, recording: bool) -> list[str]:
        """Say what an exchange says; return the answer."""
        name = exchange.messages[0][0]
        assert all(client == name for client, _ in exchange.messages), "an exchange is one client's"
        if name not in self._clients:
            self._clients[name] = WireClient(self._target)
        expected = None if recording else len(exchange.expected(self._target.name))
        texts = [text for _, text in exchange.messages]
        return sort_reports([self._named(line) for line in self._clients[name].say(texts, expected)])

    def _named(self, line: str) -> str:
        """Replace process ids by their clients' names."""
        if not line.startswith("A "):
            return line
        by_id = {str(struct.unpack_from("!I", c.key)[0]): name or "self" for name, c in self._clients.items()}
        process_id = line.split(" ")[1]
        return f"A {by_id.get(process_id, '?')}{line[2 + len(process_id) :]}"

    def close(self) -> None:
        """Hang up all."""
        for client in self._clients.values():
            client.close()


def sort_reports(lines: Iterable[str]) -> list[str]:
    """Sort neighbouring ParameterStatus messages: their order says nothing; versions are masked."""
    found = [re.sub(r"^(S server_version)=.*", r"\1=...", line) for line in lines]
    start = 0
    while start < len(found):
        end = start
        while end < len(found) and found[end].startswith("S "):
            end += 1
        found[start:end] = sorted(found[start:end])
        start = end + 1
    return found
