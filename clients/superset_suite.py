"""Superset's SQLAlchemy path: what its PostgreSQL engine spec and SQL Lab do through psycopg2, without Superset.

Source: superset/db_engine_specs/base.py and postgres.py, superset/connectors/sqla/models.py (apache/superset).
"""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from clients.tap import check, main, same

GRAINS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
"""Superset's time grains: DATE_TRUNC('day', col)."""


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every check."""
    engine = sa.create_engine(f"postgresql+psycopg2://{user}@{host}:{port}/{database}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS superset_sales")
        connection.exec_driver_sql(
            "CREATE TABLE superset_sales (id int PRIMARY KEY, region text, amount numeric(10,2), at timestamp)"
        )
        connection.exec_driver_sql(
            "INSERT INTO superset_sales SELECT i, 'r' || mod(i, 3), i * 1.5, timestamp '2024-01-01' + i * interval '1 day'"
            " FROM generate_series(1, 90) AS g(i)"
        )
    inspecting(engine)
    charts(engine)
    sql_lab(engine, database)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE superset_sales")
    engine.dispose()


def inspecting(engine: sa.Engine) -> None:
    """Check what a new dataset reads."""
    seen = sa.inspect(engine)
    with check("schemas"):
        same("public" in seen.get_schema_names(), True)
    with check("tables and views"):
        same("superset_sales" in seen.get_table_names("public"), True)
        seen.get_view_names("public")
        seen.get_materialized_view_names("public")
    with check("columns"):
        found = {column["name"]: str(column["type"]) for column in seen.get_columns("superset_sales", "public")}
        same(found, {"id": "INTEGER", "region": "TEXT", "amount": "NUMERIC(10, 2)", "at": "TIMESTAMP"})
    with check("keys, indexes, comment"):
        same(seen.get_pk_constraint("superset_sales", "public")["constrained_columns"], ["id"])
        same(seen.get_foreign_keys("superset_sales", "public"), [])
        seen.get_indexes("superset_sales", "public")
        same(seen.get_table_comment("superset_sales", "public"), {"text": None})


def charts(engine: sa.Engine) -> None:
    """Check the statements of charts."""
    for grain in GRAINS:
        with check(f"grain {grain}"):
            sql = (
                f"SELECT DATE_TRUNC('{grain}', at) AS __timestamp, region AS region, sum(amount) AS \"SUM(amount)\""
                " FROM public.superset_sales WHERE at >= TO_TIMESTAMP('2024-01-01 00:00:00.000000',"
                " 'YYYY-MM-DD HH24:MI:SS.US') AND at < TO_TIMESTAMP('2024-12-01 00:00:00.000000',"
                " 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC("
                f"'{grain}', at), region ORDER BY \"SUM(amount)\" DESC LIMIT 10000"
            )
            frame = pd.read_sql(sa.text(sql), engine)
            same(list(frame.columns), ["__timestamp", "region", "SUM(amount)"])
            same(round(float(frame["SUM(amount)"].sum()), 2), 6142.5)
    with check("filter box"):
        sql = "SELECT DISTINCT region AS region FROM public.superset_sales ORDER BY region ASC LIMIT 1000"
        same(pd.read_sql(sql, engine)["region"].tolist(), ["r0", "r1", "r2"])
    with check("virtual dataset"):
        sql = (
            "SELECT region AS region, COUNT(*) AS count FROM (SELECT * FROM superset_sales) AS virtual_table"
            " WHERE region IN ('r0', 'r1') GROUP BY region HAVING COUNT(*) > 1 ORDER BY count DESC LIMIT 100"
        )
        same(pd.read_sql(sql, engine)["count"].tolist(), [30, 30])
    with check("series limit"):
        sql = (
            "SELECT DATE_TRUNC('month', at) AS __timestamp, superset_sales.region AS region, sum(amount) AS total"
            " FROM superset_sales JOIN (SELECT region AS region__, sum(amount) AS mme_inner__ FROM superset_sales"
            " GROUP BY region ORDER BY mme_inner__ DESC LIMIT 2) AS series_limit ON region = region__"
            " GROUP BY DATE_TRUNC('month', at), superset_sales.region"
        )
        same(len(pd.read_sql(sql, engine)), 6)


def sql_lab(engine: sa.Engine, database: str) -> None:
    """Check what SQL Lab does around a query."""
    with check("cursor and cancel id"):
        raw = engine.raw_connection()
        cursor = raw.cursor()
        cursor.execute("SELECT pg_backend_pid()")
        same(cursor.fetchone()[0] > 0, True)
        cursor.execute("SELECT * FROM superset_sales LIMIT 11")
        same(
            (len(cursor.fetchmany(11)), [column[0] for column in cursor.description]),
            (11, ["id", "region", "amount", "at"]),
        )
        raw.close()
    with check("cost estimate"), engine.connect() as connection:
        same(len(connection.exec_driver_sql("EXPLAIN SELECT * FROM superset_sales").fetchall()) > 0, True)
    with check("search path"), engine.connect() as connection:
        connection.exec_driver_sql('set search_path = "public"')
        same(connection.exec_driver_sql("SHOW search_path").scalar(), "public")
    with check("catalogs"), engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT datname FROM pg_database WHERE datistemplate = false").scalars()
        same(database in rows.all(), True)
    with check("create table as"), engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE superset_tmp AS \nSELECT * FROM superset_sales")
        connection.exec_driver_sql("DROP TABLE superset_tmp")
    with check("error message"), engine.connect() as connection:
        try:
            connection.exec_driver_sql("SELECT * FROM missing")
        except sa.exc.ProgrammingError as error:
            same('relation "missing" does not exist' in str(error.orig), True)


if __name__ == "__main__":
    main(suite)
