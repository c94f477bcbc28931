"""The names clients use, put in DuckDB's terms token by token, every other character at its place.

The user's schema ``main`` is ``public`` to clients; the database has the name given at connect; temporary relations
are in ``pg_temp``. A name that needs no more than this is replaced where it stands, so that DuckDB still tells error
positions in the client's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rvbbit_proxy.sql.lexer import Token, tokens, unquote_identifier

PUBLIC = '"main"'  # as long as `public`
REG_PREFIX = "pg:"
_REG_TYPES = frozenset(
    "regclass regtype regproc regprocedure regnamespace regrole regoper regoperator oid xid cid name".split()
)
_CREATE_NOISE = frozenset(("local", "global", "unlogged"))
_TREE_INDEX = re.compile(r"\busing\s+(?:btree|hash)\b", re.IGNORECASE)
_OF_SEQUENCES = frozenset(("nextval", "currval", "setval"))
_PUBLIC_IN_TEXT = re.compile(r"""^'(?:public|"public")\.""")
WIDEST_DECIMAL = "DECIMAL(38, 10)"
"""What numeric without precision is: 28 digits before the point, 10 behind it."""
_NUMERIC_WORDS = frozenset(("numeric", "decimal", "dec"))
_BARE_NUMERIC = re.compile(r"(?:::|\bas)\s*(?:numeric|decimal|dec)\b(?!\s*\()", re.IGNORECASE)
_OFF = (["off"], ["false"], ["0"])
_BLANKS = frozenset(("space", "comment", "line_comment"))


def localise_names(sql: str, database: str) -> str:
    """Return the statement with schema ``public`` as ``main`` and the database's own name left out.

    >>> localise_names('SELECT public.t.a FROM "my"."public".t', "my")
    'SELECT "main".t.a FROM      "main"  .t'
    """
    parts = list(tokens(sql))
    texts = [part.text for part in parts]
    solid = [index for index, part in enumerate(parts) if part.kind not in _BLANKS]
    for place, index in enumerate(solid):
        if parts[index].text[:1] == "'" and _names_sequence(parts, solid, place):
            texts[index] = _PUBLIC_IN_TEXT.sub("'main.", texts[index]).ljust(len(texts[index]))
        if parts[index].kind not in ("word", "quoted") or _follows_dot(parts, solid, place):
            continue
        name = unquote_identifier(parts[index])
        if not _dotted(parts, solid, place):
            if name == "public" and _names_schema(parts, solid, place):
                texts[index] = PUBLIC.ljust(len(texts[index]))
            continue
        schema = index
        if name == database and name != "public" and _dotted(parts, solid, place + 2):
            texts[index] = " " * len(texts[index])
            texts[solid[place + 1]] = " "
            schema = solid[place + 2]
            name = unquote_identifier(parts[schema])
        if name == "public":
            texts[schema] = PUBLIC.ljust(len(texts[schema]))
        elif name == "pg_temp" or name.startswith("pg_temp_"):
            texts[schema] = "temp".ljust(len(texts[schema]))
    return "".join(texts)


def _names_sequence(parts: Sequence[Token], solid: Sequence[int], place: int) -> bool:
    """Tell whether the text here is the name that nextval() and its kin are given."""
    before = [parts[index].text.lower() for index in solid[max(0, place - 2) : place]]
    return before[1:] == ["("] and before[0] in _OF_SEQUENCES


def _follows_dot(parts: Sequence[Token], solid: Sequence[int], place: int) -> bool:
    return place > 0 and parts[solid[place - 1]].text == "."


def _dotted(parts: Sequence[Token], solid: Sequence[int], place: int) -> bool:
    """Tell whether a name with something behind its dot stands here."""
    return (
        place + 2 < len(solid)
        and parts[solid[place]].kind in ("word", "quoted")
        and parts[solid[place + 1]].text == "."
    )


def _names_schema(parts: Sequence[Token], solid: Sequence[int], place: int) -> bool:
    """Tell whether the name is what CREATE, DROP, ALTER or COMMENT ON SCHEMA speaks of."""
    before = [parts[index].text.lower() for index in solid[max(0, place - 4) : place]]
    while before and before[-1] in ("if", "not", "exists"):
        before.pop()
    return bool(before) and before[-1] == "schema"


def blank_noise(sql: str) -> str:
    """Return the statement without the words that mean nothing to DuckDB.

    CREATE LOCAL/GLOBAL TEMP, UNLOGGED, CREATE/DROP INDEX CONCURRENTLY, CREATE INDEX … USING btree, and the options
    of EXPLAIN that tell how much of a plan is to be shown.

    >>> blank_noise("CREATE LOCAL TEMP TABLE t (a int)")
    'CREATE       TEMP TABLE t (a int)'
    """
    parts = list(tokens(sql))
    words = [index for index, part in enumerate(parts) if part.kind == "word"][:8]
    if words and parts[words[0]].text.lower() == "explain":
        return _plain_explain(sql, [part for part in parts if part.kind not in _BLANKS])
    if not words or parts[words[0]].text.lower() not in ("create", "drop"):
        return sql
    texts = [part.text for part in parts]
    lowered = [texts[index].lower() for index in words]
    for place, index in enumerate(words[1:], start=1):
        noise = lowered[place] in _CREATE_NOISE and place < 3
        if noise or (lowered[place] == "concurrently" and lowered[place - 1] == "index"):
            texts[index] = " " * len(texts[index])
    return (
        _TREE_INDEX.sub(lambda found: " " * len(found[0]), "".join(texts))
        if "index" in lowered[:3]
        else "".join(texts)
    )


