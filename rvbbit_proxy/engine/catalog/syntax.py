"""PostgreSQL's own syntax in DuckDB's words: EXTRACT as numeric, json's operators, SIMILAR TO, OVERLAPS, char(n).

What becomes a call is found in ``functions.sql``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import exp

from rvbbit_proxy.engine.catalog.install import FUNCTIONS_CATALOG
from rvbbit_proxy.engine.catalog.set_functions import matches
from rvbbit_proxy.engine.duckdb_inserts import array_expression, spell_moment
from rvbbit_proxy.sql.item_names import WRITTEN_NAME

_PARTS_OF_SECONDS = {"SECOND": ("0.000001", 6), "SECONDS": ("0.000001", 6), "MILLISECOND": ("0.001", 3),
                     "MILLISECONDS": ("0.001", 3)}  # fmt: skip
_SCALES = {"EPOCH": 6, "JULIAN": 6}
_RENAMED = MappingProxyType(
    {"jsonb_object_agg": "json_group_object", "json_object_agg": "json_group_object", "every": "bool_and"}
)
_GIVING_JSONB = frozenset(
    "jsonb_set jsonb_insert json_concat json_delete json_delete_item jsonb_build_object to_jsonb".split()
)
_COMPARING = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)
_OF_ARRAYS = frozenset(("json_agg", "jsonb_agg"))


def spell_syntax(tree: exp.Expr) -> None:
    """Put what only PostgreSQL's grammar has in DuckDB's words."""
    for kind, spell in _SPELLERS.items():
        for node in reversed(list(tree.find_all(kind))):  # inner ones first
            spelt = spell(node)
            if spelt is not None:
                node.replace(spelt)


def _extract(node: exp.Expr) -> exp.Expr | None:
    """EXTRACT gives numeric, date_part() double precision; both count parts of a second."""
    field, value = node.name.upper(), node.expression
    called = str(node.meta.get(WRITTEN_NAME, "")).lower() == "date_part"
    factor, scale = _PARTS_OF_SECONDS.get(field, ("", _SCALES.get(field, 0)))
    if factor:
        microseconds = exp.Extract(this=exp.var("MICROSECOND"), expression=value.copy())
        found: exp.Expr = exp.Mul(this=microseconds, expression=exp.Literal.number(factor))
    else:
        found = exp.Extract(this=exp.var(field), expression=value.copy())
    return exp.cast(found, "DOUBLE" if called else f"DECIMAL(18, {scale})", dialect="duckdb")


def _json_at(function: str) -> Callable[[exp.Expr], exp.Expr | None]:
    def spell(node: exp.Expr) -> exp.Expr | None:
        steps = node.expression
        listed = array_expression(steps.name) if isinstance(steps, exp.Literal) else None
        return _base_call(function, node.this, listed or steps)

    return spell


def _json_delete(node: exp.Expr) -> exp.Expr | None:
    steps = node.expression
    listed = array_expression(steps.name) if isinstance(steps, exp.Literal) else None
    return _base_call("json_delete", node.this, listed or steps)


def _json_concat(node: exp.Expr) -> exp.Expr | None:
    """``||`` of what is seen to be jsonb; of anything else it joins text or arrays."""
    if _is_jsonb(node.this) or _is_jsonb(node.expression):
        return _base_call("json_concat", _as_json(node.this), _as_json(node.expression))
    return None


def _json_minus(node: exp.Expr) -> exp.Expr | None:
    """``jsonb - key``, where the left side is seen to be jsonb."""
    if not _is_jsonb(node.this):
        return None
    key = node.expression
    if isinstance(key, exp.Neg) or (isinstance(key, exp.Literal) and not key.is_string):
        return _base_call("json_delete_item", node.this, key)
    return _base_call(
        "json_delete", node.this, key if isinstance(key, exp.Array) else exp.Array(expressions=[key.copy()])
    )


def _is_jsonb(node: exp.Expr) -> bool:
    value = node.unnest()
    if isinstance(value, exp.Cast):
        return value.to.is_type("jsonb")
    if isinstance(value, exp.Dot):
        value = value.expression
    return isinstance(value, exp.Anonymous) and value.name.lower() in _GIVING_JSONB


def _as_json(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), "jsonb", dialect="postgres")


def _json_change(node: exp.Anonymous) -> exp.Expr | None:
    """jsonb_set() and jsonb_insert() with the path as a list."""
    target, path, *rest = node.expressions
    if len(rest) == 1:
        rest.append(exp.Boolean(this=node.name.lower() == "jsonb_set"))
    listed = array_expression(path.name) if isinstance(path, exp.Literal) and path.is_string else None
    value = rest[0]
    made = exp.cast(value.copy(), "jsonb", dialect="postgres") if isinstance(value, exp.Literal) else value
    return _base_call(node.name.lower(), target, listed or path, made, *rest[1:])


def _has_keys(function: str) -> Callable[[exp.Expr], exp.Expr | None]:
    def spell(node: exp.Expr) -> exp.Expr | None:
        keys = exp.Anonymous(this="json_keys", expressions=[node.this.copy()])
        return exp.Anonymous(this=function, expressions=[keys, node.expression.copy()])

    return spell


def _base_call(function: str, *arguments: exp.Expr) -> exp.Expr:
    call = exp.Anonymous(this=function, expressions=[argument.copy() for argument in arguments])
    return exp.Dot.build([exp.to_identifier(FUNCTIONS_CATALOG), exp.to_identifier("base"), call])


def _similar(node: exp.Expr) -> exp.Expr | None:
    return exp.Anonymous(this="similar_to", expressions=[node.this.copy(), node.expression.copy()])


def _overlaps(node: exp.Expr) -> exp.Expr | None:
    """Two spans overlap where each begins before the other ends; their ends may be given in any order."""
    if not all(
        isinstance(side, exp.Tuple) and len(side.expressions) == 2 for side in (node.this, node.expression)
    ):
        return None
    ends = [
        (
            exp.Anonymous(this="least", expressions=[item.copy() for item in side.expressions]),
            exp.Anonymous(this="greatest", expressions=[item.copy() for item in side.expressions]),
        )
        for side in (node.this, node.expression)
    ]
    (start, end), (other_start, other_end) = ends
    return exp.paren(
        exp.And(
            this=exp.LT(this=start, expression=other_end),
            expression=exp.LT(this=other_start, expression=end),
        )
    )


def _aggregate(node: exp.Expr) -> exp.Expr | None:
    if (
        isinstance(node, exp.Anonymous)
        and node.name.lower() in ("jsonb_set", "jsonb_insert")
        and len(node.expressions) > 2
    ):
        return None if isinstance(node.parent, exp.Dot) else _json_change(node)
    name = node.name.lower() if isinstance(node, exp.Anonymous) else str(node.meta.get(WRITTEN_NAME, "")).lower()
    if name == "regexp_matches" and isinstance(node.parent, (exp.Select, exp.Alias, exp.Paren)):
        return _matches(node)
    if name not in _RENAMED and name not in _OF_ARRAYS:
        return None
    items = list(node.expressions) if isinstance(node, exp.Anonymous) else [node.this]
    call = exp.Anonymous(this=_RENAMED.get(name, "array_agg"), expressions=[item.copy() for item in items])
    if name in _RENAMED:
        return call
    whole: exp.Expr = node
    while isinstance(whole.parent, (exp.Filter, exp.Window, exp.WithinGroup)) and whole.arg_key == "this":
        whole = whole.parent
    if whole is node:
        return exp.Anonymous(this="to_json", expressions=[call])
    node.replace(call)
    whole.replace(exp.Anonymous(this="to_json", expressions=[whole.copy()]))
    return None


def _matches(node: exp.Expr) -> exp.Expr:
    """Return the rows of regexp_matches(), which to DuckDB is a test."""
    return exp.Anonymous(this="unnest", expressions=[matches(node.expressions)])


def _sized_cast(node: exp.Expr) -> exp.Expr | None:
    """A cast to char(n) pads and cuts, one to varchar(n) cuts."""
    kind = node.args["to"]
    if not isinstance(kind, exp.DataType) or not kind.is_type("char", "varchar", "nchar") or not kind.expressions:
        return None
    if isinstance(node.parent, exp.ColumnDef):
        return None
    size = kind.expressions[0].copy()
    text = exp.cast(node.this.copy(), "VARCHAR", dialect="duckdb")
    cut = exp.Anonymous(this="left", expressions=[text, size])
    if kind.is_type("varchar"):
        return cut
    return exp.Anonymous(this="rpad", expressions=[cut, size.copy(), exp.Literal.string(" ")])


def _moment(node: exp.Expr) -> exp.Expr | None:
    """A moment with a blank before its offset, which DuckDB takes for a zone's name, where a moment is compared."""
    spelt = spell_moment(node.name) if node.is_string else None
    if spelt is None or not isinstance(node.parent, (*_COMPARING, exp.Cast)) or _is_assigned(node.parent):
        return None
    found = exp.Literal.string(spelt)
    return found if isinstance(node.parent, exp.Cast) else exp.cast(found, "TIMESTAMPTZ", dialect="duckdb")


def _is_assigned(node: exp.Expr) -> bool:
    """Tell whether what looks like a comparison is ``SET column = value``."""
    return isinstance(node.parent, (exp.Update, exp.OnConflict)) and node.arg_key == "expressions"


_SPELLERS: Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr | None]] = MappingProxyType(
    {
        exp.Extract: _extract,
        exp.JSONBExtract: _json_at("json_at"),
        exp.JSONBExtractScalar: _json_at("json_text_at"),
        exp.JSONBContainsTopKey: _has_keys("list_contains"),
        exp.JSONBContainsAnyTopKeys: _has_keys("list_has_any"),
        exp.JSONBContainsAllTopKeys: _has_keys("list_has_all"),
        exp.JSONBDeleteAtPath: _json_delete,
        exp.DPipe: _json_concat,
        exp.Sub: _json_minus,
        exp.SimilarTo: _similar,
        exp.Overlaps: _overlaps,
        exp.JSONArrayAgg: _aggregate,
        exp.Anonymous: _aggregate,
        exp.Cast: _sized_cast,
        exp.Literal: _moment,
    }
)
