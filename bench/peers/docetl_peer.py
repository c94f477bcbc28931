"""DocETL: its frame API, one operation a task. W5 compares all pairs: its blocking asks an embedding model."""

from __future__ import annotations

import os
from peer import CONCURRENCY, Rows, Task, forms, run

os.environ.setdefault("DOCETL_HOME_DIR", os.getcwd())  # its cache, empty for each task
os.environ.setdefault("OPENAI_API_KEY", "none")

import docetl  # noqa: E402

MATCHES = {"matches": "bool"}


def frame(task: Task, rows: Rows) -> docetl.Frame:
    """Return rows as a table, with the model set."""
    os.environ["OPENAI_API_BASE"] = task.model_url
    docetl.default_model = "openai/scripted"
    docetl.max_threads = CONCURRENCY
    docetl.bypass_cache = True
    return docetl.from_list(rows)


def matching(task: Task, rows: Rows, limit: int | None) -> list[int]:
    """Return the ids of the rows that match."""
    prompt = f"Does the message match: {task.words['criterion']}? Message: {{{{ input.body }}}}"
    chosen = frame(task, rows).filter(prompt=prompt, output={"schema": MATCHES}, limit=limit)
    return [row["id"] for row in chosen.collect()]


def summaries(task: Task) -> dict[str, str]:
    """W4."""
    prompt = "Summarize in at most three sentences: {% for row in inputs %}{{ row.body }}\n{% endfor %}"
    reduced = frame(task, task.tables["grouped"]).reduce(
        reduce_key="region", prompt=prompt, output={"schema": {"summary": "string"}}
    )
    return {row["region"]: row["summary"] for row in reduced.collect()}


def join(task: Task) -> list[list[int]]:
    """W5."""
    joined = frame(task, task.tables["items"]).equijoin(
        frame(task, [{"kind_id": row["id"], "kind": row["kind"]} for row in task.tables["kinds"]]),
        comparison_prompt="Is the item of this kind of goods? Item: {{ left.item }} Kind: {{ right.kind }}",
        blocking_conditions=["True"],
    )
    return [[row["id"], row["kind_id"]] for row in joined.collect()]


def top_ten(task: Task) -> list[int]:
    """W6: a score for each; its ``topk`` starts from embeddings, and the frame API has none."""
    prompt = f"From 0 to 1, how much is the message about {task.words['water']}? Message: {{{{ input.body }}}}"
    scored = frame(task, task.tables["ranked"]).map(prompt=prompt, output={"schema": {"score": "float"}}).collect()
    return [row["id"] for row in sorted(scored, key=lambda row: -row["score"])[:10]]


def fields(task: Task) -> dict[str, list[str]]:
    """W7: the three values in one structure."""
    labels = ", ".join(task.words["labels"].split(", "))
    mapped = frame(task, task.tables["forms"]).map(
        prompt=(
            f"Label the message with one of: {labels}. Extract the customer's name and the order number. "
            "Message: {{ input.body }}"
        ),
        output={"schema": {"label": "string", "customer_name": "string", "order_number": "string"}},
    )
    keys = ("label", "customer_name", "order_number")
    return {str(row["id"]): [row[key] for key in keys] for row in mapped.collect()}


if __name__ == "__main__":
    run(forms(globals()))