def spell_numerics(sql: str) -> str:
    """Return the statement with casts to numeric that name no precision as casts to the widest there is.

    >>> print(spell_numerics("SELECT a::numeric, CAST(b AS decimal), c AS numeric, d::numeric(5,2)"))
    SELECT a::DECIMAL(38, 10), CAST(b AS DECIMAL(38, 10)), c AS numeric, d::numeric(5,2)
    """
    if _BARE_NUMERIC.search(sql) is None:
        return sql
    parts = list(tokens(sql))
    solid = [index for index, part in enumerate(parts) if part.kind not in _BLANKS]
    texts = [part.text for part in parts]
    lowered = [texts[index].lower() for index in solid]
    for place, word in enumerate(lowered):
        if word in _NUMERIC_WORDS and lowered[place + 1 : place + 2] != ["("] and place:
            before, after = lowered[place - 1], lowered[place + 1 : place + 2]
            if before == "::" or (before == "as" and after in ([")"], ["["]) and _in_cast(lowered, place)):
                texts[solid[place]] = WIDEST_DECIMAL
    return "".join(texts)


def _in_cast(words: Sequence[str], place: int) -> bool:
    """Tell whether the bracket around a place is that of CAST."""
    depth = 0
    for at in range(place, 0, -1):
        depth += (words[at] == ")") - (words[at] == "(")
        if depth < 0:
            return words[at - 1] in ("cast", "try_cast")
    return False


def _plain_explain(sql: str, parts: Sequence[Token]) -> str:
    """Return an EXPLAIN with ANALYZE and FORMAT as its only options; every other text keeps its place."""
    words = [part.text.lower() for part in parts]
    if words[1:2] != ["("]:
        verbose = next((part for part in parts[1:3] if part.text.lower() == "verbose"), None)
        return sql if verbose is None else sql[: verbose.start] + " " * 7 + sql[verbose.end :]
    close = words.index(")") if ")" in words else len(words) - 1
    options = [option.split() for option in " ".join(words[2:close]).split(",")]
    kept = [option[0] for option in options if option[:1] == ["analyze"] and option[1:] not in _OFF]
    kept += [" ".join(option) for option in options if option[:1] == ["format"] and option[1:] != ["text"]]
    head = f"EXPLAIN ({', '.join(kept)})" if kept else "EXPLAIN"
    return head.ljust(parts[close].end) + sql[parts[close].end :]


def quote_at(sql: str) -> str:
    """Return the statement with the name ``at`` in quotes: DuckDB reserves it, PostgreSQL does not.

    >>> print(quote_at("SELECT at, b AT TIME ZONE 'UTC' FROM t"))
    SELECT "at", b AT TIME ZONE 'UTC' FROM t
    """
    parts = list(tokens(sql))
    solid = [index for index, part in enumerate(parts) if part.kind not in _BLANKS]
    texts = [part.text for part in parts]
    for place, index in enumerate(solid):
        follower = parts[solid[place + 1]].text.lower() if place + 1 < len(solid) else ""
        if parts[index].kind == "word" and texts[index].lower() == "at" and follower != "time":
            texts[index] = '"at"'
    return "".join(texts)


def plain_builtins(sql: str) -> str:
    """Return the statement with the types and functions of pg_catalog as sqlglot reads them.

    Without their schema, and the reg types of casts as names of ours: ``x::regtype[]`` does not parse otherwise.

    >>> plain_builtins("SELECT a::pg_catalog.regtype[], pg_catalog.max(b) AS oid FROM pg_catalog.pg_class")
    'SELECT a::"pg:regtype"[], max(b) AS oid FROM pg_catalog.pg_class'
    """
    parts = list(tokens(sql))
    texts = [part.text for part in parts]
    for index in range(len(parts) - 3):
        if texts[index].lower() == "pg_catalog" and texts[index + 1] == "." and texts[index + 3] == "(":
            texts[index] = texts[index + 1] = ""
    for index, part in enumerate(parts):
        if part.text != "::" or index + 1 >= len(parts):
            continue
        at = index + 1
        while at < len(parts) and parts[at].kind == "space":
            at += 1
        if at + 2 < len(parts) and parts[at].text.lower() == "pg_catalog" and parts[at + 1].text == ".":
            texts[at] = texts[at + 1] = ""
            at += 2
        if at < len(parts) and parts[at].text.lower() in _REG_TYPES:
            texts[at] = f'"{REG_PREFIX}{parts[at].text.lower()}"'
    return "".join(texts)
