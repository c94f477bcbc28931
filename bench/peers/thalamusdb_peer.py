"""ThalamusDB: NLfilter and NLjoin in SQL over DuckDB; it has no operator for W4, W6 and W7."""

from __future__ import annotations

import contextlib
import io
import json
import os

import pandas as pd
from peer import CONCURRENCY, Task, run
from tdb.data.relational import Database
from tdb.execution.constraints import Constraints
from tdb.execution.engine import ExecutionEngine
from tdb.queries.query import Query

SELECTS = {
    "W1": "SELECT id FROM messages WHERE NLfilter(body, '{criterion}')",
    "W2": "SELECT id FROM messages WHERE NLfilter(body, '{criterion}') AND year = 2020",
    "W3": "SELECT id FROM messages WHERE NLfilter(body, '{criterion}') LIMIT 10",
    "W5": (
        "SELECT i.id, k.id FROM items i, kinds k WHERE NLjoin(i.item, k.kind, 'the item is of this kind of goods')"
    ),
}


def open_database(task: Task) -> Database:
    """Return a database with the tables."""
    database = Database(str(task.folder / "thalamusdb.duckdb"))
    for name, rows in task.tables.items():
        database.con.register("given", pd.DataFrame(rows))
        database.con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given ORDER BY id")
        database.con.unregister("given")
    return database


def models(task: Task) -> str:
    """Write the model configuration, as its documentation has it, and return its path."""
    os.environ |= {"OPENAI_API_BASE": task.model_url, "OPENAI_API_KEY": "none"}
    model = {"model": "openai/scripted"}
    entry = {"modalities": ["text"], "priority": 10, "kwargs": {"filter": model, "join": model}}
    path = task.folder / "models.json"
    path.write_text(json.dumps({"models": [entry]}))
    return str(path)


DATABASES: dict[str, Database] = {}


def prepare(task: Task) -> None:
    """Load the tables before the clock runs."""
    DATABASES[task.name] = open_database(task)


def select(task: Task) -> list[object]:
    """Run one statement, without the limits that would end it early."""
    database = DATABASES[task.name]
    engine = ExecutionEngine(database, CONCURRENCY, models(task))
    with contextlib.redirect_stdout(io.StringIO()):
        query = Query(database, SELECTS[task.name].format(**task.words))
        rows, _ = engine.run(query, Constraints(max_calls=100_000, max_tokens=100_000_000))
    values = rows.values.tolist()
    return values if task.name == "W5" else [row[0] for row in values][: 10 if task.name == "W3" else None]


if __name__ == "__main__":
    run(dict.fromkeys(SELECTS, select), prepare)
