"""Constraints on DuckDB as PostgreSQL has them: names, foreign keys, actions, deferral, ALTER TABLE."""

from __future__ import annotations

import duckdb
import pytest

from rvbbit_proxy.engine.duckdb_session import DuckDBSession
from rvbbit_proxy.engine.duckdb_upstream import DuckDBUpstream
from rvbbit_proxy.engine.upstream import Notice
from rvbbit_proxy.errors import RvbbitError

DEFERRED = "DEFERRABLE INITIALLY DEFERRED"


@pytest.fixture
def family(duck: DuckDBSession) -> DuckDBSession:
    """``parents`` 1 and 2, and ``children`` with a named foreign key to them, of which 10 refers to 1."""
    duck.execute("CREATE TABLE parents (id int PRIMARY KEY, code varchar(3) UNIQUE)")
    duck.execute("CREATE TABLE children (id serial PRIMARY KEY, parent int CONSTRAINT kin REFERENCES parents)")
    duck.execute("INSERT INTO parents VALUES (1, 'a'), (2, 'b')")
    duck.execute("INSERT INTO children VALUES (10, 1)")
    return duck


def fault(session: DuckDBSession, sql: str) -> RvbbitError:
    with pytest.raises(RvbbitError) as caught:
        session.execute(sql)
    return caught.value


def refuse(session: DuckDBSession, sql: str) -> tuple[str | None, str]:
    found = fault(session, sql)
    return found.sqlstate, found.message


def rows(session: DuckDBSession, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in session.fetch(sql).to_pylist()]


def constraints(session: DuckDBSession, table: str) -> dict[str, str]:
    listed = session.fetch(
        "SELECT conname, pg_get_constraintdef(oid) AS said FROM pg_constraint"
        f" WHERE conrelid = '{table}'::regclass ORDER BY conname"
    )
    return {str(row["conname"]): str(row["said"]) for row in listed.to_pylist()}


def test_constraints_keep_the_names_they_were_given(duck: DuckDBSession) -> None:
    duck.execute(
        "CREATE TABLE named (a int CONSTRAINT pk PRIMARY KEY, b int CONSTRAINT once UNIQUE,"
        " c int CONSTRAINT small CHECK (c < 10 AND c > 0), d int, UNIQUE (c, d),"
        ' CONSTRAINT "Own" FOREIGN KEY (d) REFERENCES named ON DELETE SET NULL)'
    )
    assert constraints(duck, "named") == {
        "Own": "FOREIGN KEY (d) REFERENCES named(a) ON DELETE SET NULL",
        "named_c_d_key": "UNIQUE (c, d)",
        "once": "UNIQUE (b)",
        "pk": "PRIMARY KEY (a)",
        "small": "CHECK (((c < 10) AND (c > 0)))",
    }
    duck.execute("INSERT INTO named VALUES (1, 1, 1, 1)")
    for sql, name in [
        ("INSERT INTO named VALUES (1, 2, 2, 1)", "pk"),
        ("INSERT INTO named VALUES (2, 1, 2, 1)", "once"),
        ("INSERT INTO named VALUES (2, 2, 10, 1)", "small"),
        ("INSERT INTO named VALUES (2, 2, 2, 7)", "Own"),
        ("INSERT INTO named VALUES (2, 2, 1, 1)", "named_c_d_key"),
    ]:
        found = fault(duck, sql)
        assert found.fields["n"] == name
        assert f'"{name}"' in found.message


def test_constraints_of_quoted_names(duck: DuckDBSession) -> None:
    duck.execute('CREATE TABLE "Owners" ("Id" int PRIMARY KEY, "nM" text, CONSTRAINT "UQ_nM" UNIQUE ("nM"))')
    duck.execute('CREATE TABLE pets ("ownerId" int)')
    duck.execute('ALTER TABLE pets ADD CONSTRAINT "FK_o" FOREIGN KEY ("ownerId") REFERENCES "Owners" ("Id")')
    found = rows(duck, "SELECT conname, conkey, confkey FROM pg_constraint WHERE contype IN ('u', 'f') ORDER BY 1")
    assert found == [("FK_o", [1], [1]), ("UQ_nM", [2], None)]


def test_comments_do_not_show_what_is_kept_behind_them(family: DuckDBSession) -> None:
    family.execute("COMMENT ON TABLE children IS 'the ''young'''")
    assert rows(family, "SELECT obj_description('children'::regclass, 'pg_class')") == [("the 'young'",)]
    family.execute("COMMENT ON TABLE children IS NULL")
    assert rows(family, "SELECT obj_description('children'::regclass, 'pg_class')") == [(None,)]
    assert list(constraints(family, "children")) == ["children_pkey", "kin"]


