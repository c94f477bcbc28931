"""inet and cidr: an address with the length of its network. Source: src/backend/utils/adt/network.c, network_send."""

from __future__ import annotations

import ipaddress

import pyarrow as pa

from rvbbit_proxy.errors import InvalidBinaryRepresentation, ProtocolError
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import as_text, mapped
from rvbbit_proxy.wire.types.text import decode_text, encode_text

_FAMILIES = {4: 2, 6: 3}  # PGSQL_AF_INET, PGSQL_AF_INET6
_LENGTHS = {2: 4, 3: 16}  # bytes of an address by family


def encode_binary(column: pa.Array) -> pa.Array:
    """Return family, bits, whether it is a cidr, length, address."""
    return mapped(as_text(column), _packed)


def _packed(text: str) -> bytes:
    found = ipaddress.ip_interface(text)
    address = found.ip.packed
    return bytes((_FAMILIES[found.version], found.network.prefixlen, 0, len(address))) + address


def decode_binary(data: bytes) -> str:
    """Return the text of a binary form; raises what PostgreSQL's ``network_recv`` raises.

    >>> decode_binary(_packed("127.0.0.1")), decode_binary(_packed("::1/64"))
    ('127.0.0.1', '::1/64')
    """
    if len(data) < 4:
        raise ProtocolError("insufficient data left in message")
    family, bits, _, length = data[:4]
    if family not in _LENGTHS:
        raise _invalid("address family")
    if bits > 8 * _LENGTHS[family]:
        raise _invalid("bits")
    if length != _LENGTHS[family]:
        raise _invalid("length")
    if len(data) < 4 + length:
        raise ProtocolError("insufficient data left in message")
    if len(data) > 4 + length:
        raise InvalidBinaryRepresentation("incorrect binary data format")
    address = ipaddress.ip_address(data[4:])
    return str(address) if bits == address.max_prefixlen else f"{address}/{bits}"


def _invalid(part: str) -> InvalidBinaryRepresentation:
    return InvalidBinaryRepresentation(f'invalid {part} in external "inet" value')


INET = Codec(encode_text, encode_binary, decode_text, decode_binary)
