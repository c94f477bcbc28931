"""``rvbbit demo``: semantic queries over a real PostgreSQL connection, their plans, rows, caller and bill."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.errors import Diagnostic
from rich.console import Console
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from rvbbit_proxy.app import App
from rvbbit_proxy.cli.bill import Amount, Bill, disagreements, read_bill
from rvbbit_proxy.cli.client import connect, notice_lines, run_sql
from rvbbit_proxy.cli.print_rows import table_box, to_table
from rvbbit_proxy.cli.serving import listen, stop_event
from rvbbit_proxy.demo.sample import load_sightings
from rvbbit_proxy.settings import Settings

PLAIN_WIDTH = 120
"""Columns of an output that is not a terminal."""

MAIN_QUERY = """\
SELECT state,
       COUNT(*) AS reports,
       SUMMARIZE(observed) AS summary,
       THEMES(title, 3) AS topics
FROM sightings
WHERE title MEANS 'visual contact'
GROUP BY state ORDER BY reports DESC LIMIT 10;"""

MORE_QUERIES = (
    "SELECT title, title MEANS 'visual contact' AS has_contact FROM sightings ORDER BY id LIMIT 6;",
    "SELECT DISTINCT title FROM sightings WHERE title ABOUT 'footprints' > 0.6 AND state = 'Ohio';",
    "SELECT title, state FROM sightings WHERE title IS NOT NULL\n"
    "ORDER BY title RELEVANCE TO 'footprints' DESC LIMIT 5;",
    "SELECT class, COUNT(*) AS reports, AVG(SENTIMENT(observed)) AS mood\n"
    "FROM sightings WHERE state = 'Ohio' GROUP BY class ORDER BY class;",
)


@dataclass(frozen=True, slots=True)
class Show:
    """Where the demo prints and the connection it asks."""

    console: Console
    connection: psycopg.Connection[Any]

    def query(self, sql: str) -> None:
        """Print a statement and its rows."""
        self.sql(sql)
        for answer in run_sql(self.connection, sql):
            terminal = self.console.is_terminal
            self.console.print(
                to_table(answer.columns or (), answer.rows, terminal=terminal, lines=_long(answer.rows))
            )

    def plan(self, sql: str) -> None:
        """Print a statement's plan."""
        self.sql("EXPLAIN SELECT state, …")
        for answer in run_sql(self.connection, f"EXPLAIN {sql}"):
            for (line,) in answer.rows:
                important = not line.lstrip().startswith("Query:")
                self.console.print(
                    Text(line, style="cyan" if important else "dim"), no_wrap=True, overflow="ellipsis"
                )

    def sql(self, sql: str) -> None:
        """Print a statement as it would stand in psql."""
        prompted = "demo=> " + sql.replace("\n", "\ndemo-> ")
        if self.console.is_terminal:
            self.console.print(
                Syntax(prompted, "postgresql", theme="ansi_dark", background_color="default", word_wrap=True)
            )
        else:
            self.console.print(Text(prompted))

    def title(self, text: str) -> None:
        """Print the title of a part."""
        self.console.print()
        self.console.print(Rule(Text(text, style="bold"), align="left", characters="─"))


def run_demo(settings: Settings, *, keep: bool) -> bool:
    """Run the demo on a throw-away home; tell whether the bill adds up.

    With ``keep`` the server goes on until a signal.
    """
    stop = stop_event() if keep else None
    with tempfile.TemporaryDirectory(prefix="rvbbit-demo-") as home:
        private = {"home": Path(home), "meta": 1.0, "host": "127.0.0.1", "upstream": None}
        with App.open(settings.model_copy(update=private)) as app:
            load_sightings(app.connection)
            host, port = listen(app)
            agreed = _show(app, host, port)
            if stop is not None:
                print(f'\nlistening on {host}:{port}\npsql "postgresql://{host}:{port}/demo"', flush=True)
                stop.wait()
            app.stop_server()
    return agreed


