"""What the catalogs tell of this process: sessions, users, parameters; and that they stay fresh and the same."""

from __future__ import annotations

from catalog_places import Place


def test_every_session_is_listed(ours: Place) -> None:
    with ours.connect(application_name="one") as one, ours.connect(application_name="two") as two:
        two.execute("SELECT 'latest'")
        found = one.execute(
            "SELECT application_name, usename, client_addr::text, state, query FROM pg_stat_activity"
            " WHERE pid IN (%s, %s) ORDER BY 1",
            [one.info.backend_pid, two.info.backend_pid],
        ).fetchall()
        rows = [row[:4] for row in found]
        assert rows == [("one", "postgres", "127.0.0.1", "active"), ("two", "postgres", "127.0.0.1", "idle")]
        assert found[1][4] == "SELECT 'latest'"
    assert not ours.rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'two'")


def test_addresses_go_out_in_binary(ours: Place) -> None:
    with ours.connect() as connection:
        query = "SELECT client_addr FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        assert str(connection.execute(query, binary=True).fetchone()) == "(IPv4Address('127.0.0.1'),)"


def test_parameters_are_the_sessions_own(ours: Place) -> None:
    with ours.connect() as connection:
        connection.execute("SET statement_timeout = '5s'; SET rvbbit.batch_size = 7")
        listed = "SELECT name, setting FROM pg_settings WHERE name IN ('statement_timeout', 'rvbbit.batch_size') ORDER BY 1"
        assert connection.execute(listed).fetchall() == [("rvbbit.batch_size", "7"), ("statement_timeout", "5000")]


def test_roles_have_the_same_oid_for_everybody(ours: Place) -> None:
    with ours.connect(user="ann") as ann, ours.connect(user="bob") as bob:
        query = "SELECT rolname, oid FROM pg_roles WHERE rolname IN ('ann', 'bob', 'postgres') ORDER BY 1"
        seen = ann.execute(query).fetchall()
        assert seen == bob.execute(query).fetchall() and [name for name, _ in seen] == ["ann", "bob", "postgres"]


def test_the_catalogs_are_there_after_discarding_everything(ours: Place) -> None:
    with ours.connect() as connection:
        count = "SELECT count(*) FROM pg_class WHERE relname = 'customers'"
        assert connection.execute(count).fetchone() == (1,)
        connection.execute("DISCARD ALL")
        assert connection.execute(count).fetchone() == (1,)
