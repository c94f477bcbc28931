-- What users read, in the catalog `rvbbit` of the process's DuckDB. Money is summed from llm_interactions only.
-- A view with the name of its table is that table, read only: DuckDB refuses to write to a view.

CREATE OR REPLACE VIEW rvbbit.main.sql_query_log AS SELECT * FROM rvbbit_ledger.main.sql_query_log;
CREATE OR REPLACE VIEW rvbbit.main.cascade_sessions AS SELECT * FROM rvbbit_ledger.main.cascade_sessions;
CREATE OR REPLACE VIEW rvbbit.main.latency_events AS SELECT * FROM rvbbit_ledger.main.latency_events;
CREATE OR REPLACE VIEW rvbbit.main.llm_interactions AS SELECT * FROM rvbbit_ledger.main.llm_interactions;
CREATE OR REPLACE VIEW rvbbit.main.code_executions AS SELECT * FROM rvbbit_ledger.main.code_executions;
CREATE OR REPLACE VIEW rvbbit.main.context_relevance AS SELECT * FROM rvbbit_ledger.main.context_relevance;
CREATE OR REPLACE VIEW rvbbit.main.training_annotations AS SELECT * FROM rvbbit_ledger.main.training_annotations;
CREATE OR REPLACE VIEW rvbbit.main.semantic_cache AS SELECT * FROM rvbbit_ledger.main.semantic_cache;
CREATE OR REPLACE VIEW rvbbit.main.meta_tasks AS SELECT * FROM rvbbit_ledger.main.meta_tasks;
CREATE OR REPLACE VIEW rvbbit.main.schema_migrations AS SELECT * FROM rvbbit_ledger.main.schema_migrations;

-- Every event once: spans, model calls, code. A span that only wraps a call or an execution is that call's row.
CREATE OR REPLACE VIEW rvbbit.main.all_data AS
WITH events AS (
    SELECT start_time AS "timestamp", caller_id, session_id, parent_session_id, root_trace_id, trace_id,
           parent_trace_id, query_id, run_id, cascade_id, cell_name, is_meta, event_type AS node_type,
           metadata->>'role' AS "role", recursion_id, parent_recursion_id, current_depth, max_depth, iteration,
           model, NULL::VARCHAR AS provider, NULL::BIGINT AS tokens_in, NULL::BIGINT AS tokens_out,
           NULL::DECIMAL(18, 9) AS "cost", NULL::VARCHAR AS cost_state, duration_ms,
           coalesce(TRY_CAST(metadata->>'cache_hit' AS BOOLEAN), false) AS cache_hit,
           success, error_type, error_message, args AS content_json
    FROM rvbbit_ledger.main.latency_events
    WHERE event_type NOT IN ('llm_interaction', 'code_execution')
    UNION ALL
    SELECT start_time, caller_id, session_id, parent_session_id, root_trace_id, trace_id,
           parent_trace_id, query_id, run_id, cascade_id, cell_name, is_meta, 'llm_interaction',
           'assistant', recursion_id, parent_recursion_id, current_depth, max_depth, iteration,
           coalesce(model, model_requested), provider, prompt_tokens, completion_tokens,
           total_cost, cost_state, duration_ms,
           false,
           success, error_type, error_message,
           json_object('request', request_json, 'response', response_text)
    FROM rvbbit_ledger.main.llm_interactions
    UNION ALL
    SELECT start_time, caller_id, session_id, parent_session_id, root_trace_id, trace_id,
           parent_trace_id, query_id, run_id, cascade_id, cell_name, is_meta, 'code_execution',
           'tool', recursion_id, parent_recursion_id, current_depth, max_depth, iteration,
           model, NULL, NULL, NULL,
           NULL, NULL, duration_ms,
           false,
           success, error_type, error_message,
           json_object('code', code, 'stdout', stdout, 'stderr', stderr)
    FROM rvbbit_ledger.main.code_executions
)
SELECT events."timestamp", events.caller_id, events.session_id, events.parent_session_id, events.root_trace_id,
       events.trace_id, events.parent_trace_id, events.query_id, events.run_id, events.cascade_id,
       events.cell_name, events.cell_name AS phase_name,
       CASE WHEN events.is_meta THEN 'meta' ELSE 'query' END AS kind,
       events.node_type, events."role", coalesce(sessions.depth, 0) AS "depth",
       events.recursion_id, events.parent_recursion_id, events.current_depth, events.max_depth,
       events.iteration, events.model, events.provider, events.tokens_in, events.tokens_out,
       events."cost", events.cost_state, events.duration_ms, events.cache_hit,
       (events.query_id IS NOT NULL AND events.session_id IS NOT NULL AND NOT events.is_meta) AS is_sql_udf,
       events.success, events.error_type, events.error_message, events.content_json,
       coalesce(sessions.invocation_metadata_json, queries.invocation_metadata_json) AS invocation_metadata_json
