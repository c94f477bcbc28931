"""Random tables and whole statements: queries, and what changes tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from differential.expressions import WORDS, Choices, Scope, condition, expression
from differential.pieces import Piece, listed, spell_parameters, sql, write
from differential.queries import TABLES, Query, QueryMaker, Sources
from hypothesis import strategies as st

Row = tuple[str | int | float | bool | None, ...]

_TEXT = st.one_of(st.none(), st.sampled_from(WORDS))
_SMALL = st.one_of(st.none(), st.integers(0, 4))
_SCORE = st.sampled_from((None, 0.0, 0.25, 0.5, 1.0))
_A = st.tuples(_TEXT, _TEXT, _SMALL, st.sampled_from((None, True, False)), _TEXT)
_B = st.tuples(_SMALL, _TEXT, _SCORE)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement both ways; ``table``: what it changes, None for a query. ``views``: what it may read, by name."""

    piece: Piece
    query: Query | None = None
    table: str | None = None
    views: tuple[tuple[str, Piece], ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """Tables, a statement over them, and how it is run."""

    rows: dict[str, list[Row]]
    statement: Statement
    batch_size: int
    cached: bool
    explained: bool


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Draw an example whose statement holds an operator."""
    choices = Choices(draw)
    maker = QueryMaker(choices)
    choices.subquery = maker.subquery
    rows: dict[str, list[Row]] = {
        "a": [(number, *row) for number, row in enumerate(draw(st.lists(_A, max_size=6)))],
        "b": [(number, *row) for number, row in enumerate(draw(st.lists(_B, max_size=4)))],
    }
    rows["k"] = [(number, "old") for number in range(choices.number(0, 3))]
    views = _views(maker)
    statement = replace(_statement(maker), views=views)
    return Example(rows, statement, choices.pick((1, 2, 20)), choices.chance(50), choices.chance(15))


def _views(maker: QueryMaker) -> tuple[tuple[str, Piece], ...]:
    if not maker.choices.chance(15):
        return ()
    maker.choices.in_view = True
    query = maker._with(1, None, Scope(()))
    maker.choices.in_view = False
    maker.views = {"v": query.columns}
    return (("v", Piece(spell_parameters(query.piece.ours), query.piece.plain)),)


def _statement(maker: QueryMaker) -> Statement:
    choices = maker.choices
    if choices.chance(82):
        query = maker.query()
        if not choices.operators:
            query = _with_operator(query)
        return Statement(query.piece, query)
    ways = (_update, _delete, _insert, _create, _update_from, _delete_using, _insert_values, _upsert, _merge)
    made = choices.pick(ways)(maker)
    return made if choices.operators else Statement(_with_operator(maker.query(1)).piece)


def _with_operator(query: Query) -> Query:
    """Return the query with an operator where it has none."""
    piece = Piece(
        f"SELECT q.*, CONDENSE('an') AS more FROM ({query.piece.ours}) AS q",
        f"SELECT q.*, plain_condense('an') AS more FROM ({query.piece.plain}) AS q",
    )
    return replace(query, piece=piece, ordered=False, unlimited=None)


def _table_scope(*tables: tuple[str, str]) -> Scope:
    found = Sources({}, tables=[(alias, TABLES[name]) for alias, name in tables])
    return Scope(found.columns())


def _assignments(scope: Scope, choices: Choices) -> Piece:
    wanted = choices.pick(((("title", "text"),), (("n", "int"),), (("title", "text"), ("flag", "bool"))))
    return listed([write(f"{name} = {{}}", expression(kind, scope, choices, 3)) for name, kind in wanted])


def _update(maker: QueryMaker) -> Statement:
    alias = maker.choices.pick(("a", "x"))
    scope = _table_scope((alias, "a"))
    head = "UPDATE a" if alias == "a" else "UPDATE a AS x"
    sets = _assignments(scope, maker.choices)
    piece = write(f"{head} SET {{}} WHERE {{}}", sets, condition(scope, maker.choices, 3))
    return Statement(_returning(piece, maker.choices, alias), table="a")


def _returning(change: Piece, choices: Choices, alias: str, table: str = "a") -> Piece:
    if not choices.chance(40):
        return change
    if choices.chance(40):
        scope = replace(_table_scope((alias, table)), subqueries=False)
        items = listed([expression(kind, scope, choices, 2) for kind in ("text", "bool")])
        return write(f"{{}} RETURNING {alias}.id, {{}}", change, items)
    return write(choices.pick((f"{{}} RETURNING {alias}.id", f"{{}} RETURNING {alias}.*")), change)


def _update_from(maker: QueryMaker) -> Statement:
    """One row of the other table at most, since PostgreSQL leaves open which of several counts."""
    scope = _table_scope(("a", "a"), ("x", "b"))
    piece = write(
        "UPDATE a SET {} FROM b AS x WHERE a.id = x.id AND {}",
        _assignments(scope, maker.choices),
        condition(scope, maker.choices, 2).tight,
    )
    return Statement(piece, table="a")


def _delete(maker: QueryMaker) -> Statement:
    scope = _table_scope(("b", "b"))
    change = write("DELETE FROM b WHERE {}", condition(scope, maker.choices, 3))
    return Statement(_returning(change, maker.choices, "b", "b"), table="b")


def _delete_using(maker: QueryMaker) -> Statement:
    scope = _table_scope(("b", "b"), ("x", "a"))
    piece = write("DELETE FROM b USING a AS x WHERE {}", condition(scope, maker.choices, 3))
    return Statement(piece, table="b")


def _insert(maker: QueryMaker) -> Statement:
    query = maker._with(1, ("int", "text", "bool"), Scope(()))
    return Statement(write("INSERT INTO a (id, title, flag) {}", query.piece), table="a")


def _insert_values(maker: QueryMaker) -> Statement:
    nothing = Scope((), subqueries=False)
    rows = [
        write("({}, {}, {})", *(expression(kind, nothing, maker.choices, 2) for kind in ("int", "text", "bool")))
        for _ in range(maker.choices.number(1, 2))
    ]
    piece = write("INSERT INTO a (id, title, flag) VALUES {}", listed(rows))
    return Statement(_returning(piece, maker.choices, "a"), table="a")


def _upsert(maker: QueryMaker) -> Statement:
    scope = _table_scope(("x", "b"))
    text, where = expression("text", scope, maker.choices, 3), condition(scope, maker.choices, 2)
    way = maker.choices.pick(("DO NOTHING", "DO UPDATE SET label = excluded.label || '!'"))
    head = "INSERT INTO k (id, label) SELECT x.id, {} FROM b AS x WHERE {}"
    return Statement(write(f"{head} ON CONFLICT (id) {way}", text, where), table="k")


def _merge(maker: QueryMaker) -> Statement:
    choices = maker.choices
    both, new = _table_scope(("a", "a"), ("x", "b")), _table_scope(("x", "b"))
    using = sql("b AS x")
    if choices.chance(40):
        using = write("(SELECT * FROM b AS y WHERE {}) AS x", condition(_table_scope(("y", "b")), choices, 2))
    plain = [replace(scope, subqueries=False) for scope in (both, new)]
    on = condition(plain[0], choices, 1).tight if choices.chance(30) else sql("true")
    matched = choices.pick(("UPDATE SET title = {0}", "DELETE"))
    piece = write(
        f"MERGE INTO a USING {{2}} ON a.id = x.id AND {{3}} WHEN MATCHED AND {{4}} THEN {matched} "
        "WHEN NOT MATCHED AND {5} THEN INSERT (id, title) VALUES (x.id + 10, {1})",
        expression("text", plain[0], choices, 2),
        expression("text", plain[1], choices, 2),
        using,
        on,
        condition(plain[0], choices, 2),
        condition(plain[1], choices, 2),
    )
    return Statement(piece, table="a")


def _create(maker: QueryMaker) -> Statement:
    query = maker._with(1, ("int", "text", "float"), Scope(()))
    return Statement(write("CREATE TABLE made AS {}", query.piece), table="made")


__all__ = ["Example", "Statement", "examples", "sql"]
