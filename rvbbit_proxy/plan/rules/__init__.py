"""The planner's rules, one a file, applied to every SELECT scope that holds operators, in this order."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from rvbbit_proxy.plan.rules.early import stop_early
from rvbbit_proxy.plan.rules.filters import filter_rows
from rvbbit_proxy.plan.rules.groups import group_inputs
from rvbbit_proxy.plan.rules.joins import move_join_conditions
from rvbbit_proxy.plan.rules.late import split_late
from rvbbit_proxy.plan.rules.lists import keep_values
from rvbbit_proxy.plan.rules.order import order_filters
from rvbbit_proxy.plan.rules.scores import compare_scores
from rvbbit_proxy.plan.rules.sources import spool_sources
from rvbbit_proxy.plan.rules.stars import write_stars
from rvbbit_proxy.plan.rules.top import score_keys
from rvbbit_proxy.plan.rules.values import name_select_items, row_values
from rvbbit_proxy.plan.rules.windows import write_windows
from rvbbit_proxy.plan.staging import Staging

Rule = Callable[[exp.Select, Staging], exp.Select]

RULES: tuple[Rule, ...] = (
    name_select_items,
    write_windows,
    compare_scores,
    keep_values,
    spool_sources,
    move_join_conditions,
    write_stars,
    stop_early,
    order_filters,
    filter_rows,
    group_inputs,
    score_keys,
    split_late,
    row_values,
)
