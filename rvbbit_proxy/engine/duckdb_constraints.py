"""Constraints by their names, which DuckDB neither tells nor takes: what a statement has violated, ON CONSTRAINT.

Messages and fields are PostgreSQL's. Source: its src/backend/access/nbtree/nbtinsert.c, src/backend/utils/adt/
ri_triggers.c and src/backend/executor/execMain.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from rvbbit_proxy.errors import UpstreamError
from rvbbit_proxy.sql.lexer import lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import closing_bracket, name_end

VIOLATIONS = frozenset(("23502", "23503", "23505", "23514"))
"""The SQLSTATEs of violated constraints."""
_UNIQUE = re.compile(r'Duplicate key "(?P<key>.*)" violates (?:primary key|unique) constraint', re.DOTALL)
_UNIQUE_AMONG = re.compile(r'PRIMARY KEY or UNIQUE constraint violation: duplicate key "(?P<key>.*)"', re.DOTALL)
_NOT_NULL = re.compile(r'NOT NULL constraint failed: .+\."?(?P<column>[^"]+)', re.DOTALL)
_CHECK = re.compile(r'CHECK constraint failed on table "(?P<table>.+?)" with expression (?P<text>.+)', re.DOTALL)
_MISSING = re.compile(r'foreign key constraint because key "(?P<key>.*)" does not exist', re.DOTALL)
_REFERENCED = re.compile(r'foreign key constraint because key "(?P<key>.*)" is still referenced', re.DOTALL)
_NAMED_CHECK = re.compile(
    r"CHECK\(CASE +WHEN \(\('constraint (?:[^']|'')*' IS NOT NULL\)\) THEN \((?P<said>.*)\) ELSE NULL END\)",
    re.DOTALL,
)
_KEYS = ("PRIMARY KEY", "UNIQUE")
_ON_CONSTRAINT = ["ON", "CONFLICT", "ON", "CONSTRAINT"]
_LISTED = """
    SELECT constraint_type,
           rvbbit_fn.base.constraint_name(
               constraint_type, table_name, constraint_column_names, constraint_name, expression, t."comment"),
           CASE WHEN database_name = 'temp' THEN 'pg_temp_1' WHEN schema_name = 'main' THEN 'public' ELSE schema_name END,
           table_name, constraint_column_names, referenced_table, referenced_column_names, constraint_text
    FROM duckdb_constraints()
    JOIN (SELECT database_name, schema_name, table_name, "comment" FROM duckdb_tables()) t
      USING (database_name, schema_name, table_name)
    UNION ALL
    SELECT 'UNIQUE', index_name, CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END, table_name,
           str_split(expressions[2:-2], ', '), NULL, [], ''
    FROM duckdb_indexes() WHERE is_unique
"""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint of a table, or a unique index."""

    kind: str
    name: str
    schema: str
    table: str
    columns: list[str]
    other_table: str | None
    other_columns: list[str]
    text: str


@dataclass(frozen=True, slots=True)
class Violation:
    """What a client is told. ``fields``: schema, table and constraint by the letters of ErrorResponse."""

    message: str
    detail: str | None
    fields: dict[str, str]


def explain_violation(said: str, sql: str, connection: duckdb.DuckDBPyConnection) -> Violation | None:
    """Return what PostgreSQL tells of a violated constraint; None where it cannot be told which one it is.

    ``said``: DuckDB's message. ``connection``: one that can be asked now.
    """
    target = written_table(sql)
    if target is None:
        return None
    listed = _listed(connection)
    own = [one for one in listed if one.table.lower() == target.lower()]
    for pattern, find in _FINDERS:
        found = pattern.search(said)
        if found is not None:
            known = {_REFERENCED: listed, _UNIQUE_AMONG: _written(own, sql)}.get(pattern, own)
            return next(find(found, known, target), None)
    return None


def _written(own: Sequence[Constraint], sql: str) -> Sequence[Constraint]:
    """Return the constraints on columns that an INSERT names; all of them where it names none of theirs."""
    parts = lexemes(sql)
    start = next((at for at, part in enumerate(parts) if part.text == "("), len(parts))
    named = {unquote_identifier(part).lower() for part in parts[start + 1 : closing_bracket(parts, start)]}
    return [one for one in own if not named.isdisjoint(map(str.lower, one.columns))] or own


def spell_conflict_target(sql: str, connection: duckdb.DuckDBPyConnection) -> str:
    """Return an INSERT … ON CONFLICT ON CONSTRAINT with the constraint's columns in place of its name.

    :raises UpstreamError: 42704, the table has no such constraint.
    """
    parts = lexemes(sql)
    words = [part.text.upper() for part in parts]
    place = next((n for n in range(len(words)) if words[n : n + 4] == _ON_CONSTRAINT), None)
    target = written_table(sql)
    if place is None or target is None or place + 4 >= len(parts):
        return sql
    name = parts[place + 4]
    wanted = (unquote_identifier(name), target.lower())
    for one in _listed(connection):
        if (one.name, one.table.lower()) == wanted and one.kind in _KEYS:
            columns = ", ".join('"' + column.replace('"', '""') + '"' for column in one.columns)
            return f"{sql[: parts[place + 2].start]}({columns}){sql[name.end :]}"
    raise UpstreamError(f'constraint "{wanted[0]}" for table "{target}" does not exist', sqlstate="42704")


