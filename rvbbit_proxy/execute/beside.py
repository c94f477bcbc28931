"""Several operators over the same texts, asked in the same prompts: each text is paid for once.

An operator says in its YAML how its question stands beside others (``beside``): as one field of a cascade that reads
several. Two calls of one operator that has a block form are pairs of the texts with what they are asked about. What
an operator is answered here counts as its own answer, also in the cache; what it is not, because the answer is none of
its, it is asked for alone. A prompt that fails ends the sharing for the rest of the statement, not the statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.inputs import complete_inputs
from rvbbit_proxy.cascade.output import AnswerFault, check_value, expect, parse_answer
from rvbbit_proxy.cascade.spec import LlmCell
from rvbbit_proxy.cascade.template import render_lines
from rvbbit_proxy.errors import AnswerInvalid, RequestRefused, RvbbitError
from rvbbit_proxy.execute.answers import NEVER_NULL, answer_inputs, known_answers, remember
from rvbbit_proxy.execute.batches import Item, group_batches
from rvbbit_proxy.execute.keys import max_age_s
from rvbbit_proxy.execute.proxies import wanted_accuracy
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.operators.answering import answer
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.plan.plan import OperatorStage, Stage
from rvbbit_proxy.settings import OFFLINE, RunOptions

SHARING_ENDS = (AnswerInvalid, RequestRefused)
"""Failures after which each operator asks for itself: its own prompts are shorter, and ask for less."""
Keys = Mapping[str, str]
"""A text's cache key for one operator, by text."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Inputs that share a prompt: what ``reader`` is given, and whose answers these are, as (stage, cache key).

    ``reader`` None: the stages are of one operator, and each answer is one of theirs.
    """

    reader: Operator | None
    items: Sequence[Item]
    owners: Sequence[Sequence[tuple[OperatorStage, str]]]


@dataclass(slots=True)
class Given:
    """Answers by cache key, and the runs they took."""

    values: dict[str, Any] = field(default_factory=dict)
    runs: int = 0


def companions(
    stage: OperatorStage, later: Sequence[Stage], options: RunOptions, services: Services
) -> list[OperatorStage]:
    """Return the stages that may share the stage's prompts, itself first; none where nobody may.

    Their inputs are the same query, so they are there when this stage's are.
    """
    if not _may_share(stage, options, services):
        return []
    others = [each for each in later if isinstance(each, OperatorStage) and each.input_sql == stage.input_sql]
    found = [stage, *(each for each in others if _may_share(each, options, services))]
    if _one_block(found):
        return found
    reader = _reader_id(stage)
    found = [each for each in found if reader is not None and _reader_id(each) == reader]
    return found if len(found) > 1 else []


def share_inputs(
    stages: Sequence[OperatorStage], texts: Sequence[str], options: RunOptions, services: Services
) -> Shared:
    """Return what several of the stages have no known answer for, as inputs that are asked together."""
    keys = {stage.relation: _keys(stage, texts, options, services) for stage in stages}
    known = _known(stages, keys, options, services)
    unknown = [
        [(stage, key) for stage in stages if (key := keys[stage.relation][text]) not in known] for text in texts
    ]
    if _one_block(stages):
        pairs = [
            (_item(stage, text), [(stage, key)])
            for text, owners in zip(texts, unknown, strict=True)
            for stage, key in owners
            if len(owners) > 1
        ]
        return Shared(None, [item for item, _ in pairs], [owners for _, owners in pairs])
    reader = _reader(stages[0], services)
    text_arg, fields_arg = (arg.name for arg in reader.args)
    chosen = [(text, owners) for text, owners in zip(texts, unknown, strict=True) if len(owners) > 1]
    items = [
        {text_arg: text, fields_arg: "; ".join(_field(stage) for stage, _ in owners)} for text, owners in chosen
    ]
    return Shared(reader, items, [owners for _, owners in chosen])


async def answer_shared(
    shared: Shared, stages: Sequence[OperatorStage], ctx: CallerContext, options: RunOptions, services: Services
) -> Given:
    """Ask the shared prompts; what has no answer afterwards is left to the stages.

    :raises RvbbitError: what the door raises; a failed answer is none, nor is a request that is refused.
    """
    given = Given()
    if shared.reader is None:
        try:
            asked = await answer_inputs(stages[0].operator, shared.items, ctx, options, services)
        except SHARING_ENDS:
            return given
        pairs = zip(shared.owners, asked.values, strict=True)
        given.values = {owner[0][1]: value for owner, value in pairs if value is not None}
        given.runs = asked.runs
        return given
    owners = {key: row for row, row_owners in enumerate(shared.owners) for _, key in row_owners}

    async def ask(keys: Sequence[str]) -> None:
        await _ask(shared, set(keys), sorted({owners[key] for key in keys}), given, ctx, options, services)

    if options.cache == "off":
        await ask(list(owners))
    else:
        oldest = min(filter(None, (max_age_s(stage.operator, options) for stage in stages)), default=None)
        refresh = options.cache == "refresh"
        given.values |= await services.cache.answers(list(owners), ask, refresh=refresh, max_age_s=oldest)
    return given


async def _ask(
    shared: Shared,
    wanted: set[str],
    rows: Sequence[int],
    given: Given,
    ctx: CallerContext,
    options: RunOptions,
    services: Services,
) -> None:
    """Ask about these rows, prompts side by side, until one fails; what is in flight ends.

    :raises RvbbitError: what the door raised, where the statement fails by it.
    """
    reader = shared.reader
    assert reader is not None
    items = [shared.items[row] for row in rows]
    batches = iter([[rows[index] for index in batch] for batch in group_batches(reader, items, options)])
    failures: list[RvbbitError] = []

    async def worker() -> None:
        for batch in batches:
            if failures:
                return
            given.runs += 1
            try:
                ctx.check()
                lists = await answer(reader, [shared.items[row] for row in batch], ctx, options, services.runtime)
            except RvbbitError as error:
                failures.append(error)
                return
            found = [
                (stage, key, value)
                for row, values in zip(batch, lists, strict=True)
                for (stage, key), text in zip(shared.owners[row], values, strict=True)
                if key in wanted
                for value in _read(stage, shared.items[row][reader.args[0].name], text)
            ]
            _keep(found, given, ctx, options, services)
            services.running.advance(ctx.query_id, len(batch))

    async with asyncio.TaskGroup() as group:
        for _ in range(min(options.concurrency, len(items))):
            group.create_task(worker())
    for error in failures:
        if isinstance(error, NEVER_NULL) or (options.on_error == "fail" and not isinstance(error, SHARING_ENDS)):
            raise error


def _keep(
    found: Sequence[tuple[OperatorStage, str, Any]],
    given: Given,
    ctx: CallerContext,
    options: RunOptions,
    services: Services,
) -> None:
    by_stage: dict[str, list[tuple[OperatorStage, str, Any]]] = {}
    for stage, key, value in found:
        given.values[key] = value
        by_stage.setdefault(stage.relation, []).append((stage, key, value))
    for entries in by_stage.values():
        operator = entries[0][0].operator
        remember(
            operator, [key for _, key, _ in entries], [value for *_, value in entries], ctx, options, services
        )


def _read(stage: OperatorStage, text: str, answered: str | None) -> Iterator[Any]:
    """Yield the field as the operator's answer, if it is one."""
    spec = stage.operator.cascade
    expected = expect(spec.output, complete_inputs(spec, _item(stage, text)))
    try:
        yield check_value(None, expected) if answered is None else parse_answer(answered, expected)
    except AnswerFault:
        return


