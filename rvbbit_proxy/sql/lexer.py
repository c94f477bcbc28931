"""PostgreSQL's lexical structure: where literals, comments, identifiers and statements begin and end.

Not a parser: it knows no grammar, and never fails. What is not terminated reaches to the end of the text,
and the engine says what is wrong with it. ``standard_conforming_strings`` is taken to be on.
Source: https://www.postgresql.org/docs/16/sql-syntax-lexical.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rvbbit_proxy.sql.remembered import remembered

TokenKind = Literal[
    "space", "line_comment", "comment", "string", "quoted", "word", "number", "parameter", "symbol"
]

_STRING = r"""
      [eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)
    | (?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|\Z)
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$ (?:.*?\$(?P=tag)\$ | .*\Z)
"""
_QUOTED = r"""(?:[uU]&)?"(?:[^"]|"")*(?:"|\Z)"""
_WORD = r"[^\W\d][\w$]*"
_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\w*|\.\d+(?:[eE][+-]?\d+)?\w*"

_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<line_comment>--[^\n\r]*)
    | (?P<comment>/\*)
    | (?P<string>{_STRING})
    | (?P<quoted>{_QUOTED})
    | (?P<word>{_WORD})
    | (?P<number>{_NUMBER})
    | (?P<parameter>\$\d+)
    | (?P<symbol>::|:=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_BARE_WORD = re.compile(
    rf"""--[^\n\r]* | {_STRING} | {_QUOTED} | (?P<word>{_WORD}) | {_NUMBER} | \$\d+ """,
    re.VERBOSE | re.DOTALL,
)
_BLANK: frozenset[TokenKind] = frozenset(("space", "line_comment", "comment"))


@dataclass(frozen=True, slots=True)
class Token:
    """One lexeme; ``start`` is its 0-based offset in the text, in characters."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text: trimmed of white space, with its 0-based offset in characters."""

    text: str
    offset: int


def tokens(text: str) -> Iterator[Token]:
    """Yield every token of the text, white space and comments too; joined, they are the text.

    >>> [token.text for token in tokens("SELECT a::text")]
    ['SELECT', ' ', 'a', '::', 'text']
    """
    position = 0
    while match := _TOKEN.match(text, position):
        kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups are named after the kinds
        if match["string"] is not None:
            kind = "string"  # lastgroup would name a dollar quote's tag
        end = _comment_end(text, position) if kind == "comment" else match.end()
        yield Token(kind, text[position:end], position)
        position = end


def lexemes(text: str) -> tuple[Token, ...]:
    """Return the tokens that mean something: no white space, no comments."""
    return tuple(token for token in tokens(text) if token.kind not in _BLANK)


@remembered
def split_statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of a text; one of only white space and comments is none.

    A semicolon inside parentheses does not end a statement, so that ``CREATE RULE`` stays whole.

    >>> split_statements("SELECT ';'; SELECT 2")
    (Statement(text="SELECT ';'", offset=0), Statement(text='SELECT 2', offset=12))
    """
    single = text.rstrip(" \t\r\n;")
    if ";" not in single and "--" not in text and "/*" not in text:
        return _trimmed(text, 0, len(single)) if single else ()
    statements: list[Statement] = []
    start, depth, filled = 0, 0, False
    for token in tokens(text):
        if token.kind in _BLANK:
            continue
        if token.text == ";" and depth <= 0:
            statements += _trimmed(text, start, token.start) if filled else ()
            start, depth, filled = token.end, 0, False
            continue
        filled = True
        if token.kind == "symbol":
            depth += (token.text == "(") - (token.text == ")")
    statements += _trimmed(text, start, len(text)) if filled else ()
    return tuple(statements)


@remembered
def leading_words(text: str, limit: int = 4) -> tuple[str, ...]:
    """Return up to ``limit`` lower-case bare words the text begins with.

    >>> leading_words("/* x */ Start TRANSACTION (")
    ('start', 'transaction')
    """
    words: list[str] = []
    for token in tokens(text):
        if token.kind == "word" and len(words) < limit:
            words.append(token.text.lower())
        elif token.kind not in _BLANK or len(words) >= limit:
            break
    return tuple(words)


@remembered
def count_parameters(text: str) -> int:
    """Return the highest n of the ``$n`` in the text."""
    if "$" not in text:
        return 0
    return max((int(token.text[1:]) for token in tokens(text) if token.kind == "parameter"), default=0)


def part_parameters(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the text with a blank behind each ``$n`` that nothing parts from what follows, and where the blanks are.

    sqlglot takes ``$1,$`` for the beginning of a dollar quote.

    >>> part_parameters("f($1,$2)")
    ('f($1 ,$2 )', (4, 8))
    """
    if text.count("$") < 2:
        return text, ()
    ends = [token.end for token in tokens(text) if token.kind == "parameter"]
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return " ".join(pieces), tuple(end + before for before, end in enumerate(ends))


@remembered
def words(text: str) -> frozenset[str]:
    """Return the lower-case bare words outside literals, comments and quoted identifiers.

    Keywords and unquoted names alike: asked of every statement, to see whether it can hold an operator.

    >>> sorted(words("SELECT 'means' AS \\"about\\" -- themes"))
    ['as', 'select']
    """
    if "/*" in text:
        text = strip_comments(text)
    return frozenset(match["word"].lower() for match in _BARE_WORD.finditer(text) if match["word"])


def strip_comments(text: str) -> str:
    """Return the text with each comment as one space."""
    if "/*" not in text and "--" not in text:
        return text
    return "".join(" " if token.kind in ("comment", "line_comment") else token.text for token in tokens(text))


def unquote_identifier(token: Token) -> str:
    """Return the name that an identifier token stands for: folded to lower case unless it is quoted."""
    if token.kind != "quoted":
        return token.text.lower()
    return token.text[token.text.index('"') + 1 : -1].replace('""', '"')


def unquote_string(token: Token) -> str:
    """Return the value of a string token.

    >>> [unquote_string(token) for token in lexemes("'it''s' E'a\\\\n' $x$y$x$")]
    ["it's", 'a\\n', 'y']
    """
    text = token.text
    if text[0] == "$":
        delimiter = text[: text.index("$", 1) + 1]
        return text[len(delimiter) : -len(delimiter)]
    body = text[text.index("'") + 1 : -1].replace("''", "'")
    return _ESCAPE.sub(_escaped, body) if text[0] in "eE" else body


_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _escaped(match: re.Match[str]) -> str:
    octal, *hexadecimal, plain = match.groups()
    if octal:
        return chr(int(octal, 8))
    code = next(filter(None, hexadecimal), None)
    return chr(int(code, 16)) if code else _ESCAPED.get(plain, plain)


def _comment_end(text: str, start: int) -> int:
    """Return the offset behind the comment that starts here; comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)


def _trimmed(text: str, start: int, end: int) -> tuple[Statement]:
    body = text[start:end]
    return (Statement(body.strip(), start + len(body) - len(body.lstrip())),)
