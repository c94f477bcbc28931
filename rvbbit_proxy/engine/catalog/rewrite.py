"""PostgreSQL's statement to DuckDB's, tree to tree: read with sqlglot's PostgreSQL dialect, changed, written out.

Each rule takes the tree and changes it in place; their order is ``RULES``. What a rule cannot put in DuckDB's terms
it leaves, and DuckDB says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError
from sqlglot.parsers.postgres import PostgresParser

from rvbbit_proxy.engine.catalog.install import CATALOG, column_types, relation_oids, schema_of
from rvbbit_proxy.engine.catalog.names import quote_reg_types
from rvbbit_proxy.engine.catalog.output_types import (
    REG_TYPES,
    UNKNOWN,
    Scope,
    cast_target,
    expression_oid,
    query_columns,
    scope_of,
    select_columns,
    type_oid,
)
from rvbbit_proxy.engine.duckdb_names import UNNAMED, figure_name
from rvbbit_proxy.wire.types import oids

SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")
_FUNCTIONS_SCHEMA = f"{CATALOG}.pg"
_TABLE_MACRO = re.compile(r"^CREATE MACRO rvbbit_pg\.pg\.(\w+)\([^)]*\) AS\s+(TABLE\b)?", re.MULTILINE)
_NUMBERS = frozenset((oids.OID, oids.INT2, oids.INT4, oids.INT8, oids.XID)) | REG_TYPES
_OWN_TYPES = frozenset((oids.OID, oids.XID, oids.NAME, oids.CHAR))
_TEXTS = frozenset(("name", "char", "bpchar", "cstring", "pg_node_tree", "unknown", "refcursor"))
_PLAIN_NUMBERS = frozenset(("oid", "xid", "cid", "xid8"))
_REG_NAMES = {
    "regclass": "regclass",
    "regtype": "regtype",
    "regproc": "regproc",
    "regprocedure": "regproc",
    "regnamespace": "regnamespace",
    "regrole": "regrole",
}
_REG_OF_OID = {
    oids.REGCLASS: "regclass",
    oids.REGTYPE: "regtype",
    oids.REGPROC: "regproc",
    oids.REGPROCEDURE: "regproc",
    oids.REGNAMESPACE: "regnamespace",
    oids.REGROLE: "regrole",
}
_SESSION_WORDS = {
    exp.CurrentUser: "current_user",
    exp.SessionUser: "current_user",
    exp.CurrentCatalog: "current_database",
    exp.CurrentDatabase: "current_database",
    exp.CurrentSchema: "current_schema",
    exp.CurrentVersion: "version",
}
_USER_WORDS = frozenset(("user", "current_role"))
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
_NEGATED = {"!~": exp.RegexpLike, "!~*": exp.RegexpILike, "!~~": exp.Like, "!~~*": exp.ILike}
_SERIALS = {"smallserial": "SMALLINT", "serial": "INT", "bigserial": "BIGINT"}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A statement for DuckDB; ``before`` runs first.

    ``column_oids`` and ``parameter_oids`` tell types that DuckDB lacks, in order; 0 leaves it to DuckDB.
    """

    sql: str
    before: tuple[str, ...] = ()
    column_oids: tuple[int, ...] = ()
    parameter_oids: tuple[int, ...] = ()
    displaced: bool = False  # positions in the text are not the client's

    @property
    def reads_catalog(self) -> bool:
        """Whether the statement names relations or functions of ours."""
        return f"{CATALOG}." in self.sql


@cache
def macro_kinds() -> dict[str, bool]:
    """Return the functions of ours by name, and whether they are table functions."""
    text = files("rvbbit_proxy.engine.catalog").joinpath("macros.sql").read_text(encoding="utf-8")
    return {found[1]: found[2] is not None for found in _TABLE_MACRO.finditer(text)}


class CatalogPostgres(Postgres):
    """PostgreSQL's dialect with the functions of ours read as plain calls."""

    class Parser(PostgresParser):
        FUNCTIONS = {  # noqa: RUF012  # sqlglot's own shape
            name: build
            for name, build in PostgresParser.FUNCTIONS.items()
            if name.lower() not in macro_kinds() or name in ("VERSION", "CURRENT_SCHEMA")
        }


