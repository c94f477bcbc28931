"""What a statement takes and gives, found without running it.

DuckDB tells a query's columns through DESCRIBE, and nothing of its parameters' types. So each ``$n`` is looked at
where it stands in the tree: a cast says the type itself; a comparison takes the type of its other side, found by
describing that side over the same FROM; INSERT and UPDATE take the target column's; LIMIT is int8; a function's
signature is in the catalog. What stays unknown is text, as PostgreSQL resolves an unknown literal.
Not here: anything that executes. Only DESCRIBE and PREPARE are sent, never the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import duckdb
import sqlglot
from duckdb.sqltypes import DuckDBPyType
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rvbbit_proxy.engine.duckdb_errors import translate_error
from rvbbit_proxy.engine.duckdb_inserts import name_columns
from rvbbit_proxy.engine.duckdb_names import postgres_names
from rvbbit_proxy.engine.duckdb_parameters import original_position, substitute_parameters, typed_nulls
from rvbbit_proxy.engine.duckdb_types import duckdb_name, postgres_type
from rvbbit_proxy.engine.statement import parameter_marks, strip_end, words_of
from rvbbit_proxy.engine.upstream import Column, Description
from rvbbit_proxy.errors import UpstreamError
from rvbbit_proxy.sql.remembered import LONGEST_KEPT
from rvbbit_proxy.wire.types import oids

UNKNOWN = 0
KEPT = 256
"""How many answers a session keeps: a client repeats no more."""
QUERY_PLAN = Column("QUERY PLAN", oids.TEXT)
"""EXPLAIN's one column."""
PROBE_ERRORS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""What a probe may end with and leave the transaction block alive."""

_SHOWING = frozenset(("SHOW", "DESCRIBE", "SUMMARIZE"))
_COMPARISONS = (exp.Predicate, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
_TRUTHS = (exp.And, exp.Or, exp.Not, exp.Where, exp.Having)
_SAME_TYPE = (exp.Case, exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif)
_DML = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_MOMENTS = frozenset((oids.TIMESTAMP, oids.TIMESTAMPTZ, oids.TIME, oids.TIMETZ))


class DuckDBBinder:
    """Asks DuckDB's binder about statements, on the session's own connection, which sees its temp tables.

    Answers are kept as long as ``version`` tells the same number. ``is_jsonb`` tells of a query whose one column is
    json to DuckDB whether it was declared as jsonb.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        version: Callable[[], int],
        is_jsonb: Callable[[str], bool] = lambda sql: False,
    ) -> None:
        self._connection = connection
        self._is_jsonb = is_jsonb
        self._version = version
        self._kept_version = -1
        self._kept_oids: dict[tuple[str, tuple[int, ...]], tuple[int, ...]] = {}
        self._kept_descriptions: dict[tuple[str, tuple[int, ...]], Description] = {}

    def parameter_oids(self, sql: str, declared: Sequence[int] = ()) -> tuple[int, ...]:
        """Return a type for each parameter: the declared one, else the inferred, else text."""
        count = max([len(declared), *(mark.number for mark in parameter_marks(sql))])
        known = dict(enumerate([*declared, *[UNKNOWN] * (count - len(declared))], start=1))
        if UNKNOWN not in known.values():
            return tuple(known.values())
        self._forget_if_changed()
        key = sql, tuple(declared)
        found = self._kept_oids.get(key)
        if found is None:
            known = self._infer(sql, known)
            found = tuple(known[number] or oids.TEXT for number in range(1, count + 1))
            if len(sql) <= LONGEST_KEPT:
                self._kept_oids[key] = found
        return found

    def _forget_if_changed(self) -> None:
        """Forget what was found out under other definitions, and from time to time everything."""
        version = self._version()
        if version != self._kept_version or len(self._kept_oids) + len(self._kept_descriptions) > KEPT:
            self._kept_oids.clear()
            self._kept_descriptions.clear()
        self._kept_version = version

    def _infer(self, sql: str, known: dict[int, int]) -> dict[int, int]:
        tree = parse_with_parameters(sql)
        if tree is None:
            return known
        known = dict(known)
        for _ in range(2):  # what the first look finds may be the other side of what it did not
            for node in parameter_nodes(tree):
                number = parameter_number(node)
                if known.get(number) == UNKNOWN:
                    known[number] = self._oid_at(node, known)
        return known

    def describe(self, sql: str, declared: Sequence[int] = ()) -> Description:
        """Return parameters and columns. Errors have positions of ``sql``; some leave as the driver's own."""
        self._forget_if_changed()
        key = sql, tuple(declared)
        found = self._kept_descriptions.get(key)
        if found is None:
            found = self._describe(sql, declared)
            if len(sql) <= LONGEST_KEPT:
                self._kept_descriptions[key] = found
        return found

    def _describe(self, sql: str, declared: Sequence[int]) -> Description:
        type_oids = self.parameter_oids(sql, declared)
        nulls = typed_nulls(type_oids)
        text = strip_end(substitute_parameters(sql, nulls))
        try:
            return Description(type_oids, self._columns(text, sql))
        except UpstreamError as fault:
            if fault.position is not None:
                fault.position = original_position(sql, nulls, fault.position)
            raise

    def _columns(self, text: str, sql: str) -> tuple[Column, ...] | None:
        statements = self._connection.extract_statements(text)
        if len(statements) != 1:
            return None
        kind = statements[0].type.name
        if kind == "SELECT":
            return self._query_columns(text, sql)
        if kind in ("INSERT", "UPDATE", "DELETE", "MERGE_INTO"):
            return self._returning_columns(text, sql, kind)
        if kind == "EXPLAIN":
            return (QUERY_PLAN,)
        if kind in ("CALL", "PRAGMA"):
            return self._call_columns(text, kind)
        return None

    def _query_columns(self, text: str, sql: str) -> tuple[Column, ...]:
        prefix, suffix = "DESCRIBE ", ""
        if words_of(text, 1)[:1] and words_of(text, 1)[0] in _SHOWING:
            prefix, suffix = "DESCRIBE FROM (", ")"
        with positions_after(prefix, text):
            described = self._described(f"{prefix}{text}{suffix}")
        named = postgres_names(sql, [name for name, _ in described])
        return tuple(Column(name, *postgres_type(kind)) for name, (_, kind) in zip(named, described, strict=True))

    def _call_columns(self, text: str, kind: str) -> tuple[Column, ...] | None:
        if kind == "PRAGMA" or words_of(text, 1) != ("CALL",):
            return None
        call = text.lstrip()[len("CALL") :]
        return self._query_columns(f"SELECT * FROM {call}", text)

    def _returning_columns(self, text: str, sql: str, kind: str) -> tuple[Column, ...] | None:
        prefix = "EXPLAIN " if kind == "MERGE_INTO" else "PREPARE rvbbit_probe AS "  # MERGE cannot be prepared
        try:
            self._connection.execute(f"{prefix}{text}")
        except PROBE_ERRORS as error:
            named = name_columns(text, str(error), self.table_columns)
            with positions_after(prefix, text):
                if named is None:
                    raise
                self._connection.execute(f"{prefix}{named}")
        if kind != "MERGE_INTO":
            self._connection.execute("DEALLOCATE rvbbit_probe")
        tree = parse_with_parameters(text)
        returning = None if tree is None else tree.args.get("returning")
        if tree is None or returning is None:
            return None
        if isinstance(tree, exp.Merge):  # DuckDB's returns the target's columns alone, and what was done
            tree = exp.Delete(this=tree.this.copy())
            items = [_with_action(item) for item in returning.expressions]
        else:
            items = list(returning.expressions)
        return self._query_columns(probe_sql([tree], items, {}), sql)

    def table_columns(self, table: str) -> list[tuple[str, str]]:
        """Return the names and types of a table's columns, in order; none where there is no such table."""
        try:
            return [(row[0], row[1]) for row in self._connection.execute(f"DESCRIBE FROM {table}").fetchall()]
        except PROBE_ERRORS:
            return []

    def _described(self, describe: str) -> list[tuple[str, DuckDBPyType]]:
        rows = self._connection.execute(describe).fetchall()  # not sql(): that runs what may write, as nextval()
        return [(row[0], _type_of(row[1])) for row in rows]

    # one parameter

    def _oid_at(self, node: exp.Expr, known: dict[int, int]) -> int:
        child, parent = node, node.parent
        while isinstance(parent, exp.Paren):
            child, parent = parent, parent.parent
        if isinstance(parent, (exp.Cast, exp.TryCast)):
            return self._type_oid(parent.to.sql("duckdb"))
        if isinstance(parent, (exp.Limit, exp.Offset, exp.Fetch)):
            return oids.INT8
        if isinstance(parent, _TRUTHS):
            return oids.BOOL
        if isinstance(parent, (exp.Any, exp.All)):
            return self._array_oid_at(parent, known)
        target = self._target_column(child, parent)
        if target is not None:
            return self._probe(target[0], [target[1]], known)
        if isinstance(parent, exp.Tuple) and isinstance(parent.parent, exp.Values):
            return self._oid_in_rows(child, parent, known)
        return self._oid_beside(child, parent, known)

    def _oid_in_rows(self, child: exp.Expr, row: exp.Tuple, known: dict[int, int]) -> int:
        """Return the type of what stands in the same column of the other rows of VALUES."""
        index = _index_in(child, row.expressions)
        for other in row.parent.expressions if row.parent is not None else ():
            if other is not row and index is not None and index < len(other.expressions):
                found = self._expression_oid(other.expressions[index], known)
                if found:
                    return found
        return UNKNOWN

    def _oid_beside(self, child: exp.Expr, parent: exp.Expr | None, known: dict[int, int]) -> int:
        """Return the type of what stands beside the parameter in a comparison, sum, CASE or call."""
        if isinstance(parent, exp.If) and isinstance(parent.parent, exp.Case):
            if parent.this is child and parent.parent.args.get("this") is None:
                return oids.BOOL
            child, parent = parent, parent.parent
        if isinstance(parent, _SAME_TYPE):
            return self._probe(parent, [parent.copy()], known)
        if isinstance(parent, (exp.DPipe, exp.Is)):
            return UNKNOWN
        if parent is not None and (isinstance(parent, (exp.In, exp.Between, *_COMPARISONS)) or _is_series(parent)):
            return self._oid_compared(child, parent, known)
        if isinstance(parent, exp.Func):
            return self._argument_oid(child, parent)
        return UNKNOWN

    def _oid_compared(self, child: exp.Expr, parent: exp.Expr, known: dict[int, int]) -> int:
        for other in _siblings(child, parent):
            found = self._expression_oid(other, known)
            if found in _MOMENTS and (isinstance(parent, exp.Add) or _is_step(child, parent)):
                return oids.INTERVAL
            if found == oids.INTERVAL and isinstance(parent, (exp.Mul, exp.Div)):
                return oids.FLOAT8
            if found == oids.DATE and isinstance(parent, (exp.Add, exp.Sub)):
                return oids.INT4
            if found:
                return found
        return UNKNOWN

    def _expression_oid(self, node: exp.Expr, known: dict[int, int]) -> int:
        if isinstance(node, (exp.Any, exp.All)):
            return oids.element_oid_of(self._expression_oid(node.this, known))
        if is_parameter(node):
            return known.get(parameter_number(node), UNKNOWN)
        if isinstance(node, exp.Literal):
            return _literal_oid(node)
        if isinstance(node, exp.Query):
            return self._probe(node, [exp.Subquery(this=node.copy())], known)
        return self._probe(node, [node.copy()], known)

    def _array_oid_at(self, any_node: exp.Expr, known: dict[int, int]) -> int:
        comparison = any_node.parent
        if comparison is None:
            return UNKNOWN
        for other in _siblings(any_node, comparison):
            return oids.array_oid_of(self._expression_oid(other, known))
        return UNKNOWN

    def _target_column(self, child: exp.Expr, parent: exp.Expr | None) -> tuple[exp.Expr, exp.Expr] | None:
        """Return (the INSERT, its target column) where the parameter is what a column is filled with."""
        if isinstance(parent, exp.Tuple) and isinstance(parent.parent, exp.Values):
            insert, index = parent.parent.parent, _index_in(child, parent.expressions)
        elif isinstance(parent, exp.Select):
            insert, index = parent.parent, _index_in(child, parent.expressions)
        elif isinstance(parent, exp.Alias) and isinstance(parent.parent, exp.Select):
            insert, index = parent.parent.parent, _index_in(parent, parent.parent.expressions)
        else:
            return None
        if not isinstance(insert, exp.Insert) or index is None:
            return None
        column = self._insert_column(insert, index)
        return None if column is None else (insert, column)

    def _insert_column(self, insert: exp.Insert, index: int) -> exp.Expr | None:
        if isinstance(insert.this, exp.Schema):
            names = insert.this.expressions
            return exp.column(names[index].copy()) if index < len(names) else None
        try:
            described = self._described(f"DESCRIBE SELECT * FROM {insert.this.sql('duckdb')}")
        except PROBE_ERRORS:
            return None
        return exp.column(described[index][0], quoted=True) if index < len(described) else None

    def _argument_oid(self, child: exp.Expr, call: exp.Expr) -> int:
        name, arguments = _call_parts(call)
        index = _index_in(child, arguments)
        if index is None:
            return UNKNOWN
        rows = self._connection.sql(
            "SELECT DISTINCT parameter_types[$1] FROM duckdb_functions() "
            "WHERE function_name = $2 AND len(parameter_types) = $3",
            params=[index + 1, name, len(arguments)],
        ).fetchall()
        types = {row[0] for row in rows}
        return self._type_oid(types.pop()) if len(types) == 1 else UNKNOWN

    def _type_oid(self, type_name: str) -> int:
        try:
            (found,) = self._described(f"DESCRIBE SELECT CAST(NULL AS {type_name})")
        except PROBE_ERRORS:
            return UNKNOWN
        return postgres_type(found[1])[0]

    def _probe(self, at: exp.Expr, expressions: list[exp.Expr], known: dict[int, int]) -> int:
        """Describe an expression over the FROM it stands in, then with the FROMs around that, innermost first."""
        scopes = list(_scopes_of(at))
        for depth in range(1, len(scopes) + 1):
            query = probe_sql(scopes[:depth], expressions, known)
            try:
                (found,) = self._described(f"DESCRIBE {query}")
            except PROBE_ERRORS:
                continue
            oid = UNKNOWN if str(found[1]) == '"NULL"' else postgres_type(found[1])[0]
            return oids.JSONB if oid == oids.JSON and self._is_jsonb(query) else oid
        return UNKNOWN


