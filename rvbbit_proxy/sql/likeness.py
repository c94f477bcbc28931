"""What statements that differ only in their literals have in common: what is found out about one holds for the others."""

from __future__ import annotations

import re

from rvbbit_proxy.sql.remembered import remembered

_LITERAL = re.compile(
    r"""(?P<name>"(?:[^"]|"")*")|(?P<text>\b[eE]'(?:[^'\\]|\\.|'')*'|(?:\b[xXbBnN])?'(?:[^']|'')*')"""
    r"""|(?<![\w$.])\d+(?:\.\d+)?\b""",
    re.DOTALL,
)
_LISTED = re.compile(r"\bin\s*\(\s*(?:'a'|0)(?:\s*,\s*(?:'a'|0))*\s*\)", re.IGNORECASE)


@remembered
def likeness(sql: str) -> str:
    """Return the statement with all texts and numbers the same, and lists of them of one item; it parses as before.

    >>> likeness("SELECT a1, \\"b 1\\" FROM t WHERE a IN (1, 2) AND c = 'it''s' LIMIT 10")
    'SELECT a1, "b 1" FROM t WHERE a in(0) AND c = \\'a\\' LIMIT 0'
    """
    same = _LITERAL.sub(lambda found: found["name"] or ("'a'" if found["text"] else "0"), sql)
    return _LISTED.sub("in(0)", same)
