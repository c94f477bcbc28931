"""DuckDB's exceptions as PostgreSQL's errors: one table of message patterns, then one of exception kinds.

Sessions run with ``errors_as_json``, so that DuckDB tells position (a byte offset), name and candidates apart
from the message. An error that comes out of an Arrow stream has lost its class, so the kind is read off the
message's first words (``Conversion Error: …``).
Source: https://www.postgresql.org/docs/16/errcodes-appendix.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import duckdb

from rvbbit_proxy.engine.duckdb_constraints import written_table
from rvbbit_proxy.engine.statement import words_of
from rvbbit_proxy.errors import NotSupported, QueryCancelled, RvbbitError, UpstreamError

DRIVER_ERRORS = (duckdb.Error, OSError, RuntimeError, ValueError)
"""What DuckDB's Python package raises: its own classes, and OSError out of an Arrow stream."""


@dataclass(frozen=True, slots=True)
class DuckDBFault:
    """What DuckDB said: its kind (``Catalog``), the message's first line, the rest, the extra facts."""

    kind: str
    message: str
    detail: str | None = None
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """A pattern over ``Kind: first line``; ``message`` and ``detail`` may use the pattern's groups.

    A group that is named by a letter is that field of the error: ``t`` the table, ``c`` the column.
    """

    pattern: re.Pattern[str]
    sqlstate: str
    message: str | None = None
    detail: str | None = None


def _rule(pattern: str, sqlstate: str, message: str | None = None, detail: str | None = None) -> ErrorRule:
    return ErrorRule(re.compile(pattern, re.IGNORECASE | re.DOTALL), sqlstate, message, detail)


_NO_RELATION = r'relation "\1" does not exist'
_BAD_SYNTAX = r'invalid input syntax for type \1: "\2"'

