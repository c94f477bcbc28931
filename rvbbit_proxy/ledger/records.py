"""What the ledger records: one frozen dataclass per table, fields named as the table's columns.

A record is a whole row. The same key recorded again (a run started, then ended) replaces the row.
Source: LEDGER model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row of one table of the ledger."""

    table: ClassVar[str]
    key: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRecord(Record):
    """One SQL statement that has a caller of its own."""

    table: ClassVar[str] = "sql_query_log"
    key: ClassVar[str] = "query_id"

    query_id: str
    caller_id: str | None
    caller_source: str
    connection_id: str | None
    started_at: datetime
    sql_text: str
    status: str  # running, success, error, cancelled
    ended_at: datetime | None = None
    sql_rewritten: str | None = None
    fingerprint: str | None = None
    protocol: str | None = None  # simple, extended, copy, cli, http
    user_name: str | None = None
    database_name: str | None = None
    application_name: str | None = None
    traceparent: str | None = None
    root_trace_id: str | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    sqlstate: str | None = None
    error_message: str | None = None
    invocation_metadata_json: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord(Record):
    """One cascade run."""

    table: ClassVar[str] = "cascade_sessions"
    key: ClassVar[str] = "session_id"

    session_id: str
    cascade_id: str
    caller_id: str | None
    created_at: datetime
    status: str  # running, success, error, cancelled
    completed_at: datetime | None = None
    cascade_definition: dict[str, Any] | None = None
    input_data: Any = None
    output: Any = None
    config_path: str | None = None
    parent_session_id: str | None = None
    root_session_id: str | None = None
    depth: int = 0
    invocation_metadata_json: dict[str, Any] = field(default_factory=dict)
    genus_hash: str | None = None
    query_id: str | None = None
    root_trace_id: str | None = None
    trace_id: str | None = None
    is_meta: bool = False
    meta_of_session_id: str | None = None
    error_type: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRecord(Record):
    """The columns that all fact tables share."""

    caller_id: str | None
    root_trace_id: str
    trace_id: str
    start_time: datetime
    query_id: str | None = None
    session_id: str | None = None
    parent_session_id: str | None = None
    parent_trace_id: str | None = None
    cascade_id: str | None = None
    cell_name: str | None = None
    is_meta: bool = False
    run_id: datetime | None = None
    recursion_id: str | None = None
    parent_recursion_id: str | None = None
    current_depth: int | None = None
    max_depth: int | None = None
    iteration: int | None = None
    model: str | None = None
    model_index: int | None = None
    end_time: datetime | None = None
    duration_ms: float | None = None
    success: bool | None = None
    error_type: str | None = None
    error_message: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord(FactRecord):
    """A span: one timed unit of work with a parent."""

    table: ClassVar[str] = "latency_events"
    key: ClassVar[str] = "event_id"

    event_id: str
    event_type: str  # query, cascade, cell, attempt, trait, operator, llm_interaction, code_execution, validation…
    event_subtype: str | None = None
    node_id: str | None = None
    args: dict[str, Any] | None = None
    source_component: str | None = None
    source_function: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionRecord(FactRecord):
    """One request to a model: the only place where money lives.

    ``cost_state``: pending (sent, no outcome yet), priced, unpriced (``total_cost`` is None), failed.
    ``usage_source``: provider, estimated, offline.
    """

    table: ClassVar[str] = "llm_interactions"
    key: ClassVar[str] = "interaction_id"

    interaction_id: str
    provider: str | None = None
    model_requested: str | None = None
    model_type: str = "chat"  # chat, embedding
    request_id: str | None = None
    attempt: int = 1
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    uncached_prompt_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_usd_per_mtok: Decimal | None = None
    output_usd_per_mtok: Decimal | None = None
    cached_input_usd_per_mtok: Decimal | None = None
    total_cost: Decimal | None = None
    cost_state: str = "pending"
    usage_source: str | None = None
    result_cache: str | None = None  # miss, refresh, off: what the result cache said before this call
    context_messages: int | None = None
    context_tokens: int | None = None
    response_length: int | None = None
    has_tool_calls: bool = False
    tool_call_count: int = 0
    finish_reason: str | None = None
    request_hash: str | None = None
    request_json: Any = None
    response_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeExecutionRecord(FactRecord):
    """One execution of code by a cell."""

    table: ClassVar[str] = "code_executions"
    key: ClassVar[str] = "execution_id"

    execution_id: str
    execution_number: int = 1
    code: str | None = None
    code_hash: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    output_length: int | None = None
    sandbox: str | None = None
    limit_hit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelevanceRecord(Record):
    """How much of a cell's context its answer used, judged by ``analyze_context_relevance``."""

    table: ClassVar[str] = "context_relevance"
    key: ClassVar[str] = "relevance_id"

    relevance_id: str
    session_id: str | None  # the meta run
    meta_of_session_id: str
    cell_name: str | None
    caller_id: str | None
    created_at: datetime
    context_trace_id: str | None = None  # the message judged
    relevance: float | None = None  # 0 to 1
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationRecord(Record):
    """A judgement of a run's worth as a training example, by a person or by a meta cascade."""

    table: ClassVar[str] = "training_annotations"
    key: ClassVar[str] = "annotation_id"

    annotation_id: str
    session_id: str  # the run judged
    caller_id: str | None
    created_at: datetime
    cell_name: str | None = None
    trainable: bool | None = None
    verified: bool | None = None
    confidence: float | None = None  # 0 to 1
    notes: str | None = None
    tags: list[str] = field(default_factory=list)
    annotated_by: str | None = None  # user name, or 'assess_training_confidence'
    meta_session_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRecord(Record):
    """One answer of an operator, to be given again for the same inputs, version, model and parameters."""

    table: ClassVar[str] = "semantic_cache"
    key: ClassVar[str] = "cache_key"

    cache_key: str  # sha256 hex of operator version, model, parameters and inputs
    operator: str
    genus_hash: str
    model: str
    value: Any
    created_at: datetime
    session_id: str | None = None
    caller_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaTaskRecord(Record):
    """One judgement that a meta cascade owes: kept until it is done, so that a restart loses none."""

    table: ClassVar[str] = "meta_tasks"
    key: ClassVar[str] = "task_id"

    task_id: str
    cascade_id: str  # the meta cascade
    meta_of_session_id: str
    created_at: datetime
    status: str  # pending, success, error
    model: str
    caller_id: str | None = None
    cell_name: str | None = None
    inputs: dict[str, Any] | None = None
    context_trace_ids: list[str] = field(default_factory=list)  # of the messages judged, in order
    completed_at: datetime | None = None
    meta_session_id: str | None = None
    error_message: str | None = None


RECORD_KINDS: tuple[type[Record], ...] = (
    QueryRecord,
    SessionRecord,
    EventRecord,
    InteractionRecord,
    CodeExecutionRecord,
    RelevanceRecord,
    AnnotationRecord,
    CacheRecord,
    MetaTaskRecord,
)
"""Every kind of record that has a table."""
