"""From files to cascades: validation with lines, templates compiled, references resolved, versions computed.

A folder holds ``<name>.cascade.yaml`` or ``<name>.yaml`` files, also in sub-folders; ``cascade_id`` is the file's
name unless the file says otherwise, and no two files may have the same.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from pydantic import ValidationError

from rvbbit_proxy.cascade.block import split_sides
from rvbbit_proxy.cascade.runtime import Trait
from rvbbit_proxy.cascade.source import Location, Source, load_source
from rvbbit_proxy.cascade.spec import (
    BesideSpec,
    BlockSpec,
    CascadeCell,
    CascadeSpec,
    Cell,
    LlmCell,
    OutputSpec,
    TraitCell,
)
from rvbbit_proxy.cascade.template import TemplateFault, check_expression, check_template
from rvbbit_proxy.cascade.traits import BUILTIN_TRAITS
from rvbbit_proxy.errors import ConfigurationFault

RENDERING = 1
"""The version of how prompts are rendered and answers read; part of every cascade's version."""

PARTIALS = "partials"
"""The name under which a reduce prompt sees the answers for the parts."""


def load_cascade(path: Path) -> CascadeSpec:
    """Read one cascade. Raises :class:`ConfigurationFault`, ``file:line: reason``."""
    source, data = load_source(path)
    data.setdefault("cascade_id", cascade_name(path))
    try:
        spec = CascadeSpec.model_validate(data)
    except ValidationError as error:
        raise _validation_fault(source, error) from error
    spec._source = source
    for check in _CHECKS:
        check(spec, source)
    spec._genus_hash = _content_hash(spec, {})
    return spec


def load_cascades(folders: Iterable[Path], traits: Mapping[str, Trait] = BUILTIN_TRAITS) -> dict[str, CascadeSpec]:
    """Read all cascades of the folders, by id, with references checked. Raises :class:`ConfigurationFault`."""
    cascades: dict[str, CascadeSpec] = {}
    for path in cascade_files(folders):
        spec = load_cascade(path)
        other = cascades.setdefault(spec.cascade_id, spec)
        if other is not spec:
            raise _fault(spec, ["cascade_id"], f"cascade {spec.cascade_id!r} is also in {other.config_path}")
    for spec in cascades.values():
        _check_references(spec, cascades, traits)
    for spec in cascades.values():
        spec._genus_hash = _genus_hash(spec, cascades, traits, ())
    return cascades


