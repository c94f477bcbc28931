"""The values of one session's parameters: startup, SET, SET LOCAL, RESET, and their undoing by ROLLBACK.

Not here: the statements (``parameter_commands``) and what an upstream has to be told (``forwarding``).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

from rvbbit_proxy.errors import InvalidValue, RvbbitError, SyntaxFault, UnknownSetting
from rvbbit_proxy.session.parameter_kinds import date_style, read_ms, read_share, show_ms
from rvbbit_proxy.session.parameter_table import PARAMETERS, REPORTED, ParameterSpec
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.wire.types.style import TextStyle

Source = Literal["default", "startup", "set", "set_local"]
CacheUse: TypeAlias = Literal["on", "off", "refresh"]
JoinMethod: TypeAlias = Literal["auto", "blocked", "exhaustive"]
RESERVED_PREFIX = "rvbbit."
_BY_DEFAULT = frozenset({"transaction_isolation", "transaction_read_only", "transaction_deferrable"})
"""What a transaction takes from the parameter with ``default_`` before its name."""


class CannotChange(RvbbitError, sqlstate="55P02"):
    """The parameter is fixed, or only the server sets it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What ROLLBACK returns to."""

    session: Mapping[str, str]
    local: Mapping[str, str]


class Parameters:
    """One session's parameters. Keys are lower-case names; values are text as SHOW prints them."""

    def __init__(self, defaults: RunOptions, fixed: Mapping[str, str] | None = None) -> None:
        self._defaults: dict[str, str] = _run_defaults(defaults) | dict(fixed or {})
        self._base = defaults
        self._startup: dict[str, str] = {}
        self._session: dict[str, str] = {}
        self._local: dict[str, str] = {}
        self._transaction: Snapshot | None = None
        self._reported: dict[str, str] = {}
        self._style: TextStyle | None = None
        self._found: dict[str, str] = {}
        self._ms: dict[str, int] = {}
        self.changed = True
        self.unreported = True

    def start(self, values: Mapping[str, str]) -> None:
        """Take the startup packet's parameters; they are what RESET returns to."""
        for name, value in values.items():
            key = find_spec(name, defining=True).name.lower()
            self._startup[key] = self._parsed(name, value)
        self._touch()

    def get(self, name: str) -> str:
        """Return the value in force; raises UnknownSetting (42704)."""
        value = self._found.get(name) or self.find(name)
        if value is None:
            raise unknown_parameter(name)
        return value

    def find(self, name: str) -> str | None:
        """Return the value in force, None for an unknown parameter."""
        known = self._found.get(name)
        if known is None:
            known = self._find(name.lower())
            if known is not None:
                self._found[name] = known
        return known

    def _find(self, key: str) -> str | None:
        for values in (self._local, self._session, self._startup, self._defaults):
            if key in values:
                return values[key]
        if key in _BY_DEFAULT:
            return self._find(f"default_{key}")
        spec = PARAMETERS.get(key)
        return spec.default if spec else None

    def source(self, name: str) -> Source:
        """Tell where the value in force comes from."""
        key = name.lower()
        if key in self._local:
            return "set_local"
        if key in self._session:
            return "set"
        return "startup" if key in self._startup else "default"

    def set(self, name: str, value: str | None, *, local: bool = False) -> None:
        """Set a parameter for the session or the transaction; None is its startup value or default.

        Raises UnknownSetting (42704), InvalidValue (22023), CannotChange (55P02).
        """
        spec = find_spec(name, defining=True)
        if spec.read_only:
            raise CannotChange(f'parameter "{spec.name}" cannot be changed')
        key = spec.name.lower()
        self._touch()
        if value is None:
            parsed = self._startup.get(key, self._defaults.get(key, spec.default))
        else:
            parsed = self._parsed(name, value)
        if local:
            self._local[key] = parsed
            return
        self._local.pop(key, None)
        if value is None:
            self._session.pop(key, None)
        else:
            self._session[key] = parsed

    def put(self, name: str, value: str) -> None:
        """Set a parameter that only the server sets, outside any transaction."""
        self._defaults[name.lower()] = value
        self._touch()

    def adopt(self, name: str, value: str) -> None:
        """Take what the upstream says is in force, in place of what is thought to be."""
        key = name.lower()
        for values in (self._local, self._session, self._startup):
            if key in values:
                values[key] = value
                break
        else:
            self._defaults[key] = value
        self._touch()

    def reset_all(self) -> None:
        """Return every parameter to its startup value."""
        self._session.clear()
        self._local.clear()
        self._touch()

    def begin(self) -> None:
        """A transaction starts: ROLLBACK will return to here."""
        if self._transaction is None:
            self._transaction = self.snapshot()

    def commit(self) -> None:
        """The transaction ended well: SET LOCAL is over."""
        self._transaction = None
        if self._local:
            self._local.clear()
            self._touch()

    def rollback(self) -> None:
        """The transaction is undone, and with it what it SET."""
        if self._transaction is not None:
            self.restore(self._transaction)
        self.commit()

    def snapshot(self) -> Snapshot:
        """Return what :meth:`restore` brings back."""
        return Snapshot(dict(self._session), dict(self._local))

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot."""
        self._session, self._local = dict(snapshot.session), dict(snapshot.local)
        self._touch()

    def _touch(self) -> None:
        self._style = None
        self._found.clear()
        self._ms.clear()
        self.changed = self.unreported = True

    def take_reports(self) -> list[tuple[str, str]]:
        """Return the reported parameters whose value the client does not know yet, as shown name and value."""
        self.unreported = False
        news = [(key, self.get(key)) for key in REPORTED]
        changed = [(key, value) for key, value in news if self._reported.get(key) != value]
        self._reported.update(changed)
        return [(PARAMETERS[key].name, value) for key, value in changed]

    def shown(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, value and description of every parameter, by name, as SHOW ALL does."""
        custom = {key for values in (self._startup, self._session, self._local) for key in values} - set(
            PARAMETERS
        )
        for key in sorted({*PARAMETERS, *custom}):
            spec = PARAMETERS.get(key, ParameterSpec(key, ""))
            yield spec.name, self.get(key), spec.help

    def _parsed(self, name: str, value: str) -> str:
        spec = find_spec(name, defining=True)
        if spec.kind is date_style:
            return date_style(spec.name, value, current=self._find(spec.name.lower()) or spec.default)
        return spec.kind(spec.name, value)

    # what one statement needs, typed

    def run_options(self) -> RunOptions:
        """Return the options a statement runs under."""
        max_cost = self.get("rvbbit.max_cost")
        return replace(
            self._base,
            model=self.get("rvbbit.model"),
            embed_model=self.get("rvbbit.embed_model"),
            proxy_model=self.get("rvbbit.proxy_model"),
            max_cost_usd=Decimal(max_cost) if max_cost else None,
            on_error="null" if self.get("rvbbit.on_error") == "null" else "fail",
            progress=self.get("rvbbit.progress") == "on",
            cache=cast(CacheUse, self.get("rvbbit.cache")),
            cache_ttl_s=read_ms(self.get("rvbbit.cache_ttl")) / 1000,
            concurrency=int(self.get("rvbbit.concurrency")),
            batch_size=int(self.get("rvbbit.batch_size")),
            meta=read_share(self.get("rvbbit.meta")),
            join=cast(JoinMethod, self.get("rvbbit.join")),
            top_k="exhaustive" if self.get("rvbbit.top_k") == "exhaustive" else "auto",
            accuracy=None if self.get("rvbbit.accuracy") == "off" else float(self.get("rvbbit.accuracy")),
        )

    def text_style(self) -> TextStyle:
        """Return how values print as text."""
        if self._style is None:
            self._style = TextStyle(
                timezone=self.get("timezone"),
                datestyle=self.get("datestyle"),
                intervalstyle=self.get("intervalstyle"),
                bytea_output=self.get("bytea_output"),
                extra_float_digits=int(self.get("extra_float_digits")),
            )
        return self._style

    def tags(self) -> dict[str, Any]:
        """Return ``rvbbit.tags`` as an object."""
        text = self.get("rvbbit.tags")
        return dict(json.loads(text)) if text else {}

    def ms(self, name: str) -> int:
        """Return the value in force of a parameter that is a time, in ms; 0 is no limit."""
        if name not in self._ms:
            self._ms[name] = read_ms(self.get(name))
        return self._ms[name]


