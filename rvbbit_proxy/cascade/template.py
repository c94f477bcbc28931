"""Prompts from templates, in a sandbox, so that data stay data.

A template is the author's; its values come from rows and clients. Three rules keep values from passing for
instructions. A system message names no values. In a prompt every text value stands between tags
(``<text>{{ text }}</text>``), and whatever would read as one of the template's own tags is neutralised in the
values. In a batch the line is the delimiter, and a value never has a line break.
Not here: which templates a cascade has (``spec``).
Source: https://jinja.palletsprojects.com/en/stable/sandbox/
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rvbbit_proxy.errors import CascadeFailed

OUTPUTS = "outputs"
"""The name under which templates see the answers of earlier cells."""

_TAG = re.compile(r"<(/?)([A-Za-z_][\w-]*)>")


class TemplateFault(Exception):
    """What is wrong with a template, and on which of its lines (1-based)."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def one_line(value: object) -> str:
    """Return a value as text without line breaks, runs of blanks made one.

    >>> one_line("a\\n 2. b")
    'a 2. b'
    """
    return " ".join(value_text(value).split())


def value_text(value: object) -> str:
    """Return a value as prompts show it: text as it is, NULL as nothing, the rest as JSON."""
    if value is None:
        return ""
    if isinstance(value, str | Undefined):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def tally(texts: Sequence[object]) -> str:
    """Return texts one a line, equal ones once with their count.

    >>> print(tally(["a", "b\\nc", "a"]))
    - a (x2)
    - b c
    """
    counts = Counter(one_line(text) for text in texts)
    return "\n".join(f"- {text} (x{count})" if count > 1 else f"- {text}" for text, count in counts.items())


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=value_text, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["one_line"] = one_line
    environment.filters["tally"] = tally
    return environment


ENVIRONMENT = _environment()


def check_template(
    source: str, inputs: Mapping[str, str], outputs: Collection[str] = (), *, tagged: bool = False
) -> None:
    """Raise :class:`TemplateFault` unless the template can be rendered from these names.

    ``inputs`` maps names to SQL types. ``tagged``: text values must stand between tags.
    """
    tree = _parse(source)
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        raise TemplateFault("a template cannot load another one", node.lineno)
    _check_names(tree, inputs, outputs)
    if tagged:
        _check_tagged(tree, inputs)
    _compiled(source)


def check_expression(source: str, inputs: Mapping[str, str], outputs: Collection[str] = ()) -> None:
    """Raise :class:`TemplateFault` unless the expression can be evaluated from these names."""
    _check_names(_parse("{{ " + source + " }}"), inputs, outputs)
    _expression(source)


@cache
def output_names(source: str) -> frozenset[str]:
    """Return the earlier cells that a template names."""
    return frozenset(node.attr for node in _outputs_of(_parse(source)))


def render_prompt(source: str, values: Mapping[str, Any]) -> str:
    """Render a prompt whose delimiters are its tags. Raises :class:`CascadeFailed`."""
    pattern = _own_tags(source)
    return _render(source, {name: _neutralised(value, pattern) for name, value in values.items()})


def render_lines(source: str, values: Mapping[str, Any]) -> str:
    """Render a prompt whose delimiter is the line: no value brings a line break. Raises CascadeFailed."""
    return _render(source, {name: _without_breaks(value) for name, value in values.items()})


def _without_breaks(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        return [one_line(text) for text in value]
    return one_line(value)


def neutralise_tag(text: str, tag: str) -> str:
    """Return text in which nothing reads as the tag ``<tag>``."""
    return str(_neutralised(text, _tag_pattern(frozenset({tag}))))


def evaluate(source: str, values: Mapping[str, Any]) -> Any:
    """Return the value of an expression. Raises :class:`CascadeFailed`."""
    try:
        value = _expression(source)(**values)
    except TemplateError as error:
        raise CascadeFailed(f"expression {source!r}: {error}") from error
    if isinstance(value, Undefined):
        raise CascadeFailed(f"expression {source!r} names nothing")
    return value


@cache
def _compiled(source: str) -> Template:
    return ENVIRONMENT.from_string(source)


@cache
def _expression(source: str) -> Callable[..., Any]:
    try:
        return ENVIRONMENT.compile_expression(source, undefined_to_none=False)
    except TemplateSyntaxError as error:
        raise TemplateFault(error.message or "syntax error", error.lineno) from error


def _render(source: str, values: Mapping[str, Any]) -> str:
    try:
        return _compiled(source).render(values).strip()
    except (TemplateError, TypeError, ArithmeticError, ValueError) as error:
        raise CascadeFailed(f"prompt template: {error}") from error


def _parse(source: str) -> nodes.Template:
    try:
        return ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateFault(error.message or "syntax error", error.lineno) from error


def _outputs_of(tree: nodes.Template) -> Iterator[nodes.Getattr]:
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name == OUTPUTS:
            yield node


def _check_names(tree: nodes.Template, inputs: Mapping[str, str], outputs: Collection[str]) -> None:
    bound = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"} | {"loop"}
    known = bound | set(inputs) | ({OUTPUTS} if outputs else set())
    for node in tree.find_all(nodes.Name):
        if node.name not in known and node.name not in ENVIRONMENT.globals:
            raise TemplateFault(f"the template names an unknown input {node.name!r}", node.lineno)
    for output in _outputs_of(tree):
        if output.attr not in outputs:
            raise TemplateFault(f"{OUTPUTS}.{output.attr} is not in the cell's context", output.lineno)


def _check_tagged(tree: nodes.Template, inputs: Mapping[str, str]) -> None:
    """Raise where a text value would stand outside tags."""
    open_tags: list[str] = []
    for node in _printed(tree):
        if isinstance(node, nodes.TemplateData):
            for closing, tag in _TAG.findall(node.data):
                if not closing:
                    open_tags.append(tag)
                elif open_tags and open_tags[-1] == tag:
                    open_tags.pop()
        elif not open_tags and not _harmless(node, inputs):
            raise TemplateFault("a value must stand between tags, as in <text>{{ text }}</text>", node.lineno)


def _printed(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield literal text and printed expressions in the order of the template."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Output):
            yield from child.nodes
        else:
            yield from _printed(child)


def _harmless(node: nodes.Node, inputs: Mapping[str, str]) -> bool:
    """Tell whether an expression prints no text from outside: a constant or a number."""
    if isinstance(node, nodes.Const):
        return True
    return isinstance(node, nodes.Name) and inputs.get(node.name) in ("integer", "double precision", "boolean")


@cache
def _own_tags(source: str) -> re.Pattern[str]:
    return _tag_pattern(frozenset(tag for _, tag in _TAG.findall(source)))


@cache
def _tag_pattern(tags: frozenset[str]) -> re.Pattern[str]:
    """Match the ``<`` of a tag, of a chat marker, and at the end of a value, where a tag could be finished."""
    names = "|".join(sorted(re.escape(tag) for tag in tags)) or r"(?!)"
    return re.compile(rf"<(?=\s*/?\s*(?:{names})\b|\||\s*/?\s*[\w-]*\s*$)", re.IGNORECASE)


def _neutralised(value: Any, pattern: re.Pattern[str]) -> Any:
    """Return a value in which ``<`` is ``‹`` wherever the pattern matches."""
    if isinstance(value, str):
        return pattern.sub("‹", value)
    if isinstance(value, Mapping):
        return {_neutralised(key, pattern): _neutralised(entry, pattern) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_neutralised(entry, pattern) for entry in value]
    return value
