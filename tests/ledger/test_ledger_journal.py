"""The journal: nothing recorded is lost, nothing is loaded twice, a fault is told and survived."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from ledger_rows import call_row, event_row, session_row

from rvbbit_proxy.errors import ConfigurationFault, LedgerUnwritable
from rvbbit_proxy.ledger.encode import decode_line, encode_line
from rvbbit_proxy.ledger.journal import Journal
from rvbbit_proxy.ledger.ledger import Ledger, open_ledger


def segments(home: Path) -> list[Path]:
    return sorted((home / "journal").glob("[0-9]*.jsonl"))


def count(ledger: Ledger, table: str) -> int:
    return int(ledger.query(f"SELECT count(*) AS n FROM {table}").to_pylist()[0]["n"])


def test_a_line_keeps_microseconds_and_every_digit_of_money() -> None:
    table, row = decode_line(encode_line(call_row(total_cost=Decimal("1E-9"))))
    assert table == "llm_interactions"
    assert row["start_time"] == "2026-11-20T12:00:00.000007Z"
    assert row["total_cost"] == "0.000000001"


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {("a", 1): 2}, {1, 2}, b"\xff", object, "\ud800", {"nested": [float("nan")]}],
)
def test_no_value_makes_a_line_or_its_load_fail(ledger: Ledger, value: object) -> None:
    ledger.record(session_row(output=value))
    assert count(ledger, "cascade_sessions") == 1
    assert (ledger.query("FROM cascade_sessions").to_pylist()[0]["output"]) is not None


def test_a_segment_is_deleted_once_the_store_has_it(ledger: Ledger, home: Path) -> None:
    ledger.record(session_row())
    assert len(segments(home)) == 1
    ledger.flush()
    assert segments(home) == []
    assert count(ledger, "cascade_sessions") == 1


def test_the_same_key_again_replaces_the_row_within_and_across_flushes(ledger: Ledger) -> None:
    ledger.record(session_row(session_id="ses_1", status="running"))
    ledger.record(session_row(session_id="ses_1", status="success", output="a"))
    ledger.flush()
    ledger.record(session_row(session_id="ses_1", status="success", output="b"))
    rows = ledger.query("SELECT status, output FROM cascade_sessions").to_pylist()
    assert rows == [{"status": "success", "output": '"b"'}]


def test_segments_are_sealed_by_size(home: Path, database: duckdb.DuckDBPyConnection) -> None:
    ledger = open_ledger(home, database, flush_interval_s=3600, segment_bytes=5000)
    for _ in range(20):
        ledger.record(event_row())
    assert len(segments(home)) > 1
    assert count(ledger, "latency_events") == 20
    ledger.close()


def test_two_threads_lose_nothing(ledger: Ledger) -> None:
    def record() -> None:
        for _ in range(500):
            ledger.record(event_row())
            if threading.current_thread().name == "flushing":
                ledger.flush()

    threads = [threading.Thread(target=record, name=name) for name in ("flushing", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(ledger, "latency_events") == 2000
    assert count(ledger, "(SELECT DISTINCT event_id FROM latency_events)") == 2000


KILLED = """
import os, pathlib, signal, sys
import duckdb
from ledger_rows import call_row
from rvbbit_proxy.ledger.ledger import open_ledger

ledger = open_ledger(pathlib.Path(sys.argv[1]), duckdb.connect(), flush_interval_s=0.01, sync_interval_s=0.005)
for number in range(2000):
    ledger.record(call_row(interaction_id=str(number)))
    if number in (500, 1000):
        ledger.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_sigkill_loses_no_completed_call(home: Path, open_again: Callable[[], Ledger]) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(home)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    ledger = open_again()
    found = ledger.query("SELECT count(*) AS n, count(DISTINCT interaction_id) AS ids FROM llm_interactions")
    assert found.to_pylist() == [{"n": 2000, "ids": 2000}]


def test_what_the_store_lacks_is_replayed_and_twice_is_harmless(
    home: Path, database: duckdb.DuckDBPyConnection, open_again: Callable[[], Ledger]
) -> None:
    first = open_ledger(home, database, flush_interval_s=3600)
    first.record(session_row(session_id="ses_1", status="running"))
    (segment,) = segments(home)
    lines = segment.read_bytes()
    first.close()
    segment.write_bytes(lines)  # as if the process had died between the commit and the deletion
    (home / "journal" / f"{int(segment.stem) + 1:020d}.jsonl").write_bytes(lines)  # and a copy under a later name
    second = open_again()
    assert count(second, "cascade_sessions") == 1
    assert segments(home) == []


def test_a_segment_the_store_names_is_not_loaded_again_over_later_changes(
    home: Path, open_again: Callable[[], Ledger]
) -> None:
    with duckdb.connect() as connection:
        first = open_ledger(home, connection, flush_interval_s=3600)
        first.record(session_row(session_id="ses_1", caller_id=None))
        (segment,) = segments(home)
        lines = segment.read_bytes()
        first.repair(
            lambda cursor: int(cursor.execute("UPDATE cascade_sessions SET caller_id = 'x'").fetchall()[0][0])
        )
        first.close()
    segment.write_bytes(lines)
    assert open_again().query("SELECT caller_id FROM cascade_sessions").to_pylist() == [{"caller_id": "x"}]


