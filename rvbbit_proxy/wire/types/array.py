"""Arrays of any element type, from Arrow lists; lists of lists are several dimensions.

Columns are encoded by column: the elements of all rows at once, then joined per row.
Differs from PostgreSQL: lists of unequal length within a row, which PostgreSQL cannot hold, print as they are in
text; in binary they are refused (2202E).
Source: PostgreSQL's src/backend/utils/adt/arrayfuncs.c (array_out, array_send).
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import InvalidBinaryRepresentation, ProtocolError, RvbbitError, TypeFault
from rvbbit_proxy.wire.types.array_input import parse_array
from rvbbit_proxy.wire.types.codec import Codec
from rvbbit_proxy.wire.types.columns import (
    Mask,
    Numbers,
    as_binary,
    as_text,
    binary_column,
    bytes_of,
    fixed_column,
    is_listlike,
    lengths_of,
    mapped,
    nulls_of,
    offsets_from,
    offsets_of,
    plain,
)
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle
from rvbbit_proxy.wire.types.values import text_value

MAX_DIMENSIONS = 6
_MUST_QUOTE = r'^$|[{}",;\\ \t\n\r\v\f]|^(?i:null)$'


def _cut(lists: pa.Array) -> tuple[pa.Array, Numbers]:
    """Return the elements of all rows in one column, and the n+1 offsets of the rows; NULL rows are empty."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return plain(lists.flatten()), offsets_from(lengths)


def _regroup(items: pa.Array, offsets: Numbers, nulls: Mask | None) -> pa.Array:
    """Return a list column of the items with NULL rows put back."""
    mask = None if nulls is None else pa.array(nulls)
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), items, mask=mask)


def _joined(pieces: list[pa.Array | bytes], kind: pa.DataType) -> pa.Array:
    """Join columns and constants element by element; NULL where a column is NULL."""
    columns = [pa.scalar(piece, kind) if isinstance(piece, bytes) else piece.cast(kind) for piece in pieces]
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", kind))


# --- text -------------------------------------------------------------------------------------------------


def encode_text(column: pa.Array, style: TextStyle, *, element: Codec, delimiter: bytes = b",") -> pa.Array:
    """Print arrays in braces; a column that came as text stays as it is."""
    column = plain(column)
    if not is_listlike(column.type):
        return as_text(column)
    printed = _braced(column, style, element, delimiter)
    if is_listlike(column.type.value_type):
        # an array without elements has no dimensions
        return pc.replace_substring_regex(printed, r"^\{[{},;]*\}$", "{}")
    return printed


def _braced(lists: pa.Array, style: TextStyle, element: Codec, delimiter: bytes) -> pa.Array:
    items, offsets = _cut(lists)
    if is_listlike(items.type):
        printed = _braced(items, style, element, delimiter)
    else:
        printed = _quoted(as_binary(element.encode_text(items, style)))
    printed = pc.fill_null(printed.cast(pa.large_binary()), b"NULL")
    rows = pc.binary_join(_regroup(printed, offsets, nulls_of(lists)), pa.scalar(delimiter, pa.large_binary()))
    return _joined([b"{", rows, b"}"], pa.large_binary())


def _quoted(texts: pa.Array) -> pa.Array:
    """Put quotes around the elements that need them."""
    special = pc.match_substring_regex(texts, _MUST_QUOTE)
    if not pc.any(special).as_py():
        return texts
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    return pc.if_else(special, _joined([b'"', escaped, b'"'], texts.type), texts)


# --- binary -----------------------------------------------------------------------------------------------


