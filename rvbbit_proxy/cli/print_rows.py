"""Results on the terminal: a table as psql would show it, CSV, or JSON lines."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TextIO
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 100_000
"""Columns of an output that is not a terminal: rows are never folded there."""


class Format(Enum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def format_of(*, as_csv: bool, as_json: bool) -> Format:
    """Return the format that the flags ask for.

    >>> format_of(as_csv=True, as_json=False)
    <Format.CSV: 'csv'>
    """
    if as_json:
        return Format.JSON
    return Format.CSV if as_csv else Format.TABLE


def console_for(file: TextIO) -> Console:
    """Return a console that colours and folds on a terminal and does neither elsewhere."""
    return Console(file=file, highlight=False, width=None if file.isatty() else WIDE)


def print_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    format: Format = Format.TABLE,
    *,
    file: TextIO | None = None,
) -> None:
    """Print rows. A table and CSV show values as PostgreSQL prints them; NULL is empty."""
    file = file or sys.stdout
    match format:
        case Format.TABLE:
            console_for(file).print(to_table(columns, rows, terminal=file.isatty()))
            file.write(f"({len(rows)} row{'' if len(rows) == 1 else 's'})\n")
        case Format.CSV:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(map(_texts, rows))
        case Format.JSON:
            file.writelines(_json_lines(columns, rows))


def to_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, terminal: bool, lines: bool = False
) -> Table:
    """Return a rich table, with lines between the rows on request; numbers stand to the right."""
    table = Table(box=table_box(terminal=terminal), header_style="bold", show_lines=lines)
    for index, column in enumerate(columns):
        numeric = any(row[index] is not None for row in rows) and all(
            isinstance(row[index], int | float | Decimal | None) and not isinstance(row[index], bool)
            for row in rows
        )
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in rows:
        table.add_row(*map(Text, _texts(row)))
    return table


def table_box(*, terminal: bool) -> box.Box:
    """Return how tables are drawn: with lines on a terminal, in ASCII elsewhere."""
    return box.ROUNDED if terminal else box.ASCII


def _texts(row: Sequence[Any]) -> list[str]:
    return ["" if value is None else as_text(value) for value in row]


def as_text(value: Any) -> str:
    """Return a value as PostgreSQL prints it.

    >>> as_text(True), as_text(["a b", None, 1.5]), as_text({"k": [1]}), as_text(Decimal("1.50"))
    ('t', '{"a b",NULL,1.5}', '{"k": [1]}', '1.50')
    """
    match value:
        case bool():
            return "t" if value else "f"
        case list():
            return "{" + ",".join(map(_element, value)) + "}"
        case dict():
            return json.dumps(value, ensure_ascii=False, default=_json_value)
        case bytes():
            return "\\x" + value.hex()
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def _element(value: Any) -> str:
    """Return an array's element, quoted where PostgreSQL quotes it."""
    if value is None:
        return "NULL"
    text = as_text(value)
    if isinstance(value, list):
        return text
    if text and text.upper() != "NULL" and not set(text) & set('{}",\\ \t\n\r\v\f'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        yield json.dumps(values, ensure_ascii=False, default=_json_value) + "\n"


def _json_value(value: object) -> object:
    """Return what JSON has for a type that it has not: a number for numeric, text for the rest."""
    match value:
        case Decimal() if value.is_finite():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | timedelta() | UUID():
            return str(value)
        case bytes():
            return "\\x" + value.hex()
        case _:
            raise TypeError(f"no JSON for {type(value).__name__}")
