"""What DuckDB cannot do is told as not supported; what IF EXISTS leaves alone is told in a notice."""

from __future__ import annotations

import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.upstream import Notice
from rvbbit_proxy.errors import RvbbitError

UNSUPPORTED = [
    "CREATE MATERIALIZED VIEW v AS SELECT 1",
    "REFRESH MATERIALIZED VIEW v",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "CREATE EXTENSION hstore",
    "CREATE ROLE someone LOGIN",
    "ALTER TABLE t OWNER TO someone",
    "CREATE POLICY p ON t",
    "LOCK TABLE t",
    "REINDEX TABLE t",
    "PREPARE TRANSACTION 'x'",
]


@pytest.mark.parametrize("sql", UNSUPPORTED)
def test_unsupported(duck: DuckDBSession, sql: str) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.execute(sql)
    assert caught.value.sqlstate == "0A000"


@pytest.mark.parametrize(
    ("sql", "sqlstate"), [("COMMIT PREPARED 'x'", "42704"), ("CREATE TABEL x (a int)", "42601"), ("DOO", "42601")]
)
def test_other_faults(duck: DuckDBSession, sql: str, sqlstate: str) -> None:
    with pytest.raises(RvbbitError) as caught:
        duck.execute(sql)
    assert caught.value.sqlstate == sqlstate


NOTICES = [
    ("DROP TABLE IF EXISTS t2, public.t3", ["00000 table", "00000 table"]),
    ("DROP VIEW IF EXISTS v", ["00000 view"]),
    ("DROP SEQUENCE IF EXISTS s", ["00000 sequence"]),
    ("DROP INDEX IF EXISTS i", ["00000 index"]),
    ("DROP SCHEMA IF EXISTS s", ["00000 schema"]),
    ("DROP TYPE IF EXISTS y", ["00000 type"]),
    ("CREATE TABLE IF NOT EXISTS t (a int)", ["42P07 relation"]),
    ("CREATE TABLE IF NOT EXISTS t9 (a int)", []),
    ("CREATE SCHEMA IF NOT EXISTS public", ["42P06 schema"]),
    ("ALTER TABLE IF EXISTS t2 ADD COLUMN z int", ["00000 relation"]),
    ("ALTER TABLE t ADD COLUMN IF NOT EXISTS a int", ["42701 column"]),
    ("ALTER TABLE t DROP COLUMN IF EXISTS z", ["00000 column"]),
    ("ALTER TABLE t ADD COLUMN IF NOT EXISTS z int", []),
]


@pytest.mark.parametrize(("sql", "expected"), NOTICES, ids=[sql for sql, _ in NOTICES])
def test_notices(duck: DuckDBSession, sql: str, expected: list[str]) -> None:
    seen: list[Notice] = []
    duck.on_notice = seen.append
    duck.execute(sql)
    assert [f"{notice.sqlstate} {notice.message.split()[0]}" for notice in seen] == expected
    assert all(notice.message.endswith("skipping") for notice in seen)