def _may_share(stage: OperatorStage, options: RunOptions, services: Services) -> bool:
    """Whether the stage asks the statement's model about one text a row, for an answer that may be kept."""
    operator = stage.operator
    if options.model == OFFLINE or stage.aggregate or stage.sides is not None or stage.top is not None:
        return False
    own_model = any(isinstance(cell, LlmCell) and cell.model for cell in operator.cascade.cells)
    if not operator.cached or own_model or wanted_accuracy(operator, options, services) is not None:
        return False
    first = operator.args[0]
    if stage.arguments != (first.name,) or first.sql_type != "text":
        return False
    return operator.cascade.block is not None or ";" not in _field(stage)


def _one_block(stages: Sequence[OperatorStage]) -> bool:
    """Whether the stages are several of one operator whose pairs of texts and constants a block holds."""
    operator = stages[0].operator
    alike = all(stage.operator is operator for stage in stages)
    return alike and len(stages) > 1 and operator.cascade.block is not None


def _reader_id(stage: OperatorStage) -> str | None:
    beside = stage.operator.cascade.beside
    return beside.cascade if beside is not None and ";" not in _field(stage) else None


def _reader(stage: OperatorStage, services: Services) -> Operator:
    beside = stage.operator.cascade.beside
    assert beside is not None
    function = services.runtime.cascades[beside.cascade].sql_function
    assert function is not None
    return services.reader.operators.by_name[function.name]


def _field(stage: OperatorStage) -> str:
    beside, constants = stage.operator.cascade.beside, dict(stage.constants)
    defaults = {arg.name: arg.default for arg in stage.operator.args[1:]}
    return ";" if beside is None else render_lines(beside.field, {**defaults, **constants})


def _item(stage: OperatorStage, text: str) -> Item:
    return {**dict(stage.constants), stage.arguments[0]: text}


def _keys(stage: OperatorStage, texts: Sequence[str], options: RunOptions, services: Services) -> Keys:
    keys = services.remembered.keys(stage, pa.array(texts, pa.string()), options)
    return dict(zip(texts, keys, strict=True))


def _known(
    stages: Sequence[OperatorStage], keys: Mapping[str, Keys], options: RunOptions, services: Services
) -> set[str]:
    """Return the keys whose answers are kept."""
    found: set[str] = set()
    for stage in stages:
        found.update(known_answers(stage.operator, list(keys[stage.relation].values()), options, services))
    return found
