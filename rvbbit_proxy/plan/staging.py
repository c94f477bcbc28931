"""The state of planning one statement: the relations made so far, and how a call becomes a stage and a lookup.

A lookup is a scalar subquery on the stage's output relation, keyed by the call's varying arguments, so it can
stand in any clause; NULL inputs have no row there, hence NULL out. An argument that is a literal is no key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from rvbbit_proxy.errors import AggregateMisplaced, NotSupported, UnknownOperator
from rvbbit_proxy.operators.operator import Operator, OperatorArg, Operators
from rvbbit_proxy.plan.describable import describable
from rvbbit_proxy.plan.estimate import LOOKUP, RETURNS, estimate_tree
from rvbbit_proxy.plan.joined import join_results
from rvbbit_proxy.plan.output_names import name_items
from rvbbit_proxy.plan.pairs import PAIRS, decides_alone, narrowed, side_queries
from rvbbit_proxy.plan.plan import ORDINAL, VALUE, OperatorStage, Product, Sides, Spool, Stage, key_column
from rvbbit_proxy.plan.scope import is_volatile, refers_to, source_names, table_names
from rvbbit_proxy.sql.dialect import SemanticCall, print_sql


@dataclass(frozen=True, slots=True)
class Stop:
    """When the waves over a scope's spool may end, as in :class:`~rvbbit_proxy.plan.plan.Waves`."""

    spool: str
    needed: int | None
    keyed: bool = False
    given: tuple[str, ...] = ()
    product: Product | None = None


