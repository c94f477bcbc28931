"""What can be configured: the process's settings, and the options of one statement.

``Settings`` is read once by ``cli``: defaults < ``rvbbit.toml`` < ``RVBBIT_*`` environment < flags; this module
is the one place that reads the environment. ``RunOptions`` is what one statement runs under, made from the
session's ``rvbbit.*`` parameters, frozen, passed by argument.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from rvbbit_proxy.errors import ConfigurationFault

OFFLINE = "offline"
"""The model id under which the machine itself answers when no model is configured."""

ENV_PREFIX = "RVBBIT_"
SETTINGS_FILE = Path("rvbbit.toml")


class Price(BaseModel, frozen=True, extra="forbid"):
    """A model's price in USD per million tokens."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_input_usd_per_mtok: Decimal | None = None


class Settings(BaseSettings):
    """The process's settings; every field may stand in ``rvbbit.toml`` or as ``RVBBIT_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, toml_file=SETTINGS_FILE, extra="forbid", frozen=True, env_nested_delimiter="__"
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(15432, description="TCP port to listen on; 0 takes any free one.")
    max_connections: int = Field(100, ge=1, description="Client connections at the same time.")
    users: Path | None = Field(None, description="File of users and SCRAM verifiers; without it only loopback.")
    tls_certificate: Path | None = Field(
        None, description="PEM file of the server's certificate chain; turns TLS on."
    )
    tls_key: Path | None = Field(
        None, description="PEM file of the certificate's key, if it is a file of its own."
    )
    home: Path = Field(Path(".rvbbit"), description="Folder of the ledger, the journal and the caches.")
    cascades: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders of the user's own cascades, besides the bundled ones."
    )
    upstream: str | None = Field(None, description="postgresql:// URL to stand in front of; default is DuckDB.")
    model: str = Field(OFFLINE, description="litellm model id, or 'offline'.")
    embed_model: str = Field(OFFLINE, description="litellm embedding model id, or 'offline'.")
    embed_folder: Path | None = Field(None, description="Folder of a local sentence-embedding model.")
    prices: dict[str, Price] = Field(default_factory=dict, description="Prices that litellm's table lacks.")
    concurrency: int = Field(16, ge=1, description="Model requests in flight in the whole server.")
    provider_concurrency: dict[str, int] = Field(
        default_factory=dict, description="Model requests in flight at most, by litellm's provider name."
    )
    batch_size: int = Field(
        100, ge=1, description="Inputs per prompt, at most, where the operator has a batch form."
    )
    cache_entries: int = Field(1_000_000, ge=1, description="Answers the result cache keeps; the newest stay.")
    cache_ttl_s: float = Field(0.0, ge=0, description="Age at which a kept answer is asked anew; 0 is never.")
    meta: float = Field(0.0, ge=0, le=1, description="Share of finished runs that meta cascades judge.")
    request_timeout_s: float = Field(60.0, gt=0, description="Time limit of one model request.")
    request_retries: int = Field(
        2, ge=0, description="Resends of a request that failed in transport or was throttled."
    )

    @field_validator("cascades", mode="before")
    @classmethod
    def _split_folders(cls, value: object) -> object:
        """Take a list as in PATH, too: the environment has no other."""
        return value.split(os.pathsep) if isinstance(value, str) else value

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


def load_settings(flags: Mapping[str, Any]) -> Settings:
    """Read the settings; a flag that is None was not given.

    Raises :class:`ConfigurationFault`: where the wrong value comes from (``rvbbit.toml:3``, ``RVBBIT_PORT``,
    ``--port``), then the reason; further faults are its detail.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ConfigurationFault(f"{SETTINGS_FILE}:{line[1] if line else 1}: {error}") from error
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        raise ConfigurationFault(f"{ENV_PREFIX}{name[1].upper() if name else '*'}: is not JSON") from error
    except ValidationError as error:
        first, *others = (_fault(given, each["loc"], each["msg"]) for each in error.errors())
        raise ConfigurationFault(first, detail="\n".join(others) or None) from error


def _fault(given: Mapping[str, Any], location: tuple[int | str, ...], reason: str) -> str:
    """Return one fault with where its value comes from; the strongest source that has it is the one."""
    name = str(location[0])
    inside = "".join(f".{step}" for step in location[1:])
    if reason.startswith("Extra inputs"):
        reason = "there is no such setting"
    if name in given:
        return f"--{name.replace('_', '-')}: {reason}"
    if any(variable.upper() == (ENV_PREFIX + name).upper() for variable in os.environ):
        return f"{ENV_PREFIX}{name.upper()}{inside}: {reason}"
    return f"{SETTINGS_FILE}:{_line_of(str(location[-1]), name)}: {name}{inside}: {reason}"


def _line_of(*names: str) -> int:
    """Return the line of the settings file that holds the first of these keys which it has at all."""
    lines = SETTINGS_FILE.read_text(encoding="utf-8").splitlines() if SETTINGS_FILE.exists() else []
    for name in names:
        for number, line in enumerate(lines, start=1):
            if re.match(rf"""\s*\[?(?:.*\.)?["']?{re.escape(name)}["']?\s*[]=.]""", line):
                return number
    return 1


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What one statement runs under; defaults come from :class:`Settings`, overrides from ``SET rvbbit.*``."""

    model: str = OFFLINE
    embed_model: str = OFFLINE
    proxy_model: str = ""
    max_cost_usd: Decimal | None = None
    on_error: Literal["fail", "null"] = "fail"
    progress: bool = False
    cache: Literal["on", "off", "refresh"] = "on"
    cache_ttl_s: float = 0.0
    concurrency: int = 16
    batch_size: int = 100
    meta: float = 0.0
    top_k: Literal["auto", "exhaustive"] = "auto"
    join: Literal["auto", "blocked", "exhaustive"] = "auto"
    accuracy: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> RunOptions:
        """Return the options a session starts with."""
        return cls(
            model=settings.model,
            embed_model=settings.embed_model,
            cache_ttl_s=settings.cache_ttl_s,
            concurrency=settings.concurrency,
            batch_size=settings.batch_size,
            meta=settings.meta,
        )
