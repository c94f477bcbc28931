"""A bare score in a boolean position means ``> 0.5``."""

from __future__ import annotations

from typing import TypeVar

from sqlglot import exp

from rvbbit_proxy.plan.describable import compare_calls
from rvbbit_proxy.plan.scope import scope_calls
from rvbbit_proxy.plan.staging import Staging

Scope = TypeVar("Scope", bound=exp.Expr)


def compare_scores(select: Scope, staging: Staging) -> Scope:
    """Write ``x ABOUT 'y'`` as ``x ABOUT 'y' > 0.5`` where a boolean is wanted."""
    compare_calls(scope_calls(select), staging.operators)
    return select
