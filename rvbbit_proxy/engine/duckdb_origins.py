"""Result columns as the catalogs know them: ``table_oid`` and ``attnum``, found once per statement and definitions.

A name is looked up as DuckDB does, temporary tables first, then along the search path; oids are those of
``catalog/objects.sql``. What is found out holds until a definition changes.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from rvbbit_proxy.engine.catalog.declared import DeclaredColumns, DeclaredType
from rvbbit_proxy.engine.catalog.install import column_types, relation_oids
from rvbbit_proxy.engine.catalog.origins import Origin, Origins, may_have_origins, statement_origins
from rvbbit_proxy.engine.upstream import Column
from rvbbit_proxy.sql.likeness import likeness
from rvbbit_proxy.sql.remembered import LONGEST_KEPT

KEPT_STATEMENTS = 256
"""Per session: a client repeats no more."""
FIRST_USER_OID = 16384
USER_OIDS = 2147467264
_ENUMS = """
    SELECT database_name, schema_name, type_name, 'ENUM(' || array_to_string(
        list_transform(labels, lambda label: '''' || replace(label, '''', '''''') || ''''), ', ') || ')'
    FROM duckdb_types() WHERE NOT internal AND logical_type = 'ENUM' ORDER BY type_oid
"""
_TEMPORARY = "temp"
_OWN_PREFIX = "rvbbit_"
_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")
_HIDDEN = frozenset(("rvbbit_ledger", "rvbbit_published", "rvbbit_pg", "rvbbit_fn", "system"))


def relation_oid(schema: str, name: str) -> int:
    """Return the oid that pg_class gives a relation, by the names clients know: DuckDB's ``oid_of`` in Python.

    >>> relation_oid("public", "t")
    1684492649
    """
    return object_oid("relation", schema, name)


def object_oid(kind: str, schema: str, name: str) -> int:
    """Return the oid that the catalogs give an object of a kind."""
    digest = hashlib.md5(f"{kind}:{schema}.{name}".encode(), usedforsecurity=False).digest()
    return FIRST_USER_OID + int.from_bytes(digest[8:], "little") % USER_OIDS


@dataclass(slots=True)
class StatementOrigins:
    """A statement's origins under one version of the definitions, and the latest columns without them and with."""

    version: int
    origins: Origins | None
    _columns: tuple[Column, ...] = ()
    _placed: tuple[Column, ...] = ()

    def place(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """Return the statement's columns with their origins."""
        if self.origins is None or len(self.origins) != len(columns):
            return columns
        if self._columns is not columns:
            self._columns, self._placed = columns, tuple(map(_placed, columns, self.origins))
        return self._placed


class ColumnOrigins:
    """Finds the origins of result columns on one session's connection.

    ``columns_of`` lists the columns of a relation by its full name, none where there is no such relation.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        version: Callable[[], int],
        columns_of: Callable[[str], list[tuple[str, str]]],
        declared: Callable[[], DeclaredColumns],
    ) -> None:
        self._connection = connection
        self._version = version
        self._columns_of = columns_of
        self._declared = declared
        self._kept: OrderedDict[str, StatementOrigins] = OrderedDict()
        self._relations: dict[tuple[str, ...], Origins | None] = {}
        self._relations_version = -1
        self._path: list[tuple[str, str]] = []
        self._enums: dict[str, tuple[str, str, str]] | None = None

    def of(self, sql: str) -> StatementOrigins:
        """Return a statement's origins; not while rows are being read, since the connection may be asked."""
        version = self._version()
        kept = self._kept.get(sql)
        if kept is not None and kept.version == version:
            return kept
        if not may_have_origins(sql):
            found = StatementOrigins(version, None)
        else:
            found = self._alike(likeness(sql), version)
        if len(sql) <= LONGEST_KEPT:
            self._keep(sql, found)
        return found

    def _alike(self, like: str, version: int) -> StatementOrigins:
        kept = self._kept.get(like)
        if kept is not None and kept.version == version:
            return kept
        if version != self._relations_version:
            self._relations.clear()
            self._path, self._enums, self._relations_version = [], None, version
        found = StatementOrigins(version, statement_origins(like, self._find))
        self._keep(like, found)
        return found

    def _keep(self, key: str, found: StatementOrigins) -> None:
        self._kept[key] = found
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT_STATEMENTS:
            self._kept.popitem(last=False)

    def _find(self, parts: Sequence[str]) -> Origins | None:
        key = tuple(parts)
        if key not in self._relations:
            self._relations[key] = self._found(parts)
        return self._relations[key]

    def _found(self, parts: Sequence[str]) -> Origins | None:
        system = _system_relation(parts)
        if system is not None:
            return system
        for database, schema in self._places(parts):
            names = self._columns_of(".".join(map(_quoted, (database, schema, parts[-1]))))
            if names:
                return self._told(database, schema, parts[-1], names)
        return None

    def _told(self, database: str, schema: str, name: str, columns: Sequence[tuple[str, str]]) -> Origins:
        shown = self._shown_schema(database, schema)
        if shown is None or (database == _TEMPORARY and name.startswith(_OWN_PREFIX)):
            return tuple(Origin(column.lower()) for column, _ in columns)
        oid = relation_oid(shown, name)
        declared = self._declared_of(database, schema, name)
        origins = []
        for number, (column, kind) in enumerate(columns, start=1):
            known = declared.get(column)
            type_oid, typmod = (known.type_oid, known.typmod) if known is not None else (self._enum_oid(kind), -1)
            origins.append(Origin(column.lower(), oid, number, type_oid, typmod))
        return tuple(origins)

    def _declared_of(self, database: str, schema: str, name: str) -> Mapping[str, DeclaredType]:
        for (known_database, known_schema, table), columns in self._declared().items():
            if (known_database, known_schema, table.lower()) == (database, schema, name.lower()):
                return columns
        return {}

    def _enum_oid(self, kind: str) -> int:
        """Return the oid of the enum whose labels DuckDB tells as a column's type, 0 for any other type."""
        if not kind.startswith("ENUM("):
            return 0
        if self._enums is None:
            rows = self._connection.execute(_ENUMS).fetchall()
            self._enums = {kind: (database, schema, name) for database, schema, name, kind in reversed(rows)}
        database, schema, name = self._enums.get(kind, ("", "", ""))
        shown = self._shown_schema(database, schema) if name else None
        return 0 if shown is None else object_oid("type", shown, name)

    def _shown_schema(self, database: str, schema: str) -> str | None:
        """Return the schema as clients know it, None for one that the catalogs do not show."""
        if database == _TEMPORARY:
            return "pg_temp_1"
        if database == self._search_path()[0][0]:
            return "public" if schema == "main" else schema
        return database if schema == "main" and database not in _HIDDEN else None

    def _places(self, parts: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield database and schema in which a name may be, in the order DuckDB looks."""
        own, *path = self._search_path()
        qualifiers = ["main" if part == "public" else part for part in parts[:-1]]
        if not qualifiers:
            yield _TEMPORARY, "main"
            yield from path
        elif len(qualifiers) == 1:
            if qualifiers[0].startswith("pg_temp"):
                yield _TEMPORARY, "main"
            yield own[0], qualifiers[0]
            yield qualifiers[0], "main"
        else:
            yield qualifiers[0], qualifiers[1]
            yield own[0], qualifiers[1]

    def _search_path(self) -> list[tuple[str, str]]:
        """Return the session's own database and schema, then its search path."""
        if not self._path:
            asked = "SELECT current_database(), current_setting('search_path')"
            database, path = self._connection.execute(asked).fetchall()[0]
            entries = [entry.strip(' "').split(".") for entry in str(path).split(",") if entry.strip()]
            self._path = [(database, "main")] + [
                (entry[0], entry[1]) if len(entry) > 1 else (database, entry[0]) for entry in entries
            ]
        return self._path


def _system_relation(parts: Sequence[str]) -> Origins | None:
    schema = parts[-2] if len(parts) > 1 else "pg_catalog"
    columns = column_types().get(schema, {}).get(parts[-1]) if schema in _SYSTEM_SCHEMAS else None
    if columns is None:
        return None
    oid = relation_oids()[schema, parts[-1]]
    return tuple(Origin(name, oid, number) for number, name in enumerate(columns, start=1))


def _placed(column: Column, origin: Origin) -> Column:
    if not origin.table_oid or column.name.lower() != origin.name:
        return column
    if not origin.type_oid:
        return replace(column, table_oid=origin.table_oid, attnum=origin.attnum)
    return Column(column.name, origin.type_oid, origin.typmod, origin.table_oid, origin.attnum)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
