"""Rules for what stands in expressions: operators, collations, subscripts, calls, system columns."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from rvbbit_proxy.engine.catalog.calls import (
    FUNCTIONS_SCHEMA,
    SESSION_WORDS,
    call,
    is_user_word,
    macro_kinds,
)
from rvbbit_proxy.engine.catalog.casts import reg_value
from rvbbit_proxy.engine.catalog.install import SYSTEM_SCHEMAS, column_types
from rvbbit_proxy.engine.catalog.output_types import expression_oid, scope_in_tree
from rvbbit_proxy.sql.dialect import UPSTREAM_DIALECTS
from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.array_input import parse_array

_OF_RELATIONS = frozenset("pg_relation_size pg_table_size pg_total_relation_size pg_indexes_size".split())
_VECTORS = frozenset(
    column
    for relation in column_types()["pg_catalog"].values()
    for column, oid in relation.items()
    if oid in (oids.INT2VECTOR, oids.OIDVECTOR)
)
_DEFAULT_COLLATIONS = frozenset(("default", "c", "posix", "ucs_basic", "c.utf-8", "en_us.utf-8"))
_OPERATORS: dict[str, type[exp.Expr]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    ">": exp.GT,
    "<=": exp.LTE,
    ">=": exp.GTE,
    "~~": exp.Like,
    "~~*": exp.ILike,
    "~": exp.RegexpLike,
    "~*": exp.RegexpILike,
    "||": exp.DPipe,
    "+": exp.Add,
    "-": exp.Sub,
    "*": exp.Mul,
    "/": exp.Div,
}
_MATCHING = (exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike)
_PATTERN = "rv_pattern"
_NEGATED = {"!~": exp.RegexpLike, "!~*": exp.RegexpILike, "!~~": exp.Like, "!~~*": exp.ILike}


def number_vectors(tree: exp.Expr) -> None:
    """Count int2vector and oidvector columns from 0, as PostgreSQL does."""
    for node in list(tree.find_all(exp.Bracket, exp.Anonymous)):
        if isinstance(node, exp.Bracket) and _is_vector(node.this):
            node.set("expressions", [_plus(item, 1) for item in node.expressions])
        elif isinstance(node, exp.Anonymous) and node.expressions and _is_vector(node.expressions[0]):
            if node.name.lower() in ("generate_subscripts", "array_lower", "array_upper"):
                whole = node.parent if isinstance(node.parent, exp.Dot) else node
                whole.replace(exp.paren(exp.Sub(this=whole.copy(), expression=exp.Literal.number(1))))


def _is_vector(node: exp.Expr) -> bool:
    node = node.this if isinstance(node, exp.Cast) else node
    return isinstance(node, exp.Column) and node.name.lower() in _VECTORS


def _plus(index: exp.Expr, count: int) -> exp.Expr:
    if isinstance(index, exp.Literal) or (isinstance(index, exp.Neg) and isinstance(index.this, exp.Literal)):
        return exp.Literal.number(int(index.sql()) + count)
    if isinstance(index, exp.Slice):
        return index
    return exp.Add(this=exp.paren(index.copy()), expression=exp.Literal.number(count))


def spell_operators(tree: exp.Expr) -> None:
    """Write ``OPERATOR(pg_catalog.~)`` as the operator itself."""
    for node in reversed(list(tree.find_all(exp.Operator))):
        name = str(node.args["operator"]).rpartition(".")[2]
        if name in _NEGATED:
            node.replace(exp.Not(this=exp.paren(_NEGATED[name](this=node.this, expression=node.expression))))
        elif name in _OPERATORS:
            node.replace(_OPERATORS[name](this=node.this, expression=node.expression))


def drop_collations(tree: exp.Expr) -> None:
    """Leave out the collations that are DuckDB's own order."""
    for node in list(tree.find_all(exp.Collate)):
        if node.expression.name.lower() in _DEFAULT_COLLATIONS:
            node.replace(node.this)


def escape_patterns(tree: exp.Expr) -> None:
    """Say of LIKE patterns that a backslash escapes, which DuckDB does not take for granted."""
    for node in list(tree.find_all(exp.Like, exp.ILike)):
        for text in node.expression.find_all(exp.ByteString):  # an E'' string
            text.replace(exp.Literal.string(text.name.replace("\\\\", "\\")))
        if not isinstance(node.parent, exp.Escape) and not isinstance(node.expression, (exp.Any, exp.All)):
            node.replace(exp.Escape(this=node.copy(), expression=exp.Literal.string("\\")))


