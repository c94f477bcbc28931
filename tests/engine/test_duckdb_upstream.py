"""The upstream before its first session."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from rvbbit_proxy.engine.duckdb_instance import open_instance
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.errors import UpstreamError


def test_catalogs_are_made_while_nobody_is_connected() -> None:
    with duckdb.connect() as connection:
        upstream = DuckDBUpstream(connection)
        upstream.prepare()
        upstream.close()  # waits for the thread, in which any fault is a warning and so an error here
        session = upstream.open_session(user="u", database="d", application_name="")
        assert session.fetch("SELECT relname FROM pg_class WHERE relname = 'pg_type'").num_rows == 1
        session.close()


@pytest.mark.parametrize("name", ["rvbbit", "base", "PG"])
def test_a_file_has_no_name_of_ours(tmp_path: Path, name: str) -> None:
    with pytest.raises(UpstreamError, match="cannot be called"):
        open_instance(str(tmp_path / f"{name}.duckdb"))