@contextmanager
def positions_after(prefix: str, text: str) -> Iterator[None]:
    """Translate the binder's errors over ``prefix + text``, with positions of ``text``."""
    try:
        yield
    except PROBE_ERRORS as error:
        fault = translate_error(error, prefix + text)
        if fault.position is not None:
            fault.position = max(1, fault.position - len(prefix))
        raise fault from error


# the tree


@lru_cache(maxsize=512)
def _type_of(name: str) -> DuckDBPyType:
    return duckdb.sqltype(name)


@lru_cache(maxsize=512)
def _parsed(text: str) -> exp.Expr | None:
    try:
        return sqlglot.parse_one(text, read="duckdb")
    except SqlglotError:
        return None


def parse_with_parameters(sql: str) -> exp.Expr | None:
    """Parse with each ``$n`` as a column of that name: sqlglot reads ``$1, $`` as a dollar quote.

    The tree is shared: copy before changing it.
    """
    names = {mark.number: f'"${mark.number}"' for mark in parameter_marks(sql)}
    return _parsed(substitute_parameters(sql, names))


def is_parameter(node: exp.Expr) -> bool:
    """Tell whether a node is the column a parameter was made into."""
    return isinstance(node, exp.Column) and node.name[:1] == "$" and node.name[1:].isdigit()


