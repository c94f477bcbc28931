"""LOTUS: semantic operators on pandas; a call per row, two cells of a comparison per call in the top k."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from peer import CONCURRENCY, Task, run

os.environ.setdefault("OPENAI_API_KEY", "none")

import lotus  # noqa: E402
from lotus.models import LM  # noqa: E402


def prepare(task: Task) -> None:
    """Set the model."""
    lotus.settings.configure(
        lm=LM(model="openai/scripted", api_base=task.model_url, max_batch_size=CONCURRENCY, max_ctx_len=128_000)
    )


def frame(task: Task, name: str) -> pd.DataFrame:
    """Return a table."""
    return pd.DataFrame(task.tables[name])


def matching(task: Task, rows: pd.DataFrame) -> list[int]:
    """Return the ids of the rows that match."""
    return rows.sem_filter(f"The message {{body}} {task.words['criterion']}").id.tolist()


def filter_all(task: Task) -> list[int]:
    """W1."""
    return matching(task, frame(task, "messages"))


def filter_year(task: Task) -> list[int]:
    """W2."""
    return matching(task, frame(task, "messages").query("year == 2020"))


def filter_ten(task: Task) -> list[int]:
    """W3: it knows no limit."""
    return filter_all(task)[:10]


def summaries(task: Task) -> dict[str, str]:
    """W4."""
    rows = frame(task, "grouped").sem_agg("Summarize the messages {body}", group_by=["region"])
    return dict(zip(rows.region, rows._output))


def join(task: Task) -> list[list[int]]:
    """W5."""
    kinds = frame(task, "kinds").rename(columns={"id": "kind_id"})
    pairs = frame(task, "items").sem_join(kinds, "The item {item} is of the kind of goods {kind}")
    return pairs[["id", "kind_id"]].values.tolist()


def top_ten(task: Task) -> list[int]:
    """W6."""
    question = f"Which message {{body}} is most about {task.words['water']}?"
    return frame(task, "ranked").sem_topk(question, K=10).id.tolist()


def fields(task: Task) -> dict[str, list[Any]]:
    """W7: the three values in one structure."""
    wanted = {
        "label": f"the label that fits best, one of: {task.words['labels']}",
        "customer_name": "the name of the customer",
        "order_number": "the order number",
    }
    rows = frame(task, "forms").sem_extract(["body"], wanted)
    return {str(row.id): [row.label, row.customer_name, row.order_number] for row in rows.itertuples()}


if __name__ == "__main__":
    run(
        {
            "W1": filter_all,
            "W2": filter_year,
            "W3": filter_ten,
            "W4": summaries,
            "W5": join,
            "W6": top_ten,
            "W7": fields,
        },
        prepare,
    )
