"""PREPARE, EXECUTE and DEALLOCATE as SQL; both ways to prepare share one name space.

Source: https://www.postgresql.org/docs/16/sql-prepare.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from rvbbit_proxy.engine.upstream import Parameter, UpstreamResult, UpstreamSession
from rvbbit_proxy.errors import SyntaxFault, UnknownSetting
from rvbbit_proxy.session.parameter_commands import syntax_error_at
from rvbbit_proxy.session.results import Done
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import BoundStatement, PreparedStatement, read_statement
from rvbbit_proxy.sql.lexer import Token, count_parameters, lexemes, unquote_identifier
from rvbbit_proxy.wire.types.oids import OIDS, array_oid_of

Run = Callable[[BoundStatement], UpstreamResult]


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name (types) AS sql."""

    name: str
    types: tuple[str, ...]
    sql: str


@dataclass(frozen=True, slots=True)
class ExecutePrepared:
    """EXECUTE name (arguments); arguments are expressions, as text."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deallocate:
    """DEALLOCATE; None is ALL."""

    name: str | None


_TYPE_ALIASES = MappingProxyType(
    {
        "int": "int4",
        "integer": "int4",
        "bigint": "int8",
        "smallint": "int2",
        "real": "float4",
        "float": "float8",
        "double precision": "float8",
        "boolean": "bool",
        "decimal": "numeric",
        "character varying": "varchar",
        "character": "bpchar",
        "char": "bpchar",
        "timestamp without time zone": "timestamp",
        "timestamp with time zone": "timestamptz",
        "time without time zone": "time",
        "time with time zone": "timetz",
        "bit varying": "varbit",
        "unknown": "unknown",
    }
)


class UnknownType(UnknownSetting):
    """No type has this name."""


def type_oid(name: str) -> int:
    """Return the oid of a type as SQL names it; modifiers such as ``(10, 2)`` are dropped.

    >>> type_oid("INTEGER"), type_oid("varchar(10)"), type_oid("text[]"), type_oid("unknown")
    (23, 1043, 1009, 0)
    """
    plain = re.sub(r"\([^)]*\)", "", name.lower().removeprefix("pg_catalog.")).strip()
    element = plain.removesuffix("[]").strip()
    known = _TYPE_ALIASES.get(element, element)
    if known == "unknown":
        return 0
    if known not in OIDS:
        raise UnknownType(f'type "{name}" does not exist')
    return OIDS[known] if element == plain else array_oid_of(OIDS[known])


def parse_prepared_command(sql: str) -> Prepare | ExecutePrepared | Deallocate:
    """Return the command; raises SyntaxFault (42601).

    >>> parse_prepared_command("EXECUTE q (1, f(2, 3))")
    ExecutePrepared(name='q', arguments=('1', 'f(2, 3)'))
    """
    tokens = [token for token in lexemes(sql) if token.text != ";"]
    verb = tokens.pop(0).text.lower()
    if verb == "deallocate":
        if len(tokens) > 1 and tokens[0].text.lower() == "prepare":
            tokens.pop(0)
        name = _take_name(tokens)
        return Deallocate(None if name == "all" else name)
    name = _take_name(tokens)
    items = _take_list(sql, tokens)
    if verb == "execute":
        if tokens:
            raise syntax_error_at(tokens[0])
        return ExecutePrepared(name, items)
    if not tokens or tokens[0].text.lower() != "as":
        raise syntax_error_at(tokens[0]) if tokens else SyntaxFault("syntax error at end of input")
    return Prepare(name, items, sql[tokens[0].end :].strip())


def run_prepared_command(bound: BoundStatement, state: SessionState, run: Run) -> UpstreamResult:
    """Run the command; EXECUTE runs what it names by ``run``."""
    command = parse_prepared_command(bound.statement.sql)
    match command:
        case Prepare():
            statement = read_statement(command.sql)
            oids = tuple(type_oid(name) for name in command.types)
            missing = count_parameters(statement.sql) - len(oids)
            prepared = PreparedStatement(
                command.name, statement, oids + (0,) * missing, from_sql=True, text=bound.statement.sql
            )
            state.statements.add(prepared)
            return Done("PREPARE")
        case ExecutePrepared():
            return run(bind_execute(command, bound, state))
        case Deallocate():
            return _deallocate(command, state)


def bind_execute(command: ExecutePrepared, bound: BoundStatement, state: SessionState) -> BoundStatement:
    """Return the statement that EXECUTE names, with its arguments evaluated."""
    prepared = state.statements.get(command.name)
    expected = len(prepared.parameter_oids)
    if len(command.arguments) != expected:
        raise SyntaxFault(
            f'wrong number of parameters for prepared statement "{command.name}"',
            detail=f"Expected {expected} parameters but got {len(command.arguments)}.",
        )
    values = _evaluate(command.arguments, state.upstream)
    parameters = tuple(
        Parameter(None if value is None else value.encode(), 0, oid)
        for value, oid in zip(values, prepared.parameter_oids, strict=True)
    )
    tags = bound.statement.tags if bound.statement.tags.caller_id else prepared.statement.tags
    return replace(bound, statement=replace(prepared.statement, tags=tags, offset=0), parameters=parameters)


def _deallocate(command: Deallocate, state: SessionState) -> Done:
    if command.name is None:
        state.statements.clear()
        return Done("DEALLOCATE ALL")
    state.statements.get(command.name)
    state.statements.drop(command.name)
    return Done("DEALLOCATE")


def _evaluate(arguments: Sequence[str], upstream: UpstreamSession) -> list[str | None]:
    if not arguments:
        return []
    items = ", ".join(f"CAST(({text}) AS text) AS a{n}" for n, text in enumerate(arguments))
    row = upstream.fetch(f"SELECT {items}").to_pylist()[0]
    return [row[f"a{n}"] for n in range(len(arguments))]


def _take_name(tokens: list[Token]) -> str:
    if not tokens:
        raise SyntaxFault("syntax error at end of input")
    if tokens[0].kind not in ("word", "quoted"):
        raise syntax_error_at(tokens[0])
    return unquote_identifier(tokens.pop(0))


def _take_list(sql: str, tokens: list[Token]) -> tuple[str, ...]:
    """Take ``(a, b)`` if it comes next: the text between its top-level commas."""
    if not tokens or tokens[0].text != "(":
        return ()
    items: list[str] = []
    depth, start = 1, tokens.pop(0).end
    while tokens:
        token = tokens.pop(0)
        depth += (token.text in "([") - (token.text in ")]") if token.kind == "symbol" else 0
        if depth == 0 or (depth == 1 and token.text == ","):
            items.append(sql[start : token.start].strip())
            start = token.end
        if depth == 0:
            return tuple(items)
    raise SyntaxFault("syntax error at end of input")
