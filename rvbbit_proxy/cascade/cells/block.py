"""Pairs of inputs asked in one prompt, by the cascade's block form; it stands for all of its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rvbbit_proxy.caller import mint_span_id
from rvbbit_proxy.cascade.block import Block, block_instruction, parse_block, render_block
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
from rvbbit_proxy.llm.request import ModelReply

Found = list[tuple[int, int, Any]]
"""What is neither false nor 0: left, right, value."""


async def block_by_prompt(
    run: Run, ended: list[CellEnded], *, block: Block, items: Sequence[Mapping[str, Any]]
) -> Found:
    """Ask about the pairs in one prompt. ``items``: the inputs of every pair, in the block's order."""
    spec, cell = run.spec.block, answering_cell(run)
    assert spec is not None
    expected = expect(run.spec.output, items[0])

    def read(reply: ModelReply) -> Found:
        if reply.values is None:
            found = parse_block(reply.text, spec, block, expected)
        else:
            found = dict(zip(block.pairs, read_values(reply.values, len(items), expected), strict=True))
        return sorted((*pair, value) for pair, value in found.items() if value)

    trace_id = mint_span_id()
    with open_span(run, "cell", cell_name=cell.name, trace_id=trace_id, args={"items": len(items)}) as inside:
        question = Question(
            messages=chat(spec.system.strip(), render_block(spec, block)),
            model=run.model_of(cell),
            parameters=cell.parameters,
            instruction=block_instruction(spec),
            max_attempts=spec.max_attempts,
            offline=offline_task(cell, inside, items),
        )
        found = await ask_until_valid(question, inside, read)
    ended.append(CellEnded(cell.name, trace_id, (), found, run.model_of(cell)))
    return found
