"""A table as DuckDB knows it, and its rebuilding: made anew from a changed definition, with its rows and what it had.

DuckDB adds and drops no constraint, changes no column that a key has, and moves no table. A table is found by its name
as a statement writes it. Steps are generators: each statement has run when the next is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from rvbbit_proxy.engine.catalog.constraints import TABLE_HEADS, Written, column_constraints, table_constraint
from rvbbit_proxy.engine.catalog.foreign_keys import TableMark, read_mark
from rvbbit_proxy.errors import UpstreamError
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import closing_bracket, split_list

FIRST_NEW_ROW = 36_028_797_018_960_000
"""The least rowid of rows that are not committed yet (MAX_ROW_ID of DuckDB's constants.hpp)."""
OF_CONSTRAINT = "[constraint]"
"""The comment of an index that is a constraint; DuckDB forgets the names of its own."""
_NAMED_CHECK = re.compile(r"CASE +WHEN \(?\(?'constraint ((?:[^']|'')*)' IS NOT NULL\)*\s+THEN\s", re.DOTALL)
_TABLES = """
    SELECT database_name, schema_name, table_name, "temporary", sql, "comment" FROM duckdb_tables()
    WHERE lower(table_name) = lower($name) AND database_name IN (coalesce($database, current_database()), 'temp')
      AND (lower(schema_name) = lower($schema) OR $schema IS NULL) AND NOT internal
    ORDER BY database_name = 'temp' DESC, schema_name = current_schema() DESC, schema_name = 'main' DESC
"""
_INDEXES = """
    SELECT schema_name, index_name, sql, "comment" FROM duckdb_indexes()
    WHERE (database_name, schema_name, table_name) = ($database, $schema, $name) ORDER BY index_oid
"""
_COLUMNS = """
    SELECT column_name, "comment", is_generated FROM duckdb_columns()
    WHERE (database_name, schema_name, table_name) = ($database, $schema, $name) ORDER BY column_index
"""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a definition: a column, or a constraint of the table (``column`` is None)."""

    text: str
    column: str | None
    constraints: tuple[Written, ...]

    def without(self, dropped: Written) -> Item | None:
        """Return the item without a constraint; None where nothing is left."""
        if self.column is None:
            return None
        return read_item(f"{self.text[: dropped.start].rstrip()}{self.text[dropped.end :]}")

    def check_name(self, check: Written) -> str | None:
        """Return the name that a CHECK carries, see :func:`named_check`."""
        found = _NAMED_CHECK.match(self.text[slice(*check.body)])
        return found[1].replace("''", "'") if found is not None else None

    def check_body(self, check: Written) -> str:
        """Return what a CHECK says, without the name it carries."""
        body = self.text[slice(*check.body)]
        found = _NAMED_CHECK.match(body)
        return body if found is None else re.sub(r"(?:\s+ELSE\s+NULL)?\s+END$", "", body[found.end() :])


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table; ``comment`` tells whether it is a constraint."""

    schema: str
    name: str
    sql: str
    comment: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in it, those of functions too."""
        parts = lexemes(self.sql)
        first = next(at for at, part in enumerate(parts) if part.text == "(")
        return tuple(unquote_identifier(part) for part in parts[first:] if part.kind in ("word", "quoted"))


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``items`` is its definition, ``comments`` those of its columns, ``generated`` the computed columns."""

    database: str
    schema: str
    name: str
    temporary: bool
    items: tuple[Item, ...]
    mark: TableMark
    comment: str | None
    indexes: tuple[Index, ...]
    comments: tuple[tuple[str, str], ...]
    generated: frozenset[str]

    @property
    def path(self) -> str:
        """Its whole name in SQL."""
        return f"{quoted(self.database)}.{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(item.column for item in self.items if item.column is not None)

    def column(self, name: str) -> str:
        """Return a column's name as DuckDB has it.

        :raises UpstreamError: 42703, there is none.
        """
        for known in self.columns:
            if known.lower() == name.lower():
                return known
        raise UpstreamError(f'column "{name}" of relation "{self.name}" does not exist', sqlstate="42703")

    def comment_sql(self, mark: TableMark) -> str:
        """Return what gives the table another mark."""
        return f"COMMENT ON TABLE {self.path} IS {literal(mark.written_behind(self.comment) or None)}"


def find_table(connection: duckdb.DuckDBPyConnection, name: str) -> Table | None:
    """Return a table by its name as written; None where there is none."""
    *places, last = [unquote_identifier(part) for part in lexemes(name) if part.text != "."]
    schema = places[-1] if places else None
    database = places[0] if len(places) > 1 else None
    if schema is not None and (schema == "temp" or schema.startswith("pg_temp")):
        schema, database = "main", "temp"
    asked = {"name": last, "schema": "main" if schema == "public" else schema, "database": database}
    rows = connection.execute(_TABLES, asked).fetchall()
    return _table(connection, rows[0]) if rows else None


def get_table(connection: duckdb.DuckDBPyConnection, name: str) -> Table:
    """Return a table by its name as written.

    :raises UpstreamError: 42P01, there is none.
    """
    found = find_table(connection, name)
    if found is None:
        last = unquote_identifier(lexemes(name)[-1])
        raise UpstreamError(f'relation "{last}" does not exist', sqlstate="42P01")
    return found


def _table(connection: duckdb.DuckDBPyConnection, row: tuple[Any, ...]) -> Table:
    database, schema, name, temporary, sql, comment = row
    whose = {"database": database, "schema": schema, "name": name}
    columns = connection.execute(_COLUMNS, whose).fetchall()
    names = {column.lower(): column for column, _, _ in columns}
    return Table(
        database,
        schema,
        name,
        temporary,
        tuple(_as_named(item, names) for item in read_items(sql)),
        read_mark(comment),
        comment,
        tuple(Index(*found) for found in connection.execute(_INDEXES, whose).fetchall()),
        tuple((column, said) for column, said, _ in columns if said is not None),
        frozenset(column for column, _, generated in columns if generated),
    )


def _as_named(item: Item, names: Mapping[str, str]) -> Item:
    """Return an item with its columns' names in their own case, which DuckDB's text does not quote."""
    constraints = tuple(
        replace(one, columns=tuple(names.get(column.lower(), column) for column in one.columns))
        for one in item.constraints
    )
    column = None if item.column is None else names.get(item.column.lower(), item.column)
    return replace(item, column=column, constraints=constraints)


def read_items(sql: str) -> tuple[Item, ...]:
    """Return the items of a CREATE TABLE.

    >>> [(item.column, len(item.constraints)) for item in read_items("CREATE TABLE t(a INTEGER, CHECK((a > 0)));")]
    [('a', 0), (None, 1)]
    """
    parts = lexemes(sql)
    first = next(at for at, part in enumerate(parts) if part.text == "(")
    items = split_list(parts[first + 1 : closing_bracket(parts, first)])
    return tuple(read_item(sql[item[0].start : item[-1].end]) for item in items)


def read_item(text: str) -> Item:
    """Return an item of a definition from its text."""
    parts = lexemes(text)
    if stands_alone(parts):
        return Item(text, None, (table_constraint(parts),))
    return Item(text, unquote_identifier(parts[0]), tuple(column_constraints(parts)))


def stands_alone(parts: Sequence[Token]) -> bool:
    """Tell whether these tokens are a constraint of the table, and no column."""
    return parts[0].kind == "word" and parts[0].text.lower() in TABLE_HEADS


def rebuilt(
    table: Table,
    items: Sequence[Item],
    *,
    copied: Sequence[tuple[str, str]] = (),
    indexes: Sequence[Index] | None = None,
    schema: str | None = None,
) -> Iterator[str]:
    """Yield what makes the table anew from a definition.

    ``copied`` tells columns of the new table and the expressions over the old one that fill them, where they are not
    filled with the old columns of their names.
    """
    schema = schema or table.schema
    among = f"{quoted(table.database)}.{quoted(schema)}"
    scratch = f"{among}.{quoted(f'rvbbit_rebuilt_{table.name}')}"
    sources = {
        item.column: quoted(item.column)
        for item in items
        if item.column is not None and item.column in table.columns and item.column not in table.generated
    } | dict(copied)
    kind = "TEMP TABLE" if table.temporary else "TABLE"
    yield f"CREATE {kind} {scratch} ({', '.join(item.text for item in items)})"
    if sources:
        targets = ", ".join(map(quoted, sources))
        yield f"INSERT INTO {scratch} ({targets}) SELECT {', '.join(sources.values())} FROM {table.path}"
    yield f"DROP TABLE {table.path}"
    yield f"ALTER TABLE {scratch} RENAME TO {quoted(table.name)}"
    made = replace(table, schema=schema)
    if table.comment is not None:
        yield f"COMMENT ON TABLE {made.path} IS {literal(table.comment)}"
    names = {item.column for item in items}
    for column, comment in table.comments:
        if column in names:
            yield f"COMMENT ON COLUMN {made.path}.{quoted(column)} IS {literal(comment)}"
    for index in table.indexes if indexes is None else indexes:
        yield from made_index(made, replace(index, schema=schema))


def made_index(table: Table, index: Index) -> Iterator[str]:
    """Yield what makes an index again."""
    parts = lexemes(index.sql)
    named = next(at for at, part in enumerate(parts) if part.text.upper() == "ON")
    first = next(at for at, part in enumerate(parts) if part.text == "(")
    unique = "UNIQUE " if parts[1].text.upper() == "UNIQUE" else ""
    method = index.sql[parts[first - 2].start : parts[first].start] if first - named > 3 else ""
    method = method if method.upper().startswith("USING") else ""
    yield f"CREATE {unique}INDEX {quoted(index.name)} ON {table.path} {method}{index.sql[parts[first].start :]}"
    if index.comment is not None:
        path = f"{quoted(table.database)}.{quoted(table.schema)}.{quoted(index.name)}"
        yield f"COMMENT ON INDEX {path} IS {literal(index.comment)}"


def named_check(name: str, body: str) -> str:
    """Return a CHECK that carries its name, which DuckDB would forget; the name has no part in what it says.

    >>> named_check("positive", "a > 0")
    "CHECK (CASE WHEN 'constraint positive' IS NOT NULL THEN (a > 0) END)"
    """
    return f"CHECK (CASE WHEN {literal(f'constraint {name}')} IS NOT NULL THEN ({body}) END)"


def literal(text: str | None) -> str:
    """Return a text as SQL has it."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a name as SQL has it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
