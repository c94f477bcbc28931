"""CTEs under names that nothing else in the statement has, so that a stage may use any of them by name.

Inside nested queries a CTE may hide a table, or another CTE, of the same name; once the names differ, what a
reference means no longer depends on where it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from sqlglot import exp

from rvbbit_proxy.sql.item_names import folded

OWN_NAMES = "rvbbit_own_names"
"""Key in a query's meta: the CTEs around it do not concern it, as the text of a view."""
Visible = Mapping[str, exp.CTE]
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


def separate_ctes(tree: exp.Expr, target: str) -> None:
    """Rename, in place, the CTEs whose names occur for something else as well; references keep their alias.

    :param target: ``duckdb`` tells no upper from lower case, ``postgres`` does in quotes.
    """
    names = _Names(lambda name: name.name.lower() if target == "duckdb" else folded(name))
    names.visit(tree, {})
    taken = Counter(cte.alias.lower() for cte, _ in names.references.values()) + Counter(names.tables)
    for cte, references in names.references.values():
        if taken[cte.alias.lower()] > 1:
            fresh = _fresh_name(cte.alias, taken)
            taken[fresh.lower()] += 1
            _rename(cte, references, fresh)


class _Names:
    """What the names in a statement mean: tables by CTE, and the names of real tables in lower case."""

    def __init__(self, key: Callable[[exp.Expr], str]) -> None:
        self.references: dict[int, tuple[exp.CTE, list[exp.Table]]] = {}
        self.tables: set[str] = set()
        self._key = key

    def visit(self, node: exp.Expr, visible: Visible) -> None:
        if isinstance(node, exp.Table):
            self._see(node, visible)
        if node.meta.get(OWN_NAMES):
            visible = {}
        with_ = node.args.get("with_")
        if with_ is not None:
            visible = self._define(with_, visible)
        for child in node.iter_expressions():
            if child is with_:
                continue
            changed = isinstance(node, _CHANGES) and child.arg_key == "this"
            self.visit(child, {} if changed else visible)

    def _define(self, with_: exp.With, visible: Visible) -> Visible:
        ctes = {self._key(cte.args["alias"].this): cte for cte in with_.expressions}
        self.references.update({id(cte): (cte, []) for cte in ctes.values()})
        seen = {**visible, **ctes} if with_.recursive else dict(visible)
        for name, cte in ctes.items():
            self.visit(cte.this, seen)
            seen[name] = cte
        return seen

    def _see(self, table: exp.Table, visible: Visible) -> None:
        named = isinstance(table.this, exp.Identifier) and not table.db
        cte = visible.get(self._key(table.this)) if named else None
        if cte is not None:
            self.references[id(cte)][1].append(table)
        else:
            self.tables.add(table.name.lower())


def _fresh_name(name: str, taken: Mapping[str, int]) -> str:
    return next(fresh for fresh in (f"{name}_{n}" for n in range(1, len(taken) + 2)) if fresh.lower() not in taken)


def _rename(cte: exp.CTE, references: list[exp.Table], fresh: str) -> None:
    for table in references:
        if not table.alias:
            table.set("alias", exp.TableAlias(this=table.this.copy()))
        table.set("this", exp.to_identifier(fresh, quoted=True))
    cte.args["alias"].set("this", exp.to_identifier(fresh, quoted=True))