def test_a_torn_last_line_is_skipped_and_a_broken_one_is_named(
    home: Path, open_again: Callable[[], Ledger], caplog: pytest.LogCaptureFixture
) -> None:
    folder = home / "journal"
    folder.mkdir(parents=True)
    lines = [encode_line(session_row()), b"{broken\n", encode_line(session_row()), b'{"table":"cascade_sess']
    (folder / f"{1:020d}.jsonl").write_bytes(b"".join(lines))
    with caplog.at_level(logging.WARNING):
        assert count(open_again(), "cascade_sessions") == 2
    assert (
        next(record.message for record in caplog.records if "broken" in record.message).count(f"{1:020d}.jsonl:2:")
        == 1
    )
    assert len(caplog.records) == 1


def test_a_row_no_table_takes_is_kept_aside_and_the_rest_is_loaded(
    ledger: Ledger, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.record(call_row(interaction_id="good"), call_row(interaction_id="bad", total_cost=Decimal(10) ** 20))
    with caplog.at_level(logging.WARNING):
        rows = ledger.query("SELECT interaction_id FROM llm_interactions").to_pylist()
    assert rows == [{"interaction_id": "good"}]
    assert '"bad"' in (home / "journal" / "rejected.jsonl").read_text()
    assert "does not take a row" in caplog.text


def test_a_full_disk_is_53100_and_the_next_record_is_whole(tmp_path: Path) -> None:
    room = [40]

    def write(descriptor: int, lines: bytes) -> int:
        return os.write(descriptor, lines[: room[0]])

    journal = Journal(tmp_path, write=write)
    with pytest.raises(LedgerUnwritable) as raised:
        journal.append(b"x" * 50 + b"\n")
    assert raised.value.sqlstate == "53100"
    room[0] = 1000
    journal.append(b"y" * 50 + b"\n")
    (segment,) = journal.seal()
    assert journal.path(segment).read_bytes() == b"y" * 50 + b"\n"
    journal.close()


def test_a_failed_write_is_58030_and_nothing_of_it_stays(tmp_path: Path) -> None:
    def write(descriptor: int, lines: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    journal = Journal(tmp_path, write=write)
    with pytest.raises(LedgerUnwritable) as raised:
        journal.append(b"x\n")
    assert raised.value.sqlstate == "58030"
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_refuses_keeps_the_rows_and_is_tried_again(
    ledger: Ledger, home: Path, database: duckdb.DuckDBPyConnection
) -> None:
    database.execute("ALTER TABLE rvbbit_ledger.main.cascade_sessions RENAME TO away")
    ledger.record(session_row())
    with pytest.raises(LedgerUnwritable):
        ledger.flush()
    ledger.record(session_row())
    assert len(segments(home)) == 2
    database.execute("ALTER TABLE rvbbit_ledger.main.away RENAME TO cascade_sessions")
    assert count(ledger, "cascade_sessions") == 2


def test_a_home_has_one_process_and_the_error_names_it(ledger: Ledger, home: Path) -> None:
    with duckdb.connect() as connection, pytest.raises(ConfigurationFault, match=str(os.getpid())):
        open_ledger(home, connection)


def test_segment_names_grow_although_the_clock_is_set_back(tmp_path: Path) -> None:
    future = 9_000_000_000_000_000_000
    journal = Journal(tmp_path, last_segment=future)
    journal.append(b"x\n")
    assert journal.seal() == [future + 1]
    journal.close()


def test_the_flusher_loads_without_being_asked(home: Path, database: duckdb.DuckDBPyConnection) -> None:
    ledger = open_ledger(home, database, flush_interval_s=0.01, sync_interval_s=0.005)
    ledger.record(session_row())
    loaded = threading.Event()

    def watch() -> None:
        cursor = database.cursor()
        while not cursor.execute("SELECT 1 FROM rvbbit.cascade_sessions").fetchall():
            pass
        loaded.set()

    threading.Thread(target=watch, daemon=True).start()
    assert loaded.wait(10)
    ledger.close()


def test_a_refusing_store_is_reported_once_until_it_takes_rows_again(
    ledger: Ledger, database: duckdb.DuckDBPyConnection, caplog: pytest.LogCaptureFixture
) -> None:
    database.execute("ALTER TABLE rvbbit_ledger.main.cascade_sessions RENAME TO away")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            ledger.record(session_row())
            ledger.flush_if_possible()
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        database.execute("ALTER TABLE rvbbit_ledger.main.away RENAME TO cascade_sessions")
        ledger.flush_if_possible()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert count(ledger, "cascade_sessions") == 3


def test_sync_keeps_only_the_active_file_open(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    journal = Journal(tmp_path, segment_bytes=1)
    for _ in range(5):
        journal.append(b"x\n")
    journal.sync()
    assert len(list(descriptors.iterdir())) == before
    assert len(journal.seal()) == 5
    journal.close()


def test_closing_twice_is_closing_once(home: Path, open_again: Callable[[], Ledger]) -> None:
    ledger = open_again()
    ledger.close()
    assert open_again() is not ledger
