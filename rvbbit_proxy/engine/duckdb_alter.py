"""ALTER TABLE, action by action: as DuckDB does it, or by rebuilding the table where DuckDB cannot.

DuckDB alters no table that has an index, but for adding a plain column, so the indexes go before and are made anew
after, with the names that tables and columns have then.
Source: https://www.postgresql.org/docs/16/sql-altertable.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from rvbbit_proxy.engine.catalog.constraints import Written, column_constraints, table_constraint
from rvbbit_proxy.engine.catalog.definitions import identity_mark
from rvbbit_proxy.engine.catalog.foreign_keys import KEYS, ForeignKey, Reference, TableName, read_mark, references
from rvbbit_proxy.engine.catalog.rewrite import Step
from rvbbit_proxy.engine.duckdb_keys import (
    Constraint,
    add_key,
    check_unique,
    constraints_of,
    default_name,
    take_from_item,
)
from rvbbit_proxy.engine.duckdb_tables import (
    Index,
    Item,
    Table,
    find_table,
    get_table,
    literal,
    made_index,
    named_check,
    quoted,
    read_item,
    rebuilt,
    stands_alone,
)
from rvbbit_proxy.errors import NotSupported, UpstreamError
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import split_list

_SERIALS = {
    "smallserial": "SMALLINT",
    "serial2": "SMALLINT",
    "serial": "INTEGER",
    "serial4": "INTEGER",
    "bigserial": "BIGINT",
    "serial8": "BIGINT",
}
_STRUCTURAL = frozenset(("CHECK", "PRIMARY KEY"))


@dataclass(frozen=True, slots=True)
class Alteration:
    """ALTER TABLE taken apart: the table's name as written, the actions' tokens.

    ``updated``: the transaction has changed rows, so no index can be made unless the table is made anew first.
    """

    sql: str
    name: str
    actions: Sequence[Sequence[Token]]
    updated: bool = False

    def text(self, parts: Sequence[Token]) -> str:
        """Return these tokens as written."""
        return self.sql[parts[0].start : parts[-1].end] if parts else ""


def read_alteration(sql: str) -> Alteration | None:
    """Return an ALTER TABLE taken apart; None where it is not one we can read."""
    parts = lexemes(sql)
    said = [part.text.upper() for part in parts]
    place = 4 if said[2:4] == ["IF", "EXISTS"] else 2
    place += said[place : place + 1] == ["ONLY"]
    name = [part for part in parts[place : place + 1] if part.kind in ("word", "quoted")]
    while name and said[place + 1 : place + 2] == ["."]:
        place += 2
        name += parts[place : place + 1]
    if said[place + 1 : place + 2] == ["*"]:
        place += 1
    actions = split_list(parts[place + 1 :])
    if not name or not all(actions):
        return None
    return Alteration(sql, ".".join(part.text for part in name), actions)


def is_native(alteration: Alteration, table: Table) -> bool:
    """Tell whether DuckDB can be given the statement as it is."""
    if len(alteration.actions) != 1 or "ONLY" in (part.text.upper() for part in lexemes(alteration.sql)[2:5]):
        return False
    action = alteration.actions[0]
    words = [part.text.upper() for part in action]
    if words[0] == "ADD":
        return _adds_plain_column(alteration.sql, action)
    if words[0] == "ALTER":
        named = 2 if words[1] == "COLUMN" else 1
        said = words[named + 1 : named + 3]
        return not table.indexes and said in (["SET", "DEFAULT"], ["DROP", "DEFAULT"], ["DROP", "NOT"])
    return False


def steps_of(alteration: Alteration) -> Step:
    """Return what runs the actions one after the other."""

    def run(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        name = alteration.name
        for action in alteration.actions:
            table = get_table(connection, name)
            if alteration.updated and needs_indexes(table, action):
                yield from rebuilt(table, table.items)
            name = f"{quoted(table.database)}.{quoted(table.schema)}.{quoted(table.name)}"
            words = [part.text.upper() for part in action]
            if words[:2] == ["RENAME", "TO"]:
                name = _moved(table, name=unquote_identifier(action[2])).path
            elif words[:2] == ["SET", "SCHEMA"]:
                name = _moved(table, schema=_schema(action[2])).path
            yield from _action(connection, table, alteration, action)

    return run


def needs_indexes(table: Table, action: Sequence[Token]) -> bool:
    """Tell whether indexes are made with an action."""
    return bool(table.indexes) or "UNIQUE" in (part.text.upper() for part in action)


def _action(
    connection: duckdb.DuckDBPyConnection, table: Table, alteration: Alteration, action: Sequence[Token]
) -> Iterator[str]:
    """Yield what one action is."""
    words = [part.text.upper() for part in action]
    if words[0] == "ADD" and stands_alone(action[1:]):
        yield from _add_constraint(connection, table, alteration, action[1:])
    elif words[0] == "ADD":
        yield from _add_column(connection, table, alteration, action)
    elif words[:2] == ["DROP", "CONSTRAINT"]:
        yield from _drop_constraint(connection, table, action)
    elif words[0] == "DROP":
        yield from _drop_column(connection, table, action)
    elif words[:2] == ["RENAME", "CONSTRAINT"]:
        yield from _rename_constraint(connection, table, action)
    elif words[:2] == ["RENAME", "TO"]:
        yield from _rename_table(connection, table, action)
    elif words[0] == "RENAME":
        yield from _rename_column(connection, table, action)
    elif words[:2] == ["SET", "SCHEMA"]:
        yield from _set_schema(connection, table, action)
    elif words[:2] == ["VALIDATE", "CONSTRAINT"]:
        _find_constraint(connection, table, unquote_identifier(action[2]))
    elif words[0] == "ALTER" and words[1] not in ("CONSTRAINT", "INDEX"):
        yield from _alter_column(connection, table, alteration, action)
    else:
        yield from _native(table, alteration.text(action))


def _native(table: Table, action: str, indexes: Sequence[Index] | None = None) -> Iterator[str]:
    """Yield an action as DuckDB takes it; ``indexes``: those the table has afterwards."""
    for index in table.indexes:
        yield _drop_index(table, index)
    yield f"ALTER TABLE {table.path} {action}"
    for index in table.indexes if indexes is None else indexes:
        yield from made_index(table, index)


def _drop_index(table: Table, index: Index) -> str:
    return f"DROP INDEX {quoted(table.database)}.{quoted(index.schema)}.{quoted(index.name)}"


# columns


def _adds_plain_column(sql: str, action: Sequence[Token]) -> bool:
    """Tell whether an action adds a column that an indexed table can be given."""
    if stands_alone(action[1:]):
        return False
    column = _added_column(action)
    kind = column[1].text.lower() if len(column) > 1 else ""
    others = [one for one in column_constraints(column) if one.kind != "other"]
    return not others and kind not in _SERIALS and "GENERATED" not in (part.text.upper() for part in column)


def _added_column(action: Sequence[Token]) -> Sequence[Token]:
    """Return the definition in ADD [COLUMN] [IF NOT EXISTS]."""
    words = [part.text.upper() for part in action]
    start = 2 if words[1] == "COLUMN" else 1
    return action[start + 3 :] if words[start : start + 3] == ["IF", "NOT", "EXISTS"] else action[start:]


def _add_column(
    connection: duckdb.DuckDBPyConnection, table: Table, alteration: Alteration, action: Sequence[Token]
) -> Iterator[str]:
    column = _added_column(action)
    name = unquote_identifier(column[0])
    if name.lower() in (known.lower() for known in table.columns):
        if len(action) - len(column) > 2:  # IF NOT EXISTS
            return
        raise UpstreamError(f'column "{name}" of relation "{table.name}" already exists', sqlstate="42701")
    text, taken = take_from_item(alteration.sql, column)
    item = read_item(text)
    counted = _counted(table, item)
    if counted is not None:
        made, item = counted
        yield from made
    _check_filled(connection, table, item)
    computed = any(one.kind == "other" and _is_computed(item, one) for one in item.constraints)
    if counted is not None or computed or any(one.kind in _STRUCTURAL for one in item.constraints):
        if any(one.kind == "PRIMARY KEY" for one in item.constraints):
            _check_single_key(table)
        _check_default(connection, table, item)
        yield from rebuilt(table, [*table.items, item])
    elif any(one.kind == "NOT NULL" for one in item.constraints):
        yield from _native(table, f"ADD COLUMN {item.text}")
    else:
        yield f"ALTER TABLE {table.path} ADD COLUMN {item.text}"
    for written in taken:
        yield from add_key(connection, get_table(connection, table.path), written)


def _is_computed(item: Item, one: Written) -> bool:
    return item.text[one.start :].upper().startswith("GENERATED")


def _counted(table: Table, item: Item) -> tuple[list[str], Item] | None:
    """Return what makes the sequence, and the definition of a serial or identity column; None where it is none."""
    parts = lexemes(item.text)
    serial = _SERIALS.get(parts[1].text.lower()) if len(parts) > 1 else None
    identity = next((one for one in item.constraints if _is_identity(item.text, one)), None)
    if serial is None and identity is None:
        return None
    sequence, default = _sequence(table, unquote_identifier(parts[0]))
    text = item.text
    options = ""
    if identity is not None:
        options = _sequence_options(text[identity.start : identity.end])
        text = text[: identity.start] + default + text[identity.end :]
    else:
        text = f"{text[: parts[1].start]}{serial} {default}{text[parts[1].end :]}"
    if not any(one.kind in ("NOT NULL", "PRIMARY KEY") for one in item.constraints):
        text += " NOT NULL"
    made = [f"CREATE SEQUENCE IF NOT EXISTS {sequence}{options}"]
    if identity is not None:
        made.append(f"COMMENT ON SEQUENCE {sequence} IS '{identity_mark(item.text[identity.start :])}'")
    return made, read_item(text)


def _is_identity(text: str, one: Written) -> bool:
    words = [part.text.upper() for part in lexemes(text[one.start : one.end])]
    return words[:1] == ["GENERATED"] and "IDENTITY" in words[:5]


def _sequence(table: Table, column: str) -> tuple[str, str]:
    """Return the name of a column's sequence and the default that draws from it."""
    place = "" if table.schema == "main" else f"{quoted(table.schema)}."
    name = f"{place}{quoted(f'{table.name}_{column}_seq')}"
    return name, f"DEFAULT nextval({literal(name)})"


