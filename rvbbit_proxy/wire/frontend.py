"""What a client says: every frontend message as a frozen dataclass, and its decoder.

Malformed bytes give ProtocolError (08P01), text that is not UTF-8 InvalidEncoding (22021), an unknown format
InvalidValue (22023), never IndexError.
Not here: cutting the stream into frames (``framing``) and the meaning of parameter values (``types``).
Source: https://www.postgresql.org/docs/16/protocol-message-formats.html; protocol 3.2 of PostgreSQL 18.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from rvbbit_proxy.errors import InvalidEncoding, InvalidValue, NotSupported, ProtocolError
from rvbbit_proxy.wire.framing import (
    CANCEL_REQUEST_CODE,
    GSSENC_REQUEST_CODE,
    SSL_REQUEST_CODE,
    AnyFrame,
    Frame,
    StartupFrame,
)

LATEST_MINOR = 2
CANCEL_KEY_LIMIT_BYTES = 256
Format: TypeAlias = Literal[0, 1]
ObjectKind: TypeAlias = Literal["S", "P"]


@dataclass(frozen=True, slots=True)
class Startup:
    """StartupMessage: the protocol asked for and the session's first parameters, in the order sent."""

    major: int
    minor: int
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def unknown_options(self) -> tuple[str, ...]:
        """Protocol extensions asked for; we know none, so all go into NegotiateProtocolVersion."""
        return tuple(name for name in self.parameters if name.startswith("_pq_."))

    @property
    def accepted_minor(self) -> int:
        """The minor version the session will speak."""
        return min(self.minor, LATEST_MINOR)

    @property
    def needs_negotiation(self) -> bool:
        """Whether NegotiateProtocolVersion must be sent."""
        return self.minor > LATEST_MINOR or bool(self.unknown_options)


@dataclass(frozen=True, slots=True)
class SslRequest:
    """May we speak TLS?"""


@dataclass(frozen=True, slots=True)
class GssEncRequest:
    """May we speak GSSAPI encryption?"""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Stop what the session with this BackendKeyData is doing; ``secret_key`` is 4 bytes up to protocol 3.0."""

    process_id: int
    secret_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Query:
    """A simple query: any number of statements."""

    sql: str


@dataclass(frozen=True, slots=True)
class Parse:
    """Prepare ``sql`` as ``statement``; 0 in ``parameter_oids`` leaves the type to us."""

    statement: str
    sql: str
    parameter_oids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Bind:
    """Make ``portal`` from ``statement`` and values; formats: none (all text), one for all, or one each."""

    portal: str
    statement: str
    parameter_formats: tuple[Format, ...] = ()
    parameters: tuple[bytes | None, ...] = ()
    result_formats: tuple[Format, ...] = ()


@dataclass(frozen=True, slots=True)
class Describe:
    """Tell the shape of a statement (``S``) or a portal (``P``)."""

    kind: ObjectKind
    name: str


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a portal; ``max_rows`` 0 is no limit."""

    portal: str
    max_rows: int = 0


@dataclass(frozen=True, slots=True)
class Sync:
    """End of an extended query; errors are over."""


@dataclass(frozen=True, slots=True)
class Flush:
    """Send what is waiting."""


@dataclass(frozen=True, slots=True)
class Close:
    """Forget a statement (``S``) or a portal (``P``)."""

    kind: ObjectKind
    name: str


@dataclass(frozen=True, slots=True)
class CopyData:
    """A piece of COPY data, cut anywhere."""

    data: bytes


@dataclass(frozen=True, slots=True)
class CopyDone:
    """COPY data are complete."""


@dataclass(frozen=True, slots=True)
class CopyFail:
    """The client gives up its COPY."""

    message: str


@dataclass(frozen=True, slots=True)
class PasswordMessage:
    """A password or its md5 digest."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SASLInitialResponse:
    """The mechanism chosen and the first SASL data, None if left out."""

    mechanism: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class SASLResponse:
    """Further SASL data."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The fast-path call of a function by oid."""

    function_oid: int
    argument_formats: tuple[Format, ...]
    arguments: tuple[bytes | None, ...]
    result_format: Format


@dataclass(frozen=True, slots=True)
class Terminate:
    """The client says goodbye."""


