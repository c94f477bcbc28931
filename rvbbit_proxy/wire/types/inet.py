"""inet and cidr: an address with the length of its network. Source: src/backend/utils/adt/network.c, network_send."""

from __future__ import annotations

import ipaddress

import pyarrow as pa

from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import as_text, mapped
from rvbbit_proxy.wire.types.text import decode_text, encode_text

_FAMILIES = {4: 2, 6: 3}  # PGSQL_AF_INET, PGSQL_AF_INET6


def encode_binary(column: pa.Array) -> pa.Array:
    """Return family, bits, whether it is a cidr, length, address."""
    return mapped(as_text(column), _packed)


def _packed(text: str) -> bytes:
    found = ipaddress.ip_interface(text)
    address = found.ip.packed
    return bytes((_FAMILIES[found.version], found.network.prefixlen, 0, len(address))) + address


def decode_binary(data: bytes) -> str:
    """Return the text of a binary form.

    >>> decode_binary(_packed("127.0.0.1")), decode_binary(_packed("::1/64"))
    ('127.0.0.1', '::1/64')
    """
    address = ipaddress.ip_address(data[4:])
    return str(address) if data[1] == address.max_prefixlen else f"{address}/{data[1]}"


INET = Codec(encode_text, encode_binary, decode_text, decode_binary)
