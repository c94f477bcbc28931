"""Rows are held to foreign keys here, since DuckDB's own are not used (``catalog.foreign_keys`` says why).

After a statement has written to a table that has foreign keys, or that others refer to, the rows without a partner are
looked for, and dealt with as the key says: an error, at once or when the transaction ends, or an action. A transaction
sees only what was there when it began; so one that adds references and one that takes away what they refer to do not
both commit: the second is told to try again (40001).
Source: https://www.postgresql.org/docs/16/ddl-constraints.html#DDL-CONSTRAINTS-FK, src/backend/utils/adt/ri_triggers.c
Differs from PostgreSQL: a foreign key with an action is checked at once, even if it is deferred; ON UPDATE CASCADE is
refused when a key that is referred to changes; a transaction that writes references waits for none that deletes what
they refer to, and the second to commit fails with 40001.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

import duckdb

from rvbbit_proxy.engine.catalog.foreign_keys import KEYS, Reference, References, TableName, references
from rvbbit_proxy.engine.duckdb_constraints import written_table
from rvbbit_proxy.engine.duckdb_tables import FIRST_NEW_ROW, quoted
from rvbbit_proxy.engine.statement import words_of
from rvbbit_proxy.errors import NotSupported, UpstreamError
from rvbbit_proxy.sql.lexer import lexemes, unquote_identifier
from rvbbit_proxy.sql.lists import name_end, split_list

Side: TypeAlias = Literal["child", "parent"]
Identity: TypeAlias = tuple[str, str, str, str]
_WRITING = frozenset(("INSERT", "UPDATE", "DELETE", "TRUNCATE", "MERGE", "WITH", "COPY"))
_GIVING = frozenset(("INSERT", "UPDATE", "COPY"))
"""Verbs that take no key away, unless they assign one."""
_TAKING = frozenset(("UPDATE", "DELETE", "TRUNCATE"))
"""Verbs that refer to no key, unless they assign one."""
_OTHER_SIDE: dict[Side, Side] = {"child": "parent", "parent": "child"}


class KeyCommits:
    """Which side of which foreign key was written when, by a count of commits. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._written: dict[tuple[Identity, Side], int] = {}

    def now(self) -> int:
        """Return what a transaction that begins now has to remember."""
        with self._lock:
            return self._count

    @contextmanager
    def commit(self, begun: int, written: Sequence[tuple[Identity, Side]]) -> Iterator[None]:
        """Hold back other commits while one is made, and note what it has written.

        :raises UpstreamError: 40001, the other side of one of these foreign keys has been written since.
        """
        with self._lock:
            for identity, side in written:
                if self._written.get((identity, _OTHER_SIDE[side]), 0) > begun:
                    raise UpstreamError(
                        "could not serialize access due to concurrent update",
                        detail=f'Another transaction has written to the other table of "{identity[-1]}".',
                        hint="The transaction might succeed if retried.",
                        sqlstate="40001",
                    )
            yield
            self._count += 1
            self._written |= dict.fromkeys(written, self._count)


@dataclass(frozen=True, slots=True)
class KeyState:
    """What a transaction has to check at one of its moments."""

    begun: int
    written: tuple[tuple[Identity, Side], ...]
    waiting: Mapping[Identity, tuple[Reference, Side]]
    at_once: frozenset[str] | None


