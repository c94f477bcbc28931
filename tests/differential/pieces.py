"""A piece of SQL in both spellings: ours, with operators, and plain, with functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rvbbit_proxy.engine.upstream import Parameter
from rvbbit_proxy.wire.types.oids import INT4, TEXT

Kind = Literal["text", "bool", "int", "float", "texts"]
"""The type of an expression, as far as the generator cares."""

LOGICAL = ("{} AND {}", "{} OR {}", "NOT {}")


@dataclass(frozen=True, slots=True)
class Piece:
    """``loose``: it needs parentheses as an operand; ``logical``: even as an operand of NOT."""

    ours: str
    plain: str
    loose: bool = False
    logical: bool = False

    @property
    def tight(self) -> Piece:
        """The piece as an operand of anything."""
        return write("({})", self, loose=False) if self.loose else self

    @property
    def bracketed(self) -> Piece:
        """The piece with parentheses in the plain spelling only, where ours needs none by precedence."""
        return Piece(self.ours, f"({self.plain})") if self.loose and not self.logical else self.tight


def sql(text: str) -> Piece:
    """Return a piece that is spelled the same both ways."""
    return Piece(text, text)


def write(template: str, *parts: Piece, loose: bool = True) -> Piece:
    """Fill a template in both spellings."""
    ours, plain = (template.format(*texts) for texts in ([p.ours for p in parts], [p.plain for p in parts]))
    return Piece(ours, plain, loose, logical=template in LOGICAL)


def listed(parts: Sequence[Piece]) -> Piece:
    """Return the pieces between commas."""
    return Piece(", ".join(part.ours for part in parts), ", ".join(part.plain for part in parts))


def parameter(value: str | int) -> Piece:
    """Return a bound parameter; plain, a literal."""
    if isinstance(value, int):
        return Piece(f"\x01{value}\x02", str(value))
    return Piece(f"\x03{value}\x02", "'" + value.replace("'", "''") + "'")


def number_parameters(ours: str) -> tuple[str, tuple[Parameter, ...]]:
    """Return the statement with ``$n`` for its parameters, equal ones with one number, and these."""
    found: list[Parameter] = []

    def number(match: re.Match[str]) -> str:
        given = Parameter(match[2].encode(), 0, INT4 if match[1] == "\x01" else TEXT)
        if given not in found:
            found.append(given)
        return f"${found.index(given) + 1}"

    return re.sub("([\x01\x03])(.*?)\x02", number, ours), tuple(found)


def spell_parameters(ours: str) -> str:
    """Return the statement with literals for its parameters, as a view must have them."""
    return re.sub(
        "([\x01\x03])(.*?)\x02", lambda m: m[2] if m[1] == "\x01" else "'" + m[2].replace("'", "''") + "'", ours
    )
