"""dbt-postgres against a running server: seed, run twice, snapshot twice, test, docs; costs under dbt node ids.

``python clients/dbt_suite.py`` installs dbt into its own environment, starts a server whose model is scripted,
runs the project in ``clients/dbt`` and prints one line per step. Exit code 1 when a step failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import psycopg  # noqa: E402
from scripted_model import ScriptedModel  # noqa: E402
from scripted_model.ground_truth import bundled_operators  # noqa: E402

from rvbbit_proxy.app import App  # noqa: E402
from rvbbit_proxy.settings import Price, Settings  # noqa: E402

PACKAGES = ("dbt-core==1.10.15", "dbt-postgres==1.9.1")  # from 1.12 on, dbt-core's build fetches from GitHub
STEPS = (("seed",), ("run",), ("run",), ("snapshot",), ("snapshot",), ("test",), ("docs", "generate"))
MODEL = "openai/scripted"
PRICE = Price.model_validate({"input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.60"})
JUDGED_NODES = {"model.sightings.seen", "model.sightings.judged"}


def install(folder: Path) -> Path:
    """Make an environment with dbt, once; return its ``dbt``."""
    dbt = folder / "bin" / "dbt"
    if not dbt.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    return dbt


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, int]]:
    """Start a server on a fresh home, with a scripted and priced model."""
    with ScriptedModel(bundled_operators()) as model:
        os.environ |= {"OPENAI_API_BASE": model.url, "OPENAI_API_KEY": "none"}
        with App.open(Settings(home=home, port=0, model=MODEL, prices={MODEL: PRICE})) as app:
            yield app.start_server()


def run_steps(dbt: Path, project: Path, host: str, port: int) -> bool:
    """Run all steps; print each one's outcome and, of a failed one, what dbt said."""
    environment: Mapping[str, str] = {**os.environ, "DBT_HOST": host, "DBT_PORT": str(port)}
    good = True
    for step in STEPS:
        command = [dbt, *step, "--project-dir", project, "--profiles-dir", project, "--no-use-colors"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        print(f"dbt {' '.join(step):16} {'passed' if done.returncode == 0 else 'failed'}", flush=True)
        if done.returncode:
            good = False
            print(done.stdout)
    return good


def costs_by_node(host: str, port: int) -> dict[str, object]:
    """Return what each dbt node has spent."""
    with psycopg.connect(host=host, port=port, user="dbt", dbname="demo") as connection:
        rows = connection.execute(
            "SELECT dbt_node_id, sum(query_cost) FROM rvbbit.caller_costs WHERE query_cost > 0 GROUP BY 1"
        ).fetchall()
    return dict(rows)


def main() -> int:
    """Run the suite and return the exit code."""
    dbt = install(HERE / ".dbt")
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch) / "home") as (host, port):
        project = Path(scratch) / "project"
        copytree(HERE / "dbt", project)
        good = run_steps(dbt, project, host, port)
        costs = costs_by_node(host, port)
    for node, cost in costs.items():
        print(f"{node}: ${cost}")
    accounted = set(costs) == JUDGED_NODES
    print(f"costs under dbt node ids {'passed' if accounted else 'failed'}")
    return 0 if good and accounted else 1


if __name__ == "__main__":
    sys.exit(main())