@dataclass(slots=True)
class Staging:
    """Planning state; ``stages`` is in the order of execution.

    ``describe`` tells the column names of a query of the upstream. ``suffix`` makes relation names unique in
    the upstream session. ``environment`` holds the plain CTEs that queries of this statement may use. ``waves``
    maps a SELECT that may stop early to when it may, ``given`` one to relations whose rows count towards its LIMIT.
    ``made``: the operator stages by relation.
    ``enclosing``: the queries around the
    one being planned whose columns it may read, the nearest last. ``kept`` are the scopes that have an identity,
    ``renamed`` the names of the columns of spools that have them only in queries.
    """

    operators: Operators
    target: str
    describe: Callable[[str], Sequence[str]]
    suffix: str
    stages: list[Stage] = field(default_factory=list)
    definitions: dict[str, exp.Expr] = field(default_factory=dict)
    environment: list[exp.CTE] = field(default_factory=list)
    memo: dict[tuple[int, str], str] = field(default_factory=dict)
    waves: dict[int, Stop] = field(default_factory=dict)
    given: dict[int, tuple[str, ...]] = field(default_factory=dict)
    made: dict[str, OperatorStage] = field(default_factory=dict)
    kept: dict[int, exp.Expr] = field(default_factory=dict)
    relations: int = 0
    renamed: dict[str, Sequence[str]] = field(default_factory=dict)
    enclosing: tuple[exp.Select, ...] = ()

    @property
    def around(self) -> frozenset[str]:
        """The names of the sources of the queries around, in lower case."""
        return frozenset(name for select in self.enclosing for name in source_names(select))

    @property
    def aggregate_names(self) -> frozenset[str]:
        """The operators that take a whole group."""
        return frozenset(op.name for op in self.operators.by_name.values() if op.shape == "aggregate")

    def sql(self, tree: exp.Expr) -> str:
        """Print a tree in the upstream's dialect."""
        return print_sql(tree, self.target)

    def query_sql(self, query: exp.Expr) -> str:
        """Print a query of a stage, with the CTEs it may use."""
        return self.sql(join_results(self._with_environment(query), self.target))

    def estimate(self, query: exp.Expr) -> tuple[str, bool]:
        """Return the query's upper bound and whether it is one (rather than exact)."""
        tree, bounded = estimate_tree(self._with_environment(query), self.definitions)
        return self.sql(tree), bounded

    def keep(self, scope: exp.Expr) -> int:
        """Return a scope's identity; the scope is kept, so that no other gets it."""
        self.kept[id(scope)] = scope
        return id(scope)

    def _with_environment(self, query: exp.Expr) -> exp.Expr:
        """Return a copy of the query with the CTEs it uses, its own and those around it."""
        tree = query.copy()
        own = tree.args["with_"].expressions if tree.args.get("with_") else []
        known = {cte.alias.lower() for cte in self.environment}
        used = [cte for cte in own if cte.alias.lower() not in known]
        wanted = table_names(tree)
        for cte in reversed(self.environment):
            if cte.alias.lower() in wanted:
                used.insert(0, cte)
                wanted |= table_names(cte)
        recursive = any(cte.alias.lower() in table_names(cte.this) for cte in used)
        tree.set(
            "with_", exp.With(expressions=[cte.copy() for cte in used], recursive=recursive) if used else None
        )
        return tree

    def column_names(self, select: exp.Select, star: exp.Expr | None = None) -> list[str]:
        """Return the names of the columns that ``*``, or another star, stands for in this scope."""
        probe = exp.Select(expressions=[star or exp.Star()])
        for clause in ("from_", "joins", "laterals"):
            value = select.args.get(clause)
            probe.set(
                clause, [part.copy() for part in value] if isinstance(value, list) else value and value.copy()
            )
        for join in probe.args.get("joins") or []:
            if join.args.get("on"):
                join.set("on", exp.true())  # tells no names, and may still hold operators, or outer columns
        sql, _ = self.estimate(describable(probe, self.operators))  # the calls in it are planned later
        return list(self.describe(sql))

    def relation(self, kind: str) -> str:
        """Return a fresh name for a temporary relation."""
        self.relations += 1
        return f"rvbbit_{kind}{self.relations - 1}_{self.suffix}"

    def spool(self, query: exp.Expr, reason: str, *, names_differ: bool = False) -> str:
        """Add a stage that keeps the rows of a plain query; return its relation.

        :param names_differ: no two columns are known to have the same name.

        :raises NotSupported: where the query is nested in another and reads its columns.
        """
        self._check_alone(query)
        name_items(_leftmost(query))
        relation = self.relation("spool")
        estimate_sql, _ = self.estimate(query)
        names = () if names_differ else self._repeated_names(query)
        if names:
            self.renamed[relation] = names
            query = _with_numbered_columns(query, len(names))
            estimate_sql, _ = self.estimate(query)
        self.stages.append(Spool(relation, self.query_sql(query), estimate_sql, reason))
        self.define(relation, query)
        return relation

    def define(self, relation: str, query: exp.Expr) -> None:
        """Tell from which query a relation will be made, for estimates."""
        self.definitions[relation] = self._with_environment(query)

    def _repeated_names(self, query: exp.Expr) -> Sequence[str]:
        """Return the query's column names where two are the same and the upstream has no table like that."""
        if self.target == "duckdb" or _names_differ(query):
            return ()
        sql, _ = self.estimate(
            exp.select("*").from_(exp.Subquery(this=query.copy(), alias=exp.to_identifier("q")))
        )
        names = self.describe(sql)
        return names if len(set(names)) < len(names) else ()

    def read_spool(self, source: exp.Table, relation: str, columns: Sequence[exp.Expr] = ()) -> None:
        """Point an item of FROM to a spool; its columns have the names of the query it was made from.

        ``columns``: other names for the first of them, as in ``WITH name(a, b)``; the item's own go first.
        """
        alias = source.args.get("alias") or exp.TableAlias(this=source.this.copy())
        given = [*alias.columns, *columns[len(alias.columns) :]]
        names = self.renamed.get(relation, ())
        others = [exp.to_identifier(name, quoted=True) for name in names[len(given) :]]
        listed = [column.copy() for column in (*given, *others)]
        source.set("this", exp.to_identifier(relation))
        source.set("alias", exp.TableAlias(this=alias.this.copy(), columns=listed or None))

    def operator_of(self, call: SemanticCall) -> Operator:
        """Return the call's operator after a check of the number of its arguments.

        :raises UnknownOperator: when the operator does not take as many.
        """
        operator = self.operators.by_name[call.operator_name]
        given, required = len(call.expressions), sum(arg.required for arg in operator.args)
        if not required <= given <= len(operator.args):
            wanted = ", ".join(f"{arg.name} {arg.sql_type}" for arg in operator.args)
            raise UnknownOperator(
                f"function {operator.name} does not take {given} arguments", hint=f"It takes ({wanted})."
            )
        return operator

    def call_stage(
        self,
        call: SemanticCall,
        source: exp.Select,
        position: str,
        scope: exp.Expr,
        *,
        shared: bool = True,
        inside: SemanticCall | None = None,
    ) -> exp.Expr:
        """Add the stage of a call over the rows of ``source``; return the lookup.

        ``source`` is a SELECT whose FROM and WHERE are set and whose items are not. ``scope`` is the SELECT
        the call stands in; ``shared``: the inputs cover every row that scope has left, so the same call
        elsewhere in it may use the relation. ``inside``: the call over the columns of ``source``, where these
        are not the scope's; it is replaced, in place, by its own lookup.
        """
        operator = self.operator_of(call)
        if operator.shape == "aggregate":
            return self._group_stage(call, operator, source, position, scope)
        arguments = _split_arguments(operator.args, call.expressions)
        inputs = _split_arguments(operator.args, inside.expressions) if inside is not None else arguments
        keys = tuple(key_column(index) for index in range(len(arguments.varying)))
        if any(value is None for _, value in arguments.constants):
            found, found_inside = (_null(operator.returns) for _ in range(2))
        else:
            for _, expression in inputs.varying:
                self._check_operand(operator, expression, source)
            memo_key = (self.keep(scope), self.sql(call))
            relation = self.memo.get(memo_key) or self._add_row_stage(operator, inputs, keys, source, position)
            self._tell_pairs(relation, inputs, source, selective=inside is None and decides_alone(call))
            if shared:
                self.memo[memo_key] = relation
            found, found_inside = (self._lookup(relation, operator, each, keys) for each in (arguments, inputs))
        if inside is not None:
            inside.replace(found_inside)
        return found

    def _tell_pairs(self, relation: str, arguments: Arguments, source: exp.Select, *, selective: bool) -> None:
        """Let a new stage whose inputs are all pairs of two sources' values read each side by itself."""
        stage = self.made[relation]
        if stage is not self.stages[-1] or stage.sides is not None:
            return
        stage = self.made[relation] = self.stages[-1] = replace(stage, selective=selective)
        queries = side_queries(source, [expression for _, expression in arguments.varying])
        if queries is None:
            return
        for query, key, (arg, value) in zip(queries, stage.key_columns, arguments.varying, strict=True):
            query.set("expressions", [exp.alias_(typed(arg, value), key)])
            query.set("distinct", exp.Distinct())
        left, right = queries
        sides = Sides(self.query_sql(left), self.query_sql(right), self.estimate(left)[0], self.estimate(right)[0])
        self.made[relation] = self.stages[-1] = replace(stage, sides=sides)

    def _lookup(self, relation: str, operator: Operator, arguments: Arguments, keys: Sequence[str]) -> exp.Expr:
        if not keys:
            return lookup_only(relation, operator, self.target)
        values = {key: typed(arg, value) for key, (arg, value) in zip(keys, arguments.varying, strict=True)}
        found = lookup(relation, operator, values)
        found.meta[PAIRS] = self.made[relation].sides is not None
        return found

    def _group_stage(
        self, call: SemanticCall, operator: Operator, source: exp.Select, position: str, scope: exp.Expr
    ) -> exp.Expr:
        """Add the stage of an aggregate whose first argument is a column of gathered arrays in a spool."""
        spool = source.args["from_"].this.name if source.args.get("from_") else None
        if spool not in self.definitions:
            raise AggregateMisplaced(f"aggregate functions are not allowed in {position}")
        memo_key = (self.keep(scope), self.sql(call))
        if memo_key not in self.memo:
            self.memo[memo_key] = self._add_group_stage(call, operator, source, position)
        return lookup(self.memo[memo_key], operator, {ORDINAL: exp.column(ORDINAL, table=spool)})

    def _add_group_stage(self, call: SemanticCall, operator: Operator, source: exp.Select, position: str) -> str:
        arguments = _group_arguments(operator, call.expressions)
        query = source.copy()
        (_, group), *others = arguments.varying
        inputs = [group.copy(), *(typed(arg, value) for arg, value in others)]
        values = [exp.alias_(value, key_column(i)) for i, value in enumerate(inputs)]
        query.set("expressions", [exp.column(ORDINAL), *values])
        relation = self.relation("result")
        self.add_operator(relation, operator, query, arguments, (ORDINAL,), position)
        return relation

    def _check_alone(self, query: exp.Expr) -> None:
        """Refuse a stage's query that would need the columns of the queries around it."""
        if refers_to(query, self.around):
            raise NotSupported(
                f"operators over the rows of a query that refers to an outer one: {self.sql(query)}",
                hint="Join the two queries instead of nesting them.",
            )

    def _check_operand(self, operator: Operator, expression: exp.Expr, source: exp.Select) -> None:
        """Refuse operands whose values cannot be known before the final statement runs."""
        if is_volatile(expression):
            raise NotSupported(
                f"a volatile expression cannot be an operand of {operator.name}: {self.sql(expression)}",
                hint="Compute it in a subquery in FROM.",
            )
        if refers_to(expression, self.around - source_names(source)):
            raise NotSupported(
                f"an operand of {operator.name} refers to an outer query: {self.sql(expression)}",
                hint="Join the two queries instead of nesting them.",
            )

    def _add_row_stage(
        self, operator: Operator, arguments: Arguments, keys: tuple[str, ...], source: exp.Select, position: str
    ) -> str:
        relation = self.relation("result")
        query = narrowed(source, [value for _, value in arguments.varying])
        items = [
            exp.alias_(typed(arg, value), key) for key, (arg, value) in zip(keys, arguments.varying, strict=True)
        ]
        query.set("expressions", items or [exp.alias_(exp.Literal.number(1), "one")])
        query.set("distinct", exp.Distinct() if items else None)
        if not items:
            query.set("limit", exp.Limit(expression=exp.Literal.number(1)))
        self.add_operator(relation, operator, query, arguments, keys, position)
        return relation

    def add_operator(
        self,
        relation: str,
        operator: Operator,
        query: exp.Expr,
        arguments: Arguments,
        keys: tuple[str, ...],
        position: str,
    ) -> None:
        """Append an operator stage whose inputs are the rows of ``query``.

        :raises NotSupported: where the query is nested in another and reads its columns.
        """
        self._check_alone(query)
        estimate_sql, bounded = self.estimate(query)
        self.made[relation] = OperatorStage(
            relation=relation,
            operator=operator,
            input_sql=self.query_sql(query),
            estimate_sql=estimate_sql,
            bounded=bounded,
            arguments=tuple(arg.name for arg, _ in arguments.varying),
            constants=arguments.constants,
            key_columns=keys,
            position=position,
        )
        self.stages.append(self.made[relation])


