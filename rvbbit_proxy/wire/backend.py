"""What we say: one encoder for every backend message.

Rows in bulk are ``types.rows``'s matter. Text is UTF-8; a NUL inside a name or a message is dropped, because it
would end the field early.
Source: https://www.postgresql.org/docs/16/protocol-message-formats.html and protocol-error-fields.html.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, Protocol

from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.wire.types.oids import typlen_of

Severity = Literal["ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "DEBUG", "INFO", "LOG"]

FIELD_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "S": "severity",
        "V": "severity_nonlocalized",
        "C": "sqlstate",
        "M": "message",
        "D": "detail",
        "H": "hint",
        "P": "position",
        "p": "internal_position",
        "q": "internal_query",
        "W": "where",
        "s": "schema_name",
        "t": "table_name",
        "c": "column_name",
        "d": "datatype_name",
        "n": "constraint_name",
        "F": "source_file",
        "L": "source_line",
        "R": "source_function",
    }
)
"""Field letters in the order PostgreSQL sends them, and their names (psycopg's)."""

_LETTERS = {name: letter for letter, name in FIELD_NAMES.items()} | {
    "statement_position": "P",
    "message_primary": "M",
    "message_detail": "D",
    "message_hint": "H",
    "context": "W",
}


class ColumnLike(Protocol):
    """A result column as RowDescription tells it."""

    @property
    def name(self) -> str: ...
    @property
    def type_oid(self) -> int: ...
    @property
    def typmod(self) -> int: ...
    @property
    def table_oid(self) -> int: ...
    @property
    def attnum(self) -> int: ...


def _message(type_byte: bytes, body: bytes = b"") -> bytes:
    return type_byte + struct.pack("!I", len(body) + 4) + body


def _string(text: str) -> bytes:
    return text.encode("utf-8", "replace").replace(b"\0", b"") + b"\0"


# --- the start of a session -------------------------------------------------------------------------------


def encode_ssl_response(accepted: bool) -> bytes:
    """Answer SSLRequest: one byte, no message."""
    return b"S" if accepted else b"N"


def encode_gssenc_response() -> bytes:
    """Answer GSSENCRequest: no."""
    return b"N"


def encode_negotiate_protocol_version(minor: int, unknown_options: Sequence[str] = ()) -> bytes:
    """Tell the version the session will speak (3.``minor``) and the protocol options we do not know."""
    head = struct.pack("!HHI", 3, minor, len(unknown_options))
    return _message(b"v", head + b"".join(map(_string, unknown_options)))


def encode_authentication_ok() -> bytes:
    """The client is who it says."""
    return _message(b"R", struct.pack("!I", 0))


def encode_authentication_cleartext_password() -> bytes:
    """Ask for the password as it is; only sensible inside TLS."""
    return _message(b"R", struct.pack("!I", 3))


def encode_authentication_md5_password(salt: bytes) -> bytes:
    """Ask for the md5 digest with this salt of 4 bytes."""
    if len(salt) != 4:
        raise ValueError("an md5 salt has 4 bytes")
    return _message(b"R", struct.pack("!I", 5) + salt)


def encode_authentication_sasl(mechanisms: Sequence[str]) -> bytes:
    """Offer SASL mechanisms, best first."""
    return _message(b"R", struct.pack("!I", 10) + b"".join(map(_string, mechanisms)) + b"\0")


def encode_authentication_sasl_continue(data: bytes) -> bytes:
    """Send the server's SASL challenge."""
    return _message(b"R", struct.pack("!I", 11) + data)


def encode_authentication_sasl_final(data: bytes) -> bytes:
    """Send the server's last SASL data."""
    return _message(b"R", struct.pack("!I", 12) + data)


def encode_parameter_status(name: str, value: str) -> bytes:
    """Report a session parameter."""
    return _message(b"S", _string(name) + _string(value))


def encode_backend_key_data(process_id: int, secret_key: bytes) -> bytes:
    """Give what a CancelRequest must show; the key has 4 bytes in protocol 3.0, up to 256 in 3.2."""
    if not 4 <= len(secret_key) <= 256:
        raise ValueError("a cancel key has 4 to 256 bytes")
    return _message(b"K", struct.pack("!I", process_id) + secret_key)


_READY = {status: _message(b"Z", status.encode("ascii")) for status in ("I", "T", "E")}


# --- statements -------------------------------------------------------------------------------------------


def encode_ready_for_query(status: Literal["I", "T", "E"]) -> bytes:
    """Tell that the next query may come: idle, in a transaction block, in a failed one."""
    return _READY[status]


def encode_row_description(columns: Sequence[ColumnLike], formats: Sequence[int] = ()) -> bytes:
    """Describe the columns of the rows to come; ``formats`` is none (all text), one for all, or one each."""
    return _row_description(tuple(columns), spread_formats(formats, len(columns)))


@lru_cache(256)
def _row_description(columns: tuple[ColumnLike, ...], codes: tuple[int, ...]) -> bytes:
    fields = (
        _string(column.name)
        + struct.pack(
            "!IhIhih",
            column.table_oid,
            column.attnum,
            column.type_oid,
            typlen_of(column.type_oid),
            column.typmod,
            code,
        )
        for column, code in zip(columns, codes, strict=True)
    )
    return _message(b"T", struct.pack("!H", len(columns)) + b"".join(fields))


def encode_data_row(values: Sequence[bytes | None]) -> bytes:
    """One row of values already in wire form; for whole batches use ``types.rows``."""
    return _message(b"D", encode_row_body(values))


def encode_row_body(values: Sequence[bytes | None]) -> bytes:
    """The count of the values, then each with its length before it."""
    parts = [struct.pack("!H", len(values))]
    for value in values:
        parts.append(b"\xff\xff\xff\xff" if value is None else struct.pack("!I", len(value)) + value)
    return b"".join(parts)


@lru_cache(256)
def encode_command_complete(tag: str) -> bytes:
    """Tell that a statement is done: ``SELECT 5``, ``INSERT 0 1``, ``BEGIN``."""
    return _message(b"C", _string(tag))


def encode_empty_query_response() -> bytes:
    """Stands for CommandComplete when the query string was empty."""
    return _message(b"I")


def encode_parameter_description(oids: Sequence[int]) -> bytes:
    """Tell the types of a statement's parameters."""
    return _message(b"t", struct.pack(f"!H{len(oids)}I", len(oids), *oids))


def encode_no_data() -> bytes:
    """The described statement gives no rows."""
    return _message(b"n")


def encode_parse_complete() -> bytes:
    """Parse is done."""
    return _message(b"1")


def encode_bind_complete() -> bytes:
    """Bind is done."""
    return _message(b"2")


def encode_close_complete() -> bytes:
    """Close is done."""
    return _message(b"3")


def encode_portal_suspended() -> bytes:
    """Execute reached its row limit; the portal may have more."""
    return _message(b"s")


def encode_function_call_response(value: bytes | None) -> bytes:
    """The result of a FunctionCall."""
    return _message(b"V", b"\xff\xff\xff\xff" if value is None else struct.pack("!I", len(value)) + value)


# --- COPY -------------------------------------------------------------------------------------------------


def _copy_response(type_byte: bytes, format_code: int, column_count: int) -> bytes:
    codes = [format_code] * column_count
    return _message(type_byte, struct.pack(f"!BH{column_count}H", format_code, column_count, *codes))


def encode_copy_in_response(format_code: int, column_count: int) -> bytes:
    """Ask for COPY data; ``format_code`` 0 is text or csv, 1 binary."""
    return _copy_response(b"G", format_code, column_count)


def encode_copy_out_response(format_code: int, column_count: int) -> bytes:
    """Announce COPY data."""
    return _copy_response(b"H", format_code, column_count)


def encode_copy_both_response(format_code: int, column_count: int) -> bytes:
    """Announce COPY data both ways (streaming replication)."""
    return _copy_response(b"W", format_code, column_count)


def encode_copy_data(data: bytes) -> bytes:
    """One piece of COPY data; PostgreSQL sends one row in each, and clients count on it."""
    return _message(b"d", data)


def encode_copy_done() -> bytes:
    """COPY data are complete."""
    return _message(b"c")


# --- errors and notices -----------------------------------------------------------------------------------


def error_fields(exc: RvbbitError, severity: Severity = "ERROR") -> dict[str, str]:
    """Return the fields of an ErrorResponse by their letters, in PostgreSQL's order.

    ``exc.fields`` may be keyed by letter (``W``) or by name (``where``); the exception's own attributes win,
    except that a severity given there stays (an upstream's FATAL).
    """
    given = {_LETTERS.get(key, key): value for key, value in exc.fields.items() if value is not None}
    fields = {"S": severity, "V": severity} | given
    fields |= {"C": exc.sqlstate, "M": exc.message}
    for letter, value in (("D", exc.detail), ("H", exc.hint), ("P", exc.position)):
        if value is not None:
            fields[letter] = str(value)
    return {letter: fields[letter] for letter in FIELD_NAMES if letter in fields}


def encode_error_response(error: RvbbitError | Mapping[str, str], severity: Severity = "ERROR") -> bytes:
    """Tell an error: an exception of ours, or its fields by letter."""
    fields = error_fields(error, severity) if isinstance(error, RvbbitError) else error
    return _message(b"E", _encode_fields(fields))


def encode_notice_response(
    notice: RvbbitError | Mapping[str, str], severity: Severity = "NOTICE", *, sqlstate: str | None = None
) -> bytes:
    """Tell a notice; its fields are those of an error. ``sqlstate`` overrides (``00000`` for plain notices)."""
    fields = error_fields(notice, severity) if isinstance(notice, RvbbitError) else dict(notice)
    if sqlstate is not None:
        fields["C"] = sqlstate
    return _message(b"N", _encode_fields(fields))


def notice_fields(
    message: str,
    *,
    severity: Severity = "NOTICE",
    sqlstate: str = "00000",
    detail: str | None = None,
    hint: str | None = None,
) -> dict[str, str]:
    """Return the fields of a notice that is no exception."""
    fields = {"S": severity, "V": severity, "C": sqlstate, "M": message}
    return fields | {letter: text for letter, text in (("D", detail), ("H", hint)) if text is not None}


def encode_notification_response(process_id: int, channel: str, payload: str = "") -> bytes:
    """Tell of a NOTIFY by this process."""
    return _message(b"A", struct.pack("!I", process_id) + _string(channel) + _string(payload))


def _encode_fields(fields: Mapping[str, str]) -> bytes:
    return b"".join(key.encode("ascii") + _string(value) for key, value in fields.items()) + b"\0"


def spread_formats(formats: Sequence[int], count: int) -> tuple[int, ...]:
    """Return one format per column from Bind's list: none is all text, one is for all."""
    if len(formats) == count:
        return tuple(formats)
    if len(formats) > 1:
        raise RvbbitError(
            f"bind message has {len(formats)} result formats but query has {count} columns", sqlstate="08P01"
        )
    return tuple(formats or (0,)) * count
