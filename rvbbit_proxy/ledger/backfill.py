"""Callers copied from parents to the runs that lack one, and from runs to their facts.

Never writes NULL, never replaces a caller. Copies until nothing changes: the meta run of a meta run gets its
caller in the second round.
"""

from __future__ import annotations

import duckdb

from rvbbit_proxy.ledger.ledger import Ledger

SESSIONS_FROM_QUERIES = """
    UPDATE cascade_sessions AS child SET caller_id = query.caller_id
    FROM sql_query_log AS query
    WHERE child.caller_id IS NULL AND query.caller_id IS NOT NULL AND query.query_id = child.query_id
"""
SESSIONS_FROM_PARENTS = """
    UPDATE cascade_sessions AS child
    SET caller_id = parent.caller_id, query_id = coalesce(child.query_id, parent.query_id)
    FROM cascade_sessions AS parent
    WHERE child.caller_id IS NULL AND parent.caller_id IS NOT NULL
      AND parent.session_id = coalesce(child.parent_session_id, child.meta_of_session_id)
"""
FACTS = ("latency_events", "llm_interactions", "code_executions")
FACTS_FROM_SESSIONS = """
    UPDATE {table} AS fact SET caller_id = session.caller_id, query_id = coalesce(fact.query_id, session.query_id)
    FROM cascade_sessions AS session
    WHERE fact.caller_id IS NULL AND session.caller_id IS NOT NULL AND session.session_id = fact.session_id
"""
JUDGEMENTS = (("context_relevance", "meta_of_session_id"), ("training_annotations", "session_id"))
JUDGEMENTS_FROM_SESSIONS = """
    UPDATE {table} AS judgement SET caller_id = session.caller_id
    FROM cascade_sessions AS session
    WHERE judgement.caller_id IS NULL AND session.caller_id IS NOT NULL
      AND session.session_id = judgement.{column}
"""


def backfill_callers(ledger: Ledger) -> int:
    """Repair runs, their events, calls and judgements; return how many rows got a caller."""
    return ledger.repair(_backfill)


def _backfill(cursor: duckdb.DuckDBPyConnection) -> int:
    repaired = _changed(cursor, SESSIONS_FROM_QUERIES)
    while changed := _changed(cursor, SESSIONS_FROM_PARENTS):
        repaired += changed
    for table in FACTS:
        repaired += _changed(cursor, FACTS_FROM_SESSIONS.format(table=table))
    for table, column in JUDGEMENTS:
        repaired += _changed(cursor, JUDGEMENTS_FROM_SESSIONS.format(table=table, column=column))
    return repaired


def _changed(cursor: duckdb.DuckDBPyConnection, update: str) -> int:
    ((changed,),) = cursor.execute(update).fetchall()
    return int(changed)
