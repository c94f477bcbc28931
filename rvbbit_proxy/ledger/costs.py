"""Roll-ups of what was spent, for ``rvbbit costs``: sums over ``llm_interactions``, exact to the last digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from rvbbit_proxy.errors import InvalidValue
from rvbbit_proxy.ledger.ledger import Ledger

RollUpKey: TypeAlias = Literal["caller", "operator", "model", "user", "application", "day"]

KEYS: Mapping[str, str] = {
    "caller": "calls.caller_id",
    "operator": "calls.cascade_id",
    "model": "coalesce(calls.model, calls.model_requested)",
    "user": "coalesce(queries.user_name, sessions.invocation_metadata_json->>'user')",
    "application": "coalesce(queries.application_name, sessions.invocation_metadata_json->>'application')",
    "day": "CAST(timezone('UTC', calls.start_time) AS DATE)",
}

ROLL_UP = """
    SELECT {key} AS "{name}",
           count(*) AS calls,
           coalesce(sum(calls.prompt_tokens), 0)::BIGINT AS tokens_in,
           coalesce(sum(calls.completion_tokens), 0)::BIGINT AS tokens_out,
           sum(calls.total_cost) AS cost,
           CASE WHEN count(*) FILTER (NOT calls.is_meta) = 0 THEN 0
                ELSE sum(calls.total_cost) FILTER (NOT calls.is_meta) END AS query_cost,
           CASE WHEN count(*) FILTER (calls.is_meta) = 0 THEN 0
                ELSE sum(calls.total_cost) FILTER (calls.is_meta) END AS meta_cost,
           count(*) FILTER (calls.cost_state = 'unpriced') AS unpriced_calls,
           count(*) FILTER (calls.cost_state = 'failed') AS failed_calls
    FROM {schema}.llm_interactions AS calls
    LEFT JOIN {schema}.sql_query_log AS queries ON queries.query_id = calls.query_id
    LEFT JOIN {schema}.cascade_sessions AS sessions ON sessions.session_id = calls.session_id
    WHERE ($caller IS NULL OR calls.caller_id = $caller) AND ($since IS NULL OR calls.start_time >= $since)
    GROUP BY 1
    ORDER BY {order}
"""


@dataclass(frozen=True, slots=True)
class RollUp:
    """Sums per key. Costs are USD as ``Decimal``; None: no call of that kind had a known price."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def roll_up(ledger: Ledger, by: str, *, caller: str | None = None, since: datetime | None = None) -> RollUp:
    """Return what was spent by caller, operator, model, user, application or day (UTC).

    ``caller``: only that caller's; ``since``: only calls started then or later. Dearest first, days in order.
    Raises :class:`InvalidValue` for another key.
    """
    table = ledger.query(roll_up_sql(by), {"caller": caller, "since": since})
    columns = tuple(table.column_names)
    return RollUp(columns, tuple(tuple(row[name] for name in columns) for row in table.to_pylist()))


def roll_up_sql(by: str, *, schema: str = "rvbbit_ledger.main") -> str:
    """Return the query of the roll-up, with ``$caller`` and ``$since`` to be filled in (both may be NULL).

    Over the wire ``schema`` is ``rvbbit``. Raises :class:`InvalidValue` for another key.
    """
    if by not in KEYS:
        raise InvalidValue(f"cannot roll up by {by!r}", hint=f"One of {', '.join(KEYS)}.")
    order = "1" if by == "day" else "cost DESC NULLS LAST, calls DESC, 1"
    return ROLL_UP.format(key=KEYS[by], name=by, order=order, schema=schema)