def find_spec(name: str, *, defining: bool = False) -> ParameterSpec:
    """Return a parameter's description; a dotted name that nobody claims is a custom parameter.

    Raises UnknownSetting (42704).
    """
    spec = PARAMETERS.get(name.lower())
    if spec is not None:
        return spec
    if defining and "." in name and not name.lower().startswith(RESERVED_PREFIX):
        return ParameterSpec(name.lower(), "")
    raise unknown_parameter(name)


def unknown_parameter(name: str) -> UnknownSetting:
    """Return the error for a name that no parameter has."""
    ours = sorted(key for key in PARAMETERS if key.startswith(RESERVED_PREFIX))
    hint = f"There are {', '.join(ours)}." if name.lower().startswith(RESERVED_PREFIX) else None
    return UnknownSetting(f'unrecognized configuration parameter "{name}"', hint=hint)


def parse_startup_options(options: str) -> dict[str, str]:
    """Return the parameters in a startup packet's ``options``.

    >>> parse_startup_options("-c rvbbit.caller_id=me --statement-timeout=1s -csearch_path=a\\\\ b")
    {'rvbbit.caller_id': 'me', 'statement_timeout': '1s', 'search_path': 'a b'}
    """
    found: dict[str, str] = {}
    words = iter(_split_options(options))
    for word in words:
        if word == "-c":
            word = "-c" + next(words, "")
        if not word.startswith(("-c", "--")):
            raise InvalidValue(f"invalid command-line argument for server process: {word}")
        if "=" not in word:
            raise SyntaxFault(f"{word if word.startswith('--') else f'-c {word[2:]}'} requires a value")
        name, _, value = word[2:].partition("=")
        found[name.replace("-", "_")] = value
    return found


def _split_options(options: str) -> list[str]:
    """Split at white space; only a backslash escapes, as PostgreSQL's pg_split_opts does."""
    lexer = shlex.shlex(options, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.commenters = True, "", ""
    return list(lexer)


def _run_defaults(options: RunOptions) -> dict[str, str]:
    meta = {0.0: "off", 1.0: "on"}.get(options.meta, f"{options.meta:g}")
    return {
        "rvbbit.model": options.model,
        "rvbbit.embed_model": options.embed_model,
        "rvbbit.max_cost": "" if options.max_cost_usd is None else format(options.max_cost_usd, "f"),
        "rvbbit.on_error": options.on_error,
        "rvbbit.progress": "on" if options.progress else "off",
        "rvbbit.cache": options.cache,
        "rvbbit.cache_ttl": show_ms(round(options.cache_ttl_s * 1000)),
        "rvbbit.concurrency": str(options.concurrency),
        "rvbbit.batch_size": str(options.batch_size),
        "rvbbit.meta": meta,
    }
