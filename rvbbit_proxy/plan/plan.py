"""What a semantic statement becomes: stages in order, then one plain SQL statement.

Every stage makes one temporary relation on the upstream: a :class:`Spool` by a query of the upstream's own, an
:class:`OperatorStage` by model work on a query's distinct rows. Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass

from rvbbit_proxy.operators.operator import Operator

VALUE = "rvbbit_value"
"""The column of an output relation that holds the results."""
ORDINAL = "rvbbit_ord"
"""The column of a spool that numbers its rows; the key of an aggregate's output relation."""
KEY = "rvbbit_key"
"""The column of a spool that numbers its different rows, as far as a DISTINCT reads them."""


def key_column(index: int) -> str:
    """Return the name of the column that holds the index-th varying argument.

    Names must not occur in users' tables: a lookup's operand is resolved inside the lookup first.
    """
    return f"rvbbit_a{index}"


@dataclass(frozen=True, slots=True)
class Spool:
    """Rows kept once, so that all stages and the final statement see the same ones."""

    relation: str
    sql: str
    estimate_sql: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sides:
    """The two queries whose rows' pairs are a stage's inputs; each gives one key column, distinct."""

    left_sql: str
    right_sql: str
    left_estimate_sql: str
    right_estimate_sql: str


@dataclass(frozen=True, slots=True)
class OperatorStage:
    """One operator over the distinct rows of ``input_sql``.

    ``input_sql`` gives one column per argument (:func:`key_column`), in the operator's order of those that are
    not in ``constants``; an aggregate gives one row per group: ``ORDINAL`` and its arguments, the first an array.
    The output relation holds ``key_columns`` and ``VALUE``. ``estimate_sql`` is ``input_sql`` for EXPLAIN:
    nothing that stages before it make is used, so it gives those rows or more (``bounded`` tells). ``top``: only the
    inputs with so many of the greatest answers matter, and where ``ties_count`` those that equal the least of them.
    """

    relation: str
    operator: Operator
    input_sql: str
    estimate_sql: str
    bounded: bool
    arguments: tuple[str, ...]
    constants: tuple[tuple[str, object], ...]
    key_columns: tuple[str, ...]
    position: str
    top: int | None = None
    ties_count: bool = False
    sides: Sides | None = None
    """``input_sql`` is the product of two queries, which the upstream need not form."""
    selective: bool = False
    """An input whose answer is not known counts as one that is false, so pairs that are unlike need none."""

    @property
    def aggregate(self) -> bool:
        """Whether an input is a whole group."""
        return self.key_columns == (ORDINAL,)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition over the rows of a relation: when its ``stages`` have run, in their order, ``sql`` is plain.

    ``decided_by`` is the relation of the one operator whose answer it is, or, where
    ``negated``, whose answer it is not; None where it is more than that. ``either``: it is an OR of several operators'
    conditions, whose stages these are.
    """

    sql: str
    stages: tuple[OperatorStage, ...]
    decided_by: str | None = None
    negated: bool = False
    either: Either | None = None


@dataclass(frozen=True, slots=True)
class Either:
    """The operands of an OR, which may be judged in any order: each reads ``relation`` alone.

    It holds those rows of the wave that no operand before has let pass.
    """

    relation: str
    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Rows of a join that are made only when they are wanted: those of some rows of its first source at a time.

    ``first`` keeps the rows of that source, numbered; ``rows_sql`` reads some of them, put into ``block``.
    """

    first: str
    block: str
    rows_sql: str


@dataclass(frozen=True, slots=True)
class Waves:
    """Conditions that filter the rows of a spool, some rows at a time, until ``needed`` rows have passed all.

    ``needed`` None: all rows are judged. Each wave puts the next rows of ``spool`` into ``relation``, from which the
    stages read their inputs, and what fails a condition is deleted there; so the conditions may be judged in any
    order. The stages' output relations grow. ``keyed``: of rows with the same :data:`KEY` one that passes is enough,
    the others are not judged, and keys are what counts. ``given``: relations whose rows have passed before.
    ``product``: how ``spool``, which begins empty, gets its rows.
    """

    relation: str
    spool: str
    needed: int | None
    conditions: tuple[Condition, ...]
    keyed: bool = False
    given: tuple[str, ...] = ()
    product: Product | None = None

    @property
    def filters(self) -> tuple[OperatorStage, ...]:
        """The operator stages of all conditions, each once."""
        found = {stage.relation: stage for condition in self.conditions for stage in condition.stages}
        return tuple(found.values())

    @property
    def choices(self) -> tuple[Either, ...]:
        """The conditions that are an OR of several."""
        return tuple(condition.either for condition in self.conditions if condition.either is not None)


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that changes rows, and what it returns, kept: columns as ``shape_sql`` has them, the last :data:`ORDINAL`.

    ``shape_sql`` is a query of no rows. ``verb``: what the command tag begins with.
    """

    relation: str
    sql: str
    shape_sql: str
    verb: str


Stage = Spool | Change | OperatorStage | Waves


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages, then the statement that looks their results up, in the upstream's dialect."""

    stages: tuple[Stage, ...]
    final_sql: str

    @property
    def relations(self) -> tuple[str, ...]:
        """All temporary relations that running the plan may make."""
        own = [stage.relation for stage in self.stages]
        waves = [stage for stage in self.stages if isinstance(stage, Waves)]
        filters = [each.relation for stage in waves for each in stage.filters]
        blocks = [stage.product.block for stage in waves if stage.product is not None]
        return (*own, *filters, *blocks)  # what an OR leaves undecided is dropped with its wave

    @property
    def operator_stages(self) -> tuple[OperatorStage, ...]:
        """The operator stages in order, those of waves included."""
        return tuple(
            each
            for stage in self.stages
            if not isinstance(stage, (Spool, Change))
            for each in (stage.filters if isinstance(stage, Waves) else (stage,))
        )
