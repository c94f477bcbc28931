"""Rules for what stands in FROM: system relations, functions, several arrays, locks."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.engine.catalog.calls import macro_kinds, plain_functions
from rvbbit_proxy.engine.catalog.install import CATALOG, SYSTEM_SCHEMAS, column_types, schema_of
from rvbbit_proxy.engine.catalog.set_functions import ordinality
from rvbbit_proxy.sql.item_names import output_name

_PLACE = "rv_place"
_SCALARS = frozenset(("generate_subscripts", "string_to_array"))


def drop_locks(tree: exp.Expr) -> None:
    """Leave out FOR UPDATE and its kin: DuckDB's transactions detect conflicts when they write."""
    for select in tree.find_all(exp.Select):
        select.set("locks", None)


def keep_ties(tree: exp.Expr) -> None:
    """Write FETCH FIRST … WITH TIES as a condition on the rank: DuckDB's LIMIT knows no ties."""
    for select in tree.find_all(exp.Select):
        fetch, order = select.args.get("limit"), select.args.get("order")
        if not isinstance(fetch, exp.Fetch) or order is None:
            continue
        options = fetch.args.get("limit_options")
        if options is None or not options.args.get("with_ties"):
            continue
        last = fetch.args.get("count") or exp.Literal.number(1)
        offset = select.args.get("offset")
        if offset is not None:
            last = exp.Add(this=last.copy(), expression=offset.expression.copy())
        rank = exp.Window(this=exp.Anonymous(this="rank"), order=order.copy())
        select.set("qualify", exp.Qualify(this=exp.LTE(this=rank, expression=last.copy())))
        select.set("limit", None)


def keep_list_order(tree: exp.Expr) -> None:
    """Sort what is read from a VALUES list alone by its place there: look-ups in the catalog would disturb it."""
    for values in list(tree.find_all(exp.Values)):
        select, alias = values.find_ancestor(exp.Select), values.args.get("alias")
        if select is None or not isinstance(values.parent, exp.From) or not (alias and alias.columns):
            continue
        if select.is_star or any(select.args.get(clause) for clause in ("joins", "group", "distinct", "order")):
            continue
        if any(item.find(exp.AggFunc) for item in select.expressions):
            continue
        for place, row in enumerate(values.expressions):
            row.append("expressions", exp.Literal.number(place))
        alias.append("columns", exp.to_identifier(_PLACE))
        select.order_by(exp.column(_PLACE, table=alias.this.copy()), copy=False)


def keep_oid_order(tree: exp.Expr) -> None:
    """Sort what is read from one system relation alone as it is there: clients take the first of several types."""
    if not isinstance(tree, exp.Select) or any(
        tree.args.get(clause) for clause in ("joins", "group", "having", "distinct", "order", "laterals")
    ):
        return
    from_ = tree.args.get("from_")
    table = from_.this if from_ is not None else None
    if not isinstance(table, exp.Table) or table.db.lower() not in ("", "pg_catalog"):
        return
    if "oid" not in column_types()["pg_catalog"].get(table.name.lower(), {}) or _is_cte(table, table.name.lower()):
        return
    calls = (call for item in tree.expressions for call in item.find_all(exp.Func))
    if all(isinstance(call, exp.Cast) for call in calls):
        tree.order_by(exp.column("oid", table=table.alias_or_name), copy=False)


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


def select_from_functions(tree: exp.Expr) -> None:
    """Call in a SELECT list what DuckDB does not call in FROM: series with computed ends, subscripts, scalars."""
    for table in list(tree.find_all(exp.Table)):
        call = table.this
        if isinstance(call, exp.ExplodingGenerateSeries):
            ends = [call.args.get(part) for part in ("start", "end", "step")]
            if all(isinstance(end, (exp.Literal, exp.Neg, exp.Null)) for end in ends if end is not None):
                continue
            series = exp.Anonymous(
                this="generate_series", expressions=[end.copy() for end in ends if end is not None]
            )
            value: exp.Expr = exp.func("unnest", series, dialect="duckdb")
        elif isinstance(call, exp.Func) and output_name(call) in _SCALARS | plain_functions():
            value = call.copy()
        else:
            continue
        name = output_name(call)
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
        items = [exp.alias_(value, alias.name or name, quoted=True)]
        if table.args.get("ordinality") and name not in _SCALARS:
            items.append(
                exp.alias_(exp.cast(exp.Literal.number(1), "bigint", dialect="duckdb"), "ordinality", quoted=True)
            )
        query = exp.select(*items)
        table.replace(exp.Lateral(this=exp.Subquery(this=query), alias=alias.copy()))
    for lateral in tree.find_all(exp.Lateral):
        if isinstance(lateral.this, exp.Func) and output_name(lateral.this) in plain_functions():
            item = exp.alias_(lateral.this.copy(), lateral.alias or output_name(lateral.this), quoted=True)
            lateral.set("this", exp.Subquery(this=exp.select(item)))


def _place_table_function(table: exp.Table) -> None:
    call = table.this
    name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
    if name == "_pg_expandarray":
        items = call.expressions[0]
        alias = table.args.get("alias")
        expanded = exp.select(
            exp.alias_(exp.func("unnest", items.copy(), dialect="duckdb"), "x"),
            exp.alias_(
                exp.Anonymous(this="generate_subscripts", expressions=[items.copy(), exp.Literal.number(1)]), "n"
            ),
        )
        table.replace(exp.Lateral(this=exp.Subquery(this=expanded), alias=alias and alias.copy()))
    elif macro_kinds().get(name):
        table.set("db", exp.to_identifier("pg"))
        table.set("catalog", exp.to_identifier(CATALOG))
    elif table.db.lower() in SYSTEM_SCHEMAS:
        table.set("db", None)


def spread_unnest(tree: exp.Expr) -> None:
    """Unnest several arrays side by side, which DuckDB does in a SELECT list only."""
    for node in list(tree.find_all(exp.Unnest)):
        if len(node.expressions) < 2:
            continue
        items: list[exp.Expr] = [exp.func("unnest", item.copy(), dialect="duckdb") for item in node.expressions]
        if node.args.get("offset"):
            items.append(ordinality(node.expressions))
        alias = node.args.get("alias")
        if alias is not None and isinstance(node.args.get("offset"), exp.Identifier):
            alias = alias.copy()
            alias.set("columns", [*alias.args.get("columns", []), node.args["offset"].copy()])
        node.replace(exp.Lateral(this=exp.Subquery(this=exp.select(*items)), alias=alias))


def group_by_place(tree: exp.Expr) -> None:
    """Group by the place of an item whose alias is also a source's name, which DuckDB would take for the row."""
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        aliases = {
            item.alias.lower(): place for place, item in enumerate(select.expressions, start=1) if item.alias
        }
        from_ = select.args.get("from_")
        sources = [from_.this] if from_ is not None else []
        sources += [join.this for join in select.args.get("joins") or ()]
        names = {source.alias_or_name.lower() for source in sources} & aliases.keys()
        clauses = [clause for clause in (group, select.args.get("order")) if clause is not None]
        for clause in clauses if names else ():
            for column in clause.find_all(exp.Column):
                if not column.table and column.name.lower() in names:
                    column.replace(exp.Literal.number(aliases[column.name.lower()]))
