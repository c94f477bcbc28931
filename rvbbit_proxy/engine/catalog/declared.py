"""The types that columns were declared with, where DuckDB forgets a part: varchar(n), char(n), bit(n), time(p), jsonb…

What DuckDB forgets is written behind the column's comment, ``[declared varchar(20)]``: so it lives in the database's
own file, and follows ALTER, RENAME, DROP and rollback. Clients do not see it in the comment. Not here: how values are
held to it (``duckdb_lengths``).
Source: https://www.postgresql.org/docs/16/datatype.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from rvbbit_proxy.engine.catalog.names import WIDEST_DECIMAL
from rvbbit_proxy.engine.duckdb_inserts import array_expression
from rvbbit_proxy.sql.lexer import Token, leading_words, lexemes, unquote_string
from rvbbit_proxy.sql.lists import closing_bracket, name_end, split_list
from rvbbit_proxy.wire.types import oids

MARK = re.compile(r"\n?\[declared (?P<word>[a-z]+)(?:\((?P<size>\d+)\))?(?P<array>\[\])?\]$")
_HEADER = 4
_OIDS = {
    "varchar": oids.VARCHAR,
    "jsonb": oids.JSONB,
    "char": oids.BPCHAR,
    "bit": oids.BIT,
    "varbit": oids.VARBIT,
    "time": oids.TIME,
    "timetz": oids.TIMETZ,
    "timestamp": oids.TIMESTAMP,
    "timestamptz": oids.TIMESTAMPTZ,
}
_WORDS = (
    (re.compile(r"(?:varchar|(?:national )?(?:character|char) varying)"), "varchar"),
    (re.compile(r"jsonb"), "jsonb"),
    (re.compile(r"(?:bpchar|(?:national )?(?:character|char)|nchar)"), "char"),
    (re.compile(r"(?:varbit|bit varying)"), "varbit"),
    (re.compile(r"bit"), "bit"),
    (re.compile(r"(?:timestamptz|timestamp with time zone)"), "timestamptz"),
    (re.compile(r"timestamp(?: without time zone)?"), "timestamp"),
    (re.compile(r"(?:timetz|time with time zone)"), "timetz"),
    (re.compile(r"time(?: without time zone)?"), "time"),
)
_TYPE_WORDS = frozenset(
    "jsonb national character char nchar bpchar varchar varying bit varbit time timetz timestamp timestamptz"
    " with without zone".split()
)
_DUCKDB_TYPES = {"varchar": "VARCHAR", "char": "VARCHAR", "bit": "BIT", "varbit": "BIT", "jsonb": "JSON"}
_CONSTRAINTS = frozenset(("constraint", "primary", "unique", "check", "foreign", "exclude", "like"))
_BEHIND_TYPES = frozenset(("default", "not", "null", "check", "generated", "collate", "constraint", "using"))
_ONE_BY_DEFAULT = frozenset(("char", "bit"))
_WITHOUT_SIZE = frozenset(("varchar", "char", "bit", "varbit", "jsonb"))
_SPELT = {"jsonb": "JSON", "bit": "BIT", "varbit": "BIT", "time": "TIME", "timetz": "TIMETZ", "timestamp": "TIMESTAMP",
          "timestamptz": "TIMESTAMPTZ"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeclaredType:
    """A type with what DuckDB forgets of it; ``size`` is None where nothing was said."""

    word: str
    size: int | None = None
    array: bool = False

    @property
    def type_oid(self) -> int:
        """Return the type's oid."""
        oid = _OIDS[self.word]
        return oids.array_oid_of(oid) if self.array else oid

    @property
    def typmod(self) -> int:
        """Return the type's modifier as pg_attribute has it."""
        if self.size is None:
            return -1
        return self.size + _HEADER if self.word in ("varchar", "char") else self.size

    @property
    def mark(self) -> str:
        """Return what is written behind the comment."""
        size = "" if self.size is None else f"({self.size})"
        return f"[declared {self.word}{size}{'[]' if self.array else ''}]"

    def is_kept_in(self, duckdb_type: str) -> bool:
        """Tell whether a column of this DuckDB type is still of the declared one."""
        element, array = duckdb_type.removesuffix("[]"), duckdb_type.endswith("[]")
        kept = _DUCKDB_TYPES.get(self.word)
        return array == self.array and (element == kept if kept else element.startswith("TIME"))


TableName: TypeAlias = tuple[str, str, str]
"""Database, schema and table, as DuckDB has them."""
DeclaredColumns: TypeAlias = Mapping[TableName, Mapping[str, DeclaredType]]

