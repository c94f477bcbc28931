"""Joins by an operator, and what shares a prompt: how often the model is asked, and that every row is right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from scripted_model import Rule, ScriptedModel

from tests.e2e.conftest import EMBEDDINGS, MODEL, PRICES, Running

ROWS = """
CREATE TABLE goods (id int, body text);
INSERT INTO goods SELECT i, 'w' || i % 60 || '. of lot ' || i FROM generate_series(0, 119) AS r(i);
INSERT INTO goods VALUES (120, NULL), (121, 'w5. of lot 5');
CREATE TABLE kinds (id int, name text);
INSERT INTO kinds SELECT i, 'w' || i || '.' FROM generate_series(0, 79) AS r(i);
INSERT INTO kinds VALUES (80, NULL)
"""
PAIRS = sorted([*((i, i % 60) for i in range(120)), (121, 5)])


@pytest.fixture(params=["duckdb", "postgres"])
def shop(request: pytest.FixtureRequest, serve: Callable[..., Running], model: ScriptedModel) -> Running:
    """A server on either upstream with 122 goods and 81 kinds; 60 kinds have two goods, one of them three rows."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    server = serve(model=MODEL, embed_model=EMBEDDINGS, prices=PRICES, meta=0, upstream=url)
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS goods")
        connection.execute("DROP TABLE IF EXISTS kinds")
        for statement in ROWS.split(";"):
            connection.execute(statement)
    return server


def explained(connection: psycopg.Connection[Any], sql: str) -> dict[str, Any]:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchone()
    assert row is not None
    found: dict[str, Any] = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]
    return found


def sent_tokens(model: ScriptedModel) -> float:
    return sum(len(prompt) for prompt in model.prompts) / 4


JOIN = "SELECT g.id, k.id FROM goods g SEMANTIC JOIN kinds k ON g.body MEANS k.name"


def test_a_join_is_asked_in_blocks_as_explained(shop: Running, model: ScriptedModel) -> None:
    with shop.connect() as connection:
        plan = explained(connection, JOIN)
        assert plan["Stages"][0]["inputs"] == 120 * 80 and plan["Stages"][0]["method"] == "all pairs of 120 x 80"
        assert sorted(connection.execute(JOIN).fetchall()) == PAIRS
        assert model.requests == plan["Total Calls"] == 4
        assert 0.8 < plan["Stages"][0]["tokens_in"] / sent_tokens(model) < 1.7
        assert sorted(connection.execute(JOIN).fetchall()) == PAIRS
        assert model.requests == 4


def test_every_column_of_a_join(shop: Running) -> None:
    with shop.connect() as connection:
        result = connection.execute("SELECT * FROM goods g JOIN kinds k ON g.body MEANS k.name WHERE k.id = 7")
        assert [column.name for column in result.description or ()] == ["id", "body", "id", "name"]
        assert sorted(result.fetchall()) == [(7, "w7. of lot 7", 7, "w7."), (67, "w7. of lot 67", 7, "w7.")]


def test_outer_joins_keep_the_rows_without_a_match(shop: Running) -> None:
    lonely_goods, lonely_kinds = [(120, None)], [(None, i) for i in range(60, 81)]
    with shop.connect() as connection:
        for side, more in (
            ("LEFT", lonely_goods),
            ("RIGHT", lonely_kinds),
            ("FULL", [*lonely_goods, *lonely_kinds]),
        ):
            if side == "FULL" and shop.app.settings.upstream:
                continue  # PostgreSQL takes only conditions that it can merge or hash
            rows = connection.execute(JOIN.replace("SEMANTIC", f"{side} SEMANTIC")).fetchall()
            assert sorted(rows, key=str) == sorted([*PAIRS, *more], key=str)
        left = JOIN.replace("SEMANTIC", "LEFT SEMANTIC")
        assert connection.execute(f"{left} WHERE k.id IS NULL").fetchall() == lonely_goods


def test_an_equality_comes_first(shop: Running, model: ScriptedModel) -> None:
    with shop.connect() as connection:
        rows = connection.execute(f"{JOIN} AND g.id / 10 = k.id / 10 ORDER BY 1").fetchall()
        assert rows == [(i, i) for i in range(60)]
        assert sum("Texts:" in prompt for prompt in model.prompts) == model.requests == 2


@pytest.mark.parametrize("turned", [False, True])
def test_blocking_asks_about_near_pairs_only(shop: Running, model: ScriptedModel, turned: bool) -> None:
    notices: list[str] = []
    join = JOIN if not turned else "SELECT g.id, k.id FROM kinds k JOIN goods g ON g.body MEANS k.name"
    with shop.connect() as connection:
        connection.add_notice_handler(lambda notice: notices.append(f"{notice.message_primary}"))
        connection.execute("SET rvbbit.join = blocked")
        plan = explained(connection, join)
        assert plan["Stages"][0]["method"].startswith("the nearest of 80 by embeddings for each of 120: 8, more")
        found = set(connection.execute(join).fetchall())
    assert found <= set(PAIRS) and len(found) >= 0.97 * len(PAIRS)
    (told,) = notices
    judged = re.fullmatch(
        r"semantic_matches: 120 x 80 pairs, judged the (\d+) nearest of each by embeddings", told
    )
    assert judged is not None and int(judged[1]) < 80


