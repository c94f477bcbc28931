"""Random expressions over the columns of a scope, typed, with operators at every depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from differential.pieces import Kind, Piece, listed, parameter, sql, write
from hypothesis import strategies as st

if TYPE_CHECKING:
    from differential.queries import Query

T = TypeVar("T")

WORDS = ("a", "an", "Ab", "bc", "zz", "an apple", "B c", "")
CRITERIA = ("a", "b", "ap", "zz", "B")
TEXT_LITERALS = ("a", "it''s", "", "Bc", "zz")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that may be read; ``bare`` is its unqualified form, None where that is ambiguous."""

    qualified: Piece
    kind: Kind
    bare: Piece | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may read.

    ``outer``: columns of the queries around. ``rows``: in a scope that groups, the scope below the grouping, whose
    columns aggregates read. ``windows``: window functions may stand here. ``hidden``: names that several sources
    have, so that they mean no outer column.
    """

    columns: tuple[Column, ...]
    outer: tuple[Column, ...] = ()
    rows: Scope | None = None
    windows: bool = False
    subqueries: bool = True
    hidden: frozenset[str] = frozenset()

    def of(self, kind: Kind) -> list[Column]:
        """Return the columns of a kind."""
        return [column for column in self.columns if column.kind == kind]


@dataclass
class Choices:
    """Draws from hypothesis; ``fuel`` bounds a statement's size, ``serial`` makes its names unique.

    ``in_view``: what is drawn becomes the text of a view, where DuckDB's sums of integers stay wide.
    """

    draw: Callable[[st.SearchStrategy[Any]], Any]
    fuel: int = 14
    serial: int = 0
    operators: int = 0
    used: set[str] = field(default_factory=set)
    in_view: bool = False
    subquery: Callable[[Sequence[Kind], Scope, bool], Query] | None = None

    def sums(self, template: str) -> tuple[str, ...]:
        """Return a sum of integers as what may be picked, where it may."""
        return () if self.in_view else (template,)

    def chance(self, percent: int) -> bool:
        """Draw true in so many of a hundred cases; shrinks to false."""
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)

    def pick(self, options: Sequence[T]) -> T:
        """Draw one; shrinks to the first."""
        drawn: T = self.draw(st.sampled_from(options))
        return drawn

    def number(self, least: int, most: int) -> int:
        """Draw an integer; shrinks to the least."""
        drawn: int = self.draw(st.integers(least, most))
        return drawn

    def name(self, prefix: str) -> str:
        """Return a fresh name."""
        self.serial += 1
        return f"{prefix}{self.serial}"

    def spend(self) -> bool:
        """Take fuel for another level; false when there is none."""
        self.fuel -= 1
        return self.fuel >= 0


def expression(kind: Kind, scope: Scope, choices: Choices, depth: int = 3) -> Piece:
    """Return a random expression of a kind."""
    if depth <= 0 or not choices.spend() or choices.chance(30):
        return _leaf(kind, scope, choices)
    if scope.rows is not None and choices.chance(40):
        return aggregate(kind, scope.rows, choices, depth - 1)
    if scope.windows and choices.chance(8):
        return _window(kind, scope, choices, depth - 1)
    if scope.subqueries and choices.subquery is not None and choices.chance(7):
        return _subquery(kind, scope, choices)
    return _MAKERS[kind](scope, choices, depth - 1)


def condition(scope: Scope, choices: Choices, depth: int = 3) -> Piece:
    """Return a random expression where a boolean is wanted: a bare score may stand there."""
    if depth > 0 and choices.chance(12):
        score = _score(scope, choices, depth - 1)
        return Piece(score.ours, f"({score.plain} > 0.5)", loose=True)
    if depth > 0 and choices.chance(35):
        left, right = condition(scope, choices, depth - 1), condition(scope, choices, depth - 1)
        return write(choices.pick(("{} AND {}", "{} OR {}")), left.tight, right.tight)
    if depth > 0 and choices.chance(15):
        return write("NOT {}", condition(scope, choices, depth - 1).bracketed)
    return expression("bool", scope, choices, depth)


def aggregate(kind: Kind, rows: Scope, choices: Choices, depth: int) -> Piece:
    """Return a random aggregate of a kind over the rows below the grouping."""
    rows = replace(rows, windows=False, subqueries=False)
    inner = lambda wanted: expression(wanted, rows, choices, depth)  # noqa: E731
    if kind == "texts" or (kind == "text" and choices.chance(50)):
        return _semantic_aggregate(kind, rows, choices, depth)
    if kind == "text":
        template = choices.pick(("max({})", "min({})", "string_agg({0}, ',' ORDER BY {0})"))
        return _filtered(write(template, inner("text"), loose=False), rows, choices)
    if kind == "bool":
        return _filtered(
            write(choices.pick(("bool_and({})", "bool_or({})")), inner("bool"), loose=False), rows, choices
        )
    if kind == "float":
        return _filtered(
            write(choices.pick(("sum({})", "avg({})", "max({})")), inner("float"), loose=False), rows, choices
        )
    if choices.chance(30):
        return _filtered(sql("count(*)"), rows, choices)
    if choices.chance(50):
        template = choices.pick(("count({})", "count(DISTINCT {})"))
        return _filtered(write(template, inner(choices.pick(("text", "bool"))), loose=False), rows, choices)
    template = choices.pick((*choices.sums("sum({})"), "max({})", "min({})"))
    return _filtered(write(template, inner("int"), loose=False), rows, choices)


def _semantic_aggregate(kind: Kind, rows: Scope, choices: Choices, depth: int) -> Piece:
    choices.operators += 1
    value = expression("text", rows, choices, depth)
    distinct = choices.chance(25)
    order = write(" ORDER BY {} DESC", value) if choices.chance(20) else sql("")
    inside = write("DISTINCT {}" if distinct else "{}", value)
    sorted_ = order if order.ours else write(" ORDER BY {}", value)
    where = condition(rows, choices, 1) if choices.chance(25) else None
    ours_filter = write(" FILTER (WHERE {})", where) if where else sql("")
    plain_filter = write(" FILTER (WHERE {} IS NOT NULL AND {})", value.tight, (where or sql("true")).tight)
    array = f"array_agg({'DISTINCT ' if distinct else ''}{value.plain}{sorted_.plain}){plain_filter.plain}"
    if kind == "texts":
        count = choices.pick((3, 1, 2))
        return Piece(
            f"THEMES({inside.ours}, {count}{order.ours}){ours_filter.ours}", f"plain_themes({array}, {count})"
        )
    if choices.chance(40):
        wish = parameter("w") if choices.chance(30) else sql("'wish'")
        return Piece(
            f"SUMMARIZE({inside.ours}, {wish.ours}{order.ours}){ours_filter.ours}",
            f"plain_summarize({array}, {wish.plain})",
        )
    return Piece(f"summarize({inside.ours}{order.ours}){ours_filter.ours}", f"plain_summarize({array}, NULL)")


def _filtered(call: Piece, rows: Scope, choices: Choices) -> Piece:
    if not choices.chance(20):
        return call
    return write("{} FILTER (WHERE {})", call, condition(rows, choices, 2), loose=False)


def _leaf(kind: Kind, scope: Scope, choices: Choices) -> Piece:
    found = scope.of(kind)
    if found and choices.chance(85):
        column = choices.pick(found)
        return column.bare if column.bare is not None and choices.chance(60) else column.qualified
    outer = [column for column in scope.outer if column.kind == kind]
    if outer and choices.chance(30):
        column = choices.pick(outer)
        own = {known.bare.plain for known in scope.columns if known.bare is not None} | scope.hidden
        visible = column.bare is not None and column.bare.plain not in own
        return column.bare if column.bare is not None and visible and choices.chance(40) else column.qualified
    return _literal(kind, choices)


def _literal(kind: Kind, choices: Choices) -> Piece:
    if kind == "text":
        if choices.chance(15):
            return parameter(choices.pick(("a", "it's", "")))
        return sql(f"'{choices.pick(TEXT_LITERALS)}'") if choices.chance(85) else sql("CAST(NULL AS text)")
    if kind == "bool":
        return sql(choices.pick(("true", "false", "CAST(NULL AS boolean)")))
    if kind == "int":
        return parameter(choices.number(0, 3)) if choices.chance(15) else sql(str(choices.number(0, 3)))
    if kind == "texts":
        return sql("CAST(NULL AS text[])")
    return sql(choices.pick(("0.5", "0.25")) if choices.chance(0) else "CAST(0.5 AS double precision)")


def _text(scope: Scope, choices: Choices, depth: int) -> Piece:
    part = lambda: expression("text", scope, choices, depth)  # noqa: E731
    if choices.chance(50):
        return _text_operator(scope, choices, depth)
    way = choices.number(0, 7)
    if way == 0:
        return write("{} || {}", part().tight, part().tight)
    if way == 1:
        return write(choices.pick(("lower({})", "upper({})", "trim({})")), part(), loose=False)
    if way == 2:
        return write("coalesce({}, {})", part(), part(), loose=False)
    if way == 3:
        return _case("text", scope, choices, depth)
    if way == 4:
        return write("CAST({} AS text)", expression("int", scope, choices, depth), loose=False)
    if way == 5:
        return write("{}::text", expression("int", scope, choices, depth).tight, loose=False)
    if way == 6:
        return write("substr({}, 1, 2)", part(), loose=False)
    return write("nullif({}, {})", part(), part(), loose=False)


def _text_operator(scope: Scope, choices: Choices, depth: int) -> Piece:
    choices.operators += 1
    operand = expression("text", scope, choices, depth)
    way = choices.number(0, 4)
    if way <= 1:
        name = choices.pick(("CONDENSE", "tldr", "Condense"))
        return Piece(f"{name}({operand.ours})", f"plain_condense({operand.plain})")
    if way == 2:
        return Piece(f"CLASSIFY({operand.ours}, 'x,y')", f"plain_classify({operand.plain}, 'x,y')")
    if way == 3:
        what = _criterion(scope, choices, depth)
        return Piece(
            f"{_operand(operand, choices)} EXTRACTS {_operand(what, choices)}",
            f"plain_extracts({operand.plain}, {what.plain})",
            loose=True,
        )
    question = _criterion(scope, choices, depth)
    return Piece(f"ASK({operand.ours}, {question.ours})", f"plain_ask({operand.plain}, {question.plain})")


def _operand(piece: Piece, choices: Choices) -> str:
    return piece.tight.ours


def _criterion(scope: Scope, choices: Choices, depth: int) -> Piece:
    if choices.chance(75):
        return parameter(choices.pick(CRITERIA)) if choices.chance(20) else sql(f"'{choices.pick(CRITERIA)}'")
    return expression("text", scope, choices, min(depth, 1))


def _bool(scope: Scope, choices: Choices, depth: int) -> Piece:
    if choices.chance(45):
        return _match(scope, choices, depth)
    part = lambda kind: expression(kind, scope, choices, depth).tight  # noqa: E731
    way = choices.number(0, 10)
    if way == 0:
        kind = choices.pick(("int", "text"))
        return write(f"{{}} {choices.pick(('=', '<', '>=', '<>'))} {{}}", part(kind), part(kind))
    if way == 1:
        score = _score(scope, choices, depth)
        return write(f"{{}} {choices.pick(('>', '<=', '='))} 0.5", score.bracketed)
    if way == 2:
        tested = expression(choices.pick(("text", "bool", "float")), scope, choices, depth)
        return write(choices.pick(("{} IS NULL", "{} IS NOT NULL")), tested.tight)
    if way == 3:
        return write(choices.pick(("{} AND {}", "{} OR {}")), part("bool"), part("bool"))
    if way == 4:
        return write("NOT {}", expression("bool", scope, choices, depth).bracketed)
    if way == 5:
        return _case("bool", scope, choices, depth)
    if way == 6:
        return write(choices.pick(("{} LIKE '%a%'", "{} NOT LIKE 'a%'", "{} ILIKE '%b%'")), part("text"))
    if way == 7:
        return write("{} BETWEEN {} AND {}", part("int"), sql("1"), part("int"))
    if way == 8:
        values = listed([part("text") for _ in range(choices.number(1, 3))])
        return write(choices.pick(("{} IN ({})", "{} NOT IN ({})")), part("text"), values)
    if way == 9:
        template = choices.pick(("{} IS TRUE", "{} IS NOT TRUE", "{} IS FALSE", "{} = true"))
        return write(template, part("bool"))
    return write(
        choices.pick(("{} IS DISTINCT FROM {}", "{} IS NOT DISTINCT FROM {}")), part("text"), part("text")
    )


def _match(scope: Scope, choices: Choices, depth: int) -> Piece:
    choices.operators += 1
    text, what = expression("text", scope, choices, depth), _criterion(scope, choices, depth)
    plain = f"plain_semantic_matches({text.plain}, {what.plain})"
    left = text.ours if text.ours.count("||") == 1 and "(" not in text.ours else _operand(text, choices)
    way = choices.number(0, 5)
    if way == 0:
        return Piece(f"semantic_matches({text.ours}, {what.ours})", plain)
    if way == 1:
        return Piece(f"{left} NOT MEANS {_operand(what, choices)}", f"NOT {plain}", loose=True)
    if way == 2:
        return Piece(f"{left} matches {_operand(what, choices)}", plain, loose=True)
    return Piece(f"{left} MEANS {_operand(what, choices)}", plain, loose=True)


def _score(scope: Scope, choices: Choices, depth: int) -> Piece:
    choices.operators += 1
    text, what = expression("text", scope, choices, depth), _criterion(scope, choices, depth)
    if choices.chance(20):
        return Piece(
            f"{_operand(text, choices)} SIMILAR_TO {_operand(what, choices)}",
            f"plain_similar_to({text.plain}, {what.plain})",
            loose=True,
        )
    words = choices.pick(("ABOUT", "RELEVANCE TO"))
    return Piece(
        f"{_operand(text, choices)} {words} {_operand(what, choices)}",
        f"plain_semantic_score({text.plain}, {what.plain})",
        loose=True,
    )


def _float(scope: Scope, choices: Choices, depth: int) -> Piece:
    way = choices.number(0, 3)
    if way == 0:
        return _score(scope, choices, depth)
    if way == 1:
        choices.operators += 1
        text = expression("text", scope, choices, depth)
        return Piece(f"SENTIMENT({text.ours})", f"plain_sentiment({text.plain})")
    if way == 2:
        return _case("float", scope, choices, depth)
    left, right = expression("float", scope, choices, depth), expression("int", scope, choices, depth)
    return write(choices.pick(("{} + {}", "{} * {}")), left.tight, right.tight)


def _int(scope: Scope, choices: Choices, depth: int) -> Piece:
    part = lambda: expression("int", scope, choices, depth).tight  # noqa: E731
    way = choices.number(0, 4)
    if way == 0:
        return write("length({})", expression("text", scope, choices, depth), loose=False)
    if way == 1:
        return write(choices.pick(("{} + {}", "{} - {}")), part(), part())
    if way == 2:
        return _case("int", scope, choices, depth)
    if way == 3:
        return write("CAST({} AS integer)", expression("bool", scope, choices, depth), loose=False)
    return write("{} / 2", part())


def _texts(scope: Scope, choices: Choices, depth: int) -> Piece:
    return _leaf("texts", scope, choices)


def _case(kind: Kind, scope: Scope, choices: Choices, depth: int) -> Piece:
    part = lambda: expression(kind, scope, choices, depth)  # noqa: E731
    if choices.chance(25):
        operand = expression("text", scope, choices, depth)
        value = expression("text", scope, choices, depth)
        return write("CASE {} WHEN {} THEN {} ELSE {} END", operand, value, part(), part(), loose=False)
    if choices.chance(30):
        tests = condition(scope, choices, depth), condition(scope, choices, depth)
        return write("CASE WHEN {} THEN {} WHEN {} THEN {} END", tests[0], part(), tests[1], part(), loose=False)
    return write("CASE WHEN {} THEN {} ELSE {} END", condition(scope, choices, depth), part(), part(), loose=False)


def _window(kind: Kind, scope: Scope, choices: Choices, depth: int) -> Piece:
    inside = replace(scope, windows=False, subqueries=False)
    key = expression(choices.pick(("text", "bool")), inside, choices, depth)
    order = expression(choices.pick(("int", "float", "text")), inside, choices, depth)
    if kind == "int":
        template = choices.pick(
            (
                "rank() OVER (ORDER BY {1})",
                "dense_rank() OVER (PARTITION BY {0} ORDER BY {1} DESC)",
                "count(*) OVER (PARTITION BY {0})",
                *choices.sums("sum(1) OVER (ORDER BY {1})"),
            )
        )
        return write(template, key, order, loose=False)
    if kind == "texts":
        return _leaf(kind, scope, choices)
    value = expression(kind, inside, choices, depth)
    function = {"text": "max", "bool": "bool_or", "float": "sum"}[kind]
    over = choices.pick(("(PARTITION BY {1})", "(PARTITION BY {1} ORDER BY {2})", "()"))
    return write(f"{function}({{0}}) OVER {over}", value, key, order, loose=False)


def _subquery(kind: Kind, scope: Scope, choices: Choices) -> Piece:
    assert choices.subquery is not None
    around = Scope(columns=(), outer=scope.columns + tuple(replace(column, bare=None) for column in scope.outer))
    if kind == "bool":
        if choices.chance(50):
            inner = choices.subquery(("text",), around, False)
            left = expression("text", scope, choices, 1)
            return write(choices.pick(("{} IN ({})", "{} NOT IN ({})")), left.tight, inner.piece)
        inner = choices.subquery(("int",), around, False)
        return write(choices.pick(("EXISTS ({})", "NOT EXISTS ({})")), inner.piece)
    inner = choices.subquery((kind,), around, True)
    return write("({})", inner.piece, loose=False)


_MAKERS: dict[Kind, Callable[[Scope, Choices, int], Piece]] = {
    "text": _text,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "texts": _texts,
}
