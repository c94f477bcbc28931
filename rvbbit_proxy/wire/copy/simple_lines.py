"""Lines that need no care, read by Arrow's csv reader at once: the fast way into COPY's text and csv.

What is not simple (an escaped delimiter, a carriage return, a quote inside a field, the end marker) is left to the
decoders of lines, which read as PostgreSQL does and tell the place of a fault.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from rvbbit_proxy.wire.copy.options import CopyOptions

_BOM = b"\xef\xbb\xbf"


def simple_text(data: bytes, line_end: bytes, options: CopyOptions) -> int:
    """Return how many bytes at the start of text data are whole simple lines: all that are whole, or none."""
    end = data.rfind(line_end) + len(line_end)
    if end < len(line_end) or _is_odd(data, line_end):
        return 0
    if b"\\" not in data:
        return end
    awkward = (b"\\\n", b"\\\r", b"\\.", b"\\" + options.delimiter_text.encode())
    return 0 if any(mark in data for mark in awkward) else end


def simple_csv(data: bytes, line_end: bytes, options: CopyOptions) -> int:
    """Return how many bytes at the start of csv data are whole simple records: all that are whole, or none."""
    if options.escape_text != options.quote or options.force_null or options.force_not_null:
        return 0
    end_mark = b"\\." + line_end
    if _is_odd(data, line_end) or data.startswith(end_mark) or b"\n" + end_mark in data:
        return 0
    quote = options.quote.encode()
    if quote not in data:
        return data.rfind(b"\n") + 1
    characters = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(characters == quote[0])
    end = _record_end(data, quotes)
    inside = quotes[: int(np.searchsorted(quotes, end))]
    edges = np.frombuffer(b"\r\n" + quote + options.delimiter_text.encode(), np.uint8)
    return end if _stand_at_edges(characters, inside, edges) else 0


def read_simple(data: bytes, count: int, options: CopyOptions) -> list[pa.Array] | None:
    """Return the columns of simple lines as strings, None where a line does not fit and has to be told.

    Values of the text format still have their escapes.
    """
    quote: str | bool = options.quote if options.format == "csv" else False
    names = [str(number) for number in range(count)]
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            csv.ParseOptions(
                delimiter=options.delimiter_text,
                quote_char=quote,
                double_quote=bool(quote),
                newlines_in_values=bool(quote),
                ignore_empty_lines=False,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[options.null_text],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        ).combine_chunks()
    except pa.ArrowInvalid:
        return None
    columns = [pa.array([], pa.string()) if not column.num_chunks else column.chunk(0) for column in table.columns]
    return None if count > 1 and _may_have_empty_line(data, columns) else columns


def _is_odd(data: bytes, line_end: bytes) -> bool:
    """Tell whether the data hold what Arrow and PostgreSQL read differently: other line ends, NUL, a BOM."""
    returns = data.count(b"\r")
    if returns and (line_end == b"\n" or not returns == data.count(b"\n") == data.count(b"\r\n")):
        return True
    return (line_end == b"\r\n" and not returns and b"\n" in data) or b"\0" in data or data.startswith(_BOM)


def _record_end(data: bytes, quotes: npt.NDArray[np.int64]) -> int:
    """Return where the last record that is whole ends: behind a line end that no quotes enclose."""
    end = data.rfind(b"\n") + 1
    while end and int(np.searchsorted(quotes, end)) % 2:
        end = data.rfind(b"\n", 0, end - 1) + 1
    return end


def _stand_at_edges(
    characters: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], edges: npt.NDArray[np.uint8]
) -> bool:
    """Tell whether every quote opens or closes a whole field, or is doubled within one."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = characters[opening[opening > 0] - 1]
    after = characters[closing + 1]  # a line end follows the last, so there is one
    return bool(np.isin(before, edges).all() and np.isin(after, edges).all())


def _may_have_empty_line(data: bytes, columns: Sequence[pa.Array]) -> bool:
    """Tell whether a row may stand for an empty line, which Arrow takes for a row of empty fields."""
    empty = pc.equal(pc.fill_null(columns[0], ""), "")
    for column in columns[1:]:
        if not pc.any(empty).as_py():
            return False
        empty = pc.and_(empty, pc.equal(pc.fill_null(column, ""), ""))
    shown = data.startswith((b"\n", b"\r\n")) or b"\n\n" in data or b"\n\r\n" in data
    return bool(pc.any(empty).as_py()) and shown
