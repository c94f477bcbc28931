"""The SQL we read: PostgreSQL's, in which semantic operators are nodes of the tree.

``make_dialect`` builds a sqlglot dialect from the loaded operators, so a new YAML file is a new operator.
Infix words are matched by text in the range parser (the precedence of LIKE) and given back when no operand
follows, so ``SELECT note means FROM t`` stays an alias. Of PostgreSQL's own syntax one thing is taken.
Differs from PostgreSQL: in a statement with operators, ``a semantic JOIN b`` is a join and gives ``a`` no alias.
Not here: what an operator means (``operators``) and how it is planned (``plan``).
Source: sqlglot 30.30; private parser methods are overridden, hence the pin in pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ParseError, TokenError
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.tokenizer_core import TokenType

from rvbbit_proxy.errors import SyntaxFault
from rvbbit_proxy.operators.keywords import FOLLOWING, RESERVED
from rvbbit_proxy.operators.operator import Operator, Operators
from rvbbit_proxy.sql.item_names import NamedCalls
from rvbbit_proxy.sql.lexer import part_parameters
from rvbbit_proxy.sql.semantic_call import SemanticCall as SemanticCall

EXPRESSION_STARTS = frozenset(
    "array case cast collation current_catalog current_date current_role current_schema current_time "
    "current_timestamp current_user false localtime localtimestamp null session_user system_user true user".split()
)
NO_OPERAND = (RESERVED | FOLLOWING) - EXPRESSION_STARTS
"""Words that cannot begin an operand: an infix word before one of them is an alias or a column."""

OPERAND_PUNCTUATION = frozenset(
    {TokenType.L_PAREN, TokenType.DASH, TokenType.PARAMETER, TokenType.PLACEHOLDER, TokenType.TILDE}
)
LITERALS = frozenset(
    {
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
        TokenType.BYTE_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
    }
)


def _semantic_call_sql(generator: Any, call: SemanticCall) -> str:
    """Print a call; the order of an aggregate's inputs, kept with the first of them, stands behind all."""
    arguments = list(call.expressions)
    if len(arguments) > 1 and isinstance(arguments[0], exp.Order):
        first, last = arguments[0], arguments[-1]
        arguments[0] = first.this
        arguments[-1] = exp.Order(this=last.copy(), expressions=[key.copy() for key in first.expressions])
    return str(generator.func(call.operator_name, *arguments, normalize=False))


class _SemanticParser(NamedCalls, PostgresParser):
    """PostgreSQL's grammar, the operators' infix words and function names."""

    INFIX: Mapping[str, Sequence[tuple[tuple[str, ...], Operator]]] = {}

    def _parse_range(self, this: exp.Expr | None = None, parse_is: bool = False) -> exp.Expr | None:
        parsed = super()._parse_range(this, parse_is)
        while parsed is not None:
            call = self._parse_infix_operator(parsed)
            if call is None:
                break
            parsed = super()._parse_range(call, parse_is)
        return parsed

    def _parse_infix_operator(self, left: exp.Expr) -> exp.Expr | None:
        """Parse ``[NOT] WORDS operand`` after ``left``; None, with nothing consumed, when it is not there."""
        if not self._curr:
            return None
        index = self._index
        negated = bool(self._match(TokenType.NOT))
        word = self._curr.text.upper() if self._curr and self._curr.token_type is not TokenType.IDENTIFIER else ""
        for words, operator in self.INFIX.get(word, ()):
            if self._match_text_seq(*words, advance=True) and self._operand_ahead():
                right = self._parse_bitwise()
                if right is not None:
                    call = self.expression(SemanticCall(this=operator.name, expressions=[left, right]))
                    return self.expression(exp.Not(this=call)) if negated else call
            self._retreat(index + negated)
        self._retreat(index)
        return None

    def _parse_cube_or_rollup(self, with_prefix: bool = False) -> exp.Cube | exp.Rollup | None:
        """Parse keys with operators of any precedence, which sqlglot takes for no keys."""
        for token, kind in ((TokenType.CUBE, exp.Cube), (TokenType.ROLLUP, exp.Rollup)):
            if not with_prefix and self._match(token):
                return self.expression(kind(expressions=self._parse_wrapped_csv(self._parse_disjunction)))
        return super()._parse_cube_or_rollup(with_prefix)

    def _parse_grouping_set(self) -> exp.Expr | None:
        return self._parse_grouping_sets() or self._parse_cube_or_rollup() or self._parse_disjunction()

    def _parse_trim(self) -> exp.Trim:
        """Parse ``trim(any expression)``; the forms with FROM take no operators outside parentheses."""
        index = self._index
        plain = None if self._match_texts(self.TRIM_TYPES) else self._try_parse(self._parse_disjunction)
        if plain is not None and self._match(TokenType.R_PAREN, advance=False):
            return self.expression(exp.Trim(this=plain))
        self._retreat(index)
        return super()._parse_trim()

    def _parse_join_parts(self) -> tuple[Any, Any, Any]:
        """Parse what stands before JOIN; SEMANTIC there says in words that ON holds an operator."""
        parts: tuple[Any, Any, Any] = super()._parse_join_parts()
        if self._semantic_join_ahead():
            self._advance()
        return parts

    def _parse_table_alias(self, alias_tokens: Any = None) -> exp.TableAlias | None:
        return None if self._semantic_join_ahead() else super()._parse_table_alias(alias_tokens)

    def _semantic_join_ahead(self) -> bool:
        word, following = self._curr, self._next
        if not word or not following or word.token_type is TokenType.IDENTIFIER:
            return False
        return word.text.upper() == "SEMANTIC" and following.token_type is TokenType.JOIN

    def _operand_ahead(self) -> bool:
        token = self._curr
        if not token:
            return False
        if token.token_type in LITERALS or token.token_type is TokenType.IDENTIFIER:
            return True
        if token.token_type in OPERAND_PUNCTUATION:
            return True
        return token.text[:1].isidentifier() and token.text.lower() not in NO_OPERAND


