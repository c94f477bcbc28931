"""A cell that asks a model: messages out, a typed value back, the error as feedback in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from rvbbit_proxy.cascade.output import AnswerFault, Expected, check_value, parse_answer, probability_of_true
from rvbbit_proxy.cascade.runtime import Run
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import LlmCell, Parameters
from rvbbit_proxy.errors import AnswerInvalid
from rvbbit_proxy.llm.request import ModelReply, ModelRequest, OfflineTask
from rvbbit_proxy.settings import OFFLINE

Message = Mapping[str, str]
Value = TypeVar("Value")

_SHOWN_ANSWER_CHARS = 2000
LOGPROBS: Mapping[str, Any] = {"logprobs": True, "top_logprobs": 5}
"""Parameters that ask for the log-probabilities of the likeliest tokens; 5 is what all providers allow."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a model, and how often at most. ``instruction`` says what an answer must be."""

    messages: Sequence[Message]
    model: str
    parameters: Parameters
    instruction: str
    max_attempts: int
    offline: OfflineTask | None


def chat(system: str, *prompts: str) -> list[Message]:
    """Return messages: instructions first, then the prompts."""
    first = [{"role": "system", "content": system}] if system else []
    return [*first, *({"role": "user", "content": prompt} for prompt in prompts)]


async def ask_until_valid(question: Question, run: Run, read: Callable[[ModelReply], Value]) -> Value:
    """Ask, read the reply, and ask again with the reason while ``read`` raises :class:`AnswerFault`.

    Raises :class:`AnswerInvalid` when no attempt gave a value.
    """
    messages, answer, reason = question.messages, "", ""
    attempts = 1 if question.model == OFFLINE else question.max_attempts
    for attempt in range(1, attempts + 1):
        run.ctx.check()
        try:
            with open_span(run, "attempt", args={"attempt": attempt}) as attempted:
                reply = await run.runtime.door.ask(_request(question, messages, attempted, attempt), attempted.ctx)
                answer = reply.text
                with open_span(attempted, "validation"):
                    return _read_whole(reply, read)
        except AnswerFault as fault:
            reason = str(fault)
            messages = [*question.messages, *_feedback(answer, reason, question.instruction)]
    raise AnswerInvalid(
        f'cascade "{run.spec.cascade_id}", cell "{run.cell_name}": invalid answer after {attempts}'
        f" attempt{'s' if attempts > 1 else ''}: {reason}",
        detail=f"Last answer: {answer[:_SHOWN_ANSWER_CHARS]}",
    )


async def ask_probability(question: Question, run: Run) -> float | None:
    """Ask once, and return how likely the answer is true; None where it begins with neither true nor false.

    A provider that gives no log-probabilities has only its answer to tell: 1 or 0.
    """
    with open_span(run, "attempt", args={"attempt": 1}) as attempted:
        request = _request(question, question.messages, attempted, 1)
        asked = replace(request, parameters={**request.parameters, **LOGPROBS})
        reply = await run.runtime.door.ask(asked, attempted.ctx)
    return probability_of_true(reply.first_token or {reply.text: 0.0})


def read_single(expected: Expected) -> Callable[[ModelReply], Any]:
    """Return how to read a reply that answers one input."""

    def read(reply: ModelReply) -> Any:
        if reply.values is None:
            return parse_answer(reply.text, expected)
        return read_values(reply.values, 1, expected)[0]

    return read


def read_values(values: Sequence[Any], count: int, expected: Expected) -> list[Any]:
    """Return the machine's own answers, checked like a model's. Raises :class:`AnswerFault`."""
    if len(values) != count:
        raise AnswerFault(f"{len(values)} values for {count} inputs")
    return [check_value(value, expected) for value in values]


def single_question(
    cell: LlmCell, run: Run, messages: Sequence[Message], expected: Expected, inputs: Mapping[str, Any]
) -> Question:
    """Return the question of a cell for one input."""
    return Question(
        messages=messages,
        model=run.model_of(cell),
        parameters=cell.parameters,
        instruction=expected.instruction,
        max_attempts=cell.max_attempts,
        offline=offline_task(cell, run, [inputs]),
    )


def offline_task(cell: LlmCell, run: Run, items: Sequence[Mapping[str, Any]]) -> OfflineTask | None:
    """Return what the machine shall do instead of the model; only for the cell that gives the answer."""
    offline = run.spec.offline
    if run.model_of(cell) != OFFLINE or offline is None or cell.name != answering_cell(run).name:
        return None
    return OfflineTask(method=offline.method, items=items, arguments=offline.arguments)


def answering_cell(run: Run) -> LlmCell:
    """Return the last cell that asks a model: batches and offline methods answer for it."""
    return next(cell for cell in reversed(run.spec.cells) if isinstance(cell, LlmCell))


def _read_whole(reply: ModelReply, read: Callable[[ModelReply], Value]) -> Value:
    if reply.finish_reason == "length":
        raise AnswerFault("the answer was cut off; be shorter")
    return read(reply)


def _request(question: Question, messages: Sequence[Message], run: Run, attempt: int) -> ModelRequest:
    cached = run.spec.sql_function is None or run.spec.sql_function.cache
    states = {"on": "miss", "refresh": "refresh", "off": "off"}
    return ModelRequest(
        model=question.model,
        messages=messages,
        cascade_id=run.spec.cascade_id,
        cell_name=run.cell_name or "",
        parameters=question.parameters.model_dump(exclude_none=True),
        offline=question.offline,
        attempt=attempt,
        result_cache=states[run.options.cache] if cached else "off",
    )


def _feedback(answer: str, reason: str, instruction: str) -> list[Message]:
    """Return the messages that show the model its answer, what is wrong with it, and what is wanted."""
    shown = [{"role": "assistant", "content": answer}] if answer.strip() else []
    return [*shown, {"role": "user", "content": f"Invalid: {reason}. Reply only with {instruction}."}]
