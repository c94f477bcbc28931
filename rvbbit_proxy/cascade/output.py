"""What a model answered, as a value of the declared type, or what is wrong with it.

Forgiving about form (blanks, letter case, code fences, quotes, a final period, a word before a colon, JSON around one
value, thoughts before the answer), never about meaning: what is not clearly a value of the type is a fault, and the
caller asks again with the reason.
Not here: answers that hold several inputs' values (``batch``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from rvbbit_proxy.cascade.spec import OutputSpec, SqlType
from rvbbit_proxy.errors import InvalidValue

_THOUGHTS = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"\A```[\w-]*[ \t]*\n?(.*?)\n?```\Z", re.DOTALL)
_FENCE_INSIDE = re.compile(r"^```[\w-]*[ \t]*\n(.*?)\n?```[ \t]*$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"\A[^\W\d][\w ]{0,30}:\s*(?=\S)")
_MARKS = "\"'`*“”"
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_BULLET = re.compile(r"\A(?:[-*•]|\d+[.)])\s+")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class AnswerFault(Exception):
    """Why an answer is not a value; said back to the model."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must be, for given inputs."""

    type: SqlType
    min: float | None = None
    max: float | None = None
    labels: tuple[str, ...] = ()
    absent: str | None = None
    max_items: int | None = None
    items: int | None = None
    json_schema: Mapping[str, Any] | None = None

    @property
    def nothing(self) -> bool | float:
        """The value that a block's answer leaves out."""
        return False if self.type == "boolean" else 0.0

    @property
    def instruction(self) -> str:
        """Say to the model what to answer."""
        if self.labels:
            words = "exactly one of: " + ", ".join(self.labels)
        else:
            words = _FORMS[self.type]
        if self.min is not None or self.max is not None:
            words += f" from {_bound(self.min)} to {_bound(self.max)}"
        if self.absent is not None:
            words += f", or {self.absent}"
        return words


_FORMS: Mapping[SqlType, str] = {
    "boolean": "true or false",
    "double precision": "a number",
    "integer": "an integer",
    "text": "the text",
    "text[]": "one item per line",
    "jsonb": "JSON",
}


def expect(output: OutputSpec, inputs: Mapping[str, Any]) -> Expected:
    """Return what an answer for these inputs must be. Raises :class:`InvalidValue` for unusable labels."""
    labels = output.labels
    if output.labels_from is not None:
        labels = split_labels(inputs[output.labels_from])
    return Expected(
        type=output.type,
        min=output.min,
        max=output.max,
        labels=labels,
        absent=output.absent,
        max_items=inputs[output.max_items_from] if output.max_items_from else None,
        items=len(split_parts(inputs[output.items_from])) if output.items_from else None,
        json_schema=output.json_schema,
    )


def split_labels(labels: str) -> tuple[str, ...]:
    """Return comma-separated labels, in order, once each. Raises :class:`InvalidValue` if there is none.

    >>> split_labels("bug, praise,,bug")
    ('bug', 'praise')
    """
    found = tuple(dict.fromkeys(label.strip() for label in labels.split(",") if label.strip()))
    if not found:
        raise InvalidValue("labels are empty", hint="Give comma-separated labels, such as 'complaint, praise'.")
    return found


def split_parts(text: str) -> tuple[str, ...]:
    """Return semicolon-separated parts. Raises :class:`InvalidValue` if there is none.

    >>> split_parts("kind: a, b; name;")
    ('kind: a, b', 'name')
    """
    found = tuple(part.strip() for part in text.split(";") if part.strip())
    if not found:
        raise InvalidValue(
            "fields are empty", hint="Give them separated by semicolons, such as 'name; order number'."
        )
    return found


def parse_answer(text: str, expected: Expected) -> Any:
    """Return the value that a model's answer states. Raises :class:`AnswerFault`."""
    free = expected.type == "text" and not expected.labels
    bare = strip_fence(text) if free else strip_frame(text)
    if not bare:
        raise AnswerFault("the answer is empty")
    if expected.absent is not None and _same_word(bare, expected.absent):
        return None
    if bare.startswith("{") and not free and expected.type != "jsonb":
        return _only_value(parse_json(bare), expected)
    return check_value(_PARSERS[expected.type](bare), expected)


def parse_value(value: Any, expected: Expected) -> Any:
    """Return the typed value of a part of a JSON answer, where numbers may be strings and the other way round.

    Raises :class:`AnswerFault`.
    """
    if isinstance(value, str) and expected.type != "jsonb":
        return parse_answer(value, expected)
    if _is_number(value) and expected.type == "text":
        return check_value(json.dumps(value), expected)
    return check_value(_with_texts(value) if expected.type == "text[]" else value, expected)


def _with_texts(values: Any) -> Any:
    """Return a list with its numbers as texts."""
    if not isinstance(values, list):
        return values
    return [json.dumps(value) if _is_number(value) else value for value in values]


