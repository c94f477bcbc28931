-- What the meta cascades have yet to judge: survives a restart. A task that is done keeps no inputs.

CREATE TABLE meta_tasks (
    task_id VARCHAR NOT NULL,
    cascade_id VARCHAR,
    meta_of_session_id VARCHAR,
    cell_name VARCHAR,
    caller_id VARCHAR,
    created_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    status VARCHAR,
    model VARCHAR,
    inputs JSON,
    context_trace_ids JSON,
    meta_session_id VARCHAR,
    error_message VARCHAR
);