def rewrite_statement(sql: str, *, binary: bool = False) -> Rewritten | None:
    """Return the statement for DuckDB, None where it is not one sqlglot can read.

    ``binary``: reg values are given out as oids, which is their binary form, else as names.
    """
    try:
        trees = sqlglot.parse(quote_reg_types(sql), read=CatalogPostgres)
    except (SqlglotError, RecursionError):
        return None
    tree = trees[0] if len(trees) == 1 else None
    if tree is None or isinstance(tree, exp.Command):
        return None
    column_oids, parameter_oids = _column_oids(tree), _parameter_oids(tree)
    before: list[str] = []
    for rule in RULES:
        if rule is not show_by_name or not binary:
            rule(tree)
    tree = _definition(tree, before)
    text = tree.sql("duckdb", unsupported_level=ErrorLevel.IGNORE, normalize_functions=False)
    return Rewritten(text, tuple(before), column_oids, parameter_oids, displaced=True)


def _column_oids(tree: exp.Expr) -> tuple[int, ...]:
    query = _first_select(tree)
    if not isinstance(query, exp.Select):
        return ()
    outer = Scope({}, None, _with_queries(tree)) if query is not tree else None
    columns = select_columns(query, scope_of(query, outer))
    return tuple(oid for _, oid in columns) if columns and any(oid for _, oid in columns) else ()


def _parameter_oids(tree: exp.Expr) -> tuple[int, ...]:
    """Return the types of parameters that are cast to, or compared with, a type of the catalogs."""
    found: dict[int, int] = {}
    for parameter in tree.find_all(exp.Parameter):
        parent, oid = parameter.parent, UNKNOWN
        if isinstance(parent, exp.Cast):
            oid = type_oid(cast_target(parent))
        elif isinstance(parent, (exp.EQ, exp.NEQ)):
            select = parent.find_ancestor(exp.Select)
            other = parent.expression if parent.this is parameter else parent.this
            oid = expression_oid(other, _scope_in_tree(select)) if select is not None else UNKNOWN
        if parameter.name.isdigit() and (oids.element_oid_of(oid) or oid) in _OWN_TYPES:
            found[int(parameter.name)] = oid
    return tuple(found.get(number, UNKNOWN) for number in range(1, max(found, default=0) + 1))


def _with_queries(tree: exp.Expr) -> dict[str, dict[str, int]]:
    with_ = tree.args.get("with_")
    return {cte.alias.lower(): query_columns(cte.this) or {} for cte in with_.expressions} if with_ else {}


# rules


def name_items(tree: exp.Expr) -> None:
    """Give unnamed items of every SELECT the names PostgreSQL gives them."""
    query = _first_select(tree)
    for select in tree.find_all(exp.Select):
        items = [_named(item, select is query) for item in select.expressions]
        select.set("expressions", items)


def _first_select(tree: exp.Expr) -> exp.Expr:
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    return tree


def _named(item: exp.Expr, outermost: bool) -> exp.Expr:
    if isinstance(item, (exp.Alias, exp.Column, exp.Star)) and not _is_user_word(item):
        return item
    if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star):
        return item
    name = item.name.lower() if _is_user_word(item) else _figure(item)
    return item if name == UNNAMED and not outermost else exp.alias_(item, name, quoted=True)


def _figure(item: exp.Expr) -> str:
    word = _SESSION_WORDS.get(type(item))
    if word is not None:
        return {exp.CurrentCatalog: "current_catalog", exp.SessionUser: "session_user"}.get(type(item), word)
    if isinstance(item, exp.Cast):
        inner: exp.Expr = item
        while isinstance(inner, (exp.Cast, exp.Paren)):
            inner = inner.this
        name = UNNAMED if isinstance(inner, exp.Literal) else _figure(inner)
        return name if name != UNNAMED else cast_target(item).removesuffix("[]")
    if isinstance(item, exp.Column):
        return item.name if item.this.args.get("quoted") else item.name.lower()
    if isinstance(item, exp.Case):
        return _case_name(item)
    if isinstance(item, exp.Literal):
        return UNNAMED
    return figure_name(item.sql("duckdb", unsupported_level=ErrorLevel.IGNORE, normalize_functions=False)) or UNNAMED


def _case_name(case: exp.Case) -> str:
    """Return the name of what ELSE gives where that is a column or a call."""
    default = case.args.get("default")
    inner = default
    while isinstance(inner, exp.Cast):
        inner = inner.this
    if default is None or isinstance(inner, (exp.Literal, exp.Null, exp.Boolean, exp.Case)):
        return "case"
    name = _figure(inner) if not isinstance(inner, exp.Column) else inner.name.lower()
    return "case" if name == UNNAMED else name


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


def drop_locks(tree: exp.Expr) -> None:
    """Leave out FOR UPDATE and its kin: DuckDB's transactions detect conflicts when they write."""
    for select in tree.find_all(exp.Select):
        select.set("locks", None)


