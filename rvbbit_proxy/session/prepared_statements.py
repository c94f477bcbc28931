"""PREPARE, EXECUTE and DEALLOCATE as SQL; both ways to prepare share one name space.

Source: https://www.postgresql.org/docs/16/sql-prepare.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from rvbbit_proxy.engine.upstream import Description, Parameter, UpstreamResult, UpstreamSession
from rvbbit_proxy.errors import RvbbitError, SyntaxFault, UnknownSetting
from rvbbit_proxy.session.parameter_commands import placed_at_end, syntax_error_at
from rvbbit_proxy.session.results import Done
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.session.statements import (
    BoundStatement,
    PreparedStatement,
    Statement,
    check_types,
    execute_within,
    read_statement,
)
from rvbbit_proxy.sql.lexer import Token, count_parameters, lexemes, unquote_identifier
from rvbbit_proxy.wire.types.oids import OIDS, array_oid_of

Run = Callable[[BoundStatement], UpstreamResult]
Describe = Callable[[Statement, tuple[int, ...]], Description]


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name (types) AS sql; ``offset`` is where ``sql`` begins, in characters."""

    name: str
    types: tuple[str, ...]
    sql: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ExecutePrepared:
    """EXECUTE name (arguments); arguments are expressions, as text.

    ``before`` and ``after`` are what stands around it in CREATE TABLE AS EXECUTE and EXPLAIN EXECUTE.
    """

    name: str
    arguments: tuple[str, ...]
    before: str = ""
    after: str = ""


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


_CAST_TO = MappingProxyType(
    {
        OIDS[name]: name
        for name in ("bool", "int2", "int4", "int8", "float4", "float8", "date", "timestamp", "uuid")
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
    ExecutePrepared(name='q', arguments=('1', 'f(2, 3)'), before='', after='')
    """
    with placed_at_end(sql):
        return _parse(sql)


def _parse(sql: str) -> Prepare | ExecutePrepared | Deallocate:
    start = execute_within(sql) or 0
    if start:
        sql, before = sql[start:], sql[:start]
    tokens = [token for token in lexemes(sql) if token.text != ";"]
    verb = tokens.pop(0).text.lower()
    if verb == "deallocate":
        if len(tokens) > 1 and tokens[0].text.lower() == "prepare":
            tokens.pop(0)
        name = _take_name(tokens)
        return Deallocate(None if name == "all" else name)
    name = _take_name(tokens)
    items = _take_list(sql, tokens)
    if start:
        return ExecutePrepared(name, items, before, sql[tokens[0].start :] if tokens else "")
    if verb == "execute":
        if tokens:
            raise syntax_error_at(tokens[0])
        return ExecutePrepared(name, items)
    if not tokens or tokens[0].text.lower() != "as":
        raise syntax_error_at(tokens[0]) if tokens else SyntaxFault("syntax error at end of input")
    body = sql[tokens[0].end :]
    return Prepare(name, items, body.strip(), len(sql) - len(body.lstrip()))


def run_prepared_command(
    bound: BoundStatement, state: SessionState, run: Run, describe: Describe
) -> UpstreamResult:
    """Run the command; EXECUTE runs what it names by ``run``."""
    command = parse_prepared_command(bound.statement.sql)
    match command:
        case Prepare():
            state.statements.refuse_duplicate(command.name)
            state.statements.add(_prepare(command, bound.statement.sql, describe))
            return Done("PREPARE")
        case ExecutePrepared():
            return run(bind_execute(command, bound, state))
        case Deallocate():
            return _deallocate(command, state)


def _prepare(command: Prepare, text: str, describe: Describe) -> PreparedStatement:
    """Return the statement, described; positions of its errors count in PREPARE's own text."""
    statement = read_statement(command.sql)
    oids = tuple(_type_oid_in(text, name) for name in command.types)
    missing = count_parameters(statement.sql) - len(oids)
    prepared = PreparedStatement(command.name, statement, oids + (0,) * missing, from_sql=True, text=text)
    try:
        prepared.description = check_types(prepared, describe(statement, prepared.parameter_oids))
    except RvbbitError as error:
        if error.position is not None:
            error.position += command.offset + statement.offset
        raise
    return prepared


def _type_oid_in(text: str, name: str) -> int:
    try:
        return type_oid(name)
    except UnknownType as error:
        error.position = text.index(name, text.index("(")) + 1
        raise


def bind_execute(command: ExecutePrepared, bound: BoundStatement, state: SessionState) -> BoundStatement:
    """Return the statement that EXECUTE names, with its arguments evaluated."""
    prepared = state.statements.get(command.name)
    expected = len(prepared.parameter_oids)
    if len(command.arguments) != expected:
        raise SyntaxFault(
            f'wrong number of parameters for prepared statement "{command.name}"',
            detail=f"Expected {expected} parameters but got {len(command.arguments)}.",
        )
    oids = prepared.description.parameter_oids if prepared.description else prepared.parameter_oids
    values = _evaluate(command.arguments, oids, state.upstream)
    parameters = tuple(
        Parameter(None if value is None else value.encode(), 0, oid)
        for value, oid in zip(values, oids, strict=True)
    )
    tags = bound.statement.tags if bound.statement.tags.caller_id else prepared.statement.tags
    sql = around(command, prepared.statement.sql)
    kind = prepared.statement.kind if sql == prepared.statement.sql else "plain"
    statement = replace(prepared.statement, sql=sql, kind=kind, tags=tags, offset=0)
    return replace(bound, statement=statement, parameters=parameters)


def around(command: ExecutePrepared, sql: str) -> str:
    """Return the prepared statement's text in place of EXECUTE."""
    return f"{command.before}{sql}\n{command.after}".strip() if command.before else sql


def _deallocate(command: Deallocate, state: SessionState) -> Done:
    if command.name is None:
        state.statements.clear()
        return Done("DEALLOCATE ALL")
    state.statements.get(command.name)
    state.statements.drop(command.name)
    return Done("DEALLOCATE")


def _evaluate(arguments: Sequence[str], oids: Sequence[int], upstream: UpstreamSession) -> list[str | None]:
    """Return the arguments' values as text, each cast to its parameter's type where every upstream has that."""
    if not arguments:
        return []
    typed = [
        f"CAST(({text}) AS {_CAST_TO[oid]})" if oid in _CAST_TO else f"({text})"
        for text, oid in zip(arguments, oids, strict=True)
    ]
    items = ", ".join(f"CAST({text} AS text) AS a{n}" for n, text in enumerate(typed))
    try:
        row = upstream.fetch(f"SELECT {items}").to_pylist()[0]
    except RvbbitError as error:
        error.position = None  # it counts in a text that the client did not write
        raise
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
