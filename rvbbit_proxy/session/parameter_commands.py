"""SET, SHOW, RESET and DISCARD, and their twins set_config() and current_setting(), from text to frozen commands.

Pure: nothing is looked up and nothing is changed here.
Source: https://www.postgresql.org/docs/16/sql-set.html and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from rvbbit_proxy.errors import SyntaxFault
from rvbbit_proxy.session.parameter_table import PARAMETERS
from rvbbit_proxy.sql.lexer import Token, leading_words, lexemes, unquote_identifier, unquote_string
from rvbbit_proxy.sql.remembered import remembered


@dataclass(frozen=True, slots=True)
class Set:
    """SET name TO value; ``value`` None is DEFAULT."""

    name: str
    value: str | None
    local: bool = False


@dataclass(frozen=True, slots=True)
class SetTransaction:
    """SET TRANSACTION, or (``session``) SET SESSION CHARACTERISTICS AS TRANSACTION."""

    modes: Mapping[str, str]
    session: bool = False


@dataclass(frozen=True, slots=True)
class SetOther:
    """SET or RESET of ROLE, SESSION AUTHORIZATION or CONSTRAINTS: ``what`` is one of them, ``value`` the rest."""

    what: str
    value: str
    reset: bool = False
    local: bool = False


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW name; None is ALL."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Reset:
    """RESET name; None is ALL."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Discard:
    """DISCARD all, plans, sequences or temp."""

    what: str


@dataclass(frozen=True, slots=True)
class Argument:
    """A literal (None is NULL), or the number of a ``$n``."""

    value: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class SettingCall:
    """set_config(name, value, local) or, without a value, current_setting(name, missing_ok)."""

    label: str
    name: Argument
    flag: bool
    value: Argument | None = None


@dataclass(frozen=True, slots=True)
class SelectSettings:
    """A SELECT of nothing but such calls."""

    calls: tuple[SettingCall, ...]


ParameterCommand: TypeAlias = Set | SetTransaction | SetOther | Show | Reset | Discard | SelectSettings

_FIRST_WORDS = frozenset({"set", "show", "reset", "discard"})
_LEVELS = frozenset({"serializable", "repeatable", "read"})


class _Words:
    """Takes tokens in turn."""

    def __init__(self, sql: str) -> None:
        self.tokens: Sequence[Token] = lexemes(sql)
        self.position = 0

    def peek(self) -> str:
        """Return the next token's text in lower case; empty at the end."""
        return self.tokens[self.position].text.lower() if self.position < len(self.tokens) else ""

    def take(self) -> Token:
        """Return the next token; raises SyntaxFault (42601) at the end."""
        if self.position >= len(self.tokens):
            raise SyntaxFault("syntax error at end of input")
        self.position += 1
        return self.tokens[self.position - 1]

    def accept(self, *texts: str) -> bool:
        """Take these tokens if they come next."""
        ahead = [token.text.lower() for token in self.tokens[self.position : self.position + len(texts)]]
        if ahead != list(texts):
            return False
        self.position += len(texts)
        return True

    def end(self) -> None:
        """Raise SyntaxFault (42601) unless everything has been taken."""
        if self.position < len(self.tokens):
            token = self.tokens[self.position]
            raise syntax_error_at(token)


@contextmanager
def placed_at_end(sql: str) -> Iterator[None]:
    """Give a syntax error at the end of input its position, which is behind the text."""
    try:
        yield
    except SyntaxFault as fault:
        fault.position = fault.position or len(sql.rstrip("; \n")) + 1
        raise


def syntax_error_at(token: Token | None) -> SyntaxFault:
    """Return PostgreSQL's error for a token that does not fit; None is the end of the text."""
    if token is None:
        return SyntaxFault("syntax error at end of input")
    return SyntaxFault(f'syntax error at or near "{token.text}"', position=token.start + 1)


@remembered
def parse_parameter_command(sql: str) -> ParameterCommand | None:
    """Return the command, or None when the statement is none of these.

    Raises SyntaxFault (42601).

    >>> parse_parameter_command("SET LOCAL TIME ZONE 'UTC'")
    Set(name='TimeZone', value='UTC', local=True)
    """
    leading = leading_words(sql, 1)
    if leading == ("select",):
        return _parse_select(sql)
    if not leading or leading[0] not in _FIRST_WORDS:
        return None
    words = _Words(sql)
    words.take()
    with placed_at_end(sql):
        command = _PARSERS[leading[0]](words)
        words.end()
    return command


def parse_transaction_modes(words: Iterator[str]) -> dict[str, str]:
    """Return the parameters that transaction modes set: isolation, read only, deferrable."""
    text = " ".join(words).replace(",", " ").split()
    modes: dict[str, str] = {}
    position = 0
    while position < len(text):
        rest = text[position:]
        if rest[:2] == ["isolation", "level"] and len(rest) > 2:
            size = 3 if rest[2] == "serializable" else 4
            modes["transaction_isolation"] = " ".join(rest[2:size])
        elif rest[:2] in (["read", "only"], ["read", "write"]):
            size = 2
            modes["transaction_read_only"] = "on" if rest[1] == "only" else "off"
        elif rest[0] == "deferrable" or rest[:2] == ["not", "deferrable"]:
            size = 1 if rest[0] == "deferrable" else 2
            modes["transaction_deferrable"] = "on" if size == 1 else "off"
        else:
            raise SyntaxFault(f'syntax error at or near "{rest[0]}"')
        position += size
    return modes


def _rest(words: _Words) -> Iterator[str]:
    while words.peek():
        yield words.take().text.lower()


