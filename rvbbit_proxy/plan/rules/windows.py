"""``WINDOW w AS (… operator …)``: a named window whose definition holds an operator is written where it is used."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from rvbbit_proxy.plan.scope import has_calls, walk_scope
from rvbbit_proxy.plan.staging import Staging

PARTS = ("partition_by", "order", "spec")


def write_windows(select: exp.Select, staging: Staging) -> exp.Select:
    """Replace the names of windows by their definitions, where an operator stands in one."""
    named = {window.name.lower(): window for window in select.args.get("windows") or []}
    if not any(map(has_calls, named.values())):
        return select
    select.set("windows", None)
    for clause in [*select.expressions, select.args.get("order")]:
        for window in walk_scope(clause) if clause is not None else ():
            if isinstance(window, exp.Window) and window.alias:
                _take_parts(window, named)
    return select


def _take_parts(window: exp.Window, named: Mapping[str, exp.Window]) -> None:
    """Copy, in place, what the window that is named has and this one has not."""
    base = named.get(window.alias.lower())
    if base is None:
        return
    base = base.copy()
    if base.alias:
        _take_parts(base, named)
    for part in PARTS:
        if not window.args.get(part):
            window.set(part, base.args.get(part))
    window.set("alias", None)
