"""DataRow messages of whole batches: both ways of encoding give the same bytes, for every Arrow form."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rvbbit_proxy.errors import NotSupported, RvbbitError, TypeFault, ValueOutOfRange
from rvbbit_proxy.wire.types import oids, rows
from rvbbit_proxy.wire.types.registry import TYPES, decode_value, encode_column
from rvbbit_proxy.wire.types.rows import encode_data_rows, encode_raw_rows
from rvbbit_proxy.wire.types.style import DEFAULT_STYLE, TextStyle


@dataclass(frozen=True)
class TypedColumn:
    type_oid: int


DEEP = Context(prec=80)
DECIMALS = st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False, allow_infinity=False)
TIMES_US = (
    st.integers(-(2**62), 2**62) | st.integers(-(10**15), 3 * 10**15) | st.sampled_from([2**63 - 1, 1 - 2**63])
)
KINDS: dict[str, tuple[int, pa.DataType, Any]] = {
    "bool": (oids.BOOL, pa.bool_(), st.booleans()),
    "int2": (oids.INT2, pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "int4": (oids.INT4, pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "int8": (oids.INT8, pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "oid": (oids.OID, pa.uint32(), st.integers(0, 2**32 - 1)),
    "float4": (oids.FLOAT4, pa.float32(), st.floats(width=32)),
    "float8": (oids.FLOAT8, pa.float64(), st.floats()),
    "numeric": (oids.NUMERIC, pa.decimal128(12, 2), DECIMALS),
    "wide numeric": (
        oids.NUMERIC,
        pa.decimal256(60, 20),
        st.integers(-(10**60) + 1, 10**60 - 1).map(lambda number: Decimal(number).scaleb(-20, DEEP)),
    ),
    "tiny numeric": (
        oids.NUMERIC,
        pa.decimal128(12, 11),
        st.integers(-(10**12) + 1, 10**12 - 1).map(lambda number: Decimal(number).scaleb(-11)),
    ),
    "whole numeric": (oids.NUMERIC, pa.decimal128(18, 0), st.integers(1 - 10**18, 10**18 - 1).map(Decimal)),
    "sum": (
        oids.NUMERIC,
        pa.decimal128(38, 2),
        (st.integers(1 - 10**38, 10**38 - 1) | st.integers(-(10**9), 10**9)).map(
            lambda n: Decimal(n).scaleb(-2, DEEP)
        ),
    ),
    "huge": (oids.NUMERIC, pa.string(), (st.integers(-(10**39), 10**39) | st.integers(-(10**6), 10**6)).map(str)),
    "fraction": (
        oids.NUMERIC,
        pa.decimal128(5, 5),
        st.integers(-99_999, 99_999).map(lambda number: Decimal(number).scaleb(-5)),
    ),
    "text": (oids.TEXT, pa.string(), st.text()),
    "large text": (oids.TEXT, pa.large_string(), st.text()),
    "text view": (oids.TEXT, pa.string_view(), st.text()),
    "bytea": (oids.BYTEA, pa.binary(), st.binary()),
    "bytea view": (oids.BYTEA, pa.binary_view(), st.binary()),
    "date": (oids.DATE, pa.date32(), st.integers(-2_400_000, 3_000_000) | st.sampled_from([2**31 - 1, 1 - 2**31])),
    "time": (oids.TIME, pa.time64("us"), st.integers(0, 86_400_000_000)),
    "timestamp": (oids.TIMESTAMP, pa.timestamp("us"), TIMES_US),
    "timestamptz": (oids.TIMESTAMPTZ, pa.timestamp("us", "UTC"), TIMES_US),
    "timestamp s": (oids.TIMESTAMP, pa.timestamp("s"), st.integers(-(10**9), 10**10)),
    "timestamp ns": (oids.TIMESTAMP, pa.timestamp("ns"), st.integers(-(10**18), 10**18)),
    "interval": (
        oids.INTERVAL,
        pa.month_day_nano_interval(),
        st.tuples(st.integers(-999, 999), st.integers(-999, 999), st.integers(-(10**15), 10**15)),
    ),
    "uuid": (oids.UUID, pa.binary(16), st.binary(min_size=16, max_size=16)),
    "uuid text": (oids.UUID, pa.string(), st.uuids().map(str)),
    "json": (oids.JSON, pa.string(), st.sampled_from(["1", '{"a": [null]}'])),
    "jsonb": (oids.JSONB, pa.string(), st.sampled_from(["1", '{"a": [null]}'])),
    "varbit": (oids.VARBIT, pa.string(), st.text("01", max_size=20)),
    "int4[]": (oids.array_oid_of(oids.INT4), pa.list_(pa.int32()), st.lists(st.none() | st.integers(-9, 9))),
    "text[]": (oids.array_oid_of(oids.TEXT), pa.list_(pa.string()), st.lists(st.none() | st.text(max_size=4))),
    "null": (oids.TEXT, pa.null(), st.none()),
}
TIMEZONES = ["UTC", "America/New_York", "Asia/Kathmandu", "+05:30"]

INTEGER_LIKE = frozenset({"date", "time", "timestamp", "timestamptz", "timestamp s", "timestamp ns"})


def column_of(name: str, values: Sequence[Any]) -> pa.Array:
    """Return the column; temporal values come as the integers Arrow holds."""
    _, kind, _ = KINDS[name]
    if name in INTEGER_LIKE:
        return pa.array(values, pa.int32() if kind == pa.date32() else pa.int64()).view(kind)
    return pa.array(values, kind)


@st.composite
def batches(draw: st.DrawFn) -> tuple[pa.RecordBatch, list[TypedColumn], list[int]]:
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=5))
    count = draw(st.integers(0, 20))
    columns = [
        column_of(name, draw(st.lists(st.none() | KINDS[name][2], min_size=count, max_size=count)))
        for name in names
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=[str(place) for place in range(len(names))])
    formats = draw(st.lists(st.integers(0, 1), min_size=len(names), max_size=len(names)))
    start = draw(st.integers(0, 5))
    return batch.slice(start), [TypedColumn(KINDS[name][0]) for name in names], formats


@given(batches(), st.sampled_from(TIMEZONES))
def test_by_row_and_by_column_give_the_same_bytes(
    case: tuple[pa.RecordBatch, list[TypedColumn], list[int]], timezone: str
) -> None:
    batch, columns, formats = case
    style = TextStyle(timezone=timezone)
    type_oids = [column.type_oid for column in columns]
    try:
        by_row = rows._encode_by_row(batch, type_oids, formats, style, b"D")
    except RvbbitError as exc:
        with pytest.raises(type(exc)):
            rows._encode_by_column(batch, type_oids, formats, style, b"D")
        return
    assert by_row == rows._encode_by_column(batch, type_oids, formats, style, b"D")
    assert encode_data_rows(batch, columns, formats, style) == by_row


def values_in(data: bytes) -> list[list[bytes | None]]:
    """Read DataRow messages."""
    found = []
    while data:
        assert data[:1] == b"D"
        end = 1 + int.from_bytes(data[1:5])
        (count,), place, row = struct.unpack_from("!H", data, 5), 7, []
        for _ in range(count):
            (length,) = struct.unpack_from("!i", data, place)
            place += 4
            row.append(None if length == -1 else data[place : place + length])
            place += max(length, 0)
        assert place == end
        found.append(row)
        data = data[end:]
    return found


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"null"}))
@given(data=st.data())
def test_both_formats_decode_to_the_same_value(name: str, data: st.DataObject) -> None:
    oid, _, strategy = KINDS[name]
    if oid in (oids.TEXT, oids.array_oid_of(oids.TEXT)):
        strategy = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
        strategy = strategy if oid == oids.TEXT else st.lists(st.none() | strategy)
    column = column_of(name, data.draw(st.lists(strategy, min_size=1, max_size=12)))
    style = TextStyle(timezone=data.draw(st.sampled_from(TIMEZONES)))
    batch = pa.RecordBatch.from_arrays([column, column], names=["text", "binary"])
    try:
        encoded = encode_data_rows(batch, [TypedColumn(oid)] * 2, (0, 1), style)
    except RvbbitError as exc:
        assert exc.sqlstate == "22008"  # beyond PostgreSQL's first date
        return
    for text, binary in values_in(encoded):
        from_text, from_binary = decode_value(text, 0, oid, style), decode_value(binary, 1, oid, style)
        assert repr(from_text) == repr(from_binary)


def test_golden() -> None:
    batch = pa.RecordBatch.from_arrays(
        [pa.array([1, None], pa.int32()), pa.array(["a", "bc"]), pa.array([True, False])], names=["n", "t", "b"]
    )
    columns = [TypedColumn(oids.INT4), TypedColumn(oids.TEXT), TypedColumn(oids.BOOL)]
    expected = (
        b"D\0\0\0\x18\0\3\0\0\0\4\0\0\0\1\0\0\0\1a\0\0\0\1\1D\0\0\0\x15\0\3\xff\xff\xff\xff\0\0\0\2bc\0\0\0\1\0"
    )
    assert encode_data_rows(batch, columns, (1,)) == expected
    many = pa.concat_batches([batch] * 10)
    assert encode_data_rows(many, columns, (1,)) == expected * 10


def test_rows_without_columns() -> None:
    batch = pa.RecordBatch.from_pylist([{}, {}])
    assert encode_data_rows(batch.slice(0, 0), []) == b""
    table = pa.table({"a": [1] * 20}).select([]).to_batches()[0]
    assert encode_data_rows(table, []) == b"D\0\0\0\6\0\0" * 20


@pytest.mark.parametrize("count", [3, 200])
def test_raw_rows(count: int) -> None:
    raw = [(b"1", None), (b"", b"x")] * count
    expected = (b"D\0\0\0\x0f\0\2\0\0\0\x011\xff\xff\xff\xff" + b"D\0\0\0\x0f\0\2\0\0\0\0\0\0\0\1x") * count
    assert encode_raw_rows(raw, (0, 0), [TypedColumn(oids.TEXT)] * 2, (0,)) == expected


def test_raw_text_becomes_binary_where_the_client_wants_it() -> None:
    columns = [TypedColumn(oid) for oid in (oids.INT4, oids.BOOL, oids.BYTEA, oids.array_oid_of(oids.INT4))]
    row = (b"7", b"t", b"\\x00ff", b"{{1,NULL}}")
    (found,) = values_in(encode_raw_rows([row], (0, 0, 0, 0), columns, (1,)))
    values = [decode_value(value, 1, column.type_oid) for value, column in zip(found, columns, strict=True)]
    assert values == [7, True, b"\0\xff", [[1, None]]]
    with pytest.raises(NotSupported):
        encode_raw_rows([row], (1, 1, 1, 1), columns, (0,))


def texts(column: pa.Array, oid: int) -> list[str]:
    return [value.decode() for (value,) in values_in(encode_data_rows(batch_of(column), [TypedColumn(oid)]))]  # type: ignore[union-attr]


def batch_of(column: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column], names=["c"])


def test_tolerated_arrow_forms() -> None:
    assert texts(pa.array([1, 2], pa.uint8()), oids.INT4) == ["1", "2"]
    assert texts(pa.array(["a", "b", "a"]).dictionary_encode(), oids.TEXT) == ["a", "b", "a"]
    assert texts(pa.array([bytes(16)], pa.uuid()), oids.UUID) == ["00000000-0000-0000-0000-000000000000"]
    assert texts(pa.array([[1, 2]], pa.list_(pa.int32(), 2)), oids.array_oid_of(oids.INT4)) == ["{1,2}"]
    assert texts(pa.array([[[1], [2]], []], pa.large_list(pa.list_(pa.int8()))), 1007) == ["{{1},{2}}", "{}"]
    assert texts(pa.array([5], pa.int64()), oids.NUMERIC) == ["5"]
    assert texts(pa.array([2.5]), oids.NUMERIC) == ["2.5"]
    assert texts(pa.array([1], pa.int64()), 987_654) == ["1"]
    assert texts(pa.array([[1], [1, 2]], pa.list_view(pa.int32())), 1007) == ["{1}", "{1,2}"]


def test_numbers_that_do_not_fit_are_refused() -> None:
    for kind in (oids.INT4, oids.INT2, oids.OID):
        for count in (1, 20):
            with pytest.raises(ValueOutOfRange):
                encode_data_rows(batch_of(pa.array([2**40] * count)), [TypedColumn(kind)], (1,))


def test_uuids_in_any_form_become_binary() -> None:
    forms = ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"]
    same = bytes.fromhex("a0eebc999c0b4ef8bb6d6bb9bd380a11")
    assert encode_column(pa.array(forms), oids.UUID, 1).to_pylist() == [same, None, same]
    forms.append("{a0eebc999c0b4ef8bb6d6bb9bd380a11}")
    assert encode_column(pa.array(forms), oids.UUID, 1).to_pylist() == [same, None, same, same]
    for bad in ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", "a0eebc99x9c0b-4ef8-bb6d-6bb9bd380a11"):
        with pytest.raises(RvbbitError) as caught:
            encode_column(pa.array([bad]), oids.UUID, 1)
        assert caught.value.sqlstate == "22P02"


def test_ragged_lists() -> None:
    column = pa.array([[[1], [2, 3]]])
    assert texts(column, 1007) == ["{{1},{2,3}}"]
    with pytest.raises(TypeFault) as caught:
        encode_column(column, 1007, 1)
    assert caught.value.sqlstate == "2202E"


@given(st.sampled_from(sorted(TYPES)), st.binary(max_size=40), st.integers(0, 1))
@example(oids.INET, b"", 1)
@example(oids.INET, b"\x02\x20\x00\x04abc", 1)
@example(oids.INET, b"\x09\x20\x00\x04abcd", 1)
def test_any_parameter_value_gives_a_value_or_an_error_of_ours(oid: int, data: bytes, code: int) -> None:
    try:
        decode_value(data, code, oid)
    except RvbbitError:
        pass


ALPHABET = '0123456789-+:./ ,{}[]"\\eEtTzZPYMDHSnaNifbcxAgo@'


@given(st.sampled_from(sorted(TYPES)), st.text(ALPHABET, max_size=24))
def test_any_parameter_text_gives_a_value_or_an_error_of_ours(oid: int, text: str) -> None:
    try:
        decode_value(text.encode(), 0, oid, DEFAULT_STYLE)
    except RvbbitError:
        pass


@pytest.mark.parametrize("count", [1, 20])
def test_numerics_keep_more_digits_than_pythons_context(count: int) -> None:
    value = Decimal("-123456789012345678901234567890.12345678901")
    for column in (pa.array([value] * count), pa.array([str(value)] * count)):
        encoded = encode_data_rows(batch_of(column), [TypedColumn(oids.NUMERIC)], (1,))
        assert [decode_value(found, 1, oids.NUMERIC) for (found,) in values_in(encoded)] == [value] * count


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("code", [0, 1])
def test_a_batch_of_no_rows(name: str, code: int) -> None:
    empty = [column_of(name, [])]
    assert (
        rows._encode_by_column(
            pa.RecordBatch.from_arrays(empty, ["c"]), [KINDS[name][0]], [code], DEFAULT_STYLE, b"D"
        )
        == b""
    )
