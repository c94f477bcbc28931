"""Every session parameter there is: PostgreSQL's that clients ask for, and ours (``rvbbit.*``), as one table.

Source: https://www.postgresql.org/docs/16/runtime-config-client.html ; PRODUCT contract, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rvbbit_proxy.session import parameter_kinds as kinds
from rvbbit_proxy.session.parameter_kinds import Kind

SERVER_VERSION = "16.4"
ISOLATION_LEVELS = ("serializable", "repeatable read", "read committed", "read uncommitted")
_MESSAGE_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error")


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter: its name as shown, its default, its domain.

    ``reported``: a change is told with ParameterStatus. ``listed``: takes several values, comma-separated.
    """

    name: str
    default: str
    kind: Kind = kinds.text
    help: str = ""
    reported: bool = False
    read_only: bool = False
    listed: bool = False


def _fixed(name: str, value: str, help: str = "", *, reported: bool = False) -> ParameterSpec:
    return ParameterSpec(name, value, help=help, reported=reported, read_only=True)


_isolation = kinds.choice(*ISOLATION_LEVELS)

_SPECS: tuple[ParameterSpec, ...] = (
    ParameterSpec(
        "application_name", "", help="The application, as statistics and callers show it.", reported=True
    ),
    ParameterSpec("client_encoding", "UTF8", kinds.client_encoding, "The client's encoding.", reported=True),
    ParameterSpec("DateStyle", "ISO, MDY", kinds.date_style, "Format of dates.", reported=True, listed=True),
    ParameterSpec("TimeZone", "UTC", kinds.time_zone, "Time zone of shown timestamps.", reported=True),
    ParameterSpec(
        "IntervalStyle",
        "postgres",
        kinds.choice("postgres", "postgres_verbose", "sql_standard", "iso_8601"),
        "Format of intervals.",
        reported=True,
    ),
    ParameterSpec(
        "standard_conforming_strings", "on", kinds.choice("on"), "Backslashes are plain.", reported=True
    ),
    ParameterSpec(
        "default_transaction_read_only", "off", kinds.boolean, "New transactions only read.", reported=True
    ),
    ParameterSpec("search_path", '"$user", public', help="Order of schemas.", listed=True),
    _fixed("server_version", SERVER_VERSION, "The PostgreSQL whose behaviour we follow.", reported=True),
    _fixed("server_encoding", "UTF8", "The server's encoding.", reported=True),
    _fixed("integer_datetimes", "on", "Timestamps are integers.", reported=True),
    _fixed("is_superuser", "on", "Whether the user is a superuser.", reported=True),
    _fixed("session_authorization", "", "The session's user.", reported=True),
    ParameterSpec("scram_iterations", "4096", kinds.integer(1), "Iterations of new verifiers.", reported=True),
    _fixed("in_hot_standby", "off", "Whether this is a standby.", reported=True),
    _fixed("server_version_num", "160004", "The same as a number."),
    _fixed("max_identifier_length", "63", "Longest name, in bytes."),
    _fixed("max_function_args", "100"),
    _fixed("max_index_keys", "32"),
    _fixed("block_size", "8192"),
    _fixed("wal_block_size", "8192"),
    _fixed("segment_size", "1GB"),
    _fixed("data_checksums", "off"),
    _fixed("debug_assertions", "off"),
    _fixed("ssl_library", "OpenSSL"),
    _fixed("lc_collate", "C", "Order of text."),
    _fixed("lc_ctype", "C.UTF-8", "Classes of characters."),
    _fixed("max_connections", "100"),
    _fixed("wal_level", "replica"),
    _fixed("fsync", "on"),
    _fixed("track_activities", "on"),
    ParameterSpec("role", "none", help="The current role."),
    ParameterSpec("bytea_output", "hex", kinds.choice("hex", "escape"), "Format of bytea."),
    ParameterSpec("extra_float_digits", "1", kinds.integer(-15, 3), "Digits of floats; above 0: shortest."),
    ParameterSpec("statement_timeout", "0", kinds.milliseconds(), "Longest a statement may take; 0 is no limit."),
    ParameterSpec("lock_timeout", "0", kinds.milliseconds(), "Longest wait for a lock; 0 is no limit."),
    ParameterSpec("idle_in_transaction_session_timeout", "0", kinds.milliseconds(), "Longest idle transaction."),
    ParameterSpec(
        "client_connection_check_interval",
        "1s",
        kinds.milliseconds(),
        "0 lets a statement run on when its client has gone; else that is looked at every second.",
    ),
    ParameterSpec("transaction_timeout", "0", kinds.milliseconds(), "Longest transaction; 0 is no limit."),
    ParameterSpec("idle_session_timeout", "0", kinds.milliseconds(), "Longest idle session."),
    ParameterSpec("transaction_isolation", "read committed", _isolation, "The transaction's isolation level."),
    ParameterSpec("default_transaction_isolation", "read committed", _isolation, "Isolation of new transactions."),
    ParameterSpec("transaction_read_only", "off", kinds.boolean, "The transaction only reads."),
    ParameterSpec("transaction_deferrable", "off", kinds.boolean),
    ParameterSpec("default_transaction_deferrable", "off", kinds.boolean),
    ParameterSpec(
        "client_min_messages",
        "notice",
        kinds.choice(*_MESSAGE_LEVELS, hidden=MappingProxyType({"info": "notice", "debug": "debug2"})),
        "Least level of notices sent.",
    ),
    ParameterSpec("log_min_messages", "warning"),
    ParameterSpec("log_statement", "none"),
    ParameterSpec("log_min_duration_statement", "-1", kinds.milliseconds(low=-1)),
    ParameterSpec("lc_messages", "C"),
    ParameterSpec("lc_monetary", "C"),
    ParameterSpec("lc_numeric", "C"),
    ParameterSpec("lc_time", "C"),
    ParameterSpec("jit", "off", kinds.boolean),
    ParameterSpec("row_security", "on", kinds.boolean),
    ParameterSpec("check_function_bodies", "on", kinds.boolean),
    ParameterSpec("default_tablespace", ""),
    ParameterSpec("default_table_access_method", "heap"),
    ParameterSpec("temp_tablespaces", "", listed=True),
    ParameterSpec("default_with_oids", "off", kinds.choice("off")),
    ParameterSpec("synchronous_commit", "on", kinds.choice("on", "off", "local", "remote_write", "remote_apply")),
    ParameterSpec("xmloption", "content", kinds.choice("content", "document")),
    ParameterSpec("xmlbinary", "base64", kinds.choice("base64", "hex")),
    ParameterSpec("escape_string_warning", "on", kinds.boolean),
    ParameterSpec("backslash_quote", "safe_encoding"),
    ParameterSpec("array_nulls", "on", kinds.boolean),
    ParameterSpec("quote_all_identifiers", "off", kinds.boolean),
    ParameterSpec("transform_null_equals", "off", kinds.choice("off")),
    ParameterSpec("synchronize_seqscans", "on", kinds.boolean),
    ParameterSpec("session_replication_role", "origin", kinds.choice("origin", "replica", "local")),
    ParameterSpec("password_encryption", "scram-sha-256", kinds.choice("scram-sha-256", "md5")),
    ParameterSpec("default_statistics_target", "100", kinds.integer(1, 10000)),
    ParameterSpec("constraint_exclusion", "partition", kinds.choice("partition", "on", "off")),
    ParameterSpec("cursor_tuple_fraction", "0.1"),
    ParameterSpec("plan_cache_mode", "auto", kinds.choice("auto", "force_generic_plan", "force_custom_plan")),
    ParameterSpec("work_mem", "4MB"),
    ParameterSpec("maintenance_work_mem", "64MB"),
    ParameterSpec("temp_buffers", "8MB"),
    ParameterSpec("effective_cache_size", "4GB"),
    ParameterSpec("random_page_cost", "4"),
    ParameterSpec("seq_page_cost", "1"),
    *(
        ParameterSpec(name, "on", kinds.boolean)
        for name in (
            "enable_bitmapscan",
            "enable_hashagg",
            "enable_hashjoin",
            "enable_indexonlyscan",
            "enable_indexscan",
            "enable_material",
            "enable_mergejoin",
            "enable_nestloop",
            "enable_seqscan",
            "enable_sort",
            "geqo",
        )
    ),
    ParameterSpec("rvbbit.caller_id", "", help="Pins the caller for the session; empty mints one per query."),
    _fixed("rvbbit.last_caller_id", "", "The caller of the last query."),
    ParameterSpec("rvbbit.tags", "", kinds.json_object, "JSON object recorded with the caller."),
    ParameterSpec("rvbbit.traceparent", "", kinds.traceparent, "W3C trace parent to nest under."),
    ParameterSpec("rvbbit.model", "offline", help="litellm model id of this session, or offline."),
    ParameterSpec("rvbbit.embed_model", "offline", help="Embedding model of this session, or offline."),
    ParameterSpec("rvbbit.max_cost", "", kinds.usd, "USD a query may spend; empty is no limit."),
    ParameterSpec(
        "rvbbit.on_error", "fail", kinds.choice("fail", "null"), "A failed answer fails the query, or is NULL."
    ),
    ParameterSpec("rvbbit.progress", "off", kinds.boolean, "NOTICEs with done/total, cost and time left."),
    ParameterSpec("rvbbit.cache", "on", kinds.choice("on", "off", "refresh"), "How answers known are used."),
    ParameterSpec(
        "rvbbit.cache_ttl", "0", kinds.milliseconds(), "Age at which an answer is asked anew; 0 is never."
    ),
    ParameterSpec("rvbbit.concurrency", "16", kinds.integer(1, 10_000), "Model requests in flight."),
    ParameterSpec("rvbbit.batch_size", "100", kinds.integer(1, 10_000), "Inputs per prompt."),
    ParameterSpec(
        "rvbbit.top_k",
        "auto",
        kinds.choice("auto", "exhaustive"),
        "Whether ORDER BY a score LIMIT k may score a shortlist, by embeddings, or has to score every row.",
    ),
    ParameterSpec(
        "rvbbit.join",
        "auto",
        kinds.choice("auto", "blocked", "exhaustive"),
        "Whether a join by an operator judges every pair, only like ones by embeddings, or that where pairs are many.",
    ),
    ParameterSpec(
        "rvbbit.accuracy",
        "off",
        kinds.accuracy,
        "Agreement with the model, below 1, at which embeddings may decide clear cases; off asks the model always.",
    ),
    ParameterSpec(
        "rvbbit.proxy_model",
        "",
        help="Small model whose log-probabilities decide the clear cases instead of embeddings; see rvbbit.accuracy.",
    ),
    ParameterSpec("rvbbit.meta", "off", kinds.share, "Whether, or for which share, meta cascades run."),
)

PARAMETERS: Mapping[str, ParameterSpec] = MappingProxyType({spec.name.lower(): spec for spec in _SPECS})
"""All parameters by lower-case name."""

REPORTED: tuple[str, ...] = tuple(key for key, spec in PARAMETERS.items() if spec.reported)
"""The keys whose values the client is told, at the start and on each change."""
