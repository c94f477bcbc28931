"""One run of a cascade: its session on the ledger, its cells in order, its answer.

A session row says ``running`` before any work and how it ended after, whatever ended it. The caller comes with
``ctx`` and goes on by value: into cells, sub-cascades and parts. Observers hear of every run that ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from rvbbit_proxy.caller import CallerContext, mint_session_id, mint_span_id, utc_now
from rvbbit_proxy.cascade.batch import batch_instruction, parse_batch, render_batch
from rvbbit_proxy.cascade.cells.llm import (
    Question,
    answering_cell,
    ask_until_valid,
    chat,
    offline_task,
    read_single,
    read_values,
    single_question,
)
from rvbbit_proxy.cascade.cells.trait import cell_inputs, run_trait
from rvbbit_proxy.cascade.fold import PART_TOKENS, fits, split_texts
from rvbbit_proxy.cascade.load import PARTIALS, listed_input
from rvbbit_proxy.cascade.output import AnswerFault, check_value, expect
from rvbbit_proxy.cascade.runtime import CellEnded, ContextMessage, Door, Run, RunEnded, Runtime
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import (
    BatchSpec,
    CascadeCell,
    CascadeSpec,
    Cell,
    InputSpec,
    LlmCell,
    OutputSpec,
    ReduceSpec,
    TraitCell,
)
from rvbbit_proxy.cascade.template import OUTPUTS, neutralise_tag, output_names, render_prompt, value_text
from rvbbit_proxy.errors import CascadeFailed, InvalidValue, NotSupported, QueryCancelled, TypeFault
from rvbbit_proxy.ledger.records import SessionRecord
from rvbbit_proxy.llm.request import ModelReply
from rvbbit_proxy.settings import OFFLINE, RunOptions

__all__ = ["CellEnded", "ContextMessage", "Door", "RunEnded", "Runtime", "run_batch", "run_cascade"]

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Inputs = Mapping[str, Any]
Work = Callable[[Run, list[CellEnded]], Awaitable[Any]]


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


async def run_batch(
    spec: CascadeSpec, items: Sequence[Inputs], ctx: CallerContext, options: RunOptions, runtime: Runtime
) -> list[Any]:
    """Answer several inputs in one run, in order; a single one in the single form. Raises as run_cascade.

    Raises :class:`NotSupported` for several inputs where the cascade has no batch form.
    """
    if not items:
        return []
    if len(items) == 1:
        return [await run_cascade(spec, items[0], ctx, options, runtime)]
    if not spec.batched:
        raise NotSupported(f'cascade "{spec.cascade_id}" has no batch form', hint="Run it once per input.")
    data = [complete_inputs(spec, item) for item in items]
    work = _batch_by_prompt if spec.batch else _batch_by_traits
    return list(await _session(spec, data, ctx, options, runtime, partial(work, items=data)))


def complete_inputs(spec: CascadeSpec, inputs: Inputs) -> dict[str, Any]:
    """Return the inputs with defaults filled in. Raises :class:`InvalidValue` or :class:`TypeFault`."""
    known = spec.inputs
    unknown = sorted(set(inputs) - set(known))
    missing = sorted(name for name, entry in known.items() if entry.required and name not in inputs)
    if unknown or missing:
        problem = "takes no input" if unknown else "needs input"
        raise InvalidValue(f'cascade "{spec.cascade_id}" {problem} {", ".join(unknown or missing)}')
    return {name: _checked(spec, name, entry, inputs.get(name, entry.default)) for name, entry in known.items()}


_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double precision": (int, float),
    "integer": (int,),
    "text": (str,),
    "text[]": (list, tuple),
    "jsonb": (object,),
}


def _checked(spec: CascadeSpec, name: str, entry: InputSpec, value: Any) -> Any:
    fits_type = value is None or isinstance(value, _PYTHON_TYPES[entry.type])
    if entry.type == "text[]" and fits_type and value is not None:
        fits_type = all(isinstance(text, str) for text in value)
    if not fits_type:
        raise TypeFault(f'cascade "{spec.cascade_id}": input {name} must be {entry.type}, is {value!r:.60}')
    return value


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
    work = _fold if _too_large(spec, data, options) else _run_cells
    return await _session(
        spec,
        data,
        ctx,
        options,
        runtime,
        partial(work, inputs=data),
        meta_of_session_id=meta_of_session_id,
        trace_id=trace_id,
    )


async def _session(
    spec: CascadeSpec,
    data: Any,
    ctx: CallerContext,
    options: RunOptions,
    runtime: Runtime,
    work: Work,
    *,
    meta_of_session_id: str | None = None,
    trace_id: str | None = None,
) -> Any:
    """Do the work as one run: session row before and after, a span around, observers told."""
    session_id, trace_id = mint_session_id(), trace_id or mint_span_id()
    inside = ctx.for_run(session_id, trace_id)
    running = _session_record(spec, data, ctx, inside, meta_of_session_id)
    runtime.ledger.record(running)
    run = Run(spec, replace(inside, trace_id=ctx.trace_id), ctx.session_id, options, runtime)
    ended: list[CellEnded] = []
    try:
        with open_span(run, "cascade", trace_id=trace_id) as opened:
            output = await work(opened, ended)
    except BaseException as error:
        _end(_failed(running, error), ended, inside, options, runtime)
        raise
    _end(replace(running, status="success", output=output), ended, inside, options, runtime)
    return output


def _session_record(
    spec: CascadeSpec, data: Any, ctx: CallerContext, inside: CallerContext, meta_of_session_id: str | None
) -> SessionRecord:
    return SessionRecord(
        session_id=inside.session_id or "",
        cascade_id=spec.cascade_id,
        caller_id=ctx.caller_id,
        created_at=utc_now(),
        status="running",
        cascade_definition=spec.definition,
        input_data=data,
        config_path=spec.config_path,
        parent_session_id=ctx.session_id,
        root_session_id=inside.root_session_id,
        depth=inside.depth,
        invocation_metadata_json=dict(ctx.invocation_metadata),
        genus_hash=spec.genus_hash,
        query_id=ctx.query_id,
        root_trace_id=ctx.root_trace_id,
        trace_id=inside.trace_id,
        is_meta=ctx.is_meta,
        meta_of_session_id=meta_of_session_id,
    )


def _failed(running: SessionRecord, error: BaseException) -> SessionRecord:
    cancelled = isinstance(error, QueryCancelled | asyncio.CancelledError | KeyboardInterrupt)
    return replace(
        running,
        status="cancelled" if cancelled else "error",
        error_type=type(error).__name__,
        error_message=str(error),
    )


def _end(
    session: SessionRecord,
    ended: Sequence[CellEnded],
    inside: CallerContext,
    options: RunOptions,
    runtime: Runtime,
) -> None:
    session = replace(session, completed_at=utc_now())
    runtime.ledger.record(session)
    told = RunEnded(session, tuple(ended), inside, options)
    for observer in runtime.observers:
        try:
            observer(told)
        except Exception:
            logger.exception("observer of run %s failed", session.session_id)


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


async def _batch_by_prompt(run: Run, ended: list[CellEnded], *, items: Sequence[Inputs]) -> list[Any]:
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
    shared |= {name for name in (spec.output.labels_from, spec.output.max_items_from) if name}
    groups: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        key = json.dumps([item[name] for name in sorted(shared)], default=str)
        groups.setdefault(key, []).append(row)
    size = batch.size or len(items)
    return [rows[at : at + size] for rows in groups.values() for at in range(0, len(rows), size)]


async def _ask_batch(cell: LlmCell, batch: BatchSpec, run: Run, items: Sequence[Inputs]) -> list[Any]:
    expected = expect(_output_of(cell, run.spec), items[0])

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


def _too_large(spec: CascadeSpec, data: Inputs, options: RunOptions) -> bool:
    """Tell whether a group must be folded: too many texts for a prompt, and a model to prompt."""
    name = listed_input(spec)
    if spec.reduce is None or name is None or data[name] is None:
        return False
    asked = next(cell for cell in reversed(spec.cells) if isinstance(cell, LlmCell))
    offline = (asked.model or options.model) == OFFLINE and spec.offline is not None
    return not offline and not fits(data[name], PART_TOKENS)


async def _fold(run: Run, ended: list[CellEnded], *, inputs: Inputs) -> Any:
    """Ask about each part in a run of its own, then about the answers, until one is left."""
    name, reduce, cell = listed_input(run.spec), run.spec.reduce, answering_cell(run)
    assert name is not None and reduce is not None
    partials = await _map_parts(run, name, inputs)
    while partials:
        groups = split_texts([text for _, text in partials], PART_TOKENS)
        if 1 < len(partials) <= len(groups):
            raise CascadeFailed(f'cascade "{run.spec.cascade_id}": the answers for the parts do not get shorter')
        asked = await together([_reduce(cell, reduce, run, inputs, partials, group) for group in groups])
        ended.extend(asked)
        if len(asked) == 1:
            return asked[0].output
        partials = [(entry.trace_id, text) for entry in asked for text in _texts(entry.output)]
    return None


async def _map_parts(run: Run, name: str, inputs: Inputs) -> list[tuple[str, str]]:
    """Return what the parts' runs answered, each text with its run's span."""
    parts = split_texts(inputs[name], PART_TOKENS)
    spans = [mint_span_id() for _ in parts]
    answers = await together(
        [
            _run_one(run.spec, {**inputs, name: part}, run.ctx, run.options, run.runtime, trace_id=span)
            for part, span in zip(parts, spans, strict=True)
        ]
    )
    return [(span, text) for span, answer in zip(spans, answers, strict=True) for text in _texts(answer)]


def _texts(answer: Any) -> list[str]:
    """Return a part's answer as texts: an array's items, nothing for NULL."""
    if answer is None:
        return []
    return [value_text(entry) for entry in answer] if isinstance(answer, list) else [value_text(answer)]


async def _reduce(
    cell: LlmCell,
    reduce: ReduceSpec,
    run: Run,
    inputs: Inputs,
    partials: Sequence[tuple[str, str]],
    group: Sequence[str],
) -> CellEnded:
    trace_id = mint_span_id()
    with open_span(run, "cell", cell_name="reduce", trace_id=trace_id) as inside:
        expected = expect(run.spec.output, inputs)
        prompt = render_prompt(reduce.prompt, {**inputs, PARTIALS: list(group)})
        question = Question(
            messages=chat(reduce.system.strip() or cell.system.strip(), prompt),
            model=run.model_of(cell),
            parameters=cell.parameters,
            instruction=expected.instruction,
            max_attempts=reduce.max_attempts,
            offline=None,
        )
        output = await ask_until_valid(question, inside, read_single(expected))
    told = tuple(ContextMessage(span, "user", text) for span, text in partials if text in set(group))
    return CellEnded("reduce", trace_id, told, output, question.model)


async def together(work: Sequence[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """Await all, in order of the arguments; when one fails, cancel the others and raise its error."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
