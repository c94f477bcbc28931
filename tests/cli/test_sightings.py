"""The sample table: as it was promised, and as its generator writes it."""

from __future__ import annotations

import csv
import random
from collections import Counter
from dataclasses import astuple
from itertools import pairwise

import duckdb
import pytest

from rvbbit_proxy.demo.make_sightings import SEED, make_sightings
from rvbbit_proxy.demo.sample import SIGHTINGS, load_sightings, load_truth


@pytest.fixture(scope="module")
def table() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    load_sightings(connection)
    return connection


def value(table: duckdb.DuckDBPyConnection, sql: str) -> object:
    row = table.execute(sql).fetchone()
    assert row is not None
    return row[0]


def test_the_generator_writes_what_is_shipped() -> None:
    made = [["" if field is None else str(field) for field in astuple(row)] for row, _ in made_rows()]
    shipped = list(csv.reader(SIGHTINGS.read_text(encoding="utf-8").splitlines()))[1:]
    assert made == shipped
    assert {row.id: kind for row, kind in made_rows()} == load_truth()


def made_rows() -> list[tuple[object, str]]:
    return list(make_sightings(random.Random(SEED)))


def test_columns(table: duckdb.DuckDBPyConnection) -> None:
    described = table.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'sightings'")
    assert described.fetchall() == [
        ("id", "INTEGER"),
        ("state", "VARCHAR"),
        ("county", "VARCHAR"),
        ("season", "VARCHAR"),
        ("year", "INTEGER"),
        ("observed_on", "DATE"),
        ("title", "VARCHAR"),
        ("observed", "VARCHAR"),
        ("class", "VARCHAR"),
        ("temperature", "DECIMAL(5,1)"),
        ("latitude", "DOUBLE"),
        ("longitude", "DOUBLE"),
    ]


def test_duplicates_and_nulls_are_there(table: duckdb.DuckDBPyConnection) -> None:
    titled = value(table, "SELECT count(title) FROM sightings")
    distinct = value(table, "SELECT count(DISTINCT title) FROM sightings")
    assert isinstance(titled, int) and isinstance(distinct, int)
    assert 0.08 < 1 - distinct / titled < 0.2
    for column in ("title", "observed", "temperature"):
        assert value(table, f"SELECT count(*) FROM sightings WHERE {column} IS NULL")
    assert value(table, "SELECT count(observed) > count(DISTINCT observed) FROM sightings")


def test_empty_text_is_null_not_empty(table: duckdb.DuckDBPyConnection) -> None:
    assert value(table, "SELECT count(*) FROM sightings WHERE title = '' OR observed = ''") == 0


def test_states_are_spread_unevenly(table: duckdb.DuckDBPyConnection) -> None:
    rows = table.execute("SELECT count(*) FROM sightings GROUP BY state ORDER BY 1 DESC").fetchall()
    counts = [count for (count,) in rows]
    assert len(counts) == 12
    assert counts[0] > 5 * counts[-1]


def test_reports_are_two_to_four_sentences(table: duckdb.DuckDBPyConnection) -> None:
    reports = table.execute("SELECT observed FROM sightings WHERE observed IS NOT NULL").fetchall()
    lengths = Counter(report.count(". ") + 1 for (report,) in reports)
    assert set(lengths) <= {2, 3, 4}


def test_wording_is_varied(table: duckdb.DuckDBPyConnection) -> None:
    firsts = table.execute(
        "SELECT DISTINCT title FROM sightings WHERE title IS NOT NULL ORDER BY title"
    ).fetchall()
    openings = Counter(" ".join(title.split()[:3]) for (title,) in firsts)
    assert max(openings.values()) < len(firsts) / 10
    assert all(one != other for one, other in pairwise(firsts))


def test_dates_fit_season_and_place(table: duckdb.DuckDBPyConnection) -> None:
    assert value(table, "SELECT count(*) FROM sightings WHERE abs(year(observed_on) - year) > 1") == 0
    assert value(
        table, "SELECT bool_and(latitude BETWEEN 24 AND 50 AND longitude BETWEEN -125 AND -70) FROM sightings"
    )
    warm = value(table, "SELECT avg(temperature) FROM sightings WHERE season = 'Summer'")
    cold = value(table, "SELECT avg(temperature) FROM sightings WHERE season = 'Winter'")
    assert isinstance(warm, float) and isinstance(cold, float)
    assert warm > cold + 20
