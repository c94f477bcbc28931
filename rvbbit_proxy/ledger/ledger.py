"""The door of the room: records in, callers and roll-ups out.

``record`` only writes the journal, and takes along what ``note`` left in memory: spans and runs, which carry no
money. One background thread puts the journal on the disk (group commit) and loads the records into the store, from
memory where this process wrote them; a store that refuses keeps the segments, is reported once, and is tried again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar, cast, get_args

import duckdb
import pyarrow as pa

from rvbbit_proxy.caller import CallerContext, CallerSource
from rvbbit_proxy.errors import ConfigurationFault, LedgerUnwritable
from rvbbit_proxy.ledger import views
from rvbbit_proxy.ledger.encode import encode_line
from rvbbit_proxy.ledger.journal import HomeLock, Journal
from rvbbit_proxy.ledger.migrate import load_migrations, migrate
from rvbbit_proxy.ledger.records import (
    MetaTaskRecord,
    QueryRecord,
    Record,
    SessionRecord,
)
from rvbbit_proxy.ledger.store import LEDGER_CATALOG, Store

log = logging.getLogger(__name__)

RECENT = 10_000
"""Runs and queries whose place in the tree is kept in memory, for lookups right after they were recorded."""
KEPT_SEGMENTS = 4
"""Segments whose records are kept in memory until they are loaded; older ones are read from the journal."""

RowT = TypeVar("RowT")


class Recent(Generic[RowT]):
    """The last rows by key. Not thread-safe: the ledger's lock guards it."""

    def __init__(self, limit: int = RECENT) -> None:
        self._rows: OrderedDict[str, RowT] = OrderedDict()
        self._limit = limit

    def put(self, key: str, row: RowT) -> None:
        """Keep the row, forget the oldest beyond the limit."""
        self._rows[key] = row
        self._rows.move_to_end(key)
        if len(self._rows) > self._limit:
            self._rows.popitem(last=False)

    def get(self, key: str) -> RowT | None:
        """Return the row, if it is still here."""
        return self._rows.get(key)

    def clear(self) -> None:
        """Forget all rows."""
        self._rows.clear()


