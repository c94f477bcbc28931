"""Several inputs asked in one prompt, by the cascade's batch form; it stands for all of its cells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rvbbit_proxy.caller import mint_span_id
from rvbbit_proxy.cascade.batch import batch_instruction, parse_batch, render_batch
from rvbbit_proxy.cascade.cells.llm import (
    Question,
    answering_cell,
    ask_until_valid,
    chat,
    offline_task,
    read_values,
)
from rvbbit_proxy.cascade.output import expect
from rvbbit_proxy.cascade.runtime import CellEnded, Run
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import BatchSpec, CascadeSpec, LlmCell
from rvbbit_proxy.cascade.together import together
from rvbbit_proxy.llm.request import ModelReply

Inputs = Mapping[str, Any]


async def batch_by_prompt(run: Run, ended: list[CellEnded], *, items: Sequence[Inputs]) -> list[Any]:
    """Ask about several inputs in one prompt; one prompt for each set of shared arguments."""
    batch, cell = run.spec.batch, answering_cell(run)
    assert batch is not None
    answers: list[Any] = [None] * len(items)
    trace_id = mint_span_id()
    with open_span(run, "cell", cell_name=cell.name, trace_id=trace_id, args={"items": len(items)}) as inside:
        groups = _prompt_groups(run.spec, batch, items)
        asked = [_ask_batch(cell, batch, inside, [items[row] for row in rows]) for rows in groups]
        for rows, values in zip(groups, await together(asked), strict=True):
            for row, value in zip(rows, values, strict=True):
                answers[row] = value
    ended.append(CellEnded(cell.name, trace_id, (), answers, run.model_of(cell)))
    return answers


def _prompt_groups(spec: CascadeSpec, batch: BatchSpec, items: Sequence[Inputs]) -> list[list[int]]:
    """Return rows that can share a prompt: equal in what is shared, no more than the batch's size."""
    shared = {arg.name for arg in spec.sql_function.args if arg.shared} if spec.sql_function else set()
    shared |= {
        name for name in (spec.output.labels_from, spec.output.max_items_from, spec.output.items_from) if name
    }
    groups: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        key = json.dumps([item[name] for name in sorted(shared)], default=str)
        groups.setdefault(key, []).append(row)
    size = batch.size or len(items)
    return [rows[at : at + size] for rows in groups.values() for at in range(0, len(rows), size)]


async def _ask_batch(cell: LlmCell, batch: BatchSpec, run: Run, items: Sequence[Inputs]) -> list[Any]:
    expected = expect(run.spec.output, items[0])

    def read(reply: ModelReply) -> list[Any]:
        if reply.values is None:
            return parse_batch(reply.text, batch, len(items), expected)
        return read_values(reply.values, len(items), expected)

    question = Question(
        messages=chat(batch.system.strip(), render_batch(batch, items)),
        model=run.model_of(cell),
        parameters=cell.parameters,
        instruction=batch_instruction(batch, expected),
        max_attempts=batch.max_attempts,
        offline=offline_task(cell, run, items),
    )
    return await ask_until_valid(question, run, read)
