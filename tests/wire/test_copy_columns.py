"""COPY data by column: the same rows as line by line, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rvbbit_proxy.errors import BadCopyFile, InvalidEncoding, RvbbitError
from rvbbit_proxy.wire.copy.binary_rows import find_rows
from rvbbit_proxy.wire.copy.decoders import decoder_of
from rvbbit_proxy.wire.copy.options import CopyOptions
from rvbbit_proxy.wire.copy.simple_lines import simple_csv, simple_text

NAMES = ("a", "b")
Row = tuple[str | None, ...]


def told(found: tuple[list[Row], RvbbitError | None]) -> tuple[list[Row], object]:
    """Return rows and fault so that they compare."""
    rows, fault = found
    return rows, fault and (type(fault), fault.message, fault.fields)


def by_line(
    data: bytes, options: CopyOptions, names: Sequence[str] = NAMES
) -> tuple[list[Row], RvbbitError | None]:
    """Return the rows and the fault of the decoders of lines."""
    decoder = decoder_of(names, options, "t")
    rows: list[Row] = []
    try:
        for start in range(len(data)):
            rows += decoder.feed(data[start : start + 1])
        rows += decoder.finish()
    except RvbbitError as fault:
        return rows, fault
    return rows, None


def by_column(
    pieces: Iterable[bytes], options: CopyOptions, names: Sequence[str] = NAMES
) -> tuple[list[Row], RvbbitError | None]:
    """Return the rows and the fault behind them, read by column."""
    decoder = decoder_of(names, options, "t")
    found: list[Row] = []
    for read in (*(partial(decoder.feed_columns, piece) for piece in pieces), decoder.finish_columns):
        rows = read()
        found += zip(*(column.to_pylist() for column in rows.columns), strict=True)
        if rows.fault is not None:
            return found, rows.fault
    return found, None


def cut(data: bytes, size: int) -> list[bytes]:
    """Return a small first piece, which shows how lines end, then larger ones."""
    return [data[:3], *(data[start : start + size] for start in range(3, len(data), size))]


PIECES = [
    "a",
    "1",
    "é",
    ",",
    "\t",
    "\n",
    "\r\n",
    '"',
    '""',
    "\\",
    "\\N",
    "\\.",
    "\\t",
    "\\\\",
    "x",
    " ",
    "'",
    "\0",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
LINES = st.lists(st.tuples(st.sampled_from(["1", "", '"x"', "\\N", "y z"]), st.sampled_from(["", "b", '"\n,"'])))


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["text", "csv"]), st.integers(1, 30))
@example("a,b\n\n1,2\n", "csv", 100)
@example('a,b\n"x\n\ny",2\n', "csv", 100)
@example('a,b\n1,x"y"\n', "csv", 100)
@example("a\tb\n1\tx\\ty\n\\N\t\\\\N\n", "text", 100)
@example("a\tb\r\n1\tx\r\n2\ty\r\n", "text", 100)
@example("a\tb\n1\tx\\\ty\tz\n", "text", 100)
def test_any_bytes_are_read_alike(text: str, format_name: str, size: int) -> None:
    options = CopyOptions(format_name)  # type: ignore[arg-type]
    data = text.encode()
    assert told(by_column(cut(data, size), options)) == told(by_line(data, options))


@settings(deadline=None)
@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 60))
def test_csv_rows_are_read_alike(rows: list[tuple[str, str]], line_end: bytes, size: int) -> None:
    data = b"".join(",".join(row).encode() + line_end for row in [("x", "y"), *rows])
    expected, fault = by_line(data, CopyOptions("csv"))
    assert fault is None
    assert by_column(cut(data, size), CopyOptions("csv")) == (expected, None)


@pytest.mark.parametrize(
    ("options", "data"),
    [
        (CopyOptions("csv", force_null="*"), b'1,2\n"",3\n'),
        (CopyOptions("csv", force_not_null="*"), b"1,2\n,3\n"),
        (CopyOptions("csv", escape="\\"), b'1,2\n"a\\"b",3\n'),
        (CopyOptions("csv", quote="'", delimiter=";", null="nil"), b"1;2\n'a'';b';nil\n'nil';\n"),
        (CopyOptions("text", delimiter="|", null=""), b"1|2\n|a\\|b\n"),
        (CopyOptions("text", header=True), b"a\tb\n1\t2\n3\t4\n"),
    ],
)
def test_options_hold_by_column(options: CopyOptions, data: bytes) -> None:
    rows, fault = by_line(data, options)
    assert fault is None and rows
    assert by_column(cut(data, 100), options) == (rows, None)


def test_one_column_may_be_an_empty_line() -> None:
    data = b"abc\n\n\\N\nx\n"
    assert by_column(cut(data, 100), CopyOptions(), ["a"]) == ([("abc",), ("",), (None,), ("x",)], None)


@pytest.mark.parametrize(
    ("options", "data", "lines"),
    [
        (CopyOptions(), b"1\ta\n2\tx\\ny\n3\tc\n", [1, 2, 3]),
        (CopyOptions("csv"), b'1,a\n2,"x\n\ny"\n3,c\n', [1, 4, 5]),
        (CopyOptions("csv", header=True), b'a,b\n1,"x\ny"\n3,c', [3, 4]),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_rows_know_their_lines(options: CopyOptions, data: bytes, lines: list[int], size: int) -> None:
    decoder = decoder_of(NAMES, options, "t")
    found = [decoder.feed_columns(piece) for piece in cut(data, size)] + [decoder.finish_columns()]
    assert [rows.line_of(row) for rows in found for row in range(rows.count)] == lines


def test_faults_keep_their_place_after_simple_lines() -> None:
    decoder = decoder_of(NAMES, CopyOptions(), "t")
    assert decoder.feed_columns(b"1\ta\n").count == 1
    assert decoder.feed_columns(b"2\tb\n3\tc\n").count == 2
    rows = decoder.feed_columns(b"4\td\n5\n")
    assert (rows.count, rows.cut_row) == (1, ("5",))
    assert isinstance(rows.fault, BadCopyFile) and rows.fault.fields == {"W": 'COPY t, line 5: "5"'}


def test_escaped_bytes_that_are_no_text_are_told_with_their_line() -> None:
    decoder = decoder_of(NAMES, CopyOptions(), "t")
    decoder.feed_columns(b"1\ta\n")
    fault = decoder.feed_columns(b"2\t\\xff\n").fault
    assert isinstance(fault, InvalidEncoding)
    assert fault.fields["W"] == 'COPY t, line 2: "2\t\\xff"'


def test_binary_rows_by_column() -> None:
    head = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    row = b"\0\2" + b"\0\0\0\1x" + b"\xff\xff\xff\xff"
    decoder = decoder_of(NAMES, CopyOptions("binary"), "t")
    found = [decoder.feed_columns(head + row + row[:3]), decoder.feed_columns(row[3:] + b"\xff\xff")]
    assert [[column.to_pylist() for column in rows.columns] for rows in found] == [[[b"x"], [None]]] * 2
    assert [rows.line_of(0) for rows in found] == [1, 2]
    assert decoder.finish_columns().count == 0


VALUES = (
    st.none() | st.sampled_from([b"", b"\0\2\0\0\0\1x", b"\0\2", b"\xff\xff", bytes(20)]) | st.binary(max_size=5)
)


def binary_data(rows: Sequence[tuple[bytes | None, ...]]) -> bytes:
    fields = [
        b"\0\2" + b"".join(b"\xff" * 4 if value is None else len(value).to_bytes(4) + value for value in row)
        for row in rows
    ]
    return b"PGCOPY\n\xff\r\n\x00" + bytes(8) + b"".join(fields) + b"\xff\xff"


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=30), st.integers(1, 3000), st.none() | st.integers(0, 400))
def test_binary_rows_are_read_alike(rows: list[tuple[bytes | None, ...]], size: int, broken: int | None) -> None:
    data = bytearray(binary_data(rows * 20))
    if broken is not None and 30 < broken < len(data):
        data[broken] ^= 0xFF
    options = CopyOptions("binary")
    assert told(by_column(cut(bytes(data), size), options)) == told(by_line(bytes(data), options))


def test_the_fast_ways_are_taken() -> None:
    lines = b"1\ta b\\\\c\n\\N\t\\x\n" * 50
    assert simple_text(lines + b"2\t", b"\n", CopyOptions()) == len(lines)
    records = b'1,"a ""b"", \n c"\r\n,""\r\n' * 50
    assert simple_csv(records.replace(b" \n", b" \r\n") + b'"', b"\r\n", CopyOptions("csv")) == len(records) + 50
    assert simple_csv(b'1,"a\nb"\n2,"c\n', b"\n", CopyOptions("csv")) == len(b'1,"a\nb"\n')
    rows = [(b"\0\2\0\0\0\1x", None), (b"", bytes(20))] * 50
    data = binary_data(rows)[19:]
    found = find_rows(data, 2)
    assert found is not None and found.end == len(data) - 2
    assert list(zip(*(column.to_pylist() for column in found.columns), strict=True)) == rows