def _show(app: App, host: str, port: int) -> bool:
    terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if terminal else PLAIN_WIDTH)

    def on_notice(notice: Diagnostic) -> None:
        console.print(Text("\n".join(notice_lines(notice)), style="yellow"))

    with connect(host, port, database="demo", on_notice=on_notice) as connection:
        show = Show(console, connection)
        show.title(f"A PostgreSQL client is connected to {host}:{port}, model {app.settings.model}")
        show.query("SELECT COUNT(*) AS reports, COUNT(DISTINCT title) AS titles FROM sightings;")
        show.title("The plan, before anything is spent")
        show.sql(MAIN_QUERY)
        show.plan(MAIN_QUERY)
        show.title("The rows")
        show.query(MAIN_QUERY)
        show.title("The caller")
        show.query("SHOW rvbbit.last_caller_id;")
        caller_id = str(_value(connection, "SHOW rvbbit.last_caller_id"))
        show.title("More")
        for sql in MORE_QUERIES:
            show.query(sql)
        return _show_bill(show, app, caller_id)


def _value(connection: psycopg.Connection[Any], sql: str) -> object:
    (answer,) = run_sql(connection, sql)
    return answer.rows[0][0]


def _long(rows: Sequence[Sequence[Any]]) -> bool:
    """Tell whether rows fold, and so need lines between them."""
    return any(len(str(value)) > 60 for row in rows for value in row)


def _show_bill(show: Show, app: App, caller_id: str) -> bool:
    """Wait for the meta cascades, print the caller's bill, tell whether it adds up."""
    with show.console.status("meta cascades judge the runs…"):
        app.loop.run(app.meta.drain())
    bill = read_bill(show.connection, caller_id)
    show.title(f"The bill of {caller_id}")
    show.console.print(bill_table(bill, terminal=show.console.is_terminal))
    if bill.unpriced_calls:
        show.console.print(Text(f"{bill.unpriced_calls} calls have no known price", style="yellow"))
    wrong = disagreements(bill)
    for reason in wrong:
        show.console.print(Text(f"does not add up: {reason}", style="bold red"))
    if not wrong:
        show.console.print(Text(_equation(bill), style="bold green"))
    return not wrong


def _equation(bill: Bill) -> str:
    query, meta = bill.of_kind("query"), bill.of_kind("meta")
    return (
        f"query {_usd(bill.query_usd)} + meta {_usd(bill.meta_usd)} = total {_usd(bill.total.cost_usd)}"
        f" = sum(llm_interactions) {_usd(bill.calls.cost_usd)}\n"
        f"calls {query.calls} + {meta.calls} = {bill.calls.calls},"
        f" tokens in {query.tokens_in:,} + {meta.tokens_in:,} = {bill.calls.tokens_in:,},"
        f" out {query.tokens_out:,} + {meta.tokens_out:,} = {bill.calls.tokens_out:,}: the bill adds up"
    )


def bill_table(bill: Bill, *, terminal: bool) -> Table:
    """Return the bill's lines, the sums of query and meta, and the total."""
    table = Table(box=table_box(terminal=terminal), header_style="bold")
    for column in ("kind", "cascade", "runs", "calls", "tokens in", "tokens out", "cost"):
        table.add_column(column, justify="left" if column in ("kind", "cascade") else "right")
    for kind in ("query", "meta"):
        lines = [line for line in bill.lines if line.kind == kind]
        for line in lines:
            table.add_row(kind, line.cascade_id, str(line.runs), *_amount_texts(line.amount))
        runs = str(sum(line.runs for line in lines))
        table.add_row(kind, "= all", runs, *_amount_texts(bill.of_kind(kind)), style="bold", end_section=True)
    table.add_row("total", "", "", *_amount_texts(bill.total), style="bold")
    return table


def _amount_texts(amount: Amount) -> tuple[str, ...]:
    return f"{amount.calls:,}", f"{amount.tokens_in:,}", f"{amount.tokens_out:,}", _usd(amount.cost_usd)


def _usd(cost: Decimal) -> str:
    return f"${cost:.6f}"