FROM events
LEFT JOIN rvbbit_ledger.main.cascade_sessions AS sessions ON sessions.session_id = events.session_id
LEFT JOIN rvbbit_ledger.main.sql_query_log AS queries ON queries.query_id = events.query_id;

-- One row per caller that has a query, a run or a call. Calls that carry no caller are the row whose
-- caller_id is NULL. A cost is NULL where there were calls and none had a known price.
CREATE OR REPLACE VIEW rvbbit.main.caller_costs AS
WITH calls AS (
    SELECT caller_id,
           count(*) AS calls,
           coalesce(sum(prompt_tokens), 0)::BIGINT AS tokens_in,
           coalesce(sum(completion_tokens), 0)::BIGINT AS tokens_out,
           sum(total_cost) AS "cost",
           CASE WHEN count(*) FILTER (NOT is_meta) = 0 THEN 0 ELSE sum(total_cost) FILTER (NOT is_meta) END
               AS query_cost,
           CASE WHEN count(*) FILTER (is_meta) = 0 THEN 0 ELSE sum(total_cost) FILTER (is_meta) END AS meta_cost,
           count(*) FILTER (cost_state = 'unpriced') AS unpriced_calls,
           count(*) FILTER (cost_state = 'failed') AS failed_calls,
           count(*) FILTER (cost_state = 'pending') AS pending_calls,
           min(start_time) AS first_at, max(coalesce(end_time, start_time)) AS last_at
    FROM rvbbit_ledger.main.llm_interactions GROUP BY caller_id
), runs AS (
    SELECT caller_id,
           count(*) AS sessions, count(*) FILTER (is_meta) AS meta_sessions,
           min(created_at) AS first_at, max(coalesce(completed_at, created_at)) AS last_at,
           arg_min(invocation_metadata_json, created_at) AS invocation_metadata_json
    FROM rvbbit_ledger.main.cascade_sessions GROUP BY caller_id
), queries AS (
    SELECT caller_id,
           count(*) AS queries,
           min(started_at) AS first_at, max(coalesce(ended_at, started_at)) AS last_at,
           arg_max(user_name, started_at) AS user_name,
           arg_max(application_name, started_at) AS application_name,
           arg_max(invocation_metadata_json, started_at) AS invocation_metadata_json
    FROM rvbbit_ledger.main.sql_query_log GROUP BY caller_id
), callers AS (
    SELECT caller_id FROM calls UNION SELECT caller_id FROM runs UNION SELECT caller_id FROM queries
)
SELECT callers.caller_id,
       coalesce(queries.queries, 0) AS queries,
       coalesce(runs.sessions, 0) AS sessions,
       coalesce(runs.meta_sessions, 0) AS meta_sessions,
       coalesce(calls.calls, 0) AS calls,
       coalesce(calls.tokens_in, 0) AS tokens_in,
       coalesce(calls.tokens_out, 0) AS tokens_out,
       CASE WHEN calls.calls IS NULL THEN 0 ELSE calls."cost" END AS "cost",
       CASE WHEN calls.calls IS NULL THEN 0 ELSE calls.query_cost END AS query_cost,
       CASE WHEN calls.calls IS NULL THEN 0 ELSE calls.meta_cost END AS meta_cost,
       coalesce(calls.unpriced_calls, 0) AS unpriced_calls,
       coalesce(calls.failed_calls, 0) AS failed_calls,
       coalesce(calls.pending_calls, 0) AS pending_calls,
       least(queries.first_at, runs.first_at, calls.first_at) AS first_seen,
       greatest(queries.last_at, runs.last_at, calls.last_at) AS last_seen,
       coalesce(queries.user_name, runs.invocation_metadata_json->>'user') AS user_name,
       coalesce(queries.application_name, runs.invocation_metadata_json->>'application') AS application_name,
       coalesce(queries.invocation_metadata_json, runs.invocation_metadata_json)->'tags'->>'node_id'
           AS dbt_node_id
FROM callers
LEFT JOIN calls ON calls.caller_id IS NOT DISTINCT FROM callers.caller_id
LEFT JOIN runs ON runs.caller_id IS NOT DISTINCT FROM callers.caller_id
LEFT JOIN queries ON queries.caller_id IS NOT DISTINCT FROM callers.caller_id;

