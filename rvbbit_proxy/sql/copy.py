"""The COPY statement between client and server, from text to a frozen command.

Pure. A COPY to or from a file of the server's is not one of these: the upstream's to do or to refuse.
Source: https://www.postgresql.org/docs/16/sql-copy.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from rvbbit_proxy.errors import InvalidValue, NotSupported, RvbbitError, SyntaxFault
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier, unquote_string
from rvbbit_proxy.wire.copy.options import ColumnChoice, CopyOptions

_FORMATS = ("text", "csv", "binary")
_TRUE = frozenset({"true", "on", "1", ""})
_CHOICES = ("force_quote", "force_not_null", "force_null")
_FALSE = frozenset({"false", "off", "0"})


@dataclass(frozen=True, slots=True)
class CopyCommand:
    """COPY; ``query`` is the text to copy out of, else ``relation`` (as written, quotes and all) is named."""

    direction: Literal["in", "out"]
    options: CopyOptions
    relation: str = ""
    columns: tuple[str, ...] = ()
    query: str | None = None
    where: str | None = None

    @property
    def relation_name(self) -> str:
        """The relation's name without schema and quotes, as errors tell it."""
        names = [token for token in lexemes(self.relation) if token.kind in ("word", "quoted")]
        return unquote_identifier(names[-1]) if names else ""


class MisplacedColumn(RvbbitError, sqlstate="42P10"):
    """An option names a column that is not copied."""


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
    options: dict[str, Any] = {}
    if tokens.next_word == "(":
        query = _take_parenthesised(tokens)
    else:
        if _starts_with_binary(tokens):
            options["format"] = tokens.take().text.lower()
        relation = _take_relation(tokens)
        columns = _take_names(tokens) if tokens.next_word == "(" else ()
    direction = _take_direction(tokens, query)
    if direction is None:
        return None
    if tokens.accept("using", "delimiters"):
        options["delimiter"] = _take_value(tokens)
    _take_options(tokens, options)
    where = _take_where(tokens, direction)
    if tokens.left:
        raise tokens.fault()
    _check_direction(direction, options)
    return CopyCommand(direction, CopyOptions(**options), relation, columns, query, where)


def check_choices(options: CopyOptions, names: Sequence[str]) -> None:
    """Raise MisplacedColumn (42P10) for a ``FORCE_…`` option that names none of the copied columns."""
    for option in _CHOICES:
        chosen = getattr(options, option)
        for name in sorted(chosen) if chosen != "*" else ():
            if name not in names:
                raise MisplacedColumn(f'{option.upper()} column "{name}" not referenced by COPY')


def _starts_with_binary(tokens: _Tokens) -> bool:
    """Tell the ancient ``COPY BINARY t`` from a table named binary."""
    following = tokens.left[1].text.lower() if len(tokens.left) > 1 else ""
    return tokens.next_word == "binary" and following not in ("(", ".", "from", "to")


def _take_direction(tokens: _Tokens, query: str | None) -> Literal["in", "out"] | None:
    """Take ``TO STDOUT`` or ``FROM STDIN``; PostgreSQL takes either word for either way. None: a file."""
    if tokens.next_word not in ("to", "from") or (query is not None and tokens.next_word == "from"):
        raise tokens.fault()
    out = tokens.take().text.lower() == "to"
    if not (tokens.accept("stdout") or tokens.accept("stdin")):
        if tokens.next_word == "program":
            raise NotSupported(
                "COPY with a program is not supported", hint="Use psql's \\copy, or COPY ... STDIN or STDOUT."
            )
        return None
    return "out" if out else "in"


def _take_where(tokens: _Tokens, direction: str) -> str | None:
    if tokens.next_word != "where" or direction == "out":
        return None
    start = tokens.take().end
    if not tokens.left:
        raise tokens.fault()
    end, tokens.left = tokens.left[-1].end, []
    return tokens.sql[start:end].strip()


def _check_direction(direction: str, options: dict[str, Any]) -> None:
    if direction == "in" and options.get("force_quote"):
        raise NotSupported("COPY force quote only available using COPY TO")
    if direction == "out":
        for name in ("force_not_null", "force_null"):
            if options.get(name):
                raise NotSupported(f"COPY {name.replace('_', ' ')} only available using COPY FROM")
        if options.get("header") == "match":
            raise NotSupported('cannot use "match" with HEADER in COPY TO')


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


def _take_options(tokens: _Tokens, options: dict[str, Any]) -> None:
    tokens.accept("with")
    if not tokens.accept("("):
        while tokens.left and tokens.next_word != "where":
            if not tokens.accept("freeze"):
                _put(options, *_take_old_option(tokens))
        return
    while True:
        name = tokens.take().text.lower()
        if name not in ("freeze", "convert_selectively"):
            _put(options, *_read_option(name, tokens))
        else:
            _take_value(tokens)
        if not tokens.accept(","):
            break
    tokens.expect(")")


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
        return _take_old_force(tokens), _take_bare_choice(tokens)
    if word in ("delimiter", "delimiters", "null", "quote", "escape", "encoding"):
        tokens.accept("as")
        return word.removesuffix("s"), _take_value(tokens)
    raise SyntaxFault(f'syntax error at or near "{word}"')


def _take_old_force(tokens: _Tokens) -> str:
    for option in _CHOICES:
        if tokens.accept(*option.split("_")[1:]):
            return option
    raise tokens.fault()


def _take_bare_choice(tokens: _Tokens) -> ColumnChoice:
    if tokens.accept("*"):
        return "*"
    names: Sequence[str] = [unquote_identifier(tokens.take())]
    while tokens.accept(","):
        names = [*names, unquote_identifier(tokens.take())]
    return cast(ColumnChoice, frozenset(names))
