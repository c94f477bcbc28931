"""The commands, called as the program calls them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rvbbit_proxy.cli.main import main

Ran = tuple[int, str, str]  # exit code, stdout, stderr
Run = Callable[..., Ran]
CALLER = r"sql-[a-z]+-[a-z]+-[0-9a-f]{6}"


@pytest.fixture
def rvbbit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the program in a folder of its own, whose home is the default one."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr("sys.argv", ["rvbbit", *arguments])
        with pytest.raises(SystemExit) as exited:
            main()
        printed = capfd.readouterr()
        return int(exited.value.code or 0), printed.out, printed.err

    return run


def test_sql_prints_a_table(rvbbit: Run) -> None:
    code, out, _ = rvbbit("sql", "SELECT 1 AS one, 'x' AS two")
    assert code == 0
    assert out.endswith("(1 row)\n")
    assert re.search(r"\|\s+1 \| x\s+\|", out)


def test_sql_prints_csv_and_json(rvbbit: Run) -> None:
    query = "SELECT n, 'a b' AS t, NULL AS nothing FROM generate_series(1, 2) AS s(n) ORDER BY n"
    assert rvbbit("sql", "--csv", query)[1] == "n,t,nothing\n1,a b,\n2,a b,\n"
    lines = rvbbit("sql", "--json", query)[1].splitlines()
    assert [json.loads(line) for line in lines] == [{"n": n, "t": "a b", "nothing": None} for n in (1, 2)]


def test_sql_runs_several_statements_on_a_database_file(rvbbit: Run) -> None:
    code, out, _ = rvbbit("sql", "--database", "my.duckdb", "CREATE TABLE t (a int); INSERT INTO t VALUES (7)")
    assert (code, out) == (0, "CREATE TABLE\nINSERT 0 1\n")
    assert rvbbit("sql", "--database", "my.duckdb", "--csv", "SELECT a FROM t")[1] == "a\n7\n"


def test_sql_answers_a_semantic_statement(rvbbit: Run) -> None:
    code, out, err = rvbbit("sql", "--csv", "SELECT 'footprints in the mud' MEANS 'footprints' AS yes")
    assert (code, out) == (0, "yes\nt\n")
    assert "approximate" in err


def test_an_error_is_told_with_its_sqlstate(rvbbit: Run) -> None:
    code, out, err = rvbbit("sql", "SELECT * FROM nowhere")
    assert (code, out) == (1, "")
    assert err.startswith("ERROR:  42P01: ")


def test_what_needs_a_model_says_so(rvbbit: Run) -> None:
    code, _, err = rvbbit("sql", "SELECT ASK('a dog', 'what animal?')")
    assert code == 1
    assert "ERROR:  58000: " in err
    assert "HINT:  " in err


def test_explain_spends_nothing(rvbbit: Run) -> None:
    code, out, _ = rvbbit("explain", "SELECT 'a' MEANS 'b' AS m")
    assert code == 0
    assert "semantic_matches" in out
    assert json_rows(rvbbit("costs", "--json")) == []


def json_rows(ran: Ran) -> list[dict[str, object]]:
    code, out, err = ran
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_costs_rolls_up_what_was_spent(rvbbit: Run) -> None:
    rvbbit("sql", "SELECT 'footprints' MEANS 'tracks'")
    (by_caller,) = json_rows(rvbbit("costs", "--json"))
    assert re.fullmatch(CALLER, str(by_caller["caller"]))
    assert by_caller["calls"] == 1
    assert json_rows(rvbbit("costs", "--json", "--caller", "nobody")) == []
    assert json_rows(rvbbit("costs", "--json", "--since", "2999-01-01")) == []
    (by_operator,) = json_rows(rvbbit("costs", "--json", "--by", "operator"))
    assert by_operator["operator"] == "semantic_matches"


def test_costs_by_an_unknown_key(rvbbit: Run) -> None:
    code, _, err = rvbbit("costs", "--by", "moon")
    assert code == 1
    assert err.startswith("ERROR:  22023: ")
    assert "caller" in err.splitlines()[1]


def test_run_prints_the_answer_as_json(rvbbit: Run) -> None:
    given = json.dumps({"text": "Footprints in the mud.", "criterion": "footprints"})
    assert rvbbit("run", "semantic_matches", "--input", given)[:2] == (0, "true\n")
    (line,) = json_rows(rvbbit("costs", "--json"))
    assert str(line["caller"]).startswith("cli-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nothing_such"), 'ERROR:  22023: cascade "nothing_such" does not exist'),
        (("run", "sentiment", "--input", "{"), "ERROR:  22023: --input is not JSON"),
        (("run", "sentiment", "--input", "[]"), "ERROR:  22023: --input is not a JSON object"),
        (("run", "sentiment", "--input", '{"colour": "red"}'), "ERROR:  22023: "),
    ],
)
def test_run_with_wrong_inputs(rvbbit: Run, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = rvbbit(*arguments)
    assert code == 1
    assert err.startswith(message)


def test_check_counts_what_is_loaded(rvbbit: Run) -> None:
    code, out, _ = rvbbit("check")
    assert code == 0
    assert re.fullmatch(r"\d+ cascades, \d+ operators: no faults\n", out)


def test_check_runs_the_cascades_test_cases(rvbbit: Run) -> None:
    code, out, err = rvbbit("check", "--test")
    assert (code, err) == (0, "")
    assert re.search(r"^[1-9]\d* passed, 0 failed, [1-9]\d* skipped$", out, re.M)


def test_check_tells_every_fault_with_file_and_line(rvbbit: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("one", "two"):
        (mine / f"{name}.cascade.yaml").write_text(f"cascade_id: {name}\ndescription: A.\nsells: []\n")
    code, out, err = rvbbit("check", "--cascades", str(mine))
    assert (code, out) == (1, "")
    assert re.search(r"one\.cascade\.yaml:3: unknown key sells", err)
    assert re.search(r"two\.cascade\.yaml:3: unknown key sells", err)


def test_check_runs_a_failing_test_case(rvbbit: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    source = Path(__file__).parents[2] / "cascades" / "semantic_sql" / "sentiment.cascade.yaml"
    text = source.read_text().split("test_cases:")[0].replace("sentiment", "mood").replace("SENTIMENT", "MOOD")
    text = text.replace("{method: mood", "{method: sentiment")
    text += "test_cases:\n  - inputs: {text: A wonderful day.}\n    between: [-1, -0.9]\n"
    (mine / "mood.cascade.yaml").write_text(text)
    code, _, err = rvbbit("check", "--test", "--cascades", str(mine))
    assert code == 1
    assert err.startswith("mood: test case 1: ")


def test_a_wrong_setting_is_told_with_file_and_line(rvbbit: Run, tmp_path: Path) -> None:
    (tmp_path / "rvbbit.toml").write_text("\nmodle = 'x'\n")
    assert rvbbit("check") == (1, "", "rvbbit.toml:2: modle: there is no such setting\n")


def test_migrate_and_backfill(rvbbit: Run) -> None:
    assert "pending" in rvbbit("migrate", "--status")[1]
    code, out, _ = rvbbit("migrate")
    assert code == 0
    assert "pending" not in out
    assert rvbbit("backfill-callers")[:2] == (0, "0 rows repaired\n")


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_is_taken_is_told(rvbbit: Run, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = rvbbit(command, "--port", str(port))
    assert (code, out) == (1, "")
    assert err.startswith(f"cannot listen on 127.0.0.1:{port}: Address already in use\nHINT:  ")


def test_a_database_that_cannot_be_opened_is_told(rvbbit: Run) -> None:
    code, out, err = rvbbit("sql", "--database", "no/such/folder/x.duckdb", "SELECT 1")
    assert (code, out) == (1, "")
    assert err.startswith("ERROR:  58030: ")


def test_help_names_every_command(rvbbit: Run) -> None:
    code, out, _ = rvbbit("--help")
    assert code == 0
    for name in ("serve", "demo", "sql", "explain", "costs", "run", "check", "migrate", "backfill-callers"):
        assert name in out


def test_demo_shows_a_bill_that_adds_up(rvbbit: Run) -> None:
    code, out, _ = rvbbit("demo")
    assert code == 0
    assert "the bill adds up" in out
    assert "THEMES(title, 3) AS topics" in out
    assert "Semantic Plan" in out
    caller = re.search(rf"The bill of ({CALLER})", out)
    assert caller is not None
    assert out.count(caller[1]) >= 2
    for cascade in ("semantic_matches", "summarize", "themes", "assess_training_confidence"):
        assert cascade in out
