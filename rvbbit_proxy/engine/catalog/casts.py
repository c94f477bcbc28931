"""Casts to the types DuckDB lacks: regclass and its kin, oid, name, "char", arrays written as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from rvbbit_proxy.engine.catalog.calls import call
from rvbbit_proxy.engine.catalog.install import relation_oids
from rvbbit_proxy.engine.catalog.item_names import item_name
from rvbbit_proxy.engine.catalog.output_types import (
    REG_TYPES,
    Scope,
    cast_target,
    expression_oid,
    first_select,
    own_nodes,
    scope_in_tree,
)
from rvbbit_proxy.wire.types import oids

_OF_SEQUENCES = frozenset(("nextval", "currval", "setval"))
_NUMBERS = frozenset((oids.OID, oids.INT2, oids.INT4, oids.INT8, oids.XID)) | REG_TYPES
_TEXTS = frozenset(("name", "char", "bpchar", "cstring", "pg_node_tree", "unknown", "refcursor"))
_PLAIN_NUMBERS = frozenset(("oid", "xid", "cid", "xid8"))
_WIDTH_WORDS = {oids.INT2: "SMALLINT", oids.INT4: "INTEGER"}
_HEX = re.compile(r"\\{1,2}x(?:[0-9a-fA-F]{2})*")
_REG_NAMES = {
    "regclass": "regclass",
    "regtype": "regtype",
    "regproc": "regproc",
    "regprocedure": "regproc",
    "regoper": "regoper",
    "regoperator": "regoperator",
    "regnamespace": "regnamespace",
    "regrole": "regrole",
}
REG_OF_OID = {
    oids.REGCLASS: "regclass",
    oids.REGTYPE: "regtype",
    oids.REGPROC: "regproc",
    oids.REGPROCEDURE: "regproc",
    oids.REGOPER: "regoper",
    oids.REGOPERATOR: "regoperator",
    oids.REGNAMESPACE: "regnamespace",
    oids.REGROLE: "regrole",
}


def spell_outputs(tree: exp.Expr) -> None:
    """Make reg values their names where the statement makes them text, and numbers where it compares them."""
    for select in list(tree.find_all(exp.Select)):
        scope = scope_in_tree(select)
        for node in list(own_nodes(select)):
            if isinstance(node, exp.Cast) and cast_target(node) in ("text", "varchar", "name", "bpchar"):
                _spell(node.this, scope)
            elif isinstance(node, exp.DPipe):
                _spell(node.this, scope)
                _spell(node.expression, scope)
        _compare_by_number(select, scope)


def _spell(value: exp.Expr, scope: Scope) -> None:
    kind = REG_OF_OID.get(expression_oid(value, scope))
    if kind:
        value.replace(call(f"{kind}_out", value.copy()))


def show_by_name(tree: exp.Expr, formats: Sequence[int]) -> None:
    """Give out reg values by name, in the columns that go out as text."""
    query = first_select(tree)
    if isinstance(query, exp.Select):
        scope = scope_in_tree(query)
        for index, item in enumerate(query.expressions):
            if formats and formats[index if index < len(formats) else 0]:
                continue
            value = item.this if isinstance(item, exp.Alias) else item
            kind = REG_OF_OID.get(expression_oid(value, scope))
            if kind and not isinstance(value, exp.Star):
                shown = call(f"{kind}_out", value.copy())
                item.replace(exp.alias_(shown, item.alias or item_name(value), quoted=True))


def size_numbers(tree: exp.Expr) -> None:
    """Give out numbers in the width PostgreSQL gives them; DuckDB's own are wider, or narrower."""
    query = first_select(tree)
    if not isinstance(query, exp.Select) or query.args.get("distinct"):
        return
    scope = scope_in_tree(query)
    for item in list(query.expressions):
        value = item.this if isinstance(item, exp.Alias) else item
        word = _WIDTH_WORDS.get(expression_oid(value, scope))
        if word and not isinstance(value, (exp.Star, exp.Literal, exp.Cast)):
            sized = exp.cast(value.copy(), word, dialect="duckdb")
            item.replace(exp.alias_(sized, item.alias or item_name(value), quoted=True))


