"""Arrow columns as numpy sees them, and back: what the type families share.

Source: https://arrow.apache.org/docs/format/Columnar.html (buffer layouts).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.errors import NotSupported

Mask: TypeAlias = npt.NDArray[np.bool_]
Numbers: TypeAlias = npt.NDArray[Any]

INT32_LIMIT = 2**31 - 1
_LONGEST_ITEM = 64
"""Values of one length up to this are copied as numpy items."""


def plain(column: pa.Array) -> pa.Array:
    """Return the column without extension, dictionary, run-end or view wrapping; null type becomes string."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string() if column.nbytes > INT32_LIMIT else pa.string())
    if pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary() if column.nbytes > INT32_LIMIT else pa.binary())
    return column


def is_stringlike(kind: pa.DataType) -> bool:
    """Tell string and large_string."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_listlike(kind: pa.DataType) -> bool:
    """Tell list, large_list, their views and fixed_size_list."""
    checks = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(check(kind) for check in checks)


def as_text(column: pa.Array) -> pa.Array:
    """Return a plain column as strings, the way Arrow prints it; raises NotSupported where Arrow cannot."""
    kind = column.type
    if is_stringlike(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as exc:
        raise NotSupported(f"cannot print a column of type {kind}", hint="Cast it to text.") from exc


def values_of(column: pa.Array, dtype: Any) -> Numbers:
    """Return the values buffer of a fixed-width column without copying; what stands under NULLs is arbitrary."""
    form = np.dtype(dtype)
    buffer = column.buffers()[1]
    if buffer is None or not len(column):
        return np.zeros(len(column), form)
    return np.frombuffer(buffer, form, len(column), column.offset * form.itemsize)


def offsets_of(column: pa.Array) -> Numbers:
    """Return the n+1 offsets of a string, binary or list column as int64."""
    return _raw_offsets(column).astype(np.int64)


def _raw_offsets(column: pa.Array) -> Numbers:
    kind = column.type
    large = pa.types.is_large_binary(kind) or pa.types.is_large_string(kind) or pa.types.is_large_list(kind)
    form = np.dtype(np.int64 if large else np.int32)
    buffer = column.buffers()[1]
    if buffer is None or not len(column):
        return np.zeros(len(column) + 1, form)
    return np.frombuffer(buffer, form, len(column) + 1, column.offset * form.itemsize)


def bytes_of(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the bytes of a string or binary column, first value's first byte to last value's last."""
    offsets = offsets_of(column)
    buffer = column.buffers()[2]
    if buffer is None:
        return np.zeros(0, np.uint8)
    return np.frombuffer(buffer, np.uint8, int(offsets[-1] - offsets[0]), int(offsets[0]))


def nulls_of(column: pa.Array) -> Mask | None:
    """Return where the column is NULL, or None if nowhere."""
    if not column.null_count:
        return None
    nulls: Mask = column.is_null().to_numpy(zero_copy_only=False)
    return nulls


def _validity(nulls: Mask | None) -> pa.Buffer | None:
    return None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))


def fixed_column(values: Numbers, nulls: Mask | None) -> pa.Array:
    """Return a fixed_size_binary column whose values are the bytes of the numpy items."""
    data = np.ascontiguousarray(values)
    kind = pa.binary(data.dtype.itemsize)
    return pa.Array.from_buffers(kind, len(data), [_validity(nulls), pa.py_buffer(data.view(np.uint8))])


def matrix_column(matrix: npt.NDArray[np.uint8], nulls: Mask | None) -> pa.Array:
    """Return a fixed_size_binary column of a (rows, width) matrix of bytes."""
    data = np.ascontiguousarray(matrix)
    return pa.Array.from_buffers(
        pa.binary(data.shape[1]), len(data), [_validity(nulls), pa.py_buffer(data.reshape(-1))]
    )


def binary_column(data: Numbers, offsets: Numbers, nulls: Mask | None) -> pa.Array:
    """Return a binary column (large if it must be) of bytes and n+1 offsets."""
    large = int(offsets[-1]) > INT32_LIMIT
    form = np.int64 if large else np.int32
    buffers = [_validity(nulls), pa.py_buffer(offsets.astype(form)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary() if large else pa.binary(), len(offsets) - 1, buffers)


def even_column(values: Numbers, nulls: Mask | None) -> pa.Array:
    """Return a binary column (large if it must be) whose values are the bytes of the numpy items."""
    rows, width = len(values), values.dtype.itemsize
    kind = pa.large_binary() if rows * width > INT32_LIMIT else pa.binary()
    offsets = _even_offsets(rows, width, np.int64 if pa.types.is_large_binary(kind) else np.int32)
    data = pa.py_buffer(np.ascontiguousarray(values).view(np.uint8))
    return pa.Array.from_buffers(kind, rows, [_validity(nulls), offsets, data])


@lru_cache(32)  # a stream's batches are alike
def _even_offsets(rows: int, width: int, form: type[np.signedinteger[Any]]) -> pa.Buffer:
    return pa.py_buffer(np.arange(rows + 1, dtype=form) * form(width))


def offsets_from(lengths: Numbers) -> Numbers:
    """Return the n+1 offsets of values with these lengths."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def as_binary(column: pa.Array) -> pa.Array:
    """Return a string, binary or fixed-width column as binary or large_binary, without copying values."""
    kind = column.type
    if pa.types.is_fixed_size_binary(kind):
        return even_column(values_of(column, f"V{kind.byte_width}"), nulls_of(column))
    if pa.types.is_string(kind):
        return column.view(pa.binary())
    if pa.types.is_large_string(kind):
        return column.view(pa.large_binary())
    return column


def lengths_of(column: pa.Array) -> Numbers:
    """Return the length of each encoded value in bytes, -1 for NULL."""
    kind = column.type
    if pa.types.is_fixed_size_binary(kind):
        lengths: Numbers = np.full(len(column), kind.byte_width, np.int32)
    else:
        lengths = np.diff(_raw_offsets(column))
    nulls = nulls_of(column)
    if nulls is not None:
        lengths[nulls] = -1
    return lengths


def width_of(column: pa.Array) -> int | None:
    """Return the length that all encoded values have; None if they differ, if one is NULL, or if it is long."""
    if column.null_count or not len(column):
        return None
    if pa.types.is_fixed_size_binary(column.type):
        return int(column.type.byte_width)
    lengths = np.diff(_raw_offsets(column))
    width = int(lengths[0])
    return width if width <= _LONGEST_ITEM and (lengths == width).all() else None


def items_of(column: pa.Array, width: int) -> Numbers:
    """Return the encoded values, all of this length, as numpy items."""
    if pa.types.is_fixed_size_binary(column.type):
        return values_of(column, f"V{width}")
    return bytes_of(column).view(f"V{width}")


def patch(column: pa.Array, where: Mask, texts: Sequence[str]) -> pa.Array:
    """Return a string column with the marked values replaced, in order."""
    return pc.replace_with_mask(column, pa.array(where), pa.array(list(texts), column.type))


def mapped(column: pa.Array, encode: Any) -> pa.Array:
    """Return ``encode(value) -> bytes`` of each distinct value, for the types too rare to be worth arithmetic."""
    distinct = column.dictionary_encode()
    encoded = [None if value is None else encode(value) for value in distinct.dictionary.to_pylist()]
    return pa.array(encoded, pa.binary()).take(distinct.indices)
