"""PostgreSQL's spellings in statements, run by a session on DuckDB; and which statements are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from rvbbit_proxy.engine.catalog.emulation import needs_rewriting, rewritten
from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.wire.types import oids


@pytest.fixture
def upstream() -> Iterator[DuckDBUpstream]:
    with duckdb.connect() as connection:
        yield DuckDBUpstream(connection)


@pytest.fixture
def session(upstream: DuckDBUpstream) -> Iterator[DuckDBSession]:
    session = upstream.open_session(user="ann", database="shop", application_name="test")
    session.execute("CREATE TABLE items (id int PRIMARY KEY, name text)")
    session.execute("INSERT INTO items VALUES (1, 'one'), (2, 'two')")
    yield session
    session.close()


def rows(session: DuckDBSession, sql: str) -> list[list[Any]]:
    found = []
    for batch in session.execute(sql).batches():
        found += [[column[index].as_py() for column in batch.columns] for index in range(batch.num_rows)]
    return found


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT current_user, session_user, user, current_catalog", ["ann", "ann", "ann", "shop"]),
        ("SELECT current_database(), current_schema(), current_schemas(false)", ["shop", "public", ["public"]]),
        ("SELECT 'items'::regclass, 'items'::regclass::oid = to_regclass('public.items')::oid", ["items", True]),
        ("SELECT 'pg_class'::regclass::oid, 'int4'::regtype, 25::regtype::text", [1259, "integer", "text"]),
        ("SELECT to_regclass('nothing'), to_regtype('nothing')", [None, None]),
        ("SELECT '{1,NULL,3}'::int[], 'a' = ANY('{a,b}'::text[])", [[1, None, 3], True]),
        ("SELECT '{\"a,b\",c}'::text[]", [["a,b", "c"]]),
        ("SELECT proargnames FROM pg_proc WHERE proname = 'lower' AND prorettype = 25", [None]),
        ("SELECT 1 = ANY('{1,2}'), 'c' = ANY ('{a,\"\",NULL}'), 'x' = ANY ('{}')", [True, None, False]),
        (
            "SELECT to_timestamp('2024-01-02 03:04', 'YYYY-MM-DD HH24:MI')::timestamp::text",
            ["2024-01-02 03:04:00"],
        ),
        ("SELECT to_char(date '2024-03-05', 'FMMonth FMDD, yyyy \"at\" HH24%')", ["March 5, 2024 at 00%"]),
        ("SELECT to_date('05 Dec 2000', 'DD Mon YYYY')::text", ["2000-12-05"]),
        ("SELECT 'abc' OPERATOR(pg_catalog.~) '^b', 'abc' OPERATOR(pg_catalog.!~) 'z'", [False, True]),
        ("SELECT 'x' COLLATE pg_catalog.default", ["x"]),
        ("SELECT name FROM public.items WHERE id = 1", ["one"]),
        ('SELECT "shop"."public"."items"."name" FROM "shop"."public"."items" WHERE id = 2', ["two"]),
        ("SELECT name FROM items WHERE id = 1 FOR UPDATE", ["one"]),
        ("SELECT tableoid::regclass FROM items WHERE id = 1", ["items"]),
        ("SELECT format('%I=%s', 'A', 1)", ['"A"=1']),
        ("SELECT substring('foobar' FROM 'o.b'), substring('foobar' FROM 'o(.)b')", ["oob", "o"]),
        ("SELECT array_to_string(ARRAY['a', NULL], ',', '*'), array_upper(ARRAY[5, 6], 1)", ["a,*", 2]),
        ("SELECT quote_ident('A b'), quote_literal('it''s')", ['"A b"', "'it''s'"]),
        ("SELECT pg_size_pretty(20480::bigint), pg_is_in_recovery()", ["20 kB", False]),
        ("SELECT format_type(1700, 655366), format_type(1009, -1)", ["numeric(10,2)", "text[]"]),
        ("SELECT indkey, indkey[0], generate_subscripts(indkey, 1) FROM pg_index", [[1], 1, 0]),
        ("SELECT (information_schema._pg_expandarray(ARRAY[7])).n", [1]),
        ("SELECT a, b, n FROM unnest(ARRAY[1], ARRAY['x']) WITH ORDINALITY AS t(a, b, n)", [1, "x", 1]),
        ("SELECT at FROM (SELECT 1 AS at) AS x", [1]),
        ("SELECT '{\"y\": 2}'::jsonb ->> 'y'", ["2"]),
        ("SELECT * FROM current_schema()", ["public"]),
        (
            "SELECT 'ab' LIKE ANY (ARRAY['a%']), 'ab' NOT LIKE ALL (ARRAY['^b', 'c']), 'a' LIKE ANY ('{}'::text[])",
            [True, True, False],
        ),
        ("SELECT 'AB' NOT ILIKE ALL (SELECT name FROM items), NULL LIKE ALL (ARRAY['a'])", [True, None]),
        (
            "SELECT at = '2024-01-02 03:04:05 +01:00' FROM (SELECT '2024-01-02 02:04:05+00'::timestamptz AS at)",
            [True],
        ),
        ("SELECT * FROM upper('x') WITH ORDINALITY", ["X", 1]),
        ("SELECT x, u.a FROM pg_catalog.lower('X') x, LATERAL upper(x) AS u(a)", ["x", "X"]),
    ],
)
def test_answers(session: DuckDBSession, sql: str, expected: list[Any]) -> None:
    assert rows(session, sql)[0] == expected


def test_columns_have_the_catalogs_types_and_names(session: DuckDBSession) -> None:
    columns = session.execute(
        "SELECT c.oid, relname, relkind, reltype::regtype, count(*), array_agg(relname), max(c.oid), 'x'::name"
        " FROM pg_catalog.pg_class AS c GROUP BY 1, 2, 3, 4"
    ).columns
    assert columns is not None
    assert [column.type_oid for column in columns] == [
        oids.OID, oids.NAME, oids.CHAR, oids.REGTYPE, oids.INT8, oids.array_oid_of(oids.NAME), oids.OID, oids.NAME,
    ]  # fmt: skip
    assert [column.name for column in columns][3:] == ["reltype", "count", "array_agg", "max", "name"]


def test_reg_values_go_out_as_oids_in_binary(session: DuckDBSession) -> None:
    (batch,) = session.execute("SELECT 'pg_class'::regclass, 'pg_type'::regclass", result_formats=[1, 0]).batches()
    assert [column[0].as_py() for column in batch.columns] == [1259, "pg_type"]


def test_parameters_have_the_catalogs_types(session: DuckDBSession) -> None:
    described = session.describe("SELECT 1 FROM pg_class WHERE oid = ANY($1::oid[]) AND relname = $2 AND oid = $3")
    assert described.parameter_oids == (oids.array_oid_of(oids.OID), oids.NAME, oids.OID)


def test_serial_counts_from_one_again_after_drop(session: DuckDBSession) -> None:
    for _ in range(2):
        session.execute("CREATE TABLE counted (id serial PRIMARY KEY, name text)")
        session.execute("INSERT INTO counted (name) VALUES ('a'), ('b')")
        assert rows(session, "SELECT id FROM counted ORDER BY 1") == [[1], [2]]
        session.execute("DROP TABLE counted")
    assert rows(session, "SELECT count(*) FROM pg_sequences") == [[0]]


def test_the_options_of_an_identity_are_its_sequences(session: DuckDBSession) -> None:
    session.execute(
        "CREATE TABLE counted (a int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME counted_a_seq"
        " INCREMENT BY -2 MINVALUE -9 MAXVALUE 9 START WITH 7 CACHE 1 NO CYCLE), b int)"
    )
    session.execute("INSERT INTO counted (b) VALUES (1), (1)")
    assert rows(session, "SELECT a FROM counted ORDER BY 1") == [[5], [7]]


def test_texts_that_fill_columns_are_read_as_postgres_does(session: DuckDBSession) -> None:
    session.execute("CREATE TABLE filled (tags text ARRAY, at timestamptz, spelt text)")
    moment = "2024-01-02 03:04:05 +01:00"
    session.execute(f"INSERT INTO filled VALUES ('{{a,b}}', '{moment}', '{moment}')")
    session.execute(f"UPDATE filled SET at = '{moment}', spelt = '{moment}' WHERE at <= '{moment}'")
    assert rows(session, "SELECT tags, extract(hour FROM at AT TIME ZONE 'UTC')::int, spelt FROM filled") == [
        [["a", "b"], 2, moment]
    ]


def test_an_arrays_default_may_be_a_text(session: DuckDBSession) -> None:
    session.execute(
        "CREATE TABLE filled (a int PRIMARY KEY, b text[] NOT NULL DEFAULT '{}', c uuid DEFAULT uuid_generate_v4())"
    )
    session.execute("ALTER TABLE filled ADD COLUMN d int[] DEFAULT '{1,2}'")
    session.execute("INSERT INTO filled (a) VALUES (1)")
    assert rows(session, "SELECT b, c IS NOT NULL, d FROM filled") == [[[], True, [1, 2]]]


def test_a_conflict_may_set_the_moment(session: DuckDBSession) -> None:
    session.execute("CREATE TABLE seen (a int PRIMARY KEY, at timestamptz)")
    for _ in range(2):
        session.execute(
            "INSERT INTO seen VALUES (1, NULL) ON CONFLICT (a) DO UPDATE SET at = CASE WHEN seen.at IS NULL"
            " THEN CURRENT_TIMESTAMP ELSE excluded.at END"
        )
    assert rows(session, "SELECT at IS NOT NULL FROM seen") == [[True]]


def test_jsonb_is_told_of_columns_parameters_and_casts(session: DuckDBSession) -> None:
    session.execute("CREATE TABLE kept (a jsonb, b json, c jsonb[])")
    columns = session.describe("SELECT a, b, c, '1'::jsonb AS d FROM kept").columns or ()
    assert [column.type_oid for column in columns] == [
        oids.JSONB, oids.JSON, oids.array_oid_of(oids.JSONB), oids.JSONB,
    ]  # fmt: skip
    assert session.describe("INSERT INTO kept (b, a) VALUES ($1, $2)").parameter_oids == (oids.JSON, oids.JSONB)
    assert session.describe("UPDATE kept SET a = $1 WHERE b IS NOT NULL").parameter_oids == (oids.JSONB,)
    assert session.describe("SELECT $1::jsonb").parameter_oids == (oids.JSONB,)
    assert rows(session, "SELECT data_type FROM information_schema.columns WHERE table_name = 'kept'") == [
        ["jsonb"], ["json"], ["ARRAY"],
    ]  # fmt: skip


def test_a_failed_create_leaves_no_sequence(session: DuckDBSession) -> None:
    with pytest.raises(RvbbitError) as raised:
        session.execute("CREATE TABLE items (id serial)")
    assert raised.value.sqlstate == "42P07"
    assert rows(session, "SELECT count(*) FROM pg_sequences") == [[0]]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE LOCAL TEMP TABLE t (a int)",
        "CREATE UNLOGGED TABLE t (a jsonb, b timestamp with time zone)",
        "CREATE TABLE t (LIKE items INCLUDING ALL)",
        "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b int)",
        "CREATE INDEX ON items (name)",
        "CREATE INDEX CONCURRENTLY i ON public.items USING btree (name)",
        "TRUNCATE items, items",
        "COMMENT ON TABLE public.items IS 'x'",
        "CREATE SCHEMA IF NOT EXISTS public",
        'CREATE TABLE "shop"."public"."t" AS (SELECT 1 AS id)',
    ],
)
def test_definitions_run(session: DuckDBSession, sql: str) -> None:
    session.execute(sql)


def test_missing_relation_has_postgres_sqlstate(session: DuckDBSession) -> None:
    with pytest.raises(RvbbitError) as raised:
        session.execute("SELECT 'nothing'::regclass")
    assert raised.value.sqlstate == "42P01"


def test_a_session_sees_its_own_uncommitted_definitions(upstream: DuckDBUpstream, session: DuckDBSession) -> None:
    other = upstream.open_session(user="bob", database="shop", application_name="")
    count = "SELECT count(*) FROM pg_class WHERE relname = 'made'"
    session.execute("BEGIN")
    session.execute("CREATE TABLE made (a int)")
    assert rows(session, count) == [[1]] and rows(other, count) == [[0]]
    session.execute("ROLLBACK")
    assert rows(session, count) == [[0]]
    session.execute("CREATE TABLE made (a int)")
    assert rows(other, count) == [[1]]
    other.close()


def test_oids_are_the_same_in_another_instance(session: DuckDBSession) -> None:
    def oids_of(one: DuckDBSession) -> list[list[Any]]:
        return rows(one, "SELECT relname, oid FROM pg_class WHERE relname IN ('items', 'items_pkey') ORDER BY 1")

    with duckdb.connect() as connection:
        again = DuckDBUpstream(connection).open_session(user="x", database="y", application_name="")
        again.execute("CREATE TABLE first (a int)")
        again.execute("CREATE TABLE items (id int PRIMARY KEY)")
        assert oids_of(again) == oids_of(session)
        again.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, b FROM t WHERE a = 1 AND b LIKE 'x%'",
        "INSERT INTO t VALUES (1, 'pg_class'), (2, 'the public user''s serial')",
        "SELECT 'regclass' /* pg_type */ FROM t -- oid",
        "UPDATE t SET a = $1 WHERE b = $2",
    ],
)
def test_plain_statements_reach_duckdb_as_they_came(sql: str) -> None:
    assert not needs_rewriting(sql, "shop")
    assert rewritten(sql, "shop").sql is sql


def test_names_are_replaced_where_they_stand() -> None:
    sql = "SELECT public.t.a FROM public.t WHERE nope"
    found = rewritten(sql, "shop")
    assert found.sql.index("nope") == sql.index("nope") and not found.displaced


def test_bytea_in_hexadecimal(session: DuckDBSession) -> None:
    assert rows(session, r"SELECT '\x00ff'::bytea") == [[b"\x00\xff"]]


def test_at_and_sized_floats_in_definitions(session: DuckDBSession) -> None:
    session.execute("CREATE TABLE moments (at timestamp, ratio float(53), small float(10))")
    session.execute("INSERT INTO moments (at) VALUES (timestamp '2020-01-01 00:00:00' AT TIME ZONE 'UTC')")
    types = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'moments'::regclass ORDER BY attnum"
    assert [row[0] for row in rows(session, types)] == ["timestamp without time zone", "double precision", "real"]


def test_grouping_by_an_alias_that_names_a_source(session: DuckDBSession) -> None:
    sql = "SELECT n.nspname AS n, count(*) FROM pg_namespace AS n WHERE n.nspname = 'public' GROUP BY n ORDER BY n"
    assert rows(session, sql) == [["public", 1]]


def test_a_foreign_key_depends_on_the_index_of_its_target(session: DuckDBSession) -> None:
    session.execute("CREATE TABLE parts (item int REFERENCES items (id))")
    found = rows(
        session,
        "SELECT d.refobjid::regclass::text FROM pg_depend d JOIN pg_constraint c ON c.oid = d.objid"
        " WHERE d.classid = 'pg_constraint'::regclass AND d.refclassid = 'pg_class'::regclass AND c.contype = 'f'",
    )
    assert found == [["items_pkey"]]
