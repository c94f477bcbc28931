"""One run of a cascade: on one set of inputs, cell by cell, or on several at once.

The caller comes with ``ctx`` and goes on by value: into cells, sub-cascades and the parts of a fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from rvbbit_proxy.caller import CallerContext, mint_span_id
from rvbbit_proxy.cascade.block import Block, make_block
from rvbbit_proxy.cascade.cells.batch import batch_by_prompt
from rvbbit_proxy.cascade.cells.block import block_by_prompt
from rvbbit_proxy.cascade.cells.llm import ask_probability, ask_until_valid, chat, read_single, single_question
from rvbbit_proxy.cascade.cells.reduce import fold, too_large
from rvbbit_proxy.cascade.cells.trait import cell_inputs, run_trait
from rvbbit_proxy.cascade.inputs import complete_inputs
from rvbbit_proxy.cascade.lifecycle import run_session
from rvbbit_proxy.cascade.output import AnswerFault, check_value, expect
from rvbbit_proxy.cascade.runtime import CellEnded, ContextMessage, Door, Run, RunEnded, Runtime
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import CascadeCell, CascadeSpec, Cell, LlmCell, OutputSpec, TraitCell
from rvbbit_proxy.cascade.template import OUTPUTS, neutralise_tag, output_names, render_prompt, value_text
from rvbbit_proxy.cascade.together import together
from rvbbit_proxy.errors import CascadeFailed, NotSupported
from rvbbit_proxy.settings import RunOptions

__all__ = [
    "CellEnded",
    "ContextMessage",
    "Door",
    "RunEnded",
    "Runtime",
    "run_batch",
    "run_cascade",
    "score_cascade",
]

Inputs = Mapping[str, Any]


async def run_cascade(
    spec: CascadeSpec,
    inputs: Inputs,
    ctx: CallerContext,
    options: RunOptions,
    runtime: Runtime,
    *,
    meta_of_session_id: str | None = None,
) -> Any:
    """Run a cascade on one set of inputs and return its typed answer.

    Raises :class:`CascadeFailed` (:class:`AnswerInvalid` after all retries), :class:`InvalidValue` and
    :class:`TypeFault` for the inputs, and what the door raises.
    """
    data = complete_inputs(spec, inputs)
    return await _run_one(spec, data, ctx, options, runtime, meta_of_session_id)


async def score_cascade(
    spec: CascadeSpec, inputs: Inputs, ctx: CallerContext, options: RunOptions, runtime: Runtime
) -> float | None:
    """Run a predicate of one cell and return how likely it is true, None where the model does not tell.

    Raises what the door raises, and :class:`InvalidValue` and :class:`TypeFault` for the inputs.
    """
    data = complete_inputs(spec, inputs)
    return cast(
        "float | None", await run_session(spec, data, ctx, options, runtime, partial(_score_cell, inputs=data))
    )


async def run_batch(
    spec: CascadeSpec, items: Sequence[Inputs], ctx: CallerContext, options: RunOptions, runtime: Runtime
) -> list[Any]:
    """Answer several inputs in one run, in order; a single one in the single form. Raises as run_cascade.

    Inputs that differ in what is shared as well as in the rest are asked in the block form, if there is one.

    Raises :class:`NotSupported` for several inputs where the cascade has no batch form.
    """
    if not items:
        return []
    if len(items) == 1:
        return [await run_cascade(spec, items[0], ctx, options, runtime)]
    if not spec.batched:
        raise NotSupported(f'cascade "{spec.cascade_id}" has no batch form', hint="Run it once per input.")
    data = [complete_inputs(spec, item) for item in items]
    block = make_block(spec, data)
    if block is not None:
        return await _run_block(spec, block, data, ctx, options, runtime)
    work = batch_by_prompt if spec.batch else _batch_by_traits
    return list(await run_session(spec, data, ctx, options, runtime, partial(work, items=data)))


async def _run_block(
    spec: CascadeSpec,
    block: Block,
    items: Sequence[Inputs],
    ctx: CallerContext,
    options: RunOptions,
    runtime: Runtime,
) -> list[Any]:
    """Answer pairs; on the ledger each side stands once, and what was found as [left, right, value]."""
    told = {"lefts": block.lefts, "rights": block.rights, "pairs": len(block.pairs)}
    work = partial(block_by_prompt, block=block, items=items)
    found = await run_session(spec, told, ctx, options, runtime, work)
    values = {(left, right): value for left, right, value in found}
    nothing = expect(spec.output, items[0]).nothing
    return [values.get(pair, nothing) for pair in block.pairs]


async def _run_one(
    spec: CascadeSpec,
    data: dict[str, Any],
    ctx: CallerContext,
    options: RunOptions,
    runtime: Runtime,
    meta_of_session_id: str | None = None,
    *,
    trace_id: str | None = None,
) -> Any:
    if too_large(spec, data, options):
        work = partial(fold, inputs=data, run_part=_run_part)
    else:
        work = partial(_run_cells, inputs=data)
    return await run_session(
        spec, data, ctx, options, runtime, work, meta_of_session_id=meta_of_session_id, trace_id=trace_id
    )


async def _run_part(run: Run, data: dict[str, Any], trace_id: str) -> Any:
    return await _run_one(run.spec, data, run.ctx, run.options, run.runtime, trace_id=trace_id)


async def _run_cells(run: Run, ended: list[CellEnded], *, inputs: Inputs) -> Any:
    """Run the cells in order and return the last one's answer."""
    for cell in run.spec.cells:
        trace_id = mint_span_id()
        with open_span(run, "cell", cell_name=cell.name, trace_id=trace_id) as inside:
            seen = {cell.name: cell for cell in ended}
            if isinstance(cell, LlmCell):
                ended.append(await _run_llm(cell, inside, inputs, seen))
            else:
                output = await _run_step(cell, inside, inputs, seen)
                ended.append(CellEnded(cell.name, trace_id, (), output, None))
    return ended[-1].output