class KeyChecks:
    """What one session's transaction has still to check. ``of`` tells the foreign keys that it sees."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        of: Callable[[], References],
        commits: KeyCommits,
        wrote: Callable[[str], None],
    ) -> None:
        """``wrote`` is told every statement that is run because of ON DELETE and ON UPDATE."""
        self._connection = connection
        self._of = of
        self._commits = commits
        self._wrote = wrote
        self._begun = 0
        self._written: dict[tuple[Identity, Side], None] = {}
        self._waiting: dict[Identity, tuple[Reference, Side]] = {}
        self._at_once: set[str] | None = set()

    def begin(self) -> None:
        """Begin a transaction."""
        self._begun = self._commits.now()
        self._written, self._waiting, self._at_once = {}, {}, set()

    def state(self) -> KeyState:
        """Return what :meth:`return_to` takes."""
        at_once = None if self._at_once is None else frozenset(self._at_once)
        return KeyState(self._begun, tuple(self._written), dict(self._waiting), at_once)

    def return_to(self, state: KeyState) -> None:
        """Have to check what there was to check then."""
        self._begun, self._written = state.begun, dict.fromkeys(state.written)
        self._waiting = dict(state.waiting)
        self._at_once = None if state.at_once is None else set(state.at_once)

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Let the transaction commit, whose foreign keys have been checked."""
        if not self._written:
            yield
            return
        with self._commits.commit(self._begun, tuple(self._written)):
            yield

    def touched(self, sql: str) -> list[tuple[Reference, Side]]:
        """Return the foreign keys that a statement can break, and on which side."""
        verb = words_of(sql, 1)
        if not verb or verb[0] not in _WRITING:
            return []
        known = self._of()
        tables = written_tables(sql) if known else []
        return [found for table in tables for found in _touched(sql, verb[0], table.lower(), known)]

    def enforce(self, touched: Sequence[tuple[Reference, Side]], *, deleted: bool, added: bool = False) -> None:
        """Deal with the rows that a statement has left without a partner.

        ``deleted`` and ``added`` tell a statement that did nothing else from an UPDATE.

        :raises UpstreamError: 23503, a foreign key is violated.
        """
        for reference, side in touched:
            if side == "parent":
                self._act(reference, deleted=deleted)
        for reference, side in touched:
            self._written[reference.identity, side] = None
            if reference.key.waits and not self._is_at_once(reference):
                self._waiting.setdefault(reference.identity, (reference, side))
                if side == "child":
                    self._waiting[reference.identity] = reference, side
            else:
                self._check(reference, side, new_rows=added and side == "child")

    def set_constraints(self, names: Sequence[str], *, deferred: bool) -> None:
        """Check the named foreign keys (none: all) from now on at once, or at the end where they are deferrable."""
        if deferred:
            self._at_once = set() if not names or self._at_once is None else self._at_once - set(names)
            return
        self._at_once = None if not names or self._at_once is None else self._at_once | set(names)
        self.check_waiting(names)

    def check_waiting(self, names: Sequence[str] = ()) -> None:
        """Check what has waited for the end of the transaction; ``names``: these only."""
        for identity, (reference, side) in list(self._waiting.items()):
            if not names or reference.key.name in names:
                self._check(reference, side)
                del self._waiting[identity]

    def _is_at_once(self, reference: Reference) -> bool:
        return self._at_once is None or reference.key.name in self._at_once

    def _act(self, reference: Reference, *, deleted: bool) -> None:
        """Do what the foreign key says of rows whose partner has gone; what this changes is dealt with in turn."""
        action = reference.key.on_delete if deleted else reference.key.on_update
        if action in "ar" or not self._orphans(reference):
            return
        if action == "c" and not deleted:
            raise NotSupported(
                "ON UPDATE CASCADE is not supported on DuckDB",
                detail=f'"{reference.child[-1]}" has rows that refer to the changed key of "{reference.key.table}".',
                hint="Insert the new key, update the rows that refer to the old one, and delete it.",
            )
        child = _path(reference.child)
        where = orphans_condition(reference)
        if action == "c":
            change = f"DELETE FROM {child} AS c WHERE {where}"
        else:
            value = "NULL" if action == "n" else "DEFAULT"
            values = ", ".join(f"{quoted(column)} = {value}" for column in reference.key.columns)
            change = f"UPDATE {child} AS c SET {values} WHERE {where}"
        self._connection.execute(change)
        self._wrote(change)
        self._written[reference.identity, "child"] = None
        known = self._of()
        name = reference.child[-1].lower()
        further: list[tuple[Reference, Side]] = [(found, "parent") for found in known.of_parent.get(name, ())]
        if action == "d":
            further += [(found, "child") for found in known.of_child.get(name, ())]
        self.enforce(further, deleted=action == "c")

    def _orphans(self, reference: Reference) -> list[tuple[str, ...]]:
        return self._connection.execute(orphans_sql(reference)).fetchall()

    def _check(self, reference: Reference, side: Side, *, new_rows: bool = False) -> None:
        """Raise for a row without partner; ``new_rows``: only those not committed yet can be such."""
        if new_rows and self._connection.execute(has_partners_sql(reference)).fetchall() == [(True,)]:
            return
        rows = self._orphans(reference)
        if rows:
            raise violation(reference, side, rows[0])


def shared_references(connection: duckdb.DuckDBPyConnection) -> References:
    """Return the foreign keys of the database as this connection sees them."""
    return references(connection.execute(KEYS).fetchall())