def encode_binary(column: pa.Array, *, element: Codec, element_oid: int) -> pa.Array:
    """Return dimensions, element oid and elements of each array; raises TypeFault (2202E) for ragged ones."""
    column = plain(column)
    if not is_listlike(column.type):
        return mapped(as_text(column), lambda text: _binary_of_literal(text, element, element_oid))
    nulls = nulls_of(column)
    items, offsets = _cut(column)
    ranges, sizes = offsets, [np.diff(offsets)]
    while is_listlike(items.type):
        if items.null_count:
            raise _ragged()
        items, inner = _cut(items)
        sizes.append(_common_lengths(np.diff(inner), ranges))
        ranges = inner[ranges]
    values = element.encode_binary(items)
    body = _concatenated(_framed(values), ranges, nulls)
    return _joined([_headers(sizes, ranges, values, element_oid), body], pa.large_binary())


def _binary_of_literal(text: str, element: Codec, element_oid: int) -> bytes:
    """Return the binary form of one array literal; its elements are text to their codec."""
    items = parse_array(text, str)
    kind, inner = pa.string(), items
    while inner and isinstance(inner[0], list):
        kind, inner = pa.list_(kind), inner[0]
    row = pa.array([items], pa.list_(kind))
    encoded: bytes = encode_binary(row, element=element, element_oid=element_oid)[0].as_py()
    return encoded


def _ragged() -> RvbbitError:
    return TypeFault(
        "multidimensional arrays must have array expressions with matching dimensions", sqlstate="2202E"
    )


def _common_lengths(lengths: Numbers, ranges: Numbers) -> Numbers:
    """Return for each row the length all its lists share, 0 for a row without lists."""
    counts = np.diff(ranges)
    if not len(lengths):
        return np.zeros(len(counts), np.int64)
    first = np.where(counts > 0, lengths[np.minimum(ranges[:-1], len(lengths) - 1)], 0)
    if (np.repeat(first, counts) != lengths).any():
        raise _ragged()
    return first


def _framed(values: pa.Array) -> pa.Array:
    """Return each element with its length before it, as large_binary without NULLs."""
    lengths = as_binary(fixed_column(lengths_of(values).astype(">i4"), None))
    present = pc.fill_null(as_binary(values).cast(pa.large_binary()), b"")
    return _joined([lengths, present], pa.large_binary())


def _concatenated(framed: pa.Array, ranges: Numbers, nulls: Mask | None) -> pa.Array:
    """Return the elements of each row as one value: they already lie side by side."""
    offsets = offsets_of(framed)
    return binary_column(bytes_of(framed), (offsets - offsets[0])[ranges], nulls)


def _headers(sizes: list[Numbers], ranges: Numbers, values: pa.Array, element_oid: int) -> pa.Array:
    rows, depth = len(sizes[0]), len(sizes)
    filled = np.diff(ranges) > 0
    nulls = nulls_of(values)
    counted = np.zeros(len(values) + 1, np.int64)
    if nulls is not None:
        np.cumsum(nulls, out=counted[1:])
    table = np.ones((rows, 3 + 2 * depth), ">i4")
    table[:, 0] = np.where(filled, depth, 0)
    table[:, 1] = np.diff(counted[ranges]) > 0
    table[:, 2] = element_oid
    for level, size in enumerate(sizes):
        table[:, 3 + 2 * level] = size
    keep = np.ones(table.shape, np.bool_)
    keep[:, 3:] = filled[:, None]
    widths = np.where(filled, 4 * table.shape[1], 12)
    return binary_column(table[keep].view(np.uint8), offsets_from(widths), None)


# --- single values ----------------------------------------------------------------------------------------


def decode_text(data: bytes, style: TextStyle, *, element: Codec, delimiter: str = ",") -> list[Any]:
    """Return the elements as a list, of lists where there are dimensions; lower bounds are dropped."""
    return parse_array(text_value(data), lambda item: element.decode_text(item.encode(), style), delimiter)


def decode_binary(data: bytes, *, element: Codec, element_oid: int) -> list[Any]:
    """Return the elements as a list, of lists where there are dimensions; lower bounds are dropped."""
    try:
        return _decode_binary(data, element, element_oid)
    except struct.error as exc:
        raise ProtocolError("insufficient data left in message") from exc