async def _score_cell(run: Run, ended: list[CellEnded], *, inputs: Inputs) -> float | None:
    (cell,) = run.spec.cells
    assert isinstance(cell, LlmCell)
    trace_id = mint_span_id()
    with open_span(run, "cell", cell_name=cell.name, trace_id=trace_id) as inside:
        messages = chat(cell.system.strip(), render_prompt(cell.prompt, {**inputs, OUTPUTS: {}}))
        expected = expect(_output_of(cell, run.spec), inputs)
        question = single_question(cell, inside, messages, expected, inputs)
        probability = await ask_probability(question, inside)
    ended.append(CellEnded(cell.name, trace_id, (), probability, question.model))
    return probability


async def _run_llm(cell: LlmCell, run: Run, inputs: Inputs, seen: Mapping[str, CellEnded]) -> CellEnded:
    context = [seen[name] for name in cell.context]
    expected = expect(_output_of(cell, run.spec), inputs)
    values = {**inputs, OUTPUTS: {name: entry.output for name, entry in seen.items()}}
    in_prompt = output_names(cell.prompt)
    before = [_context_text(entry) for entry in context if entry.name not in in_prompt]
    messages = chat(cell.system.strip(), *before, render_prompt(cell.prompt, values))
    question = single_question(cell, run, messages, expected, inputs)
    output = await ask_until_valid(question, run, read_single(expected))
    told = tuple(ContextMessage(entry.trace_id, "user", value_text(entry.output)) for entry in context)
    return CellEnded(cell.name, run.ctx.trace_id or "", told, output, question.model)


def _context_text(entry: CellEnded) -> str:
    """Return an earlier cell's output as a message of its own, in tags."""
    return f"<{entry.name}>\n{neutralise_tag(value_text(entry.output), entry.name)}\n</{entry.name}>"


async def _run_step(cell: TraitCell | CascadeCell, run: Run, inputs: Inputs, seen: Mapping[str, CellEnded]) -> Any:
    """Run a trait or another cascade on one input."""
    given = cell_inputs(cell.inputs, inputs, {name: seen[name].output for name in cell.context})
    output = _output_of(cell, run.spec)
    if isinstance(cell, TraitCell) and (trait := run.runtime.traits.get(cell.trait)):
        return (await run_trait(cell, trait, run, output, [given]))[0]
    target = run.runtime.cascades[cell.trait if isinstance(cell, TraitCell) else cell.cascade]
    passed = given if cell.inputs is not None else {key: given[key] for key in target.inputs if key in given}
    value = await run_cascade(target, passed, run.ctx, run.options, run.runtime)
    try:
        return check_value(value, expect(output, inputs))
    except AnswerFault as fault:
        raise CascadeFailed(f'cascade "{run.spec.cascade_id}", cell "{cell.name}": {fault}') from fault


def _output_of(cell: Cell, spec: CascadeSpec) -> OutputSpec:
    """Return the type of a cell's answer: as said, else the cascade's for the last cell, else anything."""
    declared = None if isinstance(cell, CascadeCell) else cell.output
    if declared is not None:
        return declared
    if cell is spec.cells[-1]:
        return spec.output
    return OutputSpec(type="text" if isinstance(cell, LlmCell) else "jsonb")


async def _batch_by_traits(run: Run, ended: list[CellEnded], *, items: Sequence[Inputs]) -> list[Any]:
    """Run the cells, all traits, each on all items at once."""
    seen: dict[str, list[Any]] = {}
    answers: list[Any] = []
    for cell in run.spec.cells:
        assert isinstance(cell, TraitCell)
        trace_id = mint_span_id()
        with open_span(run, "cell", cell_name=cell.name, trace_id=trace_id) as inside:
            given = [
                cell_inputs(cell.inputs, item, {name: seen[name][row] for name in cell.context})
                for row, item in enumerate(items)
            ]
            answers = await _trait_answers(cell, inside, given)
        seen[cell.name] = answers
        ended.append(CellEnded(cell.name, trace_id, (), answers, None))
    return answers


async def _trait_answers(cell: TraitCell, run: Run, given: Sequence[dict[str, Any]]) -> list[Any]:
    trait = run.runtime.traits.get(cell.trait)
    if trait is not None:
        return await run_trait(cell, trait, run, _output_of(cell, run.spec), given)
    target = run.runtime.cascades[cell.trait]
    return await together([run_cascade(target, item, run.ctx, run.options, run.runtime) for item in given])
