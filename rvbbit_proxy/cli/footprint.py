"""What keeps a server's memory small and its collector quick. It concerns the whole process: no library does it."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

import pyarrow as pa

M_ARENA_MAX = -8
"""Of glibc's ``mallopt``: how many arenas ``malloc`` may open, eight per core without it."""
ARENAS = 2


def stay_small() -> None:
    """Settle what takes memory for good; to be called before any thread starts."""
    keep_pandas_out()
    pa.set_memory_pool(pa.system_memory_pool())  # a pool of Arrow's own keeps what DuckDB and Python could use
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's only
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)


def leave_alone_what_is_here() -> None:
    """Keep the collector from looking, again and again, through the modules and settings that stay till the end."""
    gc.collect()
    gc.freeze()


class _NoPandas:
    """A finder of modules for which there is no pandas."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("left out", name=name)


def keep_pandas_out() -> None:
    """Let Arrow find no pandas, which takes 45 MB and which Arrow loads with its first array.

    It looks once for Series among its arguments, and again only where it is asked for a DataFrame.
    """
    finder: Any = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
