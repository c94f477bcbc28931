"""openaivec: one call per batch of a column, through the ``.aio`` accessor of pandas."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Literal

import pandas as pd
from openai import AsyncOpenAI
from peer import CONCURRENCY, Rows, Task, forms, run
from pydantic import BaseModel

import openaivec
from openaivec import pandas_ext  # noqa: F401  registers .aio

logging.disable(logging.WARNING)


def ask(task: Task, texts: pd.Series, instructions: str, response_format: type) -> pd.Series:
    """Ask about every text; the variant is the batch size, empty for the automatic one."""
    openaivec.set_async_client(AsyncOpenAI(base_url=task.model_url, api_key="none"))
    openaivec.set_responses_model("gpt-4")  # its tokenizer is at hand without a network
    return asyncio.run(
        texts.aio.responses(
            instructions,
            response_format=response_format,
            batch_size=int(task.variant) if task.variant else None,
            max_concurrency=CONCURRENCY,
            show_progress=False,
        )
    )


def frame(task: Task, name: str) -> pd.DataFrame:
    """Return a table."""
    return pd.DataFrame(task.tables[name])


def matching(task: Task, rows: Rows, _limit: int | None) -> list[int]:
    """Return the ids of all rows that match: it knows no limit."""
    instructions = f"Tell whether the message matches: {task.words['criterion']}."
    table = pd.DataFrame(rows)
    return table[ask(task, table.body, instructions, bool).astype(bool)].id.tolist()


def summaries(task: Task) -> dict[str, str]:
    """W4: one text per group."""
    texts = frame(task, "grouped").groupby("region").body.agg("\n".join)
    return ask(task, texts, "Summarize the messages in at most three sentences.", str).to_dict()


def join(task: Task) -> list[list[int]]:
    """W5: every pair is a text."""
    pairs = frame(task, "items").merge(frame(task, "kinds"), how="cross", suffixes=("_item", "_kind"))
    texts = pairs.item + " / " + pairs.kind
    belongs = ask(task, texts, "An item / a kind of goods. Tell whether the item is of this kind.", bool)
    return pairs[belongs.astype(bool)][["id_item", "id_kind"]].values.tolist()


def top_ten(task: Task) -> list[int]:
    """W6."""
    rows = frame(task, "ranked")
    instructions = f"Score from 0 to 1 how much the message is about: {task.words['water']}."
    return rows.assign(score=ask(task, rows.body, instructions, float)).nlargest(10, "score").id.tolist()


def fields(task: Task) -> dict[str, list[str]]:
    """W7: the three values in one structure."""

    class Form(BaseModel):
        label: Literal[tuple(task.words["labels"].split(", "))]  # type: ignore[valid-type]
        customer_name: str
        order_number: str

    rows = frame(task, "forms")
    forms = ask(task, rows.body, "Label the message, and extract the customer's name and the order number.", Form)
    return {str(i): [form.label, form.customer_name, form.order_number] for i, form in zip(rows.id, forms)}


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_API_KEY", "none")
    run(forms(globals()))
