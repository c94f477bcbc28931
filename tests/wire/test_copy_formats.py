"""COPY's formats: against a real PostgreSQL, and whole after any cut."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.errors import BadCopyFile, NotSupported, RvbbitError
from rvbbit_proxy.wire.copy.decoders import decoder_of
from rvbbit_proxy.wire.copy.encode import CopyEncoder
from rvbbit_proxy.wire.copy.options import CopyOptions
from rvbbit_proxy.wire.types import oids


@dataclass(frozen=True)
class NamedColumn:
    name: str
    type_oid: int


COLUMNS = (NamedColumn("n", oids.INT4), NamedColumn("t", oids.TEXT), NamedColumn("when", oids.TIMESTAMP))
NAMES = [column.name for column in COLUMNS]
TEXTS = [
    "plain", "", None, "\\N", "tab\there", "line\nend", "carriage\rreturn", "back\\slash", "quo\"te", "com,ma",
    "\\.", "\b\f\v", "pi|pe", "NULL", "it's", "ünï", "trailing\\", '""', "\\x41", "a;b",
]  # fmt: skip
ROWS = [
    (None if place == 3 else place, text, None if place % 3 else 1_700_000_000_500_000)
    for place, text in enumerate(TEXTS)
]
OPTIONS = {
    "(FORMAT text)": CopyOptions(),
    "(FORMAT text, DELIMITER '|', NULL 'NULL')": CopyOptions(delimiter="|", null="NULL"),
    "(FORMAT text, HEADER)": CopyOptions(header=True),
    "(FORMAT csv)": CopyOptions("csv"),
    "(FORMAT csv, HEADER, DELIMITER ';', NULL 'NULL')": CopyOptions("csv", ";", "NULL", header=True),
    "(FORMAT csv, FORCE_QUOTE *)": CopyOptions("csv", force_quote="*"),
    "(FORMAT csv, FORCE_QUOTE (t))": CopyOptions("csv", force_quote=frozenset({"t"})),
    "(FORMAT csv, QUOTE '''', ESCAPE '\\')": CopyOptions("csv", quote="'", escape="\\"),
    "(FORMAT binary)": CopyOptions("binary"),
}


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute('CREATE TEMP TABLE copied (n int4, t text, "when" timestamp)')
        connection.cursor().executemany(
            "INSERT INTO copied VALUES (%s, %s, timestamp 'epoch' + %s * interval '1 microsecond')", ROWS
        )
        yield connection


def batch_of(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    numbers, texts, times = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(numbers, pa.int32()),
            pa.array(texts, pa.string()),
            pa.array(times, pa.int64()).view(pa.timestamp("us")),
        ],
        names=NAMES,
    )


def messages(data: bytes) -> list[bytes]:
    """Cut CopyData messages."""
    bodies = []
    while data:
        assert data[:1] == b"d"
        end = 1 + int.from_bytes(data[1:5])
        bodies.append(data[5:end])
        data = data[end:]
    return bodies


def copy_out(postgres: psycopg.Connection[Any], source: str, options: str) -> list[bytes]:
    with postgres.cursor().copy(f"COPY {source} TO STDOUT {options}") as copy:  # type: ignore[arg-type]
        return [bytes(data) for data in copy]


@pytest.mark.parametrize("options", OPTIONS)
def test_encodes_as_postgres(postgres: psycopg.Connection[Any], options: str) -> None:
    encoder = CopyEncoder(COLUMNS, OPTIONS[options])
    ours = messages(
        encoder.encode_batch(batch_of(ROWS[:12])) + encoder.encode_batch(batch_of(ROWS[12:])) + encoder.end()
    )
    assert ours == copy_out(postgres, "copied", options)


@pytest.mark.parametrize("options", OPTIONS)
def test_encodes_nothing_as_postgres(postgres: psycopg.Connection[Any], options: str) -> None:
    encoder = CopyEncoder(COLUMNS, OPTIONS[options])
    theirs = copy_out(postgres, "(SELECT * FROM copied WHERE false)", options)
    assert messages(encoder.end()) == theirs


def test_one_column_of_the_end_marker_is_quoted(postgres: psycopg.Connection[Any]) -> None:
    encoder = CopyEncoder(COLUMNS[1:2], CopyOptions("csv"))
    batch = pa.RecordBatch.from_arrays([pa.array(["\\.", "x", None])], names=["t"])
    theirs = copy_out(postgres, "(VALUES ('\\.'), ('x'), (NULL))", "(FORMAT csv)")
    assert messages(encoder.encode_batch(batch) + encoder.end()) == theirs


@pytest.mark.parametrize("options", OPTIONS)
def test_rows_in_wire_form(postgres: psycopg.Connection[Any], options: str) -> None:
    columns = COLUMNS[:2]
    rows = [(None if n is None else str(n).encode(), None if t is None else t.encode()) for n, t, _ in ROWS]
    encoder = CopyEncoder(columns, OPTIONS[options])
    ours = encoder.encode_raw(rows, (0, 0)) + encoder.end()
    assert messages(ours) == copy_out(postgres, "(SELECT n, t FROM copied)", options)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("options", OPTIONS)
def test_decodes_what_postgres_wrote(postgres: psycopg.Connection[Any], options: str, seed: int) -> None:
    data = b"".join(copy_out(postgres, "(SELECT n, t FROM copied)", options))
    decoder = decoder_of(NAMES[:2], OPTIONS[options])
    cuts = random.Random(seed)
    rows: list[tuple[Any, ...]] = []
    while data:
        size = cuts.randint(1, 9)
        rows += decoder.feed(data[:size])
        data = data[size:]
    rows += decoder.finish()
    if OPTIONS[options].format == "binary":
        expected = [(n if n is None else n.to_bytes(4), t if t is None else t.encode()) for n, t, _ in ROWS]
        assert rows == expected
    else:
        null = OPTIONS[options].null_text if OPTIONS[options].format == "text" else None
        # text format cannot tell a text that reads like NULL from NULL, unless NULL has a backslash
        lost = {null} if null and "\\" not in null else set()
        assert rows == [(n if n is None else str(n), None if t in lost else t) for n, t, _ in ROWS]


GOOD_INPUT = [
    ("(FORMAT text)", CopyOptions(), b"1\ta\\x41\\101\\tb\n2\tx\\\ny\n\\.\nignored\n"),
    ("(FORMAT text)", CopyOptions(), b"1\ta\r\n2\tb\r\n"),
    ("(FORMAT text)", CopyOptions(), b"1\ta\r2\tb\r"),
    ("(FORMAT text)", CopyOptions(), b"1\t\\N\n2\t\\\\N"),
    ("(FORMAT text, DELIMITER '|')", CopyOptions(delimiter="|"), b"1|a\\|b\n2|\\\\|\n"[:-2] + b"\n"),
    ("(FORMAT csv)", CopyOptions("csv"), b'1,"a\nb"\n2,x"y,z"w\n3,""\n4,\n"5","""q"""'),
    ("(FORMAT csv)", CopyOptions("csv"), b'1,"a\r\nb"\r\n2,c\r\n'),
    ("(FORMAT csv, HEADER match)", CopyOptions("csv", header="match"), b"n,t\n1,a\n"),
    ("(FORMAT csv, HEADER)", CopyOptions("csv", header=True), b"whatever\n1,a\n"),
    ("(FORMAT csv, FORCE_NULL (t))", CopyOptions("csv", force_null=frozenset("t")), b'1,""\n2,\n3,"x"\n'),
    ("(FORMAT csv, FORCE_NOT_NULL (t))", CopyOptions("csv", force_not_null=frozenset("t")), b'1,""\n2,\n'),
    ("(FORMAT csv, ESCAPE '\\')", CopyOptions("csv", escape="\\"), b'1,"a\\"b\\\\"\n2,"x\\y"\n3,a\\b\n'),
]
BAD_INPUT = [
    ("(FORMAT text)", CopyOptions(), b"1\ta\n2\n"),
    ("(FORMAT text)", CopyOptions(), b"1\ta\tb\n"),
    ("(FORMAT text)", CopyOptions(), b"1\ta\n2\tb\rc\n"),
    ("(FORMAT text)", CopyOptions(), b"1\ta\r\n2\tb\n\r\n"),
    ("(FORMAT text)", CopyOptions(), b"1\t\xff\n"),
    ("(FORMAT csv)", CopyOptions("csv"), b'1,"a\n2,b\n'),
    ("(FORMAT csv)", CopyOptions("csv"), b'1,a\n2,"b\nc\nd'),
    ("(FORMAT csv)", CopyOptions("csv"), b'1,a\n2,"b\nc"\n3\n'),
    ("(FORMAT csv)", CopyOptions("csv"), b"1\n"),
    ("(FORMAT csv)", CopyOptions("csv"), b"1,2,3\n"),
    ("(FORMAT csv)", CopyOptions("csv"), b"1,a\n2,b\rc\n"),
    ("(FORMAT csv, HEADER match)", CopyOptions("csv", header="match"), b"n,x\n1,a\n"),
    ("(FORMAT csv, HEADER match)", CopyOptions("csv", header="match"), b"n\n1,a\n"),
    ("(FORMAT csv, HEADER match)", CopyOptions("csv", header="match"), b"n,\n1,a\n"),
    ("(FORMAT binary)", CopyOptions("binary"), b"PGCOPX\n\xff\r\n\0" + bytes(8)),
    ("(FORMAT binary)", CopyOptions("binary"), b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\1\0\0\0\1a"),
    ("(FORMAT binary)", CopyOptions("binary"), b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\2\0\0\0\4"),
    ("(FORMAT binary)", CopyOptions("binary"), b"PGCOPY\n\xff\r\n\0" + b"\0\1\0\0" + bytes(4)),
    ("(FORMAT binary)", CopyOptions("binary"), b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff\0"),
]


def copy_in(postgres: psycopg.Connection[Any], options: str, data: bytes) -> list[tuple[Any, ...]]:
    postgres.execute("CREATE TEMP TABLE IF NOT EXISTS target (n text, t text)")
    postgres.execute("TRUNCATE target")
    with postgres.cursor().copy(f"COPY target FROM STDIN {options}") as copy:  # type: ignore[arg-type]
        copy.write(data)
    return postgres.execute("SELECT n, t FROM target").fetchall()


@pytest.mark.parametrize(("options", "ours", "data"), GOOD_INPUT)
def test_reads_as_postgres(
    postgres: psycopg.Connection[Any], options: str, ours: CopyOptions, data: bytes
) -> None:
    expected = copy_in(postgres, options, data)
    for size in (1, 2, 3, 7, len(data)):
        decoder = decoder_of(["n", "t"], ours, "target")
        rows = [row for place in range(0, len(data), size) for row in decoder.feed(data[place : place + size])]
        assert rows + decoder.finish() == expected


@pytest.mark.parametrize(("options", "ours", "data"), BAD_INPUT)
def test_refuses_as_postgres(
    postgres: psycopg.Connection[Any], options: str, ours: CopyOptions, data: bytes
) -> None:
    with pytest.raises(psycopg.Error) as theirs:
        copy_in(postgres, options, data)
    decoder = decoder_of(["n", "t"], ours, "target")
    with pytest.raises(RvbbitError) as caught:
        decoder.feed(data)
        decoder.finish()
    diag = theirs.value.diag
    assert (caught.value.sqlstate, caught.value.message) == (diag.sqlstate, diag.message_primary)
    theirs_place, ours_place = diag.context or "", caught.value.fields.get("W", "")
    assert ours_place.split(":")[0] == theirs_place.split(":")[0].split(", column")[0]


FIELDS = st.none() | st.text() | st.text("ab'\"\\\n\r\t,|.N", max_size=6)


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=12), st.integers(1, 40))
def test_what_is_written_is_read_again(rows: list[tuple[str | None, str | None]], size: int) -> None:
    rows = [tuple(value and value.replace("\0", "") for value in row) for row in rows]  # type: ignore[misc]
    columns = [NamedColumn("a", oids.TEXT), NamedColumn("b", oids.TEXT)]
    raw = [tuple(None if value is None else value.encode() for value in row) for row in rows]
    for options in (
        CopyOptions(),
        CopyOptions("csv"),
        CopyOptions("csv", quote="'", escape="\\", delimiter="|"),
    ):
        encoder = CopyEncoder(columns, options)
        data = b"".join(messages(encoder.encode_raw(raw, (0, 0)) + encoder.end()))
        decoder = decoder_of(["a", "b"], options)
        found = [row for place in range(0, len(data), size) for row in decoder.feed(data[place : place + size])]
        assert found + decoder.finish() == rows


@given(st.binary(max_size=200), st.sampled_from(["text", "csv", "binary"]), st.booleans())
def test_any_bytes_give_rows_or_an_error_of_ours(data: bytes, name: Any, signed: bool) -> None:
    decoder = decoder_of(["a"], CopyOptions(name))
    head = b"PGCOPY\n\xff\r\n\0" + bytes(8) if signed and name == "binary" else b""
    try:
        decoder.feed(head + data)
        decoder.finish()
    except RvbbitError:
        pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CopyOptions(delimiter="ab"), "COPY delimiter must be a single one-byte character"),
        (lambda: CopyOptions(delimiter="a"), 'COPY delimiter cannot be "a"'),
        (lambda: CopyOptions("csv", delimiter='"'), "COPY delimiter and quote must be different"),
        (lambda: CopyOptions(escape="x"), "COPY ESCAPE requires CSV mode"),
        (lambda: CopyOptions("binary", delimiter=","), "cannot specify DELIMITER in BINARY mode"),
    ],
)
def test_options_are_checked(make: Any, message: str) -> None:
    with pytest.raises(RvbbitError) as caught:
        make()
    assert caught.value.message == message


def test_binary_rows_cannot_be_copied_as_text() -> None:
    with pytest.raises(NotSupported):
        CopyEncoder(COLUMNS[:1], CopyOptions()).encode_raw([(b"\0\0\0\1",)], (1,))


def test_a_cut_binary_row_is_an_error_with_its_line() -> None:
    decoder = decoder_of(["a"], CopyOptions("binary"), "things")
    decoder.feed(b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\1\0\0\0\1x\0\1\0\0")
    with pytest.raises(BadCopyFile) as caught:
        decoder.finish()
    assert caught.value.fields["W"] == "COPY things, line 2"
