"""Functions of several rows in FROM, as lists that a SELECT unnests side by side, and records made of json.

So they take WITH ORDINALITY, ROWS FROM, flags, and an alias that is also the name of their one column.
Source: https://www.postgresql.org/docs/16/queries-table-expressions.html#QUERIES-TABLEFUNCTIONS
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlglot import exp

from rvbbit_proxy.engine.catalog.install import FUNCTIONS_CATALOG
from rvbbit_proxy.sql.item_names import WRITTEN_NAME

_ITEM = "rvbbit_item"
_INT4, _INT4_END = 4, 1 << 31
_WIDTHS = {exp.DataType.Type.SMALLINT: _INT4, exp.DataType.Type.INT: _INT4, exp.DataType.Type.BIGINT: 2 * _INT4}
_SIGNED = exp.Literal | exp.Neg
_PARAMETERS = (exp.Parameter, exp.Placeholder)
_LISTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "array_elements": {"value": "json_items"},
        "array_elements_text": {"value": "json_item_texts"},
        "each": {"key": "json_names", "value": "json_values"},
        "each_text": {"key": "json_names", "value": "json_value_texts"},
        "object_keys": {"": "json_names"},
    }
)
"""The json functions of several rows: their columns, and which macro lists each; "" is called as the function is."""
_OF_TEXT = MappingProxyType(
    {
        "regexp_split_to_table": "regexp_split_to_array",
        "string_to_table": "string_to_array",
        "generate_series": "series",
    }
)
_RECORDS = frozenset(("to_record", "to_recordset"))
SET_FUNCTIONS = frozenset(
    {f"{kind}_{name}" for kind in ("json", "jsonb") for name in _LISTS} | _OF_TEXT.keys() | {"regexp_matches"}
)
RECORD_FUNCTIONS = frozenset(f"{kind}_{name}" for kind in ("json", "jsonb") for name in _RECORDS)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that a function gives: its own name, if it has one, and the list of its values."""

    name: str
    items: exp.Expr


def spread_functions(tree: exp.Expr) -> None:
    """Select what functions of several rows give, where they stand in FROM."""
    for node in list(tree.find_all(exp.Table, exp.Lateral)):
        calls = _calls(node)
        alias = node.args.get("alias")
        series = _whole_series(node)
        if series is not None:
            _put(node, series, alias or exp.TableAlias(this=exp.to_identifier("generate_series")))
        elif _name_of(calls[0]) in RECORD_FUNCTIONS and alias is not None:
            _put(node, _record(calls[0], alias.columns), exp.TableAlias(this=alias.this.copy()))
        elif all(_name_of(call) in SET_FUNCTIONS or isinstance(call, exp.Unnest) for call in calls):
            _spread(node, calls, alias)
    for call in list(tree.find_all(exp.ExplodingGenerateSeries)):
        if not isinstance(call.parent, exp.Table):
            (column,) = _columns(call)
            call.replace(_unnested(column.items))


def _calls(node: exp.Expr) -> list[exp.Expr]:
    """Return the functions that stand here in FROM, side by side."""
    together = node.args.get("rows_from") or ()
    return [part.this if isinstance(part, exp.Table) else part for part in together] or [node.this]


def _name_of(call: exp.Expr) -> str:
    if isinstance(call, exp.Anonymous):
        return call.name.lower()
    return (
        "generate_series"
        if isinstance(call, exp.ExplodingGenerateSeries)
        else str(call.meta.get(WRITTEN_NAME, ""))
    )


def _put(node: exp.Expr, query: exp.Select, alias: exp.TableAlias) -> None:
    joins = node.args.get("joins")
    placed = exp.Lateral(this=exp.Subquery(this=query), alias=alias.copy())
    if joins:
        placed.set("joins", joins)
    node.replace(placed)


def _spread(node: exp.Expr, calls: Sequence[exp.Expr], alias: exp.TableAlias | None) -> None:
    columns = [column for call in calls for column in _columns(call)]
    named = alias.name if alias is not None and len(columns) == 1 else ""
    items: list[exp.Expr] = [
        exp.alias_(_unnested(column.items), column.name or named or _name_of(call), quoted=True)
        for call in calls
        for column in _columns(call)
    ]
    if node.args.get("ordinality"):
        items.append(exp.alias_(ordinality([column.items for column in columns]), "ordinality", quoted=True))
    if named and columns[0].name and alias is not None and not alias.columns:
        _read_value(node, alias.name, columns[0].name)
    _put(
        node,
        exp.select(*items),
        alias or exp.TableAlias(this=exp.to_identifier(_name_of(calls[0]) or "unnest", quoted=True)),
    )


def _columns(call: exp.Expr) -> list[_Column]:
    name = _name_of(call)
    if isinstance(call, exp.Unnest):
        return [_Column("unnest", call.expressions[0])]
    if isinstance(call, exp.ExplodingGenerateSeries):
        ends = [call.args[part] for part in ("start", "end", "step") if call.args.get(part) is not None]
        if any(end.find(exp.Column) for end in ends):  # whose type no overload is told inside a lateral query
            return [_Column("", exp.Anonymous(this="generate_series", expressions=[end.copy() for end in ends]))]
        return [_Column("", _base("series", ends))]
    if name == "regexp_matches":
        return [_Column("", matches(call.expressions))]
    if name in _OF_TEXT:
        return [
            _Column("", exp.Anonymous(this=_OF_TEXT[name], expressions=[item.copy() for item in call.expressions]))
        ]
    lists = _LISTS[name.partition("_")[2]]
    return [_Column(column, _base(macro, call.expressions)) for column, macro in lists.items()]


