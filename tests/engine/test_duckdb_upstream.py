"""The upstream before its first session."""

from __future__ import annotations

import duckdb

from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream


def test_catalogs_are_made_while_nobody_is_connected() -> None:
    with duckdb.connect() as connection:
        upstream = DuckDBUpstream(connection)
        upstream.prepare()
        upstream.close()  # waits for the thread, in which any fault is a warning and so an error here
        session = upstream.open_session(user="u", database="d", application_name="")
        assert session.fetch("SELECT relname FROM pg_class WHERE relname = 'pg_type'").num_rows == 1
        session.close()
