"""The ledger: every query, run, span and model call, with its caller. Money lives in ``llm_interactions`` only.

records   what is recorded: one frozen dataclass per table
encode    a record as one JSON line, and back
journal   lines on disk before anything else: segments, fsync, the lock of the home
store     segments into DuckDB in bulk: latest row per key, one transaction, replay
migrate   numbered SQL files, applied once, checked
views     what users read: ``all_data``, ``caller_costs``… (``views.sql``)
ledger    Ledger and open_ledger: the room's door, the flusher thread, recent runs
backfill  callers copied from parents where they are missing
costs     roll-ups for ``rvbbit costs``

The way of a record: ``record`` writes its line (one ``os.write``) and returns; the flusher seals the segment,
loads it into the store in one transaction that also names the segment, deletes it. A crash at any point leaves
either the segment or the committed row, and a segment that the store names is never loaded again.
"""