def _sequence_options(identity: str) -> str:
    first = identity.find("(")
    return "" if first < 0 else f" {identity[first + 1 : identity.rindex(')')]}"


def _check_filled(connection: duckdb.DuckDBPyConnection, table: Table, item: Item) -> None:
    """Raise 23502 where rows would have no value in a new column that must have one."""
    required = any(one.kind in ("NOT NULL", "PRIMARY KEY") for one in item.constraints)
    filled = any(one.kind == "other" and _gives_value(item, one) for one in item.constraints)
    if required and not filled and connection.execute(f"SELECT 1 FROM {table.path} LIMIT 1").fetchall():
        raise _contains_nulls(table, item.column or "")


def _gives_value(item: Item, one: Written) -> bool:
    return item.text[one.start :].upper().startswith(("DEFAULT", "GENERATED"))


def _contains_nulls(table: Table, column: str) -> UpstreamError:
    return UpstreamError(
        f'column "{column}" of relation "{table.name}" contains null values',
        sqlstate="23502",
        fields={"t": table.name, "c": column},
    )


def _check_default(connection: duckdb.DuckDBPyConnection, table: Table, item: Item) -> None:
    """Raise 23514 where rows would have a default in a new column that its CHECK does not allow."""
    default = next((one for one in item.constraints if item.text[one.start :].upper().startswith("DEFAULT")), None)
    checks = [one for one in item.constraints if one.kind == "CHECK"]
    if default is None or not checks or "NEXTVAL" in item.text.upper():
        return
    value = item.text[default.start + len("DEFAULT") : default.end]
    among = f"(SELECT *, {value} AS {quoted(item.column or '')} FROM {table.path})"
    for one in checks:
        own = f"{table.name}_{item.column}_check"
        _check_rows(connection, table, item.check_name(one) or own, item.text[slice(*one.body)], among)