def spell_outputs(tree: exp.Expr) -> None:
    """Make reg values their names where the statement makes them text, and numbers where it compares them."""
    for select in list(tree.find_all(exp.Select)):
        scope = _scope_in_tree(select)
        for cast in [node for node in _own_nodes(select) if isinstance(node, exp.Cast)]:
            kind = _REG_OF_OID.get(expression_oid(cast.this, scope))
            if kind and cast_target(cast) in ("text", "varchar", "name", "bpchar"):
                cast.set("this", _call(f"{kind}_out", cast.this.copy()))
        _compare_by_number(select, scope)


def show_by_name(tree: exp.Expr) -> None:
    """Give out reg values by name."""
    query = _first_select(tree)
    if isinstance(query, exp.Select):
        scope = _scope_in_tree(query)
        for item in query.expressions:
            value = item.this if isinstance(item, exp.Alias) else item
            kind = _REG_OF_OID.get(expression_oid(value, scope))
            if kind and not isinstance(value, exp.Star):
                shown = _call(f"{kind}_out", value.copy())
                item.replace(exp.alias_(shown, item.alias_or_name, quoted=True))


def _compare_by_number(select: exp.Select, scope: Scope) -> None:
    """Read the text that an oid or reg value is compared with as PostgreSQL reads such a literal."""
    for node in [node for node in _own_nodes(select) if isinstance(node, (exp.EQ, exp.NEQ))]:
        for one, other in ((node.this, node.expression), (node.expression, node.this)):
            kind = _REG_OF_OID.get(expression_oid(other, scope))
            if kind and isinstance(one, exp.Literal) and one.is_string:
                one.replace(_call(f"{kind}_in", one.copy()))


def _scope_in_tree(select: exp.Select) -> Scope:
    around = select.find_ancestor(exp.Select)
    outer = _scope_in_tree(around) if around is not None else None
    root = select.root()
    if outer is None and root is not select:
        outer = Scope({}, None, _with_queries(root))
    return scope_of(select, outer)


def _own_nodes(select: exp.Select) -> Iterator[exp.Expr]:
    """Yield the nodes of a SELECT outside its nested queries."""
    stack: list[exp.Expr] = [child for child in select.iter_expressions()]
    while stack:
        node = stack.pop()
        if isinstance(node, (exp.Select, exp.SetOperation)):
            continue
        yield node
        stack += list(node.iter_expressions())


def lower_casts(tree: exp.Expr) -> None:
    """Put casts to the types DuckDB lacks in its terms."""
    for cast in reversed(list(tree.find_all(exp.Cast))):
        scope_select = cast.find_ancestor(exp.Select)
        scope = _scope_in_tree(scope_select) if scope_select is not None else Scope({})
        lowered = _lowered_cast(cast, scope)
        if lowered is not None:
            cast.replace(lowered)


def _lowered_cast(cast: exp.Cast, scope: Scope) -> exp.Expr | None:
    target, value = cast_target(cast), cast.this
    array = target.endswith("[]")
    kind = target.removesuffix("[]")
    if array and isinstance(value, exp.Literal) and value.is_string and value.name.lstrip()[:1] == "{":
        return _array_of(value.name, kind)
    if array:
        element = _duckdb_word(kind)
        return None if element is None else _cast_to(value, element + "[]")
    if kind in _REG_NAMES:
        if expression_oid(value, scope) in _NUMBERS or (isinstance(value, exp.Literal) and not value.is_string):
            return exp.paren(value.copy())
        return _reg_value(_REG_NAMES[kind], value)
    word = _duckdb_word(kind)
    return None if word is None else _cast_to(value, word)


def _reg_value(kind: str, value: exp.Expr) -> exp.Expr:
    if kind == "regclass" and isinstance(value, exp.Literal):
        schema, _, name = value.name.lower().rpartition(".")
        fixed = relation_oids().get((schema or "pg_catalog", name))
        if fixed is not None:
            return exp.cast(exp.Literal.number(fixed), "bigint", dialect="duckdb")
    return _call(f"{kind}_in", _cast_to(value, "VARCHAR"))


def _duckdb_word(kind: str) -> str | None:
    if kind in _TEXTS:
        return "VARCHAR"
    if kind in _PLAIN_NUMBERS or kind in _REG_NAMES:
        return "BIGINT"
    return None


def _cast_to(value: exp.Expr, word: str) -> exp.Expr:
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
        else:
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare.strip()
            items.append(exp.Literal.string(value))
    word = _duckdb_word(kind) or exp.DataType.build(kind, dialect="postgres").sql("duckdb")
    return _cast_to(exp.Array(expressions=items), word + "[]")