-- One row per statement, its meta cascades included and split off by kind.
CREATE OR REPLACE VIEW rvbbit.main.mv_sql_query_costs AS
WITH calls AS (
    SELECT query_id,
           count(*) AS calls,
           coalesce(sum(prompt_tokens), 0)::BIGINT AS tokens_in,
           coalesce(sum(completion_tokens), 0)::BIGINT AS tokens_out,
           sum(total_cost) AS "cost",
           CASE WHEN count(*) FILTER (NOT is_meta) = 0 THEN 0 ELSE sum(total_cost) FILTER (NOT is_meta) END
               AS query_cost,
           CASE WHEN count(*) FILTER (is_meta) = 0 THEN 0 ELSE sum(total_cost) FILTER (is_meta) END AS meta_cost,
           count(*) FILTER (cost_state = 'unpriced') AS unpriced_calls,
           count(*) FILTER (cost_state = 'failed') AS failed_calls
    FROM rvbbit_ledger.main.llm_interactions WHERE query_id IS NOT NULL GROUP BY query_id
), runs AS (
    SELECT query_id, count(*) AS sessions, count(*) FILTER (is_meta) AS meta_sessions
    FROM rvbbit_ledger.main.cascade_sessions WHERE query_id IS NOT NULL GROUP BY query_id
)
SELECT queries.query_id, queries.caller_id, queries.started_at, queries.ended_at, queries.status,
       queries.sql_text, queries.fingerprint, queries.user_name, queries.application_name,
       queries.rows_out,
       coalesce(runs.sessions, 0) AS sessions,
       coalesce(runs.meta_sessions, 0) AS meta_sessions,
       coalesce(calls.calls, 0) AS calls,
       coalesce(calls.tokens_in, 0) AS tokens_in,
       coalesce(calls.tokens_out, 0) AS tokens_out,
       CASE WHEN calls.calls IS NULL THEN 0 ELSE calls."cost" END AS "cost",
       CASE WHEN calls.calls IS NULL THEN 0 ELSE calls.query_cost END AS query_cost,
       CASE WHEN calls.calls IS NULL THEN 0 ELSE calls.meta_cost END AS meta_cost,
       coalesce(calls.unpriced_calls, 0) AS unpriced_calls,
       coalesce(calls.failed_calls, 0) AS failed_calls
FROM rvbbit_ledger.main.sql_query_log AS queries
LEFT JOIN calls ON calls.query_id = queries.query_id
LEFT JOIN runs ON runs.query_id = queries.query_id;

-- One row per statement, cascade and kind: how its runs went.
CREATE OR REPLACE VIEW rvbbit.main.query_run_summaries AS
WITH calls AS (
    SELECT session_id, count(*) AS calls, sum(prompt_tokens) AS tokens_in, sum(completion_tokens) AS tokens_out,
           sum(total_cost) AS "cost", count(*) FILTER (cost_state = 'unpriced') AS unpriced_calls,
           count(*) FILTER (cost_state = 'failed') AS failed_calls
    FROM rvbbit_ledger.main.llm_interactions GROUP BY session_id
)
SELECT sessions.query_id, sessions.caller_id, sessions.cascade_id,
       CASE WHEN sessions.is_meta THEN 'meta' ELSE 'query' END AS kind,
       count(*) AS runs,
       count(*) FILTER (sessions.status = 'success') AS succeeded,
       count(*) FILTER (sessions.status NOT IN ('success', 'running')) AS failed,
       count(*) FILTER (sessions.status = 'running') AS running,
       min(sessions.created_at) AS first_started_at,
       max(sessions.completed_at) AS last_completed_at,
       avg(date_diff('millisecond', sessions.created_at, sessions.completed_at)) AS avg_duration_ms,
       coalesce(sum(calls.calls), 0)::BIGINT AS calls,
       coalesce(sum(calls.tokens_in), 0)::BIGINT AS tokens_in,
       coalesce(sum(calls.tokens_out), 0)::BIGINT AS tokens_out,
       CASE WHEN sum(calls.calls) IS NULL THEN 0 ELSE sum(calls."cost") END AS "cost",
       coalesce(sum(calls.unpriced_calls), 0)::BIGINT AS unpriced_calls,
       coalesce(sum(calls.failed_calls), 0)::BIGINT AS failed_calls
FROM rvbbit_ledger.main.cascade_sessions AS sessions
LEFT JOIN calls ON calls.session_id = sessions.session_id
GROUP BY sessions.query_id, sessions.caller_id, sessions.cascade_id, sessions.is_meta;

-- Runs that a statement started: one row per run, meta cascades not among them.
CREATE OR REPLACE VIEW rvbbit.main.sql_cascade_executions AS
SELECT sessions.query_id, sessions.caller_id, sessions.session_id, sessions.cascade_id, sessions.genus_hash,
       sessions.created_at, sessions.completed_at, sessions.status, queries.sql_text
