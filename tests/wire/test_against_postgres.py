"""Both formats of every type, both ways, against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from literals import BAD, GOOD
from native_columns import native_column

from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.columns import as_binary
from rvbbit_proxy.wire.types.registry import decode_value, encode_column
from rvbbit_proxy.wire.types.style import TextStyle

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "<+02>-02")
DATE_STYLES = ("ISO, MDY", "SQL, MDY", "SQL, DMY", "Postgres, MDY", "Postgres, DMY", "German, DMY")
INTERVAL_STYLES = ("postgres", "postgres_verbose", "sql_standard", "iso_8601")
TYPE_NAMES = sorted(GOOD)


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def apply_style(postgres: psycopg.Connection[Any], style: TextStyle) -> None:
    settings = {
        "timezone": style.timezone,
        "datestyle": style.datestyle,
        "intervalstyle": style.intervalstyle,
        "bytea_output": style.bytea_output,
        "extra_float_digits": str(style.extra_float_digits),
    }
    for name, value in settings.items():
        postgres.execute("SELECT set_config(%s, %s, false)", (name, value))


def oid_of(name: str) -> int:
    return oids.OIDS[f"_{name[:-2]}" if name.endswith("[]") else name]


def from_postgres(postgres: psycopg.Connection[Any], name: str, texts: list[str], *, binary: bool) -> list[bytes]:
    cursor = postgres.execute(
        f"SELECT value::{name} FROM unnest(%s::text[]) WITH ORDINALITY AS literal(value, place) ORDER BY place",  # type: ignore[arg-type]
        (texts,),
        binary=binary,
    )
    assert cursor.pgresult is not None
    values = [cursor.pgresult.get_value(row, 0) for row in range(len(texts))]
    assert None not in values
    return values  # type: ignore[return-value]


def encoded(column: pa.Array, oid: int, code: int, style: TextStyle) -> list[bytes | None]:
    values: list[bytes | None] = as_binary(encode_column(column, oid, code, style)).to_pylist()
    return values


def columns_of(values: list[Any], oid: int) -> list[pa.Array]:
    """All in one column, except decimals and arrays, whose scale and depth belong to the column."""
    if oid == oids.NUMERIC or oids.element_oid_of(oid):
        return [native_column([value], oid) for value in values]
    return [native_column(values, oid)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", TYPE_NAMES)
def test_text_and_binary_agree(postgres: psycopg.Connection[Any], name: str, zone: str) -> None:
    style, oid = TextStyle(timezone=zone), oid_of(name)
    apply_style(postgres, style)
    binary = from_postgres(postgres, name, GOOD[name], binary=True)
    text = from_postgres(postgres, name, GOOD[name], binary=False)
    values = [decode_value(form, 1, oid, style) for form in binary]

    assert [repr(decode_value(lit.encode(), 0, oid, style)) for lit in GOOD[name]] == [repr(v) for v in values]
    columns = columns_of(values, oid)
    assert [form for column in columns for form in encoded(column, oid, 1, style)] == binary
    assert [form for column in columns for form in encoded(column, oid, 0, style)] == text


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_input_is_refused_alike(postgres: psycopg.Connection[Any], name: str) -> None:
    style = TextStyle()
    apply_style(postgres, style)
    for literal in BAD[name]:
        with pytest.raises(psycopg.Error) as theirs:
            from_postgres(postgres, name, [literal], binary=False)
        with pytest.raises(RvbbitError) as ours:
            decode_value(literal.encode(), 0, oid_of(name), style)
        expected = (theirs.value.diag.sqlstate, theirs.value.diag.message_primary)
        assert (ours.value.sqlstate, ours.value.message) == expected, literal


@pytest.mark.parametrize("datestyle", DATE_STYLES)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("name", ["date", "timestamp", "timestamptz"])
def test_date_styles(postgres: psycopg.Connection[Any], name: str, zone: str, datestyle: str) -> None:
    literals = [literal for literal in GOOD[name] if literal[:4].isdigit() and "-" in literal]
    apply_style(postgres, TextStyle())
    oid = oid_of(name)
    values = [decode_value(form, 1, oid) for form in from_postgres(postgres, name, literals, binary=True)]
    style = TextStyle(timezone=zone, datestyle=datestyle)
    apply_style(postgres, style)
    canonical = [str(value) for value in values]
    apply_style(postgres, style)
    expected = from_postgres(postgres, name, canonical, binary=False)
    assert encoded(native_column(values, oid), oid, 0, style) == expected


@pytest.mark.parametrize("intervalstyle", INTERVAL_STYLES)
def test_interval_styles(postgres: psycopg.Connection[Any], intervalstyle: str) -> None:
    style = TextStyle(intervalstyle=intervalstyle)
    apply_style(postgres, style)
    binary = from_postgres(postgres, "interval", GOOD["interval"], binary=True)
    text = from_postgres(postgres, "interval", GOOD["interval"], binary=False)
    values = [decode_value(form, 1, oids.INTERVAL) for form in binary]
    assert encoded(native_column(values, oids.INTERVAL), oids.INTERVAL, 0, style) == text
    assert [decode_value(form, 0, oids.INTERVAL, style) for form in text] == values


@pytest.mark.parametrize("digits", [0, -3, -15])
@pytest.mark.parametrize("name", ["float4", "float8"])
def test_extra_float_digits(postgres: psycopg.Connection[Any], name: str, digits: int) -> None:
    style = TextStyle(extra_float_digits=digits)
    apply_style(postgres, style)
    values = [
        decode_value(form, 1, oid_of(name)) for form in from_postgres(postgres, name, GOOD[name], binary=True)
    ]
    text = from_postgres(postgres, name, GOOD[name], binary=False)
    assert encoded(native_column(values, oid_of(name)), oid_of(name), 0, style) == text


def test_bytea_escape(postgres: psycopg.Connection[Any]) -> None:
    style = TextStyle(bytea_output="escape")
    apply_style(postgres, style)
    value = bytes(range(256))
    text = from_postgres(postgres, "bytea", ["\\x" + value.hex()], binary=False)
    assert encoded(pa.array([value]), oids.BYTEA, 0, style) == text
    assert decode_value(text[0], 0, oids.BYTEA) == value


def test_oids_are_postgres_own(postgres: psycopg.Connection[Any]) -> None:
    rows = postgres.execute("SELECT oid::int8, typname, typlen, typarray::int8 FROM pg_type").fetchall()
    theirs = {oid: (name, typlen, array_oid) for oid, name, typlen, array_oid in rows}
    ours = {oid: (entry.name, entry.typlen, entry.array_oid) for oid, entry in oids.TYPES.items()}
    assert ours == {oid: theirs[oid] for oid in ours}