def place_relations(tree: exp.Expr) -> None:
    """Read system relations from our own catalog."""
    for table in list(tree.find_all(exp.Table)):
        schema, name = table.db.lower(), table.name.lower()
        if isinstance(table.this, exp.Func):
            _place_table_function(table)
            continue
        if not schema and (name not in column_types()["pg_catalog"] or _is_cte(table, name)):
            continue
        if schema and schema not in SYSTEM_SCHEMAS:
            continue
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        place = schema_of(schema or "pg_catalog").partition(".")[2]
        table.set("this", exp.to_identifier(name, quoted=True))
        table.set("db", exp.to_identifier(place))
        table.set("catalog", exp.to_identifier(CATALOG))
    for column in tree.find_all(exp.Column):
        if column.args.get("db") is not None and column.args["db"].name.lower() in SYSTEM_SCHEMAS:
            column.set("db", None)
            column.set("catalog", None)


def _is_cte(node: exp.Expr, name: str) -> bool:
    parent = node.parent
    while parent is not None:
        with_ = parent.args.get("with_")
        if with_ is not None and any(cte.alias.lower() == name for cte in with_.expressions):
            return True
        parent = parent.parent
    return False


def _place_table_function(table: exp.Table) -> None:
    call = table.this
    name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
    if name == "_pg_expandarray":
        items = call.expressions[0]
        alias = table.args.get("alias")
        expanded = exp.select(
            exp.alias_(exp.func("unnest", items.copy(), dialect="duckdb"), "x"),
            exp.alias_(exp.Anonymous(this="generate_subscripts", expressions=[items.copy(), exp.Literal.number(1)]), "n"),
        )
        table.replace(exp.Lateral(this=exp.Subquery(this=expanded), alias=alias and alias.copy()))
    elif macro_kinds().get(name):
        table.set("db", exp.to_identifier("pg"))
        table.set("catalog", exp.to_identifier(CATALOG))
    elif name in macro_kinds():
        items: list[exp.Expr] = [exp.alias_(call.copy(), name, quoted=True)]
        if table.args.get("ordinality"):
            items.append(exp.alias_(exp.Literal.number(1), "ordinality", quoted=True))
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name))
        table.replace(exp.Lateral(this=exp.Subquery(this=exp.select(*items)), alias=alias.copy()))
    elif table.db.lower() in SYSTEM_SCHEMAS:
        table.set("db", None)


def spread_unnest(tree: exp.Expr) -> None:
    """Unnest several arrays side by side, which DuckDB does in a SELECT list only."""
    for node in list(tree.find_all(exp.Unnest)):
        if len(node.expressions) < 2:
            continue
        items: list[exp.Expr] = [exp.func("unnest", item.copy(), dialect="duckdb") for item in node.expressions]
        if node.args.get("offset"):
            items.append(
                exp.Anonymous(
                    this="generate_subscripts", expressions=[node.expressions[0].copy(), exp.Literal.number(1)]
                )
            )
        alias = node.args.get("alias")
        if alias is not None and isinstance(node.args.get("offset"), exp.Identifier):
            alias = alias.copy()
            alias.set("columns", [*alias.args.get("columns", []), node.args["offset"].copy()])
        node.replace(exp.Lateral(this=exp.Subquery(this=exp.select(*items)), alias=alias))


def place_functions(tree: exp.Expr) -> None:
    """Call our functions by their full names, DuckDB's own without a schema."""
    for node in reversed(list(tree.find_all(exp.Dot))):
        if isinstance(node.this, exp.Identifier) and node.this.name.lower() in SYSTEM_SCHEMAS:
            node.replace(node.expression)
    for node in reversed(list(tree.find_all(exp.Anonymous))):  # inner calls first: replacing copies arguments
        kind = macro_kinds().get(node.name.lower())
        if kind is False and not (isinstance(node.parent, (exp.Dot, exp.Table)) and _is_placed(node)):
            node.replace(_call(node.name.lower(), *node.expressions))
    for node in list(tree.find_all(*_SESSION_WORDS)):
        node.replace(_call(_SESSION_WORDS[type(node)]))
    for node in list(tree.find_all(exp.Column)):
        if _is_user_word(node):
            node.replace(_call("current_user"))


def _is_placed(node: exp.Expr) -> bool:
    parent = node.parent
    return isinstance(parent, exp.Table) or (
        isinstance(parent, exp.Dot) and parent.this.sql().lower() == _FUNCTIONS_SCHEMA
    )


