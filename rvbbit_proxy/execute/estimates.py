"""What the stages of a plan will ask of the model, before anything is asked: inputs, calls, tokens and dollars.

The inputs of every stage are read (that costs no model call), so counts are exact where no earlier stage
decides; else they are an upper bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.errors import BudgetExceeded
from rvbbit_proxy.execute.answers import known_answers
from rvbbit_proxy.execute.batches import Item, batch_size, group_batches
from rvbbit_proxy.execute.beside import companions, share_inputs
from rvbbit_proxy.execute.forecast import forecast
from rvbbit_proxy.execute.judging import stage_inputs
from rvbbit_proxy.execute.keys import item_keys
from rvbbit_proxy.execute.pairs import Expected, expected_pairs, expected_related
from rvbbit_proxy.execute.proxies import cascade_method
from rvbbit_proxy.execute.request import StatementRequest
from rvbbit_proxy.execute.services import Services
from rvbbit_proxy.execute.small_model import can_score
from rvbbit_proxy.execute.top import shortlist, top_method
from rvbbit_proxy.execute.waves import wave_count
from rvbbit_proxy.llm.prices import Usage
from rvbbit_proxy.operators.estimate import Asked, estimate_run
from rvbbit_proxy.operators.operator import Operator
from rvbbit_proxy.plan.plan import OperatorStage, Plan, Stage, Waves
from rvbbit_proxy.settings import RunOptions

NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What a stage will ask. ``at_most``: an earlier stage may leave fewer inputs. ``cost_usd`` None: no price.

    ``exact``: the counts are; ``calls_low`` and ``calls_high`` are what is possible without retries. Dollars and
    ``seconds`` (None: unknown) rest on ``past_calls``, 0 is a guess.
    """

    operator: str
    cascade: str
    position: str
    inputs: int
    at_most: bool
    cached: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: Decimal | None
    input_sql: str
    method: str | None = None
    exact: bool = False
    calls_low: int = 0
    calls_high: int = 0
    cost_low_usd: Decimal | None = None
    cost_high_usd: Decimal | None = None
    seconds: float | None = None
    past_calls: int = 0


@dataclass(frozen=True, slots=True)
class SmallModel:
    """What the small model of a cascade is asked, and what that costs; None is unpriced."""

    asked: Asked = NOTHING
    cost_usd: Decimal | None = Decimal(0)

    def added_to(self, cost_usd: Decimal | None) -> Decimal | None:
        """Return a cost with this one; None where either is unknown."""
        return None if cost_usd is None or self.cost_usd is None else cost_usd + self.cost_usd


def check_budget(estimates: Sequence[StageEstimate], limit_usd: Decimal) -> None:
    """Refuse a statement that is certain to cost more than it may: by the stages whose inputs are exactly known.

    :raises BudgetExceeded: with both figures.
    """
    certain = sum((each.cost_usd for each in estimates if each.cost_usd and not each.at_most), Decimal(0))
    if certain > limit_usd:
        raise BudgetExceeded(
            f"query would cost about {certain:f} USD, more than rvbbit.max_cost = {limit_usd}",
            hint="See EXPLAIN; raise rvbbit.max_cost or narrow the query.",
        )


def estimate_stages(
    plan: Plan, request: StatementRequest, upstream: UpstreamSession, services: Services
) -> list[StageEstimate]:
    """Price every operator stage without asking a model."""
    estimates: list[StageEstimate] = []
    shared: dict[str, _Beside] = {}
    for number, stage in enumerate(plan.stages, start=1):
        if isinstance(stage, Waves):
            for each in stage.filters:
                estimates.append(_estimate(each, _Given(waves=stage), request, upstream, services))
        elif isinstance(stage, OperatorStage):
            if stage.relation not in shared:
                shared |= _ask_together(stage, plan.stages[number:], request, upstream, services)
            given = _Given(beside=shared.get(stage.relation, _Beside()))
            estimates.append(_estimate(stage, given, request, upstream, services))
    return estimates


@dataclass(frozen=True, slots=True)
class _Beside:
    """What a stage asks with others: the calls, if they count as its own, and the inputs they answer, by key."""

    asked: Asked = NOTHING
    keys: frozenset[str] = frozenset()
    cascade_id: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class _Given:
    """What the plan around a stage tells: the waves it is in, the stages it shares prompts with."""

    beside: _Beside = _Beside()
    waves: Waves | None = None


def _ask_together(
    stage: OperatorStage,
    later: Sequence[Stage],
    request: StatementRequest,
    upstream: UpstreamSession,
    services: Services,
) -> dict[str, _Beside]:
    """Return what stages ask together, by relation; the first of them counts the calls."""
    together = companions(stage, later, request.options, services)
    if not together:
        return {}
    _, items = stage_inputs(stage, upstream.fetch(stage.estimate_sql))
    texts = [item[stage.arguments[0]] for item in items]
    shared = share_inputs(together, texts, request.options, services)
    reader = shared.reader or stage.operator
    asked = _estimate_runs(reader, shared.items, request.options)
    keys = frozenset(key for owners in shared.owners for _, key in owners)
    names = ", ".join(each.operator.name for each in together)
    method = f"{names} share prompts, {reader.name}'s" if keys else None
    cascade_id = reader.cascade.cascade_id if keys else None
    found = {each.relation: _Beside(NOTHING, keys, None, method) for each in together}
    return {**found, stage.relation: _Beside(asked, keys, cascade_id, method)}