def spell_queries(tree: exp.Expr) -> None:
    """Write ``EXISTS (SELECT FROM …)`` with an item, and ``= ANY`` without what DuckDB does not take for an array."""
    for exists in tree.find_all(exp.Exists):
        query = exists.this
        if isinstance(query, exp.Select) and not query.expressions:
            query.set("expressions", [exp.Literal.number(1)])
    for pattern in list(tree.find_all(*_MATCHING)):
        if isinstance(pattern.expression, (exp.Any, exp.All)):
            pattern.replace(_match_several(pattern, pattern.expression.this))
    for some in list(tree.find_all(exp.Any)):
        array = some.this.unnest()
        if (
            isinstance(array, exp.Array)
            and len(array.expressions) == 1
            and isinstance(array.expressions[0], exp.Query)
        ):
            some.set("this", exp.Subquery(this=array.expressions[0].copy()))
        elif isinstance(array, exp.Literal) and array.is_string and isinstance(some.parent, exp.EQ):
            _equal_to_some(some.parent, array.name)


def _match_several(match: exp.Expr, patterns: exp.Expr) -> exp.Expr:
    """Return ``a LIKE ANY (patterns)``, an array or a query, as DuckDB says it of each; of none it is what ANY is."""
    gathered, of_none = ("bool_or", "false") if isinstance(match.expression, exp.Any) else ("bool_and", "true")
    match.set("expression", exp.column(_PATTERN))
    told = match.sql(UPSTREAM_DIALECTS["duckdb"])
    if isinstance(patterns.unnest(), exp.Query):
        query = patterns.unnest().sql(UPSTREAM_DIALECTS["duckdb"])
        text = f"(SELECT CASE count(*) WHEN 0 THEN {of_none} ELSE {gathered}({told}) END FROM ({query}) AS q({_PATTERN}))"
    else:
        array = exp.cast(patterns.unnest().copy(), "TEXT[]", dialect="postgres").sql(UPSTREAM_DIALECTS["duckdb"])
        each = f"list_{gathered}(list_transform({array}, lambda {_PATTERN}: {told}))"
        text = f"coalesce({each}, CASE len({array}) WHEN 0 THEN {of_none} END)"
    return sqlglot.parse_one(text, read=UPSTREAM_DIALECTS["duckdb"])


def _equal_to_some(comparison: exp.EQ, array: str) -> None:
    """Write ``a = ANY ('{…}')`` as IN, whose literals take the type they meet as the array's items do."""
    items = parse_array(array, str)
    if any(isinstance(item, list) for item in items):
        return
    literals = [exp.null() if item is None else exp.Literal.string(item) for item in items]
    found = exp.paren(exp.In(this=comparison.this.copy(), expressions=literals)) if items else exp.false()
    comparison.replace(found)


def spell_functions(tree: exp.Expr) -> None:
    """Put ``format``, ``substring(… from pattern)`` and CURRENT_TIMESTAMP in words DuckDB has."""
    for moment in list(tree.find_all(exp.CurrentTimestamp)):
        moment.replace(exp.Anonymous(this="now"))  # its own word would be taken for an item of that name
    for part in list(tree.find_all(exp.Substring)):
        pattern = part.args.get("start")
        if isinstance(pattern, exp.Literal) and pattern.is_string:
            group = exp.Literal.number(1 if "(" in pattern.name else 0)
            part.replace(
                exp.Anonymous(this="regexp_extract", expressions=[part.this.copy(), pattern.copy(), group])
            )
    for gathered in list(tree.find_all(exp.JSONArrayAgg)):
        items = exp.Anonymous(this="list", expressions=[gathered.this.copy()])
        gathered.replace(exp.Anonymous(this="to_json", expressions=[items]))
    for shown in tree.find_all(exp.TimeToStr):
        shown.set("format", exp.Literal.string(re.sub(r"(?<!%)TZ", "%Z", shown.args["format"].name)))
    for node in reversed(list(tree.find_all(exp.Anonymous))):
        arguments = node.expressions
        name = node.name.lower()
        if name == "age" and len(arguments) == 1 and _is_transaction(arguments[0]):
            node.replace(call("transaction_age", arguments[0]))
        elif name == "format" and arguments and isinstance(arguments[0], exp.Literal) and "%" in arguments[0].name:
            node.replace(exp.Anonymous(this="concat", expressions=_formatted(arguments[0].name, arguments[1:])))
        elif (
            name in _OF_RELATIONS
            and arguments
            and isinstance(arguments[0], exp.Literal)
            and arguments[0].is_string
        ):
            arguments[0].replace(reg_value("regclass", arguments[0]))


