from __future__ import annotations

import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.errors import RvbbitError


@pytest.mark.parametrize(
    "sql",
    [
        "GRANT SELECT ON t TO ann",
        "/* {} */ grant select, insert (a) on table t, main.t to ann, public with grant option",
        "GRANT USAGE ON SCHEMA nowhere TO ann",
        "GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA main TO ann;",
    ],
)
def test_a_grant_has_nothing_to_do(duck: DuckDBSession, sql: str) -> None:
    said: list[str] = []
    duck.on_notice = lambda notice: said.append(notice.message)
    assert duck.describe(sql).columns is None
    assert duck.execute(sql).tag == "GRANT"
    assert said == ["privileges are not kept: every user may do everything"]


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("GRANT SELECT ON missing TO ann", "42P01"),
        ("GRANT SELECT ON t", "42601"),
        ("GRANT admins TO ann", "0A000"),
        ("REVOKE ALL ON t FROM PUBLIC", "0A000"),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA main GRANT SELECT ON TABLES TO ann", "0A000"),
    ],
)
def test_what_would_be_a_lie_is_refused(duck: DuckDBSession, sql: str, sqlstate: str) -> None:
    duck.execute("BEGIN")
    with pytest.raises(RvbbitError) as caught:
        duck.execute(sql)
    assert caught.value.sqlstate == sqlstate
    assert duck.transaction_status() == "E"
