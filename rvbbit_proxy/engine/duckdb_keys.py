"""Keys that DuckDB keeps without their names, or not as PostgreSQL means them, taken out of a definition and kept by us.

UNIQUE becomes a unique index whose comment says what it is; a foreign key and the name of a primary key go behind the
table's comment (``catalog.foreign_keys``); a CHECK carries its name (``duckdb_tables.named_check``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from rvbbit_proxy.engine.catalog.constraints import Written, column_constraints, table_constraint
from rvbbit_proxy.engine.catalog.foreign_keys import ForeignKey, Reference
from rvbbit_proxy.engine.catalog.rewrite import Step
from rvbbit_proxy.engine.duckdb_foreign_keys import orphans_sql, violation
from rvbbit_proxy.engine.duckdb_tables import (
    OF_CONSTRAINT,
    Index,
    Item,
    Table,
    get_table,
    literal,
    named_check,
    quoted,
    stands_alone,
)
from rvbbit_proxy.errors import NotSupported, UpstreamError
from rvbbit_proxy.sql.lexer import Token, lexemes, words
from rvbbit_proxy.sql.lists import closing_bracket, name_end, split_list

_TELLING = frozenset(("constraint", "references", "foreign", "unique"))
_LONGEST_NAME_BYTES = 63
_OWN_NAMES = """
    SELECT constraint_text, constraint_name FROM duckdb_constraints()
    WHERE (database_name, schema_name, table_name) = ($database, $schema, $name)
"""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint of a table by its name: in an item of its definition, an index, or a foreign key of the mark."""

    name: str
    item: Item | None = None
    written: Written | None = None
    index: Index | None = None
    key: ForeignKey | None = None


def take_keys(sql: str) -> tuple[str, str, tuple[Written, ...]]:
    """Return a CREATE TABLE without the keys that we keep, its table's name as written, and these keys.

    >>> text, table, taken = take_keys("CREATE TABLE s.t (a int UNIQUE REFERENCES p, CONSTRAINT c CHECK (a > 0))")
    >>> text
    "CREATE TABLE s.t (a int, CHECK (CASE WHEN 'constraint c' IS NOT NULL THEN (a > 0) END))"
    >>> table, [one.kind for one in taken]
    ('s.t', ['UNIQUE', 'FOREIGN KEY'])
    """
    parts = lexemes(sql)
    said = [part.text.lower() for part in parts]
    if said[:1] != ["create"] or "table" not in said[1:5] or _TELLING.isdisjoint(words(sql)):
        return sql, "", ()
    place = said.index("table") + 1
    place += 3 if said[place : place + 3] == ["if", "not", "exists"] else 0
    first = name_end(parts, place)
    if said[first : first + 1] != ["("]:
        return sql, "", ()
    table = "".join(part.text for part in parts[place:first])
    last = closing_bracket(parts, first)
    items, taken = [], []
    for item in filter(None, split_list(parts[first + 1 : last])):
        text, found = take_from_item(sql, item)
        items += [text] if text else []
        taken += found
    return f"{sql[: parts[first].start]}({', '.join(items)}{sql[parts[last].start :]}", table, tuple(taken)


def take_from_item(sql: str, item: Sequence[Token]) -> tuple[str, list[Written]]:
    """Return the text of a column or constraint of a definition without the keys that we keep, and these keys."""
    alone = stands_alone(item)
    found = [table_constraint(item)] if alone else list(column_constraints(item))
    pieces, done, taken = [], item[0].start, []
    for one in found:
        kept = _kept(sql, one)
        if kept is not None:
            pieces += [sql[done : one.start].rstrip() if not kept else sql[done : one.start], kept]
            done = one.end
        if one.kind in ("UNIQUE", "FOREIGN KEY") or (one.kind == "PRIMARY KEY" and one.name is not None):
            taken.append(one)
    return "".join([*pieces, sql[done : item[-1].end]]).strip(), taken


def _kept(sql: str, one: Written) -> str | None:
    """Return what DuckDB gets in place of a constraint; None: what was written."""
    if one.kind in ("UNIQUE", "PRIMARY KEY") and one.deferrable:
        raise NotSupported("deferrable unique constraints are not supported on DuckDB")
    if one.kind in ("UNIQUE", "FOREIGN KEY"):
        return ""
    if one.kind == "CHECK" and one.name is not None:
        return named_check(one.name, sql[slice(*one.body)])
    return None


