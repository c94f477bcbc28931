"""A YAML file as data that remembers its lines, so that every fault can say ``file:line: reason``.

Not here: what the data mean (``spec``) and how files refer to each other (``load``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from rvbbit_proxy.errors import ConfigurationFault

Location: TypeAlias = Sequence[str | int]
"""Keys and indexes from the top of the document, as pydantic tells them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file and its YAML nodes."""

    path: Path
    root: yaml.Node

    def find(self, location: Location) -> tuple[yaml.Node, int]:
        """Return the node at ``location`` and its line, 1-based: the key's line where it has a key.

        What is not in the document (union tags, missing keys) is stepped over: the parent answers.
        """
        node, line = self.root, self.root.start_mark.line + 1
        for step in location:
            entry = _child(node, step)
            if entry is not None:
                node, line = entry
        return node, line

    def fault(self, location: Location, reason: str) -> ConfigurationFault:
        """Return the error for what stands at ``location``."""
        return ConfigurationFault(f"{self.path}:{self.find(location)[1]}: {reason}")

    def fault_in_text(self, location: Location, text_line: int, reason: str) -> ConfigurationFault:
        """Return the error for line ``text_line`` (1-based) of the text that stands at ``location``."""
        node, _ = self.find(location)
        block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        line = node.start_mark.line + text_line + (1 if block else 0)
        return ConfigurationFault(f"{self.path}:{line}: {reason}")


def load_source(path: Path) -> tuple[Source, dict[str, Any]]:
    """Read a YAML file holding one mapping; raise :class:`ConfigurationFault` if it does not."""
    loader = yaml.SafeLoader(_read(path))
    loader.name = str(path)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise ConfigurationFault(f"{path}:1: the file must hold a mapping")
        _refuse_duplicates(path, root)
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigurationFault(f"{path}:{mark.line + 1 if mark else 1}: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationFault(f"{path}:1: {error}") from error
    finally:
        loader.dispose()
    return Source(path, root), data


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationFault(f"{path}:1: cannot be read: {error}") from error


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        child = node.value[step]
        return child, child.start_mark.line + 1
    return None


def _refuse_duplicates(path: Path, node: yaml.Node) -> None:
    """Raise for a key given twice: YAML readers keep the last one and say nothing."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise ConfigurationFault(f"{path}:{key.start_mark.line + 1}: key {key.value!r} is given twice")
                seen.add(key.value)
            _refuse_duplicates(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_duplicates(path, child)