def _is_user_word(node: exp.Expr) -> bool:
    return (
        isinstance(node, exp.Column)
        and isinstance(node.this, exp.Identifier)
        and not node.this.args.get("quoted")
        and not node.table
        and node.name.lower() in _USER_WORDS
    )


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Dot.build(
        [
            exp.to_identifier(CATALOG),
            exp.to_identifier("pg"),
            exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments]),
        ]
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
        return _reg_value("regclass", exp.Literal.string(text.removeprefix("main.")))
    if name == "ctid":
        row = exp.column("rowid", table=column.table or None)
        return exp.DPipe(
            this=exp.DPipe(this=exp.Literal.string("(0,"), expression=row), expression=exp.Literal.string(")")
        )
    return exp.cast(exp.Literal.number(1), "bigint", dialect="duckdb")


def _definition(tree: exp.Expr, before: list[str]) -> exp.Expr:
    """Put CREATE TABLE, CREATE INDEX and TRUNCATE in DuckDB's terms; ``before`` gets what must run first."""
    if isinstance(tree, exp.TruncateTable) and len(tree.expressions) > 1:
        *first, last = tree.expressions
        before += [f"TRUNCATE {table.sql('duckdb')}" for table in first]
        return exp.TruncateTable(expressions=[last.copy()])
    if isinstance(tree, exp.Create) and tree.kind == "INDEX" and isinstance(tree.this, exp.Index):
        _name_index(tree.this)
    if isinstance(tree, exp.Create) and tree.kind == "TABLE" and isinstance(tree.this, exp.Schema):
        tree.set("properties", _kept_properties(tree.args.get("properties")))
        return _define_table(tree, before)
    return tree


def _kept_properties(properties: exp.Expr | None) -> exp.Expr | None:
    kept = [item for item in (properties.expressions if properties else ()) if isinstance(item, exp.TemporaryProperty)]
    return exp.Properties(expressions=[item.copy() for item in kept]) if kept else None


def _name_index(index: exp.Index) -> None:
    if index.this is not None:
        return
    table = index.args["table"]
    columns = [column.find(exp.Column) for column in index.args["params"].args.get("columns") or ()]
    parts = [table.name, *(column.name if column is not None else "expr" for column in columns), "idx"]
    index.set("this", exp.to_identifier("_".join(parts), quoted=True))


def _define_table(create: exp.Create, before: list[str]) -> exp.Expr:
    schema = create.this
    like = [item for item in schema.expressions if isinstance(item, exp.LikeProperty)]
    if like and len(schema.expressions) == 1:
        query = exp.select("*").from_(like[0].this.copy()).limit(0)
        return exp.Create(
            this=schema.this.copy(), kind="TABLE", expression=query, exists=create.args.get("exists"),
            properties=create.args.get("properties"),
        )  # fmt: skip
    for column in schema.expressions:
        if isinstance(column, exp.ColumnDef):
            _count_up(schema.this, column, before)
    return create


def _count_up(table: exp.Table, column: exp.ColumnDef, before: list[str]) -> None:
    """Turn serial and identity into a sequence and a default."""
    kind = column.kind.sql("postgres").lower() if column.kind is not None else ""
    identity = [item for item in column.constraints if isinstance(item.kind, exp.GeneratedAsIdentityColumnConstraint)]
    if kind not in _SERIALS and not identity:
        return
    kept = [item for item in column.constraints if item not in identity]
    name = f"{table.name}_{column.name}_seq"
    sequence = exp.Table(this=exp.to_identifier(name, quoted=True), db=table.args.get("db"), catalog=table.args.get("catalog"))
    before.append(f"CREATE SEQUENCE IF NOT EXISTS {sequence.sql('duckdb')}")
    if kind in _SERIALS:
        column.set("kind", exp.DataType.build(_SERIALS[kind], dialect="duckdb"))
    value = exp.Anonymous(this="nextval", expressions=[exp.Literal.string(sequence.sql("duckdb"))])
    counted = exp.ColumnConstraint(kind=exp.DefaultColumnConstraint(this=value))
    if not any(isinstance(item.kind, (exp.PrimaryKeyColumnConstraint, exp.NotNullColumnConstraint)) for item in kept):
        kept.append(exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
    column.set("constraints", [counted, *kept])


RULES: tuple[Callable[[exp.Expr], None], ...] = (
    name_items,
    drop_collations,
    spell_operators,
    number_vectors,
    spell_outputs,
    show_by_name,
    fill_system_columns,
    lower_casts,
    drop_locks,
    spread_unnest,
    place_relations,
    place_functions,
)