DECLARED = (
    'SELECT database_name, schema_name, table_name, column_name, data_type, "comment" FROM duckdb_columns()'
    " WHERE contains(\"comment\", '[declared ')"
)
"""The query whose rows :func:`declared_columns` takes."""


def declared_columns(rows: Sequence[tuple[str, str, str, str, str, str]]) -> DeclaredColumns:
    """Return the declared types by table and column."""
    found: dict[TableName, dict[str, DeclaredType]] = {}
    for database, schema, table, column, data_type, comment in rows:
        declared = read_mark(comment)
        if declared is not None and declared.is_kept_in(data_type):
            found.setdefault((database, schema, table), {})[column] = declared
    return found


def read_mark(comment: str) -> DeclaredType | None:
    """Return the type that stands behind a comment.

    >>> read_mark("the name\\n[declared varchar(20)]").typmod
    24
    """
    found = MARK.search(comment)
    if found is None or found["word"] not in _OIDS:
        return None
    return DeclaredType(found["word"], int(found["size"]) if found["size"] else None, found["array"] is not None)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that a definition gives a type: its table and name as written, and what stands behind the name."""

    table: str
    name: str
    rest: Sequence[Token]
    is_new: bool = True


def marks(sql: str, comment_of: Callable[[str, str], str | None]) -> Iterator[str]:
    """Yield what is to run after a definition, to keep what DuckDB forgets of it.

    ``comment_of`` returns the whole comment of a column of a table, both as written.

    >>> list(marks("CREATE TABLE t (a varchar(3) NOT NULL, b int, c char[])", lambda table, column: None))
    ["COMMENT ON COLUMN t.a IS '[declared varchar(3)]'", "COMMENT ON COLUMN t.c IS '[declared char(1)[]]'"]
    """
    for column in _columns(sql):
        declared, _ = _read_type(column.rest)
        mark = declared.mark if declared is not None else ""
        whole = "" if column.is_new else comment_of(column.table, column.name) or ""
        kept = MARK.sub("", whole)
        text = "\n".join(part for part in (kept, mark) if part)
        if text != whole:
            value = "'" + text.replace("'", "''") + "'" if text else "NULL"
            yield f"COMMENT ON COLUMN {column.table}.{column.name} IS {value}"


def spell_types(sql: str) -> str:
    """Return a definition with the types that DuckDB does not know, or knows without their size, as it does.

    >>> spell_types("CREATE TABLE t (a time(3), b timestamp(0) with time zone, c bit varying(6), d varchar(2))")
    'CREATE TABLE t (a TIME, b TIMESTAMPTZ, c BIT, d varchar(2))'
    >>> spell_types("CREATE TABLE t (a text array NOT NULL DEFAULT ARRAY['x'])")
    "CREATE TABLE t (a text[] NOT NULL DEFAULT ARRAY['x'])"
    >>> spell_types("ALTER TABLE t ADD b int[] DEFAULT '{1,2}'")
    "ALTER TABLE t ADD b int[] DEFAULT ['1', '2']"
    """
    pieces, end = [], 0
    for column in _columns(sql):
        declared, count = _read_type(column.rest)
        spelt = _SPELT.get(declared.word) if declared is not None else None
        if _is_bare_numeric(column.rest):
            spelt, count = WIDEST_DECIMAL, 1
        if spelt is not None:
            pieces += [sql[end : column.rest[0].start], spelt]
            end = column.rest[count - 1].end
        place = _array_word(column.rest)
        if place is not None:
            word = column.rest[place]
            pieces += [sql[end : word.start].rstrip(), "" if sql[word.end : word.end + 1] == "[" else "[]"]
            end = word.end
        default = _array_default(column.rest)
        if default is not None:
            text, spelt = default
            pieces += [sql[end : text.start], spelt]
            end = text.end
        for before, part in pairwise(column.rest):
            if before.text == ")" and part.text.lower() == "stored":  # of a generated column
                pieces.append(sql[end : part.start])
                end = part.end
    return "".join([*pieces, sql[end:]])


def _array_word(parts: Sequence[Token]) -> int | None:
    """Return where ARRAY makes an array of the type that stands here."""
    for place, part in enumerate(parts):
        if part.text.lower() in _BEHIND_TYPES:
            return None
        if part.text.lower() == "array" and place:
            return place
    return None


def _array_default(parts: Sequence[Token]) -> tuple[Token, str] | None:
    """Return the text that fills an array by default, and the array as DuckDB has it."""
    words = [part.text.lower() for part in parts]
    place = words.index("default") if "default" in words else len(words)
    is_array = "[" in words[:place] or "array" in words[:place]
    if not is_array or place + 1 >= len(parts) or parts[place + 1].kind != "string":
        return None
    array = array_expression(unquote_string(parts[place + 1]))
    return None if array is None else (parts[place + 1], array.sql("duckdb"))


def _is_bare_numeric(parts: Sequence[Token]) -> bool:
    texts = [part.text.lower() for part in parts[:2]]
    return texts[:1] in (["numeric"], ["decimal"], ["dec"]) and texts[1:] != ["("]


def _columns(sql: str) -> Iterator[_Column]:
    """Yield the columns whose types a CREATE or ALTER TABLE says."""
    if leading_words(sql, 1) not in (("create",), ("alter",)):
        return
    parts = lexemes(sql)
    words = [part.text.lower() for part in parts]
    if words[0] == "create" and "table" in words[1:4]:
        yield from _new_columns(parts, words)
    elif words[:2] == ["alter", "table"]:
        yield from _altered_columns(parts, words)


def _new_columns(parts: Sequence[Token], words: Sequence[str]) -> Iterator[_Column]:
    place = words.index("table") + 1
    place += 3 if words[place : place + 3] == ["if", "not", "exists"] else 0
    table, place = _name(parts, place)
    if words[place : place + 1] == ["("]:
        for item in filter(None, split_list(parts[place + 1 : closing_bracket(parts, place)])):
            if item[0].text.lower() not in _CONSTRAINTS:
                yield _Column(table, item[0].text, item[1:])


def _altered_columns(parts: Sequence[Token], words: Sequence[str]) -> Iterator[_Column]:
    place = 4 if words[2:4] == ["if", "exists"] else 2
    place += words[place : place + 1] == ["only"]
    table, place = _name(parts, place)
    for action in filter(None, split_list(parts[place:])):
        said = [part.text.lower() for part in action]
        start = 2 if said[1:2] == ["column"] else 1
        if said[0] == "add" and said[start : start + 1] and said[start] not in _CONSTRAINTS:
            start += 3 if said[start : start + 3] == ["if", "not", "exists"] else 0
            yield _Column(table, action[start].text, action[start + 1 :])
        elif said[0] == "alter" and "type" in said[start + 1 : start + 4]:
            yield _Column(table, action[start].text, action[said.index("type", start) + 1 :], is_new=False)


def _read_type(parts: Sequence[Token]) -> tuple[DeclaredType | None, int]:
    """Return the type that stands here, where DuckDB forgets a part of it, and how many tokens it takes."""
    words: list[str] = []
    size, place = None, 0
    while place < len(parts):
        text = parts[place].text.lower()
        if (
            text == "("
            and words
            and size is None
            and [part.text for part in parts[place + 2 : place + 3]] == [")"]
        ):
            size, place = int(parts[place + 1].text), place + 3
        elif text in _TYPE_WORDS:
            words.append(text)
            place += 1
        else:
            break
    spelt = " ".join(words)
    word = next((word for pattern, word in _WORDS if pattern.fullmatch(spelt)), None)
    array = place < len(parts) and parts[place].text.lower() in ("[", "array")
    if word is None or (size is None and word not in _WITHOUT_SIZE):
        return None, 0
    if size is None and word in _ONE_BY_DEFAULT and spelt != "bpchar":
        size = 1
    return DeclaredType(word, size, array), place


def _name(parts: Sequence[Token], place: int) -> tuple[str, int]:
    """Return the dotted name that stands here as written, and the place behind it."""
    end = name_end(parts, place)
    return "".join(part.text for part in parts[place:end]), end


def marked_comment(sql: str, comment_of: Callable[[str, str], str | None]) -> str:
    """Return a COMMENT ON COLUMN with the mark that the column's comment has.

    >>> marked_comment("COMMENT ON COLUMN t.a IS 'x'", lambda table, column: "[declared varchar(3)]")
    "COMMENT ON COLUMN t.a IS 'x\\n[declared varchar(3)]'"
    """
    parts = lexemes(sql)
    words = [part.text.lower() for part in parts]
    if words[:3] != ["comment", "on", "column"] or "is" not in words:
        return sql
    split = words.index("is")
    table, column = "".join(part.text for part in parts[3 : split - 2]), parts[split - 1].text
    found = MARK.search(comment_of(table, column) or "")
    if found is None:
        return sql
    value = parts[split + 1]
    mark = found[0].lstrip("\n")
    if value.text.lower() == "null":
        text = f"'{mark}'"
    elif value.text[-1:] == "'":
        text = f"{value.text[:-1]}\n{mark}'"
    else:
        return sql
    return f"{sql[: value.start]}{text}{sql[value.end :]}"