class Ledger:
    """The ledger of a home; see :func:`open_ledger`. All methods may be called from any thread."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lock: HomeLock,
        journal: Journal,
        store: Store,
        *,
        flush_interval_s: float,
        sync_interval_s: float,
    ) -> None:
        self._connection = connection
        self._home_lock = lock
        self._journal = journal
        self._store = store
        self._flush_interval_s = flush_interval_s
        self._sync_interval_s = sync_interval_s
        self._recent_lock = threading.Lock()
        self._sessions: Recent[SessionRecord] = Recent()
        self._queries: Recent[tuple[datetime, str]] = Recent()
        self._write_lock = threading.Lock()
        self._noted: list[Record] = []
        self._written: dict[int, list[Record]] = {}  # by segment
        self._flush_lock = threading.RLock()
        self._recorded = threading.Event()
        self._closing = threading.Event()
        self._store_failing = False
        self._sync_failing = False
        self._flusher = threading.Thread(target=self._run_flusher, name="ledger-flusher", daemon=True)
        self._flusher.start()

    def record(self, *records: Record) -> None:
        """Write the records to the journal, all or none; they survive the process once this returns.

        Raises :class:`LedgerUnwritable` (53100 for a full disk): then what they tell of must not be used.
        """
        self._write(records)
        for record in records:
            self._remember(record)
        self._recorded.set()

    def note(self, *records: Record) -> None:
        """Write the records with the next ones recorded, or when the journal is next synced, whichever is first."""
        for record in records:
            self._remember(record)
        self._noted.extend(records)  # atomic
        self._recorded.set()

    def _write(self, records: Sequence[Record] = ()) -> None:
        with self._write_lock:
            noted = self._noted[:]
            written = [*noted, *records]
            if not written:
                return
            segment = self._journal.append(b"".join(map(encode_line, written)))
            del self._noted[: len(noted)]
            self._written.setdefault(segment, []).extend(written)
            while len(self._written) > KEPT_SEGMENTS:
                del self._written[min(self._written)]

    def _remember(self, record: Record) -> None:
        match record:
            case SessionRecord():
                lean = replace(record, input_data=None, output=None, cascade_definition=None)
                with self._recent_lock:
                    self._sessions.put(record.session_id, lean)
            case QueryRecord():
                with self._recent_lock:
                    self._queries.put(record.query_id, (record.started_at, record.caller_source))
            case _:
                pass

    def flush(self) -> None:
        """Load all that was recorded before this call into the store.

        Raises :class:`LedgerUnwritable` when the store refuses; the journal keeps the rows.
        """
        with self._flush_lock:
            try:
                self._write()
                with self._write_lock:
                    segments = self._journal.seal()
                for segment in segments:
                    self._store.load(segment, self._journal.path(segment), self._written.get(segment))
                    self._journal.remove(segment)
                    self._written.pop(segment, None)
            except duckdb.Error as error:
                raise LedgerUnwritable(
                    f"the ledger's store refused: {error}", hint="The journal keeps the rows; it is tried again."
                ) from error
            except OSError as error:
                raise LedgerUnwritable(f"the journal cannot be read or removed: {error}") from error

    def _run_flusher(self) -> None:
        """Sync often, flush now and then, sleep while nothing is recorded."""
        syncs = max(1, round(self._flush_interval_s / self._sync_interval_s))
        while not self._closing.is_set():
            self._recorded.wait()
            self._recorded.clear()
            for _ in range(syncs):
                if self._closing.wait(self._sync_interval_s):
                    return
                self._sync()
            self.flush_if_possible()

    def _sync(self) -> None:
        with self._flush_lock:
            try:
                self._write()
                self._journal.sync()
            except (OSError, LedgerUnwritable) as error:
                if not self._sync_failing:
                    log.error("ledger: the journal could not be synced to the disk, trying again: %s", error)
                self._sync_failing = True
            else:
                self._sync_failing = False

    def flush_if_possible(self) -> None:
        """Flush; a store that refuses is logged, once until it takes rows again, and tried again later."""
        try:
            self.flush()
        except LedgerUnwritable as error:
            if not self._store_failing:
                log.error("ledger: %s; the journal keeps the rows, trying again", error)
            self._store_failing = True
            self._recorded.set()
        else:
            if self._store_failing:
                log.warning("ledger: the store takes rows again")
            self._store_failing = False

    def close(self) -> None:
        """Flush, stop the flusher, detach the ledger's catalogs, let go of the home. Twice is once.

        Raises :class:`LedgerUnwritable` when the store refuses; all is closed nonetheless, the journal kept.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        self._recorded.set()
        self._flusher.join()
        try:
            self.flush()
        finally:
            self._journal.close()
            self._store.close()
            self._detach()

    def _detach(self) -> None:
        try:
            with self._connection.cursor() as cursor:
                views.drop_views(cursor)
                cursor.execute(f"DETACH {LEDGER_CATALOG}")
        finally:
            self._home_lock.release()

    def query(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """Flush, then run a query over the catalogs ``rvbbit`` and ``rvbbit_ledger`` and return its rows."""
        self.flush()
        with self._connection.cursor() as cursor:
            cursor.execute(f"USE {views.VIEWS_CATALOG}.main")
            return cursor.sql(sql, params=parameters or None).to_arrow_table()

    def repair(self, work: Callable[[duckdb.DuckDBPyConnection], int]) -> int:
        """Flush, then change the store in one transaction by a cursor on it; returns what the work returns.

        Raises duckdb.Error, and then nothing is changed.
        """
        with self._flush_lock:
            self.flush()
            changed = self._store.transaction(work)
        with self._recent_lock:
            self._sessions.clear()
        return changed

    def publish(self, name: str, rows: pa.Table) -> None:
        """Make or replace the read-only relation ``rvbbit.<name>`` (``operators``, ``settings``)."""
        with self._connection.cursor() as cursor:
            views.publish(cursor, name, rows)

    def publish_rows(self, name: str, rows: pa.Table) -> None:
        """Put these rows in place of those of a published table that views read (``running_stages``)."""
        with self._flush_lock, self._connection.cursor() as cursor:
            views.publish_rows(cursor, name, rows)

    def get_session_caller_context(self, session_id: str) -> CallerContext | None:
        """Return the caller context of a run as its children get it, or None where there is no such run.

        It has neither budget nor cancel: what looks a run up afterwards does not spend its statement's money.
        """
        session = self._recent_session(session_id) or self._stored_session(session_id)
        return None if session is None else self._context_of(session)

    def _recent_session(self, session_id: str) -> SessionRecord | None:
        with self._recent_lock:
            return self._sessions.get(session_id)

    def _stored_session(self, session_id: str) -> SessionRecord | None:
        found = self.query(
            """
            SELECT session_id, cascade_id, caller_id, created_at, status, root_session_id, depth, query_id,
                   root_trace_id, trace_id, is_meta, invocation_metadata_json::VARCHAR AS invocation_metadata_json
            FROM rvbbit_ledger.main.cascade_sessions WHERE session_id = ?
            """,
            [session_id],
        ).to_pylist()
        if not found:
            return None
        metadata = found[0].pop("invocation_metadata_json")
        return SessionRecord(**found[0], invocation_metadata_json=json.loads(metadata) if metadata else {})

    def _context_of(self, session: SessionRecord) -> CallerContext:
        run_id, source = self._query_of(session.query_id)
        context = CallerContext(
            caller_id=session.caller_id,
            source=source,
            invocation_metadata=MappingProxyType(dict(session.invocation_metadata_json)),
            query_id=session.query_id,
            run_id=run_id,
            trace_id=session.trace_id,
            session_id=session.session_id,
            root_session_id=session.root_session_id or session.session_id,
            depth=session.depth,
            is_meta=session.is_meta,
        )
        return replace(context, root_trace_id=session.root_trace_id) if session.root_trace_id else context

    def _query_of(self, query_id: str | None) -> tuple[datetime | None, CallerSource]:
        if query_id is None:
            return None, "none"
        with self._recent_lock:
            found = self._queries.get(query_id)
        if found is None:
            rows = self.query(
                "SELECT started_at, caller_source FROM rvbbit_ledger.main.sql_query_log WHERE query_id = ?",
                [query_id],
            ).to_pylist()
            found = (rows[0]["started_at"], rows[0]["caller_source"]) if rows else None
        if found is None:
            return None, "none"
        started_at, source = found
        return started_at, cast(CallerSource, source) if source in get_args(CallerSource) else "none"

    def load_cache(self, limit: int) -> Iterator[tuple[str, Any, float]]:
        """Yield the newest cached answers, oldest first, so that a cache which forgets keeps the newest.

        Key, value and epoch seconds of each; equal values are read once a batch.
        """
        rows = self.query(
            """
            SELECT cache_key, value::VARCHAR, epoch(created_at) FROM (
                FROM rvbbit_ledger.main.semantic_cache ORDER BY created_at DESC LIMIT ?
            ) ORDER BY created_at
            """,
            [limit],
        )
        for batch in rows.to_batches():
            keys, texts, times = batch.columns
            encoded = texts.dictionary_encode()
            values = [json.loads(text) for text in encoded.dictionary.to_pylist()]
            found = (None if index is None else values[index] for index in encoded.indices.to_pylist())
            yield from zip(keys.to_pylist(), found, times.to_pylist(), strict=True)

    def trim_cache(self, limit: int) -> int:
        """Forget all but the newest cached answers; return how many were forgotten."""

        def trim(cursor: duckdb.DuckDBPyConnection) -> int:
            forgotten = cursor.execute(
                """
                DELETE FROM semantic_cache WHERE created_at < (
                    SELECT min(created_at) FROM (
                        SELECT created_at FROM semantic_cache ORDER BY created_at DESC LIMIT ?
                    )
                )
                """,
                [limit],
            ).fetchall()
            return int(forgotten[0][0])

        return self.repair(trim)

    def call_sums(self) -> list[tuple[str, str, int, int, float, float, float]]:
        """Return sums over the answered chat calls by cascade, model and bits of the number of prompt tokens.

        A row: cascade, model, bits, calls, sum of output tokens, sum of their squares, seconds.
        """
        rows = self.query(
            """
            SELECT cascade_id, model_requested, bit_length(bin(greatest(prompt_tokens, 1))) // 8, count(*),
                   sum(completion_tokens)::DOUBLE, sum(completion_tokens::DOUBLE * completion_tokens),
                   coalesce(sum(duration_ms), 0) / 1000
            FROM rvbbit_ledger.main.llm_interactions
            WHERE success AND model_type = 'chat' AND cascade_id IS NOT NULL AND completion_tokens IS NOT NULL
            GROUP BY ALL
            """
        )
        return [tuple(row.values()) for row in rows.to_pylist()]

    def pending_meta_tasks(self) -> list[MetaTaskRecord]:
        """Return what meta cascades had yet to judge, oldest first."""
        rows = self.query(
            """
            SELECT * REPLACE (inputs::VARCHAR AS inputs, context_trace_ids::VARCHAR AS context_trace_ids)
            FROM rvbbit_ledger.main.meta_tasks WHERE status = 'pending' ORDER BY created_at, task_id
            """
        ).to_pylist()
        return [
            MetaTaskRecord(
                **{
                    **row,
                    "inputs": json.loads(row["inputs"] or "null"),
                    "context_trace_ids": json.loads(row["context_trace_ids"] or "[]"),
                }
            )
            for row in rows
        ]


def open_ledger(
    home: Path,
    connection: duckdb.DuckDBPyConnection,
    *,
    flush_interval_s: float = 0.5,
    sync_interval_s: float = 0.05,
    segment_bytes: int | None = None,
) -> Ledger:
    """Open the ledger of a home inside the process's DuckDB: lock, attach, migrate, replay, make the views.

    ``connection``: any connection to the process's one instance; the ledger works on cursors of its own.
    Raises :class:`ConfigurationFault` when another process has the home or the ledger's file cannot be used.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = HomeLock(home)
    cursor = connection.cursor()
    try:
        _attach(home, cursor)
        store = Store(cursor, home / "journal" / "rejected.jsonl")
        journal = _open_journal(home, store, segment_bytes)
    except BaseException:
        cursor.close()
        lock.release()
        raise
    ledger = Ledger(
        connection,
        lock,
        journal,
        store,
        flush_interval_s=flush_interval_s,
        sync_interval_s=sync_interval_s,
    )
    ledger.flush_if_possible()
    return ledger


def _attach(home: Path, cursor: duckdb.DuckDBPyConnection) -> None:
    path = str(home / "ledger.duckdb").replace("'", "''")
    try:
        cursor.execute(f"ATTACH '{path}' AS {LEDGER_CATALOG}")
    except duckdb.Error as error:
        raise ConfigurationFault(f"the ledger in {home} cannot be opened: {error}") from error
    cursor.execute(f"USE {LEDGER_CATALOG}.main")
    migrate(cursor, load_migrations())
    views.create_views(cursor)


def _open_journal(home: Path, store: Store, segment_bytes: int | None) -> Journal:
    limits: dict[Literal["segment_bytes"], Any] = {} if segment_bytes is None else {"segment_bytes": segment_bytes}
    return Journal(home / "journal", last_segment=store.last_segment(), **limits)
