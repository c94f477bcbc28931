"""A run's inputs: names and types checked, defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rvbbit_proxy.cascade.spec import CascadeSpec, InputSpec
from rvbbit_proxy.errors import InvalidValue, TypeFault


def complete_inputs(spec: CascadeSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs with defaults filled in. Raises :class:`InvalidValue` or :class:`TypeFault`."""
    known = spec.inputs
    unknown = sorted(set(inputs) - set(known))
    missing = sorted(name for name, entry in known.items() if entry.required and name not in inputs)
    if unknown or missing:
        problem = "takes no input" if unknown else "needs input"
        raise InvalidValue(f'cascade "{spec.cascade_id}" {problem} {", ".join(unknown or missing)}')
    return {name: _checked(spec, name, entry, inputs.get(name, entry.default)) for name, entry in known.items()}


_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double precision": (int, float),
    "integer": (int,),
    "text": (str,),
    "text[]": (list, tuple),
    "jsonb": (object,),
}


def _checked(spec: CascadeSpec, name: str, entry: InputSpec, value: Any) -> Any:
    fits_type = value is None or isinstance(value, _PYTHON_TYPES[entry.type])
    if entry.type == "text[]" and fits_type and value is not None:
        fits_type = all(isinstance(text, str) for text in value)
    if not fits_type:
        raise TypeFault(f'cascade "{spec.cascade_id}": input {name} must be {entry.type}, is {value!r:.60}')
    return value