def _is_transaction(node: exp.Expr) -> bool:
    select = node.find_ancestor(exp.Select)
    return select is not None and expression_oid(node, scope_in_tree(select)) == oids.XID


def _formatted(text: str, values: list[exp.Expr]) -> list[exp.Expr]:
    """Return the pieces that format() joins."""
    pieces: list[exp.Expr] = []
    end = used = 0
    for found in re.finditer(r"%(?:(\d+)\$)?(?:-?\d+)?([sIL%])", text):
        pieces.append(exp.Literal.string(text[end : found.start()]))
        end = found.end()
        if found[2] == "%":
            pieces.append(exp.Literal.string("%"))
            continue
        place = int(found[1]) - 1 if found[1] else used
        used = place + 1
        if place < len(values):
            value = values[place].copy()
            quoting = {"I": "quote_ident", "L": "quote_nullable"}.get(found[2])
            pieces.append(exp.Anonymous(this=quoting, expressions=[value]) if quoting else value)
    return [*pieces, exp.Literal.string(text[end:])]


def place_functions(tree: exp.Expr) -> None:
    """Call our functions by their full names, DuckDB's own without a schema."""
    for dot in reversed(list(tree.find_all(exp.Dot))):
        if isinstance(dot.this, exp.Identifier) and dot.this.name.lower() in SYSTEM_SCHEMAS:
            dot.replace(dot.expression)
    for node in reversed(list(tree.find_all(exp.Anonymous))):  # inner calls first: replacing copies arguments
        kind = macro_kinds().get(node.name.lower())
        if kind is False and not (isinstance(node.parent, (exp.Dot, exp.Table)) and _is_placed(node)):
            node.replace(call(node.name.lower(), *node.expressions))
    for word in list(tree.find_all(*SESSION_WORDS)):
        word.replace(call(SESSION_WORDS[type(word)]))
    for column in list(tree.find_all(exp.Column)):
        if is_user_word(column):
            column.replace(call("current_user"))


def _is_placed(node: exp.Expr) -> bool:
    parent = node.parent
    return isinstance(parent, exp.Table) or (
        isinstance(parent, exp.Dot) and parent.this.sql().lower() == FUNCTIONS_SCHEMA
    )


def fill_system_columns(tree: exp.Expr) -> None:
    """Give tableoid, ctid and xmin values: the relation's oid, the row's number, 1."""
    for column in list(tree.find_all(exp.Column)):
        name = column.name.lower()
        if name not in ("tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"):
            continue
        select = column.find_ancestor(exp.Select)
        table = _table_of(column, select) if select is not None else None
        value = _system_value(name, column, table)
        if value is not None:
            outermost = isinstance(column.parent, exp.Select)
            column.replace(exp.alias_(value, name, quoted=True) if outermost else value)


def _table_of(column: exp.Column, select: exp.Select) -> exp.Table | None:
    from_ = select.args.get("from_")
    items = [from_.this] if from_ is not None else []
    items += [join.this for join in select.args.get("joins") or ()]
    for item in items:
        if isinstance(item, exp.Table) and column.table.lower() in ("", item.alias_or_name.lower()):
            return item
    return None


def _system_value(name: str, column: exp.Column, table: exp.Table | None) -> exp.Expr | None:
    if table is None:
        return None
    if name == "tableoid":
        text = ".".join(part for part in (table.db, table.name) if part)
        return reg_value("regclass", exp.Literal.string(text.removeprefix("main.")))
    if name == "ctid":
        row = exp.column("rowid", table=column.table or None)
        return exp.DPipe(
            this=exp.DPipe(this=exp.Literal.string("(0,"), expression=row), expression=exp.Literal.string(")")
        )
    return exp.cast(exp.Literal.number(1), "bigint", dialect="duckdb")
