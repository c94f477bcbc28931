"""How fast whole batches become DataRow messages: 1,000,000 rows of six mixed columns, text and binary.

Run: ``python bench/wire/encode.py [rows]``. Prints rows/s and MB/s of the encoder alone, best of three.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rvbbit_proxy.wire.types import oids
from rvbbit_proxy.wire.types.rows import encode_data_rows

BATCH_ROWS = 65_536
FORMAT_NAMES = ("text", "binary")


@dataclass(frozen=True)
class TypedName:
    """A column's name and type."""

    name: str
    type_oid: int


COLUMNS = (
    TypedName("id", oids.INT4),
    TypedName("big", oids.INT8),
    TypedName("ratio", oids.FLOAT8),
    TypedName("title", oids.TEXT),
    TypedName("price", oids.NUMERIC),
    TypedName("seen", oids.TIMESTAMP),
)


def make_table(rows: int) -> pa.Table:
    """Return the rows, the same each time."""
    random = np.random.default_rng(7)
    cents = np.zeros((rows, 2), np.int64)
    cents[:, 0] = random.integers(0, 10**8, rows)
    price = pa.Array.from_buffers(pa.decimal128(12, 2), rows, [None, pa.py_buffer(cents)])
    words = pa.array([f"title number {number}" for number in range(10_000)])
    return pa.table(
        {
            "id": pa.array(np.arange(rows, dtype=np.int32)),
            "big": pa.array(random.integers(0, 10**12, rows)),
            "ratio": pa.array(random.normal(size=rows) * 1000),
            "title": words.take(pa.array(random.integers(0, 10_000, rows))),
            "price": price,
            "seen": pa.array(random.integers(10**15, 17 * 10**14, rows)).view(pa.timestamp("us")),
        }
    )


def run(table: pa.Table, format_code: int) -> tuple[float, int]:
    """Encode the table once; return seconds and bytes."""
    begin = time.perf_counter()
    size = 0
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        size += len(encode_data_rows(batch, COLUMNS, (format_code,)))
    return time.perf_counter() - begin, size


def main() -> None:
    """Print one line for each format."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    table = make_table(rows)
    for format_code, name in enumerate(FORMAT_NAMES):
        seconds, size = min(run(table, format_code) for _ in range(3))
        print(f"{name:6} {seconds:.3f} s  {rows / seconds:,.0f} rows/s  {size / seconds / 1e6:,.0f} MB/s")


if __name__ == "__main__":
    main()