def _decode_binary(data: bytes, element: Codec, element_oid: int) -> list[Any]:
    depth, flags, found_oid = struct.unpack_from("!iiI", data)
    if not 0 <= depth <= MAX_DIMENSIONS:
        raise InvalidBinaryRepresentation(f"invalid number of dimensions: {depth}")
    if flags not in (0, 1):
        raise InvalidBinaryRepresentation("invalid array flags")
    if found_oid != element_oid:
        raise TypeFault(f"binary data has array element type {found_oid} instead of expected {element_oid}")
    sizes = [struct.unpack_from("!ii", data, 12 + 8 * level)[0] for level in range(depth)]
    count = _count(sizes, len(data))
    items, end = _decode_items(data, 12 + 8 * depth, count, element)
    if end != len(data):
        raise InvalidBinaryRepresentation("incorrect binary data format")
    return _nested(items, sizes)


def _count(sizes: list[int], available: int) -> int:
    count = 1 if sizes else 0
    for size in sizes:
        if size < 0:
            raise InvalidBinaryRepresentation("invalid array dimension")
        count *= size
    if 4 * count > available:
        raise ProtocolError("insufficient data left in message")
    return count


def _decode_items(data: bytes, position: int, count: int, element: Codec) -> tuple[list[Any], int]:
    items: list[Any] = []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", data, position)
        position += 4
        if length == -1:
            items.append(None)
            continue
        if length < 0 or position + length > len(data):
            raise ProtocolError("insufficient data left in message")
        items.append(element.decode_binary(data[position : position + length]))
        position += length
    return items, position


def _nested(items: list[Any], sizes: list[int]) -> list[Any]:
    if not items:
        return []
    for size in reversed(sizes[1:]):
        items = [items[place : place + size] for place in range(0, len(items), size)]
    return items


def codec_of(element: Codec, element_oid: int, delimiter: str = ",") -> Codec:
    """Return the codec of arrays over an element type."""
    return Codec(
        partial(encode_text, element=element, delimiter=delimiter.encode()),
        partial(encode_binary, element=element, element_oid=element_oid),
        partial(decode_text, element=element, delimiter=delimiter),
        partial(decode_binary, element=element, element_oid=element_oid),
    )


# --- int2vector, oidvector --------------------------------------------------------------------------------


def encode_vector_text(column: pa.Array, style: TextStyle) -> pa.Array:
    """Print the numbers with spaces between them."""
    column = plain(column)
    if not is_listlike(column.type):
        return as_text(column)
    items, offsets = _cut(column)
    return pc.binary_join(_regroup(pc.cast(items, pa.string()), offsets, nulls_of(column)), " ")


def encode_vector_binary(column: pa.Array, *, element: Codec, element_oid: int) -> pa.Array:
    """Return one dimension counted from 0, as vectors are."""
    column = plain(column)
    if not is_listlike(column.type):
        column = pc.cast(pc.utf8_split_whitespace(as_text(column)), pa.list_(pa.int64()))
    items, offsets = _cut(column)
    values = element.encode_binary(items)
    table = np.zeros((len(column), 5), ">i4")
    table[:, 0], table[:, 2], table[:, 3] = 1, element_oid, np.diff(offsets)
    body = _concatenated(_framed(values), offsets, nulls_of(column))
    return _joined([as_binary(fixed_column(table.view("V20").reshape(-1), None)), body], pa.large_binary())


def decode_vector_text(data: bytes, style: TextStyle, *, element: Codec) -> list[Any]:
    """Return the numbers."""
    return [element.decode_text(word, DEFAULT_STYLE) for word in data.split()]


def vector_codec(element: Codec, element_oid: int) -> Codec:
    """Return the codec of int2vector or oidvector."""
    return Codec(
        encode_vector_text,
        partial(encode_vector_binary, element=element, element_oid=element_oid),
        partial(decode_vector_text, element=element),
        partial(decode_binary, element=element, element_oid=element_oid),
    )