def _parse_set(words: _Words) -> ParameterCommand:
    if words.accept("session", "characteristics", "as", "transaction"):
        return SetTransaction(MappingProxyType(parse_transaction_modes(_rest(words))), session=True)
    if words.accept("transaction"):
        return SetTransaction(MappingProxyType(parse_transaction_modes(_rest(words))))
    if words.accept("constraints"):
        return SetOther("constraints", " ".join(_rest(words)))
    local = False
    if words.peek() in ("session", "local"):
        local = words.take().text.lower() == "local"
    if words.accept("authorization") or words.accept("session", "authorization"):
        return SetOther("session authorization", _value(words) or "default", local=local)
    if words.accept("role"):
        return SetOther("role", _value(words) or "default", local=local)
    if words.accept("time", "zone"):
        return Set("TimeZone", _time_zone(words), local)
    if words.accept("names"):
        return Set("client_encoding", _value(words) if words.peek() else None, local)
    if words.accept("schema"):
        return Set("search_path", _value(words), local)
    name = _name(words)
    if not (words.accept("to") or words.accept("=")):
        words.end()
        raise SyntaxFault("syntax error at end of input")
    return Set(name, _values(words, name), local)


def _parse_show(words: _Words) -> Show:
    if words.accept("all"):
        return Show(None)
    if words.accept("time", "zone"):
        return Show("TimeZone")
    if words.accept("transaction", "isolation", "level"):
        return Show("transaction_isolation")
    if words.accept("session", "authorization"):
        return Show("session_authorization")
    return Show(_name(words))


def _parse_reset(words: _Words) -> ParameterCommand:
    if words.accept("all"):
        return Reset(None)
    if words.accept("session", "authorization"):
        return SetOther("session authorization", "default", reset=True)
    if words.accept("role"):
        return SetOther("role", "default", reset=True)
    if words.accept("time", "zone"):
        return Reset("TimeZone")
    if words.accept("transaction", "isolation", "level"):
        return Reset("transaction_isolation")
    return Reset(_name(words))


def _parse_discard(words: _Words) -> Discard:
    token = words.take()
    what = {"temporary": "temp"}.get(token.text.lower(), token.text.lower())
    if what not in ("all", "plans", "sequences", "temp"):
        raise syntax_error_at(token)
    return Discard(what)


_PARSERS: Mapping[str, Callable[[_Words], ParameterCommand]] = MappingProxyType(
    {"set": _parse_set, "show": _parse_show, "reset": _parse_reset, "discard": _parse_discard}
)


def _name(words: _Words) -> str:
    parts = [_identifier(words.take())]
    while words.accept("."):
        parts.append(_identifier(words.take()))
    return ".".join(parts)


def _identifier(token: Token) -> str:
    if token.kind not in ("word", "quoted"):
        raise syntax_error_at(token)
    return unquote_identifier(token)


def _value(words: _Words) -> str | None:
    """Take one value; None is DEFAULT."""
    if words.peek() == "default":
        words.take()
        return None
    sign = ""
    while words.peek() in ("-", "+"):
        sign = words.take().text
    token = words.take()
    if token.kind == "string":
        return unquote_string(token)
    if token.kind == "number":
        return (sign if sign == "-" else "") + token.text
    return _identifier(token)


def _values(words: _Words, name: str) -> str | None:
    spec = PARAMETERS.get(name.lower())
    listed = spec is not None and spec.listed
    quoting = listed and name.lower() in ("search_path", "temp_tablespaces")
    values = [_value(words)]
    while listed and words.accept(","):
        values.append(_value(words))
    if None in values:
        return None
    return ", ".join(_quoted_name(value) if quoting else value for value in values if value is not None)


def _quoted_name(name: str) -> str:
    plain = name and name == name.lower() and name.isidentifier()
    return name if plain else '"' + name.replace('"', '""') + '"'


def _time_zone(words: _Words) -> str | None:
    if words.accept("local"):
        return None
    if words.accept("interval"):
        value = _value(words)
        for _ in _rest(words):
            pass  # HOUR TO MINUTE says no more than the literal
        return value
    return _value(words)


def _parse_select(sql: str) -> SelectSettings | None:
    if "set_config" not in (lowered := sql.lower()) and "current_setting" not in lowered:
        return None
    words = _Words(sql)
    words.take()
    calls: list[SettingCall] = []
    try:
        while True:
            call = _setting_call(words)
            if call is None:
                return None
            calls.append(call)
            if not words.accept(","):
                break
        words.accept(";")
    except SyntaxFault:
        return None  # not of this plain form: the engine's to judge
    return SelectSettings(tuple(calls)) if not words.peek() else None


def _setting_call(words: _Words) -> SettingCall | None:
    words.accept("pg_catalog", ".")
    function = words.take().text.lower()
    if function not in ("set_config", "current_setting") or not words.accept("("):
        return None
    name, value, flag = _argument(words), None, False
    if name is None:
        return None
    if function == "set_config":
        if not words.accept(",") or (value := _argument(words)) is None or not words.accept(","):
            return None
        flag = words.take().text.lower() in ("true", "'t'", "'true'")
    elif words.accept(","):
        flag = words.take().text.lower() in ("true", "'t'", "'true'")
    if not words.accept(")"):
        return None
    words.accept("::", "text")
    label = function
    if words.accept("as") or words.peek() not in ("", ",", ";", "from"):
        label = _identifier(words.take())
    return SettingCall(label, name, flag, value)


def _argument(words: _Words) -> Argument | None:
    token = words.take()
    if token.kind == "string":
        argument = Argument(unquote_string(token))
    elif token.kind == "parameter":
        argument = Argument(number=int(token.text[1:]))
    elif token.text.lower() == "null":
        argument = Argument(None)
    else:
        return None
    words.accept("::", "text")
    return argument
