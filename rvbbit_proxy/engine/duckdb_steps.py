"""One statement of PostgreSQL's that is several of DuckDB's: ALTER TABLE with several actions, DROP of several objects.

DuckDB alters no table that has an index, but for adding a plain column, so the indexes go before and are made anew
after, with the names that tables and columns have then; a column of an index cannot be dropped even so. Not here:
CREATE and TRUNCATE (``catalog.definitions``).
Source: https://www.postgresql.org/docs/16/sql-altertable.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from rvbbit_proxy.engine.catalog.rewrite import Rewritten
from rvbbit_proxy.engine.statement import words_of
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import split_list

_DROPPED = frozenset(("TABLE", "VIEW", "SEQUENCE", "INDEX", "SCHEMA", "TYPE"))
_CHECKED = frozenset(("CONSTRAINT", "NOT", "PRIMARY", "UNIQUE"))
_INDEXES = """
    SELECT schema_name, index_name, sql FROM duckdb_indexes()
    WHERE database_name = current_database() AND lower(table_name) = lower($table)
      AND (lower(schema_name) = lower($schema) OR $schema IS NULL)
"""


@dataclass(frozen=True, slots=True)
class _Altered:
    """ALTER TABLE taken apart: its words up to the actions, the table's name, the actions' tokens."""

    head: str
    name: tuple[str, ...]
    actions: Sequence[Sequence[Token]]


def in_steps(
    found: Rewritten, connection: duckdb.DuckDBPyConnection, wait_for_renames: Callable[[], None]
) -> Rewritten:
    """Return the statement with what DuckDB needs before and after it; as it came where that is nothing."""
    verb = words_of(found.sql, 2)
    if verb == ("ALTER", "TABLE"):
        wait_for_renames()
        return _alter(found, connection)
    if verb[:1] == ("DROP",) and verb[-1] in _DROPPED and "," in found.sql:
        return _drop(found)
    return found


def _drop(found: Rewritten) -> Rewritten:
    """Name one object a statement."""
    parts = lexemes(found.sql)
    start = 4 if [part.text.upper() for part in parts[2:4]] == ["IF", "EXISTS"] else 2
    end = next(
        (n for n, part in enumerate(parts) if part.text.upper() in ("CASCADE", "RESTRICT", ";")), len(parts)
    )
    names = split_list(parts[start:end])
    if len(names) < 2:
        return found
    head = found.sql[: parts[start].start]
    tail = "".join(f" {part.text}" for part in parts[end:] if part.text != ";")
    *first, last = [head + _text(found.sql, name) + tail for name in names]
    return replace(found, sql=last, before=(*found.before, *first), displaced=True)


def _alter(found: Rewritten, connection: duckdb.DuckDBPyConnection) -> Rewritten:
    altered = _read_alter(found.sql)
    if altered is None:
        return found
    steps = [f"{altered.head} {_text(found.sql, action)}" for action in altered.actions]
    drops, makes = _indexes_around(altered, connection)
    only = "ONLY" in (part.text.upper() for part in lexemes(found.sql)[2:5])
    if len(steps) == 1 and not drops and not only:
        return found
    return replace(
        found,
        sql=steps[-1],
        before=(*found.before, *drops, *steps[:-1]),
        after=(*makes, *found.after),
        displaced=True,
        renames_indexed=bool(drops),
    )


def _read_alter(sql: str) -> _Altered | None:
    parts = lexemes(sql)
    words = [part.text.upper() for part in parts]
    place = 4 if words[2:4] == ["IF", "EXISTS"] else 2
    optional = " IF EXISTS" if place == 4 else ""
    place += words[place : place + 1] == ["ONLY"]
    name = [part for part in parts[place : place + 1] if part.kind in ("word", "quoted")]
    while name and words[place + 1 : place + 2] == ["."]:
        place += 2
        name += parts[place : place + 1]
    actions = split_list(parts[place + 1 :])
    if not name or not all(actions):
        return None
    head = f"ALTER TABLE{optional} {'.'.join(part.text for part in name)}"
    return _Altered(head, tuple(map(unquote_identifier, name)), actions)


def _indexes_around(
    altered: _Altered, connection: duckdb.DuckDBPyConnection
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what drops the table's indexes, and what makes them again."""
    if all(map(_adds_unchecked, altered.actions)):
        return (), ()
    schema = altered.name[-2] if len(altered.name) > 1 else None
    rows = connection.execute(_INDEXES, {"table": altered.name[-1], "schema": schema}).fetchall()
    renamed = dict(_renamed(altered.actions))
    drops = tuple(f"DROP INDEX {_quoted(schema)}.{_quoted(name)}" for schema, name, _ in rows)
    return drops, tuple(_index_after(sql, altered.name[-1], renamed) for _, _, sql in rows)


def _adds_unchecked(action: Sequence[Token]) -> bool:
    """Tell whether an action adds a column that need not be looked at: what an indexed table allows."""
    words = {part.text.upper() for part in action}
    return action[0].text.upper() == "ADD" and words.isdisjoint(_CHECKED)


def _renamed(actions: Sequence[Sequence[Token]]) -> Iterator[tuple[str | None, str]]:
    """Yield old name and new of each renamed column; None is the table's old name."""
    for action in actions:
        words = [part.text.upper() for part in action]
        if words[0] != "RENAME" or "TO" not in words:
            continue
        old = [part for part in action[1 : words.index("TO")] if part.text.upper() != "COLUMN"]
        yield unquote_identifier(old[0]) if old else None, action[-1].text


def _index_after(sql: str, table: str, renamed: dict[str | None, str]) -> str:
    """Return the CREATE INDEX under the new names."""
    parts = lexemes(sql)
    first = next(n for n, part in enumerate(parts) if part.text == "(")
    pieces, done = [], 0
    for place, part in enumerate(parts):
        name = unquote_identifier(part) if part.kind in ("word", "quoted") else ""
        key = None if place == first - 1 and name == table else name
        if (key is None or place > first) and key in renamed:
            pieces += [sql[done : part.start], renamed[key]]
            done = part.end
    return "".join(pieces) + sql[done:]


def _text(sql: str, parts: Sequence[Token]) -> str:
    return sql[parts[0].start : parts[-1].end]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