def _compare_by_number(select: exp.Select, scope: Scope) -> None:
    """Read the text that an oid or reg value is compared with as PostgreSQL reads such a literal."""
    for node in [node for node in own_nodes(select) if isinstance(node, (exp.EQ, exp.NEQ))]:
        for one, other in ((node.this, node.expression), (node.expression, node.this)):
            kind = REG_OF_OID.get(expression_oid(other, scope))
            if kind and isinstance(one, exp.Literal) and one.is_string:
                one.replace(call(f"{kind}_in", one.copy()))


def size_floats(tree: exp.Expr) -> None:
    """Write ``float(n)`` as the type of that many bits: real up to 24, else double precision."""
    for kind in list(tree.find_all(exp.DataType)):
        if kind.is_type("float", "double") and kind.expressions:
            bits = int(kind.expressions[0].name or 53)
            kind.replace(exp.DataType.build("float" if bits <= 24 else "double"))


def lower_casts(tree: exp.Expr) -> None:
    """Put casts to the types DuckDB lacks in its terms."""
    for cast in reversed(list(tree.find_all(exp.Cast))):
        scope_select = cast.find_ancestor(exp.Select)
        scope = scope_in_tree(scope_select) if scope_select is not None else Scope({})
        lowered = _lowered_cast(cast, scope)
        if lowered is not None:
            cast.replace(lowered)


def _lowered_cast(cast: exp.Cast, scope: Scope) -> exp.Expr | None:
    target, value = cast_target(cast), cast.this
    value = value.unnest() if isinstance(value.unnest(), exp.Literal) else value
    array = target.endswith("[]")
    kind = target.removesuffix("[]")
    if array and isinstance(value, exp.Literal) and value.is_string and value.name.lstrip()[:1] == "{":
        return _array_of(value.name, kind)
    if array:
        element = _duckdb_word(kind)
        return None if element is None else cast_to(value, element + "[]")
    if kind == "bytea" and isinstance(value, exp.Literal | exp.ByteString) and _HEX.fullmatch(value.name):
        return exp.Anonymous(this="unhex", expressions=[exp.Literal.string(value.name.lstrip("\\")[1:])])
    if kind == "regclass" and isinstance(cast.parent, exp.Anonymous) and cast.parent.name.lower() in _OF_SEQUENCES:
        name: exp.Expr = value.copy()  # DuckDB's take a name
        return name
    if kind in _REG_NAMES:
        if expression_oid(value, scope) in _NUMBERS or (isinstance(value, exp.Literal) and not value.is_string):
            return exp.paren(value.copy())
        return reg_value(_REG_NAMES[kind], value)
    word = _duckdb_word(kind)
    return None if word is None else cast_to(value, word)


def reg_value(kind: str, value: exp.Expr) -> exp.Expr:
    if kind == "regclass" and isinstance(value, exp.Literal):
        schema, _, name = value.name.lower().rpartition(".")
        fixed = relation_oids().get((schema or "pg_catalog", name))
        if fixed is not None:
            return exp.cast(exp.Literal.number(fixed), "bigint", dialect="duckdb")
    return call(f"{kind}_in", cast_to(value, "VARCHAR"))


def _duckdb_word(kind: str) -> str | None:
    if kind in _TEXTS:
        return "VARCHAR"
    if kind in _PLAIN_NUMBERS or kind in _REG_NAMES:
        return "BIGINT"
    return None


def cast_to(value: exp.Expr, word: str) -> exp.Expr:
    return exp.Cast(this=value.copy(), to=exp.DataType.build(word, dialect="duckdb"))


def _array_of(text: str, kind: str) -> exp.Expr | None:
    """Return the array that PostgreSQL's text form of one says, None where it nests."""
    body = text.strip()[1:-1]
    if "{" in body:
        return None
    items: list[exp.Expr] = []
    for found in re.finditer(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]+))\s*(?:,|$)', body):
        quoted, bare = found[1], found[2]
        if quoted is None and bare.strip().lower() == "null":
            items.append(exp.Null())
            continue
        value = exp.Literal.string(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare.strip())
        items.append(reg_value(_REG_NAMES[kind], value) if kind in _REG_NAMES else value)
    word = _duckdb_word(kind) or exp.DataType.build(kind, dialect="postgres").sql("duckdb")
    return cast_to(exp.Array(expressions=items), word + "[]")
