"""The ``rvbbit`` program: its commands, and what becomes of an error.

Errors go to stderr and end with exit code 1: ``ERROR:  SQLSTATE: message`` as psql prints it when verbose; a fault
of the configuration as ``file:line: reason``. Commands import what connects and what draws tables when they run,
so that ``serve`` holds neither psycopg nor rich.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

import duckdb
import typer

from rvbbit_proxy.app import App
from rvbbit_proxy.caller import CallerContext, mint_caller_id
from rvbbit_proxy.cascade.run import run_cascade
from rvbbit_proxy.cli import check as checking
from rvbbit_proxy.cli.options import AsCsv, AsJson, Cascades, Database, Home, UpstreamUrl, settings_of
from rvbbit_proxy.cli.serving import serve as run_server
from rvbbit_proxy.errors import ConfigurationFault, InvalidValue, RvbbitError
from rvbbit_proxy.ledger.backfill import backfill_callers
from rvbbit_proxy.settings import RunOptions, Settings

program = typer.Typer(
    help="SQL that understands meaning, over the PostgreSQL protocol, with accounts that add up to the cent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@program.command()
def serve(
    database: Annotated[str | None, typer.Argument(help="DuckDB file; default is in memory.")] = None,
    upstream: UpstreamUrl = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes any free one.", show_default="15432")] = None,
    home: Home = None,
    cascades: Cascades = None,
) -> None:
    """Start the server; SIGTERM and SIGINT let it finish what runs, flush and exit."""
    if database and upstream:
        raise typer.BadParameter("give a DuckDB file or --upstream, not both")
    run_server(settings_of(upstream=upstream, host=host, port=port, home=home, cascades=cascades), database)


@program.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the server running and say how to connect.")] = False,
    port: Annotated[int | None, typer.Option(help="TCP port; default is any free one.", show_default="0")] = None,
) -> None:
    """Show semantic queries on a sample table, their plans, rows and the caller's bill."""
    from rvbbit_proxy.cli.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(0 if run_demo(settings_of(port=port or 0), keep=keep) else 1)


@program.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One statement, or several separated by semicolons.")],
    database: Database = None,
    upstream: UpstreamUrl = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    home: Home = None,
    cascades: Cascades = None,
) -> None:
    """Run a statement without a server and print its rows."""
    from rvbbit_proxy.cli.client import own_server, run_sql  # noqa: PLC0415
    from rvbbit_proxy.cli.print_rows import format_of, print_rows  # noqa: PLC0415

    settings = settings_of(upstream=upstream, home=home, cascades=cascades)
    with own_server(settings, database) as connection:
        for answer in run_sql(connection, statement):
            if answer.columns is None:
                print(answer.tag, file=sys.stderr if as_csv or as_json else sys.stdout)
            else:
                print_rows(answer.columns, answer.rows, format_of(as_csv=as_csv, as_json=as_json))


@program.command()
def explain(
    statement: Annotated[str, typer.Argument(help="The statement to be explained.")],
    database: Database = None,
    upstream: UpstreamUrl = None,
    home: Home = None,
    cascades: Cascades = None,
) -> None:
    """Print a statement's semantic plan with calls, tokens and cost; nothing is spent."""
    from rvbbit_proxy.cli.client import own_server, run_sql  # noqa: PLC0415
    from rvbbit_proxy.cli.print_rows import as_text  # noqa: PLC0415

    settings = settings_of(upstream=upstream, home=home, cascades=cascades)
    with own_server(settings, database) as connection:
        for answer in run_sql(connection, f"EXPLAIN {statement}"):
            for (line,) in answer.rows:
                print(as_text(line))


