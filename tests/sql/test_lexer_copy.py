"""The COPY statement."""

from __future__ import annotations

import pytest

from rvbbit_proxy.errors import RvbbitError
from rvbbit_proxy.sql.copy import CopyCommand, parse_copy
from rvbbit_proxy.wire.copy.options import CopyOptions


@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("COPY t TO STDOUT", CopyCommand("out", CopyOptions(), "t")),
        ('COPY s."T" ("A", b) FROM STDIN;', CopyCommand("in", CopyOptions(), 's."T"', ("A", "b"))),
        ("COPY (SELECT (1), ')') TO STDOUT", CopyCommand("out", CopyOptions(), query="SELECT (1), ')'")),
        (
            "COPY t FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'x', FORCE_NOT_NULL (a, b), FREEZE)",
            CopyCommand(
                "in",
                CopyOptions("csv", header=True, delimiter=";", null="x", force_not_null=frozenset({"a", "b"})),
                "t",
            ),
        ),
        ("COPY t TO STDOUT (FORMAT binary)", CopyCommand("out", CopyOptions("binary"), "t")),
        (
            "COPY t FROM STDIN (FORMAT csv, HEADER match)",
            CopyCommand("in", CopyOptions("csv", header="match"), "t"),
        ),
        (
            "COPY t TO STDOUT WITH CSV HEADER QUOTE AS '|' FORCE QUOTE *",
            CopyCommand("out", CopyOptions("csv", header=True, quote="|", force_quote="*"), "t"),
        ),
        (
            "COPY t FROM STDIN DELIMITERS ',' NULL AS ''",
            CopyCommand("in", CopyOptions(delimiter=",", null=""), "t"),
        ),
        ("COPY t TO STDOUT BINARY", CopyCommand("out", CopyOptions("binary"), "t")),
        ("COPY BINARY t TO STDOUT", CopyCommand("out", CopyOptions("binary"), "t")),
        ("COPY binary TO STDOUT", CopyCommand("out", CopyOptions(), "binary")),
        ("COPY t TO STDIN", CopyCommand("out", CopyOptions(), "t")),
        ("COPY t FROM stdout USING DELIMITERS '|'", CopyCommand("in", CopyOptions(delimiter="|"), "t")),
        (
            "COPY t FROM STDIN FREEZE CSV HEADER FORCE NOT NULL a, b FORCE NULL c",
            CopyCommand(
                "in",
                CopyOptions("csv", header=True, force_not_null=frozenset({"a", "b"}), force_null=frozenset({"c"})),
                "t",
            ),
        ),
        (
            "COPY t (a) FROM STDIN (FORMAT csv) WHERE a > (1) AND b = 'x';",
            CopyCommand("in", CopyOptions("csv"), "t", ("a",), where="a > (1) AND b = 'x'"),
        ),
        ("COPY t TO 'file.csv'", None),
        ("COPY t FROM 'file.parquet' (FORMAT parquet)", None),
    ],
)
def test_copy_is_read(sql: str, command: CopyCommand | None) -> None:
    assert parse_copy(sql) == command


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("COPY t FROM STDIN (FORMAT xml)", "22023"),
        ("COPY t FROM STDIN (FORMAT csv, FORMAT text)", "42601"),
        ("COPY t FROM STDIN (NONESUCH 1)", "42601"),
        ("COPY t FROM STDIN WHERE", "42601"),
        ("COPY t TO STDOUT WHERE a > 1", "42601"),
        ("COPY t FROM PROGRAM 'cat'", "0A000"),
        ("COPY (SELECT 1) FROM STDIN", "42601"),
        ("COPY t FROM STDIN (FORMAT csv, FORCE_QUOTE *)", "0A000"),
        ("COPY t TO STDOUT (FORMAT csv, FORCE_NULL (a))", "0A000"),
        ("COPY t TO STDOUT (FORMAT csv, FORCE_NOT_NULL (a))", "0A000"),
        ("COPY t TO STDOUT (HEADER match)", "0A000"),
        ("COPY t FROM STDIN CSV FORCE a", "42601"),
        ("COPY t TO STDOUT nonsense", "42601"),
        ("COPY (SELECT 1", "42601"),
        ("COPY t FROM STDIN (FORMAT binary, DELIMITER ',')", "42601"),
    ],
)
def test_mistakes_are_told(sql: str, sqlstate: str) -> None:
    with pytest.raises(RvbbitError) as raised:
        parse_copy(sql)
    assert raised.value.sqlstate == sqlstate