def _leftmost(query: exp.Expr) -> exp.Expr:
    """Return the SELECT that names the query's columns."""
    while isinstance(query, (exp.Subquery, exp.SetOperation)):
        query = query.this
    return query


def _null(returns: str) -> exp.Expr:
    return exp.cast(exp.Null(), exp.DataType.build(returns, dialect="postgres"))


def _names_differ(query: exp.Expr) -> bool:
    """Whether a query's own text tells that its columns have different names."""
    items = _leftmost(query).expressions
    return all(isinstance(item, exp.Alias) for item in items) and len({item.alias for item in items}) == len(items)


def _with_numbered_columns(query: exp.Expr, count: int) -> exp.Select:
    columns = [exp.to_identifier(f"rvbbit_c{number}") for number in range(count)]
    alias = exp.TableAlias(this=exp.to_identifier("q"), columns=columns)
    return exp.select("*").from_(exp.Subquery(this=query.copy(), alias=alias))


@dataclass(frozen=True, slots=True)
class Arguments:
    """A call's arguments: those that vary by row, and those that are literals."""

    varying: tuple[tuple[OperatorArg, exp.Expr], ...]
    constants: tuple[tuple[str, Any], ...]


def _split_arguments(args: Sequence[OperatorArg], expressions: Sequence[exp.Expr]) -> Arguments:
    varying, constants = [], []
    for arg, expression in zip(args, expressions, strict=False):
        known, value = literal_value(expression)
        if known and _suits(arg, value):
            constants.append((arg.name, value))
        else:
            varying.append((arg, expression))
    return Arguments(tuple(varying), tuple(constants))


