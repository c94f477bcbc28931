"""rvbbit beside PostgreSQL, buenavista and bare DuckDB: the same data, the same clients, one run.

Run: ``python bench/wire/side_by_side.py [rows [part …]]``; the parts are statements, streams and connections.
Prints a table of what each costs, ours against each of the others, and whether the goals hold. Servers take turns
at every measurement; a figure is the best of its rounds, which is what a machine with other work to do tells most
truly.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb
import psutil
import psycopg
from encode import make_table
from plain_client import PlainClient, parse, query, run_prepared
from servers import TABLE, Target, buenavista, find_psql, postgres, rvbbit

ROUNDS = 3
STATEMENT_S = 1.0
"""How long each server answers each statement, in turns of so many calls:"""
CALLS = 10
IDLE_CONNECTIONS = 200
CYCLES = 1000
SETTLING_S = 5
"""In which a server does what it begins after it listens, before anything is measured."""
ALL_ROWS = "SELECT * FROM items"
SOME_ROWS = "SELECT * FROM items LIMIT 20000"
BUENAVISTA_STREAMS = ("all rows, psycopg text, s", "first row, s")
POINT = "SELECT id, title, price FROM items WHERE id = 4711"
GROUPED = "SELECT title, count(*), sum(price) FROM items GROUP BY title ORDER BY 2 DESC LIMIT 10"
NO_TABLE = {"empty query": "", "SHOW": "SHOW server_version"}
HUNDRED = "SELECT * FROM items LIMIT 100"
PLAIN = {"SELECT 1": "SELECT 1", "point query": POINT, "100 rows": HUNDRED, "group by": GROUPED}
BARE = "DuckDB"
OURS = "rvbbit"


@dataclass
class Table:
    """Figures by measurement and server; ``seconds`` for all but memory."""

    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    goals: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def put(self, measure: str, server: str, value: float) -> None:
        """Keep the least figure seen."""
        row = self.rows.setdefault(measure, {})
        row[server] = min(value, row.get(server, value))

    def judge(self, measure: str, goal: str, *, held: bool) -> None:
        """Note a goal and whether it holds."""
        self.goals[measure] = (goal, held)

    def lines(self, servers: list[str]) -> Iterator[str]:
        """Yield the table as text: a figure per server, then ours by each of the others."""
        others = [name for name in servers if name != OURS]
        heads = [*servers, *(f"ours/{name.split()[0]}" for name in others)]
        yield f"{'':34}" + "".join(f"{head:>18}" for head in heads) + "  goal"
        for measure, row in self.rows.items():
            figures = [f"{row[name]:.4g}" if name in row else "-" for name in servers]
            ratios = [f"{row[OURS] / row[name]:.2f}" if row.get(name) else "-" for name in others]
            goal, held = self.goals.get(measure, ("", True))
            verdict = f"  {goal}: {'held' if held else 'MISSED'}" if goal else ""
            yield f"{measure:34}" + "".join(f"{cell:>18}" for cell in [*figures, *ratios]) + verdict


# --- many rows ---------------------------------------------------------------------------------------------------


def stream_psycopg(target: Target, *, binary: bool) -> float:
    """Return the seconds until psycopg has all rows."""
    with psycopg.connect(target.dsn(), autocommit=True) as connection, connection.cursor(binary=binary) as cursor:
        begin = time.perf_counter()
        cursor.execute(ALL_ROWS)
        return time.perf_counter() - begin


def stream_psql(target: Target) -> float:
    """Return the seconds of ``psql -At`` into nothing, its start included."""
    begin = time.perf_counter()
    command = [find_psql(), "-XAt", "-d", target.dsn(), "-c", ALL_ROWS]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def first_row(target: Target) -> float:
    """Return the seconds until the first of all rows is here."""
    with PlainClient(target.port, target.user) as client:
        begin = time.perf_counter()
        client.ask_first_row(query(ALL_ROWS))
        return time.perf_counter() - begin


def stream_plain(target: Target, *, binary: bool, sql: str = ALL_ROWS) -> float:
    """Return the seconds until all rows have been received, unread."""
    with PlainClient(target.port, target.user) as client:
        client.ask(parse("all", sql))
        begin = time.perf_counter()
        client.ask(run_prepared("all", binary=binary))
        return time.perf_counter() - begin


def memory_peak(target: Target) -> float:
    """Return the largest resident memory, in MB, a process of the server has while all rows leave it."""
    with psycopg.connect(target.dsn(), autocommit=True) as connection:
        forget_peaks(target)
        for binary in (False, True):
            connection.cursor(binary=binary).execute(ALL_ROWS)
        return peak_mb(target)


def measure_streams(targets: list[Target], table: Table) -> None:
    """Fill in what all rows cost, and the server's memory meanwhile."""
    ways: dict[str, Callable[[Target], float]] = {
        "all rows, psycopg text, s": lambda target: stream_psycopg(target, binary=False),
        "all rows, psycopg binary, s": lambda target: stream_psycopg(target, binary=True),
        "all rows, psql -At, s": stream_psql,
        "all rows, unread, text, s": lambda target: stream_plain(target, binary=False),
        "all rows, unread, binary, s": lambda target: stream_plain(target, binary=True),
        "20,000 rows, unread, text, s": lambda target: stream_plain(target, binary=False, sql=SOME_ROWS),
        "first row, s": first_row,
    }
    for target in targets:
        table.put("memory before the first row, MB", target.name, resident_mb(target))
    for number in range(ROUNDS):
        for measure, way in ways.items():
            for target in targets:
                if target.name == "buenavista" and (number or measure not in BUENAVISTA_STREAMS):
                    continue  # half a minute each, and binary is beyond it
                table.put(measure, target.name, way(target))
    for target in targets:
        if target.name != "buenavista":
            peak = memory_peak(target)
            table.put("memory peak, MB", target.name, peak)
            idle = table.rows["memory before the first row, MB"][target.name]
            table.put("memory peak less before, MB", target.name, peak - idle)


