"""A bill's laws: query + meta = total = the sum of the calls, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from rvbbit_proxy.cli.bill import Amount, Bill, BillLine, disagreements

QUERY = Amount(3, 300, 30, Decimal("0.000300001"))
META = Amount(2, 100, 20, Decimal("0.000100000"))
BILL = Bill(
    "sql-quiet-otter-3f9a1c",
    (BillLine("query", "themes", 2, QUERY), BillLine("meta", "assess_training_confidence", 2, META)),
    QUERY.cost_usd,
    META.cost_usd,
    QUERY + META,
    QUERY + META,
    0,
)
LITTLE = Decimal("0.000000001")


def test_a_bill_that_adds_up_has_no_disagreement() -> None:
    assert disagreements(BILL) == []


@pytest.mark.parametrize(
    "wrong",
    [
        replace(BILL, query_usd=BILL.query_usd + LITTLE),
        replace(BILL, meta_usd=BILL.meta_usd - LITTLE),
        replace(BILL, total=replace(BILL.total, cost_usd=BILL.total.cost_usd + LITTLE)),
        replace(BILL, total=replace(BILL.total, calls=6)),
        replace(BILL, calls=replace(BILL.calls, tokens_in=401)),
        replace(BILL, calls=replace(BILL.calls, cost_usd=Decimal(0))),
        replace(BILL, lines=BILL.lines[:1]),
        replace(BILL, lines=(*BILL.lines, BILL.lines[0])),
        replace(BILL, lines=tuple(replace(line, kind="query") for line in BILL.lines)),
    ],
)
def test_any_difference_is_told(wrong: Bill) -> None:
    assert disagreements(wrong) != []