def _group_arguments(operator: Operator, expressions: Sequence[exp.Expr]) -> Arguments:
    """Split the arguments of an aggregate: the first always varies, it is the group."""
    rest = _split_arguments(operator.args[1:], expressions[1:])
    return Arguments(((operator.args[0], expressions[0]), *rest.varying), rest.constants)


def typed(arg: OperatorArg, expression: exp.Expr) -> exp.Expr:
    """Return the expression cast to the argument's declared type."""
    return exp.cast(expression.copy(), exp.DataType.build(arg.sql_type, dialect="postgres"))


def is_answered(relation: str, keys: dict[str, exp.Expr]) -> exp.Expr:
    """Return the scalar subquery that is TRUE where there is a result for these key values, else NULL."""
    return _keyed(relation, exp.true(), keys, "boolean")


def lookup(relation: str, operator: Operator, keys: dict[str, exp.Expr]) -> exp.Expr:
    """Return the scalar subquery that finds the result for these key values."""
    return _keyed(relation, exp.column(VALUE, table=relation), keys, operator.returns)


def _keyed(relation: str, item: exp.Expr, keys: dict[str, exp.Expr], returns: str) -> exp.Expr:
    query = exp.select(item).from_(exp.to_table(relation))
    for key, value in keys.items():
        query = query.where(exp.EQ(this=exp.column(key, table=relation), expression=value), copy=False)
    subquery = query.subquery(copy=False)
    subquery.meta.update({LOOKUP: relation, RETURNS: returns})
    return subquery


