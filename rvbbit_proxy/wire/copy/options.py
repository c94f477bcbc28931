"""The options of a COPY, checked with PostgreSQL's words.

Source: PostgreSQL's src/backend/commands/copy.c (ProcessCopyOptions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rvbbit_proxy.errors import InvalidValue, NotSupported

CopyFormat: TypeAlias = Literal["text", "csv", "binary"]
Header: TypeAlias = bool | Literal["match"]
ColumnChoice: TypeAlias = frozenset[str] | Literal["*"]

_FORBIDDEN_TEXT_DELIMITERS = "\\.abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """One COPY's options; ``delimiter`` and ``null`` None are the format's defaults.

    ``force_*`` name columns, or ``*`` for all. Raises InvalidValue or NotSupported for what PostgreSQL refuses.
    """

    format: CopyFormat = "text"
    delimiter: str | None = None
    null: str | None = None
    header: Header = False
    quote: str = '"'
    escape: str | None = None
    force_quote: ColumnChoice = frozenset()
    force_null: ColumnChoice = frozenset()
    force_not_null: ColumnChoice = frozenset()
    encoding: str = "UTF8"

    def __post_init__(self) -> None:
        if self.encoding.upper().replace("-", "") not in ("UTF8", "UNICODE", "SQL_ASCII"):
            raise NotSupported(f'COPY encoding "{self.encoding}" is not supported', hint="Use UTF8.")
        if self.format == "binary":
            self._check_binary()
        else:
            self._check_characters()

    @property
    def delimiter_text(self) -> str:
        """The delimiter, or the format's own."""
        return self.delimiter if self.delimiter is not None else ("," if self.format == "csv" else "\t")

    @property
    def null_text(self) -> str:
        r"""What stands for NULL: ``\N`` in text, nothing in csv."""
        return self.null if self.null is not None else ("" if self.format == "csv" else "\\N")

    @property
    def escape_text(self) -> str:
        """csv's escape character, by default the quote."""
        return self.quote if self.escape is None else self.escape

    def _check_binary(self) -> None:
        for name, given in (("DELIMITER", self.delimiter), ("NULL", self.null)):
            if given is not None:
                raise InvalidValue(f"cannot specify {name} in BINARY mode", sqlstate="42601")
        if self.header:
            raise NotSupported("cannot specify HEADER in BINARY mode")
        self._refuse_csv_options()

    def _check_characters(self) -> None:
        delimiter, null = self.delimiter_text, self.null_text
        if len(delimiter.encode()) != 1:
            raise NotSupported("COPY delimiter must be a single one-byte character")
        if delimiter in "\r\n":
            raise InvalidValue("COPY delimiter cannot be newline or carriage return")
        if "\n" in null or "\r" in null:
            raise InvalidValue("COPY null representation cannot use newline or carriage return")
        if delimiter in null:
            raise InvalidValue("COPY delimiter character must not appear in the NULL specification")
        if self.format == "csv":
            self._check_csv(delimiter, null)
            return
        self._refuse_csv_options()
        if delimiter in _FORBIDDEN_TEXT_DELIMITERS:
            raise InvalidValue(f'COPY delimiter cannot be "{delimiter}"')

    def _check_csv(self, delimiter: str, null: str) -> None:
        if len(self.quote.encode()) != 1:
            raise NotSupported("COPY quote must be a single one-byte character")
        if delimiter == self.quote:
            raise InvalidValue("COPY delimiter and quote must be different")
        if len(self.escape_text.encode()) != 1:
            raise NotSupported("COPY escape must be a single one-byte character")
        if self.quote in null:
            raise InvalidValue("CSV quote character must not appear in the NULL specification")

    def _refuse_csv_options(self) -> None:
        given = {
            "QUOTE": self.quote != '"',
            "ESCAPE": self.escape is not None,
            "FORCE_QUOTE": bool(self.force_quote),
            "FORCE_NULL": bool(self.force_null),
            "FORCE_NOT_NULL": bool(self.force_not_null),
        }
        for name, present in given.items():
            if present:
                raise NotSupported(f"COPY {name} requires CSV mode")


def is_chosen(choice: ColumnChoice, name: str) -> bool:
    """Tell whether a ``force_*`` option holds for a column.

    >>> is_chosen("*", "a"), is_chosen(frozenset({"b"}), "a")
    (True, False)
    """
    return choice == "*" or name in choice
