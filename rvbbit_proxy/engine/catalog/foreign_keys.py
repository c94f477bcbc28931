"""Foreign keys, and the names of primary keys, which are kept behind a table's comment: ``[constraints {…}]``.

DuckDB's own foreign keys are not used: they refuse to delete a row and those that refer to it in one transaction, to
change a key, and to alter either table, know no actions, and forget their names. So they are told in the catalogs
from here, and ``duckdb_foreign_keys`` holds rows to them. A mark lives in the database's own file, and follows RENAME,
DROP and rollback of its table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

from rvbbit_proxy.engine.catalog.constraints import Action
from rvbbit_proxy.sql.lexer import lexemes

MARK = re.compile(r"\n?\[constraints (\{.*\})\]$", re.DOTALL)
KEYS = (
    'SELECT database_name, schema_name, table_name, "comment" FROM duckdb_tables()'
    " WHERE contains(\"comment\", '[constraints ')"
)
"""The query whose rows :func:`foreign_keys` takes."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key of a table, to columns of another in the same database; names are DuckDB's."""

    name: str
    columns: tuple[str, ...]
    schema: str
    table: str
    keys: tuple[str, ...]
    on_delete: Action = "a"
    on_update: Action = "a"
    deferrable: bool = False
    deferred: bool = False

    @property
    def waits(self) -> bool:
        """Whether it is checked when the transaction ends. With an action, orphans are what it has to act on."""
        return self.deferred and self.on_delete == self.on_update == "a"


@dataclass(frozen=True, slots=True)
class TableMark:
    """What is kept of a table: the name of its primary key, where that is not PostgreSQL's own, its foreign keys."""

    primary: str | None = None
    foreign: tuple[ForeignKey, ...] = ()

    def written_behind(self, comment: str | None) -> str:
        """Return a comment with this mark in place of the one it has.

        >>> (
        ...     read_mark(TableMark("pk").written_behind("the name")),
        ...     TableMark().written_behind("a\\n[constraints {}]"),
        ... )
        (TableMark(primary='pk', foreign=()), 'a')
        """
        kept = MARK.sub("", comment or "")
        if self == TableMark():
            return kept
        told = json.dumps(asdict(self), ensure_ascii=False)
        return f"{kept}\n[constraints {told}]" if kept else f"[constraints {told}]"

    def without(self, dropped: Callable[[ForeignKey], bool]) -> TableMark:
        """Return the mark without some foreign keys."""
        return replace(self, foreign=tuple(key for key in self.foreign if not dropped(key)))

    def renamed(self, rename: Callable[[ForeignKey], ForeignKey]) -> TableMark:
        """Return the mark with every foreign key changed."""
        return replace(self, foreign=tuple(map(rename, self.foreign)))


def read_mark(comment: str | None) -> TableMark:
    """Return what stands behind a table's comment."""
    found = MARK.search(comment or "")
    told = _object(found[1]) if found is not None else {}
    return TableMark(told.get("primary"), tuple(map(_foreign_key, told.get("foreign") or ())))


def _object(text: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError:  # somebody else's brackets
        return {}
    return found if isinstance(found, dict) else {}


def _foreign_key(told: Mapping[str, Any]) -> ForeignKey:
    return ForeignKey(**{**told, "columns": tuple(told["columns"]), "keys": tuple(told["keys"])})


TableName: TypeAlias = tuple[str, str, str]
"""Database, schema and table, as DuckDB has them."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key with the table it is on."""

    child: TableName
    key: ForeignKey

    @property
    def parent(self) -> TableName:
        """The table it refers to."""
        return self.child[0], self.key.schema, self.key.table

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What tells it from all others."""
        return *self.child, self.key.name


@dataclass(frozen=True, slots=True)
class References:
    """The foreign keys of a database, by the lower-case names of the tables they are on and refer to."""

    of_child: Mapping[str, Sequence[Reference]]
    of_parent: Mapping[str, Sequence[Reference]]

    def __bool__(self) -> bool:
        return bool(self.of_child)


def references(rows: Iterable[tuple[str, str, str, str]]) -> References:
    """Return the foreign keys that tables' comments tell."""
    of_child: dict[str, list[Reference]] = {}
    of_parent: dict[str, list[Reference]] = {}
    for database, schema, table, comment in rows:
        for key in read_mark(comment).foreign:
            found = Reference((database, schema, table), key)
            of_child.setdefault(table.lower(), []).append(found)
            of_parent.setdefault(key.table.lower(), []).append(found)
    return References(of_child, of_parent)


def marked_table_comment(sql: str, comment_of: Callable[[str], str | None]) -> str:
    """Return a COMMENT ON TABLE with the mark that the table's comment has.

    ``comment_of`` returns the whole comment of a table by its name as written.

    >>> marked_table_comment("COMMENT ON TABLE t IS NULL", lambda table: "a\\n[constraints {}]")
    "COMMENT ON TABLE t IS '[constraints {}]'"
    """
    parts = lexemes(sql)
    split = next((at for at, part in enumerate(parts) if part.text.lower() == "is"), len(parts))
    found = MARK.search(comment_of("".join(part.text for part in parts[3:split])) or "")
    if found is None or split + 1 >= len(parts):
        return sql
    value, mark = parts[split + 1], found[0].lstrip("\n").replace("'", "''")
    if value.text.lower() == "null":
        text = f"'{mark}'"
    elif value.text[-1:] == "'":
        text = f"{value.text[:-1]}\n{mark}'"
    else:
        return sql
    return f"{sql[: value.start]}{text}{sql[value.end :]}"
