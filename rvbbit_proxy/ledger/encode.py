"""A record as one JSON line, and back to a row.

Timestamps are ISO with microseconds and ``Z``, decimals text. What JSON cannot say (NaN, keys that are not
text, lone surrogates, objects) is replaced by its text: a record is never refused for what it carries.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from rvbbit_proxy.ledger.records import RECORD_KINDS, Record

Row: TypeAlias = dict[str, Any]


ISO_LENGTH = len("2026-01-02T00:00:00.000000")
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
COLUMNS = {kind: tuple(column.name for column in fields(kind)) for kind in RECORD_KINDS}
"""The columns of each kind of record."""


def encode_timestamp(value: datetime) -> str:
    """Return ISO text in UTC with microseconds.

    >>> encode_timestamp(datetime(2026, 1, 2, tzinfo=UTC))
    '2026-01-02T00:00:00.000000Z'
    """
    utc = value.astimezone(UTC) if value.tzinfo not in (None, UTC) else value
    return utc.isoformat(timespec="microseconds")[:ISO_LENGTH] + "Z"


def encode_line(record: Record) -> bytes:
    """Return the record's line, newline included: ``{"table": …, "row": {…}}``, without columns that are NULL."""
    row = {name: value for name in COLUMNS[type(record)] if (value := getattr(record, name)) is not None}
    line = {"table": record.table, "row": row}
    try:
        text = orjson.dumps(line, _encode_other, _OPTIONS)
    except orjson.JSONEncodeError:
        return _encode_slowly(line)
    return _encode_slowly(line) if b"null" in text else text  # what NaN would have become


def _encode_slowly(line: Row) -> bytes:
    """Return the line of a record that holds what JSON, or its quick encoder, cannot say."""
    try:
        text = encode_json(line)
    except (TypeError, ValueError):
        text = json.dumps(_plain(line), ensure_ascii=False)
    return text.encode("utf-8", errors="replace") + b"\n"


def decode_line(line: bytes) -> tuple[str, Row]:
    """Return a line's table and row; raises ValueError when the line is broken."""
    parsed = json.loads(line)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("row"), dict):
        raise ValueError("not an object with a row")
    return str(parsed.get("table")), parsed["row"]


def _encode_other(value: object) -> Any:
    """Return the JSON form of what the json module does not know."""
    if isinstance(value, datetime):
        return encode_timestamp(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value, key=repr)
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


encode_json = json.JSONEncoder(default=_encode_other, allow_nan=False, ensure_ascii=False).encode
"""Return a value as JSON text; raises TypeError or ValueError for what JSON cannot say."""


def _plain(value: object) -> Any:
    """Return the value with nothing left in it that JSON refuses."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    if isinstance(value, AbstractSet):
        return [_plain(item) for item in sorted(value, key=repr)]
    return _encode_other(value)
