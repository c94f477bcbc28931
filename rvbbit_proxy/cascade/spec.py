"""What a cascade is: frozen models of one YAML file.

Unknown keys are errors, also those of features to come: a key that is silently ignored would be a promise
silently broken. Not here: reading files and checking references (``load``), templates (``template``).
Source: DESIGN, Cascades.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag, field_validator

from rvbbit_proxy.cascade.source import Source

SqlType: TypeAlias = Literal["boolean", "double precision", "text", "text[]", "integer", "jsonb"]
Shape: TypeAlias = Literal["scalar", "aggregate", "dimension", "table"]
OfflineMethod: TypeAlias = Literal[
    "match",
    "relevance",
    "similarity",
    "sentiment",
    "classify",
    "extract",
    "parse",
    "condense",
    "summarize",
    "themes",
    "confidence_heuristic",
    "context_overlap",
]
Identifier: TypeAlias = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]


class Frozen(BaseModel):
    """A model that cannot be changed and refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class InputSpec(Frozen):
    """One input of a cascade. Without a default it must be given."""

    type: SqlType = "text"
    description: str = ""
    default: Any = None

    @property
    def required(self) -> bool:
        """Whether the input has no default."""
        return "default" not in self.model_fields_set


class ArgSpec(Frozen):
    """One argument of the SQL function. ``shared``: one value serves all inputs of a batched prompt."""

    name: Identifier
    type: SqlType = "text"
    default: Any = None
    shared: bool = False

    @property
    def required(self) -> bool:
        """Whether the argument has no default."""
        return "default" not in self.model_fields_set


class SqlFunction(Frozen):
    """How SQL calls the cascade.

    ``syntax``: templates such as ``{{ text }} MEANS {{ criterion }}`` or ``TLDR({{ text }})``. In an aggregate
    the first argument is given per row and arrives in the cascade as the list of its values.
    ``nulls``: ``propagate`` answers NULL without a call when an argument without a default is NULL.
    ``cache_ttl_s``: the age at which a kept answer is asked anew; without it, the session's ``rvbbit.cache_ttl``.
    ``proxy``: the more similar the embeddings of the first two arguments, the likelier or the higher the answer; it
    shortlists for top-k, and decides clear cases where ``accuracy`` (the share that has to agree with the model) or
    ``rvbbit.accuracy`` allows.
    """

    name: Identifier
    aliases: tuple[Identifier, ...] = ()
    syntax: tuple[str, ...] = ()
    args: tuple[ArgSpec, ...] = Field(min_length=1)
    returns: SqlType
    shape: Shape = "scalar"
    nulls: Literal["propagate", "pass"] = "propagate"
    cache: bool = True
    cache_ttl_s: float | None = Field(None, gt=0)
    proxy: Literal["similarity"] | None = None
    accuracy: float | None = Field(None, gt=0, lt=1)


class OutputSpec(Frozen):
    """The type of a cell's answer and its bounds.

    ``labels_from`` and ``max_items_from`` name an input: comma-separated labels, a count. ``items_from`` names an
    input of semicolon-separated parts, for each of which a text[] has exactly one entry, or null. ``absent`` is the
    word by which the model says that there is no answer: it becomes NULL. ``json_schema`` is for jsonb.
    """

    type: SqlType = "text"
    min: float | None = None
    max: float | None = None
    labels: tuple[str, ...] = ()
    labels_from: str | None = None
    max_items_from: str | None = None
    items_from: str | None = None
    absent: str | None = None
    json_schema: dict[str, Any] | None = None


class Parameters(Frozen):
    """Parameters of a model request, under litellm's names."""

    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = None
    reasoning_effort: Literal["minimal", "low", "medium", "high"] | None = None


class LlmCell(Frozen):
    """A call to a model. ``system`` is instructions only; values from outside stand in ``prompt``, in tags."""

    name: Identifier
    prompt: str
    system: str = ""
    model: str | None = None
    parameters: Parameters = Field(default_factory=lambda: Parameters.model_validate({}))
    output: OutputSpec | None = None
    max_attempts: int = Field(3, ge=1, le=10)
    context: tuple[Identifier, ...] = ()


class TraitCell(Frozen):
    """A deterministic step: a Python trait by name, or a YAML trait.

    ``inputs``: a string is an expression over inputs and ``outputs``, anything else a value; without it the
    trait gets the cascade's inputs.
    """

    name: Identifier
    trait: str
    inputs: dict[Identifier, Any] | None = None
    output: OutputSpec | None = None
    context: tuple[Identifier, ...] = ()


class CascadeCell(Frozen):
    """A run of another cascade; ``inputs`` as for :class:`TraitCell`."""

    name: Identifier
    cascade: str
    inputs: dict[Identifier, Any] | None = None
    context: tuple[Identifier, ...] = ()


def _cell_kind(value: Any) -> str | None:
    """Tell a cell's kind by the key that only this kind has."""
    keys = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return next((kind for kind, key in _KIND_KEYS if key in keys), None)


_KIND_KEYS = (("trait", "trait"), ("cascade", "cascade"), ("llm", "prompt"))

Cell: TypeAlias = Annotated[
    Annotated[LlmCell, Tag("llm")] | Annotated[TraitCell, Tag("trait")] | Annotated[CascadeCell, Tag("cascade")],
    Discriminator(
        _cell_kind,
        custom_error_type="cell_kind",
        custom_error_message="a cell has one of the keys prompt, trait, cascade",
    ),
]


