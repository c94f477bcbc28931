"""What can be configured: the process's settings, and the options of one statement.

``Settings`` is read once by ``cli``: defaults < ``rvbbit.toml`` < ``RVBBIT_*`` environment < flags; this module
is the one place that reads the environment. ``RunOptions`` is what one statement runs under, made from the
session's ``rvbbit.*`` parameters, frozen, passed by argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

OFFLINE = "offline"
"""The model id under which the machine itself answers when no model is configured."""


class Price(BaseModel, frozen=True, extra="forbid"):
    """A model's price in USD per million tokens."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_input_usd_per_mtok: Decimal | None = None


class Settings(BaseSettings):
    """The process's settings; every field may stand in ``rvbbit.toml`` or as ``RVBBIT_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="RVBBIT_", toml_file="rvbbit.toml", extra="forbid", frozen=True, env_nested_delimiter="__"
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(15432, description="TCP port to listen on; 0 takes any free one.")
    home: Path = Field(Path(".rvbbit"), description="Folder of the ledger, the journal and the caches.")
    cascades: tuple[Path, ...] = Field(
        (), description="Folders of the user's own cascades, besides the bundled ones."
    )
    upstream: str | None = Field(None, description="postgresql:// URL to stand in front of; default is DuckDB.")
    model: str = Field(OFFLINE, description="litellm model id, or 'offline'.")
    embed_model: str = Field(OFFLINE, description="litellm embedding model id, or 'offline'.")
    embed_folder: Path | None = Field(None, description="Folder of a local sentence-embedding model.")
    prices: dict[str, Price] = Field(default_factory=dict, description="Prices that litellm's table lacks.")
    concurrency: int = Field(16, ge=1, description="Model requests in flight in the whole server.")
    batch_size: int = Field(20, ge=1, description="Inputs per prompt where the operator has a batch form.")
    meta: float = Field(0.0, ge=0, le=1, description="Share of finished runs that meta cascades judge.")
    request_timeout_s: float = Field(60.0, gt=0, description="Time limit of one model request.")
    request_retries: int = Field(
        2, ge=0, description="Resends of a request that failed in transport or was throttled."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, strongest first."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What one statement runs under; defaults come from :class:`Settings`, overrides from ``SET rvbbit.*``."""

    model: str = OFFLINE
    embed_model: str = OFFLINE
    max_cost_usd: Decimal | None = None
    on_error: Literal["fail", "null"] = "fail"
    progress: bool = False
    cache: Literal["on", "off", "refresh"] = "on"
    concurrency: int = 16
    batch_size: int = 20
    meta: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> RunOptions:
        """Return the options a session starts with."""
        return cls(
            model=settings.model,
            embed_model=settings.embed_model,
            concurrency=settings.concurrency,
            batch_size=settings.batch_size,
            meta=settings.meta,
        )