def _drop_column(connection: duckdb.DuckDBPyConnection, table: Table, action: Sequence[Token]) -> Iterator[str]:
    words = [part.text.upper() for part in action]
    start = 2 if words[1] == "COLUMN" else 1
    optional = words[start : start + 2] == ["IF", "EXISTS"]
    name = unquote_identifier(action[start + 2 if optional else start])
    if optional and name.lower() not in (known.lower() for known in table.columns):
        return
    column = table.column(name)
    for reference in _referring(connection, table):
        if column in reference.key.keys:
            if words[-1] != "CASCADE":
                raise depended_on(f"column {column} of table {table.name}", reference)
            yield from remove_reference(connection, reference)
    mark = table.mark.without(lambda key: column in key.columns)
    indexes = [index for index in table.indexes if column not in index.columns]
    gone = [item for item in table.items if item.column == column or _binds(item, column)]
    changed = replace(table, comment=mark.written_behind(table.comment) or None)
    if table.indexes or _has_keys(table) or len(gone) > 1:  # DuckDB sees a dropped index until the commit
        yield from rebuilt(changed, [item for item in table.items if item not in gone], indexes=indexes)
    else:
        if mark != table.mark:
            yield table.comment_sql(mark)
        yield from _native(table, f"DROP COLUMN {quoted(column)}", indexes)


