"""dbt-postgres: seeds of all types, every materialisation twice, snapshots, tests, contracts, hooks, docs; costs.

dbt runs in this process by its own ``dbtRunner``. PostgreSQL itself knows no operator, so the models tagged
``semantic`` run only where the server stands in front.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psycopg
from dbt.cli.main import dbtRunner

from clients.tap import check, main, same, write

HERE = Path(__file__).resolve().parent
PLAIN = os.environ.get("RVBBIT_REFERENCE") == "1"
SEMANTIC_NODES = {"model.sightings.seen", "model.sightings.judged"}
Dbt = Callable[..., str]


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every check."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(HERE / "dbt", project)
        connection = psycopg.connect(host=host, port=port, user=user, dbname=database, autocommit=True)
        dbt = _runner(project)
        building(dbt, connection)
        again(dbt, connection, project)
        reading(dbt)
        if not PLAIN:
            costs(connection)
        connection.execute("DROP SCHEMA analytics CASCADE")
        connection.execute("DROP TABLE public.dbt_runs")


def _runner(project: Path) -> Dbt:
    """Return a function that runs one dbt command and raises with what went wrong."""
    common = ["--project-dir", str(project), "--profiles-dir", str(project), "--no-use-colors"]
    runner = dbtRunner()

    def dbt(*arguments: str, select: bool = True) -> str:
        excluded = ["--exclude", "tag:semantic"] if PLAIN and select else []
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            done = runner.invoke([*arguments, *excluded, *common])
        if not done.success:
            text = said.getvalue()
            raise AssertionError(
                str(done.exception or text[text.rfind("Error") - 20 :] if "Error" in text else text)
            )
        return said.getvalue()

    return dbt


def building(dbt: Dbt, connection: psycopg.Connection) -> None:
    """Check a first build, step by step."""

    def value(sql: str) -> object:
        return connection.execute(sql).fetchone()[0]

    with check("debug"):
        dbt("debug", select=False)
    with check("seed"):
        dbt("seed")
    with check("seed values"):
        same(value("SELECT count(*) FROM analytics.reports WHERE title IS NULL"), 1)
        row = connection.execute("SELECT * FROM analytics.kinds WHERE small = -1").fetchone()
        same((row[2], row[3], row[4], row[5]), (-3, Decimal("-4.25"), -1e10, False))
        same(
            (row[6], row[7], str(row[8]), str(row[13])[:8]),
            ('with, comma and "quotes"', "ü", "0001-01-01", "00000000"),
        )
    for model in ("named", "per_state", "promised", "hooked", "appended", "merged", "replaced"):
        with check(f"run {model}"):
            dbt("run", "--select", model)
    if PLAIN:
        write("run semantic models # SKIP PostgreSQL knows no operator")
    else:
        with check("run semantic models"):
            dbt("run", "--select", "tag:semantic")
            same(value("SELECT count(*) FROM analytics.seen"), 2)
            same(value("SELECT count(*) FROM analytics.judged"), 5)
    with check("hooks"):
        same(value("SELECT count(*) FROM public.dbt_runs WHERE stage = 'hooked 5'"), 1)
        same(value("SELECT count(*) > 1 FROM public.dbt_runs WHERE stage = 'end'"), True)
    with check("comments"):
        same(value("SELECT obj_description('analytics.named'::regclass, 'pg_class')"), 'It\'s a view, "quoted".')
        same(value("SELECT col_description('analytics.named'::regclass, 1)"), "The report's number.")
    with check("indexes"):
        same(value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'analytics' AND tablename = 'hooked'"), 2)
    for snapshot in ("reports_snapshot", "checked_snapshot"):
        with check(f"snapshot {snapshot}"):
            dbt("snapshot", "--select", snapshot)
    with check("test"):
        dbt("test")


def again(dbt: Dbt, connection: psycopg.Connection, project: Path) -> None:
    """Check what happens to relations that are there already, after a change of the source."""

    def count(relation: str) -> int:
        return connection.execute(f"SELECT count(*) FROM analytics.{relation}").fetchone()[0]

    with (project / "seeds" / "reports.csv").open("a") as seed:
        seed.write("6,WA,Howls by the river,Nothing seen,2026-01-06 10:00:00\n")
    with check("seed again"):
        dbt("seed")
        same(count("reports"), 6)
    with check("run again"):
        dbt("run")
        same((count("appended"), count("merged"), count("replaced"), count("per_state")), (11, 6, 6, 3))
    if not PLAIN:
        with check("incremental model with an operator judges what is new"):
            same(count("judged"), 6)
            same(count("judged WHERE heard"), 2)
    with check("snapshot again"):
        connection.execute(
            "UPDATE analytics.reports SET title = 'changed', changed_at = '2026-02-01' WHERE id = 1"
        )
        connection.execute("DELETE FROM analytics.reports WHERE id = 2")
        dbt("snapshot")
        same((count("reports_snapshot"), count("checked_snapshot")), (7, 7))
        same(count("checked_snapshot WHERE dbt_valid_to IS NOT NULL"), 2)
    with check("schema change"):
        dbt("run", "--select", "merged", "replaced", "--vars", "{wider: true}")
        connection.execute("SELECT state FROM analytics.merged").fetchall()
        connection.execute("SELECT letters FROM analytics.replaced").fetchall()
    with check("full refresh"):
        dbt("run", "--full-refresh")
        same((count("appended"), count("merged")), (5, 5))
        dbt("seed", "--full-refresh")
    with check("table becomes a view and back"):
        model = project / "models" / "per_state.sql"
        table = model.read_text()
        model.write_text("{{ config(materialized='view') }}\n" + table)
        dbt("run", "--select", "per_state")
        model.write_text(table)
        dbt("run", "--select", "per_state")
    with check("a model that fails"):
        broken = project / "models" / "broken.sql"
        broken.write_text("SELECT missing FROM {{ ref('reports') }}")
        try:
            dbt("run", "--select", "broken")
        except AssertionError as error:
            same('column "missing" does not exist' in str(error), True)
        else:
            raise AssertionError("no error")
        finally:
            broken.unlink()
    with check("build"):
        dbt("build")


def reading(dbt: Dbt) -> None:
    """Check what reads the relations."""
    with check("docs generate"):
        dbt("docs", "generate")
    with check("source freshness"):
        dbt("source", "freshness", select=False)
    with check("show"):
        same("Howls" in dbt("show", "--inline", "SELECT title FROM {{ ref('reports') }}", select=False), True)
        dbt("show", "--select", "named", "--limit", "2")
    with check("compile"):
        dbt("compile")
    with check("run-operation"):
        said = dbt("run-operation", "count_reports", select=False)
        same("reports: 6" in said and "changed_at timestamp without time zone" in said, True)
    with check("list"):
        same("sightings.named" in dbt("list"), True)


def costs(connection: psycopg.Connection) -> None:
    """Check that model work is on the ledger under dbt's node ids."""
    with check("costs under dbt node ids"):
        rows = connection.execute(
            "SELECT dbt_node_id, sum(query_cost) FROM rvbbit.caller_costs WHERE query_cost > 0 GROUP BY 1"
        ).fetchall()
        same({node for node, _ in rows} >= SEMANTIC_NODES, True)


if __name__ == "__main__":
    main(suite)
