"""Names of result columns that the statement does not name, also beside stars."""

from __future__ import annotations

import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession

NAMES = [
    ("SELECT true, NULL, 1, 'x', 1.5, -a, NOT true FROM t", ["?column?"] * 7),
    ("SELECT 1::int8, 'x'::text, 'x'::varchar, 1::numeric(5,2)", ["int8", "text", "varchar", "numeric"]),
    ("SELECT a::text, (a + 1)::text, lower(b)::varchar FROM t", ["a", "text", "lower"]),
    ("SELECT CASE WHEN a > 1 THEN 1 ELSE a END, CASE a WHEN 1 THEN 2 END FROM t", ["a", "case"]),
    ("SELECT ARRAY[1], ARRAY(SELECT a FROM t), EXISTS(SELECT 1), (SELECT 2 AS two)", ["array", "array", "exists", "two"]),
    ("SELECT extract(year FROM ts), ts AT TIME ZONE 'UTC' FROM t", ["extract", "timezone"]),
    ("SELECT b ~ 'x', b LIKE 'x' ESCAPE '#', b SIMILAR TO 'x', 2 ^ 3, arr[1] FROM t", ["?column?"] * 4 + ["arr"]),
    ("SELECT count(*) FILTER (WHERE a > 1), sum(1) OVER (), coalesce(1, 2) FROM t", ["count", "sum", "coalesce"]),
    ("SELECT a AS MIXED, a AS \"Mixed\", B FROM t", ["mixed", "Mixed", "b"]),
    ('SELECT * FROM (SELECT 1 AS "b,c", 2 AS "true", 3 AS "CAST(x)") q', ["b,c", "true", "CAST(x)"]),
    ('SELECT true, q.*, false FROM (SELECT 1 AS "f(x)", 2 AS "true") q', ["?column?", "f(x)", "true", "?column?"]),
    ('SELECT DISTINCT ON (q."A b") q.*, 1 FROM (SELECT 1 AS "A b") q', ["A b", "?column?"]),
    ("SELECT count(*), a * 2 FROM t GROUP BY a", ["count", "?column?"]),
    ("VALUES (1, 'a')", ["column1", "column2"]),
    ("SELECT * FROM (VALUES (1, 'a')) v", ["column1", "column2"]),
    ("DELETE FROM t WHERE false RETURNING a + 1, upper(b)", ["?column?", "upper"]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "names"), NAMES, ids=[sql for sql, _ in NAMES])
def test_names(duck: DuckDBSession, sql: str, names: list[str]) -> None:
    described = duck.describe(sql)
    assert [column.name for column in described.columns or ()] == names
    result = duck.execute(sql)
    assert [column.name for column in result.columns or ()] == names
    result.close()
