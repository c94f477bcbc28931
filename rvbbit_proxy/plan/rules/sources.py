"""FROM: nested queries are planned first, and kept once where this scope will read them several times."""

from __future__ import annotations

from sqlglot import exp

from rvbbit_proxy.plan.scope import is_joined, is_volatile, refers_outside, scope_calls, source_names, sources
from rvbbit_proxy.plan.staging import Staging


def spool_sources(select: exp.Select, staging: Staging) -> exp.Select:
    """Keep each derived table's rows in a spool, under its own alias; a plain table needs none."""
    if not scope_calls(select):
        return select
    for source in sources(select):
        if (
            isinstance(source, exp.Subquery)
            and not is_joined(source)
            and not refers_outside(source.this, source_names(source.this))
        ):
            _replace(source, staging, "read by several stages")
        elif is_volatile(source):
            _keep_function(source, staging)
    return select


def _replace(source: exp.Subquery, staging: Staging, reason: str) -> None:
    relation = staging.spool(source.this, reason)
    table = exp.Table(this=exp.to_identifier(relation), alias=source.args.get("alias"))
    source.replace(table)
    staging.read_spool(table, relation)


def _keep_function(source: exp.Expr, staging: Staging) -> None:
    query = exp.select("*").from_(source.copy())
    relation = staging.spool(query, "volatile")
    source.replace(
        exp.Table(
            this=exp.to_identifier(relation), alias=exp.TableAlias(this=exp.to_identifier(source.alias_or_name))
        )
    )