def cascade_files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the cascade files of the folders, sorted within each. Raises if a folder is missing."""
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationFault(f"{folder}:1: is not a folder", hint="Check --cascades and RVBBIT_CASCADES.")
        yield from sorted(folder.rglob("*.yaml"))


def cascade_name(path: Path) -> str:
    """Return the cascade that a file holds, by its name.

    >>> cascade_name(Path("a/b.cascade.yaml"))
    'b'
    """
    return path.name.removesuffix(".yaml").removesuffix(".cascade")


def _validation_fault(source: Source, error: ValidationError) -> ConfigurationFault:
    """Return the first fault as the error, the others as its detail."""
    faults = [source.fault(entry["loc"], _reason(entry["loc"], entry["msg"])) for entry in error.errors()]
    first, *others = faults
    return ConfigurationFault(first.message, detail="\n".join(fault.message for fault in others) or None)


def _reason(location: Location, message: str) -> str:
    where = ".".join(str(step) for step in location)
    if message.startswith("Extra inputs"):
        return f"unknown key {where}"
    return f"{where}: {message}"


def _fault(spec: CascadeSpec, location: Location, reason: str) -> ConfigurationFault:
    if spec.source is None:
        return ConfigurationFault(f"{spec.cascade_id}:1: {reason}")
    return spec.source.fault(location, reason)


def _types(spec: CascadeSpec) -> dict[str, str]:
    return {name: entry.type for name, entry in spec.inputs.items()}


def _check_inputs(spec: CascadeSpec, source: Source) -> None:
    if "outputs" in spec.inputs or PARTIALS in spec.inputs:
        raise source.fault(["inputs_schema"], f"an input cannot be named outputs or {PARTIALS}")
    for name, entry in spec.inputs_schema.items():
        if entry.type != spec.inputs[name].type and "type" in entry.model_fields_set:
            raise source.fault(["inputs_schema", name], f"{name} has another type in sql_function.args")
    for index, case in enumerate(spec.test_cases):
        unknown = set(case.inputs) - set(spec.inputs)
        missing = {name for name, entry in spec.inputs.items() if entry.required} - set(case.inputs)
        if unknown or missing:
            names = ", ".join(sorted(unknown or missing))
            problem = "unknown" if unknown else "missing"
            raise source.fault(["test_cases", index, "inputs"], f"{problem} inputs: {names}")
        if not case.model_fields_set & {"expect", "between", "contains"}:
            raise source.fault(["test_cases", index], "a test case needs expect, between or contains")


def _check_cells(spec: CascadeSpec, source: Source) -> None:
    earlier: list[str] = []
    for index, cell in enumerate(spec.cells):
        at: list[str | int] = ["cells", index]
        if cell.name in earlier:
            raise source.fault([*at, "name"], f"two cells are named {cell.name!r}")
        for name in cell.context:
            if name not in earlier:
                raise source.fault([*at, "context"], f"{name!r} is not an earlier cell")
        _check_cell_texts(spec, source, cell, at)
        earlier.append(cell.name)


def _check_cell_texts(spec: CascadeSpec, source: Source, cell: Cell, at: list[str | int]) -> None:
    types = _types(spec)
    if isinstance(cell, LlmCell):
        _check_text(source, [*at, "system"], cell.system, {})
        _check_text(source, [*at, "prompt"], cell.prompt, types, cell.context, tagged=True)
    else:
        for name, value in (cell.inputs or {}).items():
            if isinstance(value, str):
                _guard(source, [*at, "inputs", name], check_expression, value, types, cell.context)


def _check_text(
    source: Source,
    location: Location,
    text: str,
    types: Mapping[str, str],
    outputs: Sequence[str] = (),
    *,
    tagged: bool = False,
) -> None:
    _guard(source, location, check_template, text, types, outputs, tagged=tagged)


def _guard(
    source: Source, location: Location, check: Callable[..., None], text: str, *args: Any, **keywords: Any
) -> None:
    try:
        check(text, *args, **keywords)
    except TemplateFault as fault:
        raise source.fault_in_text(location, fault.line, fault.reason) from fault


def _check_outputs(spec: CascadeSpec, source: Source) -> None:
    for index, cell in enumerate(spec.cells):
        if isinstance(cell, LlmCell | TraitCell) and cell.output is not None:
            _check_output(spec, source, cell.output, ["cells", index, "output"])
    if spec.sql_function and spec.output.type != spec.sql_function.returns:
        raise source.fault(
            ["sql_function", "returns"], f"returns {spec.sql_function.returns}, the last cell {spec.output.type}"
        )


def _check_output(spec: CascadeSpec, source: Source, output: OutputSpec, at: list[str | int]) -> None:
    for key in ("labels_from", "max_items_from", "items_from"):
        name = getattr(output, key)
        if name is not None and name not in spec.inputs:
            raise source.fault([*at, key], f"{key} names an unknown input {name!r}")
    if (output.labels or output.labels_from) and output.type != "text":
        raise source.fault(at, "only text has labels")
    if output.json_schema is not None:
        if output.type != "jsonb":
            raise source.fault([*at, "json_schema"], "only jsonb has a json_schema")
        try:
            Draft202012Validator.check_schema(output.json_schema)
        except SchemaError as error:
            raise source.fault([*at, "json_schema"], f"not a JSON Schema: {error.message}") from error


def _check_forms(spec: CascadeSpec, source: Source) -> None:
    """Check the blocks that stand beside the cells: batch, offline, reduce."""
    asks = any(isinstance(cell, LlmCell) for cell in spec.cells)
    for key in ("batch", "block", "reduce"):
        if getattr(spec, key) is not None and not asks:
            raise source.fault([key], f"{key} needs a cell that asks a model")
    if spec.batch is not None:
        _check_answer(spec, source, "batch", spec.batch.answer)
        types = _types(spec)
        shared = {arg.name: arg.type for arg in spec.sql_function.args if arg.shared} if spec.sql_function else {}
        _check_text(source, ["batch", "system"], spec.batch.system, {})
        _check_text(source, ["batch", "prompt"], spec.batch.prompt, shared)
        _check_text(source, ["batch", "item"], spec.batch.item, types)
        if "\n" in spec.batch.item.strip():
            raise source.fault(["batch", "item"], "an item is one line")
    if spec.block is not None:
        _check_block(spec, spec.block, source)
    if spec.beside is not None:
        _check_beside(spec, spec.beside, source)
    if spec.reduce is not None:
        if listed_input(spec) is None:
            raise source.fault(["reduce"], "reduce needs an input of type text[]")
        _check_text(source, ["reduce", "system"], spec.reduce.system, {})
        types = {**_types(spec), PARTIALS: "text[]"}
        _check_text(source, ["reduce", "prompt"], spec.reduce.prompt, types, tagged=True)


def _check_block(spec: CascadeSpec, block: BlockSpec, source: Source) -> None:
    if spec.batch is None:
        raise source.fault(["block"], "block needs batch, for pairs that share one side")
    _check_answer(spec, source, "block", block.answer)
    sides = split_sides(spec)
    for key, names in zip(("left", "right"), sides, strict=True):
        if not names:
            raise source.fault(["block", key], "block needs an argument that is shared and one that is not")
        types = {name: spec.inputs[name].type for name in names}
        _check_text(source, ["block", key], getattr(block, key), types)
        if "\n" in getattr(block, key).strip():
            raise source.fault(["block", key], f"a {key} is one line")
    _check_text(source, ["block", "system"], block.system, {})


def _check_beside(spec: CascadeSpec, beside: BesideSpec, source: Source) -> None:
    function = spec.sql_function
    if function is None or function.shape == "aggregate" or function.args[0].type != "text":
        raise source.fault(["beside"], "beside needs a sql_function whose first argument is a text")
    types = {arg.name: arg.type for arg in function.args[1:]}
    _check_text(source, ["beside", "field"], beside.field, types)
    if "\n" in beside.field.strip() or ";" in beside.field:
        raise source.fault(["beside", "field"], "a field is one line without semicolons")


def _check_answer(spec: CascadeSpec, source: Source, form: str, answer: str) -> None:
    wanted = {"matching": "boolean", "percents": "double precision"}.get(answer, spec.output.type)
    if spec.output.type != wanted:
        raise source.fault([form, "answer"], f"{answer} answers {wanted} only")


_CHECKS = (_check_inputs, _check_cells, _check_outputs, _check_forms)


def listed_input(spec: CascadeSpec) -> str | None:
    """Return the input that holds a group's texts: the first one of type text[]."""
    return next((name for name, entry in spec.inputs.items() if entry.type == "text[]"), None)


