"""psql's backslash commands against the server; the simple ones print what they print on PostgreSQL."""

from __future__ import annotations

import pytest
from catalog_places import Place

SAME = r"""
\d  \dt  \dv  \ds  \di  \d counter  \d moods  \d big_orders  \d other.things  \dt other.*  \d counted  \dT  \dm  \det
\dew  \dP  \drds  \dy  \da nothing
"""
WORKS = r"""
\d+  \d+ customers  \d+ orders  \d+ big_orders  \dt+  \dn+  \df  \df+  \du  \dg+  \l  \l+  \di+  \dT+  \dx  \dp  \sf means
\sv big_orders  \db  \dL  \dC  \do  \dO  \dc  \dD  \dA  \dAc  \dX  \ddp  \dRp  \dRs  \des  \dS pg_class  \dd  \dconfig
\df upper  \z
"""


def commands(text: str) -> list[str]:
    return [command for line in text.split("\n") for command in line.split("  ") if command]


@pytest.mark.parametrize("command", commands(SAME))
def test_prints_what_postgres_prints(ours: Place, real: Place, command: str) -> None:
    assert ours.psql(command) == real.psql(command)


@pytest.mark.parametrize("command", commands(WORKS))
def test_runs(ours: Place, command: str) -> None:
    ours.psql(command)


def test_describes_keys_and_checks(ours: Place) -> None:
    customers = ours.psql(r"\d customers")
    assert '"customers_pkey" PRIMARY KEY, btree (id)' in customers
    assert '"customers_email_key" UNIQUE CONSTRAINT, btree (email)' in customers
    assert '"customers_balance_check" CHECK (balance >= 0)' in customers
    assert (
        'TABLE "orders" CONSTRAINT "orders_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES customers(id)'
        in customers
    )
    orders = ours.psql(r"\d orders")
    assert '"orders_note_idx" btree (note, lower(note))' in orders
    assert '"orders_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES customers(id)' in orders


def test_operators_are_functions_with_descriptions(ours: Place) -> None:
    assert "rvbbit | means " in ours.psql(r"\df means")
    described = ours.rows("SELECT obj_description(oid, 'pg_proc') FROM pg_proc WHERE proname = 'means'")
    assert described and all(text for (text,) in described)


def test_the_ledger_is_a_schema_of_views(ours: Place) -> None:
    assert " rvbbit | all_data " in ours.psql(r"\dv rvbbit.*")
    assert "caller_costs" not in ours.psql(r"\dv")