@pytest.mark.parametrize("turned", [False, True])
def test_blocking_stays_within_what_is_equal(shop: Running, model: ScriptedModel, turned: bool) -> None:
    tied = "g.id % 2 = k.id % 2 AND g.body MEANS k.name"
    sources = "kinds k JOIN goods g" if turned else "goods g JOIN kinds k"
    join = f"SELECT g.id, k.id FROM {sources} ON {tied}"
    with shop.connect() as connection:
        assert sorted(connection.execute(join).fetchall()) == PAIRS
        connection.execute("SET rvbbit.cache = off")
        connection.execute("SET rvbbit.join = blocked")
        plan = explained(connection, join)
        (stage,) = plan["Stages"]
        assert stage["method"].startswith("of 4800 pairs, the nearest by embeddings for each of 120: 8, more")
        assert stage["calls_low"] <= stage["calls"] <= stage["calls_high"]
        found = set(connection.execute(join).fetchall())
    assert found <= set(PAIRS) and len(found) >= 0.97 * len(PAIRS)


def test_columns_of_one_row_are_no_pairs_to_choose_from(
    serve: Callable[..., Running], model: ScriptedModel
) -> None:
    server = serve(model=MODEL, embed_model=EMBEDDINGS, prices=PRICES, meta=0)
    with server.connect() as connection:
        connection.execute(
            "CREATE TABLE a AS SELECT 'w' || i AS x, 'w' || i % 9 AS y FROM generate_series(1, 600) AS r(i)"
        )
        connection.execute("SET rvbbit.join = blocked")
        assert connection.execute("SELECT count(*) FROM a WHERE x MEANS y AND x LIKE 'w%'").fetchone() is not None
    assert not any("embeddings" in request.path for request in model.seen)


def test_blocking_goes_on_while_there_are_matches_further_away(
    serve: Callable[..., Running], model: ScriptedModel
) -> None:
    """Every text matches every criterion by a syllable, of which embeddings of words know nothing."""
    server = serve(model=MODEL, embed_model=EMBEDDINGS, prices=PRICES, meta=0)
    with server.connect() as connection:
        connection.execute("CREATE TABLE a AS SELECT 'na' || i AS x FROM generate_series(1, 100) AS r(i)")
        connection.execute("CREATE TABLE b AS SELECT 'n' || i || ' na' AS y FROM generate_series(1, 40) AS r(i)")
        connection.execute("SET rvbbit.join = blocked")
        assert connection.execute("SELECT count(*) FROM a JOIN b ON a.x MEANS b.y").fetchone() == (4_000,)


def test_what_must_be_known_of_every_pair_is_not_blocked(shop: Running) -> None:
    with shop.connect() as connection:
        connection.execute("SET rvbbit.join = blocked")
        sql = "SELECT count(*) FROM goods g, kinds k WHERE NOT g.body MEANS k.name"
        assert explained(connection, sql)["Stages"][0]["method"] == "all pairs of 120 x 80"
        assert connection.execute(sql).fetchone() == (121 * 80 - len(PAIRS),)


def test_a_broken_block_is_split(serve: Callable[..., Running], model: ScriptedModel) -> None:
    """Blocks of more than six lines are answered with nonsense: the whole one, then its quarters."""
    model.rules.insert(0, Rule(r"which texts match which criteria.*\n7\. ", "I cannot."))
    server = serve(model=MODEL, prices=PRICES, meta=0)
    with server.connect() as connection:
        connection.execute("CREATE TABLE a AS SELECT 'w' || i || '.' AS x FROM generate_series(1, 9) AS r(i)")
        sql = "SELECT count(*) FROM a, a AS b WHERE a.x MEANS b.x"
        assert connection.execute(sql).fetchone() == (9,)
    blocks = [prompt for prompt in model.prompts if "Texts:" in prompt]
    assert sum("\n7. " in prompt and "I cannot" not in prompt for prompt in blocks) == 1 + 4
    assert sum("\n7. " not in prompt for prompt in blocks) == 16


def test_small_groups_share_a_prompt_as_explained(sightings: Running, model: ScriptedModel) -> None:
    sql = "SELECT state, SUMMARIZE(title), THEMES(observed, 2) FROM sightings GROUP BY state"
    with sightings.connect() as connection:
        connection.execute("SET rvbbit.batch_size = 100")
        plan = explained(connection, sql)
        rows = sorted(connection.execute(sql).fetchall())
        assert [row[0] for row in rows] == ["CA", "OR", "WA"]
        assert all(row[1].startswith("Summary of") and row[2] == ["first theme", "second theme"] for row in rows)
        assert model.requests == plan["Total Calls"] == 2
        estimated = sum(stage["tokens_in"] for stage in plan["Stages"])
        assert 0.8 < estimated / sent_tokens(model) < 1.5


def test_scores_are_asked_and_explained_together(sightings: Running, model: ScriptedModel) -> None:
    sql = "SELECT id, title ABOUT 'visual contact' FROM sightings"
    with sightings.connect() as connection:
        connection.execute("SET rvbbit.batch_size = 100")
        plan = explained(connection, sql)
        scores = {score for _, score in connection.execute(sql).fetchall()}
        assert scores == {1.0, 0.0, None}
        assert model.requests == plan["Total Calls"] == 1
