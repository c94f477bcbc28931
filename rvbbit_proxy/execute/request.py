"""What the session hands to the semantic engine: one statement, its values, its caller, its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rvbbit_proxy.caller import CallerContext
from rvbbit_proxy.engine.upstream import Notice, Parameter
from rvbbit_proxy.settings import RunOptions

Notify: TypeAlias = Callable[[Notice], None]
"""Sends a notice to the client."""


@dataclass(frozen=True, slots=True)
class StatementRequest:
    """One execution of one statement. ``sql`` is one statement without the caller's comment."""

    sql: str
    ctx: CallerContext
    options: RunOptions
    notify: Notify
    parameters: tuple[Parameter, ...] = ()
    result_formats: tuple[int, ...] = ()
