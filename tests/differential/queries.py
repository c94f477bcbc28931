"""Random SELECTs: sources and joins, groups, set operations, CTEs, order and limit.

A query with LIMIT is ordered by all of its columns in the end, so that its rows are determined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from differential.expressions import Choices, Column, Scope, aggregate, condition, expression
from differential.pieces import Kind, Piece, listed, sql, write

TABLES: dict[str, tuple[tuple[str, Kind], ...]] = {
    "a": (
        ("id", "int"),
        ("title", "text"),
        ("note", "text"),
        ("n", "int"),
        ("flag", "bool"),
        ('"Odd Name"', "text"),
    ),
    "b": (("id", "int"), ("a_id", "int"), ("label", "text"), ("w", "float")),
}
KINDS: tuple[Kind, ...] = ("text", "int", "bool", "float")


@dataclass(frozen=True, slots=True)
class Query:
    """A query, its columns, and whether its order is determined up to equal rows.

    ``unlimited`` is the plain spelling without a LIMIT that takes any rows; ``limit`` and ``offset`` are that LIMIT's.
    """

    piece: Piece
    columns: tuple[tuple[str, Kind], ...]
    ordered: bool = False
    unlimited: str | None = None
    limit: int = 0
    offset: int = 0


@dataclass
class Sources:
    """FROM while it is written: the text so far, the columns it offers, the CTEs one may name."""

    ctes: dict[str, tuple[tuple[str, Kind], ...]]
    piece: Piece = field(default_factory=lambda: sql(""))
    tables: list[tuple[str, tuple[tuple[str, Kind], ...]]] = field(default_factory=list)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns; bare names where only one source has them."""
        names = [name for _, columns in self.tables for name, _ in columns]
        return tuple(
            Column(sql(f"{alias}.{name}"), kind, sql(name) if names.count(name) == 1 else None)
            for alias, columns in self.tables
            for name, kind in columns
        )

    def hidden(self) -> frozenset[str]:
        """Return the names that are ambiguous here."""
        return frozenset(name for _, columns in self.tables for name, _ in columns)


