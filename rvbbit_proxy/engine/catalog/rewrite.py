"""PostgreSQL's statement to DuckDB's, tree to tree: read with sqlglot's PostgreSQL dialect, changed, written out.

Each rule takes the tree and changes it in place; their order is ``RULES``. What a rule cannot put in DuckDB's terms
it leaves, and DuckDB says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import duckdb
import sqlglot
from sqlglot import ErrorLevel, TokenType, exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError
from sqlglot.parsers.postgres import PostgresParser

from rvbbit_proxy.engine.catalog.calls import function_names, macro_kinds
from rvbbit_proxy.engine.catalog.casts import lower_casts, show_by_name, size_floats, size_numbers, spell_outputs
from rvbbit_proxy.engine.catalog.definitions import definition
from rvbbit_proxy.engine.catalog.expressions import (
    drop_collations,
    escape_patterns,
    fill_system_columns,
    number_vectors,
    place_functions,
    spell_functions,
    spell_operators,
    spell_queries,
)
from rvbbit_proxy.engine.catalog.install import CATALOG
from rvbbit_proxy.engine.catalog.item_names import name_items
from rvbbit_proxy.engine.catalog.names import plain_builtins
from rvbbit_proxy.engine.catalog.output_types import (
    UNKNOWN,
    Scope,
    cast_target,
    expression_oid,
    first_select,
    scope_in_tree,
    scope_of,
    select_columns,
    type_oid,
    with_queries,
)
from rvbbit_proxy.engine.catalog.relations import (
    drop_locks,
    group_by_place,
    keep_list_order,
    keep_oid_order,
    keep_ties,
    place_relations,
    select_from_functions,
    spread_unnest,
)
from rvbbit_proxy.engine.catalog.set_functions import spread_functions
from rvbbit_proxy.engine.catalog.syntax import spell_syntax
from rvbbit_proxy.engine.catalog.time_formats import spell_time_formats
from rvbbit_proxy.sql.dialect import UPSTREAM_DIALECTS
from rvbbit_proxy.sql.item_names import NamedCalls
from rvbbit_proxy.sql.lexer import part_parameters
from rvbbit_proxy.wire.types import oids

_PLAIN_CALLS = frozenset(("NOW", "FORMAT", "JSON_AGG", "STRING_TO_ARRAY", "TO_TIMESTAMP", "TO_DATE", "TO_CHAR"))
_SEQUENCE_NUMBERS = frozenset(("start", "increment", "minvalue", "maxvalue", "cache", "restart"))
_OWN_TYPES = frozenset((oids.OID, oids.XID, oids.NAME, oids.CHAR, oids.JSONB))


Step: TypeAlias = str | Callable[[duckdb.DuckDBPyConnection], Iterator[str]]
"""A statement, or what yields statements when its turn has come; each has run before the next is asked for."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A statement for DuckDB; ``before`` runs first, ``after`` last. With a ``tag`` there is nothing else to run.

    ``column_oids`` and ``parameter_oids`` tell types that DuckDB lacks, in order; 0 leaves it to DuckDB.
    """

    sql: str
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    column_oids: tuple[int, ...] = ()
    parameter_oids: tuple[int, ...] = ()
    displaced: bool = False  # positions in the text are not the client's
    renames_indexed: bool = False
    tag: str = ""

    @property
    def reads_catalog(self) -> bool:
        """Whether the statement names relations or functions of ours."""
        return f"{CATALOG}." in self.sql


class CatalogPostgres(Postgres):
    """PostgreSQL's dialect with the functions of ours read as plain calls, and ``lock`` as a name."""

    class Parser(NamedCalls, PostgresParser):
        TABLE_ALIAS_TOKENS = PostgresParser.TABLE_ALIAS_TOKENS | {TokenType.LOCK}
        FUNCTIONS = {  # noqa: RUF012  # sqlglot's own shape
            name: build
            for name, build in PostgresParser.FUNCTIONS.items()
            if (name.lower() not in macro_kinds().keys() | function_names() and name not in _PLAIN_CALLS)
            or name in ("VERSION", "CURRENT_SCHEMA")
        }

        def _parse_generated_as_identity(
            self,
        ) -> (
            exp.GeneratedAsIdentityColumnConstraint
            | exp.ComputedColumnConstraint
            | exp.GeneratedAsRowColumnConstraint
        ):
            """Read the options of an identity's sequence in any order, which sqlglot takes in one order only."""
            start = self._index
            always = self._match_text_seq("ALWAYS")
            if (always or self._match_text_seq("BY", "DEFAULT")) and self._match_text_seq("AS", "IDENTITY"):
                kind = exp.GeneratedAsIdentityColumnConstraint(this=always)
                if self._match(TokenType.L_PAREN):
                    self._parse_sequence_options(kind)
                    self._match_r_paren()
                return self.expression(kind)
            self._retreat(start)
            return super()._parse_generated_as_identity()

        def _parse_sequence_options(self, kind: exp.Expr) -> None:
            while self._curr and self._curr.token_type != TokenType.R_PAREN:
                if self._match_text_seq("SEQUENCE", "NAME"):
                    self._parse_table_parts()
                    continue
                option = self._curr.text.lower()
                self._advance()
                if option == "no":
                    self._advance()
                else:
                    self._match_texts(("BY", "WITH", "AS"))
                    value = self._parse_unary() if option in _SEQUENCE_NUMBERS else True
                    if option in kind.arg_types:
                        kind.set(option, value)


def rewrite_statement(sql: str, formats: Sequence[int] = ()) -> Rewritten | None:
    """Return the statement for DuckDB, None where it is not one sqlglot can read.

    ``formats`` as in Bind: a reg value goes out as its oid where it goes in binary, else by name.
    """
    try:
        trees = sqlglot.parse(plain_builtins(part_parameters(sql)[0]), read=CatalogPostgres)
    except (SqlglotError, RecursionError):
        return None
    tree = trees[0] if len(trees) == 1 else None
    if tree is None or isinstance(tree, exp.Command):
        return None
    column_oids, parameter_oids = _column_oids(tree), _parameter_oids(tree)
    before: list[str] = []
    keep_oid_order(tree)
    show_by_name(tree, formats)
    size_numbers(tree)
    for rule in RULES:
        rule(tree)
    tree = definition(tree, before)
    text = tree.sql(UPSTREAM_DIALECTS["duckdb"], unsupported_level=ErrorLevel.IGNORE, normalize_functions=False)
    return Rewritten(text, tuple(before), (), column_oids, parameter_oids, displaced=True)


def _column_oids(tree: exp.Expr) -> tuple[int, ...]:
    query = first_select(tree)
    if not isinstance(query, exp.Select):
        return ()
    outer = Scope({}, None, with_queries(tree)) if query is not tree else None
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
            oid = expression_oid(other, scope_in_tree(select)) if select is not None else UNKNOWN
        if parameter.name.isdigit() and (oids.element_oid_of(oid) or oid) in _OWN_TYPES:
            found[int(parameter.name)] = oid
    return tuple(found.get(number, UNKNOWN) for number in range(1, max(found, default=0) + 1))


RULES: tuple[Callable[[exp.Expr], None], ...] = (
    name_items,
    spell_syntax,
    spell_queries,
    spread_functions,
    select_from_functions,
    escape_patterns,
    drop_collations,
    spell_operators,
    number_vectors,
    spell_functions,
    spell_time_formats,
    spell_outputs,
    fill_system_columns,
    lower_casts,
    size_floats,
    drop_locks,
    keep_ties,
    group_by_place,
    keep_list_order,
    spread_unnest,
    place_relations,
    place_functions,
)
