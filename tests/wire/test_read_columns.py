"""Columns read at once: the same values as one by one, or None."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.read_columns import read_column
from rvbbit_proxy.wire.types.registry import decode_value, wire_type

TEXTS = {
    oids.BOOL: ["t", "f", "true", "0", "yes", "T", " t", "", "maybe"],
    oids.INT2: ["1", "-32768", "32768", " 7", "+7", "1.5", "0x10", "", "1_000"],
    oids.INT4: ["1", "-2147483648", "2147483648", "0xFFFFFFFF", "x"],
    oids.INT8: ["9223372036854775807", "-9223372036854775808", "9223372036854775808"],
    oids.FLOAT4: ["1.5", "-0", "1e39", "1e-50", "NaN", "0.1", "1e10"],
    oids.FLOAT8: ["1.5", "1e400", "1e-400", "Infinity", "-inf", "nan", "0", "0.0", "0e5", "0x1p3", " 2 ", "1e", ".5"],
    oids.DATE: ["2024-02-29", "2023-02-29", "0001-01-01", "0000-01-01", "infinity", "2024-1-1", "9999-12-31", ""],
    oids.TIMESTAMP: [
        "2024-01-31 10:00:00", "2024-01-31", "2024-01-31T10:00", "2024-01-31 10", "2024-01-31 10:00:00.123456",
        "2024-01-31 10:00:00.1234567", "2024-01-31 24:00:00", "0044-03-15 12:00:00 BC", "2024-01-31 10:00:00+02",
    ],
    oids.TIMESTAMPTZ: [
        "2024-01-31 10:00:00+00", "2024-01-31 10:00:00+05:30", "2024-01-31 10:00:00", "2024-01-31 10:00:00.5-08",
        "infinity", "2024-01-31 10:00:00Z", "2024-01-31",
    ],
    oids.BYTEA: ["\\x", "\\x00ff", "\\xABcd", "\\xa", "\\x 61", "abc", "\\x6g", "\\\\", ""],
    oids.TEXT: ["", "x", "é"],
}  # fmt: skip
VALUES: dict[int, list[Any]] = {
    oids.NUMERIC: [
        "0",
        "1",
        "-1.50",
        "123456789.123456789",
        "1E+4",
        "0.0001",
        "10000",
        "99999999999999999999",
        "NaN",
    ],
    oids.BOOL: [True, False],
    oids.DATE: ["2024-02-29", "0001-01-01", "infinity", "0044-03-15 BC"],
    oids.TIMESTAMP: ["2024-02-29 10:00:00.5", "-infinity", "0001-01-01 00:00:00"],
    oids.TIMESTAMPTZ: ["2024-02-29 10:00:00.5+00"],
    oids.TIME: ["00:00:00", "23:59:59.999999", "24:00:00"],
    oids.UUID: ["00000000-0000-0000-0000-00000000000a"],
}


def alike(found: Any, expected: Any) -> bool:
    if isinstance(expected, Decimal):
        return bool(Decimal(found) == expected)
    return str(found) == str(expected) if type(found) is not type(expected) else bool(found == expected)


def agrees(forms: list[bytes | None], type_oid: int, code: int) -> bool:
    """Tell whether the column was read at once; fail if it was, and wrongly."""
    kind = pa.binary() if code else pa.string()
    column = read_column(pa.array(forms, pa.binary()).cast(kind), type_oid, code)
    if column is None:
        return False
    expected = [decode_value(form, code, type_oid) for form in forms]
    found = column.to_pylist()
    assert len(found) == len(expected)
    assert all(alike(one, other) for one, other in zip(found, expected, strict=True)), (found, expected)
    return True


@pytest.mark.parametrize("type_oid", TEXTS, ids=lambda oid: wire_type(oid).name)
def test_text(type_oid: int) -> None:
    read = 0
    for text in TEXTS[type_oid]:
        form = text.encode()
        read += agrees([form], type_oid, 0) + agrees([None, form], type_oid, 0)
    assert read >= 2
    assert agrees([None], type_oid, 0) and agrees([], type_oid, 0)


@pytest.mark.parametrize("type_oid", VALUES, ids=lambda oid: wire_type(oid).name)
def test_binary(type_oid: int) -> None:
    kind = wire_type(type_oid)
    values = pa.array(VALUES[type_oid])
    forms = kind.encode_binary(values).to_pylist()
    assert sum(agrees([None, form, form], type_oid, 1) for form in forms) >= len(forms) / 2
    assert agrees([None], type_oid, 1)
    assert not agrees([forms[0] + b"\0"], type_oid, 1) if type_oid != oids.NUMERIC else True


@settings(deadline=None)
@given(
    st.lists(
        st.none()
        | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**10), max_value=10**10, places=4)
    )
)
def test_numerics(values: list[Decimal | None]) -> None:
    column = pa.array([None if value is None else str(value) for value in values], pa.string())
    forms = wire_type(oids.NUMERIC).encode_binary(column).to_pylist()
    assert agrees(forms, oids.NUMERIC, 1)


@settings(deadline=None)
@given(st.sampled_from([oids.INT2, oids.INT4, oids.INT8, oids.FLOAT4, oids.FLOAT8, oids.BOOL]), st.data())
def test_numbers(type_oid: int, data: st.DataObject) -> None:
    width = wire_type(type_oid).typlen
    forms = data.draw(st.lists(st.none() | st.binary(min_size=width, max_size=width)))
    column = read_column(pa.array(forms, pa.binary()), type_oid, 1)
    assert column is not None
    for found, form in zip(column.to_pylist(), forms, strict=True):
        expected = decode_value(form, 1, type_oid)
        assert found == expected or (found != found and expected != expected)


@settings(deadline=None)
@given(st.lists(st.none() | st.binary(max_size=6)), st.sampled_from(list(VALUES)))
def test_nonsense_is_left_to_the_codecs(forms: list[bytes | None], type_oid: int) -> None:
    try:
        agrees(forms, type_oid, 1)
    except RvbbitError as fault:
        raise AssertionError(f"read at once what the codec refuses: {forms}") from fault


def test_text_that_is_none() -> None:
    assert read_column(pa.array([b"\xff"], pa.binary()), oids.TEXT, 1) is None
    assert read_column(pa.array([b"a\0"], pa.binary()), oids.TEXT, 1) is None
    assert read_column(pa.array([b"\xc3\xa9", None], pa.binary()), oids.TEXT, 1).to_pylist() == ["é", None]
