"""Frontend messages as one line of text each, and their bytes.

    Startup 3.0 user=alice database=shop         SSLRequest        GSSENCRequest
    Query SELECT 1                               Parse s1(23,0) SELECT $1 + $2
    Bind p1 s1 ('7', NULL, \\x00000001) in 0 out 1,1
    Describe S s1       Execute p1 5             Close P p1        Sync        Flush
    CopyData 1\\tx\\n   CopyDone                 CopyFail no       Terminate
    Function 1598 ('7') in 0 out 0               Bytes 51000000

``-`` is the unnamed statement or portal. ``in`` and ``out`` are format codes.
"""

from __future__ import annotations

import re
import shlex
import struct

SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSSENC_REQUEST = struct.pack("!II", 8, 80877104)
_VALUE = re.compile(r"\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<null>NULL)|\\x(?P<hex>[0-9a-f]*))\s*,?")


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return a typed message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def startup(version: str, parameters: dict[str, str]) -> bytes:
    """Return a startup packet; ``version`` is ``3.0``."""
    major, minor = map(int, version.split("."))
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
    return struct.pack("!IHH", len(body) + 8, major, minor) + body


def cancel_request(key: bytes) -> bytes:
    """Return a CancelRequest; ``key`` is the body of BackendKeyData."""
    return struct.pack("!II", 8 + len(key), 80877102) + key


def encode(line: str) -> bytes:
    """Return the bytes of a message."""
    verb, _, rest = line.partition(" ")
    match verb:
        case "Startup":
            version, *pairs = shlex.split(rest)
            return startup(version, dict(pair.split("=", 1) for pair in pairs))
        case "SSLRequest":
            return SSL_REQUEST
        case "GSSENCRequest":
            return GSSENC_REQUEST
        case "Query":
            return message(b"Q", _string(rest))
        case "Parse":
            return message(b"P", _parse(rest))
        case "Bind":
            return message(b"B", _bind(rest))
        case "Describe" | "Close":
            kind, name = rest.split(" ")
            return message(verb[0].encode(), kind.encode() + _name(name))
        case "Execute":
            name, _, limit = rest.partition(" ")
            return message(b"E", _name(name) + struct.pack("!i", int(limit or 0)))
        case "Sync":
            return message(b"S")
        case "Flush":
            return message(b"H")
        case "CopyData":
            return message(b"d", rest.encode().decode("unicode_escape").encode("latin-1"))
        case "CopyDone":
            return message(b"c")
        case "CopyFail":
            return message(b"f", _string(rest))
        case "Terminate":
            return message(b"X")
        case "Function":
            return message(b"F", _function(rest))
        case "Bytes":
            return bytes.fromhex(rest)
        case _:
            raise ValueError(f"no such message: {line}")


def _string(text: str) -> bytes:
    return text.encode() + b"\0"


def _name(text: str) -> bytes:
    return _string("" if text == "-" else text)


def _parse(rest: str) -> bytes:
    head, _, sql = rest.partition(" ")
    name, _, types = head.rstrip(")").partition("(")
    oids = [int(oid) for oid in types.split(",") if oid]
    return _name(name) + _string(sql) + struct.pack(f"!h{len(oids)}I", len(oids), *oids)


def _bind(rest: str) -> bytes:
    portal, statement, rest = rest.split(" ", 2)
    values, formats, results = _values(rest)
    return _name(portal) + _name(statement) + _codes(formats) + values + _codes(results)


def _function(rest: str) -> bytes:
    oid, _, rest = rest.partition(" ")
    values, formats, results = _values(rest)
    return struct.pack("!I", int(oid)) + _codes(formats) + values + struct.pack("!h", *results or [0])


def _values(text: str) -> tuple[bytes, list[int], list[int]]:
    """Return the values of ``('a', NULL) in 0 out 1`` with their count before them, and both lists of formats."""
    position, values = 1, list[bytes]()
    while text[position] != ")":
        found = _VALUE.match(text, position)
        assert found is not None, text
        position = found.end()
        if found["null"]:
            values.append(struct.pack("!i", -1))
            continue
        value = bytes.fromhex(found["hex"]) if found["text"] is None else found["text"].replace("''", "'").encode()
        values.append(struct.pack("!i", len(value)) + value)
    tail = text[position + 1 :].split()
    lists = {
        word: [int(code) for code in codes.split(",")] for word, codes in zip(tail[::2], tail[1::2], strict=True)
    }
    return struct.pack("!h", len(values)) + b"".join(values), lists.get("in", []), lists.get("out", [])


def _codes(codes: list[int]) -> bytes:
    return struct.pack(f"!h{len(codes)}h", len(codes), *codes)
