"""A DuckDB session's view of PostgreSQL: which statements need rewriting, and the rewritten text.

Most statements need none: one search by a compiled expression decides. Rewrites are kept, since clients repeat
their catalog queries.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache

import duckdb

from rvbbit_proxy.engine.catalog.install import install_catalog, show_operators
from rvbbit_proxy.engine.catalog.names import blank_noise, localise_names
from rvbbit_proxy.engine.catalog.rewrite import Rewritten, rewrite_statement

_KEPT = 2048
_INSTALLING = threading.Lock()

_SUSPICIOUS = re.compile(
    r"pg_|information_schema|\breg(?:class|type|proc|procedure|namespace|role)\b|operator\s*\("
    r"|\b(?:oid|xid|tableoid|ctid|xmin|serial|bigserial|smallserial|identity|jsonb|collate)\b"
    r"|\b(?:current_user|session_user|current_catalog|current_role|current_database|current_schemas?|user|version)\b"
    r"|::\s*(?:name|\"char\")\b|\bas\s+name\s*\)"
    r"|'\{[^']*\}'\s*::|\bfor\s+(?:no\s+key\s+)?(?:update|share|key)\b|\(\s*like\b|\bcreate\s+(?:unique\s+)?index\s+on\b"
    r"|\btruncate\b[^;]*,|\b(?:quote_ident|quote_literal|initcap|regexp_match|array_(?:upper|lower|remove|replace|ndims)"
    r"|json_build_object|format_type|obj_description|col_description|clock_timestamp|statement_timestamp|txid_current"
    r"|has_\w+_privilege|to_reg\w+|parse_ident|getdatabaseencoding|set_config|current_setting)\s*\("
    r"|\bat\s+(?:from|,)|,\s*at\b|\bselect\s+at\b",
    re.IGNORECASE,
)
_NOISY = re.compile(r"^\s*(?:create|drop)\b.*\b(?:local|global|unlogged|concurrently)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """Who the session is to its client: the names given at connect, and the pid of BackendKeyData."""

    user: str
    database: str
    pid: int = 0
    application_name: str = ""


class CatalogEmulation:
    """Rewrites statements for one DuckDB instance; safe for several threads."""

    @classmethod
    def install(cls, connection: duckdb.DuckDBPyConnection) -> None:
        """Make PostgreSQL's catalogs in this instance, once per process."""
        with _INSTALLING:
            cursor = connection.cursor()
            try:
                install_catalog(cursor)
                show_operators(cursor)
            finally:
                cursor.close()

    @classmethod
    def introduce(cls, connection: duckdb.DuckDBPyConnection, identity: SessionIdentity) -> None:
        """Tell the session's connection who it is; the views read it."""
        for name, value in (
            ("rvbbit_user", identity.user),
            ("rvbbit_database", identity.database),
            ("rvbbit_application_name", identity.application_name),
        ):
            connection.execute(f"SET VARIABLE {name} = '{value.replace(chr(39), chr(39) * 2)}'")
        connection.execute(f"SET VARIABLE rvbbit_pid = {int(identity.pid)}")

    @classmethod
    def rewrite(cls, sql: str, identity: SessionIdentity) -> str:
        """Return the statement as DuckDB understands it; as it came where it needs nothing."""
        return cls.rewritten(sql, identity).sql

    @classmethod
    def rewritten(cls, sql: str, identity: SessionIdentity) -> Rewritten:
        """Return the statement for DuckDB with what must run before it and its columns' types."""
        if not needs_rewriting(sql, identity.database):
            return Rewritten(sql)
        return _rewritten(sql, identity.database)


def needs_rewriting(sql: str, database: str) -> bool:
    """Tell by its words whether a statement may hold what DuckDB does not know."""
    return (
        _SUSPICIOUS.search(sql) is not None
        or "public" in sql.lower()
        or (database in sql and "." in sql)
        or _NOISY.match(sql) is not None
    )


@lru_cache(maxsize=_KEPT)
def _rewritten(sql: str, database: str) -> Rewritten:
    localised = localise_names(blank_noise(sql), database)
    if _SUSPICIOUS.search(localised) is None:
        return Rewritten(localised)
    return rewrite_statement(localised) or Rewritten(localised)
