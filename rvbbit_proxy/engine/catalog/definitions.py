"""Definitions in DuckDB's terms: serial and identity columns, LIKE, unnamed indexes, SELECT INTO."""

from __future__ import annotations

from sqlglot import exp

_SERIALS = {"smallserial": "SMALLINT", "serial": "INT", "bigserial": "BIGINT"}


def definition(tree: exp.Expr, before: list[str]) -> exp.Expr:
    """Put CREATE TABLE, CREATE INDEX and TRUNCATE in DuckDB's terms; ``before`` gets what must run first."""
    if isinstance(tree, exp.Select) and isinstance(tree.args.get("into"), exp.Into):
        return _made_of(tree)
    if isinstance(tree, exp.TruncateTable) and len(tree.expressions) > 1:
        *first, last = tree.expressions
        before += [f"TRUNCATE {table.sql('duckdb')}" for table in first]
        return exp.TruncateTable(expressions=[last.copy()])
    if isinstance(tree, exp.Create) and tree.kind == "INDEX" and isinstance(tree.this, exp.Index):
        _name_index(tree.this)
        _plain_index(tree.this)
    if isinstance(tree, exp.Create) and tree.kind == "TABLE" and isinstance(tree.this, exp.Schema):
        tree.set("properties", _kept_properties(tree.args.get("properties")))
        return _define_table(tree, before)
    return tree


def _made_of(select: exp.Select) -> exp.Expr:
    """Return SELECT INTO as CREATE TABLE AS."""
    into = select.args["into"]
    select.set("into", None)
    properties = exp.Properties(expressions=[exp.TemporaryProperty()]) if into.args.get("temporary") else None
    return exp.Create(this=into.this.copy(), kind="TABLE", expression=select.copy(), properties=properties)


def _kept_properties(properties: exp.Expr | None) -> exp.Expr | None:
    kept = [
        item for item in (properties.expressions if properties else ()) if isinstance(item, exp.TemporaryProperty)
    ]
    return exp.Properties(expressions=[item.copy() for item in kept]) if kept else None


def _name_index(index: exp.Index) -> None:
    if index.this is not None:
        return
    table = index.args["table"]
    columns = [column.find(exp.Column) for column in index.args["params"].args.get("columns") or ()]
    parts = [table.name, *(column.name if column is not None else "expr" for column in columns), "idx"]
    index.set("this", exp.to_identifier("_".join(parts), quoted=True))


def _plain_index(index: exp.Index) -> None:
    """Leave out what only tells PostgreSQL how to look up: classes of operators, further columns."""
    parameters = index.args["params"]
    parameters.set("include", None)
    if parameters.args.get("using") is not None and parameters.args["using"].name.lower() == "brin":
        parameters.set("using", None)
    for of_class in list(parameters.find_all(exp.Opclass)):
        of_class.replace(of_class.this.copy())


def _define_table(create: exp.Create, before: list[str]) -> exp.Expr:
    schema = create.this
    like = [item for item in schema.expressions if isinstance(item, exp.LikeProperty)]
    if like and len(schema.expressions) == 1:
        query = exp.select("*").from_(like[0].this.copy()).limit(0)
        return exp.Create(
            this=schema.this.copy(), kind="TABLE", expression=query, exists=create.args.get("exists"),
            properties=create.args.get("properties"),
        )  # fmt: skip
    for column in schema.expressions:
        if isinstance(column, exp.ColumnDef):
            _compute(column)
            _count_up(schema.this, column, before)
    return create


def _compute(column: exp.ColumnDef) -> None:
    """Write a generated column as DuckDB does, which computes it when it is read."""
    for item in column.constraints:
        kind = item.kind
        if isinstance(kind, exp.GeneratedAsIdentityColumnConstraint) and kind.args.get("expression") is not None:
            item.set("kind", exp.ComputedColumnConstraint(this=exp.paren(kind.args["expression"].copy())))


def _count_up(table: exp.Table, column: exp.ColumnDef, before: list[str]) -> None:
    """Turn serial and identity into a sequence and a default."""
    kind = column.kind.sql("postgres").lower() if column.kind is not None else ""
    identity = [
        item for item in column.constraints if isinstance(item.kind, exp.GeneratedAsIdentityColumnConstraint)
    ]
    if kind not in _SERIALS and not identity:
        return
    kept = [item for item in column.constraints if item not in identity]
    name = f"{table.name}_{column.name}_seq"
    sequence = exp.Table(
        this=exp.to_identifier(name, quoted=True), db=table.args.get("db"), catalog=table.args.get("catalog")
    )
    options = _sequence_options(identity[0].kind) if identity else ""
    before.append(f"CREATE SEQUENCE IF NOT EXISTS {sequence.sql('duckdb')}{options}")
    if identity:
        before.append(
            f"COMMENT ON SEQUENCE {sequence.sql('duckdb')} IS '{identity_mark(identity[0].sql('postgres'))}'"
        )
    if kind in _SERIALS:
        column.set("kind", exp.DataType.build(_SERIALS[kind], dialect="duckdb"))
    value = exp.Anonymous(this="nextval", expressions=[exp.Literal.string(sequence.sql("duckdb"))])
    counted = exp.ColumnConstraint(kind=exp.DefaultColumnConstraint(this=value))
    if not any(
        isinstance(item.kind, (exp.PrimaryKeyColumnConstraint, exp.NotNullColumnConstraint)) for item in kept
    ):
        kept.append(exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
    column.set("constraints", [counted, *kept])


def identity_mark(written: str) -> str:
    """Return the comment of the sequence of an identity column, by which the catalogs know it.

    >>> identity_mark("GENERATED ALWAYS AS IDENTITY")
    '[identity a]'
    """
    return "[identity a]" if "ALWAYS" in written.upper() else "[identity d]"


def _sequence_options(identity: exp.Expr) -> str:
    """Return an identity's options as DuckDB takes them, which keeps no numbers in store."""
    words = {"increment": "INCREMENT BY", "minvalue": "MINVALUE", "maxvalue": "MAXVALUE", "start": "START WITH"}
    options = [
        f" {spelt} {identity.args[word].sql('duckdb')}" for word, spelt in words.items() if word in identity.args
    ]
    return "".join(options) + (" CYCLE" if identity.args.get("cycle") else "")
