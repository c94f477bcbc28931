"""The seam to what understands meaning: ``execute`` implements it, the session only knows this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from rvbbit_proxy.engine.upstream import Description, UpstreamResult, UpstreamSession
from rvbbit_proxy.execute.request import StatementRequest


class Semantics(Protocol):
    """Plans and runs statements that hold operators."""

    def is_semantic(self, sql: str, upstream: UpstreamSession) -> bool:
        """Tell whether the statement, or what it explains, holds an operator; cheap when no word of one occurs."""

    def describe(self, sql: str, parameter_oids: Sequence[int], upstream: UpstreamSession) -> Description:
        """Tell parameters and columns without running anything."""

    def check_syntax(self, sql: str, upstream: UpstreamSession) -> None:
        """Raise the syntax error (42601) of a statement that is semantic."""

    def live_rows(self, relation: str) -> tuple[str, pa.Table] | None:
        """Return the table and its rows as they are now, behind a relation of what the server does; None: another."""

    def execute(self, request: StatementRequest, upstream: UpstreamSession) -> UpstreamResult:
        """Run the statement for its caller."""
