"""What PostgreSQL lets an INSERT leave out, and arrays written as text."""

from __future__ import annotations

import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.upstream import Parameter
from rvbbit_proxy.errors import UpstreamError
from rvbbit_proxy.wire.types import oids


def _value(text: str) -> Parameter:
    return Parameter(text.encode(), 0, 0)


def test_last_columns_may_be_left_out(duck: DuckDBSession) -> None:
    duck.execute("INSERT INTO t VALUES (3, 'z')")
    duck.execute("INSERT INTO t SELECT 4, 'w'")
    assert duck.execute("INSERT INTO main.t VALUES ($1, $2)", [_value("5"), _value("v")]).tag == "INSERT 0 1"
    assert duck.fetch("SELECT a, b, c FROM t WHERE a > 2 ORDER BY a").to_pydict() == {
        "a": [3, 4, 5],
        "b": ["z", "w", "v"],
        "c": [None, None, None],
    }


def test_left_out_columns_are_described(duck: DuckDBSession) -> None:
    described = duck.describe("INSERT INTO t VALUES ($1, $2)")
    assert described.parameter_oids == (oids.INT4, oids.TEXT)
    assert described.columns is None


def test_faults_keep_their_own_codes(duck: DuckDBSession) -> None:
    with pytest.raises(UpstreamError) as caught:
        duck.execute("INSERT INTO t VALUES (1, 'x')")
    assert caught.value.sqlstate == "23505"
    with pytest.raises(UpstreamError) as caught:
        duck.execute("INSERT INTO t VALUES (1, 'x', 1, NULL, NULL, 6)")
    assert caught.value.sqlstate == "42601"


def test_arrays_written_as_text(duck: DuckDBSession) -> None:
    duck.execute("INSERT INTO t VALUES (3, '{x}', 1, NULL, '{1,NULL,3}')")
    duck.execute("INSERT INTO t (arr, b, a) VALUES ('{}', '{1}', 4)")
    duck.execute("UPDATE t SET arr = '{7}' WHERE a = 1")
    assert duck.fetch("SELECT b, arr FROM t WHERE a IN (1, 3, 4) ORDER BY a").to_pydict() == {
        "b": ["x", "{x}", "{1}"],
        "arr": [[7], [1, None, 3], []],
    }
