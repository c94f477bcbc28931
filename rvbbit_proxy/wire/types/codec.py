"""What a type can do on the wire: the shape every type family fills in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from rvbbit_proxy.wire.types.style import TextStyle

TextEncoder: TypeAlias = Callable[[pa.Array, TextStyle], pa.Array]
BinaryEncoder: TypeAlias = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True, slots=True)
class Codec:
    """Both formats of a type, both ways.

    Encoders take a whole Arrow column and return one of binary or string values of the same length, NULLs kept;
    fixed-width binary forms come as fixed_size_binary. Decoders take one value and return a Python value; where
    Python has none (infinity, year 0 and below or above 9999), PostgreSQL's text of it as str.
    ``text_of`` and ``binary_of`` encode one Python value of the type, for rows too few to be worth columns: as
    drivers give it, and as ``to_pylist`` does for columns whose Arrow type ``is_native`` accepts. None where the
    column encoder must do it.
    """

    encode_text: TextEncoder
    encode_binary: BinaryEncoder
    decode_text: Callable[[bytes, TextStyle], Any]
    decode_binary: Callable[[bytes], Any]
    is_native: Callable[[pa.DataType], bool] | None = None
    text_of: Callable[[Any, TextStyle], bytes] | None = None
    binary_of: Callable[[Any], bytes] | None = None
