"""From items of an operator's arguments to typed values, in one run of its cascade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.cascade.run import run_batch, score_cascade
from rvbbit_proxy.cascade.runtime import Runtime
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.settings import RunOptions


async def answer(
    operator: Operator,
    items: Sequence[Mapping[str, Any]],
    ctx: CallerContext,
    options: RunOptions,
    runtime: Runtime,
) -> list[Any]:
    """Return one value per item, typed as ``operator.returns``.

    An item maps argument names to values; arguments with defaults may be left out. In an aggregate the first
    argument's value is the list of the group's texts, NULLs ignored. One item is asked in the single form,
    several in one batch. Raises :class:`NotSupported` for several items where ``operator.batched`` is false,
    else as ``run_batch``; then no item has an answer.
    """
    asked = [row for row, item in enumerate(items) if not answered_null(operator, item)]
    values = await run_batch(
        operator.cascade, [_arguments(operator, items[row]) for row in asked], ctx, options, runtime
    )
    answers: list[Any] = [None] * len(items)
    for row, value in zip(asked, values, strict=True):
        answers[row] = value
    return answers


async def score(
    operator: Operator, item: Mapping[str, Any], ctx: CallerContext, options: RunOptions, runtime: Runtime
) -> float | None:
    """Return how likely a predicate of one cell is true of an item; None where the model does not tell, or for NULL."""
    if answered_null(operator, item):
        return None
    return await score_cascade(operator.cascade, _arguments(operator, item), ctx, options, runtime)


def answered_null(operator: Operator, item: Mapping[str, Any]) -> bool:
    """Tell whether the item's answer is NULL without a call: NULL where a value is required, an empty group."""
    if operator.shape == "aggregate" and not _group(item.get(operator.args[0].name)):
        return True
    return operator.propagates_null and any(
        arg.required and item.get(arg.name, arg) is None for arg in operator.args
    )


def _arguments(operator: Operator, item: Mapping[str, Any]) -> dict[str, Any]:
    arguments = dict(item)
    if operator.shape == "aggregate":
        first = operator.args[0].name
        arguments[first] = _group(arguments[first])
    return arguments


def _group(texts: Sequence[Any] | None) -> list[Any]:
    return [text for text in texts or () if text is not None]