def lookup_only(relation: str, operator: Operator, target: str) -> exp.Expr:
    """Return the scalar subquery for the one result of a call whose arguments are literals.

    DuckDB takes a plain subquery there for volatile, because it might give several rows.
    """
    value: exp.Expr = exp.column(VALUE, table=relation)
    query = exp.select(exp.AnyValue(this=value) if target == "duckdb" else value).from_(exp.to_table(relation))
    subquery = query.subquery(copy=False)
    subquery.meta.update({LOOKUP: relation, RETURNS: operator.returns})
    return subquery


def literal_value(expression: exp.Expr) -> tuple[bool, Any]:
    """Return ``(True, value)`` for a literal, else ``(False, None)``.

    >>> from sqlglot import parse_one
    >>> literal_value(parse_one("'a'")), literal_value(parse_one("-3")), literal_value(parse_one("a"))
    ((True, 'a'), (True, -3), (False, None))
    """
    if isinstance(expression, exp.Paren):
        return literal_value(expression.this)
    if isinstance(expression, exp.Null):
        return True, None
    if isinstance(expression, exp.Boolean):
        return True, bool(expression.this)
    if isinstance(expression, exp.Cast) and expression.to.is_type("text", "varchar", "int", "bigint", "double"):
        return _cast_value(expression)
    if isinstance(expression, exp.Neg):
        known, value = literal_value(expression.this)
        return (True, -value) if known and _is_number(value) else (False, None)
    if isinstance(expression, exp.Literal):
        if expression.is_string:
            return True, expression.this
        return True, int(expression.this) if expression.is_int else float(expression.this)
    return False, None


def _cast_value(cast: exp.Cast) -> tuple[bool, Any]:
    """Return the value of a cast that changes nothing; what any other gives, the upstream knows."""
    known, value = literal_value(cast.this)
    same: type = str if cast.to.is_type("text", "varchar") else float if cast.to.is_type("double") else int
    keeps = not cast.to.expressions and (value is None or type(value) is same)
    return (True, value) if known and keeps else (False, None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "bigint": (int,),
    "double precision": (int, float),
    "boolean": (bool,),
}


def _suits(arg: OperatorArg, value: Any) -> bool:
    """Whether a literal is of the argument's type as it stands; else the upstream casts it."""
    return value is None or type(value) in _PYTHON_TYPES.get(arg.sql_type, ())
