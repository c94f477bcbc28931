"""Names and lists among a statement's tokens: where a dotted name ends, where a bracket closes, what commas part."""

from __future__ import annotations

from collections.abc import Sequence

from rvbbit_proxy.sql.lexer import Token

BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
"""By how much a token changes the depth in brackets."""


def name_end(parts: Sequence[Token], place: int) -> int:
    """Return the place behind the name that begins here, dots and all.

    >>> from rvbbit_proxy.sql.lexer import lexemes
    >>> name_end(lexemes('UPDATE s."t" SET a = 1'), 1)
    4
    """
    end = place + 1
    while end + 1 < len(parts) and parts[end].text == ".":
        end += 2
    return end


def closing_bracket(parts: Sequence[Token], place: int) -> int:
    """Return the place of the bracket that closes the one here, the number of tokens where none does."""
    depth = 0
    for at in range(place, len(parts)):
        depth += BRACKETS.get(parts[at].text, 0)
        if depth == 0:
            return at
    return len(parts)


def split_list(parts: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens between the commas outside brackets, without the statement's semicolon.

    >>> from rvbbit_proxy.sql.lexer import lexemes
    >>> [[part.text for part in item] for item in split_list(lexemes("f(a, b), c;"))]
    [['f', '(', 'a', ',', 'b', ')'], ['c']]
    """
    items: list[list[Token]] = [[]]
    depth = 0
    for part in parts:
        depth += BRACKETS.get(part.text, 0)
        if part.text == "," and depth == 0:
            items.append([])
        elif part.text != ";":
            items[-1].append(part)
    return items
