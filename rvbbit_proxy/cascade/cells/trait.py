"""A cell that computes: a Python trait, on one input or on many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rvbbit_proxy.cascade.output import AnswerFault, check_value, expect
from rvbbit_proxy.cascade.runtime import Run, Trait
from rvbbit_proxy.cascade.spans import open_span
from rvbbit_proxy.cascade.spec import OutputSpec, TraitCell
from rvbbit_proxy.cascade.template import OUTPUTS, evaluate
from rvbbit_proxy.errors import CascadeFailed


def cell_inputs(
    given: Mapping[str, Any] | None, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a cell passes on: strings evaluated, other values as they are, everything if not said."""
    if given is None:
        return dict(inputs)
    names = {**inputs, OUTPUTS: dict(outputs)}
    return {key: evaluate(value, names) if isinstance(value, str) else value for key, value in given.items()}


async def run_trait(
    cell: TraitCell, trait: Trait, run: Run, output: OutputSpec, items: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """Return the trait's answers, one per item, checked against the declared type.

    ``items``: the trait's own inputs. Raises :class:`CascadeFailed`.
    """
    where = f'cascade "{run.spec.cascade_id}", cell "{cell.name}": trait {cell.trait}'
    with open_span(run, "trait", subtype=cell.trait, args={"items": len(items)}) as inside:
        try:
            values = await trait(items, inside)
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            raise CascadeFailed(f"{where}: {type(error).__name__}: {error}") from error
        if len(values) != len(items):
            raise CascadeFailed(f"{where} gave {len(values)} answers for {len(items)} inputs")
        try:
            return [check_value(value, expect(output, item)) for item, value in zip(items, values, strict=True)]
        except AnswerFault as fault:
            raise CascadeFailed(f"{where}: {fault}") from fault
