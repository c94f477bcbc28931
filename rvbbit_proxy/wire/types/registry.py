"""Which codec speaks for which oid.

A type nobody speaks for, enums and extensions' types among them, is text in both formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from rvbbit_proxy.errors import NotSupported
from rvbbit_proxy.wire.types import (
    array,
    bit,
    boolean,
    bytea,
    datetime,
    floating,
    inet,
    integer,
    interval,
    json,
    numeric,
    oid,
    oids,
    text,
    uuid,
)
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle


@dataclass(frozen=True, slots=True)
class WireType:
    """A type as the wire knows it."""

    oid: int
    name: str
    typlen: int
    array_oid: int
    codec: Codec

    def encode_text(self, column: pa.Array, style: TextStyle = DEFAULT_STYLE) -> pa.Array:
        """Return the column's text forms."""
        return self.codec.encode_text(column, style)

    def encode_binary(self, column: pa.Array) -> pa.Array:
        """Return the column's binary forms."""
        return self.codec.encode_binary(column)

    def decode_text(self, data: bytes, style: TextStyle = DEFAULT_STYLE) -> Any:
        """Return the value of a text form."""
        return self.codec.decode_text(data, style)

    def decode_binary(self, data: bytes) -> Any:
        """Return the value of a binary form."""
        return self.codec.decode_binary(data)


def _text_only(name: str) -> Codec:
    """Return the codec of a type whose binary form we do not speak; NULL needs none."""

    def refuse(_: Any) -> Any:
        raise NotSupported(f"no binary format for type {name}", hint="Use the text format for it.")

    def encode_nulls(column: pa.Array) -> pa.Array:
        return refuse(column) if len(column) > column.null_count else pa.nulls(len(column), pa.binary())

    return Codec(text.encode_text, encode_nulls, text.decode_text, refuse)


_REG_NAMES = (
    "regproc regprocedure regoper regoperator regclass regtype regnamespace regrole regcollation "
    "regconfig regdictionary"
).split()
_TEXT_ONLY_NAMES = (
    "tid point lseg path box polygon line circle cidr macaddr macaddr8 money aclitem pg_lsn tsvector tsquery "
    "int4range numrange tsrange tstzrange daterange int8range jsonpath int4multirange nummultirange tsmultirange "
    "tstzmultirange datemultirange int8multirange record"
).split()

_CODECS: dict[int, Codec] = {
    oids.BOOL: boolean.BOOL,
    oids.BYTEA: bytea.BYTEA,
    oids.INT2: integer.INT2,
    oids.INT4: integer.INT4,
    oids.INT8: integer.INT8,
    oids.FLOAT4: floating.FLOAT4,
    oids.FLOAT8: floating.FLOAT8,
    oids.NUMERIC: numeric.NUMERIC,
    oids.DATE: datetime.DATE,
    oids.TIME: datetime.TIME,
    oids.TIMETZ: datetime.TIMETZ,
    oids.TIMESTAMP: datetime.TIMESTAMP,
    oids.TIMESTAMPTZ: datetime.TIMESTAMPTZ,
    oids.INTERVAL: interval.INTERVAL,
    oids.UUID: uuid.UUID,
    oids.JSON: json.JSON,
    oids.JSONB: json.JSONB,
    oids.BIT: bit.BIT,
    oids.VARBIT: bit.BIT,
    oids.INET: inet.INET,
    oids.OID: oid.OID,
    oids.XID: oid.codec_of_name("xid"),
    oids.CID: oid.codec_of_name("cid"),
    oids.XID8: oid.codec_of_name("xid8", 8),
    oids.INT2VECTOR: array.vector_codec(integer.INT2, oids.INT2),
    oids.OIDVECTOR: array.vector_codec(oid.OID, oids.OID),
}
_CODECS |= {oids.OIDS[name]: oid.reg_codec(name) for name in _REG_NAMES}
_CODECS |= {oids.OIDS[name]: _text_only(name) for name in _TEXT_ONLY_NAMES}


def _codec_of(entry: oids.TypeName) -> Codec:
    if not entry.element_oid:
        return _CODECS.get(entry.oid, text.TEXT)
    element = _CODECS.get(entry.element_oid, text.TEXT)
    return array.codec_of(element, entry.element_oid, ";" if entry.element_oid == oids.BOX else ",")


TYPES: Mapping[int, WireType] = MappingProxyType(
    {
        entry.oid: WireType(entry.oid, entry.name, entry.typlen, entry.array_oid, _codec_of(entry))
        for entry in oids.TYPES.values()
    }
)
"""Every built-in type by oid."""


def wire_type(type_oid: int) -> WireType:
    """Return the type of an oid; an oid we do not know is text."""
    known = TYPES.get(type_oid)
    return WireType(type_oid, "text", -1, 0, text.TEXT) if known is None else known


def encode_column(column: pa.Array, type_oid: int, format_code: int, style: TextStyle = DEFAULT_STYLE) -> pa.Array:
    """Return the wire forms of a column as a string, binary or fixed_size_binary column, NULLs kept."""
    kind = wire_type(type_oid)
    return kind.encode_binary(column) if format_code else kind.encode_text(column, style)


def decode_value(data: bytes | None, format_code: int, type_oid: int, style: TextStyle = DEFAULT_STYLE) -> Any:
    """Return the Python value of a parameter; None is NULL.

    Raises InvalidTextRepresentation (22P02) and its kin with PostgreSQL's words.
    """
    if data is None:
        return None
    kind = wire_type(type_oid)
    return kind.decode_binary(data) if format_code else kind.decode_text(data, style)