def violation(reference: Reference, side: Side, values: Sequence[str]) -> UpstreamError:
    """Return PostgreSQL's error for a row without partner; ``values`` are those of the key."""
    _, schema, child = reference.child
    key = reference.key
    said = ", ".join(values)
    if side == "child":
        message = f'insert or update on table "{child}" violates foreign key constraint "{key.name}"'
        detail = f'Key ({", ".join(key.columns)})=({said}) is not present in table "{key.table}".'
    else:
        message = (
            f'update or delete on table "{key.table}" violates foreign key constraint "{key.name}"'
            f' on table "{child}"'
        )
        detail = f'Key ({", ".join(key.keys)})=({said}) is still referenced from table "{child}".'
    fields = {"s": "public" if schema == "main" else schema, "t": child, "n": key.name}
    return UpstreamError(message, detail=detail, sqlstate="23503", fields=fields)


def orphans_sql(reference: Reference) -> str:
    """Return the query for the key of one row without a partner, as texts."""
    values = ", ".join(f"CAST(c.{quoted(column)} AS VARCHAR)" for column in reference.key.columns)
    return f"SELECT {values} FROM {_path(reference.child)} AS c WHERE {orphans_condition(reference)} LIMIT 1"


def has_partners_sql(reference: Reference) -> str:
    """Return the query that tells whether all rows that are not committed yet have a partner.

    It counts their keys, and those that a join finds: DuckDB lets few keys on the one side of a join narrow down what
    it reads of a large table on the other; for an anti join it reads all.
    """
    key = reference.key
    columns = ", ".join(map(quoted, key.columns))
    filled = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in key.columns)
    child = f"{_path(reference.child)} WHERE rowid >= {FIRST_NEW_ROW} AND {filled}"
    new = f"(SELECT DISTINCT {columns} FROM {child}) AS c"
    found = f"SELECT count(*) FROM {_path(reference.parent)} AS p JOIN {new} ON {_matching(reference)}"
    return f"SELECT (SELECT count(*) FROM {new}) = ({found})"


def orphans_condition(reference: Reference) -> str:
    """Return what is true of a row ``c`` without a partner; one with a NULL in its key needs none."""
    key = reference.key
    filled = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key.columns)
    return f"{filled} AND NOT EXISTS (SELECT 1 FROM {_path(reference.parent)} AS p WHERE {_matching(reference)})"


def _matching(reference: Reference) -> str:
    pairs = zip(reference.key.keys, reference.key.columns, strict=True)
    return " AND ".join(f"p.{quoted(theirs)} = c.{quoted(own)}" for theirs, own in pairs)


def written_tables(sql: str) -> list[str]:
    """Return the names of the tables a statement writes to, without their schemas.

    >>> written_tables("TRUNCATE TABLE a, s.b CASCADE"), written_tables("DELETE FROM t")
    (['a', 'b'], ['t'])
    """
    verb = words_of(sql, 1)
    if verb not in (("TRUNCATE",), ("COPY",)):
        one = written_table(sql)
        return [one] if one is not None else []
    parts = [part for part in lexemes(sql)[1:] if part.text.upper() not in ("TABLE", "ONLY")]
    return [unquote_identifier(item[name_end(item, 0) - 1]) for item in split_list(parts) if item]


def _touched(sql: str, verb: str, table: str, known: References) -> Iterator[tuple[Reference, Side]]:
    changed = assigned_columns(sql)
    for found in known.of_child.get(table, ()):
        if verb not in _TAKING or changed.intersection(column.lower() for column in found.key.columns):
            yield found, "child"
    for found in known.of_parent.get(table, ()):
        if verb not in _GIVING or changed.intersection(column.lower() for column in found.key.keys):
            yield found, "parent"


def assigned_columns(sql: str) -> frozenset[str]:
    """Return the lower-case names before any ``=`` behind SET: those an UPDATE or ON CONFLICT may change, and more.

    >>> sorted(assigned_columns("UPDATE t SET a = 1, (b, c) = (2, 3) WHERE x > 1"))
    ['a', 'b', 'c']
    """
    parts = lexemes(sql)
    start = next((at for at, part in enumerate(parts) if part.text.upper() == "SET"), len(parts))
    found: set[str] = set()
    for item in split_list(parts[start + 1 :]):
        equals = next((at for at, part in enumerate(item) if part.text == "="), 0)
        found.update(unquote_identifier(part).lower() for part in item[:equals] if part.kind in ("word", "quoted"))
    return frozenset(found)


def _path(name: TableName) -> str:
    return ".".join(map(quoted, name))
