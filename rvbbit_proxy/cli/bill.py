"""What one caller cost: read from three relations of the ledger that must agree to the last digit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import psycopg

LINES = """
    SELECT kind, cascade_id, count(DISTINCT session_id) AS runs,
           count(*) FILTER (WHERE node_type = 'llm_interaction') AS calls,
           coalesce(sum(tokens_in), 0) AS tokens_in, coalesce(sum(tokens_out), 0) AS tokens_out, sum(cost) AS cost
    FROM rvbbit.all_data
    WHERE caller_id = %s AND cascade_id IS NOT NULL
    GROUP BY kind, cascade_id
    ORDER BY kind DESC, cascade_id
"""
ROLL_UP = """
    SELECT query_cost, meta_cost, cost, calls, tokens_in, tokens_out FROM rvbbit.caller_costs WHERE caller_id = %s
"""
CALLS = """
    SELECT sum(total_cost), count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
           count(*) FILTER (WHERE total_cost IS NULL)
    FROM rvbbit.llm_interactions
    WHERE caller_id = %s
"""

Connection: TypeAlias = "psycopg.Connection[Any]"


@dataclass(frozen=True, slots=True)
class Amount:
    """Calls, their tokens, and their cost in USD; what has no known price counts as nothing here."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: Decimal = Decimal(0)

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class BillLine:
    """What one cascade cost."""

    kind: str  # query, meta
    cascade_id: str
    runs: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class Bill:
    """A caller's bill. ``unpriced_calls``: calls whose price nobody knows, which the sums leave out."""

    caller_id: str
    lines: tuple[BillLine, ...]  # from all_data
    query_usd: Decimal  # from caller_costs
    meta_usd: Decimal
    total: Amount
    calls: Amount  # from llm_interactions
    unpriced_calls: int

    def of_kind(self, kind: str) -> Amount:
        """Return the sum of the lines of one kind."""
        return total_of(line.amount for line in self.lines if line.kind == kind)


def total_of(amounts: Iterable[Amount]) -> Amount:
    """Return the sum.

    >>> total_of([Amount(1, 10, 2, Decimal("0.1")), Amount(2, 5, 1)])
    Amount(calls=3, tokens_in=15, tokens_out=3, cost_usd=Decimal('0.1'))
    """
    return sum(amounts, Amount())


def read_bill(connection: Connection, caller_id: str) -> Bill:
    """Read a caller's bill over a client's connection. Raises psycopg.Error."""
    lines = connection.execute(LINES, [caller_id]).fetchall()
    query, meta, total, calls, tokens_in, tokens_out = _only(connection, ROLL_UP, caller_id)
    summed, count, prompt_tokens, completion_tokens, unpriced = _only(connection, CALLS, caller_id)
    return Bill(
        caller_id,
        tuple(BillLine(kind, cascade_id, runs, _amount(*rest)) for kind, cascade_id, runs, *rest in lines),
        Decimal(query or 0),
        Decimal(meta or 0),
        _amount(calls, tokens_in, tokens_out, total),
        _amount(count, prompt_tokens, completion_tokens, summed),
        unpriced,
    )


def _only(connection: Connection, statement: Any, caller_id: str) -> tuple[Any, ...]:
    """Return the one row; nothing but zeros for a caller that the ledger does not know."""
    row = connection.execute(statement, [caller_id]).fetchone()
    return row if row is not None else (0,) * 6


def _amount(calls: int, tokens_in: int, tokens_out: int, cost_usd: Decimal | None) -> Amount:
    return Amount(int(calls), int(tokens_in), int(tokens_out), Decimal(cost_usd or 0))


def disagreements(bill: Bill) -> list[str]:
    """Return what does not add up; nothing if query + meta = total = the sum of the calls."""
    query, meta = bill.of_kind("query"), bill.of_kind("meta")
    laws = (
        ("query + meta", bill.query_usd + bill.meta_usd, "total", bill.total.cost_usd),
        ("query in all_data", query.cost_usd, "query in caller_costs", bill.query_usd),
        ("meta in all_data", meta.cost_usd, "meta in caller_costs", bill.meta_usd),
        ("query + meta in all_data", query + meta, "llm_interactions", bill.calls),
        ("total in caller_costs", bill.total, "llm_interactions", bill.calls),
    )
    return [f"{left} is {one}, {right} is {other}" for left, one, right, other in laws if one != other]
