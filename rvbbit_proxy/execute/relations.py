"""The temporary relations of a plan on the client's upstream session."""

from __future__ import annotations

from collections.abc import Sequence

from rvbbit_proxy.engine.upstream import UpstreamSession


def make_relation(name: str, sql: str, upstream: UpstreamSession) -> None:
    """Keep a query's rows in a temporary table."""
    upstream.keep(name, sql)


def drop_relations(relations: Sequence[str], upstream: UpstreamSession) -> None:
    """Drop temporary relations; nothing where the transaction has failed, for its rollback drops them."""
    if relations and upstream.transaction_status() != "E":
        upstream.drop(relations)


def count_rows(relation: str, upstream: UpstreamSession) -> int:
    """Return how many rows a relation holds."""
    return int(upstream.fetch(f"SELECT count(*) AS n FROM {relation}").column(0)[0].as_py())
