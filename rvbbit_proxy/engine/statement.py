"""What a statement is by its words: literals masked, transaction control recognised, the command tag.

Not here: parsing (``sql``). These are the few cheap looks an engine takes at each statement on its way through.
Source: https://www.postgresql.org/docs/16/protocol-message-formats.html (CommandComplete), sql-begin.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rvbbit_proxy.errors import SyntaxFault
from rvbbit_proxy.sql.remembered import remembered

TransactionVerb: TypeAlias = Literal["begin", "commit", "rollback", "savepoint", "release", "rollback to", "set"]

_OPAQUE = re.compile(
    r"""(?P<string>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*")
      | (?P<dollar>\$(?P<delimiter>[A-Za-z_]\w*)?\$.*?\$(?P=delimiter)\$|\$\$.*?\$\$)
      | (?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<parameter>\$\d+)""",
    re.DOTALL | re.VERBOSE,
)
COPY_STREAM = re.compile(r"\b(TO\s+STDOUT|FROM\s+STDIN)\b", re.IGNORECASE)
"""What makes a COPY go over the client's connection; to be searched with literals masked."""


@dataclass(frozen=True, slots=True)
class ParameterMark:
    """``$number`` in a statement's text, from ``start`` to ``end``."""

    number: int
    start: int
    end: int


def mask_literals(sql: str) -> str:
    """Return the statement with literals and comments blanked, every character at its old place.

    >>> mask_literals("SELECT 'it''s' /* x */ FROM \\"a b\\" -- y")
    'SELECT                 FROM "a b"     '
    """
    return _OPAQUE.sub(_blank, sql)


def _blank(found: re.Match[str]) -> str:
    return found[0] if found["name"] or found["parameter"] else " " * len(found[0])


@remembered
def parameter_marks(sql: str) -> tuple[ParameterMark, ...]:
    """Return where ``$n`` stand, in order, outside literals and comments.

    >>> [mark.number for mark in parameter_marks("SELECT $2, '$3', $1")]
    [2, 1]
    """
    return tuple(
        ParameterMark(int(found[0][1:]), found.start(), found.end())
        for found in _OPAQUE.finditer(sql)
        if found["parameter"]
    )


@remembered
def words_of(sql: str, count: int = 6) -> tuple[str, ...]:
    """Return the first words in upper case, past comments and opening parentheses.

    >>> words_of("/* a */ (select 1)", 1)
    ('SELECT',)
    """
    return tuple(word.upper() for word in re.findall(r"[A-Za-z_]+", mask_literals(sql)[:2000])[:count])


@dataclass(frozen=True, slots=True)
class TransactionCommand:
    """BEGIN, COMMIT, ROLLBACK, a savepoint command or SET TRANSACTION."""

    verb: TransactionVerb
    name: str = ""
    read_only: bool = False
    chain: bool = False


_MODE = (
    r"(?:ISOLATION\s+LEVEL\s+(?:SERIALIZABLE|REPEATABLE\s+READ|READ\s+COMMITTED|READ\s+UNCOMMITTED)"
    r"|READ\s+ONLY|READ\s+WRITE|(?:NOT\s+)?DEFERRABLE)"
)
_MODES = rf"(?P<modes>(?:\s*,?\s*{_MODE})*)"
_NAME = r'(?P<name>\w+|"(?:[^"]|"")+")'
_CHAIN = r"(?P<chain>\s+AND\s+CHAIN|\s+AND\s+NO\s+CHAIN)?"
_WORK = r"(?:\s+(?:WORK|TRANSACTION))?"

_PATTERNS: tuple[tuple[TransactionVerb, str], ...] = (
    ("begin", rf"\s*(?:BEGIN{_WORK}|START\s+TRANSACTION){_MODES}"),
    ("commit", rf"\s*(?:COMMIT|END){_WORK}{_CHAIN}"),
    ("rollback", rf"\s*(?:ROLLBACK|ABORT){_WORK}{_CHAIN}"),
    ("rollback to", rf"\s*ROLLBACK{_WORK}\s+TO(?:\s+SAVEPOINT)?\s+{_NAME}"),
    ("savepoint", rf"\s*SAVEPOINT\s+{_NAME}"),
    ("release", rf"\s*RELEASE(?:\s+SAVEPOINT)?\s+{_NAME}"),
    ("set", rf"\s*SET\s+(?:LOCAL\s+)?TRANSACTION{_MODES}"),
    ("set", rf"\s*SET\s+SESSION\s+CHARACTERISTICS\s+AS\s+TRANSACTION{_MODES}"),
)
_COMMANDS = tuple((verb, re.compile(pattern + r"[\s;]*$", re.IGNORECASE)) for verb, pattern in _PATTERNS)
_FIRST_WORDS = frozenset(("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"))
_KNOWN = frozenset(
    "WORK TRANSACTION ISOLATION LEVEL SERIALIZABLE REPEATABLE READ COMMITTED UNCOMMITTED ONLY WRITE NOT DEFERRABLE"
    " AND NO CHAIN TO SAVEPOINT".split()
)
_SETS = (("SET", "TRANSACTION"), ("SET", "SESSION"), ("SET", "LOCAL"))


@remembered
def transaction_command(sql: str) -> TransactionCommand | None:
    """Return the transaction control a statement is, None for any other statement.

    Raises :class:`SyntaxFault` for BEGIN, COMMIT… with words PostgreSQL does not know.

    >>> transaction_command("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY").read_only
    True
    """
    words = words_of(sql, 2)
    if not words or (
        words[0] not in _FIRST_WORDS and words[:2] not in (("SET", "TRANSACTION"), ("SET", "SESSION"))
    ):
        return None
    if words[1:] == ("PREPARED",):
        return None
    masked = mask_literals(sql)
    for verb, pattern in _COMMANDS:
        found = pattern.match(masked)
        if found is not None:
            return _command(verb, found.groupdict())
    if words[0] == "SET":
        return None
    raise _misplaced(masked)


def _misplaced(masked: str) -> SyntaxFault:
    """Return PostgreSQL's error for the first word that no transaction command has there."""
    words = list(re.finditer(r"[^\s;]+", masked))
    known = 1
    while known < len(words) and words[known][0].rstrip(",").upper() in _KNOWN:
        known += 1
    if known == len(words):
        return SyntaxFault("syntax error at end of input", position=len(masked.rstrip()) + 1)
    found = words[known]
    return SyntaxFault(f'syntax error at or near "{found[0]}"', position=found.start() + 1)


def _command(verb: TransactionVerb, parts: dict[str, str | None]) -> TransactionCommand:
    name = parts.get("name") or ""
    chain = " ".join((parts.get("chain") or "").upper().split())
    return TransactionCommand(
        verb,
        name=name[1:-1].replace('""', '"') if name.startswith('"') else name.lower(),
        read_only=re.search(r"READ\s+ONLY", parts.get("modes") or "", re.IGNORECASE) is not None,
        chain=chain == "AND CHAIN",
    )


def strip_end(sql: str) -> str:
    """Return the statement without the semicolons, blanks and comments at its end."""
    kept = re.sub(r"[\s;]+$", "", mask_comments(sql))
    return sql[: len(kept)]


def mask_comments(sql: str) -> str:
    """Return the statement with comments blanked, every other character at its place."""
    return _OPAQUE.sub(lambda found: " " * len(found[0]) if found["comment"] else found[0], sql)


_ADJECTIVES = frozenset(
    "OR REPLACE TEMP TEMPORARY LOCAL GLOBAL UNLOGGED PERSISTENT UNIQUE RECURSIVE IF NOT EXISTS".split()
)
_ALONE = {"TRUNCATE": "TRUNCATE TABLE", "FROM": "SELECT", "VALUES": "SELECT", "TABLE": "SELECT", "WITH": "SELECT"}
_WITH_OBJECT = frozenset(("CREATE", "DROP", "ALTER"))
COUNTED = frozenset(("INSERT", "UPDATE", "DELETE", "MERGE", "COPY"))
"""Verbs whose tag ends with the number of rows."""


def command_tag(verb: str, words: tuple[str, ...]) -> str:
    """Return the tag without a row count; ``verb`` is the statement's kind, ``words`` its first words.

    >>> command_tag("CREATE", words_of("CREATE OR REPLACE TEMP VIEW v AS SELECT 1"))
    'CREATE VIEW'
    >>> command_tag("DELETE", words_of("TRUNCATE t")), command_tag("SELECT", words_of("SHOW tables"))
    ('TRUNCATE TABLE', 'SHOW')
    """
    first = words[0] if words else verb
    if first == "WITH":
        return verb
    if first in _WITH_OBJECT:
        return f"{first} {_object_kind(words[1:])}".strip()
    return _ALONE.get(first, first)


def _object_kind(words: tuple[str, ...]) -> str:
    kinds = [word for word in words if word not in _ADJECTIVES]
    if kinds[:2] == ["MATERIALIZED", "VIEW"]:
        return "MATERIALIZED VIEW"
    if kinds and kinds[0] == "MACRO":
        return "FUNCTION"
    return kinds[0] if kinds else ""


def counted_tag(tag: str, count: int) -> str:
    """Return the tag with its row count.

    >>> counted_tag("INSERT", 3), counted_tag("UPDATE", 2)
    ('INSERT 0 3', 'UPDATE 2')
    """
    return f"INSERT 0 {count}" if tag == "INSERT" else f"{tag} {count}"
