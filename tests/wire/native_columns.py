"""Python values as the Arrow columns an engine delivers: DuckDB's types, its infinities and its years BC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.calendar import offset_text, time_text
from rvbbit_proxy.wire.types.datetime_input import parse_date, parse_timestamp, parse_timestamptz

ARROW_TYPES = {
    oids.BOOL: pa.bool_(),
    oids.INT2: pa.int16(),
    oids.INT4: pa.int32(),
    oids.INT8: pa.int64(),
    oids.OID: pa.int64(),
    oids.FLOAT4: pa.float32(),
    oids.FLOAT8: pa.float64(),
    oids.BYTEA: pa.binary(),
}


def native_column(values: Sequence[Any], type_oid: int) -> pa.Array:
    """Return a column of decoded values; those beyond Python come as PostgreSQL's text."""
    element = oids.element_oid_of(type_oid)
    if element and type_oid not in (oids.INT2VECTOR, oids.OIDVECTOR):
        return _list_column(values, element)
    if type_oid in (oids.DATE, oids.TIMESTAMP, oids.TIMESTAMPTZ):
        return _temporal_column(values, type_oid)
    if type_oid == oids.INTERVAL:
        parts = [None if v is None else (v.months, v.days, v.microseconds * 1000) for v in values]
        return pa.array(parts, pa.month_day_nano_interval())
    if type_oid == oids.UUID:
        return pa.array([None if value is None else value.bytes for value in values], pa.binary(16))
    if type_oid == oids.TIME:
        return _time_column(values)
    if type_oid == oids.TIMETZ:
        return pa.array([_timetz_text(value) for value in values], pa.string())
    if type_oid == oids.NUMERIC:
        return _numeric_column(values)
    if type_oid in (oids.INT2VECTOR, oids.OIDVECTOR):
        return pa.array(values, pa.list_(pa.int64()))
    kind = ARROW_TYPES.get(type_oid, pa.string())
    return pa.array([str(v) if kind == pa.string() and v is not None else v for v in values], kind)


def _numeric_column(values: Sequence[Decimal | None]) -> pa.Array:
    if all(value is None or value.is_finite() for value in values):
        return pa.array(values)
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _time_column(values: Sequence[Any]) -> pa.Array:
    def microseconds(value: Any) -> int | None:
        if isinstance(value, str):
            return 86_400_000_000
        return value and ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond

    numbers = [0 if value is not None and not value else microseconds(value) for value in values]
    return pa.array(numbers, pa.int64()).view(pa.time64("us"))


def _timetz_text(value: Any) -> str | None:
    if not isinstance(value, time):
        return value  # type: ignore[no-any-return]
    time_us = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    return time_text(time_us) + offset_text(int((value.utcoffset() or timedelta(0)).total_seconds()))


def _temporal_column(values: Sequence[Any], type_oid: int) -> pa.Array:
    if type_oid == oids.DATE:
        days = [None if value is None else parse_date(str(value)) for value in values]
        return pa.array(days, pa.int32()).view(pa.date32())
    parse = parse_timestamptz if type_oid == oids.TIMESTAMPTZ else parse_timestamp
    times = [None if value is None else parse(str(value)) for value in values]
    kind = pa.timestamp("us", tz="UTC") if type_oid == oids.TIMESTAMPTZ else pa.timestamp("us")
    return pa.array(times, pa.int64()).view(kind)


def _list_column(values: Sequence[Any], element: int) -> pa.Array:
    rows = [[] if value is None else value for value in values]
    flat = [item for row in rows for item in row]
    offsets = np.cumsum([0, *[len(row) for row in rows]])
    nested = any(isinstance(item, list) for item in flat)
    items = _list_column(flat, element) if nested else native_column(flat, element)
    mask = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, mask=mask)
