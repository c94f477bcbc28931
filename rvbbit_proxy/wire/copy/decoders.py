"""The decoder of a COPY's format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rvbbit_proxy.wire.copy.decode_binary import BinaryDecoder
from rvbbit_proxy.wire.copy.decode_csv import CsvDecoder
from rvbbit_proxy.wire.copy.decode_text import TextDecoder
from rvbbit_proxy.wire.copy.options import CopyOptions

CopyDecoder: TypeAlias = TextDecoder | CsvDecoder | BinaryDecoder


def decoder_of(names: Sequence[str], options: CopyOptions, relation: str = "") -> CopyDecoder:
    """Return the decoder of a COPY FROM into these columns.

    ``feed(bytes)`` and, at the end, ``finish()`` give rows: tuples of str or None, in binary of bytes or None.
    """
    if options.format == "binary":
        return BinaryDecoder(len(names), relation)
    return (CsvDecoder if options.format == "csv" else TextDecoder)(names, options, relation)
