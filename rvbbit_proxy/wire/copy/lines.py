"""Columns of text to the lines of COPY's text and csv formats, by column.

Source: PostgreSQL's src/backend/commands/copyto.c (CopyAttributeOutText, CopyAttributeOutCSV).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from rvbbit_proxy.wire.copy.options import CopyOptions, is_chosen
from rvbbit_proxy.wire.types.columns import as_binary, bytes_of

_CONTROLS = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}
_END = b"\\."
LINE_KIND = pa.large_binary()


def encode_lines(columns: Sequence[pa.Array], names: Sequence[str], rows: int, options: CopyOptions) -> pa.Array:
    """Return one line per row, its newline too, of columns in text form."""
    texts = [as_binary(column).cast(LINE_KIND) for column in columns]
    if options.format == "csv":
        fields = [_csv_field(text, name, options, len(texts)) for text, name in zip(texts, names, strict=True)]
    else:
        fields = [_text_field(text, options) for text in texts]
    return _joined(fields, rows, options)


def header_line(names: Sequence[str], options: CopyOptions) -> bytes:
    """Return the line of column names."""
    columns = [pa.array([name.encode()], LINE_KIND) for name in names]
    line: bytes = encode_lines(columns, ["" for _ in names], 1, options)[0].as_py()
    return line


def _joined(fields: Sequence[pa.Array], rows: int, options: CopyOptions) -> pa.Array:
    if not fields:
        return pa.array([b"\n"] * rows, LINE_KIND)
    delimiter = pa.scalar(options.delimiter_text.encode(), LINE_KIND)
    pieces: list[pa.Array | pa.Scalar] = [fields[0]]
    for field in fields[1:]:
        pieces += [delimiter, field]
    return pc.binary_join_element_wise(
        *pieces,
        pa.scalar(b"\n", LINE_KIND),
        pa.scalar(b"", LINE_KIND),
        null_handling="replace",
        null_replacement=options.null_text.encode(),
    )


def _text_field(text: pa.Array, options: CopyOptions) -> pa.Array:
    replacements = {"\\": "\\\\"} | {control: f"\\{letter}" for control, letter in _CONTROLS.items()}
    replacements.setdefault(options.delimiter_text, f"\\{options.delimiter_text}")
    data = bytes_of(text).tobytes()
    for character, replacement in replacements.items():
        if character.encode() in data:
            text = pc.replace_substring(text, character, replacement)
    return text


def _csv_field(text: pa.Array, name: str, options: CopyOptions, count: int) -> pa.Array:
    if is_chosen(options.force_quote, name):
        return _quoted(text, options)
    special = options.delimiter_text + options.quote + "\n\r"
    data = bytes_of(text).tobytes()
    simple = not any(character.encode() in data for character in special)
    if simple and not _may_be_taken_for_more(text, options, count):
        return text
    needs = pc.match_substring_regex(text, f"[{re.escape(special)}]")
    needs = pc.or_(needs, pc.equal(text, pa.scalar(options.null_text.encode(), LINE_KIND)))
    if count == 1:
        needs = pc.or_(needs, pc.equal(text, pa.scalar(_END, LINE_KIND)))
    return pc.if_else(needs, _quoted(text, options), text)


def _may_be_taken_for_more(text: pa.Array, options: CopyOptions, count: int) -> bool:
    """Tell whether a value equals the NULL text, or is alone on its line and would end the data."""
    marks = (options.null_text.encode(), _END) if count == 1 else (options.null_text.encode(),)
    return any(pc.any(pc.equal(text, pa.scalar(mark, LINE_KIND))).as_py() for mark in marks)


def _quoted(text: pa.Array, options: CopyOptions) -> pa.Array:
    for character in dict.fromkeys((options.escape_text, options.quote)):
        text = pc.replace_substring(text, character, options.escape_text + character)
    mark = pa.scalar(options.quote.encode(), LINE_KIND)
    return pc.binary_join_element_wise(mark, text, mark, pa.scalar(b"", LINE_KIND))