def parameter_number(node: exp.Expr) -> int:
    """Return n of ``$n``."""
    return int(node.name[1:])


def parameter_nodes(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the parameters of a tree."""
    return (node for node in tree.find_all(exp.Column) if is_parameter(node))


def _siblings(child: exp.Expr, parent: exp.Expr) -> Iterator[exp.Expr]:
    for value in parent.args.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, exp.Expr) and item is not child:
                yield item


def _index_in(child: exp.Expr, expressions: Sequence[exp.Expr]) -> int | None:
    return next((index for index, item in enumerate(expressions) if item is child), None)


def _is_series(call: exp.Expr) -> bool:
    """Tell whether a call is generate_series(), by DuckDB's name or ours."""
    return isinstance(call, exp.Func) and _call_parts(call)[0] in ("generate_series", "series")


def _is_step(child: exp.Expr, call: exp.Expr) -> bool:
    return _is_series(call) and _index_in(child, _call_parts(call)[1]) == 2


def _call_parts(call: exp.Expr) -> tuple[str, list[exp.Expr]]:
    """Return a function's name as DuckDB knows it, and its arguments in order."""
    if isinstance(call, exp.Anonymous):
        return call.name.lower(), list(call.expressions)
    name = call.sql("duckdb").partition("(")[0].strip().lower()
    arguments = []
    for key in call.arg_types:
        value = call.args.get(key)
        arguments += [item for item in (value if isinstance(value, list) else [value]) if item is not None]
    return name, [item for item in arguments if isinstance(item, exp.Expr)]


def _literal_oid(literal: exp.Literal) -> int:
    if literal.is_string:
        return oids.TEXT
    if not literal.is_int:
        return oids.NUMERIC
    return oids.INT4 if abs(int(literal.this)) < 2**31 else oids.INT8


def _scopes_of(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the statements a node stands in, innermost first."""
    at: exp.Expr | None = node
    while at is not None:
        if isinstance(at, (exp.Select, *_DML)):
            yield at
        at = at.parent


def probe_sql(scopes: Sequence[exp.Expr], expressions: list[exp.Expr], known: dict[int, int]) -> str:
    """Return ``SELECT expressions FROM`` the scopes' tables, nested as scalar subqueries from inner to outer."""
    query = _probe_select(scopes[0], expressions)
    for scope in scopes[1:]:
        query = _probe_select(scope, [exp.Subquery(this=query)])
    withs = [found.copy() for found in _withs_around(scopes[-1])]
    text = _with_nulls(query, known).sql("duckdb")
    ctes = [cte for found in withs for cte in found.expressions]
    if not ctes:
        return text
    recursive = any(found.args.get("recursive") for found in withs)
    head = ", ".join(_with_nulls(cte, known).sql("duckdb") for cte in ctes)
    return f"WITH {'RECURSIVE ' if recursive else ''}{head} {text}"


def _withs_around(scope: exp.Expr) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    at: exp.Expr | None = scope
    while at is not None:
        clause = at.args.get("with_")
        if clause is not None:
            found.insert(0, clause)
        at = at.parent
    return found


def _with_nulls(tree: exp.Expr, known: dict[int, int]) -> exp.Expr:
    def replace(node: exp.Expr) -> exp.Expr:
        if not is_parameter(node):
            return node
        oid = known.get(parameter_number(node), UNKNOWN)
        return exp.cast(exp.null(), duckdb_name(oid), dialect="duckdb") if oid else exp.null()

    return tree.transform(replace)


def _probe_select(scope: exp.Expr, expressions: list[exp.Expr]) -> exp.Select:
    query = exp.Select(expressions=[item.copy() for item in expressions])
    if isinstance(scope, exp.Select):
        for part in ("from_", "joins", "laterals"):
            value = scope.args.get(part)
            if value:
                query.set(part, [item.copy() for item in value] if isinstance(value, list) else value.copy())
        return query
    return _dml_from(query, scope)


def _with_action(item: exp.Expr) -> exp.Expr:
    """Return an item of MERGE's RETURNING in which ``merge_action`` is a text."""
    named = (
        exp.alias_(item.copy(), item.name) if isinstance(item, exp.Column) and not item.is_star else item.copy()
    )
    for column in list(named.find_all(exp.Column)):
        if column.name.lower() == "merge_action" and not column.table:
            column.replace(exp.cast(exp.Literal.string(""), "text"))
    return named


def _dml_from(query: exp.Select, statement: exp.Expr) -> exp.Select:
    """Add the tables an INSERT, UPDATE, DELETE or MERGE sees: its target, and what it is joined with."""
    target = statement.this.this if isinstance(statement.this, exp.Schema) else statement.this
    query = query.from_(target.copy())
    others = list(statement.args.get("using") or ()) if isinstance(statement, exp.Delete) else []
    if isinstance(statement, exp.Merge):
        others = [statement.args["using"]]
    from_clause = statement.args.get("from_")
    if isinstance(statement, exp.Update) and from_clause is not None:
        others = [from_clause.this]
    if isinstance(statement, exp.Insert) and any(
        column.table == "excluded" for column in query.find_all(exp.Column)
    ):
        others = [exp.alias_(target.copy(), "excluded", table=True)]
    for other in others:
        query = query.join(other.copy(), join_type="cross")
    return query
