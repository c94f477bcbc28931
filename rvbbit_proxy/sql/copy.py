"""The COPY statement between client and server, from text to a frozen command.

Pure. A COPY to or from a file of the server's is not one of these: the upstream's to do or to refuse.
Source: https://www.postgresql.org/docs/16/sql-copy.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from rvbbit_proxy.errors import InvalidValue, NotSupported, SyntaxFault
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier, unquote_string
from rvbbit_proxy.wire.copy.options import ColumnChoice, CopyOptions

_FORMATS = ("text", "csv", "binary")
_TRUE = frozenset({"true", "on", "1", ""})
_FALSE = frozenset({"false", "off", "0"})


@dataclass(frozen=True, slots=True)
class CopyCommand:
    """COPY; ``query`` is the text to copy out of, else ``relation`` (as written, quotes and all) is named."""

    direction: Literal["in", "out"]
    options: CopyOptions
    relation: str = ""
    columns: tuple[str, ...] = ()
    query: str | None = None


class _Tokens:
    """Takes tokens in turn."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.left = [token for token in lexemes(sql) if token.text != ";"]

    @property
    def next_word(self) -> str:
        """The next token in lower case, empty at the end."""
        return self.left[0].text.lower() if self.left else ""

    def take(self) -> Token:
        """Return the next token; raises SyntaxFault (42601) at the end."""
        if not self.left:
            raise SyntaxFault("syntax error at end of input")
        return self.left.pop(0)

    def accept(self, *words: str) -> bool:
        """Take these words if they come next."""
        if [token.text.lower() for token in self.left[: len(words)]] != list(words):
            return False
        del self.left[: len(words)]
        return True

    def expect(self, word: str) -> Token:
        """Take this word."""
        if self.next_word != word:
            raise self.fault()
        return self.take()

    def fault(self) -> SyntaxFault:
        """Return the error for the next token."""
        if not self.left:
            return SyntaxFault("syntax error at end of input")
        token = self.left[0]
        return SyntaxFault(f'syntax error at or near "{token.text}"', position=token.start + 1)


def parse_copy(sql: str) -> CopyCommand | None:
    """Return the command, None for a COPY that does not involve the client.

    Raises SyntaxFault (42601), InvalidValue (22023) or NotSupported (0A000).

    >>> parse_copy('COPY "T" (a, b) FROM STDIN WITH (FORMAT csv)').columns
    ('a', 'b')
    """
    tokens = _Tokens(sql)
    tokens.expect("copy")
    query, relation = None, ""
    columns: tuple[str, ...] = ()
    if tokens.next_word == "(":
        query = _take_parenthesised(tokens)
    else:
        relation = _take_relation(tokens)
        columns = _take_names(tokens) if tokens.next_word == "(" else ()
    if tokens.accept("to", "stdout"):
        direction: Literal["in", "out"] = "out"
    elif query is None and tokens.accept("from", "stdin"):
        direction = "in"
    else:
        return None
    options = _take_options(tokens)
    if tokens.next_word == "where":
        raise NotSupported("COPY FROM ... WHERE is not supported", hint="Copy into a table, then select from it.")
    if tokens.left:
        raise tokens.fault()
    return CopyCommand(direction, CopyOptions(**options), relation, columns, query)


def _take_parenthesised(tokens: _Tokens) -> str:
    """Return the text between parentheses."""
    start, depth = tokens.take().end, 1
    while True:
        token = tokens.take()
        depth += (token.text == "(") - (token.text == ")") if token.kind == "symbol" else 0
        if depth == 0:
            return tokens.sql[start : token.start].strip()


def _take_relation(tokens: _Tokens) -> str:
    first = last = tokens.take()
    if first.kind not in ("word", "quoted"):
        raise SyntaxFault(f'syntax error at or near "{first.text}"', position=first.start + 1)
    while tokens.accept("."):
        last = tokens.take()
    return tokens.sql[first.start : last.end]


def _take_names(tokens: _Tokens) -> tuple[str, ...]:
    """Take ``(a, b)``."""
    tokens.expect("(")
    names = [unquote_identifier(tokens.take())]
    while tokens.accept(","):
        names.append(unquote_identifier(tokens.take()))
    tokens.expect(")")
    return tuple(names)


def _take_options(tokens: _Tokens) -> dict[str, Any]:
    tokens.accept("with")
    options: dict[str, Any] = {}
    if not tokens.accept("("):
        while tokens.left and tokens.next_word != "where":
            _put(options, *_take_old_option(tokens))
        return options
    while True:
        name = tokens.take().text.lower()
        if name not in ("freeze", "convert_selectively"):
            _put(options, *_read_option(name, tokens))
        else:
            _take_value(tokens)
        if not tokens.accept(","):
            break
    tokens.expect(")")
    return options


def _put(options: dict[str, Any], name: str, value: Any) -> None:
    if name in options:
        raise SyntaxFault("conflicting or redundant options")
    options[name] = value


def _read_option(name: str, tokens: _Tokens) -> tuple[str, Any]:
    match name:
        case "format":
            value = _take_value(tokens).lower()
            if value not in _FORMATS:
                raise InvalidValue(f'COPY format "{value}" not recognized')
            return name, value
        case "delimiter" | "null" | "quote" | "escape" | "encoding":
            return name, _take_value(tokens)
        case "header":
            return name, _header(_take_value(tokens).lower())
        case "force_quote" | "force_null" | "force_not_null":
            return name, _take_choice(tokens)
    raise SyntaxFault(f'option "{name}" not recognized')


def _header(value: str) -> bool | Literal["match"]:
    if value == "match":
        return "match"
    if value not in _TRUE | _FALSE:
        raise SyntaxFault('header requires a Boolean value or "match"')
    return value in _TRUE


def _take_value(tokens: _Tokens) -> str:
    if tokens.next_word in (",", ")", ""):
        return ""
    token = tokens.take()
    return unquote_string(token) if token.kind == "string" else token.text


def _take_choice(tokens: _Tokens) -> ColumnChoice:
    if tokens.accept("*") or tokens.accept("(", "*", ")"):
        return "*"
    return frozenset(_take_names(tokens))


def _take_old_option(tokens: _Tokens) -> tuple[str, Any]:
    word = tokens.take().text.lower()
    if word in ("csv", "binary"):
        return "format", word
    if word == "header":
        return "header", True
    if word == "force":
        name = "force_quote" if tokens.accept("quote") else "force_not_null"
        if name == "force_not_null":
            tokens.expect("not")
            tokens.expect("null")
        return name, _take_bare_choice(tokens)
    if word in ("delimiter", "delimiters", "null", "quote", "escape", "encoding"):
        tokens.accept("as")
        return word.removesuffix("s"), _take_value(tokens)
    if word == "freeze":
        return "header", False
    raise SyntaxFault(f'syntax error at or near "{word}"')


def _take_bare_choice(tokens: _Tokens) -> ColumnChoice:
    if tokens.accept("*"):
        return "*"
    names: Sequence[str] = [unquote_identifier(tokens.take())]
    while tokens.accept(","):
        names = [*names, unquote_identifier(tokens.take())]
    return cast(ColumnChoice, frozenset(names))