def _only_value(answer: Any, expected: Expected) -> Any:
    """Return the value of an object with one key, as models asked for JSON give it."""
    if not isinstance(answer, dict) or len(answer) != 1:
        raise AnswerFault(f"{_shown(answer)} is not {_FORMS[expected.type]}")
    return parse_value(next(iter(answer.values())), expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_value(value: Any, expected: Expected) -> Any:
    """Return a typed value if it keeps the declared bounds. Raises :class:`AnswerFault`."""
    if value is None:
        if expected.absent is None:
            raise AnswerFault("the answer is null")
        return None
    value = _typed(value, expected.type)
    if expected.labels:
        return _label(value, expected.labels)
    if _is_number(value):
        _check_range(value, expected)
    if expected.max_items is not None and isinstance(value, list) and len(value) > expected.max_items:
        raise AnswerFault(f"{len(value)} items, at most {expected.max_items} are asked for")
    if expected.items is not None and len(value) != expected.items:
        raise AnswerFault(f"{len(value)} entries where {expected.items} are asked for")
    if expected.type == "text[]" and expected.items is None and None in value:
        raise AnswerFault("an entry is null")
    if expected.json_schema is not None:
        _check_schema(value, expected.json_schema)
    return value


def probability_of_true(first_token: Mapping[str, float]) -> float | None:
    """Return how likely an answer is true that begins with one of these tokens, by their log-probabilities.

    None where none of them is a word for true or false.

    >>> probability_of_true({"true": math.log(0.6), " False": math.log(0.2), "The": math.log(0.2)})
    0.75
    """
    shares = {True: 0.0, False: 0.0}
    for token, logprob in first_token.items():
        value = _WORDS.get(token.strip().lower())
        if value is not None:
            shares[value] += math.exp(logprob)
    told = shares[True] + shares[False]
    return round(shares[True] / told, 9) if told > 0 else None


def strip_fence(text: str) -> str:
    """Return an answer without thoughts before it, surrounding blanks and Markdown code fence."""
    bare = _THOUGHTS.sub("", text).strip()
    match = _FENCE.match(bare)
    return match.group(1).strip() if match else bare


def strip_frame(text: str) -> str:
    """Return an answer that is no free text: what the only code fence holds, if there is one among words."""
    bare = strip_fence(text)
    fenced = _FENCE_INSIDE.findall(bare)
    return str(fenced[0]).strip() if len(fenced) == 1 else bare


def strip_title(text: str) -> str:
    """Return an answer without words and a colon before it.

    >>> strip_title("The numbers are: 2, 5"), strip_title("2: 5")
    ('2, 5', '2: 5')
    """
    return _TITLE.sub("", text, count=1)


def parse_json(text: str) -> Any:
    """Return the JSON value of an answer. Raises :class:`AnswerFault`."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise AnswerFault(f"not JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _bare_word(text: str) -> str:
    return text.strip().strip(_MARKS).removesuffix(".").rstrip().strip(_MARKS)


def _same_word(text: str, word: str) -> bool:
    return _bare_word(text).casefold() == word.casefold()


def _parse_boolean(text: str) -> bool:
    value = _WORDS.get(_bare_word(strip_title(text)).lower())
    if value is None:
        raise AnswerFault(f"{_shown(text)} is neither true nor false")
    return value


def _parse_double(text: str) -> float:
    bare = _bare_word(strip_title(text))
    if not _NUMBER.fullmatch(bare):
        raise AnswerFault(f"{_shown(text)} is not a number")
    return float(bare)


def _parse_integer(text: str) -> int:
    bare = _bare_word(strip_title(text))
    if not re.fullmatch(r"[-+]?\d+", bare):
        raise AnswerFault(f"{_shown(text)} is not an integer")
    return int(bare)


def _parse_text(text: str) -> str:
    return text


def _parse_text_array(text: str) -> list[str]:
    if text.startswith("["):
        return _typed(_with_texts(parse_json(text)), "text[]")  # type: ignore[no-any-return]
    lines = (_BULLET.sub("", line.strip()).strip() for line in text.splitlines())
    return [line for line in lines if line]


_PARSERS: Mapping[SqlType, Callable[[str], Any]] = {
    "boolean": _parse_boolean,
    "double precision": _parse_double,
    "integer": _parse_integer,
    "text": _parse_text,
    "text[]": _parse_text_array,
    "jsonb": parse_json,
}


def _typed(value: Any, kind: SqlType) -> Any:
    """Return the value if it is of the type; an integer will do for a double precision."""
    number = _is_number(value)
    match kind:
        case "boolean" if isinstance(value, bool):
            return value
        case "double precision" if number and math.isfinite(value):
            return float(value)
        case "integer" if number and value == int(value):
            return int(value)
        case "text" if isinstance(value, str):
            return value
        case "text[]" if isinstance(value, list | tuple) and all(isinstance(e, str | None) for e in value):
            return list(value)
        case "jsonb":
            return value
    raise AnswerFault(f"{_shown(value)} is not {_FORMS[kind]}")


def _label(value: Any, labels: tuple[str, ...]) -> str:
    for form in (value, strip_title(value)) if isinstance(value, str) else ():
        for label in labels:
            if form.casefold() == label.casefold() or _same_word(form, label):
                return label
    raise AnswerFault(f"{_shown(value)} is none of: {', '.join(labels)}")


def _check_range(value: float, expected: Expected) -> None:
    below = expected.min is not None and value < expected.min
    above = expected.max is not None and value > expected.max
    if below or above:
        raise AnswerFault(f"{value} is outside {_bound(expected.min)} to {_bound(expected.max)}")


def _check_schema(value: Any, schema: Mapping[str, Any]) -> None:
    problem = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    if problem is not None:
        raise AnswerFault(f"{problem.json_path}: {problem.message[:200]}")


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…" + text[-1]
