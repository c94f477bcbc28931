"""fenic: semantic functions on its data frames; a call per row."""

from __future__ import annotations

import os
from typing import Any, Literal

from peer import Rows, Task, forms, run
from pydantic import BaseModel, Field

os.environ.setdefault("OPENAI_API_KEY", "none")

import fenic as fc  # noqa: E402

SESSIONS: dict[str, fc.Session] = {}


def prepare(task: Task) -> None:
    """Open a session; the model's name is one whose tokenizer is at hand without a network."""
    model = fc.OpenAILanguageModel(
        model_name="gpt-4-turbo", rpm=10_000_000, tpm=1_000_000_000, base_url=task.model_url
    )
    config = fc.SessionConfig(
        app_name="bench", semantic=fc.SemanticConfig(language_models={"m": model}, default_language_model="m")
    )
    SESSIONS[task.name] = fc.Session.get_or_create(config)


def frame(task: Task, rows: Rows) -> fc.DataFrame:
    """Return rows as a table."""
    return SESSIONS[task.name].create_dataframe(rows)


def matching(task: Task, rows: Rows, limit: int | None) -> list[int]:
    """Return the ids of the rows that match."""
    claim = f"Message: {{{{ body }}}} The message {task.words['criterion']}."
    chosen = frame(task, rows).filter(fc.semantic.predicate(claim, body=fc.col("body")))
    return (chosen.limit(limit) if limit else chosen).select("id").to_pydict()["id"]


def summaries(task: Task) -> dict[str, str]:
    """W4."""
    reduced = fc.semantic.reduce("Summarize the messages in at most three sentences.", fc.col("body"))
    rows = frame(task, task.tables["grouped"]).group_by("region").agg(reduced.alias("summary")).to_pydict()
    return dict(zip(rows["region"], rows["summary"]))


def join(task: Task) -> list[list[int]]:
    """W5."""
    kinds = frame(task, task.tables["kinds"]).select(fc.col("id").alias("kind_id"), fc.col("kind"))
    pairs = frame(task, task.tables["items"]).semantic.join(
        kinds,
        predicate="Item: {{ left_on }} Kind of goods: {{ right_on }} The item is of this kind of goods.",
        left_on=fc.col("item"),
        right_on=fc.col("kind"),
    )
    rows = pairs.to_pydict()
    return [list(pair) for pair in zip(rows["id"], rows["kind_id"])]


def top_ten(task: Task) -> list[int]:
    """W6: a score for each."""

    class Score(BaseModel):
        score: float = Field(description=f"From 0 to 1, how much it is about {task.words['water']}")

    scored = frame(task, task.tables["ranked"]).select("id", fc.semantic.extract(fc.col("body"), Score).alias("s")).to_pylist()
    return [row["id"] for row in sorted(scored, key=lambda row: -row["s"]["score"])[:10]]


def fields(task: Task) -> dict[str, list[Any]]:
    """W7: the three values in one structure."""

    class Form(BaseModel):
        label: Literal[tuple(task.words["labels"].split(", "))] = Field(description="The label")  # type: ignore[valid-type]
        customer_name: str = Field(description="The customer's name")
        order_number: str = Field(description="The order number")

    rows = frame(task, task.tables["forms"]).select("id", fc.semantic.extract(fc.col("body"), Form).alias("f")).to_pylist()
    return {str(row["id"]): [row["f"][key] for key in ("label", "customer_name", "order_number")] for row in rows}


if __name__ == "__main__":
    run(forms(globals()), prepare)
