"""Flags that several commands share; a flag that is not given leaves the setting as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from rvbbit_proxy.settings import Settings, load_settings

Home: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder of the ledger, the journal and the caches.", show_default=".rvbbit")
]
Cascades: TypeAlias = Annotated[
    list[Path] | None, typer.Option(help="Folder of your own cascades; may be given several times.")
]
UpstreamUrl: TypeAlias = Annotated[
    str | None, typer.Option("--upstream", help="postgresql:// URL to stand in front of, instead of DuckDB.")
]
Database: TypeAlias = Annotated[str | None, typer.Option(help="DuckDB file; default is in memory.")]
AsCsv: TypeAlias = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


def settings_of(
    *,
    home: Path | None = None,
    cascades: list[Path] | None = None,
    upstream: str | None = None,
    host: str | None = None,
    port: int | None = None,
    **others: Any,
) -> Settings:
    """Return the settings under these flags. Raises :class:`ConfigurationFault`."""
    return load_settings(
        {
            "home": home,
            "cascades": tuple(cascades) if cascades else None,
            "upstream": upstream,
            "host": host,
            "port": port,
            **others,
        }
    )
