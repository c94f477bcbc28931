"""Reading array literals: ``{1,2}``, ``{{a,"b c"},{NULL,d}}``, ``[0:1]={1,2}``.

Source: PostgreSQL's src/backend/utils/adt/arrayfuncs.c (array_in).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from rvbbit_proxy.errors import InvalidTextRepresentation
from rvbbit_proxy.wire.types.values import WHITESPACE

MAX_DIMENSIONS = 6
_BOUNDS = re.compile(r"\s*((?:\[\s*[+-]?\d+\s*(?::\s*[+-]?\d+\s*)?\]\s*)+)=\s*")


def parse_array(text: str, decode: Callable[[str], Any], delimiter: str = ",") -> list[Any]:
    """Return the array as nested lists of decoded elements; raises InvalidTextRepresentation (22P02).

    >>> parse_array('{1,NULL,"NULL"}', str)
    ['1', None, 'NULL']
    """
    bounds = _BOUNDS.match(text)
    reader = _Reader(text, bounds.end() if bounds else 0, delimiter, decode)
    return reader.read()


class _Reader:
    """A stack of open braces over the tokens of one literal."""

    def __init__(self, text: str, start: int, delimiter: str, decode: Callable[[str], Any]) -> None:
        self._text, self._start, self._decode = text, start, decode
        mark = re.escape(delimiter)
        self._delimiter = delimiter
        self._token = re.compile(
            rf'[{WHITESPACE}]*(?:(?P<mark>[{{}}{mark}])|"(?P<quoted>(?:[^"\\]|\\.)*)"'
            rf'|(?P<bare>(?:[^{{}}"\\{mark}]|\\.)+))',
            re.DOTALL,
        )

    def read(self) -> list[Any]:
        """Return the array."""
        stack: list[list[Any]] = []
        root: list[Any] | None = None
        before = ""
        for kind, token in self._tokens():
            if root is not None:
                self._refuse("Junk after closing right brace.")
            self._check_order(before, kind, bool(stack))
            if kind == "{":
                stack.append([])
                if len(stack) > MAX_DIMENSIONS:
                    raise InvalidTextRepresentation(
                        f"number of array dimensions exceeds the maximum allowed ({MAX_DIMENSIONS})",
                        sqlstate="54000",
                    )
            elif kind == "}":
                done = stack.pop()
                if stack:
                    stack[-1].append(done)
                else:
                    root = done
            elif kind == "item":
                stack[-1].append(token)
            before = kind
        if root is None:
            self._refuse("Unexpected end of input.")
        self._check_shape(root)
        return [] if _is_empty(root) else self._decoded(root)

    def _decoded(self, items: list[Any]) -> list[Any]:
        """Decode the elements, now that the literal is known to be well formed."""
        return [
            self._decoded(item) if isinstance(item, list) else None if item is None else self._decode(item)
            for item in items
        ]

    def _tokens(self) -> Iterator[tuple[str, Any]]:
        position, text = self._start, self._text.rstrip(WHITESPACE)
        while position < len(text):
            match = self._token.match(text, position)
            if match is None:
                self._refuse(None)
            position = match.end()
            if match["mark"]:
                yield match["mark"], None
            elif match["quoted"] is not None:
                yield "item", re.sub(r"\\(.)", r"\1", match["quoted"], flags=re.DOTALL)
            else:
                yield "item", self._bare(match["bare"])

    def _bare(self, token: str) -> str | None:
        stripped = token.strip(WHITESPACE)
        if stripped.upper() == "NULL":
            return None
        return re.sub(r"\\(.)", r"\1", stripped, flags=re.DOTALL)

    def _check_order(self, before: str, kind: str, inside: bool) -> None:
        opens = kind in ("{", "item")
        if not inside and kind != "{":
            self._refuse('Array value must start with "{" or dimension information.')
        if opens and before not in ("", "{", self._delimiter):
            self._refuse("Unexpected array element.")
        if not opens and before == self._delimiter:
            self._refuse(f'Unexpected "{kind}" character.')
        if kind == self._delimiter and before in ("", "{"):
            self._refuse(f'Unexpected "{kind}" character.')

    def _check_shape(self, items: list[Any]) -> None:
        """Refuse lists of unequal depth or length."""
        if not any(isinstance(item, list) for item in items):
            return
        shapes = {len(item) if isinstance(item, list) else -1 for item in items}
        if len(shapes) != 1:
            self._refuse("Multidimensional arrays must have sub-arrays with matching dimensions.")
        self._check_shape([inner for item in items for inner in item])

    def _refuse(self, detail: str | None) -> NoReturn:
        raise InvalidTextRepresentation(f'malformed array literal: "{self._text}"', detail=detail)


def _is_empty(items: list[Any]) -> bool:
    return all(isinstance(item, list) and _is_empty(item) for item in items)