class BatchSpec(Frozen):
    """How several inputs share one prompt.

    The prompt is ``prompt`` (what is common: shared arguments) and then one numbered line per input made by
    ``item``; a group's texts begin on the next line. ``answer``: ``matching`` (the numbers of the inputs for which
    the answer is true, or ``none``), ``percents`` (``n:score`` with whole hundredths, those of 0 left out, or
    ``none``), ``numbered`` (a line ``n: value`` per input), ``json`` (an object keyed by number, or an array).
    ``size`` bounds the inputs of one prompt, ``tokens`` their length.
    """

    item: str
    answer: Literal["matching", "percents", "numbered", "json"]
    system: str
    prompt: str = ""
    size: int | None = Field(None, ge=2)
    tokens: int = Field(8_000, ge=1)
    max_attempts: int = Field(2, ge=1, le=10)


class BlockSpec(Frozen):
    """How pairs of inputs share a prompt when both sides repeat, as in a join.

    ``right`` makes a line of what is shared (SQL arguments that are ``shared``), ``left`` one of the other arguments;
    each distinct line stands once, under its title, the lefts numbered on from the rights. ``answer``: ``matching``
    (a line per right that anything matches: its number, a colon, the numbers of the lefts) or ``percents`` (the
    same with ``left=score`` in whole hundredths, those of 0 left out); ``none`` for nothing.
    A prompt holds at most ``size`` times ``size`` pairs and ``tokens`` of texts.
    """

    system: str
    right_title: str
    right: str
    left_title: str
    left: str
    answer: Literal["matching", "percents"] = "matching"
    size: int = Field(50, ge=2)
    tokens: int = Field(4_000, ge=1)
    max_attempts: int = Field(2, ge=1, le=10)


class BesideSpec(Frozen):
    """How the cascade's question stands beside others about the same text, in one prompt of another cascade.

    ``cascade`` reads several fields out of a text: its SQL arguments are the text and the fields, separated by
    semicolons (its ``items_from``). ``field`` names one that is this cascade's answer; it is a template of the SQL
    arguments after the first, which is the text. What is read and is no answer is asked for by the cascade itself.
    """

    cascade: Identifier
    field: str


class ReduceSpec(Frozen):
    """How the answers for parts of a group become one; the template sees ``partials`` and the inputs."""

    prompt: str
    system: str = ""
    max_attempts: int = Field(3, ge=1, le=10)


class OfflineSpec(Frozen):
    """What the machine itself does when no model is configured."""

    method: OfflineMethod
    approximate: bool = True
    arguments: dict[str, Any] = Field(default_factory=dict)


class CaseSpec(Frozen):
    """One example of inputs and of what the answer must be; see ``check``.

    ``needs_model``: the offline method is not good enough for it.
    """

    inputs: dict[str, Any]
    expect: Any = None
    between: tuple[float, float] | None = None
    contains: str | None = None
    needs_model: bool = False


class CascadeSpec(Frozen):
    """One cascade, as its file says."""

    cascade_id: Identifier
    description: str = Field(min_length=1)
    inputs_schema: dict[Identifier, InputSpec] = Field(default_factory=dict)
    cells: tuple[Cell, ...] = Field(min_length=1)
    sql_function: SqlFunction | None = None
    batch: BatchSpec | None = None
    block: BlockSpec | None = None
    beside: BesideSpec | None = None
    offline: OfflineSpec | None = None
    reduce: ReduceSpec | None = None
    test_cases: tuple[CaseSpec, ...] = ()

    _source: Source | None = PrivateAttr(None)
    _genus_hash: str = PrivateAttr("")

    @field_validator("inputs_schema", mode="before")
    @classmethod
    def _describe_inputs(cls, value: Any) -> Any:
        """Let a plain string stand for the description of a text input."""
        if not isinstance(value, dict):
            return value
        return {name: {"description": entry} if isinstance(entry, str) else entry for name, entry in value.items()}

    @property
    def source(self) -> Source | None:
        """The file, None for a spec made in code."""
        return self._source

    @property
    def config_path(self) -> str | None:
        """The file's path, for the ledger."""
        return str(self._source.path) if self._source else None

    @property
    def genus_hash(self) -> str:
        """The version of all that shapes an answer, set by ``load``."""
        return self._genus_hash

    @cached_property
    def definition(self) -> dict[str, Any]:
        """What the file says, defaults left out, for the ledger."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @cached_property
    def inputs(self) -> dict[str, InputSpec]:
        """All inputs by name: those of the schema and the SQL arguments that it leaves out."""
        args = self.sql_function.args if self.sql_function else ()
        aggregate = self.sql_function is not None and self.sql_function.shape == "aggregate"
        found = {arg.name: _input_of(arg, listed=aggregate and arg is args[0]) for arg in args}
        return found | {name: entry for name, entry in self.inputs_schema.items() if name not in found}

    @cached_property
    def output(self) -> OutputSpec:
        """The type of the whole cascade's answer: the last cell's, else what SQL is promised, else text."""
        last = self.cells[-1]
        declared = last.output if isinstance(last, LlmCell | TraitCell) else None
        if declared is not None:
            return declared
        return OutputSpec(type=self.sql_function.returns if self.sql_function else "text")

    @property
    def batched(self) -> bool:
        """Whether several inputs can be answered by one run."""
        return self.batch is not None or all(isinstance(cell, TraitCell) for cell in self.cells)


def _input_of(arg: ArgSpec, *, listed: bool) -> InputSpec:
    kind: SqlType = "text[]" if listed else arg.type
    return InputSpec(type=kind) if arg.required else InputSpec(type=kind, default=arg.default)
