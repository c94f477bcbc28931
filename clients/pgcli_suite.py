"""pgcli: its own executor's catalog queries, which fill completion, and the backslash commands of pgspecial."""

from __future__ import annotations

from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial

from clients.tap import check, main, same

COMMANDS = (
    "\\l",
    "\\d",
    "\\dt",
    "\\dv",
    "\\di",
    "\\ds",
    "\\dn",
    "\\du",
    "\\df",
    "\\dT",
    "\\dx",
    "\\dm",
    "\\d pgcli_items",
    "\\dt+",
    "\\dD",
)


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every check."""
    executor = PGExecute(database, user, "", host, str(port), None)
    special = PGSpecial()

    def run(sql: str) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for _, rows, _, status, _, succeeded, _ in executor.run(sql, special):
            same((succeeded, status if not succeeded else ""), (True, ""))
            found += list(rows or ())
        return found

    run("DROP TABLE IF EXISTS pgcli_items")
    run("CREATE TABLE pgcli_items (id int PRIMARY KEY, name text)")
    run("DROP VIEW IF EXISTS pgcli_view")
    run("CREATE VIEW pgcli_view AS SELECT id FROM pgcli_items")
    with check("select"):
        same(run("SELECT 1, 'a'"), [(1, "a")])
    with check("tables"):
        same(("public", "pgcli_items") in list(executor.tables()), True)
    with check("views"):
        same(("public", "pgcli_view") in list(executor.views()), True)
    with check("columns"):
        names = [(column[1], column[2]) for column in executor.table_columns() if column[1] == "pgcli_items"]
        same(names, [("pgcli_items", "id"), ("pgcli_items", "name")])
    with check("schemata"):
        same({"public", "pg_catalog"} <= set(executor.schemata()), True)
    with check("search path"):
        same("public" in executor.search_path(), True)
    with check("functions"):
        list(executor.functions())
    with check("datatypes"):
        list(executor.datatypes())
    with check("databases"):
        same(database in executor.databases(), True)
    with check("foreign keys"):
        list(executor.foreignkeys())
    with check("casing"):
        list(executor.casing())
    with check("view definition"):
        same("id" in executor.view_definition("pgcli_view"), True)
    for command in COMMANDS:
        with check(command):
            run(command)
    run("DROP VIEW pgcli_view")
    run("DROP TABLE pgcli_items")


if __name__ == "__main__":
    main(suite)