def matches(arguments: Sequence[exp.Expr]) -> exp.Expr:
    """Return the list of what regexp_matches() finds, each a list of the pattern's groups."""
    flags = arguments[2].name if len(arguments) > 2 else ""
    others = [*arguments[:2], exp.Literal.string(flags.replace("g", ""))]
    return _base("regexp_all" if "g" in flags else "regexp_first", others)


def ordinality(lists: Sequence[exp.Expr]) -> exp.Expr:
    """Return the numbers of the rows that lists give side by side."""
    lengths = [exp.func("coalesce", exp.Anonymous(this="len", expressions=[one.copy()]), "0") for one in lists]
    last = exp.Anonymous(this="greatest", expressions=[*lengths, exp.Literal.number(0)])
    return _unnested(
        exp.Anonymous(
            this="range", expressions=[exp.Literal.number(1), exp.Add(this=last, expression=exp.Literal.number(1))]
        )
    )


def _unnested(items: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="unnest", expressions=[items.copy()])


def _base(macro: str, arguments: Sequence[exp.Expr]) -> exp.Expr:
    call = exp.Anonymous(this=macro, expressions=[argument.copy() for argument in arguments])
    return exp.Dot.build([exp.to_identifier(FUNCTIONS_CATALOG), exp.to_identifier("base"), call])


def _read_value(node: exp.Expr, alias: str, column: str) -> None:
    """Read the one column where the statement says the function's alias."""
    select = node.find_ancestor(exp.Select)
    for found in list(select.find_all(exp.Column)) if select is not None else ():
        if not found.table and found.name.lower() == alias.lower() and not isinstance(found.this, exp.Star):
            value: exp.Expr = exp.column(column, table=alias)
            found.replace(exp.alias_(value, alias, quoted=True) if isinstance(found.parent, exp.Select) else value)


def _whole_series(node: exp.Expr) -> exp.Select | None:
    """Return a series of integers as DuckDB counts it, row by row; as int4 where PostgreSQL would, not bigint."""
    call = node.this
    if (
        not isinstance(call, exp.ExplodingGenerateSeries)
        or node.args.get("ordinality")
        or node.find_ancestor(exp.Cast)
    ):
        return None
    ends = [call.args.get(part) for part in ("start", "end", "step")]
    given = [end for end in ends if end is not None]
    if all(isinstance(end, _PARAMETERS) for end in given) or not isinstance(ends[2], _SIGNED | None):
        return None
    if not all(isinstance(end, _PARAMETERS) or _width(end) for end in given):
        return None
    number: exp.Expr = exp.column("generate_series")
    if any(isinstance(end, _PARAMETERS) for end in given):
        number = _base("counted", [number, *given[:2]])
    elif all(_width(end) == _INT4 for end in given):
        number = exp.cast(number, "INTEGER", dialect="duckdb")
    source = exp.Table(
        this=exp.Anonymous(this="range", expressions=[*_range(ends)]),
        alias=exp.TableAlias(
            this=exp.to_identifier("rvbbit_series"), columns=[exp.to_identifier("generate_series")]
        ),
    )
    name = node.alias or "generate_series"
    return exp.select(exp.alias_(number, name, quoted=True)).from_(source)


def _width(end: exp.Expr) -> int:
    """Return the bytes of an integer that is written as such; 0 for anything else."""
    if isinstance(end, exp.Cast):
        return _WIDTHS.get(end.to.this, 0) if isinstance(end.this, (exp.Literal, *_PARAMETERS)) else 0
    literal = end.this if isinstance(end, exp.Neg) else end
    if not isinstance(literal, exp.Literal) or not literal.is_int:
        return 0
    return _INT4 if int(literal.name) < _INT4_END else 2 * _INT4


def _range(ends: Sequence[exp.Expr | None]) -> list[exp.Expr]:
    """Return the arguments of range(), whose end is left out, for those of generate_series()."""
    start, end, step = ends
    assert start is not None and end is not None  # the grammar wants both
    one = exp.Literal.number(1)
    if step is None:
        return [start.copy(), exp.Add(this=end.copy(), expression=one)]
    last = (exp.Sub if isinstance(step, exp.Neg) else exp.Add)(this=end.copy(), expression=one)
    return [start.copy(), last, step.copy()]


def _record(call: exp.Expr, definitions: Sequence[exp.Expr]) -> exp.Select:
    """Return the query of what json_to_record() and its kin give."""
    is_set = call.name.lower().endswith("set")
    source = exp.cast(call.expressions[0].copy(), "JSON", dialect="duckdb")
    item: exp.Expr = exp.column(_ITEM)
    columns = [
        exp.alias_(_member(item, column), column.name, quoted=True)
        for column in definitions
        if isinstance(column, exp.ColumnDef)
    ]
    items = _unnested(_base("json_items", [source])) if is_set else source
    return exp.select(*columns).from_(exp.select(exp.alias_(items, _ITEM)).subquery("rvbbit_items"))


def _member(item: exp.Expr, column: exp.ColumnDef) -> exp.Expr:
    """Return an object's member as the type that it is wanted in."""
    kind = column.args["kind"]
    folded = column.name if column.this.args.get("quoted") else column.name.lower()
    path = exp.Literal.string('$."' + folded.replace('"', '\\"') + '"')
    is_json, is_array = kind.is_type("json", "jsonb"), kind.is_type("array")
    reader = "json_extract" if is_json or is_array else "json_extract_string"
    found = exp.Anonymous(this=reader, expressions=[item.copy(), path])
    return found if is_json else exp.Cast(this=found, to=kind.copy())
