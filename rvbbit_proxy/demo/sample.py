"""The table ``sightings`` in a DuckDB connection."""

from __future__ import annotations

import csv
from importlib.resources import files

import duckdb

SIGHTINGS = files("rvbbit_proxy.demo").joinpath("sightings.csv")
TRUTH = files("rvbbit_proxy.demo").joinpath("truth.csv")

CREATE_SIGHTINGS = """
    CREATE TABLE sightings (
        id integer PRIMARY KEY, state text, county text, season text, year integer, observed_on date,
        title text, observed text, class text, temperature numeric(5, 1), latitude double, longitude double
    )
"""


def load_sightings(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table and fill it."""
    with connection.cursor() as cursor:
        cursor.execute(CREATE_SIGHTINGS)
        cursor.read_csv(str(SIGHTINGS), header=True, all_varchar=True).insert_into("sightings")


def load_truth() -> dict[int, str]:
    """Return what kind of report each row is, by id: visual, tracks, vocalization, knocks, smell, structure."""
    rows = csv.DictReader(TRUTH.read_text(encoding="utf-8").splitlines())
    return {int(row["id"]): row["kind"] for row in rows}
