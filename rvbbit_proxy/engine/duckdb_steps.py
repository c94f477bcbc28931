"""One statement of PostgreSQL's that is several of DuckDB's: ALTER TABLE, DROP and TRUNCATE of several objects.

Not here: CREATE (``catalog.definitions``, ``duckdb_keys``), what each action of ALTER TABLE is (``duckdb_alter``).
Source: https://www.postgresql.org/docs/16/sql-commands.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import duckdb

from rvbbit_proxy.engine.catalog.foreign_keys import References
from rvbbit_proxy.engine.catalog.rewrite import Rewritten, Step
from rvbbit_proxy.engine.duckdb_alter import (
    depended_on,
    drop_defaults,
    is_native,
    move_references,
    read_alteration,
    referring,
    remove_reference,
    steps_of,
)
from rvbbit_proxy.engine.duckdb_tables import OF_CONSTRAINT, find_table, literal, made_index, quoted, rebuilt
from rvbbit_proxy.engine.statement import words_of
from rvbbit_proxy.errors import NotSupported, UpstreamError
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import name_end, split_list

_DROPPED = frozenset(("TABLE", "VIEW", "SEQUENCE", "INDEX", "SCHEMA", "TYPE"))
_ENDINGS = frozenset(("CASCADE", "RESTRICT"))
_INDEXED_TABLE = """
    SELECT database_name, schema_name, table_name FROM duckdb_indexes() WHERE lower(index_name) = lower($name)
      AND (lower(schema_name) = lower($schema) OR $schema IS NULL)