ERROR_RULES = (
    # what the catalogs' own functions raise
    _rule(r'^Invalid Input: (relation ".*" does not exist)$', "42P01", r"\1"),
    _rule(r'^Invalid Input: (type ".*" does not exist)$', "42704", r"\1"),
    _rule(r'^Invalid Input: (function ".*" does not exist)$', "42883", r"\1"),
    _rule(r'^Invalid Input: (schema ".*" does not exist)$', "3F000", r"\1"),
    _rule(r"^Invalid Input: (unrecognized configuration parameter .*)$", "42704", r"\1"),
    _rule(r"^Invalid Input: (invalid format specification .*)$", "22007", r"\1"),
    # names that are not there
    _rule(
        r'^Catalog: (?:Table|View) with name "?(.+?)"? does not exist', "42P01", r'relation "\1" does not exist'
    ),
    _rule(r'^Catalog: Schema with name "?(.+?)"? does not exist', "3F000", r'schema "\1" does not exist'),
    _rule(r'^(?:Catalog|Binder): .*Catalog "(.+?)" does not exist', "3D000", r'database "\1" does not exist'),
    _rule(
        r"^Catalog: (?:.*?Function|Macro)(?: or macro)? with name (.+?) does not exist",
        "42883",
        r"function \1 does not exist",
    ),
    _rule(r'^Catalog: Type with name "?(.+?)"? does not exist', "42704", r'type "\1" does not exist'),
    _rule(
        r'^Catalog: (Sequence|Index) with name "?(.+?)"? does not exist', "42P01", r'relation "\2" does not exist'
    ),
    _rule(r'^Catalog: .*with name "?(.+?)"? does not exist', "42704"),
    _rule(r"^Catalog: unrecognized configuration parameter", "42704"),
    _rule(r'^Binder: Prepared statement "(.+?)" does not exist', "26000"),
    _rule(r'^Binder: Referenced column "(.+?)"', "42703", r'column "\1" does not exist'),
    _rule(r"^Binder: Referenced update column (.+?) not found", "42703", r'column "\1" does not exist'),
    _rule(
        r'^Binder: (?:Table|Values list) "(.+?)" does not have a column named "(.+?)"',
        "42703",
        r"column \1.\2 does not exist",
    ),
    _rule(
        r'^(?:Binder|Catalog): Table "(.+?)" does not have a column with name "(.+?)"',
        "42703",
        r'column "\2" of relation "\1" does not exist',
    ),
    _rule(r'^Binder: Referenced table "(.+?)" not found', "42P01", r'missing FROM-clause entry for table "\1"'),
    _rule(r'^Binder: Ambiguous reference to column name "(.+?)"', "42702", r'column reference "\1" is ambiguous'),
    _rule(r'^Binder: Ambiguous reference to table "?(.+?)"?[ (]', "42P09"),
    _rule(r'^Binder: Duplicate alias "(.+?)"', "42712", r'table name "\1" specified more than once'),
    # names that are there already
    _rule(r'^Catalog: Schema with name "(.+?)" already exists', "42P06", r'schema "\1" already exists'),
    _rule(r'^Catalog: Column with name "?(.+?)"? already exists', "42701", r'column "\1" already exists'),
    _rule(r'^Catalog: Type with name "(.+?)" already exists', "42710", r'type "\1" already exists'),
    _rule(r'^Catalog: .*Function with name "(.+?)" already exists', "42723", r'function "\1" already exists'),
    _rule(r'^Catalog: .*with name "?(.+?)"? already exists', "42P07", r'relation "\1" already exists'),
    _rule(r"^Catalog: Could not rename", "42P07"),
    _rule(r'^Catalog: Existing object "?(.+?)"? is of type (\w+)', "42809", r'"\1" is a \2'),
    _rule(r"^(?:Binder|Catalog): Can only (?:delete|update|insert).*", "42809"),
    _rule(r"^Catalog: (.+) is not an? table", "42809", r'"\1" is not a table'),
    _rule(r"^(?:Dependency|Catalog): .*(?:depend|CASCADE)", "2BP01"),
    # functions, types and grouping
    _rule(
        r"^Binder: No function matches the given name and argument types '(.+?)'\.",
        "42883",
        r"function \1 does not exist",
    ),
    _rule(r"^Binder: Could not choose a best candidate function for the function call \"(.+?)\"", "42725"),
    _rule(r"^Binder: column \"(.+?)\" must appear in the GROUP BY clause", "42803"),
    _rule(r"^Binder: .*aggregate", "42803"),
    _rule(r"^Binder: .*window function", "42P20"),
    _rule(r"^Binder: ORDER term out of range", "42P10"),
    _rule(r"^Binder: .*LIMIT.*negative", "2201W", "LIMIT must not be negative"),
    _rule(r"^Binder: .*(?:expected \d+ columns|columns but \d+ values)", "42601"),
    _rule(r"^Binder: Set operations can only apply to expressions with the same number", "42601"),
    _rule(r"^Binder: .*Cannot (?:mix|compare|combine|deduce|cast|convert)", "42804"),
    _rule(r"^Binder: .*(?:type mismatch|mismatch.*type|types? .* (?:are|is) not)", "42804"),
    # values
    _rule(r"division by zero|^.*divide by zero", "22012", "division by zero"),
    _rule(
        r"^Conversion: Could not convert string '(.*)' to ([\w ]+)",
        "22P02",
        r'invalid input syntax for type \2: "\1"',
    ),
    _rule(
        r"^Conversion: invalid (\w+) field format: \"(.*?)\"", "22007", r'invalid input syntax for type \1: "\2"'
    ),
    _rule(
        r"^Conversion: (?:date|time|timestamp).*out of range: \"(.*?)\"",
        "22008",
        r'date/time field value out of range: "\1"',
    ),
    _rule(r"Malformed JSON", "22P02", "invalid input syntax for type json"),
    _rule(r"^Conversion: .*(?:out of range|overflow)", "22003"),
    _rule(r"^Conversion: .*Could not (?:cast|convert).*(?:decimal|numeric|INT|DOUBLE|FLOAT)", "22003"),
    _rule(r"^Conversion: ", "22P02"),
    _rule(r"value too long for type character|bit string too long for type", "22001"),
    _rule(r"bit string length \d+ does not match type", "22026"),
    _rule(r"square root of a negative", "2201F"),
    _rule(r"logarithm of (?:zero|a negative)", "2201E"),
    _rule(r"^Out of Range: ", "22003"),
    _rule(r"More than one row returned by a subquery", "21000"),
    _rule(r"Values were not provided for the following parameters", "08P01"),
    # constraints
    _rule(
        r"^Constraint: Duplicate key \"(\w+): ([^,]*?)\" violates (?:primary key|unique) constraint",
        "23505",
        "duplicate key value violates unique constraint",
        r"Key (\1)=(\2) already exists.",
    ),
    _rule(
        r"^Constraint: Duplicate key \"(.+?)\" violates (?:primary key|unique) constraint",
        "23505",
        "duplicate key value violates unique constraint",
        r"Key (\1) already exists.",
    ),
    _rule(
        r"^Constraint: .*Duplicate key|PRIMARY KEY or UNIQUE|^Constraint: .*duplicate",
        "23505",
        "duplicate key value violates unique constraint",
    ),
    _rule(
        r"^Constraint: NOT NULL constraint failed: (?P<t>.+)\.(?P<c>.+)",
        "23502",
        r'null value in column "\2" of relation "\1" violates not-null constraint',
    ),
    _rule(r"^Constraint: .*foreign key", "23503"),
    _rule(
        r"^Constraint: CHECK constraint failed on table \"(?P<t>.+?)\" with expression (.+)",
        "23514",
        r'new row for relation "\1" violates check constraint',
        r"Failing constraint: \2.",
    ),
    _rule(r"^Constraint: CHECK", "23514"),
    # transactions
    _rule(
        r"transaction is aborted",
        "25P02",
        "current transaction is aborted, commands ignored until end of transaction block",
    ),
    _rule(r"^TransactionContext: .*(?:conflict|could not serialize)", "40001"),
    _rule(r"^TransactionContext: Failed to commit: .*(?:Duplicate key|PRIMARY KEY|unique)", "23505"),
    _rule(r"^TransactionContext: .*read-only|read.only mode", "25006"),
    _rule(r"within a transaction|transaction is active", "25001"),
    _rule(r"conflict on (?:update|tuple)|Catalog write-write conflict|Conflict on", "40001"),
    # resources
    _rule(r"No space left|max_temp_directory_size|disk.*full", "53100"),
    _rule(r"^Invalid Input: .*not suitable for replacement scans", "42P01"),
    _rule(r"^IO: .*(?:No files found|No such file|does not exist)", "58P01"),
)
"""First match wins; without a ``message`` DuckDB's own first line stands."""