def _has_keys(table: Table) -> bool:
    return any(one.kind in ("PRIMARY KEY", "UNIQUE") for item in table.items for one in item.constraints)


def _binds(item: Item, column: str) -> bool:
    """Tell whether an item goes with a column because its constraints have it, and DuckDB would keep it."""
    if item.column is not None:
        return item.column == column and any(one.kind in ("PRIMARY KEY", "UNIQUE") for one in item.constraints)
    return column in (unquote_identifier(part) for part in lexemes(item.text))


def _rename_column(connection: duckdb.DuckDBPyConnection, table: Table, action: Sequence[Token]) -> Iterator[str]:
    old_name = action[2 if action[1].text.upper() == "COLUMN" else 1]
    old, new = table.column(unquote_identifier(old_name)), unquote_identifier(action[-1])
    renamed = replace(table, indexes=tuple(_with_renamed(index, old, action[-1].text) for index in table.indexes))
    yield from _native(table, f"RENAME COLUMN {quoted(old)} TO {action[-1].text}", renamed.indexes)

    def rename(reference: Reference) -> ForeignKey:
        key = reference.key
        if reference.child == _name(table):
            key = replace(key, columns=tuple(new if name == old else name for name in key.columns))
        if reference.parent == _name(table):
            key = replace(key, keys=tuple(new if name == old else name for name in key.keys))
        return key

    yield from move_references(connection, rename)


def _with_renamed(index: Index, old: str, new: str) -> Index:
    parts = lexemes(index.sql)
    first = next(at for at, part in enumerate(parts) if part.text == "(")
    pieces, done = [], 0
    for part in parts[first:]:
        if part.kind in ("word", "quoted") and unquote_identifier(part) == old:
            pieces += [index.sql[done : part.start], new]
            done = part.end
    return replace(index, sql="".join([*pieces, index.sql[done:]]))


def _alter_column(
    connection: duckdb.DuckDBPyConnection, table: Table, alteration: Alteration, action: Sequence[Token]
) -> Iterator[str]:
    start = 2 if action[1].text.upper() == "COLUMN" else 1
    column = table.column(unquote_identifier(action[start]))
    rest = action[start + 1 :]
    words = [part.text.upper() for part in rest]
    if words[:2] == ["ADD", "GENERATED"]:
        sequence, default = _sequence(table, column)
        yield f"CREATE SEQUENCE IF NOT EXISTS {sequence}{_sequence_options(alteration.text(rest))}"
        yield f"COMMENT ON SEQUENCE {sequence} IS '{identity_mark(alteration.text(rest))}'"
        yield from _native(table, f"ALTER COLUMN {quoted(column)} SET {default}")
    elif words[:2] == ["DROP", "IDENTITY"]:
        yield from _native(table, f"ALTER COLUMN {quoted(column)} DROP DEFAULT")
        yield f"DROP SEQUENCE IF EXISTS {_sequence(table, column)[0]}"
    elif words[:2] == ["SET", "GENERATED"]:
        return
    elif words[:1] == ["TYPE"] or words[:3] == ["SET", "DATA", "TYPE"]:
        yield from _alter_type(table, alteration, column, rest[1 if words[0] == "TYPE" else 3 :])
    else:
        if words == ["SET", "NOT", "NULL"]:
            nulls = f"SELECT 1 FROM {table.path} WHERE {quoted(column)} IS NULL LIMIT 1"
            if connection.execute(nulls).fetchall():
                raise _contains_nulls(table, column)
        yield from _native(table, f"ALTER COLUMN {quoted(column)} {alteration.text(rest)}")