def kept_keys(table: str, taken: Sequence[Written]) -> Step:
    """Return what keeps the keys that were taken out of a table's definition."""

    def run(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        for written in taken:
            yield from add_key(connection, get_table(connection, table), written)

    return run


def add_key(connection: duckdb.DuckDBPyConnection, table: Table, written: Written) -> Iterator[str]:
    """Yield what adds a key to a table, whose rows are looked at first."""
    names = {one.name for one in constraints_of(connection, table)}
    if written.name in names and written.kind != "PRIMARY KEY":
        raise UpstreamError(
            f'constraint "{written.name}" for relation "{table.name}" already exists', sqlstate="42710"
        )
    if written.kind == "UNIQUE":
        yield from _add_unique(connection, table, written, names)
    elif written.kind == "FOREIGN KEY":
        yield from _add_foreign(connection, table, written, names)
    elif written.name != f"{table.name}_pkey":
        yield table.comment_sql(replace(table.mark, primary=written.name))


def _add_unique(
    connection: duckdb.DuckDBPyConnection, table: Table, written: Written, names: set[str]
) -> Iterator[str]:
    columns = [table.column(name) for name in written.columns]
    if not columns:
        raise NotSupported("a constraint USING INDEX is not supported on DuckDB", hint="Name its columns.")
    used = names | {name for (name,) in connection.execute("SELECT index_name FROM duckdb_indexes()").fetchall()}
    name = written.name or default_name(table.name, columns, "key", used)
    check_unique(connection, table, name, columns)
    path = f"{quoted(table.database)}.{quoted(table.schema)}.{quoted(name)}"
    yield f"CREATE UNIQUE INDEX {quoted(name)} ON {table.path} ({', '.join(map(quoted, columns))})"
    yield f"COMMENT ON INDEX {path} IS {literal(OF_CONSTRAINT)}"


def check_unique(connection: duckdb.DuckDBPyConnection, table: Table, name: str, columns: Sequence[str]) -> None:
    """Raise 23505 where rows have the same key."""
    listed = ", ".join(map(quoted, columns))
    filled = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    shown = ", ".join(f"CAST({quoted(column)} AS VARCHAR)" for column in columns)
    rows = connection.execute(
        f"SELECT {shown} FROM {table.path} WHERE {filled} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
    ).fetchall()
    for row in rows:
        raise UpstreamError(
            f'could not create unique index "{name}"',
            detail=f"Key ({', '.join(columns)})=({', '.join(row)}) is duplicated.",
            sqlstate="23505",
            fields={"t": table.name, "n": name},
        )


def _add_foreign(
    connection: duckdb.DuckDBPyConnection, table: Table, written: Written, names: set[str]
) -> Iterator[str]:
    columns = tuple(table.column(name) for name in written.columns)
    target = get_table(connection, written.target)
    name = written.name or default_name(table.name, columns, "fkey", names)
    if written.full and len(columns) > 1:
        raise NotSupported("MATCH FULL is not supported on DuckDB")
    if target.database != table.database:
        raise UpstreamError(
            "constraints on permanent tables may reference only permanent tables"
            if target.temporary
            else "constraints on temporary tables may reference only temporary tables",
            sqlstate="42P16",
        )
    keys = _referenced_columns(target, written)
    if len(keys) != len(columns):
        raise UpstreamError(
            "number of referencing and referenced columns for foreign key disagree", sqlstate="42830"
        )
    key = ForeignKey(
        name, columns, target.schema, target.name, keys,
        written.on_delete, written.on_update, written.deferrable, written.deferred,
    )  # fmt: skip
    reference = Reference((table.database, table.schema, table.name), key)
    for row in connection.execute(orphans_sql(reference)).fetchall():
        raise violation(reference, "child", row)
    yield table.comment_sql(replace(table.mark, foreign=(*table.mark.foreign, key)))


def _referenced_columns(target: Table, written: Written) -> tuple[str, ...]:
    unique = [
        one.columns for item in target.items for one in item.constraints if one.kind in ("PRIMARY KEY", "UNIQUE")
    ]
    if not written.keys:
        primary = [one.columns for item in target.items for one in item.constraints if one.kind == "PRIMARY KEY"]
        if not primary:
            raise UpstreamError(f'there is no primary key for referenced table "{target.name}"', sqlstate="42704")
        return primary[0]
    unique += [index.columns for index in target.indexes if "UNIQUE" in index.sql.upper().split()[:2]]
    known = {column.lower(): column for column in target.columns}
    for name in written.keys:
        if name.lower() not in known:
            raise UpstreamError(
                f'column "{name}" referenced in foreign key constraint does not exist', sqlstate="42703"
            )
    keys = tuple(known[name.lower()] for name in written.keys)
    if {key.lower() for key in keys} not in [{column.lower() for column in columns} for columns in unique]:
        raise UpstreamError(
            f'there is no unique constraint matching given keys for referenced table "{target.name}"',
            sqlstate="42830",
        )
    return keys


def constraints_of(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Constraint]:
    """Return the constraints of a table that have names."""
    whose = {"database": table.database, "schema": table.schema, "name": table.name}
    own = dict(connection.execute(_OWN_NAMES, whose).fetchall())
    found = [Constraint(key.name, key=key) for key in table.mark.foreign]
    found += [Constraint(index.name, index=index) for index in table.indexes if index.comment == OF_CONSTRAINT]
    for item in table.items:
        for one in item.constraints:
            if one.kind == "PRIMARY KEY":
                name = table.mark.primary or f"{table.name}_pkey"
            elif one.kind == "CHECK":
                name = item.check_name(one) or own.get(item.text, "")
            elif one.kind in ("UNIQUE", "FOREIGN KEY"):
                label = "key" if one.kind == "UNIQUE" else "fkey"
                name = f"{table.name}_{'_'.join(one.columns)}_{label}"
            else:
                continue
            found.append(Constraint(name, item=item, written=one))
    return found


def default_name(table: str, columns: Sequence[str], label: str, used: set[str]) -> str:
    """Return the name PostgreSQL gives a constraint, cut to what a name can have.

    Source: makeObjectName and ChooseConstraintName in its src/backend/commands/indexcmds.c and catalog/pg_constraint.c.

    >>> default_name("t", ["a", "b"], "key", {"t_a_b_key"})
    't_a_b_key1'
    """
    number = 0
    while True:
        ending = f"_{label}{number or ''}"
        first, second = table, "_".join(columns)
        while len(f"{first}_{second}{ending}".encode()) > _LONGEST_NAME_BYTES:
            first, second = (first[:-1], second) if len(first) > len(second) else (first, second[:-1])
        name = f"{first}_{second}{ending}"
        if name not in used:
            return name
        number += 1
