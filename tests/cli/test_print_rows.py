"""Rows on the terminal: as PostgreSQL prints values, never folded off a terminal."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvbbit_proxy.cli.print_rows import Format, as_text, format_of, print_rows

COLUMNS = ("id", "title", "tags")
ROWS = ((1, "a, b", ["x y", None]), (20, None, []), (300, 'say "hi" [bold]', ["NULL", ""]))


def printed(format: Format) -> str:
    file = io.StringIO()
    print_rows(COLUMNS, ROWS, format, file=file)
    return file.getvalue()


def test_a_table_has_the_count_and_numbers_to_the_right() -> None:
    lines = printed(Format.TABLE).splitlines()
    assert lines[-1] == "(3 rows)"
    assert [line[:7] for line in lines if line[2:6].strip().isdigit()] == ["|   1 |", "|  20 |", "| 300 |"]


def test_a_table_takes_nothing_for_markup_and_folds_nothing() -> None:
    file = io.StringIO()
    print_rows(("text",), (("word " * 100 + "[bold]end",),), file=file)
    assert any("word " * 100 + "[bold]end" in line for line in file.getvalue().splitlines())


def test_csv_quotes_and_leaves_null_empty() -> None:
    assert printed(Format.CSV).splitlines() == [
        "id,title,tags",
        '1,"a, b","{""x y"",NULL}"',
        "20,,{}",
        '300,"say ""hi"" [bold]","{""NULL"",""""}"',
    ]


def test_json_is_one_object_per_line() -> None:
    assert [json.loads(line) for line in printed(Format.JSON).splitlines()] == [
        dict(zip(COLUMNS, row, strict=True)) for row in ROWS
    ]


def test_json_has_numbers_for_numeric_and_text_for_times() -> None:
    file = io.StringIO()
    row = (Decimal("1.50"), Decimal("3"), date(2026, 1, 2), timedelta(seconds=90), b"\x01")
    print_rows(("a", "b", "c", "d", "e"), (row,), Format.JSON, file=file)
    assert json.loads(file.getvalue()) == {"a": 1.5, "b": 3, "c": "2026-01-02", "d": "0:01:30", "e": "\\x01"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (False, "f"),
        (Decimal("1E+3"), "1000"),
        ([[1, 2], [3]], "{{1,2},{3}}"),
        (["a\\b"], '{"a\\\\b"}'),
        (b"\0", "\\x00"),
    ],
)
def test_values_as_postgresql_prints_them(value: object, text: str) -> None:
    assert as_text(value) == text


@given(st.text(min_size=1))
def test_any_text_goes_through_json(text: str) -> None:
    file = io.StringIO()
    print_rows(("t",), ((text,),), Format.JSON, file=file)
    assert json.loads(file.getvalue()) == {"t": text}


def test_json_wins_over_csv() -> None:
    assert format_of(as_csv=True, as_json=True) is Format.JSON
    assert format_of(as_csv=False, as_json=False) is Format.TABLE