# --- many statements ---------------------------------------------------------------------------------------------


def compare(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the seconds of one call of each: a few calls in turn, again and again, the best turn of each."""
    best = dict.fromkeys(ways, float("inf"))
    end = time.perf_counter() + STATEMENT_S * len(ways)
    while time.perf_counter() < end:
        for name, run in ways.items():
            begin = time.perf_counter()
            for _ in range(CALLS):
                run()
            best[name] = min(best[name], (time.perf_counter() - begin) / CALLS)
    return best


def measure_statements(targets: list[Target], bare: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Fill in what small statements cost over the wire, and inside DuckDB through its Python API."""
    with ExitStack() as stack:
        clients = {target.name: stack.enter_context(PlainClient(target.port, target.user)) for target in targets}
        for name, sql in (NO_TABLE | PLAIN).items():
            known = {who: client for who, client in clients.items() if who != "buenavista" or name in PLAIN}
            ways = {who: partial(client.ask, query(sql)) for who, client in known.items()}
            if name in PLAIN:
                ways[BARE] = lambda sql=sql: bare.execute(sql).fetchall()
            for who, seconds in compare(ways).items():
                table.put(f"{name}, ms", who, seconds * 1000)
        for number, (name, sql) in enumerate(PLAIN.items()):
            known = {who: client for who, client in clients.items() if who != "buenavista"}
            for client in known.values():
                client.ask(parse(f"p{number}", sql))
            ways = {who: partial(client.ask, run_prepared(f"p{number}")) for who, client in known.items()}
            ways[BARE] = lambda sql=sql: bare.execute(sql).fetchall()
            for who, seconds in compare(ways).items():
                table.put(f"{name}, prepared, ms", who, seconds * 1000)


# --- connections -------------------------------------------------------------------------------------------------


def measure_connections(targets: list[Target], table: Table) -> None:
    """Fill in what idle connections hold, and what connections that have gone leave behind."""
    for target in targets:
        if target.name == "buenavista":
            continue
        connect_often(target, CYCLES // 10)  # what is made once, by the first clients, is no leak
        before = holdings(target)
        connections = [psycopg.connect(target.dsn(), autocommit=True) for _ in range(IDLE_CONNECTIONS)]
        table.put("idle connection, MB", target.name, (holdings(target)[0] - before[0]) / IDLE_CONNECTIONS)
        for connection in connections:
            connection.execute("SELECT id FROM items WHERE id = 1")
        table.put("… after a query, MB", target.name, (holdings(target)[0] - before[0]) / IDLE_CONNECTIONS)
        for connection in connections:
            connection.close()
        settle(target, before)
        begin = time.perf_counter()
        base = holdings(target)
        connect_often(target, CYCLES)
        table.put("connect and leave, ms", target.name, (time.perf_counter() - begin) / CYCLES * 1000)
        settle(target, base)
        for what, after, least in zip(("memory, MB", "threads", "fds"), holdings(target), base, strict=True):
            table.put(f"left by {CYCLES} connections: {what}", target.name, after - least)


def connect_often(target: Target, cycles: int) -> None:
    """Connect, ask one thing, leave; again and again."""
    for _ in range(cycles):
        with psycopg.connect(target.dsn(), autocommit=True) as connection:
            connection.execute("SELECT 1")


def settle(target: Target, least: tuple[float, int, int], patience_s: float = 10.0) -> None:
    """Wait until the server has noticed that its clients left."""
    deadline = time.monotonic() + patience_s
    while holdings(target)[1] > least[1] and time.monotonic() < deadline:
        time.sleep(0.05)


# --- what a process holds ----------------------------------------------------------------------------------------


def family(target: Target) -> list[psutil.Process]:
    """Return the server's processes."""
    return [target.family, *target.family.children(recursive=True)]


def holdings(target: Target) -> tuple[float, int, int]:
    """Return memory of its own in MB, threads and file descriptors of a server, over its processes."""
    memory, threads, descriptors = 0.0, 0, 0
    for process in family(target):
        with suppress(psutil.NoSuchProcess):  # PostgreSQL's backends end when their clients leave
            memory += process.memory_full_info().uss / 1e6
            threads += process.num_threads()
            descriptors += process.num_fds()
    return memory, threads, descriptors


def forget_peaks(target: Target) -> None:
    """Let the kernel count memory peaks from now on."""
    for process in family(target):
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def resident_mb(target: Target) -> float:
    """Return the resident memory of the server's largest process."""
    return max(process.memory_info().rss for process in family(target)) / 1e6


def peak_mb(target: Target) -> float:
    """Return the largest resident memory a process of the server had."""
    peaks = []
    for process in family(target):
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks += [int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmHWM")]
    return max(peaks)


# --- the whole run -----------------------------------------------------------------------------------------------


def make_databases(rows: int, folder: Path) -> list[Path]:
    """Write the rows as DuckDB files, one per process that opens one, and as CSV; return their paths."""
    first, *copies = [folder / f"{name}.duckdb" for name in ("ours", "bare", "buenavista")]
    items = make_table(rows)
    with duckdb.connect(str(first)) as connection:
        connection.execute(TABLE)
        connection.register("incoming", items)
        connection.execute("INSERT INTO items SELECT * FROM incoming")
        connection.execute(f"COPY items TO '{folder}/items.csv' (FORMAT csv, HEADER false)")
    for copy in copies:
        copy.write_bytes(first.read_bytes())
    return [first, *copies, folder / "items.csv"]


def judge(table: Table, peer: str) -> None:
    """Compare with the goals."""
    for measure, row in table.rows.items():
        if measure.startswith(("all rows", "20,000 rows")) or measure.split(",")[0] in NO_TABLE:
            table.judge(measure, "PostgreSQL's", held=row[OURS] <= row[peer])
        elif BARE in row:
            table.judge(measure, "DuckDB's + 20%", held=row[OURS] <= 1.2 * row[BARE])
        elif measure.startswith("memory peak,"):
            table.judge(measure, "< 250", held=row[OURS] < 250)
        elif measure.startswith("idle"):
            table.judge(measure, "< 1", held=row[OURS] < 1)
        elif measure.startswith("left by"):
            allowed = 10 if "MB" in measure else 0
            table.judge(measure, f"<= {allowed}", held=row[OURS] <= allowed)


def main() -> None:
    """Run all and print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    parts = sys.argv[2:] or ["statements", "streams", "connections"]
    table = Table()
    with (
        tempfile.TemporaryDirectory(prefix="rvbbit-wire-", ignore_cleanup_errors=True) as name,
        ExitStack() as stack,
    ):
        folder = Path(name)
        folder.chmod(0o711)
        ours, bare_file, theirs, csv = make_databases(rows, folder)
        targets = [
            stack.enter_context(rvbbit(ours, folder / "home")),
            stack.enter_context(postgres(csv, folder / "postgres")),
        ]
        try:
            targets.append(stack.enter_context(buenavista(theirs)))
        except psycopg.Error as error:
            print(f"buenavista left out, it takes no connection: {error}")
        time.sleep(SETTLING_S)
        if "statements" in parts:
            with duckdb.connect(str(bare_file)) as bare:
                measure_statements(targets, bare, table)
        if "streams" in parts:
            measure_streams(targets, table)
        if "connections" in parts:
            measure_connections(targets, table)
        judge(table, targets[1].name)
        print(f"{rows:,} rows × 6 columns; a ratio below 1 means that ours is the smaller figure")
        print("\n".join(table.lines([*(target.name for target in targets), BARE])))


if __name__ == "__main__":
    main()
