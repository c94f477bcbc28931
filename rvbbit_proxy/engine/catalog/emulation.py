"""A DuckDB session's view of PostgreSQL: which statements need rewriting, and the rewritten text.

Most statements need none: one search by a compiled expression decides. Rewrites are kept, since clients repeat
their catalog queries.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import duckdb

from rvbbit_proxy.engine.activity import Activity, SessionActivity
from rvbbit_proxy.engine.catalog.calls import plain_functions
from rvbbit_proxy.engine.catalog.declared import DECLARED, DeclaredColumns, DeclaredType, declared_columns
from rvbbit_proxy.engine.catalog.drawn import DrawnSequences
from rvbbit_proxy.engine.catalog.foreign_keys import KEYS, References, references
from rvbbit_proxy.engine.catalog.index_renames import IndexRenames
from rvbbit_proxy.engine.catalog.install import SNAPSHOT_PREFIX, install_functions
from rvbbit_proxy.engine.catalog.names import blank_noise, localise_names, quote_at, spell_numerics
from rvbbit_proxy.engine.catalog.output_types import REG_TYPES
from rvbbit_proxy.engine.catalog.rewrite import Rewritten, rewrite_statement
from rvbbit_proxy.engine.catalog.set_functions import RECORD_FUNCTIONS, SET_FUNCTIONS
from rvbbit_proxy.engine.catalog.snapshots import SessionSnapshot, SharedSnapshot
from rvbbit_proxy.engine.catalog.sums import spell_sums
from rvbbit_proxy.engine.duckdb_inserts import SPACED_OFFSET
from rvbbit_proxy.engine.statement import mask_literals, words_of
from rvbbit_proxy.engine.upstream import Column
from rvbbit_proxy.sql.lexer import lexemes, unquote_identifier
from rvbbit_proxy.sql.remembered import remembered
from rvbbit_proxy.wire.types import oids

_KEPT = 2048
_WHOLE_NUMBERS = frozenset((oids.INT2, oids.INT4, oids.INT8))
_NUMBERED = frozenset((oids.OID, oids.XID, oids.CID, oids.XID8))
_TEXTUAL = REG_TYPES | {
    oids.NAME,
    oids.CHAR,
    oids.PG_NODE_TREE,
    oids.VARCHAR,
    oids.BPCHAR,
    oids.ACLITEM,
    oids.INET,
}
_WORD = re.compile(r"[a-z_]\w*")
_MARKS = ("pg_", "information_schema", "_privilege", "to_reg")
_TELLING = (
    frozenset(
        "regclass regtype regproc regprocedure regnamespace regrole oid xid tableoid ctid xmin serial bigserial smallserial"
        " identity jsonb collate current_user session_user current_catalog current_role current_schema current_schemas"
        " current_database user unnest quote_ident"
        " format_type obj_description col_description"
        " parse_ident getdatabaseencoding set_config current_setting"
        " unlogged concurrently generate_subscripts overlaps json_agg jsonb_agg"
        " json_object_agg jsonb_object_agg every jsonb_set jsonb_insert ordinality ties tablesample".split()
    )
    | RECORD_FUNCTIONS
)
"""Words that DuckDB does not know, or not as PostgreSQL does."""
_IN_CONTEXT = {
    word: re.compile(pattern, re.IGNORECASE)
    for word, pattern in {
        "name": r"::\s*name\b|\bas\s+name\s*\)",
        "char": r'::\s*"?char\b|\bas\s+"?char\b',
        "character": r"(?:::|\bas)\s*character\b",
        "varchar": r"(?:::|\bas)\s*varchar\s*\(",
        "extract": r"\bextract\s*\(",
        "date_part": r"\bdate_part\s*\(",
        "similar": r"\bsimilar\s+to\b",
        "rows": r"\brows\s+from\s*\(",
        **{name: rf"(?:\b(?:from|join|lateral)|,)\s*{name}\s*\(" for name in SET_FUNCTIONS},
        "generate_series": r"\bgenerate_series\s*\(",
        "regexp_matches": r"\bselect\b[^;]*\bregexp_matches\s*\(",
        "version": r"\bversion\s*\(",
        "operator": r"\boperator\s*\(",
        "update": r"\bfor\s+(?:no\s+key\s+)?update\b",
        "share": r"\bfor\s+(?:key\s+)?share\b",
        "like": r"\(\s*like\b|\blike\s+e?'[^']*\\",
        "ilike": r"\bilike\s+e?'[^']*\\",
        "into": r"^\s*select\b[^;]*\binto\b",
        "index": r"\bcreate\s+(?:unique\s+)?index\s+on\b|\busing\s+(?:btree|hash|brin)\b|\bindex\b[^;]*(?:_ops|\binclude)\b",
        "truncate": r"\btruncate\b[^;]*,",
        "explain": r"^\s*explain\s*(?:analyze\s+verbose\b|verbose\b|\()",
        "generated": r"\bgenerated\s+(?:always|by)\b",
        "fillfactor": r"\bwith\s*\(\s*fillfactor\b",
        "local": r"^\s*create\s+local\b",
        "global": r"^\s*create\s+global\b",
        "format": r"\bformat\s*\(",
        "substring": r"\bsubstring\s*\(",
        "float": r"\bfloat\s*\(",
        "to_timestamp": r"\bto_timestamp\s*\([^;]*,",
        **dict.fromkeys(("any", "some", "all"), r"(?:like|~)\*?\s*(?:any|some|all)\s*\("),
        "conflict": r"\bdo\s+update\s+set\b[^;]*\bcurrent_timestamp\b",
        "to_date": r"\bto_date\s*\(",
        "to_char": r"\bto_char\s*\(",
    }.items()
}
"""Words that mean something only where the pattern finds them."""
_ARRAY_LITERAL = re.compile(r"'\{[^']*\}'[\s)]*(?:::|as\b)|=\s*any\s*\(\s*'\{[^']*\}'\s*\)", re.IGNORECASE)
_BYTEA_LITERAL = re.compile(r"'\\{1,2}x[0-9a-fA-F]*'\s*(?:::\s*bytea|as\s+bytea)", re.IGNORECASE)
_SEQUENCE_IN_PUBLIC = re.compile(r"""\b(?:next|curr|set)val\s*\(\s*'"?public"?\.""", re.IGNORECASE)
_UNICODE_LITERAL = re.compile(r"\b[uU]&['\"]|\b[eE]'[^']*\\[uU]")
_JSON_OPERATOR = re.compile(r"#>|#-|\?|\w\s*#\s*\w|->>?[^-;]*\bis\b", re.IGNORECASE)
_CALL_IN_FROM = re.compile(r"\b(?:from|join|lateral)\s+(?:pg_catalog\.)?(\w+)\s*\(")
_NAMED_AT = re.compile(r"\b[aA][tT]\b(?!\s+time\s+zone\b)(?!\")", re.IGNORECASE)
_READS_SESSIONS = re.compile(r"pg_stat_(?:activity|database|ssl|gssapi)")
_READS_LOCKS = re.compile(r"pg_locks")
_READS_ROLES = re.compile(r"pg_authid|pg_roles|pg_user|pg_shadow|pg_group|regrole|_roles\b|userbyid")
_READS_SETTINGS = re.compile(r"pg_settings|current_setting|pg_show_all_settings")
_TEMPORARY = re.compile(r"\btemp\b|\btemporary\b|\bpg_temp", re.IGNORECASE)
_FUNCTION_WORDS = frozenset(("MACRO", "FUNCTION", "SCHEMA"))
_OTHER_OBJECTS = frozenset(("TABLE", "VIEW", "INDEX", "SEQUENCE", "TYPE", "COLUMN"))
_RESTART = re.compile(
    r"(?P<truncate>.*?)\s+(?:(?P<restart>restart)|continue)\s+identity\s*(?:cascade|restrict)?[\s;]*",
    re.IGNORECASE | re.DOTALL,
)
_DROP_TABLE = re.compile(r"\s*drop\s+table\b", re.IGNORECASE)
_OWNED = """
    SELECT DISTINCT regexp_extract(column_default, '^nextval\\(''(.*)''\\)$', 1)
    FROM duckdb_columns()
    WHERE NOT internal AND list_contains($1, table_name)
      AND ends_with(replace(column_default, '"', ''), table_name || '_' || column_name || '_seq'')')
"""


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """Who the session is to its client: the names given at connect, and the pid of BackendKeyData."""

    user: str
    database: str
    pid: int = 0
    application_name: str = ""


class CatalogEmulation:
    """PostgreSQL's catalogs of one DuckDB instance, made when the first statement asks for them.

    ``version`` grows with every change of a definition that others see, in whatever session, ``functions_version``
    with those that may define a function; safe for several threads.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.version = 0
        self.functions_version = 0
        self.renames = IndexRenames()
        self.activity = Activity()
        self.users: tuple[str, ...] = ()
        self.snapshot = SharedSnapshot(connection)
        self._connection = connection
        self._lock = threading.Lock()
        self._has_functions = False
        self._declared: tuple[int, DeclaredColumns] = (-1, {})
        self._references = -1, references(())

    def install_functions(self) -> None:
        """Make the functions that every session has."""
        with self._lock:
            if not self._has_functions:
                with closing(self._connection.cursor()) as cursor:
                    install_functions(cursor)
                self._has_functions = True

    def install(self) -> None:
        """Make the catalogs unless they are there, and the functions they call."""
        self.install_functions()
        self.snapshot.refresh(0, 0)

    def changed(self, *, functions: bool) -> None:
        """Note that a definition may have changed, so that every session looks again."""
        with self._lock:
            self.version += 1
            self.functions_version += functions

    def declared(self) -> DeclaredColumns:
        """Return the types that columns were declared with, as committed."""
        with self._lock:
            if self._declared[0] != self.version:
                with closing(self._connection.cursor()) as cursor:
                    self._declared = self.version, declared_columns(cursor.execute(DECLARED).fetchall())
            return self._declared[1]

    def references(self) -> References:
        """Return the foreign keys, as committed."""
        with self._lock:
            if self._references[0] != self.version:
                with closing(self._connection.cursor()) as cursor:
                    self._references = self.version, references(cursor.execute(KEYS).fetchall())
            return self._references[1]


class SessionCatalog:
    """The catalogs as one session sees them: under its own names, with its own uncommitted definitions."""

    def __init__(
        self, emulation: CatalogEmulation, connection: duckdb.DuckDBPyConnection, identity: SessionIdentity
    ) -> None:
        self._emulation = emulation
        self._connection = connection
        self._identity = identity
        self._snapshot = SessionSnapshot(emulation.snapshot, connection)
        self._seen: tuple[int, str] | None = None
        self._seen_in_block = False
        self._own_version = 0
        self._defined_in_block = self._defined_functions = False
        self._has_temporary = False
        self._declared: tuple[int, DeclaredColumns] = (-1, {})
        self._references = -1, references(())
        self._drawn = DrawnSequences()
        self.activity = SessionActivity(identity.pid, identity.user, identity.database, identity.application_name)
        emulation.activity.opened(self.activity)
        introduce(connection, identity)

    def close(self) -> None:
        """Leave the list of sessions."""
        self._emulation.activity.closed(self.activity)

    @property
    def version(self) -> int:
        """A number that grows with every change of a definition that the session sees."""
        return self._emulation.version + self._own_version

    def prepare(self, sql: str, *, in_block: bool, formats: Sequence[int] = ()) -> Rewritten:
        """Return the statement for DuckDB, with a fresh snapshot to read if it reads the catalogs."""
        found = rewritten(sql, self._identity.database, tuple(formats))
        self._drawn.note(sql)
        if "lastval" in sql.lower():
            found = replace(found, sql=self._drawn.spell(found.sql, self._owned_sequences), displaced=True)
        if found.reads_catalog:
            self._look(in_block)
            self._tell(found.sql)
        if _DROP_TABLE.match(sql) is not None:
            dropped = (f"DROP SEQUENCE IF EXISTS {name}" for name in self._owned_sequences(found.sql))
            return replace(found, after=tuple(dropped))
        restarting = _RESTART.fullmatch(sql) if sql.lstrip()[:8].lower() == "truncate" else None
        if restarting is not None:
            restarts = self._restarts(sql) if restarting["restart"] else ()
            stripped = _RESTART.sub(r"\g<truncate>", found.sql)
            return replace(found, sql=stripped, after=restarts, displaced=True)
        return found

    def _restarts(self, sql: str) -> tuple[str, ...]:
        """Return what lets the sequences of serial columns of the tables that a TRUNCATE names begin anew."""
        owned = {"".join(part.text for part in lexemes(name)[-1:]) for name in self._owned_sequences(sql)}
        starts = self._connection.execute("SELECT sequence_name, start_value FROM duckdb_sequences()").fetchall()
        names = {unquote_identifier(lexemes(name)[0]): name for name in owned}
        return tuple(f"SELECT setval('{names[name]}', {start}, false)" for name, start in starts if name in names)

    def declared(self) -> DeclaredColumns:
        """Return the types that columns the session sees were declared with, beside what DuckDB keeps of them."""
        if not (self._defined_in_block or self._has_temporary):
            return self._emulation.declared()
        if self._declared[0] != self.version:
            self._declared = self.version, declared_columns(self._connection.execute(DECLARED).fetchall())
        return self._declared[1]

    def references(self) -> References:
        """Return the foreign keys that the session sees."""
        if not (self._defined_in_block or self._has_temporary):
            return self._emulation.references()
        if self._references[0] != self.version:
            self._references = self.version, references(self._connection.execute(KEYS).fetchall())
        return self._references[1]

    def declared_lengths(self, name: str) -> Mapping[str, DeclaredType]:
        """Return the declared types of the columns of a table, by its name as written."""
        declared = self.declared()
        if not declared:
            return {}
        *schemas, table = [unquote_identifier(part).lower() for part in lexemes(name) if part.text != "."]
        wanted = schemas[-1:] if schemas != ["temp"] else ["main"]
        for (_, schema, found), columns in declared.items():
            if found.lower() == table and (not wanted or schema.lower() == wanted[0]):
                return columns
        return {}

    def comment_of(self, table: str, column: str) -> str | None:
        """Return the whole comment of a column, both names as written."""
        *schemas, name = [unquote_identifier(part).lower() for part in lexemes(table) if part.text != "."]
        schema = {"public": "main", "temp": "main"}.get(schemas[-1], schemas[-1]) if schemas else None
        rows = self._connection.execute(
            'SELECT "comment" FROM duckdb_columns() WHERE lower(table_name) = $1 AND lower(column_name) = $2'
            " AND (lower(schema_name) = $3 OR $3 IS NULL) AND NOT internal",
            [name, unquote_identifier(lexemes(column)[-1]).lower(), schema],
        ).fetchall()
        return next((comment for (comment,) in rows if comment is not None), None)

    def _owned_sequences(self, sql: str) -> tuple[str, ...]:
        """Return the sequences that serial columns of the tables a statement names count with."""
        names = [unquote_identifier(token) for token in lexemes(sql) if token.kind in ("word", "quoted")]
        rows = self._connection.execute(_OWNED, [names]).fetchall()
        return tuple(name for (name,) in rows)

    def _look(self, in_block: bool) -> None:
        """Have the catalogs tell what the session can see now."""
        self._emulation.install()
        version, functions_version = self._emulation.version, self._emulation.functions_version
        ((database,),) = self._connection.execute("SELECT current_database()").fetchall()
        seen = version + self._own_version, database
        if self._seen == seen:
            return
        self.wait_for_renames()
        if in_block:
            self._snapshot.block_begins()
        own = self._defined_in_block or self._has_temporary or database != self._emulation.snapshot.database
        if own or not self._snapshot.share(version, functions_version):
            self._has_temporary = self._snapshot.take()
        self._seen, self._seen_in_block = seen, in_block

    def _tell(self, sql: str) -> None:
        """Write down what the statement reads of this process: sessions, users, parameters."""
        if _READS_SESSIONS.search(sql):
            self._fill("activity", [activity_row(session) for session in self._emulation.activity.sessions()])
        if _READS_LOCKS.search(sql) and self.activity.locks is not None:
            self._fill("locks", list(self.activity.locks()))
        if _READS_ROLES.search(sql):
            names = {*self._emulation.users, *(one.user for one in self._emulation.activity.sessions())}
            self._fill("users", [(name,) for name in sorted(names)])
        if _READS_SETTINGS.search(sql) and self.activity.settings is not None:
            self._fill("parameters", list(self.activity.settings()))

    def _fill(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        table = f"temp.main.{SNAPSHOT_PREFIX}{name}"
        self._connection.execute(f"DELETE FROM {table}")
        if rows:
            marks = f"({', '.join('?' * len(rows[0]))})"
            values = [value for row in rows for value in row]
            self._connection.execute(f"INSERT INTO {table} VALUES {', '.join([marks] * len(rows))}", values)

    def block_begins(self) -> None:
        """Wait for what a transaction that begins now could not see later."""
        self._emulation.snapshot.wait_for_install()

    def wait_for_renames(self) -> None:
        """Wait while another session's rename of a table with indexes is not committed."""
        self._emulation.renames.wait(self)

    def renames_indexed(self) -> None:
        """Note that this session is about to rename a table with indexes."""
        self._emulation.renames.begin(self)

    def defined(self, sql: str, *, in_block: bool) -> None:
        """Note a statement that may have changed a definition; others see it when the block is committed."""
        self._defined_functions |= may_define_functions(sql)
        self._has_temporary |= _TEMPORARY.search(sql) is not None
        self._own_version += 1
        self._defined_in_block = True
        if not in_block:
            self.block_ended(committed=True)

    def made_temporary(self) -> None:
        """Note that the session has a new temporary table, which concerns nobody else."""
        self._own_version += 1
        self._has_temporary = True

    def block_ended(self, *, committed: bool) -> None:
        """Note the end of a transaction block: its definitions are everybody's, or gone with its snapshot."""
        if self._defined_in_block:
            self._own_version += 1
            if committed:
                self._emulation.changed(functions=self._defined_functions)
        self._snapshot.block_ended(committed=committed)
        if self._seen_in_block and not committed:
            self._seen = None
        self._seen_in_block = self._defined_in_block = self._defined_functions = False
        self._emulation.renames.end(self)


def may_define_functions(sql: str) -> bool:
    """Tell whether a definition may be one of functions.

    >>> may_define_functions("CREATE TABLE t (a int)"), may_define_functions("CREATE MACRO f() AS TABLE SELECT 1")
    (False, True)
    """
    words = words_of(sql)
    return words[0] not in ("CREATE", "DROP", "ALTER", "COMMENT") or not (
        _FUNCTION_WORDS.isdisjoint(words) and not _OTHER_OBJECTS.isdisjoint(words)
    )


def introduce(connection: duckdb.DuckDBPyConnection, identity: SessionIdentity) -> None:
    """Tell the session's connection who it is; the views read it."""
    for name, value in (
        ("rvbbit_user", identity.user),
        ("rvbbit_database", identity.database),
        ("rvbbit_application_name", identity.application_name),
    ):
        connection.execute(f"SET VARIABLE {name} = '{value.replace(chr(39), chr(39) * 2)}'")
    connection.execute(f"SET VARIABLE rvbbit_pid = {int(identity.pid)}")


def activity_row(session: SessionActivity) -> tuple[Any, ...]:
    """Return a session as ``base.activity`` has it."""
    address, _, port = (session.client_address or "").rpartition(":")
    return (
        session.pid, session.user, session.database, session.application_name, address.strip("[]") or None,
        int(port) if port.isdigit() else -1, session.backend_start, session.transaction_start, session.query_start,
        session.state_change, session.state, session.query,
    )  # fmt: skip


def announced(columns: Sequence[Column], column_oids: Sequence[int]) -> tuple[Column, ...]:
    """Return the columns with the catalogs' own types where DuckDB's form of the value can carry them."""
    if len(column_oids) != len(columns):
        return tuple(columns)
    return tuple(
        replace(column, type_oid=oid, typmod=-1) if oid and _carries(column.type_oid, oid) else column
        for column, oid in zip(columns, column_oids, strict=True)
    )


def _carries(given: int, wanted: int) -> bool:
    element, wanted_element = oids.element_oid_of(given), oids.element_oid_of(wanted)
    if wanted in (oids.INT2VECTOR, oids.OIDVECTOR):
        return element in _WHOLE_NUMBERS
    if bool(element) != bool(wanted_element):
        return False
    if element:
        return _carries(element, wanted_element)
    if (given, wanted) == (oids.JSON, oids.JSONB):
        return True
    return (given in _WHOLE_NUMBERS and wanted in _NUMBERED | REG_TYPES) or (
        given == oids.TEXT and wanted in _TEXTUAL
    )


def rewritten(sql: str, database: str, formats: tuple[int, ...] = ()) -> Rewritten:
    """Return the statement for DuckDB with what must run before it and its columns' types."""
    spelt = spell_numerics(sql)
    if not needs_rewriting(spelt, database):
        found = Rewritten(spelt, displaced=spelt != sql)
    else:
        found = _rewritten(spelt, database, formats)
        found = found if spelt == sql or found.displaced else replace(found, displaced=True)
    summed = spell_sums(found.sql)
    if summed is found.sql:
        return found
    return replace(found, sql=summed, displaced=found.displaced or len(summed) != len(found.sql))


@remembered
def needs_rewriting(sql: str, database: str) -> bool:
    """Tell by its words whether a statement may hold what DuckDB does not know.

    >>> needs_rewriting("SELECT 'pg_class' FROM t", "db"), needs_rewriting("SELECT 1::oid", "db")
    (False, True)
    """
    if not (_suspicious(sql) or _names_database(sql, database) or _NAMED_AT.search(sql)):
        return False
    bare = mask_literals(sql)
    return (
        _suspicious(bare)
        or _names_database(bare, database)
        or _NAMED_AT.search(bare) is not None
        or _has_cast_literal(sql)
    )


def _suspicious(sql: str) -> bool:
    lowered = sql.lower()
    if any(mark in lowered for mark in _MARKS):
        return True
    words = set(_WORD.findall(lowered))
    if not words.isdisjoint(_TELLING):
        return True
    if "from" in words and _calls_in_from(lowered):
        return True
    if ("#" in sql or "?" in sql or "->" in sql) and _JSON_OPERATOR.search(sql) is not None:
        return True
    return any(_IN_CONTEXT[word].search(sql) for word in words & _IN_CONTEXT.keys()) or _has_cast_literal(sql)


def _calls_in_from(lowered: str) -> bool:
    """Tell whether a function that gives one value is called in FROM."""
    return not plain_functions().isdisjoint(_CALL_IN_FROM.findall(lowered))


def _has_cast_literal(sql: str) -> bool:
    """Tell whether a literal has a form that is PostgreSQL's alone: an array, bytea, a sequence's name."""
    if SPACED_OFFSET.search(sql) is not None:
        return True
    if ("\\" in sql or "&" in sql) and _UNICODE_LITERAL.search(sql) is not None:
        return True
    if "public" in sql and _SEQUENCE_IN_PUBLIC.search(sql) is not None:
        return True
    return ("'{" in sql and _ARRAY_LITERAL.search(sql) is not None) or (
        "x" in sql and _BYTEA_LITERAL.search(sql) is not None
    )


def _names_database(sql: str, database: str) -> bool:
    return "public" in sql.lower() or (database in sql and f"{database}." in sql.replace('"', ""))


@lru_cache(maxsize=_KEPT)
def _rewritten(sql: str, database: str, formats: tuple[int, ...]) -> Rewritten:
    localised = localise_names(blank_noise(sql), database)
    if _NAMED_AT.search(localised) is not None:
        localised = quote_at(localised)
    if not _suspicious(localised):
        return Rewritten(localised, displaced=len(localised) != len(sql))
    return rewrite_statement(localised, formats) or Rewritten(localised)
