"""The databases behind the proxy, all spoken to through one contract.

upstream.py             the contract: ``Upstream``, ``UpstreamSession``, ``UpstreamResult``, ``Column``…
statement.py            what a statement is by its first words: kind, transaction control, command tag
duckdb_upstream.py      ``DuckDBUpstream``: opens sessions on the process's one DuckDB instance
duckdb_instance.py      the instance, which outlives DuckDB's internal errors
duckdb_session.py       ``DuckDBSession``: execute, describe, fetch, load, cancel
duckdb_result.py        ``DuckDBResult``: a streamed result; the wrapping of columns the wire does not take
duckdb_transactions.py  a session's transactions: blocks, their savepoints, statements of several steps
duckdb_types.py         DuckDB types as PostgreSQL oids and typmods, and back
duckdb_parameters.py    ``$n``: where they stand, what they are bound to
duckdb_inference.py     the types of parameters nobody declared, asked of DuckDB's binder
duckdb_origins.py       which table's column a result column is, looked up as DuckDB does
duckdb_inserts.py       INSERT and UPDATE with what PostgreSQL lets them leave out, arrays written as text
duckdb_lengths.py       values held to the lengths that columns were declared with
duckdb_missing.py       what DuckDB cannot do, told as not supported
duckdb_savepoints.py    savepoints: what a block had written, copied and put back
duckdb_sequences.py     sequences read as relations, setval() of what a query finds
duckdb_skipped.py       the notices of IF EXISTS and IF NOT EXISTS
duckdb_names.py         the names of unnamed result columns, as PostgreSQL gives them
duckdb_constraints.py   which constraint was violated, as PostgreSQL names it
duckdb_keys.py          keys in CREATE TABLE that are kept by us: their names, UNIQUE, foreign keys
duckdb_like.py          CREATE TABLE (LIKE …) written out
duckdb_foreign_keys.py  rows held to foreign keys: checks at once and at the end, actions
duckdb_tables.py        a table's definition, read off DuckDB; the table made anew from a changed one
duckdb_alter.py         ALTER TABLE, action by action
duckdb_steps.py         ALTER, DROP, TRUNCATE as several statements of DuckDB's
duckdb_errors.py        DuckDB's exceptions as SQLSTATEs, in one table
duckdb_guard.py         what must not reach DuckDB: COPY over its own stdout, writes to the ledger
duckdb_copy.py          ``DuckDBCopyIn``: COPY FROM STDIN in bulk, the place of an error
duckdb_incoming.py      columns as COPY brings them to what DuckDB inserts
postgres_copy.py        COPY handed on as libpq has it
postgres_upstream.py    ``PostgresUpstream``: opens a libpq connection per session
postgres_connection.py  waiting for libpq without holding Python's lock
postgres_session.py     ``PostgresSession``: the extended protocol through psycopg's ``PGconn``
postgres_result.py      ``PostgresResult``: rows as PostgreSQL sent them, streamed
postgres_arrow.py       rows to Arrow for stage inputs, Arrow to COPY for stage results
postgres_errors.py      PostgreSQL's error fields, passed through

Laws: no execution happens in ``describe``; no driver's own exception leaves this room; memory is bounded by the
batch, not by the result.
"""