"""


def in_steps(
    found: Rewritten,
    connection: duckdb.DuckDBPyConnection,
    wait_for_renames: Callable[[], None],
    references: Callable[[], References],
    *,
    updated: bool = False,
) -> Rewritten:
    """Return the statement with what DuckDB needs before and after it; as it came where that is nothing.

    ``updated``: the transaction has changed rows, beside which DuckDB makes no index.
    """
    verb = words_of(found.sql, 3)
    if verb[:2] in (("ALTER", "TABLE"), ("ALTER", "INDEX")):
        wait_for_renames()
        return _alter(found, connection, updated) if verb[1] == "TABLE" else _alter_index(found)
    if updated and verb in (("CREATE", "UNIQUE", "INDEX"), ("CREATE", "INDEX", *verb[2:])):
        return _create_index(found)
    if verb[:2] == ("ALTER", "SEQUENCE"):
        return _alter_sequence(found)
    if verb[:1] == ("DROP",) and verb[1:2] and verb[1] in _DROPPED:
        return _drop(found, verb[1])
    if verb[:1] == ("TRUNCATE",):
        return _truncate(found, connection, references())
    return found


def _create_index(found: Rewritten) -> Rewritten:
    """Make the table anew first."""
    parts = lexemes(found.sql)
    at = next((place for place, part in enumerate(parts) if part.text.upper() == "ON"), len(parts))
    name = "".join(part.text for part in parts[at + 1 : name_end(parts, at + 1)])

    def run(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        table = find_table(connection, name)
        if table is not None:
            yield from rebuilt(table, table.items)

    return replace(found, before=(*found.before, run))


def _alter(found: Rewritten, connection: duckdb.DuckDBPyConnection, updated: bool) -> Rewritten:
    altered = read_alteration(found.sql)
    if altered is None:
        return found
    table = find_table(connection, altered.name)
    if len(altered.actions) == 1 and (table is None or is_native(altered, table)):
        return found
    return _stepwise(found, steps_of(replace(altered, updated=updated)), "ALTER TABLE")


def _stepwise(found: Rewritten, step: Step, tag: str) -> Rewritten:
    return replace(found, sql="", before=(*found.before, step), displaced=True, renames_indexed=True, tag=tag)


def _alter_index(found: Rewritten) -> Rewritten:
    """Return ALTER INDEX … RENAME TO as the index made anew."""
    parts = lexemes(found.sql)
    words = [part.text.upper() for part in parts]
    start = 4 if words[2:4] == ["IF", "EXISTS"] else 2
    end = name_end(parts, start)
    if words[end : end + 2] != ["RENAME", "TO"]:
        return found
    name, new = "".join(part.text for part in parts[start:end]), unquote_identifier(parts[end + 2])

    def run(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        table = _indexed_table(connection, name)
        if table is None and start == 2:
            last = unquote_identifier(lexemes(name)[-1])
            raise UpstreamError(f'relation "{last}" does not exist', sqlstate="42P01")
        renamed = find_table(connection, table) if table is not None else None
        for index in renamed.indexes if renamed is not None else ():
            if renamed is not None and index.name == unquote_identifier(lexemes(name)[-1]):
                yield f"DROP INDEX {quoted(renamed.database)}.{quoted(index.schema)}.{quoted(index.name)}"
                yield from made_index(renamed, replace(index, name=new))

    return _stepwise(found, run, "ALTER INDEX")


def _alter_sequence(found: Rewritten) -> Rewritten:
    """Return ALTER SEQUENCE without its type, which is bigint always, and with RESTART as DuckDB does it."""
    parts = [part for part in lexemes(found.sql) if part.text != ";"]
    words = [part.text.upper() for part in parts]
    optional = words[2:4] == ["IF", "EXISTS"]
    start = 4 if optional else 2
    end = name_end(parts, start)
    name, rest = "".join(part.text for part in parts[start:end]), words[end:]
    if rest[:1] == ["AS"]:
        rest = rest[2:]
    if rest[:1] == ["RESTART"] and len(rest) <= 3:
        first = rest[-1] if rest[-1].isdigit() else None
    elif rest or end == len(parts):
        return found

    def run(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        last = unquote_identifier(lexemes(name)[-1])
        rows = connection.execute(
            "SELECT start_value FROM duckdb_sequences() WHERE lower(sequence_name) = lower($1)", [last]
        ).fetchall()
        if not rows and not optional:
            raise UpstreamError(f'relation "{last}" does not exist', sqlstate="42P01")
        if rows and rest:
            yield f"SELECT setval({literal(name)}, {first or rows[0][0]}, false)"

    return _stepwise(found, run, "ALTER SEQUENCE")


def _indexed_table(connection: duckdb.DuckDBPyConnection, index: str) -> str | None:
    """Return the whole name of the table that has an index."""
    *places, name = [unquote_identifier(part) for part in lexemes(index) if part.text != "."]
    asked = {"name": name, "schema": places[-1] if places else None}
    rows = connection.execute(_INDEXED_TABLE, asked).fetchall()
    return ".".join(map(quoted, rows[0])) if rows else None


def _drop(found: Rewritten, kind: str) -> Rewritten:
    """Name one object a statement, and leave nothing that needs it."""
    parts = lexemes(found.sql)
    start = 4 if [part.text.upper() for part in parts[2:4]] == ["IF", "EXISTS"] else 2
    end = next((n for n, part in enumerate(parts) if part.text.upper() in (*_ENDINGS, ";")), len(parts))
    names = [_text(found.sql, name) for name in split_list(parts[start:end]) if name]
    cascades = any(part.text.upper() == "CASCADE" for part in parts[end:])
    owned = [text.rpartition(" ")[2] for text in found.after if isinstance(text, str)]
    steps = _needed_first(kind, names, cascades, owned)
    if not names or (len(names) < 2 and not steps):
        return found
    head = found.sql[: parts[start].start]
    tail = "".join(f" {part.text}" for part in parts[end:] if part.text != ";")
    *first, last = [head + name + tail for name in names]
    return replace(found, sql=last, before=(*found.before, *steps, *first), displaced=len(names) > 1)


def _needed_first(kind: str, names: Sequence[str], cascades: bool, owned: Sequence[str]) -> tuple[Step, ...]:
    """Return what is to run before objects are dropped; it raises 2BP01 where something needs them.

    ``owned`` are the sequences that go with tables.
    """
    if kind == "TABLE":
        return (lambda connection: _free_tables(connection, names, cascades, owned),)
    if kind == "INDEX":
        return (lambda connection: _check_indexes(connection, names),)
    if kind == "SCHEMA" and cascades:
        schemas = [unquote_identifier(lexemes(name)[-1]) for name in names]
        return (lambda connection: _free_schemas(connection, schemas),)
    return ()


def _free_tables(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], cascades: bool, owned: Sequence[str]
) -> Iterator[str]:
    """Drop the foreign keys of other tables that refer to these, and the defaults that draw from their sequences."""
    found = [one for one in (referring(connection, name) for name in names) if one is not None]
    dropped = {(table.database, table.schema, table.name) for table, _ in found}
    for table, references in found:
        for reference in references:
            if reference.child in dropped:
                continue
            if not cascades:
                raise depended_on(f"table {table.name}", reference)
            yield from remove_reference(connection, reference)
    for sequence in owned if cascades else ():
        yield from drop_defaults(connection, sequence, dropped)


def _free_schemas(connection: duckdb.DuckDBPyConnection, schemas: Sequence[str]) -> Iterator[str]:
    return move_references(
        connection,
        lambda one: None if one.key.schema in schemas and one.child[1] not in schemas else one.key,
    )


def _check_indexes(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        owner = _indexed_table(connection, name)
        table = find_table(connection, owner) if owner is not None else None
        last = unquote_identifier(lexemes(name)[-1])
        for index in table.indexes if table is not None else ():
            if index.name == last and index.comment == OF_CONSTRAINT and table is not None:
                raise UpstreamError(
                    f"cannot drop index {last} because constraint {last} on table {table.name} requires it",
                    hint=f"You can drop constraint {last} on table {table.name} instead.",
                    sqlstate="2BP01",
                )
    yield from ()


def _truncate(found: Rewritten, connection: duckdb.DuckDBPyConnection, references: References) -> Rewritten:
    """Empty the tables that refer to these, too, where CASCADE says so.

    :raises NotSupported: 0A000, as PostgreSQL's: a table that is left refers to one of these.
    """
    parts = lexemes(found.sql)
    cascades = any(part.text.upper() == "CASCADE" for part in parts)
    if not references and not cascades:
        return found
    kept = [part for part in parts if part.text.upper() not in _ENDINGS]
    sql = found.sql[: kept[-1].end]
    last = [part for part in kept[1:] if part.text.upper() not in ("TABLE", "ONLY", ";")]
    written = [text for text in found.before if isinstance(text, str)]
    names = [text.partition(" ")[2] for text in written] + ["".join(part.text for part in last)]
    tables = [table for table in (find_table(connection, name) for name in names) if table is not None]
    emptied = {(table.database, table.schema, table.name) for table in tables}
    further: list[tuple[str, str, str]] = []
    for name in (waiting := list(emptied)):
        for one in references.of_parent.get(name[2].lower(), ()):
            if one.parent != name or one.child in emptied:
                continue
            if not cascades:
                raise NotSupported(
                    "cannot truncate a table referenced in a foreign key constraint",
                    detail=f'Table "{one.child[2]}" references "{name[2]}".',
                    hint=f'Truncate table "{one.child[2]}" at the same time, or use TRUNCATE ... CASCADE.',
                )
            emptied.add(one.child)
            waiting.append(one.child)
            further.append(one.child)
    steps = tuple(f"TRUNCATE {'.'.join(map(quoted, name))}" for name in further)
    return replace(found, sql=sql, before=(*found.before, *steps))


def _text(sql: str, parts: Sequence[Token]) -> str:
    return sql[parts[0].start : parts[-1].end]
