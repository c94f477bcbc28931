"""Prepared statements, and what kind a statement is by its first word.

Source: https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, TypeAlias

from rvbbit_proxy.caller import utc_now
from rvbbit_proxy.engine.statement import parameter_marks
from rvbbit_proxy.engine.upstream import Description, Parameter
from rvbbit_proxy.errors import DuplicateStatement, UnknownParameterType, UnknownStatement
from rvbbit_proxy.sql.comments import NO_TAGS, CommentTags, take_comment_tags
from rvbbit_proxy.sql.lexer import leading_words, lexemes, split_statements
from rvbbit_proxy.sql.remembered import remembered

StatementKind: TypeAlias = Literal[
    "empty", "transaction", "parameter", "cursor", "prepared", "notification", "copy", "code", "plain"
]

_KINDS: Mapping[str, StatementKind] = MappingProxyType(
    {
        **dict.fromkeys(
            ("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"), "transaction"
        ),
        **dict.fromkeys(("set", "show", "reset", "discard"), "parameter"),
        **dict.fromkeys(("declare", "fetch", "move", "close"), "cursor"),
        **dict.fromkeys(("prepare", "execute", "deallocate"), "prepared"),
        **dict.fromkeys(("listen", "notify", "unlisten"), "notification"),
        "copy": "copy",
        "do": "code",
    }
)
_TWO_PHASE = {word: (word, "prepared") for word in ("commit", "rollback")} | {
    "prepare": ("prepare", "transaction")
}


@remembered
def statement_kind(sql: str) -> StatementKind:
    """Tell who has to run a statement; ``plain`` is a query or a write, semantic or not.

    >>> statement_kind("CREATE TABLE t AS EXECUTE q(1)"), statement_kind("EXPLAIN SELECT 1")
    ('prepared', 'plain')
    """
    word = leading_words(sql, 1)
    if not word:
        return "plain" if split_statements(sql) else "empty"
    if word[0] == "select":
        lowered = sql.lower()
        return "parameter" if "set_config" in lowered or "current_setting" in lowered else "plain"
    if word[0] in _TWO_PHASE and leading_words(sql, 2) in _TWO_PHASE.values():
        return "plain"  # two-phase commit is the upstream's own matter
    if word[0] in ("create", "explain") and execute_within(sql) is not None:
        return "prepared"
    return _KINDS.get(word[0], "plain")


def execute_within(sql: str) -> int | None:
    """Return where EXECUTE begins in CREATE TABLE … AS EXECUTE or EXPLAIN … EXECUTE, None in any other statement."""
    if "execute" not in sql.lower():
        return None
    found = lexemes(sql)
    explains, depth = found[0].text.lower() == "explain", 0
    for before, token in pairwise(found):
        depth += (before.text == "(") - (before.text == ")")
        word = token.text.lower()
        if depth == 0 and word == "execute" and (explains or before.text.lower() == "as"):
            return token.start
        if depth == 0 and word in ("select", "with", "values", "insert", "update", "delete", "on"):
            return None
    return None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the client wrote it, less its caller's comment.

    ``offset`` is where ``sql`` begins in the text the client sent, in characters.
    """

    sql: str
    kind: StatementKind
    tags: CommentTags = NO_TAGS
    offset: int = 0


@remembered
def read_statement(text: str, offset: int = 0) -> Statement:
    """Return the statement in a text that holds one."""
    found = take_comment_tags(text)
    return Statement(found.sql, statement_kind(found.sql), found.tags, offset + found.offset)


@dataclass(frozen=True, slots=True)
class BoundStatement:
    """A statement with its values, about to run. ``protocol`` is simple or extended."""

    statement: Statement
    protocol: Literal["simple", "extended"]
    parameters: tuple[Parameter, ...] = ()
    result_formats: tuple[int, ...] = ()


@dataclass(slots=True)
class PreparedStatement:
    """A statement by name. ``description`` is found when it is first needed; ``text`` is PREPARE's own."""

    name: str
    statement: Statement
    parameter_oids: tuple[int, ...] = ()
    description: Description | None = None
    from_sql: bool = False
    text: str = ""
    prepared_at: datetime = field(default_factory=utc_now)


def check_types(prepared: PreparedStatement, found: Description) -> Description:
    """Return the description with every parameter's type; raises UnknownParameterType (42P18)."""
    oids = tuple(found.parameter_oids) or prepared.parameter_oids
    used = {mark.number for mark in parameter_marks(prepared.statement.sql)}
    for number, (oid, declared) in enumerate(zip(oids, prepared.parameter_oids, strict=False), start=1):
        if not oid or (not declared and number not in used):
            raise UnknownParameterType(f"could not determine data type of parameter ${number}")
    return Description(oids, found.columns)


class PreparedStatements:
    """The prepared statements of one session."""

    def __init__(self) -> None:
        self._by_name: dict[str, PreparedStatement] = {}

    def add(self, prepared: PreparedStatement) -> None:
        """Keep it; only the unnamed one may be replaced. Raises DuplicateStatement (42P05)."""
        self.refuse_duplicate(prepared.name)
        self._by_name[prepared.name] = prepared

    def refuse_duplicate(self, name: str) -> None:
        """Raise DuplicateStatement (42P05) for a name that is taken."""
        if name and name in self._by_name:
            raise DuplicateStatement(f'prepared statement "{name}" already exists')

    def get(self, name: str) -> PreparedStatement:
        """Return it; raises UnknownStatement (26000)."""
        found = self._by_name.get(name)
        if found is None:
            if not name:
                raise UnknownStatement("unnamed prepared statement does not exist")
            raise UnknownStatement(f'prepared statement "{name}" does not exist')
        return found

    def drop(self, name: str) -> None:
        """Forget it, if it is there."""
        self._by_name.pop(name, None)

    def clear(self) -> None:
        """Forget all."""
        self._by_name.clear()

    def __iter__(self) -> Iterator[PreparedStatement]:
        return iter(tuple(self._by_name.values()))
