"""A filter whose answers are all known, against LIKE: 1,000,000 rows with 10,000 distinct texts.

Run: ``python bench/planner/cached.py [--rows 1000000] [--distinct 10000]``. Both statements run in turn on one server,
through psycopg; the ratio of the medians is what counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from rvbbit_proxy.app import App
from rvbbit_proxy.settings import Settings

TABLE = """
CREATE TABLE notes AS
SELECT i AS id, 'note ' || i % {distinct} || ': the parcel was ' ||
       CASE WHEN i % {distinct} % 3 = 0 THEN 'late again, and the box was broken' ELSE 'on time, all was well' END AS body
FROM generate_series(0, {rows} - 1) AS r(i)
"""
STATEMENTS = {
    "LIKE": "SELECT count(*) FROM notes WHERE body LIKE '%late%'",
    "MEANS": "SELECT count(*) FROM notes WHERE body MEANS 'the parcel was late'",
    "LIKE, rows": "SELECT id FROM notes WHERE body LIKE '%late%'",
    "MEANS, rows": "SELECT id FROM notes WHERE body MEANS 'the parcel was late'",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--distinct", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rvbbit-bench-") as folder:
        with App.open(Settings(home=Path(folder) / "home", port=0)) as app:
            host, port = app.start_server()
            with psycopg.connect(
                host=host, port=port, user="bench", dbname="bench", autocommit=True
            ) as connection:
                connection.execute(TABLE.format(rows=options.rows, distinct=options.distinct))
                connection.execute(STATEMENTS["MEANS"])
                seconds = _measure(connection, options.times)
    for name, each in seconds.items():
        print(f"{name:12} {each * 1000:8.1f} ms")
    for kind in ("", ", rows"):
        print(f"MEANS{kind} / LIKE{kind}: {seconds['MEANS' + kind] / seconds['LIKE' + kind]:.2f}")


def _measure(connection: psycopg.Connection[tuple[object, ...]], times: int) -> dict[str, float]:
    """Return the median seconds of each statement, all in turn."""
    found: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(times):
        for name, statement in STATEMENTS.items():
            started = time.perf_counter()
            connection.execute(statement).fetchall()
            found[name].append(time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in found.items()}


if __name__ == "__main__":
    main()