@pytest.mark.parametrize(
    ("sql", "message", "detail"),
    [
        ("INSERT INTO children VALUES (11, 3)",
         'insert or update on table "children" violates foreign key constraint "kin"',
         'Key (parent)=(3) is not present in table "parents".'),
        ("UPDATE children SET parent = 4",
         'insert or update on table "children" violates foreign key constraint "kin"',
         'Key (parent)=(4) is not present in table "parents".'),
        ("DELETE FROM parents WHERE id = 1",
         'update or delete on table "parents" violates foreign key constraint "kin" on table "children"',
         'Key (id)=(1) is still referenced from table "children".'),
        ("UPDATE parents SET id = 5 WHERE id = 1",
         'update or delete on table "parents" violates foreign key constraint "kin" on table "children"',
         'Key (id)=(1) is still referenced from table "children".'),
    ],
)  # fmt: skip
def test_a_violated_foreign_key(family: DuckDBSession, sql: str, message: str, detail: str) -> None:
    found = fault(family, sql)
    assert (found.sqlstate, found.message, found.detail) == ("23503", message, detail)
    assert rows(family, "SELECT id, parent FROM children") == [(10, 1)]
    assert rows(family, "SELECT count(*) FROM parents") == [(2,)]


def test_children_and_parents_are_deleted_in_one_transaction(family: DuckDBSession) -> None:
    family.execute("BEGIN")
    family.execute("DELETE FROM children")
    family.execute("DELETE FROM parents WHERE id = 1")
    family.execute("COMMIT")
    assert rows(family, "SELECT id FROM parents") == [(2,)]
    family.execute("INSERT INTO children VALUES (11, NULL)")


def test_a_deferred_key_is_checked_when_the_transaction_ends(duck: DuckDBSession) -> None:
    duck.execute("CREATE TABLE p (id int PRIMARY KEY)")
    duck.execute(f"CREATE TABLE c (p int CONSTRAINT later REFERENCES p {DEFERRED})")
    duck.execute("BEGIN")
    duck.execute("INSERT INTO c VALUES (1)")
    duck.execute("INSERT INTO p VALUES (1)")
    duck.execute("COMMIT")
    duck.execute("BEGIN")
    duck.execute("INSERT INTO c VALUES (2)")
    assert refuse(duck, "COMMIT")[0] == "23503"
    assert duck.transaction_status() == "I"
    assert rows(duck, "SELECT p FROM c") == [(1,)]
    duck.execute("BEGIN")
    duck.execute("INSERT INTO c VALUES (2)")
    assert refuse(duck, "SET CONSTRAINTS later IMMEDIATE")[0] == "23503"
    duck.execute("ROLLBACK")
    assert refuse(duck, "INSERT INTO c VALUES (2)")[0] == "23503"


def test_actions_of_foreign_keys(duck: DuckDBSession) -> None:
    duck.execute("CREATE TABLE a (id int PRIMARY KEY)")
    duck.execute("CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE)")
    duck.execute("CREATE TABLE c (id int, b int REFERENCES b ON DELETE SET NULL)")
    duck.execute("INSERT INTO a VALUES (1), (2)")
    duck.execute("INSERT INTO b VALUES (10, 1), (20, 2)")
    duck.execute("INSERT INTO c VALUES (100, 10), (200, 20)")
    assert duck.execute("DELETE FROM a WHERE id = 1").tag == "DELETE 1"
    assert rows(duck, "SELECT id, a FROM b") == [(20, 2)]
    assert rows(duck, "SELECT id, b FROM c ORDER BY id") == [(100, None), (200, 20)]
    assert refuse(duck, "UPDATE a SET id = 3 WHERE id = 2")[0] == "0A000"


