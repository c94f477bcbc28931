"""Statement comments name their caller."""

from __future__ import annotations

import pytest

from rvbbit_proxy.sql.comments import NO_TAGS, take_comment_tags

TRACE = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01"
DBT = '/* {"app": "dbt", "dbt_version": "1.9.0", "target_name": "dev", "node_id": "model.shop.orders"} */'


@pytest.mark.parametrize(
    "sql",
    [
        "/*caller_id='nightly'*/ SELECT 1",
        "SELECT 1 /*caller_id='nightly'*/",
        "SELECT 1 /* caller_id = 'nightly' */ ;",
    ],
)
def test_a_comment_at_either_end_names_the_caller(sql: str) -> None:
    found = take_comment_tags(sql)
    assert (found.sql, found.tags.caller_id) == ("SELECT 1", "nightly")
    assert sql[found.offset :].startswith("SELECT 1")


def test_values_are_url_decoded() -> None:
    found = take_comment_tags(f"SELECT 1 /*caller_id='a%2Fb%20c',route='%2Fpolls',traceparent='{TRACE}'*/")
    assert (found.tags.caller_id, found.tags.traceparent) == ("a/b c", TRACE)
    assert dict(found.tags.tags) == {"route": "/polls"}


def test_dbt_says_which_model_runs() -> None:
    found = take_comment_tags(f"{DBT}\n\ncreate table x as select 1")
    assert found.sql == "create table x as select 1"
    assert found.tags.caller_id is None
    assert found.tags.tags["node_id"] == "model.shop.orders"


def test_both_kinds_together() -> None:
    found = take_comment_tags(f"{DBT} SELECT 1 /*caller_id='me'*/")
    assert (found.sql, found.tags.caller_id, found.tags.tags["app"]) == ("SELECT 1", "me", "dbt")


def test_the_end_wins() -> None:
    assert take_comment_tags("/*caller_id='a'*/ SELECT 1 /*caller_id='b'*/").tags.caller_id == "b"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 /* a plain comment */",
        "SELECT /*caller_id='x'*/ 1",
        "SELECT '/*caller_id=''x''*/'",
        'SELECT 1 /* {"app": "other"} */',
        "SELECT 1 /* {broken */",
        "/*+ HashJoin(a b) */ SELECT 1",
        "SELECT 1",
    ],
)
def test_other_comments_stay(sql: str) -> None:
    found = take_comment_tags(sql)
    assert (found.sql, found.tags, found.offset) == (sql, NO_TAGS, 0)