@dataclass
class QueryMaker:
    """Makes queries from one source of choices."""

    choices: Choices
    ctes: dict[str, tuple[tuple[str, Kind], ...]] = field(default_factory=dict)
    views: dict[str, tuple[tuple[str, Kind], ...]] = field(default_factory=dict)

    def query(self, depth: int = 2) -> Query:
        """Return a statement's query, perhaps as tools wrap it."""
        if self.choices.chance(8):
            inner = self._with(depth, None, Scope(()))
            return self._any_rows(Query(write("SELECT * FROM ({}) AS wrapped", inner.piece), inner.columns))
        return self._with(depth, None, Scope(()), top=True)

    def subquery(self, kinds: Sequence[Kind], around: Scope, single: bool) -> Query:
        """Return a query inside an expression; ``single``: of one row."""
        if single and self.choices.chance(60):
            return self._grouped(1, kinds, around, keyed=False)
        if single:
            return self._ordered(self._plain(1, kinds, around, unique=True, ordered=False), limit=1)
        return self._plain(1, kinds, around, unique=True)

    def _with(self, depth: int, kinds: Sequence[Kind] | None, around: Scope, *, top: bool = False) -> Query:
        """Return a query, perhaps with CTEs in front."""
        if not self.choices.chance(25 if top else 8) or not self.choices.spend():
            return self._body(depth, kinds, around, top=top)
        outside, made = dict(self.ctes), []
        for _ in range(self.choices.number(1, 2)):
            inner = self._with(depth - 1, None, Scope(()))
            name = self.choices.pick(("c", "d", "b", '"C d"'))
            if name in [known for known, _ in made]:
                continue
            hint = self.choices.pick(("", "", "MATERIALIZED ", "NOT MATERIALIZED "))
            renamed = self.choices.chance(20)
            names = (
                [f"r{n}" for n in range(len(inner.columns))] if renamed else [name for name, _ in inner.columns]
            )
            head = f"{name}({', '.join(names)})" if renamed else name
            made.append((name, write(f"{head} AS {hint}({{}})", inner.piece)))
            self.ctes = {**self.ctes, name: tuple(zip(names, (kind for _, kind in inner.columns), strict=True))}
        body = self._body(depth, kinds, around, top=top)
        self.ctes = outside
        head_piece = listed([piece for _, piece in made])
        unlimited = None if body.unlimited is None else f"WITH {head_piece.plain} {body.unlimited}"
        return replace(body, piece=write("WITH {} {}", head_piece, body.piece), unlimited=unlimited)

    def _body(self, depth: int, kinds: Sequence[Kind] | None, around: Scope, *, top: bool = False) -> Query:
        if self.choices.chance(14):
            made = self._set_operation(depth, kinds or self._kinds(), around)
            if top and self.choices.chance(30):
                return self._any_rows(made)
        elif self.choices.chance(30):
            made = self._grouped(depth, kinds, around, unique=not top)
        else:
            made = self._plain(depth, kinds, around, unique=not top, top=top)
        if made.unlimited is not None or made.ordered:
            return made
        if self.choices.chance(20):
            return self._ordered(made, limit=self.choices.number(0, 5), offset=self.choices.number(0, 2))
        return made

    def _kinds(self) -> list[Kind]:
        return [self.choices.pick(KINDS) for _ in range(self.choices.number(1, 3))]

    # sources

    def _sources(self, depth: int, around: Scope) -> Sources:
        found = Sources(self.ctes)
        self._add_source(found, "{}{}", depth, around)
        comma = False
        for _ in range(self.choices.pick((0, 0, 0, 1, 1, 2))):
            ways = (", ", " CROSS JOIN ", " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ")
            way = ", " if comma else self.choices.pick(ways)
            comma = way == ", "
            if comma and self.choices.chance(40) and self.choices.spend():
                self._add_lateral(found)
                continue
            self._add_source(found, f"{{}}{way}{{}}", depth, around)
            if "JOIN" in way and "CROSS" not in way:
                scope = Scope(found.columns(), around.outer, subqueries=False, hidden=found.hidden())
                on = condition(scope, self.choices, 2)
                if self.choices.chance(60):
                    first, second = found.tables[-2], found.tables[-1]
                    equal = self._equality(first, second)
                    on = write("{} AND {}", equal, on.tight) if equal else on
                found.piece = write("{} ON {}", found.piece, on)
        return found

    def _add_lateral(self, found: Sources) -> None:
        """Add a query that reads the sources before it."""
        alias = self.choices.name("t")
        around = Scope((), tuple(replace(column, bare=None) for column in found.columns()), subqueries=False)
        columns: tuple[tuple[str, Kind], ...] = (("l0", "text"), ("l1", "bool"))
        items = [write(f"{{}} AS {name}", expression(kind, around, self.choices, 2)) for name, kind in columns]
        found.piece = write(f"{{}}, LATERAL (SELECT {{}}) AS {alias}", found.piece, listed(items))
        found.tables.append((alias, columns))

    def _equality(
        self, first: tuple[str, tuple[tuple[str, Kind], ...]], second: tuple[str, tuple[tuple[str, Kind], ...]]
    ) -> Piece | None:
        sides = [
            [f"{alias}.{name}" for name, kind in columns if kind == "int"] for alias, columns in (first, second)
        ]
        if not all(sides):
            return None
        return sql(f"{self.choices.pick(sides[0])} = {self.choices.pick(sides[1])}")

    def _add_source(self, found: Sources, template: str, depth: int, around: Scope) -> None:
        alias = self.choices.name("t")
        if depth > 0 and self.choices.chance(25) and self.choices.spend():
            inner = self._with(depth - 1, None, Scope(()))
            columns = inner.columns
            head = f"({{}}) AS {alias}"
            if self.choices.chance(15):
                columns = tuple((f"r{n}", kind) for n, (_, kind) in enumerate(columns))
                head += f"({', '.join(name for name, _ in columns)})"
            source = write(head, inner.piece)
        else:
            tables = {**TABLES, **self.views, **self.ctes}
            name = self.choices.pick([*TABLES, *self.views, *self.views, *self.ctes, *self.ctes])
            columns = tables[name]
            if name in self.views:
                source = Piece(f"{name} AS {alias}", f"plain_{name} AS {alias}")
            elif self.choices.chance(30) and name not in self.choices.used:
                self.choices.used.add(name)
                alias = name
                source = sql(name)
            else:
                source = sql(f"{name} {self.choices.pick(('', 'AS '))}{alias}")
        found.piece = write(template, found.piece, source)
        found.tables.append((alias, columns))

    # SELECT without groups

    def _plain(
        self,
        depth: int,
        kinds: Sequence[Kind] | None,
        around: Scope,
        *,
        unique: bool,
        top: bool = False,
        ordered: bool = True,
    ) -> Query:
        found = self._sources(depth, around)
        scope = Scope(found.columns(), around.outer, hidden=found.hidden())
        where = self._where(scope, 75)
        items = self._items(found, scope, kinds, unique)
        distinct = "DISTINCT " if self.choices.chance(12) else ""
        piece = write(f"SELECT {distinct}{{}} FROM {{}}{{}}", items.piece, found.piece, where)
        query = Query(piece, items.columns)
        if ordered and not distinct and kinds is None and self.choices.chance(4):
            return self._over_named(query, items, found, where, scope)
        if top and self.choices.chance(12):
            return self._any_rows(query)
        if top and not distinct and self.choices.chance(6):
            key = expression(self.choices.pick(KINDS), scope, self.choices, 2)
            if _names_a_column(key):
                only = write("SELECT DISTINCT ON ({}) {} FROM {}{}", key, items.piece, found.piece, where)
                return self._ordered(Query(only, items.columns), [key], items.pieces)
        if ordered and not distinct and self.choices.chance(25):
            keys = [expression(self.choices.pick(KINDS), scope, self.choices, 2) for _ in range(2)]
            limit = self.choices.number(0, 5) if self.choices.chance(60) else None
            return self._ordered(query, [key for key in keys if _names_a_column(key)], items.pieces, limit=limit)
        return query

    def _over_named(self, query: Query, items: Items, found: Sources, where: Piece, scope: Scope) -> Query:
        """Return the query with a count over a window that has a name."""
        inside = replace(scope, windows=False, subqueries=False)
        parts = [expression(self.choices.pick(KINDS), inside, self.choices, 2) for _ in range(2)]
        template = (
            "SELECT {}, count(*) OVER w AS counted FROM {}{} WINDOW v AS (PARTITION BY {}), w AS (v ORDER BY {})"
        )
        piece = write(template, items.piece, found.piece, where, *parts)
        return Query(piece, (*query.columns, ("counted", "int")))

    def _any_rows(self, query: Query) -> Query:
        limit, offset = self.choices.number(0, 4), self.choices.number(0, 2)
        end = f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")
        piece = write(f"{{}}{end}", query.piece)
        return Query(piece, query.columns, unlimited=query.piece.plain, limit=limit, offset=offset)

    def _where(self, scope: Scope, percent: int) -> Piece:
        if not self.choices.chance(percent):
            return sql("")
        ties = [(own, outer) for own in scope.of("int") for outer in scope.outer if outer.kind == "int"]
        if ties and self.choices.chance(50):
            own, outer = self.choices.pick(ties)
            more = condition(scope, self.choices, 2).tight
            return write(" WHERE {} = {} AND {}", own.qualified, outer.qualified, more)
        if self.choices.chance(25):
            several = [condition(scope, self.choices, 2).tight for _ in range(self.choices.number(2, 3))]
            return Piece(
                *(
                    " WHERE " + " AND ".join(texts)
                    for texts in zip(*((p.ours, p.plain) for p in several), strict=True)
                )
            )
        return write(" WHERE {}", condition(scope, self.choices, 3))

    @dataclass(frozen=True, slots=True)
    class Items:
        """A select list; ``pieces`` is None for what a star stands for."""

        piece: Piece
        columns: tuple[tuple[str, Kind], ...]
        pieces: tuple[Piece | None, ...]

    def _items(self, found: Sources, scope: Scope, kinds: Sequence[Kind] | None, unique: bool) -> Items:
        written: list[Piece] = []
        columns: list[tuple[str, Kind]] = []
        pieces: list[Piece | None] = []
        if kinds is None and self.choices.chance(15) and not (unique and len(found.tables) > 1):
            star, tables = "*", found.tables
            if self.choices.chance(50):
                tables = [self.choices.pick(found.tables)]
                star = f"{tables[0][0]}.*"
            written.append(sql(star))
            columns += [column for _, of_table in tables for column in of_table]
            pieces += [None] * len(columns)
        start = 1 if written and self.choices.chance(80) else 0
        windowed = replace(scope, windows=kinds is None)
        for number, kind in enumerate(kinds or self._kinds()[start:]):
            piece = expression(kind, windowed, self.choices, 3)
            name = self._item_name(number, columns, unique)
            written.append(write(f"{{}} AS {name}" if name else "{}", piece))
            columns.append((name or f"?{number}", kind))
            pieces.append(piece)
        if not written:
            written, columns, pieces = [sql("1 AS one")], [("one", "int")], [sql("1")]
        return self.Items(listed(written), tuple(columns), tuple(pieces))

    def _item_name(self, number: int, taken: Sequence[tuple[str, Kind]], unique: bool) -> str:
        name = self.choices.pick((f"v{number}", f"v{number}", "title", '"Odd Name"', "id", f'"V {number}"', ""))
        known = [each for each, _ in taken]
        if unique and (not name or name in known):
            return next(free for free in (f"v{serial}" for serial in count(number)) if free not in known)
        return name

    # SELECT with groups

    def _grouped(
        self,
        depth: int,
        kinds: Sequence[Kind] | None,
        around: Scope,
        *,
        unique: bool = True,
        keyed: bool | None = None,
    ) -> Query:
        found = self._sources(depth, around)
        rows = Scope(found.columns(), around.outer, subqueries=False, hidden=found.hidden())
        where = self._where(rows, 50)
        keys = self._keys(rows) if keyed is not False else []
        scope = Scope(tuple(keys), (), rows, subqueries=False)
        written: list[Piece] = []
        columns: list[tuple[str, Kind]] = []
        pieces: list[Piece | None] = []
        group: list[Piece] = []
        shown = list(keys) if kinds is None else []
        wanted: list[tuple[Kind, Column | None]] = [(key.kind, key) for key in shown if self.choices.chance(75)]
        wanted += [(kind, None) for kind in (kinds or self._kinds())]
        for number, (kind, key) in enumerate(wanted):
            if kind == "text" and key is None and kinds is None and self.choices.chance(10):
                kind = "texts"
            if keyed is False:
                piece = aggregate(kind, rows, self.choices, 2)
            else:
                piece = key.qualified if key else expression(kind, scope, self.choices, 3)
            name = self._item_name(number, columns, unique)
            written.append(write(f"{{}} AS {name}" if name else "{}", piece))
            columns.append((name or f"?{number}", kind))
            pieces.append(piece)
            if key:
                group.append(self._written_key(piece, number, name))
        group += [key.qualified for key in keys if key not in [known for _, known in wanted]]
        having = write(" HAVING {}", condition(scope, self.choices, 2)) if self.choices.chance(25) else sql("")
        by = self._group_by(group)
        distinct = "DISTINCT " if self.choices.chance(6) else ""
        piece = write(
            f"SELECT {distinct}{{}} FROM {{}}{{}}{{}}{{}}", listed(written), found.piece, where, by, having
        )
        query = Query(piece, tuple(columns))
        if kinds is None and not distinct and self.choices.chance(40):
            order = [expression(self.choices.pick(KINDS), scope, self.choices, 2)]
            limit = self.choices.number(0, 4) if self.choices.chance(50) else None
            return self._ordered(query, [key for key in order if _names_a_column(key)], tuple(pieces), limit=limit)
        return query

    def _group_by(self, keys: Sequence[Piece]) -> Piece:
        """Return GROUP BY, at times with several sets of the keys."""
        if not keys:
            return sql("")
        if not self.choices.chance(12):
            return write(" GROUP BY {}", listed(keys))
        if self.choices.chance(50):
            return write(self.choices.pick((" GROUP BY ROLLUP ({})", " GROUP BY CUBE ({})")), listed(keys))
        return write(" GROUP BY GROUPING SETS ({}, ())", listed([write("({})", key) for key in keys]))

    def _written_key(self, piece: Piece, number: int, name: str) -> Piece:
        """Return a key as an ordinal, as an alias that is no column's name, or written again."""
        way = self.choices.number(0, 2)
        if way == 1:
            return sql(str(number + 1))
        if way == 2 and name.startswith(("v", '"V')):
            return sql(name)
        return piece

    def _keys(self, rows: Scope) -> list[Column]:
        keys: list[Column] = []
        for _ in range(self.choices.number(0, 2)):
            column = self.choices.pick(rows.columns)
            if column.kind == "texts":
                continue
            only = Scope((column,), subqueries=False)
            kind = self.choices.pick((column.kind, "text", "bool"))
            piece = column.qualified
            if self.choices.chance(60):
                piece = expression(kind, only, self.choices, 2)
                piece = piece if _names_a_column(piece) else column.qualified
            if piece == column.qualified:
                kind = column.kind
            if piece.plain not in [key.qualified.plain for key in keys]:
                keys.append(Column(piece, kind))
        return keys

    # set operations, order and limit

    def _set_operation(self, depth: int, kinds: Sequence[Kind], around: Scope) -> Query:
        make = lambda: self._plain(depth - 1, kinds, around, unique=True)  # noqa: E731
        left, right = make(), make()
        word = self.choices.pick(("UNION ALL", "UNION", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"))
        inside = [write("({})", side.piece) if side.ordered else side.piece for side in (left, right)]
        made = write(f"{{}} {word} {{}}", *inside)
        if self.choices.chance(15):
            third = make()
            last = write("({})", third.piece) if third.ordered else third.piece
            made = write(f"({{}}) {self.choices.pick(('UNION', 'EXCEPT', 'UNION ALL'))} {{}}", made, last)
        return Query(made, left.columns)

    def _ordered(
        self,
        query: Query,
        keys: Sequence[Piece] = (),
        items: Sequence[Piece | None] | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> Query:
        """Order by the keys, then by all columns: by number, by name, or by the expression again."""
        terms = [self._directed(key.tight) for key in keys]
        names = [name for name, _ in query.columns]
        for number, name in enumerate(names):
            way = self.choices.number(0, 3)
            item = items[number] if items is not None else None
            if way == 1 and names.count(name) == 1 and name.startswith(("v", '"V')):
                terms.append(self._directed(sql(name)))
            elif way == 2 and item is not None and _names_a_column(item):
                terms.append(self._directed(item.tight))
            else:
                terms.append(self._directed(sql(str(number + 1))))
        fetched = self.choices.chance(20)
        end = "" if limit is None else f" FETCH FIRST {limit} ROWS ONLY" if fetched else f" LIMIT {limit}"
        end = (
            (f" OFFSET {offset}" if offset else "") + end
            if fetched
            else end + (f" OFFSET {offset}" if offset else "")
        )
        piece = write(f"{{}} ORDER BY {{}}{end}", query.piece, listed(terms))
        return Query(piece, query.columns, ordered=True)

    def _directed(self, key: Piece) -> Piece:
        ways = ("{}", "{} DESC", "{} NULLS FIRST", "{} DESC NULLS LAST", "{} ASC")
        return write(self.choices.pick(ways), key)


def _names_a_column(piece: Piece) -> bool:
    """Tell whether this may be a sort or group key: constants may not."""
    return any(mark in piece.plain for mark in (".", "count(", "title", "note", "label"))