def test_transactions_that_would_leave_an_orphan_do_not_both_commit(instance: duckdb.DuckDBPyConnection) -> None:
    upstream = DuckDBUpstream(instance)
    one, other = (upstream.open_session(user="u", database="d", application_name="a") for _ in range(2))
    one.execute("CREATE TABLE p (id int PRIMARY KEY)")
    one.execute("CREATE TABLE c (p int REFERENCES p)")
    one.execute("INSERT INTO p VALUES (1), (2)")
    for session in (one, other):
        session.execute("BEGIN")
    one.execute("DELETE FROM p WHERE id = 1")
    other.execute("INSERT INTO c VALUES (1)")
    one.execute("COMMIT")
    assert refuse(other, "COMMIT")[0] == "40001"
    assert rows(other, "SELECT * FROM c") == []
    other.execute("INSERT INTO c VALUES (2)")
    one.close()
    other.close()


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("ALTER TABLE children ADD CONSTRAINT c CHECK (parent > 1)",
         ("23514", 'check constraint "c" of relation "children" is violated by some row')),
        ("ALTER TABLE children ADD CONSTRAINT c FOREIGN KEY (id) REFERENCES parents (id)",
         ("23503", 'insert or update on table "children" violates foreign key constraint "c"')),
        ("ALTER TABLE children ADD FOREIGN KEY (id) REFERENCES nowhere", ("42P01", 'relation "nowhere" does not exist')),
        ("ALTER TABLE parents ADD FOREIGN KEY (id) REFERENCES children (parent)",
         ("42830", 'there is no unique constraint matching given keys for referenced table "children"')),
        ("ALTER TABLE children ADD CONSTRAINT kin CHECK (id > 0)",
         ("42710", 'constraint "kin" for relation "children" already exists')),
        ("ALTER TABLE children DROP CONSTRAINT other",
         ("42704", 'constraint "other" of relation "children" does not exist')),
        ("ALTER TABLE parents DROP CONSTRAINT parents_pkey",
         ("2BP01", "cannot drop constraint parents_pkey on table parents because other objects depend on it")),
        ("ALTER TABLE parents DROP COLUMN id",
         ("2BP01", "cannot drop column id of table parents because other objects depend on it")),
        ("ALTER TABLE children ADD COLUMN n int NOT NULL",
         ("23502", 'column "n" of relation "children" contains null values')),
        ("ALTER TABLE children ADD CONSTRAINT c FOREIGN KEY (id) REFERENCES parents (id) NOT VALID",
         ("0A000", "NOT VALID is not supported on DuckDB where rows violate the constraint")),
        ("ALTER TABLE parents ADD PRIMARY KEY (code)",
         ("42P16", 'multiple primary keys for table "parents" are not allowed')),
        ("DROP TABLE parents", ("2BP01", "cannot drop table parents because other objects depend on it")),
        ("DROP INDEX parents_code_key",
         ("2BP01", "cannot drop index parents_code_key because constraint parents_code_key on table parents requires it")),
        ("TRUNCATE parents", ("0A000", "cannot truncate a table referenced in a foreign key constraint")),
    ],
)  # fmt: skip
def test_what_is_refused(family: DuckDBSession, sql: str, fault: tuple[str, str]) -> None:
    assert refuse(family, sql) == fault
    assert list(constraints(family, "children")) == ["children_pkey", "kin"]


def test_unique_keys_are_looked_at_before_they_are_added(family: DuckDBSession) -> None:
    family.execute("INSERT INTO children VALUES (11, 1)")
    found = fault(family, "ALTER TABLE children ADD CONSTRAINT one UNIQUE (parent)")
    assert (found.sqlstate, found.message) == ("23505", 'could not create unique index "one"')
    assert found.detail == "Key (parent)=(1) is duplicated."


def test_a_rebuilt_table_is_what_it_was(family: DuckDBSession) -> None:
    family.execute("ALTER TABLE children ADD COLUMN name varchar(5) NOT NULL DEFAULT 'x'")
    family.execute("ALTER TABLE children ADD COLUMN twice int GENERATED ALWAYS AS (id * 2) STORED")
    family.execute("CREATE INDEX by_name ON children (lower(name), parent)")
    family.execute("COMMENT ON COLUMN children.name IS 'its name'")
    family.execute("COMMENT ON TABLE children IS 'them'")
    described = (
        "SELECT 'children'::regclass::oid::bigint, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated,"
        " col_description(attrelid, attnum), pg_get_expr(adbin, adrelid), obj_description(attrelid, 'pg_class')"
        " FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " WHERE attrelid = 'children'::regclass AND attnum > 0 ORDER BY attnum"
    )
    indexed = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'children' ORDER BY 1"
    before = rows(family, described), rows(family, indexed)
    family.execute("ALTER TABLE children ADD CONSTRAINT positive CHECK (id > 0)")
    assert constraints(family, "children")["positive"] == "CHECK ((id > 0))"
    assert (rows(family, described), rows(family, indexed)) == before
    family.execute("ALTER TABLE children RENAME CONSTRAINT positive TO above_zero")
    family.execute("ALTER TABLE children DROP CONSTRAINT above_zero")
    assert (rows(family, described), rows(family, indexed)) == before
    assert list(constraints(family, "children")) == ["children_pkey", "kin"]
    family.execute("INSERT INTO children (parent) VALUES (2)")
    assert rows(family, "SELECT id, parent, name, twice FROM children ORDER BY id") == [
        (1, 2, "x", 2),
        (10, 1, "x", 20),
    ]
    assert refuse(family, "INSERT INTO children (name) VALUES ('too long')")[0] == "22001"