def _check_references(spec: CascadeSpec, cascades: Mapping[str, CascadeSpec], traits: Mapping[str, Trait]) -> None:
    for index, cell in enumerate(spec.cells):
        if isinstance(cell, TraitCell) and cell.trait not in traits and cell.trait not in cascades:
            raise _fault(spec, ["cells", index, "trait"], f"there is no trait {cell.trait!r}")
        if isinstance(cell, CascadeCell) and cell.cascade not in cascades:
            raise _fault(spec, ["cells", index, "cascade"], f"there is no cascade {cell.cascade!r}")
        target = cascades.get(_target(cell) or "")
        if target is not None and not (isinstance(cell, TraitCell) and cell.trait in traits):
            _check_passed_inputs(spec, index, cell, target)
    if spec.beside is not None and not _reads_fields(cascades.get(spec.beside.cascade)):
        raise _fault(
            spec, ["beside", "cascade"], f"{spec.beside.cascade!r} is no cascade that reads fields of a text"
        )


def _reads_fields(spec: CascadeSpec | None) -> bool:
    """Tell whether SQL gives the cascade a text and fields, and it answers with a value for each field."""
    if spec is None or spec.sql_function is None or spec.beside is not None:
        return False
    args = spec.sql_function.args
    return len(args) == 2 and spec.output.type == "text[]" and spec.output.items_from == args[1].name


def _check_passed_inputs(spec: CascadeSpec, index: int, cell: Cell, target: CascadeSpec) -> None:
    given = spec.inputs if isinstance(cell, LlmCell) or cell.inputs is None else cell.inputs
    missing = sorted(name for name, entry in target.inputs.items() if entry.required and name not in given)
    if missing:
        reason = f"cascade {target.cascade_id!r} is not given {', '.join(missing)}"
        raise _fault(spec, ["cells", index, "inputs"], reason)


def _target(cell: Cell) -> str | None:
    """Return the name of the trait or cascade that a cell uses."""
    if isinstance(cell, TraitCell):
        return cell.trait
    return cell.cascade if isinstance(cell, CascadeCell) else None


def _content_hash(spec: CascadeSpec, uses: Mapping[str, str]) -> str:
    content = spec.model_dump(mode="json", exclude={"description", "test_cases"})
    text = json.dumps([RENDERING, content, uses], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _genus_hash(
    spec: CascadeSpec, cascades: Mapping[str, CascadeSpec], traits: Mapping[str, Trait], above: tuple[str, ...]
) -> str:
    """Return the version of a cascade and of all that it uses. Raises for a cascade that uses itself."""
    if spec.cascade_id in above:
        raise _fault(spec, ["cells"], f"cascade uses itself: {' > '.join([*above, spec.cascade_id])}")
    uses: dict[str, str] = {}
    used = {target for cell in spec.cells if (target := _target(cell))}
    for name in sorted(used | ({spec.beside.cascade} if spec.beside else set())):
        if name in traits and not _only_cascade(spec, name):
            uses[name] = _trait_text(traits[name])
        else:
            uses[name] = _genus_hash(cascades[name], cascades, traits, (*above, spec.cascade_id))
    return _content_hash(spec, uses)


def _only_cascade(spec: CascadeSpec, name: str) -> bool:
    return all(not (isinstance(cell, TraitCell) and cell.trait == name) for cell in spec.cells)


def _trait_text(trait: Trait) -> str:
    """Return a Python trait's source, or its name where there is none to read."""
    try:
        return inspect.getsource(trait)
    except (OSError, TypeError):
        return getattr(trait, "__qualname__", type(trait).__qualname__)