def _on_first(arguments: list[Any]) -> list[Any]:
    """Return the arguments of a call such that DISTINCT and ORDER BY, which are of all, stand on the first."""
    if not arguments:
        return arguments
    *before, last = arguments
    order = last.expressions if isinstance(last, exp.Order) else None
    values = [*before, last.this if order is not None else last]
    if isinstance(values[0], exp.Distinct):
        first, *others = values[0].expressions
        values = [exp.Distinct(expressions=[first]), *others]
    if order is not None:
        values[0] = exp.Order(this=values[0], expressions=order)
    return values


def _function_builder(name: str, operator: Operator) -> Callable[[list[Any]], SemanticCall]:
    def build(arguments: list[Any]) -> SemanticCall:
        call = SemanticCall(this=operator.name, expressions=_on_first(arguments))
        call.meta["function"] = name
        return call

    return build


def make_dialect(operators: Operators) -> type[Postgres]:
    """Return a dialect whose parser knows these operators, longest infix form first."""
    infix: dict[str, list[tuple[tuple[str, ...], Operator]]] = {}
    for words, operator in sorted(operators.infix, key=lambda entry: -len(entry[0])):
        infix.setdefault(words[0].upper(), []).append((tuple(word.upper() for word in words), operator))
    builders = {name.upper(): _function_builder(name, operator) for name, operator in operators.by_name.items()}

    class SemanticPostgres(Postgres):
        class Parser(_SemanticParser):
            INFIX = infix
            FUNCTIONS = PostgresParser.FUNCTIONS | builders

        class Generator(PostgresGenerator):
            TRANSFORMS = PostgresGenerator.TRANSFORMS | {SemanticCall: _semantic_call_sql}

    return SemanticPostgres


class _DuckDBUpstream(DuckDB):
    """DuckDB as our sessions set it up: NULLs sort as in PostgreSQL."""

    NULL_ORDERING = "nulls_are_large"


UPSTREAM_DIALECTS: Mapping[str, type[Dialect]] = {"duckdb": _DuckDBUpstream, "postgres": Postgres}
"""What the upstream itself reads."""


class _ForDuckDB(Postgres):
    """PostgreSQL's text with DuckDB's own aggregates: the upstream's session reads it as it reads a client's."""

    class Generator(PostgresGenerator):
        TRANSFORMS = PostgresGenerator.TRANSFORMS | {
            exp.AnyValue: lambda generator, node: generator.func("ANY_VALUE", node.this)
        }


_PRINTED: Mapping[str, type[Dialect]] = {"duckdb": _ForDuckDB, "postgres": Postgres}


def print_sql(tree: exp.Expr, target: str) -> str:
    """Return a plain tree as text for an upstream's session, ``duckdb`` or ``postgres``."""
    return tree.sql(dialect=_PRINTED[target], comments=False)


@dataclass(frozen=True, slots=True)
class SqlReader:
    """Parses statements with a set of operators; knows which words may be operators."""

    operators: Operators
    dialect: type[Postgres]
    words: frozenset[str]

    @classmethod
    def of(cls, operators: Operators) -> SqlReader:
        """Build the reader of these operators."""
        first_words = {words[0].lower() for words, _ in operators.infix}
        return cls(operators, make_dialect(operators), frozenset(first_words | set(operators.by_name)))

    def parse(self, sql: str) -> exp.Expr:
        """Parse one statement.

        :raises SyntaxFault: with the position of the token where parsing stopped.
        """
        parted, blanks = part_parameters(sql)
        try:
            # without an end of line the tokenizer fails at an empty literal that ends the text, after $1
            tree = self.dialect().parse(parted + "\n")
        except ParseError as error:
            fault = _syntax_fault(parted, error)
            if fault.position is not None:
                fault.position -= sum(blank < fault.position - 1 for blank in blanks)
            raise fault from error
        except TokenError as error:
            raise SyntaxFault(str(error).splitlines()[0]) from error
        if len(tree) != 1 or tree[0] is None:
            raise SyntaxFault("cannot insert multiple commands into a prepared statement")
        return tree[0]


def _syntax_fault(sql: str, error: ParseError) -> SyntaxFault:
    first: dict[str, Any] = dict(error.errors[0]) if error.errors else {}
    line, column, token = first.get("line"), first.get("col"), first.get("highlight")
    position = None
    if isinstance(line, int) and isinstance(column, int):
        lines = sql.splitlines(keepends=True)
        position = sum(map(len, lines[: line - 1])) + column - len(str(token or "")) + 1
    return SyntaxFault(
        f'syntax error at or near "{token}"' if token else "syntax error at end of input",
        detail=str(first.get("description") or error),
        position=max(position, 1) if position is not None else None,
    )


def semantic_calls(tree: exp.Expr) -> list[SemanticCall]:
    """Return every operator call in the tree, outermost first."""
    return list(tree.find_all(SemanticCall))
