"""A group too large for a prompt: its parts asked in runs of their own, then their answers made one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from rvbbit_proxy.caller import mint_span_id
from rvbbit_proxy.cascade.cells.llm import Question, answering_cell, ask_until_valid, chat, read_single
from rvbbit_proxy.cascade.fold import PART_TOKENS, fits, split_texts
from rvbbit_proxy.cascade.load import PARTIALS, listed_input
from rvbbit_proxy.cascade.output import expect
from rvbbit_proxy.cascade.runtime import CellEnded, ContextMessage, Run
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import CascadeSpec, LlmCell, ReduceSpec
from rvbbit_proxy.cascade.template import render_prompt, value_text
from rvbbit_proxy.cascade.together import together
from rvbbit_proxy.errors import CascadeFailed
from rvbbit_proxy.settings import OFFLINE, RunOptions

Inputs = Mapping[str, Any]
RunPart = Callable[[Run, dict[str, Any], str], Coroutine[Any, Any, Any]]
"""How a part is run: under which run, on which inputs, with which span."""


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
    name, reduce, cell = listed_input(run.spec), run.spec.reduce, answering_cell(run)
    assert name is not None and reduce is not None
    partials = await _map_parts(run, name, inputs, run_part)
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


async def _map_parts(run: Run, name: str, inputs: Inputs, run_part: RunPart) -> list[tuple[str, str]]:
    """Return what the parts' runs answered, each text with its run's span."""
    parts = split_texts(inputs[name], PART_TOKENS)
    spans = [mint_span_id() for _ in parts]
    answers = await together(
        [run_part(run, {**inputs, name: part}, span) for part, span in zip(parts, spans, strict=True)]
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
