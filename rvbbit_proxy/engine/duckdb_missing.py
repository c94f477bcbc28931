"""What PostgreSQL can do and DuckDB cannot: told as not supported, with advice, where DuckDB sees bad syntax."""

from __future__ import annotations

import re

from rvbbit_proxy.engine.statement import mask_literals
from rvbbit_proxy.errors import NotSupported, RvbbitError, UpstreamError

_OPTIONAL = r"(?:OR\s+REPLACE\s+)?"
_FEATURES = (
    (r"(?:CREATE|DROP|ALTER|REFRESH)\s+MATERIALIZED\s+VIEW", "materialized views", "Use CREATE TABLE … AS."),
    (
        rf"(?:CREATE|ALTER)\s+{_OPTIONAL}(?:FUNCTION|PROCEDURE|ROUTINE|AGGREGATE)",
        "functions in a language",
        "Use CREATE MACRO name(arguments) AS expression.",
    ),
    (rf"(?:CREATE|DROP|ALTER)\s+{_OPTIONAL}(?:CONSTRAINT\s+)?TRIGGER", "triggers", None),
    (rf"(?:CREATE|DROP|ALTER)\s+{_OPTIONAL}RULE", "rules", None),
    (r"(?:CREATE|DROP|ALTER)\s+EXTENSION", "PostgreSQL's extensions", "DuckDB has its own: INSTALL and LOAD."),
    (
        r"(?:CREATE|DROP|ALTER)\s+(?:ROLE|USER|GROUP)|REASSIGN\s+OWNED|DROP\s+OWNED",
        "roles",
        "Users are kept by the server: see its settings.",
    ),
    (r"ALTER\s+.*\bOWNER\s+TO", "owners", "Whoever may connect owns everything."),
    (r"(?:CREATE|DROP|ALTER)\s+DOMAIN", "domains", "Use the base type, with a CHECK on the column."),
    (
        r"ALTER\s+TYPE",
        "changes of types",
        "CREATE another type, then ALTER TABLE … ALTER COLUMN … TYPE it.",
    ),
    (r"CREATE\s+TYPE\s+\S+\s+AS\s*\(", "composite types", "Use CREATE TYPE name AS STRUCT (…)."),
    (r"(?:CREATE|DROP|ALTER)\s+(?:POLICY|PUBLICATION|SUBSCRIPTION|SERVER|FOREIGN|OPERATOR|CAST|COLLATION|"
     r"CONVERSION|STATISTICS|TABLESPACE|TEXT\s+SEARCH|EVENT\s+TRIGGER|ACCESS\s+METHOD|LANGUAGE|TRANSFORM)",
     "objects of this kind", None),
    (r"ALTER\s+.*\bSET\s+(?:TABLESPACE|STORAGE|STATISTICS|LOGGED|UNLOGGED|ACCESS)", "storage parameters", None),
    (r"ALTER\s+.*\b(?:ENABLE|DISABLE|FORCE)\s+(?:ROW|TRIGGER|RULE)", "triggers and row security", None),
    (r"ALTER\s+.*\b(?:ATTACH|DETACH)\s+PARTITION|CREATE\s+TABLE\s.*\bPARTITION\s+(?:BY|OF)\b", "partitions", None),
    (r"LOCK\b", "table locks", "Transactions detect conflicts when they write."),
    (r"(?:CLUSTER|REINDEX)\b", "rebuilding by hand", "DuckDB keeps its indexes by itself."),
    (r"(?:CREATE|DROP|ALTER)\s+DATABASE", "databases behind one server", "Start a server for each DuckDB file."),
    (r"CREATE\s+.*\bON\s+COMMIT\s+D", "tables that end with a transaction", "DROP them, or end the session."),
    (r"CREATE\s+UNIQUE\s+INDEX\s.*\bNULLS\s+NOT\s+DISTINCT", "NULLs as equal keys", None),
    (r"(?:CREATE|ALTER)\s+TABLE\s.*\b(?:DEFERRABLE|EXCLUDE\b.*\bWITH|INHERITS)\b", "such constraints", None),
    (r"PREPARE\s+TRANSACTION", "two-phase commit", None),
    (r"SECURITY\s+LABEL", "security labels", None),
    (r"IMPORT\s+FOREIGN", "foreign schemas", "Use ATTACH."),
)  # fmt: skip
_RULES = tuple(
    (re.compile(rf"\s*(?:{pattern})", re.IGNORECASE | re.DOTALL), what, hint) for pattern, what, hint in _FEATURES
)
_SECOND_PHASE = re.compile(r"\s*(?:COMMIT|ROLLBACK)\s+PREPARED\s+'(.*)'[\s;]*", re.IGNORECASE | re.DOTALL)


def missing_feature(sql: str) -> RvbbitError | None:
    """Return the error for a statement that DuckDB took for bad syntax, None where it may well be that.

    >>> print(missing_feature("CREATE ROLE x"), missing_feature("SELEC 1"))
    roles are not supported on DuckDB None
    """
    prepared = _SECOND_PHASE.fullmatch(sql)
    if prepared is not None:
        name = prepared[1].replace("''", "'")
        return UpstreamError(f'prepared transaction with identifier "{name}" does not exist', sqlstate="42704")
    masked = mask_literals(sql)
    for pattern, what, hint in _RULES:
        if pattern.match(masked):
            verb = "is" if what.endswith(("commit", "hand")) else "are"
            return NotSupported(f"{what} {verb} not supported on DuckDB", hint=hint)
    return None