StartupPacket: TypeAlias = Startup | SslRequest | GssEncRequest | CancelRequest
AuthenticationResponse: TypeAlias = PasswordMessage | SASLInitialResponse | SASLResponse
Expected: TypeAlias = Literal["password", "sasl_initial", "sasl"]
FrontendMessage: TypeAlias = (
    Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Sync
    | Flush
    | Close
    | CopyData
    | CopyDone
    | CopyFail
    | FunctionCall
    | Terminate
)


class Reader:
    """Takes the fields of one message body in turn."""

    __slots__ = ("_body", "_position")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    def take_bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        end = self._position + count
        if count < 0 or end > len(self._body):
            raise ProtocolError("insufficient data left in message")
        taken = self._body[self._position : end]
        self._position = end
        return taken

    def take_rest(self) -> bytes:
        """Return what is left."""
        return self.take_bytes(len(self._body) - self._position)

    def take_int16(self) -> int:
        """Return a signed 16-bit integer."""
        return int.from_bytes(self.take_bytes(2), signed=True)

    def take_uint16(self) -> int:
        """Return an unsigned 16-bit integer: PostgreSQL counts parameters and formats up to 65,535."""
        return int.from_bytes(self.take_bytes(2))

    def take_int32(self) -> int:
        """Return a signed 32-bit integer."""
        return int.from_bytes(self.take_bytes(4), signed=True)

    def take_uint32(self) -> int:
        """Return an unsigned 32-bit integer (oids, process ids)."""
        return int.from_bytes(self.take_bytes(4))

    def take_string(self) -> str:
        """Return a NUL-terminated UTF-8 string."""
        begin, end = self._position, self._body.find(b"\0", self._position)
        if end < 0:
            raise ProtocolError("invalid string in message")
        self._position = end + 1
        return decode_utf8(self._body[begin:end]) if end > begin else ""

    def take_value(self) -> bytes | None:
        """Return a value with a length before it; length -1 is NULL."""
        length = self.take_int32()
        return None if length == -1 else self.take_bytes(length)

    def take_formats(self) -> tuple[Format, ...]:
        """Return a list of format codes with its count before it."""
        count = self.take_uint16()
        if not count:
            return ()
        codes = struct.unpack(f"!{count}h", self.take_bytes(2 * count))
        return tuple(map(_format_of, codes))

    def end(self) -> None:
        """Raise unless everything has been taken."""
        if self._position != len(self._body):
            raise ProtocolError("invalid message format", detail="There are bytes after the last field.")