def test_foreign_keys_follow_what_is_renamed(family: DuckDBSession) -> None:
    family.execute("CREATE SCHEMA s")
    for sql in (
        "ALTER TABLE parents RENAME TO elders",
        "ALTER TABLE elders RENAME COLUMN id TO number",
        "ALTER TABLE children RENAME parent TO elder",
        "ALTER TABLE children RENAME TO young",
        "ALTER TABLE elders SET SCHEMA s",
        "ALTER TABLE young RENAME CONSTRAINT kin TO related",
    ):
        family.execute(sql)
    assert constraints(family, "young")["related"] == "FOREIGN KEY (elder) REFERENCES s.elders(number)"
    assert refuse(family, "DELETE FROM s.elders WHERE number = 1")[0] == "23503"
    family.execute("DROP TABLE s.elders CASCADE")
    assert list(constraints(family, "young")) == ["children_pkey"]
    family.execute("INSERT INTO young VALUES (12, 99)")


def test_columns_of_every_kind_are_added(family: DuckDBSession) -> None:
    family.execute("INSERT INTO children VALUES (11, 2)")
    family.execute(
        "ALTER TABLE children ADD COLUMN n bigserial, ADD m int GENERATED BY DEFAULT AS IDENTITY (START WITH 5),"
        " ADD COLUMN u text UNIQUE, ADD c int DEFAULT 1 CONSTRAINT c1 CHECK (c > 0),"
        " ADD COLUMN p int CONSTRAINT p1 REFERENCES parents (id) " + DEFERRED
    )
    assert rows(family, "SELECT id, n, m, u, c, p FROM children ORDER BY id") == [
        (10, 1, 5, None, 1, None),
        (11, 2, 6, None, 1, None),
    ]
    assert constraints(family, "children") == {
        "c1": "CHECK ((c > 0))",
        "children_pkey": "PRIMARY KEY (id)",
        "children_u_key": "UNIQUE (u)",
        "kin": "FOREIGN KEY (parent) REFERENCES parents(id)",
        "p1": f"FOREIGN KEY (p) REFERENCES parents(id) {DEFERRED}",
    }
    family.execute(
        "ALTER TABLE children DROP COLUMN c, DROP u, DROP COLUMN p CASCADE, DROP COLUMN IF EXISTS nothing"
    )
    assert list(constraints(family, "children")) == ["children_pkey", "kin"]


def test_a_key_changes_its_type(family: DuckDBSession) -> None:
    family.execute("ALTER TABLE parents ALTER COLUMN id TYPE bigint USING id::bigint + 0")
    assert rows(
        family, "SELECT data_type FROM information_schema.columns WHERE table_name = 'parents' ORDER BY 1"
    ) == [
        ("bigint",),
        ("character varying",),
    ]
    assert refuse(family, "INSERT INTO children VALUES (12, 3)")[0] == "23503"


def test_indexes_are_renamed(family: DuckDBSession) -> None:
    family.execute("CREATE INDEX one ON children (parent)")
    assert family.execute("ALTER INDEX one RENAME TO two").tag == "ALTER INDEX"
    assert rows(family, "SELECT indexname FROM pg_indexes WHERE tablename = 'children' ORDER BY 1") == [
        ("children_pkey",),
        ("two",),
    ]
    assert refuse(family, "ALTER INDEX one RENAME TO three")[0] == "42P01"


def test_a_constraint_that_is_not_there_is_skipped(family: DuckDBSession) -> None:
    told: list[Notice] = []
    family.on_notice = told.append
    family.execute("ALTER TABLE children DROP CONSTRAINT IF EXISTS nothing")
    assert [notice.message for notice in told] == [
        'constraint "nothing" of relation "children" does not exist, skipping'
    ]


def test_tables_that_refer_to_one_another_are_emptied_together(family: DuckDBSession) -> None:
    family.execute("TRUNCATE parents, children")
    assert rows(family, "SELECT count(*) FROM parents") == [(0,)]
    family.execute("INSERT INTO parents VALUES (1, 'a')")
    family.execute("INSERT INTO children VALUES (1, 1)")
    family.execute("TRUNCATE parents CASCADE")
    assert rows(family, "SELECT count(*) FROM children") == [(0,)]


