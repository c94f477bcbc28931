"""Views over operators keep their meaning: asked anew by whoever reads them, for that reader's caller."""

from __future__ import annotations

import psycopg
import pytest
from scripted_model import ScriptedModel

from tests.e2e.conftest import Running


@pytest.fixture
def with_view(upstream: Running) -> Running:
    with upstream.connect() as connection:
        connection.execute("DROP VIEW IF EXISTS seen")
        created = connection.execute(
            "CREATE VIEW seen AS SELECT id, state, title MEANS 'visual' AS visual FROM sightings WHERE id < 4"
        )
        assert created.statusmessage == "CREATE VIEW"
    return upstream


def test_reading_a_view_asks_for_the_reader(with_view: Running, model: ScriptedModel) -> None:
    assert model.requests == 0
    with with_view.connect() as connection:
        connection.execute("SET rvbbit.caller_id = 'reader'")
        rows = connection.execute('SELECT id, visual FROM "seen" AS s WHERE visual ORDER BY id').fetchall()
        assert rows == [(0, True), (2, True)]
        callers = connection.execute("SELECT DISTINCT caller_id FROM rvbbit.llm_interactions").fetchall()
        assert callers == [("reader",)]
        joined = connection.execute("SELECT count(*) FROM seen a JOIN seen b USING (id) WHERE a.visual = b.visual")
        assert joined.fetchone() == (4,)


def test_views_over_views_and_their_end(with_view: Running) -> None:
    with with_view.connect() as connection:
        connection.execute("CREATE OR REPLACE VIEW seen_ids (number) AS SELECT id FROM seen WHERE visual")
        assert connection.execute("SELECT number FROM seen_ids ORDER BY 1").fetchall() == [(0,), (2,)]
        prepared = "SELECT count(*) FROM seen_ids WHERE number > %s"
        assert connection.execute(prepared, (0,), prepare=True).fetchone() == (1,)
        connection.execute("DROP VIEW seen_ids")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM seen_ids")


def test_a_view_is_the_transaction_s(with_view: Running) -> None:
    with psycopg.connect(with_view.dsn()) as connection:
        connection.execute("CREATE VIEW short_lived AS SELECT CONDENSE(title) AS c FROM sightings WHERE id = 0")
        assert connection.execute("SELECT c FROM short_lived").fetchall() == [("short: visual contact 0",)]
        connection.rollback()
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT c FROM short_lived")


def test_catalogs_know_the_view(with_view: Running) -> None:
    with with_view.connect() as connection:
        columns = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'seen'"
            " ORDER BY ordinal_position"
        ).fetchall()
        assert columns == [("id", "integer"), ("state", "text"), ("visual", "boolean")]


def test_nobody_waits_for_a_lock_on_what_a_view_reads(with_view: Running) -> None:
    with (
        psycopg.connect(with_view.dsn()) as changing,
        with_view.connect(options="-c statement_timeout=5s") as other,
    ):
        changing.execute("TRUNCATE sightings")
        changing.execute("CREATE TABLE unrelated (id integer)")
        assert other.execute("SELECT 1").fetchone() == (1,)
        changing.rollback()


def test_upstreams_own_spelling_in_a_view(upstream: Running) -> None:
    with upstream.connect() as connection:
        connection.execute("DROP VIEW IF EXISTS halves")
        connection.execute(
            "CREATE VIEW halves AS SELECT id / 2 AS half, title MEANS 'it''s \\ visual' AS v, title ~ '^v' AS m "
            "FROM sightings WHERE id < 4"
        )
        assert connection.execute("SELECT half, count(*) FROM halves GROUP BY half ORDER BY 1").fetchall() == [
            (0, 2),
            (1, 2),
        ]
        direct = "SELECT DISTINCT title MEANS 'it''s \\ visual' FROM sightings WHERE id < 4 ORDER BY 1"
        assert connection.execute("SELECT DISTINCT v FROM halves ORDER BY 1").fetchall() == (
            connection.execute(direct).fetchall()
        )
        connection.execute("DROP VIEW halves")


def test_a_reader_asks_no_more_of_a_view_than_it_reads(with_view: Running, model: ScriptedModel) -> None:
    with with_view.connect() as connection:
        connection.execute("DROP VIEW IF EXISTS told")
        connection.execute("CREATE VIEW told AS SELECT *, CONDENSE(observed) AS short FROM sightings")
        assert connection.execute("SELECT count(short) FROM told WHERE id IN (1, 2)").fetchone() == (2,)
        assert "report 1\n" in "".join(model.prompts) + "\n"
        assert "report 3" not in "".join(model.prompts)
        model.reset()
        assert connection.execute("SELECT id FROM told WHERE state = 'WA' ORDER BY id LIMIT 1").fetchall() == [
            (0,)
        ]
        assert model.requests == 0
        connection.execute("DROP VIEW told")


def test_a_readers_ctes_hide_no_tables_of_a_view(with_view: Running) -> None:
    with with_view.connect() as connection:
        sql = "WITH sightings AS (SELECT 7 AS id) SELECT s.id, v.id FROM sightings s, seen v WHERE v.visual ORDER BY 2"
        assert connection.execute(sql).fetchall() == [(7, 0), (7, 2)]
        assert connection.execute(sql.replace("ORDER", "AND v.id > %s ORDER"), (0,)).fetchall() == [(7, 2)]