def _alter_type(table: Table, alteration: Alteration, column: str, kind: Sequence[Token]) -> Iterator[str]:
    words = [part.text.upper() for part in kind]
    end = next((at for at, word in enumerate(words) if word in ("USING", "COLLATE")), len(kind))
    using = words.index("USING") if "USING" in words else None
    bound = any(_binds(item, column) for item in table.items) or any(
        column in index.columns for index in table.indexes
    )
    if not bound:
        yield from _native(table, f"ALTER COLUMN {quoted(column)} TYPE {alteration.text(kind)}")
        return
    name = alteration.text(kind[:end])
    value = f"CAST({quoted(column)} AS {name})" if using is None else alteration.text(kind[using + 1 :])
    items = [_retyped(item, name) if item.column == column else item for item in table.items]
    yield from rebuilt(table, items, copied=[(column, f"CAST({value} AS {name})")])


def _retyped(item: Item, kind: str) -> Item:
    rest = item.text[item.constraints[0].start :] if item.constraints else ""
    return read_item(f"{quoted(item.column or '')} {kind} {rest}".strip())


# constraints


def _add_constraint(
    connection: duckdb.DuckDBPyConnection, table: Table, alteration: Alteration, parts: Sequence[Token]
) -> Iterator[str]:
    written = table_constraint(parts)
    try:
        if written.kind == "CHECK":
            yield from _add_check(connection, table, alteration.sql, written)
        elif written.kind == "PRIMARY KEY":
            yield from _add_primary(connection, table, written)
        elif written.kind == "other":
            yield from _native(table, f"ADD {alteration.text(parts)}")
        else:
            if written.kind == "UNIQUE":
                take_from_item(alteration.sql, parts)  # refuses what cannot be kept
            yield from add_key(connection, table, written)
    except UpstreamError as fault:
        if written.valid or fault.sqlstate not in ("23503", "23514"):
            raise
        raise NotSupported(
            "NOT VALID is not supported on DuckDB where rows violate the constraint",
            detail=fault.detail or fault.message,
            hint="Mend or delete these rows first.",
        ) from fault


def _add_check(connection: duckdb.DuckDBPyConnection, table: Table, sql: str, written: Written) -> Iterator[str]:
    body = sql[slice(*written.body)]
    names = {one.name for one in constraints_of(connection, table)}
    if written.name in names:
        raise _exists_already(table, written.name)
    mentioned = {unquote_identifier(part) for part in lexemes(body) if part.kind in ("word", "quoted")}
    columns = [column for column in table.columns if column in mentioned]
    name = written.name or default_name(table.name, columns[:1] if len(columns) == 1 else (), "check", names)
    _check_rows(connection, table, name, body, table.path)
    yield from rebuilt(table, [*table.items, read_item(named_check(name, body))])


def _check_rows(connection: duckdb.DuckDBPyConnection, table: Table, name: str, body: str, among: str) -> None:
    if connection.execute(f"SELECT 1 FROM {among} WHERE NOT ({body}) LIMIT 1").fetchall():
        raise UpstreamError(
            f'check constraint "{name}" of relation "{table.name}" is violated by some row',
            sqlstate="23514",
            fields={"t": table.name, "n": name},
        )


def _exists_already(table: Table, name: str | None) -> UpstreamError:
    return UpstreamError(f'constraint "{name}" for relation "{table.name}" already exists', sqlstate="42710")


def _check_single_key(table: Table) -> None:
    if any(one.kind == "PRIMARY KEY" for item in table.items for one in item.constraints):
        raise UpstreamError(f'multiple primary keys for table "{table.name}" are not allowed', sqlstate="42P16")


