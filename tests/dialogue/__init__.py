"""Conversations with a session or a server that read like a dialogue.

A backend message becomes a short text: its type byte and what matters of it, such as ``D 1,x``, ``C SELECT 1``,
``E 42703 column "a" does not exist``, ``Z I``. NULL is ``~``; a value that is not
printable UTF-8 is in hex.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from rvbbit_proxy.session.client import ClientLost
from rvbbit_proxy.session.session import Session
from rvbbit_proxy.wire.frontend import FrontendMessage, Sync

QUIET = frozenset("SKR")
"""Messages at the start of a session that most dialogues leave out."""


def cut_messages(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield type and body of each message."""
    position = 0
    while position < len(data):
        kind = chr(data[position])
        (length,) = struct.unpack_from("!I", data, position + 1)
        yield kind, data[position + 5 : position + 1 + length]
        position += 1 + length


def tell(kind: str, body: bytes) -> str:
    """Return one message as text."""
    match kind:
        case "T":
            return f"T {','.join(_columns(body))}"
        case "D":
            return f"D {','.join(_values(body))}"
        case "C":
            return f"C {body[:-1].decode()}"
        case "E" | "N":
            fields = {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}
            severity = "" if fields["S"] == "ERROR" else f"{fields['S']} "
            position = f" @{fields['P']}" if "P" in fields else ""
            return f"{kind} {severity}{fields['C']} {fields['M']}{position}"
        case "Z":
            return f"Z {body.decode()}"
        case "S":
            name, value, _ = body.split(b"\0")
            return f"S {name.decode()}={value.decode()}"
        case "t":
            count = struct.unpack_from("!H", body)[0]
            return f"t {','.join(str(oid) for oid in struct.unpack_from(f'!{count}I', body, 2))}"
        case "G" | "H":
            return f"{kind} {body[0]} {struct.unpack_from('!H', body, 1)[0]}"
        case "A":
            channel, payload, _ = body[4:].split(b"\0")
            return f"A {struct.unpack_from('!I', body)[0]} {channel.decode()} {payload.decode()}".rstrip()
        case "V":
            return "V " + ("~" if struct.unpack_from("!i", body)[0] < 0 else _value(body[4:]))
        case "v":
            minor, count = struct.unpack_from("!xxHI", body)
            options = [part.decode() for part in body[8:].split(b"\0")[:count]]
            return " ".join(["v", f"3.{minor}", *options])
        case "d":
            return f"d {body.decode()!r}" if _printable(body) else f"d {body.hex()}"
        case _:
            return kind


def tell_all(data: bytes, quiet: frozenset[str] = frozenset()) -> list[str]:
    """Return messages as texts, without those of the quiet types."""
    return [tell(kind, body) for kind, body in cut_messages(data) if kind not in quiet]


def columns_of(body: bytes) -> Iterator[str]:
    """Yield the columns of a RowDescription as ``name:oid``, with typmod, format and the table's column if any."""
    (count,) = struct.unpack_from("!H", body)
    position = 2
    for _ in range(count):
        end = body.index(b"\0", position)
        table, attnum, oid, _, typmod, code = struct.unpack_from("!IhIhih", body, end + 1)
        column = f"{body[position:end].decode()}:{oid}" + (f"({typmod})" if typmod != -1 else "")
        yield column + ("b" if code else "") + (f" #{attnum}" if table else "")
        position = end + 19


def _columns(body: bytes) -> Iterator[str]:
    (count,) = struct.unpack_from("!H", body)
    position = 2
    for _ in range(count):
        end = body.index(b"\0", position)
        _, _, oid, _, _, code = struct.unpack_from("!IhIhih", body, end + 1)
        yield f"{body[position:end].decode()}:{oid}{'b' if code else ''}"
        position = end + 19


def _values(body: bytes) -> Iterator[str]:
    (count,) = struct.unpack_from("!H", body)
    position = 2
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, position)
        position += 4
        if length < 0:
            yield "~"
            continue
        value = body[position : position + length]
        yield _value(value)
        position += length


def _value(value: bytes) -> str:
    return value.decode() if _printable(value) else f"x{value.hex()}"


def _printable(value: bytes) -> bool:
    try:
        return all(character.isprintable() or character in "\n\t" for character in value.decode())
    except UnicodeDecodeError:
        return False


class ScriptedClient:
    """A client whose messages are all written before; implements the session's ``Client``."""

    def __init__(self) -> None:
        self.incoming: deque[FrontendMessage] = deque()
        self.said = b""
        self.flushes = 0
        self.lost = False

    def send(self, data: bytes) -> None:
        """Keep what the session says."""
        if self.lost:
            raise ClientLost("gone")
        self.said += data

    def flush(self) -> None:
        """Count."""
        self.flushes += 1

    def receive(self) -> FrontendMessage:
        """Return the next scripted message."""
        return self.incoming.popleft()

    def wakeable(self) -> Callable[[], None]:
        """Nobody waits."""
        return lambda: None

    def sync_follows(self) -> bool:
        """Look at the script."""
        return bool(self.incoming) and isinstance(self.incoming[0], Sync)


class Dialogue:
    """A session and its scripted client."""

    def __init__(self, session: Session, client: ScriptedClient) -> None:
        self.session = session
        self.client = client

    def say(self, *messages: FrontendMessage, quiet: Iterable[str] = ()) -> list[str]:
        """Say these messages at once; return what the session answers."""
        self.client.incoming.extend(messages)
        while self.client.incoming:
            self.session.handle(self.client.incoming.popleft())
        return self.heard(quiet)

    def heard(self, quiet: Iterable[str] = ()) -> list[str]:
        """Return what the session has said since."""
        said, self.client.said = self.client.said, b""
        return tell_all(said, frozenset(quiet))
