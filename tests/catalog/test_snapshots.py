"""What each session's catalogs tell while definitions change: its own at once, others' when they are committed."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
from catalog_places import Place

from rvbbit_proxy.engine.catalog.snapshots import SharedSnapshot

KIND = "SELECT relpersistence FROM pg_class WHERE relname = 'fresh'"


def test_uncommitted_definitions_are_the_sessions_own(ours: Place) -> None:
    with closing(psycopg.connect(ours.dsn)) as writer, ours.connect() as reader:
        assert writer.execute(KIND).fetchall() == []
        writer.execute("CREATE TABLE fresh (a int)")
        assert (writer.execute(KIND).fetchall(), reader.execute(KIND).fetchall()) == ([("p",)], [])
        writer.rollback()
        assert writer.execute(KIND).fetchall() == []
        writer.execute("CREATE TABLE fresh (a int)")
        writer.commit()
        assert (writer.execute(KIND).fetchall(), reader.execute(KIND).fetchall()) == ([("p",)], [("p",)])
        reader.execute("DROP TABLE fresh")
        writer.rollback()
        assert writer.execute(KIND).fetchall() == []


def test_temporary_relations_are_seen_by_their_session_alone(ours: Place) -> None:
    with ours.connect() as one, ours.connect() as other:
        one.execute("CREATE TEMP TABLE fresh (a varchar(3))")
        assert (one.execute(KIND).fetchall(), other.execute(KIND).fetchall()) == ([("t",)], [])
        one.execute("DROP TABLE fresh")
        assert one.execute(KIND).fetchall() == []


def test_functions_are_looked_for_after_what_may_define_one(ours: Place) -> None:
    found = "SELECT count(*) FROM pg_proc WHERE proname = 'twice'"
    with ours.connect() as one, ours.connect() as other:
        assert other.execute(found).fetchall() == [(0,)]
        one.execute("CREATE MACRO twice(x) AS x * 2")
        assert other.execute(found).fetchall() == [(1,)]
        one.execute("DROP MACRO twice")
        assert other.execute(found).fetchall() == [(0,)]


def test_sessions_share_what_one_has_taken(ours: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    take = SharedSnapshot._take
    monkeypatch.setattr(
        SharedSnapshot,
        "_take",
        lambda self, cursor, version, **more: (taken.append(version), take(self, cursor, version, **more)),
    )
    with ours.connect() as one, ours.connect() as other:
        one.execute("CREATE TABLE fresh (a int)")
        assert (one.execute(KIND).fetchall(), other.execute(KIND).fetchall()) == ([("p",)], [("p",)])
        one.execute("INSERT INTO fresh VALUES (1)")
        assert other.execute(KIND).fetchall() == [("p",)]
        one.execute("DROP TABLE fresh")
    assert len(taken) == 1
