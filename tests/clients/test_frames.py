"""pandas over SQLAlchemy, ADBC and Arrow, and pg8000."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pandas as pd
import pg8000.dbapi
import pyarrow as pa
import pytest
import sqlalchemy as sa

from tests.clients.conftest import Database


@pytest.fixture
def engine(database: Database) -> Iterator[sa.Engine]:
    engine = sa.create_engine(
        sa.URL.create("postgresql+psycopg", database.user, database=database.dbname),
        connect_args={"host": database.host, "port": database.port},
    )
    yield engine
    engine.dispose()


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": [1, 2, 3],
            "ratio": [0.5, None, 2.5],
            "label": ["a", None, "ü"],
            "fine": [True, False, True],
            "at": pd.to_datetime(["2024-01-01 10:00", "2024-06-01 00:00", None]),
        }
    )


@pytest.mark.parametrize("method", [None, "multi"])
def test_pandas_round_trip(engine: sa.Engine, method: Any) -> None:
    assert frame().to_sql("frames", engine, index=False, if_exists="replace", method=method) in (3, -1)
    frame().to_sql("frames", engine, index=False, if_exists="append", method=method)
    found = pd.read_sql("SELECT * FROM frames ORDER BY number", engine)
    assert len(found) == 6
    assert [str(kind) for kind in found.dtypes][:2] == ["int64", "float64"]
    assert found["label"].isna().sum() == 2 and found["at"].isna().sum() == 2
    some = pd.read_sql(sa.text("SELECT number FROM frames WHERE number > :low"), engine, params={"low": 1})
    assert len(some) == 4
    table = pd.read_sql_table("frames", engine, columns=["number", "at"])
    assert list(table.columns) == ["number", "at"]
    chunks = [len(part) for part in pd.read_sql("SELECT * FROM frames", engine, chunksize=4)]
    assert chunks == [4, 2]
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE frames")


@pytest.fixture
def arrow(database: Database, table: str) -> Iterator[Any]:
    uri = f"postgresql://{database.user}@/{database.dbname}?host={database.host}&port={database.port}"
    with closing(adbc.connect(uri)) as connection:
        yield connection


def test_adbc_query(arrow: Any) -> None:
    with arrow.cursor() as cursor:
        cursor.execute("SELECT id, name, score::float8 AS score FROM items ORDER BY id")
        found = cursor.fetch_arrow_table()
        assert found.num_rows == 100
        assert [str(kind) for kind in found.schema.types] == ["int32", "string", "double"]
        assert found.slice(6, 1).to_pylist() == [{"id": 7, "name": "name 7", "score": None}]
        cursor.execute("SELECT name FROM items WHERE id = $1", (5,))
        assert cursor.fetchall() == [("name 5",)]
        cursor.execute(
            "SELECT 1::int2, 2::int8, true, 'x'::text, date '2024-01-02', timestamp '2024-01-02 03:04:05', NULL::int,"
            " ARRAY[1,2], 1.5::float4, '\\x00ff'::bytea"
        )
        assert cursor.fetchone() == (
            1, 2, True, "x", dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 3, 4, 5), None, [1, 2], 1.5, b"\x00\xff",
        )  # fmt: skip


def test_adbc_ingest_and_catalog(arrow: Any) -> None:
    with arrow.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS ingested")
        rows = frame().drop(columns="at")
        assert cursor.adbc_ingest("ingested", pa.Table.from_pandas(rows, preserve_index=False), mode="create") == 3
        assert cursor.adbc_ingest("ingested", pa.Table.from_pandas(rows, preserve_index=False), mode="append") == 3
        cursor.execute("SELECT count(*), count(ratio), sum(number) FROM ingested")
        assert cursor.fetchone()[:2] == (6, 4)
        assert arrow.adbc_get_table_schema("items").names == ["id", "name", "score"]
        assert set(arrow.adbc_get_table_types()) >= {"table", "view"}
        objects = arrow.adbc_get_objects(depth="tables", table_name_filter="items").read_all().to_pylist()
        names = [
            found["table_name"]
            for catalog in objects
            for schema in catalog["catalog_db_schemas"] or ()
            for found in schema["db_schema_tables"] or ()
        ]
        assert names == ["items"]
        cursor.execute("DROP TABLE ingested")
        arrow.commit()


def test_adbc_fault(arrow: Any) -> None:
    with arrow.cursor() as cursor, pytest.raises(adbc.ProgrammingError) as caught:
        cursor.execute("SELECT * FROM missing")
    assert caught.value.sqlstate == "42P01"


def test_pg8000(database: Database, table: str) -> None:
    where = {"unix_sock": f"{database.host}/.s.PGSQL.{database.port}"} if database.host.startswith("/") else {}
    parts = {**database.parts, **where}
    if where:
        del parts["host"], parts["port"]
    with closing(pg8000.dbapi.connect(**parts)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id, name, score FROM items WHERE id < %s ORDER BY id", (3,))
        assert [tuple(row) for row in cursor.fetchall()] == [
            (1, "name 1", Decimal("0.25")),
            (2, "name 2", Decimal("0.50")),
        ]
        values = (True, 5, 1.5, "x'", dt.date(2024, 1, 1), [1, 2], None, b"\x00")
        cursor.execute(
            "SELECT %s::bool, %s::int, %s::float8, %s, %s::date, %s::int[], %s::text, %s::bytea", values
        )
        assert tuple(cursor.fetchone()) == values
        with pytest.raises(pg8000.dbapi.DatabaseError) as caught:
            cursor.execute("SELECT * FROM missing")
        assert caught.value.args[0]["C"] == "42P01"
        connection.rollback()
        cursor.executemany("INSERT INTO items VALUES (%s, %s, %s)", [(i, "x", Decimal(1)) for i in (200, 201)])
        connection.rollback()