def _estimate(
    stage: OperatorStage, given: _Given, request: StatementRequest, upstream: UpstreamSession, services: Services
) -> StageEstimate:
    options, operator = request.options, stage.operator
    pairs = expected_pairs(stage, stage.sides, upstream, options, services) if stage.sides is not None else None
    inputs = upstream.fetch(stage.estimate_sql) if pairs is None else pairs.inputs
    pairs = pairs or expected_related(stage, inputs, options, services)
    inputs, times = (inputs, 1.0) if pairs is None else (pairs.inputs, pairs.times)
    _, items = stage_inputs(stage, inputs)
    distinct = dict(zip(item_keys(operator, options, items), items, strict=True))
    known = known_answers(operator, list(distinct), options, services)
    todo = [item for key, item in distinct.items() if key not in known and key not in given.beside.keys]
    ranked = shortlist(stage, len(distinct), options, services)
    cascaded = cascade_method(operator, len(todo), options, services)
    asked = _estimate_runs(operator, todo[: ranked.first + ranked.wave] if ranked else todo, options).times(times)
    scored = _scored(operator, todo, options, services) if cascaded else SmallModel()
    if given.waves is not None:
        low, high = _in_waves(stage, given.waves, todo, asked, options, fresh=not known)
    else:
        low = NOTHING if stage.bounded or cascaded else _at_least(operator, todo, asked, options)
        high = _at_most(stage, todo, asked, pairs, options) if ranked or pairs else asked
    beside = given.beside
    cascade_id, price = beside.cascade_id or operator.cascade.cascade_id, services.door.price(options.model)
    scale = services.door.observed.tokens_scale(cascade_id, options.model)
    forecasts = []
    for each in (low + beside.asked, asked + beside.asked, high + beside.asked):
        seen = services.door.observed.find(cascade_id, options.model, each.tokens_in // max(1, each.calls))
        forecasts.append(forecast(each, seen, price, options.concurrency, scale))
    return StageEstimate(
        operator=operator.name,
        cascade=operator.cascade.cascade_id,
        position=stage.position,
        inputs=round(len(distinct) * times),
        at_most=stage.bounded,
        cached=round(len(known) * times),
        calls=asked.calls + beside.asked.calls + scored.asked.calls,
        calls_low=low.calls + beside.asked.calls + scored.asked.calls,
        calls_high=high.calls + beside.asked.calls + scored.asked.calls,
        tokens_in=asked.tokens_in + beside.asked.tokens_in + scored.asked.tokens_in,
        tokens_out=forecasts[1].tokens_out + scored.asked.tokens_out,
        cost_usd=scored.added_to(forecasts[1].cost_usd),
        input_sql=stage.input_sql,
        method=top_method(stage, ranked)
        or cascaded
        or beside.method
        or (pairs.method if pairs is not None else None),
        exact=not stage.bounded and times == 1,
        cost_low_usd=scored.added_to(forecasts[0].cost_low_usd),
        cost_high_usd=scored.added_to(forecasts[2].cost_high_usd),
        seconds=forecasts[1].seconds,
        past_calls=forecasts[1].past_calls,
    )


def _scored(operator: Operator, todo: Sequence[Item], options: RunOptions, services: Services) -> SmallModel:
    """Return what the small model is asked about inputs that the cache does not know, once for each."""
    if not can_score(operator, options):
        return SmallModel()
    model = options.proxy_model
    asked = sum((estimate_run(operator, [item], model) for item in todo), Asked())
    price = services.door.price(model)
    return SmallModel(asked, price.cost_usd(Usage(asked.tokens_in, asked.tokens_out)) if price else None)


def _at_least(operator: Operator, todo: Sequence[Item], asked: Asked, options: RunOptions) -> Asked:
    """Return what is asked if the parts of groups that are folded are all known."""
    prompts = len(group_batches(operator, todo, options)) if operator.cascade.reduce is not None else asked.calls
    return Asked(prompts) if asked.calls > prompts else asked


def _at_most(
    stage: OperatorStage, todo: Sequence[Item], asked: Asked, pairs: Expected | None, options: RunOptions
) -> Asked:
    """Return what is asked if a shortlist, or blocking, ends up with everything."""
    if pairs is None:
        return _estimate_runs(stage.operator, todo, options)
    if pairs.every is None:
        return asked
    every = _estimate_runs(stage.operator, stage_inputs(stage, pairs.every)[1], options).times(pairs.every_times)
    return max(every, asked, key=lambda each: each.calls)  # some pairs may be worse to pack than all


def _in_waves(
    stage: OperatorStage, waves: Waves, todo: Sequence[Item], asked: Asked, options: RunOptions, *, fresh: bool
) -> tuple[Asked, Asked]:
    """Return what a stage of waves asks at least and at most: each wave may end with a prompt that is not full.

    ``fresh``: none of its inputs is known.
    """
    only = len(waves.conditions) == 1 and len(waves.filters) == 1
    low = _estimate_runs(stage.operator, todo[:1], options) if only and fresh else NOTHING
    size = batch_size(stage.operator, options)
    if size == 1:
        return low, asked
    frame = _estimate_runs(stage.operator, todo[:2], options).tokens_in
    more = wave_count(len(todo), waves.needed, size, options.concurrency) - 1
    return low, asked + Asked(more, more * frame, 0)


def _estimate_runs(operator: Operator, items: Sequence[Item], options: RunOptions) -> Asked:
    batches = group_batches(operator, items, options)
    runs = ([items[index] for index in batch] for batch in batches)
    return sum((estimate_run(operator, run, options.model) for run in runs), Asked())


def total_cost(estimates: Sequence[StageEstimate]) -> Decimal | None:
    """Return the sum in USD; None as soon as one stage that calls has no price."""
    costs = [estimate.cost_usd for estimate in estimates if estimate.calls]
    return None if any(cost is None for cost in costs) else sum((cost for cost in costs if cost), Decimal(0))
