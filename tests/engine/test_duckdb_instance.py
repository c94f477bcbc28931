"""An error inside DuckDB ends one statement, a fatal one everything but what is on disk."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from rvbbit_proxy.engine.duckdb_errors import translate_error
from rvbbit_proxy.engine.duckdb_instance import Health, open_instance
from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.errors import UpstreamError

BREAKS = (
    "SELECT t1.a, (SELECT max(b) FROM t x WHERE x.s = t1.s) FROM t t1 LEFT JOIN t t2 ON t1.a = t2.a "
    "AND coalesce((SELECT bool_or(b) FROM t r WHERE r.s = t1.s), false) "
    "LEFT JOIN t t3 ON (SELECT bool_or(b) FROM t r WHERE r.s = t3.s)"
)
"""With the optimizer off, an assertion of DuckDB 2.0 fails while this runs."""


def open_session(upstream: DuckDBUpstream) -> DuckDBSession:
    return upstream.open_session(user="u", database="d", application_name="tests")


def rows(session: DuckDBSession, sql: str) -> list[tuple[object, ...]]:
    result = session.execute(sql)
    found = [
        row for batch in result.batches() for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)
    ]
    result.close()
    return found


def broken(session: DuckDBSession) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        rows(session, BREAKS)
    return caught.value


def test_instance_outlives_an_internal_error(tmp_path: Path) -> None:
    path = str(tmp_path / "some.duckdb")
    with open_instance(path) as connection:
        upstream = DuckDBUpstream(connection)
        one, other = open_session(upstream), open_session(upstream)
        one.execute("CREATE TABLE t (a int, b boolean, s text)")
        one.execute("INSERT INTO t VALUES (1, true, 'x'), (2, NULL, NULL)")
        one.execute("PRAGMA disable_optimizer")
        fault = broken(one)
        assert fault.sqlstate == "XX000"
        assert "Vector::Reference" in str(fault)
        assert "stack_trace" not in str(fault)
        assert rows(other, "SELECT count(*) FROM t") == rows(one, "SELECT count(*) FROM t") == [(2,)]
        one.execute("BEGIN")
        one.execute("INSERT INTO t VALUES (3, true, 'y')")
        broken(one)
        assert one.transaction_status() == "E"
        one.execute("ROLLBACK")
        one.execute("INSERT INTO t VALUES (4, true, 'z')")
        one.close()
        other.close()
    with duckdb.connect(path) as connection:
        assert connection.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,), (4,)]


def test_fatal_error_stops_everything(tmp_path: Path) -> None:
    health = Health()
    with open_instance(str(tmp_path / "some.duckdb")) as connection:
        health.note(translate_error(duckdb.Error("INTERNAL Error: a slip")), connection)
        health.check()
        health.note(translate_error(duckdb.FatalException("FATAL Error: what is in memory is lost")), connection)
    with pytest.raises(UpstreamError, match="stopped by a fatal error") as caught:
        health.check()
    assert (caught.value.sqlstate, caught.value.detail) == ("58000", "what is in memory is lost")