def _add_primary(connection: duckdb.DuckDBPyConnection, table: Table, written: Written) -> Iterator[str]:
    _check_single_key(table)
    columns = [table.column(name) for name in written.columns]
    if not columns:
        raise NotSupported("a constraint USING INDEX is not supported on DuckDB", hint="Name its columns.")
    for column in columns:
        if connection.execute(f"SELECT 1 FROM {table.path} WHERE {quoted(column)} IS NULL LIMIT 1").fetchall():
            raise _contains_nulls(table, column)
    check_unique(connection, table, written.name or f"{table.name}_pkey", columns)
    key = read_item(f"PRIMARY KEY ({', '.join(map(quoted, columns))})")
    yield from rebuilt(table, [*table.items, key])
    if written.name is not None:
        yield from add_key(connection, get_table(connection, table.path), written)


def _find_constraint(connection: duckdb.DuckDBPyConnection, table: Table, name: str) -> Constraint:
    for one in constraints_of(connection, table):
        if one.name == name:
            return one
    raise UpstreamError(f'constraint "{name}" of relation "{table.name}" does not exist', sqlstate="42704")


def _drop_constraint(
    connection: duckdb.DuckDBPyConnection, table: Table, action: Sequence[Token]
) -> Iterator[str]:
    words = [part.text.upper() for part in action]
    optional = words[2:4] == ["IF", "EXISTS"]
    name = unquote_identifier(action[4 if optional else 2])
    if optional and name not in (one.name for one in constraints_of(connection, table)):
        return
    found = _find_constraint(connection, table, name)
    if found.key is not None:
        yield table.comment_sql(table.mark.without(lambda key: key == found.key))
        return
    columns = found.index.columns if found.index is not None else found.written.columns if found.written else ()
    is_key = found.index is not None or (found.written is not None and found.written.kind != "CHECK")
    for reference in _referring(connection, table) if is_key else ():
        if set(reference.key.keys) == set(columns):
            if words[-1] != "CASCADE":
                raise depended_on(f"constraint {name} on table {table.name}", reference)
            yield from remove_reference(connection, reference)
            table = get_table(connection, table.path)
    if found.index is not None:
        yield _drop_index(table, found.index)
    elif found.item is not None and found.written is not None:
        yield from _rebuilt_without(table, found.item, found.written)


def _rebuilt_without(table: Table, item: Item, written: Written) -> Iterator[str]:
    items: list[Item] = []
    primary = written.columns if written.kind == "PRIMARY KEY" else ()
    for one in table.items:
        kept = one.without(written) if one == item else one
        if kept is not None and kept.column in primary and not any(c.kind == "NOT NULL" for c in kept.constraints):
            kept = read_item(f"{kept.text} NOT NULL")
        items += [kept] if kept is not None else []
    if primary:
        table = replace(table, comment=replace(table.mark, primary=None).written_behind(table.comment) or None)
    yield from rebuilt(table, items)


def _rename_constraint(
    connection: duckdb.DuckDBPyConnection, table: Table, action: Sequence[Token]
) -> Iterator[str]:
    found, new = _find_constraint(connection, table, unquote_identifier(action[2])), unquote_identifier(action[-1])
    if new in (one.name for one in constraints_of(connection, table)):
        raise _exists_already(table, new)
    if found.key is not None:
        mark = table.mark.renamed(lambda key: replace(key, name=new) if key == found.key else key)
        yield table.comment_sql(mark)
    elif found.index is not None:
        yield _drop_index(table, found.index)
        yield from made_index(table, replace(found.index, name=new))
    elif found.written is not None and found.item is not None:
        yield from _renamed_in_definition(table, found.item, found.written, new)


def _renamed_in_definition(table: Table, item: Item, written: Written, new: str) -> Iterator[str]:
    if written.kind == "PRIMARY KEY":
        yield table.comment_sql(replace(table.mark, primary=new))
        return
    if written.kind != "CHECK":
        raise NotSupported("such a constraint cannot be renamed on DuckDB", hint="Drop it, and add it anew.")
    kept = item.without(written)
    items = [*(one for one in table.items if one != item), *([kept] if kept is not None else [])]
    check = read_item(named_check(new, item.check_body(written)))
    yield from rebuilt(table, [*items, check])


# names and places