def decode_utf8(data: bytes) -> str:
    """Return the text of UTF-8 bytes; raises InvalidEncoding (22021) as PostgreSQL words it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        shown = " ".join(f"0x{byte:02x}" for byte in data[exc.start : exc.start + 4][: exc.end - exc.start or 1])
        raise InvalidEncoding(f'invalid byte sequence for encoding "UTF8": {shown}') from exc


def decode_startup(frame: StartupFrame) -> StartupPacket:
    """Decode a packet of the startup phase.

    Raises NotSupported for a protocol other than 3.x.
    """
    if frame.code == SSL_REQUEST_CODE or frame.code == GSSENC_REQUEST_CODE:
        Reader(frame.body).end()
        return SslRequest() if frame.code == SSL_REQUEST_CODE else GssEncRequest()
    if frame.code == CANCEL_REQUEST_CODE:
        return _decode_cancel_request(Reader(frame.body))
    major, minor = divmod(frame.code, 1 << 16)
    if major != 3:
        raise NotSupported(
            f"unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{LATEST_MINOR}"
        )
    return Startup(major, minor, MappingProxyType(_take_parameters(Reader(frame.body))))


def decode_message(frame: AnyFrame) -> FrontendMessage:
    """Decode a typed message, except ``p``: its kind depends on the state, see :func:`decode_authentication`."""
    if not isinstance(frame, Frame):
        raise ProtocolError("unexpected startup packet")
    decoder = _DECODERS.get(frame.type)
    if decoder is None:
        raise ProtocolError(f"invalid frontend message type {frame.type[0]}")
    reader = Reader(frame.body)
    message = decoder(reader)
    reader.end()
    return message


def decode_authentication(frame: AnyFrame, expected: Expected) -> AuthenticationResponse:
    """Decode the ``p`` message that answers an Authentication request of this kind."""
    if not isinstance(frame, Frame) or frame.type != b"p":
        shown = frame.type[0] if isinstance(frame, Frame) else 0
        raise ProtocolError(f"expected password response, got message type {shown}")
    reader = Reader(frame.body)
    response: AuthenticationResponse
    if expected == "password":
        response = PasswordMessage(reader.take_string())
    elif expected == "sasl_initial":
        response = SASLInitialResponse(reader.take_string(), reader.take_value())
    else:
        response = SASLResponse(reader.take_rest())
    reader.end()
    return response


def _format_of(code: int) -> Format:
    if code == 0:
        return 0
    if code == 1:
        return 1
    raise InvalidValue(f"unsupported format code: {code}")


def _take_parameters(reader: Reader) -> dict[str, str]:
    parameters: dict[str, str] = {}
    while name := reader.take_string():
        parameters[name] = reader.take_string()
    try:
        reader.end()
    except ProtocolError as exc:
        raise ProtocolError("invalid startup packet layout: expected terminator as last byte") from exc
    return parameters


def _decode_cancel_request(reader: Reader) -> CancelRequest:
    process_id, key = reader.take_uint32(), reader.take_rest()
    if not 4 <= len(key) <= CANCEL_KEY_LIMIT_BYTES:
        raise ProtocolError("invalid length of cancel request packet")
    return CancelRequest(process_id, key)


def _decode_parse(reader: Reader) -> Parse:
    statement, sql, count = reader.take_string(), reader.take_string(), reader.take_uint16()
    return Parse(statement, sql, struct.unpack(f"!{count}I", reader.take_bytes(4 * count)))


def _decode_bind(reader: Reader) -> Bind:
    portal, statement = reader.take_string(), reader.take_string()
    formats = reader.take_formats()
    count = reader.take_uint16()
    if len(formats) > 1 and len(formats) != count:
        raise ProtocolError(f"bind message has {len(formats)} parameter formats but {count} parameters")
    values = tuple([reader.take_value() for _ in range(count)])
    return Bind(portal, statement, formats, values, reader.take_formats())


def _take_kind(reader: Reader, message: str) -> ObjectKind:
    kind = reader.take_bytes(1)
    if kind == b"S":
        return "S"
    if kind == b"P":
        return "P"
    raise ProtocolError(f"invalid {message} message subtype {kind[0]}")


def _decode_describe(reader: Reader) -> Describe:
    return Describe(_take_kind(reader, "DESCRIBE"), reader.take_string())


def _decode_close(reader: Reader) -> Close:
    return Close(_take_kind(reader, "CLOSE"), reader.take_string())


def _decode_execute(reader: Reader) -> Execute:
    # PostgreSQL takes a negative limit for none, too
    return Execute(reader.take_string(), max(0, reader.take_int32()))


def _decode_function_call(reader: Reader) -> FunctionCall:
    oid, formats = reader.take_uint32(), reader.take_formats()
    count = reader.take_uint16()
    if len(formats) > 1 and len(formats) != count:
        raise ProtocolError(
            f"function call message contains {len(formats)} argument formats but {count} arguments"
        )
    arguments = tuple(reader.take_value() for _ in range(count))
    return FunctionCall(oid, formats, arguments, _format_of(reader.take_int16()))


_SYNC = Sync()

_DECODERS: Mapping[bytes, Callable[[Reader], FrontendMessage]] = MappingProxyType(
    {
        b"Q": lambda reader: Query(reader.take_string()),
        b"P": _decode_parse,
        b"B": _decode_bind,
        b"D": _decode_describe,
        b"E": _decode_execute,
        b"S": lambda reader: _SYNC,
        b"H": lambda reader: Flush(),
        b"C": _decode_close,
        b"d": lambda reader: CopyData(reader.take_rest()),
        b"c": lambda reader: CopyDone(),
        b"f": lambda reader: CopyFail(reader.take_string()),
        b"F": _decode_function_call,
        b"X": lambda reader: Terminate(),
    }
)
