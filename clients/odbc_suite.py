"""psqlODBC through pyodbc: parameters, types, transactions, DECLARE/FETCH, catalog functions."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyodbc

from clients.tap import check, main, same

DRIVER = "PostgreSQL Unicode"


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every check."""
    where = f"Driver={{{DRIVER}}};Server={host};Port={port};Uid={user};Database={database};"
    connection = pyodbc.connect(where)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS odbc_child")
    cursor.execute("DROP TABLE IF EXISTS odbc_items")
    cursor.execute("CREATE TABLE odbc_items (id int PRIMARY KEY, name varchar(40) NOT NULL, price numeric(10,2))")
    cursor.execute("CREATE TABLE odbc_child (id int PRIMARY KEY, item int REFERENCES odbc_items (id))")
    cursor.execute("CREATE INDEX odbc_items_name ON odbc_items (name)")
    connection.commit()
    statements(connection, cursor)
    faults(connection, cursor)
    fetching(where)
    catalog(cursor)
    cursor.execute("DROP TABLE odbc_child")
    cursor.execute("DROP TABLE odbc_items")
    connection.commit()
    connection.close()


def statements(connection: pyodbc.Connection, cursor: pyodbc.Cursor) -> None:
    """Check types both ways, writes and transactions."""
    with check("types"):
        row = cursor.execute(
            "SELECT 1::int4, 2::int8, 1.50::numeric(5,2), 1.5::float8, 'ü'::text, date '2024-02-29',"
            " timestamp '2024-01-01 02:03:04', NULL, time '01:02:03', '\\x00ff'::bytea, true"
        ).fetchone()
        expected = (1, 2, Decimal("1.50"), 1.5, "ü", dt.date(2024, 2, 29), dt.datetime(2024, 1, 1, 2, 3, 4), None)
        same(tuple(row)[:8], expected)
        same((row[8], row[9], str(row[10])), (dt.time(1, 2, 3), b"\x00\xff", "1"))
    with check("parameters"):
        row = cursor.execute(
            "SELECT ?::int, ?::text, ?::float8, ?::date, ?::timestamp, ?::numeric(8,2)",
            (5, "it's", 0.5, dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 1), Decimal("1.25")),
        ).fetchone()
        same(tuple(row), (5, "it's", 0.5, dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 1), Decimal("1.25")))
    with check("insert and select"):
        cursor.execute("INSERT INTO odbc_items VALUES (?, ?, ?)", (1, "one", Decimal("1.5")))
        same(cursor.rowcount, 1)
        cursor.executemany("INSERT INTO odbc_items VALUES (?, ?, ?)", [(i, f"n{i}", None) for i in range(2, 50)])
        connection.commit()
        same(cursor.execute("SELECT name FROM odbc_items WHERE id = ?", (30,)).fetchval(), "n30")
        same(cursor.execute("SELECT count(*) FROM odbc_items WHERE name LIKE ?", ("n%",)).fetchval(), 48)
    with check("rollback"):
        cursor.execute("DELETE FROM odbc_items")
        connection.rollback()
        same(cursor.execute("SELECT count(*) FROM odbc_items").fetchval(), 49)
    with check("description"):
        cursor.execute("SELECT id, name, price FROM odbc_items")
        same(
            [(column[0], column[1]) for column in cursor.description],
            [("id", int), ("name", str), ("price", Decimal)],
        )
    with check("several results"):
        cursor.execute("SELECT 1; SELECT 2")
        same(cursor.fetchval(), 1)
        same((cursor.nextset(), cursor.fetchval()), (True, 2))