def _rename_table(connection: duckdb.DuckDBPyConnection, table: Table, action: Sequence[Token]) -> Iterator[str]:
    moved = _moved(table, name=unquote_identifier(action[2]))
    for index in table.indexes:
        yield _drop_index(table, index)
    keyed = any(one.kind == "PRIMARY KEY" for item in table.items for one in item.constraints)
    if keyed and table.mark.primary is None:
        yield table.comment_sql(replace(table.mark, primary=f"{table.name}_pkey"))
    yield f"ALTER TABLE {table.path} RENAME TO {quoted(moved.name)}"
    for index in table.indexes:
        yield from made_index(moved, index)
    yield from move_references(connection, lambda one: _following(one, table, moved))


def _set_schema(connection: duckdb.DuckDBPyConnection, table: Table, action: Sequence[Token]) -> Iterator[str]:
    schema = _schema(action[2])
    if schema == table.schema:
        return
    if find_table(connection, f"{quoted(schema)}.{quoted(table.name)}") is not None:
        raise UpstreamError(f'relation "{table.name}" already exists in schema "{schema}"', sqlstate="42P07")
    yield from rebuilt(table, table.items, schema=schema)
    yield from move_references(connection, lambda one: _following(one, table, _moved(table, schema=schema)))


def _schema(token: Token) -> str:
    name = unquote_identifier(token)
    return "main" if name == "public" else name


def _moved(table: Table, *, name: str | None = None, schema: str | None = None) -> Table:
    return replace(table, name=name or table.name, schema=schema or table.schema)


def _following(reference: Reference, table: Table, moved: Table) -> ForeignKey:
    if reference.parent != _name(table):
        return reference.key
    return replace(reference.key, schema=moved.schema, table=moved.name)


def _name(table: Table) -> TableName:
    return table.database, table.schema, table.name


# foreign keys of other tables


def move_references(
    connection: duckdb.DuckDBPyConnection, change: Callable[[Reference], ForeignKey | None]
) -> Iterator[str]:
    """Yield what tells changed foreign keys, wherever they are; None drops one."""
    for database, schema, name, comment in connection.execute(KEYS).fetchall():
        mark, child = read_mark(comment), (database, schema, name)
        keys = [change(Reference(child, key)) for key in mark.foreign]
        told = replace(mark, foreign=tuple(key for key in keys if key is not None))
        if told != mark:
            path = ".".join(map(quoted, child))
            yield f"COMMENT ON TABLE {path} IS {literal(told.written_behind(comment) or None)}"


def _referring(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Reference]:
    """Return the foreign keys that refer to a table."""
    known = references(connection.execute(KEYS).fetchall())
    return [one for one in known.of_parent.get(table.name.lower(), ()) if one.parent == _name(table)]


def remove_reference(connection: duckdb.DuckDBPyConnection, dropped: Reference) -> Iterator[str]:
    """Yield what drops a foreign key."""
    return move_references(connection, lambda one: None if one == dropped else one.key)


def drop_defaults(connection: duckdb.DuckDBPyConnection, sequence: str, kept: set[TableName]) -> Iterator[str]:
    """Yield what drops the defaults that draw from a sequence, named as they name it, but in ``kept``."""
    using = connection.execute(
        "SELECT database_name, schema_name, table_name, column_name FROM duckdb_columns()"
        " WHERE replace(column_default, '\"', '') = 'nextval(' || $1 || ')'",
        [literal(sequence.replace('"', ""))],
    ).fetchall()
    for *name, column in using:
        if tuple(name) not in kept:
            table = get_table(connection, ".".join(map(quoted, name)))
            yield from _native(table, f"ALTER COLUMN {quoted(column)} DROP DEFAULT")


def depended_on(what: str, reference: Reference) -> UpstreamError:
    """Return the error for what cannot go because a foreign key needs it."""
    return UpstreamError(
        f"cannot drop {what} because other objects depend on it",
        detail=f"constraint {reference.key.name} on table {reference.child[-1]} depends on {what}",
        hint="Use DROP ... CASCADE to drop the dependent objects too.",
        sqlstate="2BP01",
    )


def referring(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[Table, list[Reference]] | None:
    """Return a table by its name as written, with the foreign keys of other tables that refer to it."""
    table = find_table(connection, name)
    if table is None:
        return None
    return table, [one for one in _referring(connection, table) if one.child != _name(table)]