def _listed(connection: duckdb.DuckDBPyConnection) -> list[Constraint]:
    listed = [Constraint(*row) for row in connection.execute(_LISTED).fetchall()]
    return [replace(one, columns=[_bare(column) for column in one.columns]) for one in listed]


def _bare(column: str) -> str:
    """Return a column's name as it is, from an index's expression as DuckDB lists it.

    >>> _bare("a"), _bare('"Odd Name"')
    ('a', 'Odd Name')
    """
    text = column[1:-1] if column[:1] == "'" == column[-1:] else column
    return text[1:-1].replace('""', '"') if text[:1] == '"' == text[-1:] else text


def written_table(sql: str) -> str | None:
    """Return the name of the table that a statement writes to, without its schema.

    >>> written_table('WITH a AS (SELECT 1) INSERT INTO s."T" SELECT * FROM a')
    'T'
    """
    name = written_name(sql)
    return None if name is None else unquote_identifier(lexemes(name)[-1])


def written_name(sql: str) -> str | None:
    """Return the name of the table that a statement writes to, as it is written; None where it writes to none.

    >>> written_name('INSERT INTO s."T" VALUES (1)'), written_name("UPDATE t SET a = 1"), written_name("SELECT 1")
    ('s."T"', 't', None)
    """
    parts = lexemes(sql)
    for at, part in enumerate(parts[:-1]):
        word, before = part.text.upper(), parts[at - 1].text.upper() if at else ""
        if (
            word == "INTO"
            or (word == "UPDATE" and before not in ("DO", "FOR"))
            or (word == "FROM" and before == "DELETE")
        ):
            return sql[parts[at + 1].start : parts[name_end(parts, at + 1) - 1].end]
    return None


def _unique(found: re.Match[str], own: Sequence[Constraint], _: str) -> Iterator[Violation]:
    for one in own:
        values = _values(one.columns, found["key"]) if one.kind in _KEYS else None
        if values is not None:
            yield _duplicate(one, values)


def _unique_among(found: re.Match[str], own: Sequence[Constraint], _: str) -> Iterator[Violation]:
    """Rows of one transaction clash: DuckDB tells only values, which say enough if one key alone can have them."""
    width = len(found["key"].split(", "))
    possible = [one for one in own if one.kind in _KEYS and len(one.columns) == width]
    if len(possible) == 1:
        yield _duplicate(possible[0], found["key"])


def _duplicate(one: Constraint, values: str) -> Violation:
    return Violation(
        f'duplicate key value violates unique constraint "{one.name}"',
        f"Key ({', '.join(one.columns)})=({values}) already exists.",
        _fields(one),
    )


def _missing(found: re.Match[str], own: Sequence[Constraint], target: str) -> Iterator[Violation]:
    for one in own:
        values = _values(one.other_columns, found["key"]) if one.kind == "FOREIGN KEY" else None
        if values is not None:
            yield Violation(
                f'insert or update on table "{target}" violates foreign key constraint "{one.name}"',
                f'Key ({", ".join(one.columns)})=({values}) is not present in table "{one.other_table}".',
                _fields(one),
            )


def _referenced(found: re.Match[str], listed: Sequence[Constraint], target: str) -> Iterator[Violation]:
    for one in listed:
        refers = one.kind == "FOREIGN KEY" and (one.other_table or "").lower() == target.lower()
        values = _values(one.columns, found["key"]) if refers else None
        if values is not None:
            yield Violation(
                f'update or delete on table "{target}" violates foreign key constraint "{one.name}" '
                f'on table "{one.table}"',
                f'Key ({", ".join(one.other_columns)})=({values}) is still referenced from table "{one.table}".',
                _fields(one),
            )


def _not_null(found: re.Match[str], own: Sequence[Constraint], _: str) -> Iterator[Violation]:
    for one in own:
        if one.kind == "NOT NULL" and one.columns == [found["column"]]:
            message = (
                f'null value in column "{found["column"]}" of relation "{one.table}" violates not-null constraint'
            )
            yield Violation(message, None, {"s": one.schema, "t": one.table, "c": found["column"]})


def _check(found: re.Match[str], own: Sequence[Constraint], _: str) -> Iterator[Violation]:
    for one in own:
        if one.kind == "CHECK" and one.text == found["text"]:
            message = f'new row for relation "{one.table}" violates check constraint "{one.name}"'
            named = _NAMED_CHECK.fullmatch(one.text)
            said = named["said"] if named is not None else one.text.removeprefix("CHECK(").removesuffix(")")
            yield Violation(message, f"Failing constraint: CHECK ({said}).", _fields(one))


_FINDERS = (
    (_UNIQUE, _unique),
    (_UNIQUE_AMONG, _unique_among),
    (_NOT_NULL, _not_null),
    (_CHECK, _check),
    (_MISSING, _missing),
    (_REFERENCED, _referenced),
)


def _values(columns: Sequence[str], key: str) -> str | None:
    """Return the values of DuckDB's ``a: 1, b: 2``; None where that is no key of these columns.

    >>> _values(["a", "b"], "a: 1, b: 2"), _values(["b"], "a: 1")
    ('1, 2', None)
    """
    pattern = ", ".join(f"{re.escape(column)}: (.*)" for column in columns)
    found = re.fullmatch(pattern, key, re.DOTALL) if columns else None
    return ", ".join(found.groups()) if found is not None else None


def _fields(one: Constraint) -> dict[str, str]:
    return {"s": one.schema, "t": one.table, "n": one.name}
