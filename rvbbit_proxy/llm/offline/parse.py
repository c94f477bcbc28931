"""Several fields out of one text: a field with listed values is classified, any other extracted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rvbbit_proxy.llm.embeddings import Embedder
from rvbbit_proxy.llm.offline.extract import extract_one
from rvbbit_proxy.llm.offline.predicates import classify
from rvbbit_proxy.llm.offline.registry import Items, offline_method


@offline_method("parse")
def parse(items: Items, arguments: Mapping[str, Any], embedder: Embedder | None) -> list[Any]:
    """Return for each ``text`` the values of the semicolon-separated ``fields``, in their order."""
    asked = [{**arguments, **item} for item in items]
    return [_read(str(item["text"]), str(item["fields"]), embedder) for item in asked]


def _read(text: str, fields: str, embedder: Embedder | None) -> list[str | None]:
    return [_read_field(text, field.strip(), embedder) for field in fields.split(";") if field.strip()]


def _read_field(text: str, field: str, embedder: Embedder | None) -> str | None:
    name, listed, values = field.partition(":")
    if not listed:
        return extract_one(text, name)
    (label,) = classify([{"text": text, "labels": values}], {}, embedder)
    return None if label is None else str(label)