FROM rvbbit_ledger.main.cascade_sessions AS sessions
JOIN rvbbit_ledger.main.sql_query_log AS queries ON queries.query_id = sessions.query_id
WHERE NOT sessions.is_meta;

-- Meta runs that have nobody to pay for them, with the reason.
CREATE OR REPLACE VIEW rvbbit.main.orphaned_meta_cascades AS
SELECT meta.session_id, meta.cascade_id, meta.meta_of_session_id, meta.parent_session_id, meta.caller_id,
       meta.created_at, meta.status,
       CASE WHEN meta.meta_of_session_id IS NULL THEN 'judges no session'
            WHEN judged.session_id IS NULL THEN 'judged session not found'
            ELSE 'judged session has no caller' END AS reason
FROM rvbbit_ledger.main.cascade_sessions AS meta
LEFT JOIN rvbbit_ledger.main.cascade_sessions AS judged ON judged.session_id = meta.meta_of_session_id
WHERE meta.is_meta AND (meta.caller_id IS NULL OR judged.session_id IS NULL);

-- Statements that run now: what a process that died left as running is older than this one. The session publishes
-- how far stages are just before a statement reads it.
CREATE TABLE rvbbit_published.main.server_start AS SELECT now() AS started_at;
CREATE TABLE rvbbit_published.main.running_stages (
    query_id VARCHAR, stage VARCHAR, inputs_done BIGINT, inputs_total BIGINT, seconds_left DOUBLE
);
CREATE TABLE rvbbit_published.main.cache_counts (
    entries BIGINT, hits BIGINT, misses BIGINT, joined BIGINT, evicted BIGINT
);
-- Answers given from the cache since the server's start, worked out, and waited for while others worked them out.
CREATE OR REPLACE VIEW rvbbit.main.cache_statistics AS
SELECT entries, hits, misses, joined, evicted, hits / nullif(hits + misses + joined, 0) AS hit_share
FROM rvbbit_published.main.cache_counts;

CREATE OR REPLACE VIEW rvbbit.main.running_queries AS
SELECT queries.query_id, queries.caller_id, queries.connection_id, queries.started_at,
       now() - queries.started_at AS running_for, queries.user_name, queries.database_name,
       queries.application_name, queries.sql_text, coalesce(calls.calls, 0) AS calls, calls."cost",
       stages.stage, stages.inputs_done, stages.inputs_total, stages.seconds_left * INTERVAL 1 SECOND AS time_left
FROM rvbbit_ledger.main.sql_query_log AS queries
LEFT JOIN (
    SELECT query_id, count(*) AS calls, sum(total_cost) AS "cost"
    FROM rvbbit_ledger.main.llm_interactions GROUP BY query_id
) AS calls ON calls.query_id = queries.query_id
LEFT JOIN rvbbit_published.main.running_stages AS stages ON stages.query_id = queries.query_id
WHERE queries.status = 'running' AND queries.started_at >= (FROM rvbbit_published.main.server_start);

-- The tree of events: one edge per event that has a parent.
CREATE OR REPLACE VIEW rvbbit.main.trace_edges AS
SELECT root_trace_id, parent_trace_id, trace_id, node_type, cascade_id, cell_name, session_id, caller_id, "timestamp"
FROM rvbbit.main.all_data
WHERE parent_trace_id IS NOT NULL;

-- Runs that were found worth learning from, by the last word on each: a person's before a meta cascade's.
CREATE OR REPLACE VIEW rvbbit.main.training_examples AS
WITH last_words AS (
    SELECT * FROM rvbbit_ledger.main.training_annotations WHERE trainable IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY session_id, cell_name ORDER BY (meta_session_id IS NULL) DESC, created_at DESC
    ) = 1
), judgements AS (
    SELECT session_id, arg_max(confidence, created_at) AS confidence
    FROM rvbbit_ledger.main.training_annotations WHERE meta_session_id IS NOT NULL GROUP BY session_id
)
SELECT sessions.session_id, sessions.cascade_id, last_words.cell_name, sessions.input_data, sessions.output,
       last_words.verified, coalesce(last_words.confidence, judgements.confidence) AS confidence,
       last_words.notes, last_words.tags, last_words.annotated_by, sessions.caller_id, last_words.created_at
FROM last_words
JOIN rvbbit_ledger.main.cascade_sessions AS sessions ON sessions.session_id = last_words.session_id
LEFT JOIN judgements ON judgements.session_id = last_words.session_id
WHERE last_words.trainable AND sessions.status = 'success';
