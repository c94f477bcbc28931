"""The sequence that a session drew from last, for ``lastval()``: what its statements name is noted as they come.

Not known: what a function or a rule draws from behind the statement's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rvbbit_proxy.errors import UpstreamError

_KEPT = 16
_DRAWS = re.compile(
    r"""\s*(?:with\b.*\))?\s*insert\s+into\s+(?P<table>[\w."]+)|\bnextval\s*\(\s*'(?P<sequence>[^']+)'""",
    re.IGNORECASE,
)
_LASTVAL = re.compile(r"\b(?P<name>lastval)\s*\(\s*\)(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)

OwnedBy = Callable[[str], Sequence[str]]
"""Tells the sequences that columns of a table count with."""


class DrawnSequences:
    """What a session's statements drew from, the latest last: sequences, and tables that may have one."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[str, bool], None] = {}

    def note(self, sql: str) -> None:
        """Note what a statement draws from."""
        found = _DRAWS.search(sql)
        if found is None:
            return
        key = (found["table"] or found["sequence"], found["table"] is not None)
        self._drawn.pop(key, None)
        self._drawn[key] = None
        if len(self._drawn) > _KEPT:
            del self._drawn[next(iter(self._drawn))]

    def spell(self, sql: str, owned_by: OwnedBy) -> str:
        """Return the statement with the sequence that its ``lastval()`` is about; raises 55000 where there is none."""
        if _LASTVAL.search(sql) is None:
            return sql
        for name, is_table in reversed(self._drawn):
            sequences = owned_by(name) if is_table else [name.replace("public.", "main.")]
            if sequences:
                return _LASTVAL.sub(rf"\g<name>('{sequences[-1]}')", sql)
        raise UpstreamError("lastval is not yet defined in this session", sqlstate="55000")
