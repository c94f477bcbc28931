"""BlendSQL: LLMMap, LLMQA and LLMJoin in SQL over pandas, asking an OpenAI-compatible (vLLM) server."""

from __future__ import annotations

from typing import Any

import pandas as pd
from blendsql import BlendSQL, config
from blendsql.ingredients import LLMJoin, LLMMap, LLMQA
from blendsql.models import VLLM
from peer import CONCURRENCY, Task, run

MATCHES = "{{{{LLMMap('Does the message match: {criterion}?', messages.body, return_type='bool')}}}}"
SELECTS = {
    "W1": f"SELECT id FROM messages WHERE {MATCHES}",
    "W2": f"SELECT id FROM messages WHERE {MATCHES} AND year = 2020",
    "W3": f"SELECT id FROM messages WHERE {MATCHES} LIMIT 10",
    "W5": (
        "SELECT i.id, k.id FROM items i JOIN kinds k ON {{{{LLMJoin(i.item, k.kind, "
        "join_criteria='Join the item to its kind of goods.')}}}}"
    ),
    "W6": (
        "SELECT id FROM ranked ORDER BY "
        "{{{{LLMMap('From 0 to 1, how much is the message about {water}?', ranked.body, return_type='float')}}}} "
        "DESC LIMIT 10"
    ),
}
FIELDS = (
    "SELECT id, {{{{LLMMap('Which label fits the message?', forms.body, options=({quoted_labels}))}}}} FROM forms",
    "SELECT id, {{{{LLMMap('What is the {name}?', forms.body)}}}} FROM forms",
    "SELECT id, {{{{LLMMap('What is the {order}?', forms.body)}}}} FROM forms",
)
"""W7: a statement per value, for the client of one is closed when the next call of the same statement begins."""
SUMMARY = (
    "SELECT {{{{LLMQA('Summarize the messages in at most three sentences.', "
    "context=(SELECT body FROM grouped WHERE region = '{region}'))}}}} AS summary"
)


def connect(task: Task) -> BlendSQL:
    """Return a connection to the tables."""
    config.set_async_limit(CONCURRENCY)

    model = VLLM("scripted", base_url=task.model_url)
    tables = {name: pd.DataFrame(rows) for name, rows in task.tables.items()}
    join = LLMJoin.from_args(use_skrub_joiner=False)  # the other way matches strings, and is an extra
    return BlendSQL(tables, model=model, ingredients={LLMMap, LLMQA, join}, verbose=False)


def rows_of(task: Task, template: str, **more: str) -> list[Any]:
    """Run one statement on a connection of its own."""
    return connect(task).execute(template.format(**task.words, **more)).df().values.tolist()


def select(task: Task) -> list[Any]:
    """Run the task's statement."""
    return rows_of(task, SELECTS[task.name])


def column(task: Task) -> list[Any]:
    """Run the task's statement and return its first column."""
    return [row[0] for row in select(task)]


def summaries(task: Task) -> dict[str, str]:
    """W4: one statement per group."""
    regions = sorted({row["region"] for row in task.tables["grouped"]})
    return {region: rows_of(task, SUMMARY, region=region)[0][0] for region in regions}


def fields(task: Task) -> dict[str, list[str]]:
    """W7: a call per row and value."""
    labels = ", ".join(f"'{label}'" for label in task.words["labels"].split(", "))
    columns = [dict(rows_of(task, template, quoted_labels=labels)) for template in FIELDS]
    return {str(row): [column[row] for column in columns] for row in columns[0]}


if __name__ == "__main__":
    run({**dict.fromkeys(("W1", "W2", "W3", "W6"), column), "W4": summaries, "W5": select, "W7": fields})