KIND_SQLSTATES = {
    "Out of Memory": "53200",
    "Parser": "42601",
    "Syntax": "42601",
    "Binder": "42P10",
    "Catalog": "42704",
    "Conversion": "22P02",
    "Invalid Input": "22023",
    "Invalid type": "42804",
    "Mismatch Type": "42804",
    "Constraint": "23000",
    "TransactionContext": "25000",
    "Dependency": "2BP01",
    "Permission": "42501",
    "Not implemented": "0A000",
    "IO": "58030",
    "HTTP": "58030",
    "Missing Extension": "0A000",
    "Autoload": "0A000",
    "Parameter Not Resolved": "42P18",
    "Parameter Not Allowed": "42P02",
    "Expression": "42804",
    "Sequence": "2200H",
    "Settings": "22023",
    "Resource In Use": "55006",
    "Connection": "08006",
    "FATAL": "58000",
    "INTERNAL": "XX000",
}
"""The SQLSTATE of a kind none of whose messages is in the rules."""

GUESS = "42000"


def read_fault(error: BaseException) -> DuckDBFault:
    """Take an exception apart, whether its text is DuckDB's JSON or plain."""
    kind, _, text = str(error).partition(" Error: ")
    if not text:
        kind, text = "", str(error)
    if text.startswith("{"):
        facts = _json_facts(text)
        if facts is not None:
            return _fault(facts.pop("exception_type", kind), facts.pop("exception_message", text), facts)
    return _fault(kind, text.split("\n\nLINE ")[0], {})


def _json_facts(text: str) -> dict[str, str] | None:
    """Return what the JSON at the text's beginning tells, without the trace of an internal error."""
    try:
        facts: Any = json.JSONDecoder().raw_decode(text)[0]
    except json.JSONDecodeError:
        return None
    return {key: str(value) for key, value in facts.items() if key != "stack_trace"}


def _fault(kind: str, message: str, facts: dict[str, str]) -> DuckDBFault:
    first, _, rest = message.strip().partition("\n")
    return DuckDBFault(kind, first.strip(), rest.strip() or None, facts)


def translate_error(error: BaseException, sql: str = "") -> RvbbitError:
    """Return the error a client gets; ``sql`` is what DuckDB was given, for the position in characters."""
    fault = read_fault(error)
    if fault.kind.upper() == "INTERRUPT" or isinstance(error, duckdb.InterruptException):
        return QueryCancelled("canceling statement due to user request")
    sqlstate, message, detail, fields = classify_fault(fault)
    more, hint = split_advice(fault)
    hint = near_names(message, hint)
    if sqlstate == "42883":
        message, more, hint = _signature_advice(message, more, hint)
    if sqlstate == "42P01" and words_of(sql, 1) == ("DROP",):
        message = message.replace("relation", words_of(sql, 2)[1].lower(), 1)
    if sqlstate == "42703" and words_of(sql, 1) == ("UPDATE",) and fault.message.startswith("Referenced update"):
        message = message.replace(" does", f' of relation "{written_table(sql)}" does', 1)
    detail = detail or more
    kind = NotSupported if sqlstate == "0A000" else UpstreamError
    position = character_position(fault, sql)
    return kind(message, detail=detail, hint=hint, position=position, sqlstate=sqlstate, fields=fields)


