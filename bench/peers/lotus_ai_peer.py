"""LOTUS: semantic operators on pandas; a call per row, two cells of a comparison per call in the top k."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from peer import CONCURRENCY, Rows, Task, forms, run

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


def matching(task: Task, rows: Rows, _limit: int | None) -> list[int]:
    """Return the ids of all rows that match: it knows no limit."""
    return pd.DataFrame(rows).sem_filter(f"The message {{body}} {task.words['criterion']}").id.tolist()


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
    run(forms(globals()), prepare)
