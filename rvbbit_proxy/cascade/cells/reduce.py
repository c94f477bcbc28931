"""A group too large for a prompt: its parts asked in runs of their own, then their answers made one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from rvbbit_proxy.caller import mint_span_id
from rvbbit_proxy.cascade.cells.kept import answers_of, keep_parts, parts_of
from rvbbit_proxy.cascade.cells.llm import Question, answering_cell, ask_until_valid, chat, read_single
from rvbbit_proxy.cascade.fold import PART_TOKENS, fits, split_texts
from rvbbit_proxy.cascade.load import PARTIALS, listed_input
from rvbbit_proxy.cascade.output import expect
from rvbbit_proxy.cascade.runtime import CellEnded, ContextMessage, Run
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import CascadeSpec, LlmCell
from rvbbit_proxy.cascade.template import render_prompt, value_text
from rvbbit_proxy.errors import CascadeFailed
from rvbbit_proxy.settings import OFFLINE, RunOptions

Inputs = Mapping[str, Any]
RunPart = Callable[[Run, dict[str, Any], str], Coroutine[Any, Any, Any]]
"""How a part is run: under which run, on which inputs, with which span."""
Partials = Sequence[tuple[str, str]]
"""Answers for parts, each with the span of the run that gave it, empty for one that was kept."""


def too_large(spec: CascadeSpec, data: Inputs, options: RunOptions) -> bool:
    """Tell whether a group must be folded: too many texts for a prompt, and a model to prompt."""
    name = listed_input(spec)
    if spec.reduce is None or name is None or data[name] is None:
        return False
    asked = next(cell for cell in reversed(spec.cells) if isinstance(cell, LlmCell))
    offline = (asked.model or options.model) == OFFLINE and spec.offline is not None
    return not offline and not fits(data[name], PART_TOKENS)


async def fold(run: Run, ended: list[CellEnded], *, inputs: Inputs, run_part: RunPart) -> Any:
    """Ask about each part in a run of its own, then about the answers, until one is left."""
    name = listed_input(run.spec)
    assert name is not None
    partials = await _map_parts(run, name, inputs, run_part)
    while partials:
        answered = await _reduce_all(run, ended, name, inputs, partials)
        if len(answered) == 1:
            return answered[0][1]
        partials = [(span, text) for span, answer in answered for text in _texts(answer)]
    return None


async def _reduce_all(
    run: Run, ended: list[CellEnded], name: str, inputs: Inputs, partials: Partials
) -> list[tuple[str, Any]]:
    """Make fewer answers of the answers, each with its cell's span, empty for one that was kept."""
    groups = split_texts([text for _, text in partials], PART_TOKENS)
    if 1 < len(partials) <= len(groups):
        raise CascadeFailed(f'cascade "{run.spec.cascade_id}": the answers for the parts do not get shorter')
    spans = [""] * len(groups)

    async def ask(index: int) -> Any:
        cell = await _reduce(run, inputs, partials, groups[index])
        ended.append(cell)
        spans[index] = cell.trace_id
        return cell.output

    items = [{**inputs, name: None, PARTIALS: group} for group in groups]
    answers = await answers_of(run, "reduce", items, ask)
    return list(zip(spans, answers, strict=True))


async def _map_parts(run: Run, name: str, inputs: Inputs, run_part: RunPart) -> Partials:
    """Return what the parts' runs answered, now or in an earlier fold."""
    parts = parts_of(run, name, inputs)
    items = [{**inputs, name: part} for part in parts]
    spans = [""] * len(parts)

    async def ask(index: int) -> Any:
        spans[index] = mint_span_id()
        return await run_part(run, items[index], spans[index])

    answers = await answers_of(run, "part", items, ask)
    keep_parts(run, name, inputs, parts)
    return [(span, text) for span, answer in zip(spans, answers, strict=True) for text in _texts(answer)]


def _texts(answer: Any) -> list[str]:
    """Return a part's answer as texts: an array's items, nothing for NULL."""
    if answer is None:
        return []
    return [value_text(entry) for entry in answer] if isinstance(answer, list) else [value_text(answer)]


async def _reduce(run: Run, inputs: Inputs, partials: Partials, group: Sequence[str]) -> CellEnded:
    reduce, cell = run.spec.reduce, answering_cell(run)
    assert reduce is not None
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
    told = tuple(ContextMessage(span, "user", text) for span, text in partials if span and text in set(group))
    return CellEnded("reduce", trace_id, told, output, question.model)