def faults(connection: pyodbc.Connection, cursor: pyodbc.Cursor) -> None:
    """Check that errors carry PostgreSQL's SQLSTATE."""
    with check("errors"):
        for sql, state in (
            ("SELECT * FROM missing", "42P01"),
            ("SELECT missing FROM odbc_items", "42703"),
            ("SELECT 1/0", "22012"),
            ("INSERT INTO odbc_items VALUES (1, 'x', 1)", "23505"),
        ):
            try:
                cursor.execute(sql)
            except pyodbc.Error as error:
                same((sql, error.args[0]), (sql, state))
            connection.rollback()
    with check("usable after an error"):
        same(cursor.execute("SELECT 1").fetchval(), 1)


def fetching(where: str) -> None:
    """Check the driver's other ways to fetch."""
    for option in (
        "UseDeclareFetch=1;Fetch=7",
        "UseServerSidePrepare=0",
        "Protocol=7.4-1",
        "ByteaAsLongVarBinary=1",
    ):
        with check(f"fetch with {option}"):
            connection = pyodbc.connect(where + option)
            rows = connection.cursor().execute("SELECT id FROM odbc_items ORDER BY id").fetchall()
            same([row[0] for row in rows], list(range(1, 50)))
            found = connection.cursor().execute("SELECT name FROM odbc_items WHERE id = ?", (7,)).fetchval()
            same(found, "n7")
            connection.close()
    with check("autocommit"):
        connection = pyodbc.connect(where, autocommit=True)
        connection.cursor().execute("UPDATE odbc_items SET price = 2 WHERE id = 1")
        connection.close()
    with check("error inside a transaction with savepoints"):
        connection = pyodbc.connect(where + "Protocol=7.4-2")
        cursor = connection.cursor()
        cursor.execute("SELECT 1").fetchall()
        try:
            cursor.execute("SELECT * FROM missing")
        except pyodbc.Error as error:
            same(error.args[0], "42P01")
        same(cursor.execute("SELECT 3").fetchval(), 3)
        connection.close()


def catalog(cursor: pyodbc.Cursor) -> None:
    """Check ODBC's catalog functions."""

    def names(rows: Any, *columns: str) -> list[tuple[Any, ...]]:
        return [tuple(getattr(row, column) for column in columns) for row in rows]

    with check("SQLTables"):
        found = names(cursor.tables(table="odbc_items").fetchall(), "table_schem", "table_name", "table_type")
        same(found, [("public", "odbc_items", "TABLE")])
        same(
            "odbc_items" in [row[0] for row in names(cursor.tables(tableType="TABLE").fetchall(), "table_name")],
            True,
        )
    with check("SQLColumns"):
        found = names(cursor.columns(table="odbc_items").fetchall(), "column_name", "nullable")
        same(found, [("id", 0), ("name", 0), ("price", 1)])
    with check("SQLColumns sizes"):
        found = names(cursor.columns(table="odbc_items").fetchall(), "type_name", "column_size")
        same(found, [("int4", 10), ("varchar", 40), ("numeric", 10)])
    with check("SQLPrimaryKeys"):
        same(
            names(cursor.primaryKeys("odbc_items").fetchall(), "column_name", "pk_name"),
            [("id", "odbc_items_pkey")],
        )
    with check("SQLForeignKeys"):
        found = names(cursor.foreignKeys(foreignTable="odbc_child").fetchall(), "pktable_name", "fkcolumn_name")
        same(found, [("odbc_items", "item")])
    with check("SQLStatistics"):
        found = names(cursor.statistics("odbc_items").fetchall(), "index_name", "column_name")
        same(sorted(row for row in found if row[0]), [("odbc_items_name", "name"), ("odbc_items_pkey", "id")])
    with check("SQLSpecialColumns"):
        cursor.rowIdColumns("odbc_items").fetchall()
    with check("SQLGetTypeInfo"):
        same({"int4", "text", "numeric"} <= {row[0] for row in cursor.getTypeInfo().fetchall()}, True)
    with check("SQLProcedures"):
        cursor.procedures().fetchall()
    with check("SQLGetInfo"):
        same(cursor.connection.getinfo(pyodbc.SQL_DBMS_NAME), "PostgreSQL")


if __name__ == "__main__":
    main(suite)
