"""Statements whose answers are all known, against LIKE: 1,000,000 rows with 10,000 distinct texts, and 10 rows.

Run: ``python bench/planner/cached.py [--rows 1000000] [--distinct 10000] [--upstream postgresql://…]``. Each pair gives
the same rows, from one ``rvbbit serve`` without a model, through psycopg; the statements take turns, and the ratio of
the medians is what counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]
TABLE = """
CREATE TABLE {name} AS
SELECT i AS id, 'note ' || i % {distinct} || ': the parcel was ' ||
       CASE WHEN i % {distinct} % 3 = 0 THEN 'late again, and the box was broken' ELSE 'on time, all was well' END AS body
FROM generate_series(0, {rows} - 1) AS r(i)
"""
FEW = 10
PATTERN, CRITERION = "body LIKE '%broken%'", "body MEANS 'the box was broken'"
STATEMENTS = {
    "count": "SELECT count(*) FROM notes WHERE {}",
    "rows": "SELECT id FROM notes WHERE {}",
    "values": "SELECT id, {} FROM notes WHERE id % 3 = 0",
    "groups": "SELECT {} AS broken, count(*) FROM notes GROUP BY broken ORDER BY 1",
    f"{FEW} rows": "SELECT id FROM few WHERE {}",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--distinct", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--upstream", help="a PostgreSQL to keep the tables in, as temporary ones")
    options = parser.parse_args()
    upstream = ["--upstream", options.upstream] if options.upstream else []
    with (
        _serving(upstream) as conninfo,
        psycopg.connect(conninfo, autocommit=True) as connection,
    ):
        create = TABLE.replace("CREATE", "CREATE TEMPORARY") if upstream else TABLE
        connection.execute(create.format(name="notes", rows=options.rows, distinct=options.distinct))
        connection.execute(create.format(name="few", rows=FEW, distinct=FEW))
        print(f"{'':10} {'LIKE, ms':>10} {'MEANS, ms':>10} {'ratio':>6}")
        for name, statement in STATEMENTS.items():
            like, means = _measure(
                connection, [statement.format(part) for part in (PATTERN, CRITERION)], options.times
            )
            print(f"{name:10} {like * 1000:10.1f} {means * 1000:10.1f} {means / like:6.2f}")


@contextmanager
def _serving(upstream: Sequence[str]) -> Iterator[str]:
    """Start a server on a fresh home; yield its conninfo."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RVBBIT_")}
    with tempfile.TemporaryDirectory(prefix="rvbbit-bench-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "rvbbit_proxy.cli.main", "serve", "--port", "0", "--home", "home", *upstream],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            host, _, port = process.stdout.readline().split()[-1].rpartition(":")
            yield psycopg.conninfo.make_conninfo(host=host, port=port, user="bench", dbname="bench")
        finally:
            process.terminate()
            process.wait()


def _measure(connection: Connection, statements: Sequence[str], times: int) -> list[float]:
    """Return the median seconds of statements that give the same rows, in turn; the first round does not count.

    :raises AssertionError: where they do not.
    """
    first, *others = (sorted(connection.execute(statement).fetchall(), key=str) for statement in statements)
    assert all(rows == first for rows in others), f"not the same rows: {statements}"
    seconds: list[list[float]] = [[] for _ in statements]
    for _ in range(times):
        for statement, found in zip(statements, seconds, strict=True):
            started = time.perf_counter()
            connection.execute(statement).fetchall()
            found.append(time.perf_counter() - started)
    return list(map(statistics.median, seconds))


if __name__ == "__main__":
    main()