def test_an_alteration_belongs_to_its_transaction(family: DuckDBSession) -> None:
    family.execute("BEGIN")
    family.execute("ALTER TABLE children ADD CONSTRAINT positive CHECK (id > 0)")
    family.execute("ALTER TABLE children DROP CONSTRAINT kin")
    family.execute("INSERT INTO children VALUES (12, 99)")
    family.execute("ROLLBACK")
    assert list(constraints(family, "children")) == ["children_pkey", "kin"]
    assert refuse(family, "INSERT INTO children VALUES (12, 99)")[0] == "23503"


def test_tables_are_altered_whose_rows_the_transaction_has_changed(family: DuckDBSession) -> None:
    family.execute("BEGIN")
    family.execute("ALTER TABLE parents ADD COLUMN name varchar(9)")
    family.execute("UPDATE parents SET name = 'n', code = upper(code)")
    family.execute("ALTER TABLE parents ALTER name SET NOT NULL")
    family.execute("UPDATE parents SET name = code")
    family.execute("CREATE UNIQUE INDEX by_name ON parents (name)")
    family.execute("UPDATE parents SET name = lower(name)")
    family.execute("ALTER TABLE parents ADD CONSTRAINT both UNIQUE (name, code), DROP CONSTRAINT parents_code_key")
    family.execute("COMMIT")
    assert rows(family, "SELECT code, name FROM parents ORDER BY id") == [("A", "a"), ("B", "b")]
    assert refuse(family, "INSERT INTO parents VALUES (3, 'c', 'a')")[0] == "23505"


def test_tables_like_others(family: DuckDBSession) -> None:
    family.execute("ALTER TABLE children ADD n varchar(4) CONSTRAINT short CHECK (n <> ''), ADD u int UNIQUE")
    family.execute("ALTER TABLE children ADD m int GENERATED BY DEFAULT AS IDENTITY")
    family.execute("CREATE TABLE bare (LIKE children, more int)")
    family.execute("CREATE TABLE whole (LIKE children INCLUDING ALL EXCLUDING CONSTRAINTS)")
    columns = (
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity FROM pg_attribute"
        " WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"
    )
    expected = [
        ("id", "integer", True, ""),
        ("parent", "integer", False, ""),
        ("n", "character varying(4)", False, ""),
        ("u", "integer", False, ""),
    ]
    assert rows(family, columns.format("bare")) == [
        *expected,
        ("m", "integer", True, ""),
        ("more", "integer", False, ""),
    ]
    assert rows(family, columns.format("whole")) == [*expected, ("m", "integer", True, "d")]
    assert constraints(family, "bare") == {}
    assert constraints(family, "whole") == {"whole_pkey": "PRIMARY KEY (id)", "whole_u_key": "UNIQUE (u)"}


def test_a_table_goes_with_the_defaults_that_draw_from_its_sequence(family: DuckDBSession) -> None:
    family.execute("CREATE TABLE others (id int PRIMARY KEY DEFAULT nextval('children_id_seq'), n int)")
    family.execute("CREATE INDEX by_n ON others (n)")
    assert refuse(family, "DROP TABLE children")[0] == "2BP01"
    family.execute("DROP TABLE children CASCADE")
    assert refuse(family, "INSERT INTO others (n) VALUES (1)")[0] == "23502"
    assert rows(family, "SELECT count(*) FROM pg_class WHERE relkind = 'S'") == [(0,)]


@pytest.mark.parametrize(
    ("statements", "name", "detail"),
    [
        (["INSERT INTO k (name) VALUES ('a')"], "k_name_key", "Key (name)=(a) already exists."),
        (["INSERT INTO k (name) VALUES ('x'), ('x')"], "k_name_key", "Key (name)=(x) already exists."),
        (["INSERT INTO k (\"Q q\") VALUES ('q')"], "k_Q q_key", "Key (Q q)=(q) already exists."),
        (
            ["BEGIN", "INSERT INTO k (id, name) VALUES (7, 'b')", "INSERT INTO k (id) VALUES (7)"],
            "k_pkey",
            "Key (id)=(7) already exists.",
        ),
    ],
)
def test_a_violated_key_is_named(duck: DuckDBSession, statements: list[str], name: str, detail: str) -> None:
    duck.execute('CREATE TABLE k (id serial PRIMARY KEY, name text UNIQUE, "Q q" text UNIQUE)')
    duck.execute("INSERT INTO k (name, \"Q q\") VALUES ('a', 'q')")
    with pytest.raises(RvbbitError) as caught:
        for sql in statements:
            duck.execute(sql)
    assert caught.value.message == f'duplicate key value violates unique constraint "{name}"'
    assert (caught.value.detail, caught.value.fields["n"]) == (detail, name)
