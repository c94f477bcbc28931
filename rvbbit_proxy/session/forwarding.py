"""What an upstream has to be told of the session's parameters, and what it tells of its own."""

from __future__ import annotations

import re

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.session.parameter_table import PARAMETERS, REPORTED
from rvbbit_proxy.session.parameters import RESERVED_PREFIX
from rvbbit_proxy.session.state import SessionState
from rvbbit_proxy.sql.lexer import lexemes, unquote_identifier
from rvbbit_proxy.wire import backend

DUCKDB_FOLLOWS = ("timezone", "search_path")
_ADOPTED = ("server_version_num", "search_path", "statement_timeout", "transaction_isolation")
_OFFSET_ZONE = re.compile(r"<([+-])(\d\d)(?::(\d\d))?>.*")
_IMPLIED = frozenset({"$user", "pg_catalog", "information_schema"})


def follow_parameters(state: SessionState) -> None:
    """Tell DuckDB what changed, if anything did, or ask PostgreSQL; a failed block has to end first."""
    if not state.parameters.changed or state.block.failed:
        return
    state.parameters.changed = False
    if state.upstream.dialect == "postgres":
        _adopt_reported(state)
    else:
        for key in DUCKDB_FOLLOWS:
            value = state.parameters.get(key)
            if state.duckdb_knows.get(key, PARAMETERS[key].default) != value:
                tell_duckdb(key, value, state.upstream)
                state.duckdb_knows[key] = value
        state.upstream.style = state.parameters.text_style()
        if state.upstream.activity is not None:
            state.upstream.activity.application_name = state.parameters.get("application_name")


def _adopt_reported(state: SessionState) -> None:
    for key in REPORTED:
        value = state.upstream.parameter_status(PARAMETERS[key].name)
        if value is not None and value != state.parameters.get(key):
            state.parameters.adopt(key, value)


def report_parameters(state: SessionState) -> None:
    """Tell the client what changed; PostgreSQL does so before ReadyForQuery."""
    for name, value in state.parameters.take_reports():
        state.client.send(backend.encode_parameter_status(name, value))


def tell_duckdb(key: str, value: str, upstream: UpstreamSession) -> None:
    """Set on DuckDB what this parameter means there."""
    if key == "timezone":
        upstream.execute(f"SET SESSION TimeZone = '{duckdb_zone(value)}'").close()
    elif key == "search_path":
        upstream.execute(f"SET SESSION search_path = '{_duckdb_path(value, upstream)}'").close()


def duckdb_zone(shown: str) -> str:
    """Return DuckDB's name of a zone; POSIX offsets count west, so the sign turns.

    >>> duckdb_zone("Europe/Berlin"), duckdb_zone("<-07>+07")
    ('Europe/Berlin', 'Etc/GMT+7')
    """
    match = _OFFSET_ZONE.fullmatch(shown)
    if match is None:
        return shown
    if match[3]:
        return f"GMT{match[1]}{match[2]}:{match[3]}"
    return f"Etc/GMT{'-' if match[1] == '+' else '+'}{int(match[2])}"


def _duckdb_path(value: str, upstream: UpstreamSession) -> str:
    """Return the schemas of a search path that DuckDB has; ``public`` is its ``main``, the ledger comes last.

    A schema that does not exist is left out, as PostgreSQL ignores it.
    """
    found = upstream.fetch("SELECT DISTINCT database_name AS catalog, schema_name AS name FROM duckdb_schemas()")
    schemas = {(row["catalog"], row["name"]) for row in found.to_pylist()}
    existing = {name for _, name in schemas}
    names = [unquote_identifier(token) for token in lexemes(value) if token.kind in ("word", "quoted")]
    path = [name for name in map(_own_name, names) if name not in _IMPLIED and name in existing]
    quoted = [f'"{name}"' if not name.isidentifier() else name for name in dict.fromkeys(path)] or ["main"]
    if ("rvbbit", "main") in schemas:
        quoted.append("rvbbit.main")
    if ("rvbbit_fn", "main") in schemas:
        quoted.append("rvbbit_fn.main")
    return ",".join(quoted).replace("'", "''")


def _own_name(name: str) -> str:
    return "main" if name == "public" else name


def adopt_postgres(state: SessionState, given: dict[str, str]) -> None:
    """Set on PostgreSQL what the startup packet asked for, and take over what it reports.

    What only PostgreSQL knows is taken out of ``given``.
    """
    state.postgres_startup = {
        name: value for name, value in given.items() if not name.lower().startswith(RESERVED_PREFIX)
    }
    for name in state.postgres_startup:
        if name.lower() not in PARAMETERS:
            given.pop(name)
    restore_postgres_startup(state)
    _adopt_reported(state)
    names = ", ".join(f"current_setting('{key}') AS \"{key}\"" for key in _ADOPTED)
    for key, value in state.upstream.fetch(f"SELECT {names}").to_pylist()[0].items():
        state.parameters.put(key, value)


def restore_postgres_startup(state: SessionState, only: str | None = None) -> None:
    """Set again what the startup packet asked for: PostgreSQL's RESET knows nothing of it."""
    for name, value in state.postgres_startup.items():
        if only is None or name.lower() == only.lower():
            # not SET, which would take a list of schemas for one name
            texts = ", ".join("'" + text.replace("'", "''") + "'" for text in (name, value))
            state.upstream.fetch(f"SELECT pg_catalog.set_config({texts}, false)")