def classify_fault(fault: DuckDBFault) -> tuple[str, str, str | None, dict[str, str]]:
    """Return SQLSTATE, message, detail and further fields by their letters.

    >>> classify_fault(DuckDBFault("Catalog", "Table with name nope does not exist!"))
    ('42P01', 'relation "nope" does not exist', None, {})
    """
    line = f"{fault.kind}: {fault.message}"
    for rule in ERROR_RULES:
        found = rule.pattern.search(line)
        if found is not None:
            message = _postgres_types(found.expand(rule.message)) if rule.message else fault.message
            return rule.sqlstate, message, found.expand(rule.detail) if rule.detail else None, found.groupdict()
    return KIND_SQLSTATES.get(fault.kind, GUESS), fault.message, None, {}


_TYPE_WORDS = {
    "INT8": "smallint",
    "INT16": "smallint",
    "SMALLINT": "smallint",
    "INT32": "integer",
    "INTEGER": "integer",
    "INTEGER_LITERAL": "integer",
    "INT64": "bigint",
    "BIGINT": "bigint",
    "HUGEINT": "numeric",
    "INT128": "numeric",
    "DECIMAL": "numeric",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "BOOL": "boolean",
    "BOOLEAN": "boolean",
    "UUID": "uuid",
    "VARCHAR": "text",
    "STRING_LITERAL": "unknown",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "INTERVAL": "interval",
    "BLOB": "bytea",
}


def _postgres_types(message: str) -> str:
    """Put PostgreSQL's names of types where DuckDB's stand, outside quotes.

    >>> _postgres_types('invalid input syntax for type INT32: "DATE"')
    'invalid input syntax for type integer: "DATE"'
    """
    head, quote, tail = message.partition('"')
    return re.sub(r"\b[A-Z_0-9]+\b", lambda found: _TYPE_WORDS.get(found[0], found[0]), head) + quote + tail


def _signature_advice(
    message: str, candidates: str | None, hint: str | None
) -> tuple[str, str | None, str | None]:
    """Return message, detail and hint of a call that nothing answers; an operator is told as PostgreSQL does."""
    advice = "No function matches the given name and argument types. You might need to add explicit type casts."
    found = re.match(r"function (\W+)\((.*), (.*)\) does not exist", message)
    if found is not None:
        operator, left, right = found.groups()
        advice = advice.replace("function", "operator")
        return f"operator does not exist: {left} {operator} {right}", None, advice
    return message, candidates, hint or advice


def split_advice(fault: DuckDBFault) -> tuple[str | None, str | None]:
    """Return detail and hint: ``Did you mean …`` and candidates are advice, the rest is fact."""
    advice = re.compile(r"^\s*(Did you mean.*|Candidate (?:bindings|tables):.*)", re.DOTALL | re.MULTILINE)
    if fault.detail is None:
        return None, None
    found = advice.search(fault.detail)
    if found is None:
        return fault.detail, None
    return fault.detail[: found.start()].strip() or None, found.group(1).strip()


def near_names(message: str, hint: str | None) -> str | None:
    """Return the hint with the one name that is like the one in the message; None where none of them is.

    >>> near_names('column "titl" does not exist', 'Candidate bindings: "title", "state"')
    'Perhaps you meant to reference the column "title".'
    >>> near_names('relation "nope" does not exist', 'Did you mean "pg_enum"?')
    """
    wanted = re.search(r'"([^"]+)"|^(function|column) (?:\w+\.)?(\w+)', message)
    names = re.findall(r'"([^"]+)"', hint or "")
    if wanted is None or not names:
        return hint
    for name in get_close_matches(wanted[1] or wanted[3], names, 1):
        what = "reference the column" if message.startswith("column") else "use"
        return f'Perhaps you meant to {what} "{name}".'
    return None


def character_position(fault: DuckDBFault, sql: str) -> int | None:
    """Return the 1-based character position of the fault; DuckDB counts bytes from 0."""
    offset = fault.facts.get("position")
    if offset is None or not offset.isdigit():
        return None
    before = sql.encode()[: int(offset)]
    return len(before.decode(errors="ignore")) + 1
