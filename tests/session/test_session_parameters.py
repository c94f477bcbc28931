"""SET and SHOW in a session: told to the client, to DuckDB, undone by ROLLBACK."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dialogue import Dialogue

from rvbbit_proxy.errors import InvalidValue, UnknownSetting
from rvbbit_proxy.wire.frontend import Query

NOON = "SELECT TIMESTAMPTZ '2026-01-01 12:00:00+00'"


def test_a_changed_time_zone_is_told_and_used(talk: Dialogue) -> None:
    assert talk.say(Query("SET TIME ZONE 'Asia/Tokyo'")) == ["C SET", "S TimeZone=Asia/Tokyo", "Z I"]
    assert talk.say(Query(NOON))[1] == "D 2026-01-01 21:00:00+09"
    assert talk.say(Query("SELECT extract(hour FROM TIMESTAMPTZ '2026-01-01 12:00:00+00')::int"))[1] == "D 21"
    assert talk.say(Query("RESET TimeZone"))[1] == "S TimeZone=UTC"


def test_rollback_undoes_set_everywhere(talk: Dialogue) -> None:
    talk.say(Query("BEGIN; SET TimeZone = 'Asia/Tokyo'"))
    assert talk.say(Query("ROLLBACK")) == ["C ROLLBACK", "S TimeZone=UTC", "Z I"]
    assert talk.say(Query("SELECT extract(hour FROM TIMESTAMPTZ '2026-01-01 12:00:00+00')::int"))[1] == "D 12"


def test_an_error_undoes_set_of_the_implicit_transaction(talk: Dialogue) -> None:
    talk.say(Query("SET application_name = 'x'; SELECT nope"))
    assert talk.say(Query("SHOW application_name"))[1] == "D "


def test_set_local_outside_a_transaction_warns(talk: Dialogue) -> None:
    assert talk.say(Query("SET LOCAL application_name = 'x'")) == [
        "N WARNING 25P01 SET LOCAL can only be used in transaction blocks",
        "C SET",
        "Z I",
    ]


def test_startup_parameters_and_options(open_dialogue: Callable[..., Dialogue]) -> None:
    talk = open_dialogue(application_name="psql", options="-c rvbbit.caller_id=boot -c statement_timeout=4321")
    assert talk.say(Query("SHOW rvbbit.caller_id"))[1] == "D boot"
    assert talk.say(Query("SHOW statement_timeout"))[1] == "D 4321ms"
    talk.say(Query("SET statement_timeout = 0; DISCARD ALL"))
    talk.say(Query("SET rvbbit.caller_id = 'x'"))
    assert talk.say(Query("DISCARD ALL"))[-2] == "C DISCARD ALL"
    assert talk.say(Query("SHOW rvbbit.caller_id"))[1] == "D boot"


@pytest.mark.parametrize(
    ("startup", "error"), [({"options": "-c nonesuch=1"}, UnknownSetting), ({"datestyle": "x"}, InvalidValue)]
)
def test_bad_startup_parameters_end_the_connection(
    open_dialogue: Callable[..., Dialogue], startup: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        open_dialogue(**startup)


def test_show_all_and_set_config(talk: Dialogue) -> None:
    assert "D rvbbit.on_error,fail,A failed answer fails the query, or is NULL." in talk.say(Query("SHOW ALL"))
    assert talk.say(Query("SELECT set_config('a.b', 'c', false)"))[:2] == ["T set_config:25", "D c"]
    assert talk.say(Query("SELECT current_setting('a.b'), current_setting('no.such', true)"))[1] == "D c,~"
    assert talk.say(Query("SELECT current_setting('no.such')"))[0] == (
        'E 42704 unrecognized configuration parameter "no.such"'
    )


def test_duckdbs_own_settings_pass_through(talk: Dialogue) -> None:
    assert talk.say(Query("SET preserve_insertion_order = false"))[0] == "C SET"
    assert talk.say(Query("SHOW preserve_insertion_order"))[1] == "D false"
    assert talk.say(Query("SET nonesuch = 1"))[0] == 'E 42704 unrecognized configuration parameter "nonesuch"'


def test_search_path_reaches_duckdb(talk: Dialogue) -> None:
    talk.say(
        Query("CREATE SCHEMA a; CREATE TABLE a.t AS SELECT 'in a' AS x; CREATE TABLE t AS SELECT 'in main' AS x")
    )
    talk.say(Query("SET search_path TO a, public, nonesuch"))
    assert talk.say(Query("SELECT x FROM t"))[1] == "D in a"
    assert talk.say(Query("SHOW search_path"))[1] == "D a, public, nonesuch"
    talk.say(Query("SET search_path TO DEFAULT"))
    assert talk.say(Query("SELECT x FROM t"))[1] == "D in main"


def test_text_styles(talk: Dialogue) -> None:
    talk.say(Query("SET datestyle = 'SQL, DMY'; SET bytea_output = 'escape'"))
    assert talk.say(Query("SELECT DATE '2026-02-01', 'a'::bytea"))[1] == "D 01/02/2026,a"


def test_notices_below_client_min_messages_are_not_sent(talk: Dialogue) -> None:
    talk.say(Query("SET client_min_messages = 'error'"))
    assert talk.say(Query("COMMIT")) == ["C COMMIT", "Z I"]


def test_discard_temp_drops_temporary_tables(talk: Dialogue) -> None:
    talk.say(Query("CREATE TEMP TABLE x AS SELECT 1 AS a"))
    assert talk.say(Query("DISCARD TEMP"))[0] == "C DISCARD TEMP"
    assert talk.say(Query("SELECT * FROM x"))[0].startswith("E 42P01")
