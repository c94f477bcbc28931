"""The session parameters that change how values print."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

DateOutput: TypeAlias = Literal["ISO", "SQL", "POSTGRES", "GERMAN"]


@dataclass(frozen=True, slots=True)
class TextStyle:
    """A session's text style; values are as the settings hold them, in any case.

    Fields: ``timezone`` (IANA name, ``UTC``, ``+05:30`` or POSIX form), ``datestyle`` (``ISO, MDY``),
    ``intervalstyle`` (``postgres``, ``postgres_verbose``, ``sql_standard``, ``iso_8601``), ``bytea_output``
    (``hex``, ``escape``), ``extra_float_digits`` (above 0: shortest exact).
    """

    timezone: str = "UTC"
    datestyle: str = "ISO, MDY"
    intervalstyle: str = "postgres"
    bytea_output: str = "hex"
    extra_float_digits: int = 1

    @property
    def date_output(self) -> DateOutput:
        """The output half of DateStyle.

        >>> TextStyle(datestyle="German, DMY").date_output
        'GERMAN'
        """
        return _date_output(self.datestyle)

    @property
    def day_first(self) -> bool:
        """Whether DateStyle orders day before month."""
        return bool({"DMY", "EURO", "EUROPEAN"} & _date_words(self.datestyle))

    @property
    def year_first(self) -> bool:
        """Whether DateStyle reads ambiguous dates year first."""
        return "YMD" in _date_words(self.datestyle)


@lru_cache(64)
def _date_output(datestyle: str) -> DateOutput:
    words = _date_words(datestyle)
    for output in ("SQL", "POSTGRES", "GERMAN"):
        if output in words:
            return output
    return "ISO"


def _date_words(datestyle: str) -> set[str]:
    return {word.strip().upper() for word in datestyle.split(",")}


DEFAULT_STYLE = TextStyle()
