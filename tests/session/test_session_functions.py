"""Functions of the session in SELECTs of many shapes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dialogue import Dialogue

from rvbbit_proxy.session.state import Services
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.wire.frontend import Query


def rows(talk: Dialogue, sql: str) -> list[str]:
    """Return rows and errors."""
    return [line for line in talk.say(Query(sql)) if line[0] in "DE"]


def test_locks_of_rows_are_taken_in_their_order(talk: Dialogue) -> None:
    assert rows(talk, "SELECT pg_try_advisory_lock(i), i FROM generate_series(1, 3) AS g(i) LIMIT 2") == [
        "D t,1",
        "D t,2",
    ]
    assert rows(talk, "SELECT count(*) FROM pg_locks") == ["D 2"]
    assert rows(talk, "SELECT g.*, pg_advisory_unlock(i) AS u, -i FROM generate_series(1, 3) AS g(i)") == [
        "D 1,t,-1", "D 2,t,-2", "D 3,f,-3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("SELECT pg_catalog.pg_try_advisory_lock(1)", "D t"),
        ("select PG_TRY_ADVISORY_LOCK ( 1 , 2 ) locked;", "D t"),
        ("SELECT NOT pg_try_advisory_lock(1)", "D f"),
        ("SELECT pg_try_advisory_lock(1)::int + 1 AS n, 'pg_advisory_lock(1)' AS s", "D 2,pg_advisory_lock(1)"),
        ("SELECT pg_try_advisory_lock(('x' || 'y' = 'xy')::int), CAST(pg_advisory_unlock(1) AS text)", "D t,true"),
        ("SELECT pg_try_advisory_lock((SELECT max(x) FROM (VALUES (1), (2)) v(x))) AS a WHERE 1 = 1", "D t"),
        ("SELECT pg_advisory_lock(1) IS DISTINCT FROM NULL", "D t"),
        ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = -1", None),
        ("SELECT pg_try_advisory_lock(1.4)", "D t"),
    ],
)
def test_shapes(talk: Dialogue, sql: str, row: str | None) -> None:
    assert rows(talk, sql) == ([] if row is None else [row])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 WHERE pg_try_advisory_lock(1)",
        "SELECT count(pg_try_advisory_lock(i)) FROM generate_series(1, 3) AS g(i)",
        "SELECT false AND pg_try_advisory_lock(1)",
        "SELECT CASE WHEN false THEN pg_try_advisory_lock(1) END",
        "SELECT DISTINCT pg_try_advisory_lock(1)",
        "SELECT pg_try_advisory_lock(1) UNION SELECT true",
        "WITH l AS (SELECT pg_try_advisory_lock(1)) SELECT * FROM l",
        "SELECT pg_try_advisory_lock(pg_try_advisory_lock(1)::int)",
        "INSERT INTO t SELECT pg_try_advisory_lock(1)",
    ],
)
def test_what_cannot_be_answered_is_refused_and_takes_nothing(talk: Dialogue, sql: str) -> None:
    talk.say(Query("CREATE TABLE t (a bool)"))
    (told,) = rows(talk, sql)
    assert told.startswith("E 0A000") and told.endswith(
        (f"@{sql.index('pg_try') + 1}", f"@{sql.rindex('pg_try') + 1}")
    )
    assert rows(talk, "SELECT count(*) FROM pg_locks") == ["D 0"]


def test_a_name_is_no_call(talk: Dialogue) -> None:
    assert rows(talk, "SELECT pg_notify FROM (VALUES (1)) AS v(pg_notify)") == ["D 1"]
    assert rows(talk, "SELECT 'pg_advisory_lock(1)' AS a -- pg_advisory_lock(1)") == ["D pg_advisory_lock(1)"]


def test_all_but_oneself_are_terminated(open_dialogue: Callable[..., Dialogue]) -> None:
    ended: list[int] = []
    services = Services(RunOptions())
    talks = [open_dialogue(services, process_id=number) for number in (11, 12, 13)]
    for number, talk in zip((11, 12, 13), talks, strict=True):
        talk.session.terminate = lambda number=number: ended.append(number)
    sql = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() ORDER BY pid"
    assert rows(talks[1], sql) == ["D 11,t", "D 13,t"]
    assert ended == [11, 13]
    sql = "SELECT pg_cancel_backend(pid) AS x FROM pg_stat_activity WHERE application_name = 'nobody'"
    assert rows(talks[1], sql) == []


def test_a_failed_statement_keeps_no_lock_of_its_transaction(talk: Dialogue) -> None:
    assert rows(talk, "SELECT pg_advisory_xact_lock(1 / i) FROM (VALUES (1), (0)) AS v(i)")[-1].startswith(
        "E 22012"
    )
    assert rows(talk, "SELECT count(*) FROM pg_locks") == ["D 0"]
