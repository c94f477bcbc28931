"""Golden plans: one file per rule, statements in, stages and the plain statement out.

``pytest --update-golden`` writes what the planner does now; read the difference before committing it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from rvbbit_proxy.plan.plan import KEY, Change, OperatorStage, Plan, Sides, Spool, Stage, Waves

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))


def render(plan: Plan) -> str:
    lines = []
    for stage in plan.stages:
        if isinstance(stage, Spool):
            lines += [f"spool {stage.relation} ({stage.reason})", f"    {stage.sql}"]
        elif isinstance(stage, Change):
            lines += [f"change {stage.relation}", f"    {stage.sql}", f"  as {stage.shape_sql}"]
        elif isinstance(stage, Waves):
            what = "different rows" if stage.keyed else "rows"
            until = f"until {stage.needed} {what} pass" if stage.needed is not None else "to the end"
            until = f"until one of each {KEY} has passed" if stage.keyed and stage.needed is None else until
            given = f", those of {', '.join(stage.given)} counted" if stage.given else ""
            lines += [f"waves {stage.relation} over {stage.spool} {until}{given}"]
            if stage.product is not None:
                lines += [
                    f"  {stage.product.block} is some of {stage.product.first}",
                    f"    {stage.product.rows_sql}",
                ]
            for condition in stage.conditions:
                answer = "not the answer" if condition.negated else "the answer"
                what = f", {answer} of {condition.decided_by}" if condition.decided_by else ""
                lines += [f"  condition{what}", f"    {condition.sql}"]
                if condition.either is not None:
                    operands = " | ".join(operand.sql for operand in condition.either.operands)
                    lines += [f"  either, in any order, over {condition.either.relation}", f"    {operands}"]
                lines += ["    " + line for each in condition.stages for line in render_operator(each)]
        else:
            lines += render_operator(stage)
    return "\n".join([*lines, "final", f"    {plan.final_sql}"])


def render_operator(stage: OperatorStage) -> list[str]:
    fixed = "".join(f" {name}={value!r}" for name, value in stage.constants)
    bound = "  at most" if stage.bounded else ""
    top = f"  the top {stage.top}{' and ties' if stage.ties_count else ''}" if stage.top is not None else ""
    return [
        f"{stage.operator.name} {stage.relation} in {stage.position}{fixed}{bound}{top}",
        f"    {stage.input_sql}",
        *render_sides(stage.sides, stage.selective),
    ]


def render_sides(sides: Sides | None, selective: bool) -> list[str]:
    if sides is None:
        return []
    blocked = " or the like ones" if selective else ""
    return [f"  all pairs{blocked} of", f"    {sides.left_sql}", f"    {sides.right_sql}"]


def cases(text: str) -> list[str]:
    return [block.split("\n=>")[0].strip() for block in text.split("\n\n") if block.strip()]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden(path: Path, planner: Callable[[str], Plan], pytestconfig: pytest.Config) -> None:
    text = path.read_text()
    now = "\n\n".join(f"{sql}\n=>\n{render(planner(sql))}" for sql in cases(text)) + "\n"
    if pytestconfig.getoption("--update-golden"):
        path.write_text(now)
    assert now == path.read_text()


VALUES = {"boolean": True, "double precision": 0.7, "text": "a text", "text[]": ["a", "b"]}
TYPES = {"boolean": "boolean", "double precision": "double", "text": "text", "text[]": "text[]"}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_plan_runs(
    path: Path, planner: Callable[[str], Plan], database: duckdb.DuckDBPyConnection
) -> None:
    for sql in cases(path.read_text()):
        for stage in planner(sql).stages:
            make_relation(stage, database)
        database.execute(planner(sql).final_sql)
        for (name,) in database.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall():
            database.execute(f"DROP TABLE {name}")


def make_relation(stage: Stage, database: duckdb.DuckDBPyConnection) -> None:
    """Do what the executor does, with a constant for every answer."""
    if isinstance(stage, Spool):
        database.execute(f"CREATE TEMP TABLE {stage.relation} AS {stage.sql}")
        return
    if isinstance(stage, Change):
        database.begin()
        returned = database.execute(stage.sql).fetchall()
        database.rollback()  # estimates are from before the change
        database.execute(f"CREATE TEMP TABLE {stage.relation} AS {stage.shape_sql}")
        for number, row in enumerate(returned):
            database.execute(
                f"INSERT INTO {stage.relation} VALUES ({', '.join('?' * (len(row) + 1))})", [*row, number]
            )
        return
    if isinstance(stage, Waves):
        if stage.product is not None:
            database.execute(f"CREATE TEMP TABLE {stage.product.block} AS SELECT * FROM {stage.product.first}")
            rows = f"SELECT *, row_number() OVER () FROM ({stage.product.rows_sql}) AS q"
            database.execute(f"INSERT INTO {stage.spool} {rows}")
        database.execute(f"CREATE TEMP TABLE {stage.relation} AS SELECT * FROM {stage.spool}")
        for either in stage.choices:
            database.execute(f"CREATE TEMP TABLE {either.relation} AS SELECT * FROM {stage.spool}")
        for each in stage.filters:
            make_relation(each, database)
        for condition in stage.conditions:
            database.execute(f"DELETE FROM {stage.relation} WHERE ({condition.sql}) IS NOT TRUE")
        return
    estimated = database.execute(f"SELECT count(*) FROM ({stage.estimate_sql})").fetchone()
    rows = database.execute(f"SELECT count(*) FROM ({stage.input_sql})").fetchone()
    assert estimated is not None and rows is not None
    assert estimated[0] >= rows[0] and (stage.bounded or estimated == rows)
    keys = "".join(f"{key}, " for key in stage.key_columns)
    database.execute(
        f"CREATE TEMP TABLE {stage.relation} AS SELECT {keys} ?::{TYPES[stage.operator.returns]} AS rvbbit_value "
        f"FROM ({stage.input_sql})",
        [VALUES[stage.operator.returns]],
    )
