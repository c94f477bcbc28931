"""Operators are nodes of the tree; PostgreSQL's own syntax and users' names keep their meaning."""

import pytest

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.errors import SyntaxFault
from rvbbit_proxy.operators.operator import load_operators
from rvbbit_proxy.sql.dialect import SqlReader, semantic_calls


@pytest.fixture(scope="module")
def reader() -> SqlReader:
    return SqlReader.of(load_operators(load_cascades([bundled_folder("cascades")])))


def calls(reader: SqlReader, sql: str) -> list[str]:
    return [call.sql(dialect=reader.dialect) for call in semantic_calls(reader.parse(sql))]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT title MEANS 'x' FROM t", "semantic_matches(title, 'x')"),
        ("SELECT title means $1 FROM t", "semantic_matches(title, $1)"),
        ("SELECT semantic_matches(title, 'x') FROM t", "semantic_matches(title, 'x')"),
        ("SELECT lower(a) || b MEANS c || 'd' FROM t", "semantic_matches(LOWER(a) || b, c || 'd')"),
        ("SELECT title::text MEANS (SELECT 'x') FROM t", "semantic_matches(CAST(title AS TEXT), (SELECT 'x'))"),
        ("SELECT 1 FROM t WHERE title ABOUT 'f' > 0.6", "semantic_score(title, 'f')"),
        ("SELECT 1 FROM t ORDER BY title RELEVANCE TO 'z' DESC", "semantic_score(title, 'z')"),
        ("SELECT about ABOUT 'z' FROM t", "semantic_score(about, 'z')"),
        (
            "SELECT title MEANS CASE WHEN a THEN 'x' END FROM t",
            "semantic_matches(title, CASE WHEN a THEN 'x' END)",
        ),
        ('SELECT "means" MEANS "b" FROM t', 'semantic_matches("means", "b")'),
    ],
)
def test_operator_forms(reader: SqlReader, sql: str, expected: str) -> None:
    assert calls(reader, sql) == [expected]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT note means FROM t",
        "SELECT note means, other FROM t",
        "SELECT note means",
        "SELECT note about FROM t ORDER BY about",
        "SELECT about FROM t about WHERE about.x = 1",
        "SELECT about FROM t WHERE about = 'x' AND about IS NOT NULL",
        "SELECT 'a MEANS b', $$ x ABOUT y $$, \"x MEANS y\" FROM t -- title MEANS 'x'",
        "SELECT note means UNION SELECT 'x' FROM t",
        "SELECT a ~ 'x', b -> 'c', d LIKE 'e', f SIMILAR TO 'g', h IN ('i') FROM t",
        "SELECT means.means FROM means",
    ],
)
def test_names_and_texts_are_no_operators(reader: SqlReader, sql: str) -> None:
    assert calls(reader, sql) == []


def test_not_means_is_a_negation(reader: SqlReader) -> None:
    tree = reader.parse("SELECT 1 FROM t WHERE a NOT MEANS 'x' AND b")
    assert tree.args["where"].this.this.sql(dialect=reader.dialect) == "NOT semantic_matches(a, 'x')"


def test_range_operators_go_on_after_an_operator(reader: SqlReader) -> None:
    tree = reader.parse("SELECT a MEANS 'x' IS NULL, a ABOUT 'y' BETWEEN 0 AND 1 FROM t")
    assert [item.key for item in tree.expressions] == ["is", "between"]


def test_syntax_fault_tells_where(reader: SqlReader) -> None:
    with pytest.raises(SyntaxFault) as caught:
        reader.parse("SELECT a MEANS 'x' FROM t WHERE )")
    assert caught.value.sqlstate == "42601"
    assert caught.value.position == 33


@pytest.mark.parametrize("text", ["1 day 02:00:00", "3 months 2 days", "1 day ago"])
def test_intervals_stay_whole(reader: SqlReader, text: str) -> None:
    assert f"INTERVAL '{text}'" in reader.parse(f"SELECT INTERVAL '{text}'").sql(dialect=reader.dialect)


@pytest.mark.parametrize("call", ["SUMMARIZE(x, 'wish' ORDER BY y DESC, z)", "THEMES(DISTINCT x, 2 ORDER BY x)"])
def test_an_ordered_aggregate_is_printed_as_it_was_read(reader: SqlReader, call: str) -> None:
    tree = reader.parse(f"SELECT {call} FROM t")
    assert reader.parse(tree.sql(dialect=reader.dialect)) == tree
