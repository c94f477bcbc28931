"""What libraries find out about a database: SQLAlchemy's Inspector, psycopg's and asyncpg's types, pandas, ADBC."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from asyncpg.introspection import INTRO_LOOKUP_TYPES
from catalog_places import Place
from psycopg.conninfo import conninfo_to_dict
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo
from psycopg.types.enum import EnumInfo

sqlalchemy = pytest.importorskip("sqlalchemy")

TABLES = ("customers", "orders", "moods", "counted")
METHODS = (
    "get_columns", "get_pk_constraint", "get_foreign_keys", "get_indexes", "get_unique_constraints", "get_table_comment",
    "get_table_options",
)  # fmt: skip


def engine_of(place: Place) -> Any:
    return sqlalchemy.create_engine(place.url, poolclass=sqlalchemy.pool.NullPool)  # nothing stays open


def inspector(place: Place) -> Any:
    return sqlalchemy.inspect(engine_of(place))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("method", METHODS)
def test_inspector_tells_the_same_of_tables(ours: Place, real: Place, method: str, table: str) -> None:
    assert repr(getattr(inspector(ours), method)(table)) == repr(getattr(inspector(real), method)(table))


@pytest.mark.parametrize(
    "method", ["get_table_names", "get_view_names", "get_sequence_names", "get_temp_table_names"]
)
def test_inspector_lists_the_same_names(ours: Place, real: Place, method: str) -> None:
    assert sorted(getattr(inspector(ours), method)()) == sorted(getattr(inspector(real), method)())


def test_inspector_sees_other_schemas(ours: Place, real: Place) -> None:
    for method, arguments in (
        ("get_columns", ("things", "other")),
        ("get_pk_constraint", ("things", "other")),
        ("has_table", ("things", "other")),
        ("get_table_names", ("other",)),
        ("get_enums", ()),
        ("has_sequence", ("counter",)),
    ):
        assert repr(getattr(inspector(ours), method)(*arguments)) == repr(
            getattr(inspector(real), method)(*arguments)
        )
    assert set(inspector(ours).get_schema_names()) == {"information_schema", "other", "public", "rvbbit"}


def test_metadata_reflects_everything(ours: Place) -> None:
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine_of(ours))
    assert {key.column.table.name for key in metadata.tables["orders"].foreign_keys} == {"customers"}


def test_psycopg_fetches_types(ours: Place) -> None:
    with ours.connect() as connection:
        assert TypeInfo.fetch(connection, "int4").oid == 23
        assert TypeInfo.fetch(connection, "hstore") is None
        mood = EnumInfo.fetch(connection, "mood")
        assert mood is not None and list(mood.labels) == ["sad", "ok", "happy"] and mood.array_oid
        customers = CompositeInfo.fetch(connection, "customers")
        assert customers is not None and customers.field_names[:2] == ("id", "name")


def test_asyncpg_introspects_types(ours: Place) -> None:
    async def introspect() -> list[Any]:
        parts = conninfo_to_dict(ours.dsn)
        connection = await asyncpg.connect(
            host=parts["host"], port=parts["port"], user=parts["user"], database=parts["dbname"]
        )
        try:
            enum = await connection.fetchval("SELECT oid FROM pg_type WHERE typname = $1", "mood")
            await connection.set_type_codec("mood", encoder=str, decoder=str)
            return list(await connection.fetch(INTRO_LOOKUP_TYPES, [1007, 3904, enum]))
        finally:
            await connection.reset()
            await connection.close()

    kinds = {row["oid"]: row["kind"] for row in asyncio.run(introspect())}
    assert kinds[1007] == b"b" and kinds[23] == b"b" and kinds[3904] == b"r" and b"e" in kinds.values()


def test_pandas_writes_replaces_and_reads(ours: Place) -> None:
    pandas = pytest.importorskip("pandas")
    engine = engine_of(ours)
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None]})
    for mode in ("fail", "replace", "append"):
        frame.to_sql("frames", engine, index=False, if_exists=mode)
    assert len(pandas.read_sql("SELECT * FROM frames", engine)) == 4
    assert list(pandas.read_sql_table("frames", engine, schema="public").columns) == ["a", "b"]
    with ours.connect() as connection:
        connection.execute("DROP TABLE frames")


def test_adbc_reads_schemas_and_ingests(ours: Place) -> None:
    adbc = pytest.importorskip("adbc_driver_postgresql.dbapi")
    pyarrow = pytest.importorskip("pyarrow")
    parts = conninfo_to_dict(ours.dsn)
    url = f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    with adbc.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        assert connection.adbc_get_table_schema("customers").names[:2] == ["id", "name"]
        cursor.adbc_ingest("ingested", pyarrow.table({"x": [1, 2]}))
        cursor.execute("SELECT x FROM ingested ORDER BY x")
        assert cursor.fetch_arrow_table().column(0).to_pylist() == [1, 2]
        assert connection.adbc_get_objects(depth="tables").read_all().num_rows
        cursor.execute("DROP TABLE ingested")
