"""The checks that may fail: what ``docs/differences.md`` lists under *Checks of real clients that fail*."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

DIFFERENCES = Path(__file__).resolve().parent.parent / "docs" / "differences.md"
_ROW = re.compile(r"^\| `(?P<client>[^`]+)` \| `(?P<check>[^`]+)` \| (?P<reason>.+) \|$", re.MULTILINE)


def known_failures(text: str) -> Mapping[tuple[str, str], str]:
    """Return the reasons by client and check, out of the page's table.

    >>> known_failures("| `knex` | `upsert` | No such thing. |")
    {('knex', 'upsert'): 'No such thing.'}
    """
    return {(row["client"], row["check"]): row["reason"] for row in _ROW.finditer(text)}