@program.command()
def costs(
    by: Annotated[
        str, typer.Option(metavar="KEY", help="caller, operator, model, user, application or day.")
    ] = "caller",
    caller: Annotated[str | None, typer.Option(help="Only this caller's.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"], help="Only since then (UTC)."
        ),
    ] = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Print what was spent, rolled up; asks the running server where one has the home."""
    from rvbbit_proxy.cli.costs import roll_up_costs  # noqa: PLC0415
    from rvbbit_proxy.cli.print_rows import format_of, print_rows  # noqa: PLC0415

    since = since.replace(tzinfo=UTC) if since else None
    rolled = roll_up_costs(settings_of(home=home), by, caller=caller, since=since)
    print_rows(rolled.columns, rolled.rows, format_of(as_csv=as_csv, as_json=as_json))


@program.command()
def run(
    cascade: Annotated[str, typer.Argument(help="The cascade's id.")],
    inputs: Annotated[str, typer.Option("--input", metavar="JSON", help="A JSON object of its inputs.")] = "{}",
    home: Home = None,
    cascades: Cascades = None,
) -> None:
    """Run one cascade and print its answer as JSON."""
    given = _json_object(inputs)
    with App.open(settings_of(home=home, cascades=cascades)) as app:
        if cascade not in app.cascades:
            raise InvalidValue(
                f'cascade "{cascade}" does not exist', hint=f"One of {', '.join(sorted(app.cascades))}."
            )
        ctx = CallerContext(
            mint_caller_id("cli"),
            "minted",
            {"origin": "cli", "triggered_by": "rvbbit run"},
        )
        options = RunOptions.of(app.settings)
        answer = app.loop.run(run_cascade(app.cascades[cascade], given, ctx, options, app.runtime))
    print(json.dumps(answer, ensure_ascii=False))


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidValue(f"--input is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidValue("--input is not a JSON object")
    return value


@program.command()
def check(
    test: Annotated[bool, typer.Option("--test", help="Run the cascades' own test cases, too.")] = False,
    cascades: Cascades = None,
) -> None:
    """Load every cascade, operator and setting; print what is wrong as file:line: reason."""
    settings = settings_of(cascades=cascades)
    found = checking.faults(settings)
    if found:
        print("\n".join(found), file=sys.stderr)
        raise typer.Exit(1)
    print(checking.counted(settings))
    if test:
        _check_cases(settings)


def _check_cases(settings: Settings) -> None:
    results = list(checking.run_cases(settings))
    failed = [result for result in results if result.outcome == "failed"]
    for result in failed:
        print(f"{result.cascade_id}: test case {result.number}: {result.reason}", file=sys.stderr)
    print(checking.summary(results))
    if failed:
        raise typer.Exit(1)


@program.command()
def migrate(
    status: Annotated[bool, typer.Option("--status", help="Only tell which migrations are applied.")] = False,
    home: Home = None,
) -> None:
    """Bring the home's ledger to the newest schema."""
    from rvbbit_proxy.cli.migrations import migrate_home, migration_rows  # noqa: PLC0415
    from rvbbit_proxy.cli.print_rows import print_rows  # noqa: PLC0415

    settings = settings_of(home=home)
    if not status:
        migrate_home(settings)
    print_rows(("version", "name", "applied_at"), migration_rows(settings))


@program.command("backfill-callers")
def backfill(home: Home = None) -> None:
    """Give runs without a caller the caller of their parents."""
    from rvbbit_proxy.cli.costs import ledger_of  # noqa: PLC0415

    with ledger_of(settings_of(home=home)) as ledger:
        repaired = backfill_callers(ledger)
    print(f"{repaired} row{'' if repaired == 1 else 's'} repaired")


def main() -> None:
    """Run the program; an error is printed and ends it with exit code 1."""
    try:
        program()
    except ConfigurationFault as fault:
        _fail(*checking.lines_of(fault), *_hint(fault.hint))
    except RvbbitError as error:
        severity = error.fields.get("S", "ERROR")
        _fail(f"{severity}:  {error.sqlstate}: {error.message}", *_detail(error.detail), *_hint(error.hint))
    except duckdb.Error as error:
        _fail(f"ERROR:  58030: {error}")


def _detail(text: str | None) -> list[str]:
    return [f"DETAIL:  {text}"] if text else []


def _hint(text: str | None) -> list[str]:
    return [f"HINT:  {text}"] if text else []


def _fail(*lines: str) -> NoReturn:
    print("\n".join(lines), file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
