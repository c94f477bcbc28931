"""Plans that are kept for statements that come again."""

from __future__ import annotations

from typing import cast

from rvbbit_proxy.engine.upstream import UpstreamSession
from rvbbit_proxy.execute import plans as plans_module
from rvbbit_proxy.execute.plans import Describe, Plans
from rvbbit_proxy.plan.plan import Plan, Spool


class Upstream:
    dialect = "duckdb"


class Planner:
    """Plans a statement as one spool and a query of it, and counts how often."""

    def __init__(self, *, asks: bool = False) -> None:
        self.suffixes: list[str | None] = []
        self.asks = asks

    def __call__(self, describe: Describe, suffix: str | None) -> Plan:
        self.suffixes.append(suffix)
        if self.asks:
            describe("SELECT 1")
        name = f"rvbbit_spool0_{suffix or len(self.suffixes)}"
        return Plan((Spool(name, "SELECT 1", "SELECT 1", ""),), f"SELECT * FROM {name}")


def session(dialect: str = "duckdb") -> UpstreamSession:
    made = Upstream()
    made.dialect = dialect
    return cast("UpstreamSession", made)


def names(_: str) -> list[str]:
    return ["a"]


def test_a_statement_that_comes_again_is_not_planned_again() -> None:
    plans, planner, here = Plans(), Planner(), session()
    first = plans.plan("one", planner, names, here)
    assert plans.plan("one", planner, names, session()) is first
    assert plans.plan("two", planner, names, here).relations != first.relations
    plans.plan("one", planner, names, session("postgres"))
    assert len(planner.suffixes) == 3 and len(set(planner.suffixes)) == 2


def test_while_its_relations_are_there_a_session_gets_others() -> None:
    plans, planner, here = Plans(), Planner(), session()
    first = plans.plan("one", planner, names, here)
    plans.begin(first, here)
    second = plans.plan("one", planner, names, here)
    assert set(second.relations).isdisjoint(first.relations)
    assert plans.plan("one", planner, names, session()) is first
    plans.end(first, here)
    assert plans.plan("one", planner, names, here) is first


def test_what_the_catalogs_were_asked_for_is_planned_again() -> None:
    plans, planner, here = Plans(), Planner(asks=True), session()
    first = plans.plan("one", planner, names, here)
    plans.begin(first, here)
    assert set(plans.plan("one", planner, names, here).relations).isdisjoint(first.relations)
    assert len(planner.suffixes) == 3  # the last was planned before its names were known to be taken


def test_the_plans_used_least_lately_are_forgotten() -> None:
    plans, planner, here = Plans(), Planner(), session()
    for number in range(plans_module.KEPT_PLANS):
        plans.plan(f"{number}", planner, names, here)
    plans.plan("0", planner, names, here)
    plans.plan("another", planner, names, here)
    before = len(planner.suffixes)
    plans.plan("0", planner, names, here)
    assert len(planner.suffixes) == before
    plans.plan("1", planner, names, here)
    assert len(planner.suffixes) == before + 1
