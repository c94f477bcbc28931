"""What a statement's comment says about its caller: sqlcommenter's key='value' pairs and dbt's JSON.

A comment is taken only at the start or the end of a statement, and only when all of it has one of the two
forms; any other comment stays where it is.
Source: https://google.github.io/sqlcommenter/spec ; dbt's ``query-comment``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from rvbbit_proxy.sql.lexer import tokens
from rvbbit_proxy.sql.remembered import remembered

_PAIR = r"\s*([^\s=,'*]+)\s*=\s*'((?:[^'\\]|\\.)*)'\s*"
_PAIRS = re.compile(rf"{_PAIR}(?:,{_PAIR})*", re.DOTALL)
_ONE_PAIR = re.compile(_PAIR, re.DOTALL)


@dataclass(frozen=True, slots=True)
class CommentTags:
    """The caller a comment names, the trace it belongs to, and everything else it says."""

    caller_id: str | None = None
    traceparent: str | None = None
    tags: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Uncommented:
    """A statement without its caller comments; ``offset`` is how many characters were cut off its start."""

    sql: str
    tags: CommentTags
    offset: int = 0


NO_TAGS = CommentTags()


@remembered
def take_comment_tags(sql: str) -> Uncommented:
    """Take the caller comments off a statement; where start and end disagree, the end wins.

    >>> found = take_comment_tags("SELECT 1 /*caller_id='me%20too',route='x'*/")
    >>> found.sql, found.tags.caller_id, dict(found.tags.tags)
    ('SELECT 1', 'me too', {'route': 'x'})
    """
    if "/*" not in sql:
        return Uncommented(sql, NO_TAGS)
    comments = [token for token in tokens(sql) if token.kind == "comment"]
    start, end = 0, len(sql)
    head: dict[str, Any] = {}
    tail: dict[str, Any] = {}
    for comment in comments:
        if sql[start : comment.start].strip() or (pairs := _parse(comment.text)) is None:
            break
        start, head = comment.end, head | pairs
    for comment in reversed(comments):
        if comment.start < start or sql[comment.end : end].strip(" \t\r\n;"):
            break
        if (pairs := _parse(comment.text)) is None:
            break
        end, tail = comment.start, pairs | tail
    found = head | tail
    if not found:
        return Uncommented(sql, NO_TAGS)
    body = sql[start:end]
    return Uncommented(body.strip(), _tags(found), start + len(body) - len(body.lstrip()))


def _parse(comment: str) -> dict[str, Any] | None:
    body = comment.removeprefix("/*").removesuffix("*/").strip()
    if body.startswith("{"):
        return _parse_json(body)
    if not _PAIRS.fullmatch(body):
        return None
    return {unquote(key): unquote(value.replace("\\'", "'")) for key, value in _ONE_PAIR.findall(body)}


def _parse_json(body: str) -> dict[str, Any] | None:
    try:
        pairs = json.loads(body)
    except ValueError:
        return None
    known = isinstance(pairs, dict) and (pairs.get("app") == "dbt" or "caller_id" in pairs)
    return pairs if known else None


def _tags(found: dict[str, Any]) -> CommentTags:
    tags = {key: value for key, value in found.items() if key not in ("caller_id", "traceparent")}
    return CommentTags(
        caller_id=str(found["caller_id"]) if found.get("caller_id") else None,
        traceparent=str(found["traceparent"]) if found.get("traceparent") else None,
        tags=MappingProxyType(tags),
    )
