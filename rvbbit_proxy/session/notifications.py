"""LISTEN, NOTIFY and UNLISTEN between the sessions of this server; PostgreSQL's sessions use PostgreSQL's.

Commands take effect when their transaction commits; notifications reach a session when it is idle.
Source: https://www.postgresql.org/docs/16/sql-notify.html; src/backend/commands/async.c
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from rvbbit_proxy.errors import InvalidValue
from rvbbit_proxy.session.parameter_commands import placed_at_end, syntax_error_at
from rvbbit_proxy.sql.lexer import Token, lexemes, unquote_identifier, unquote_string

NAME_LIMIT_BYTES = 64
PAYLOAD_LIMIT_BYTES = 8000


@dataclass(frozen=True, slots=True)
class Listen:
    """LISTEN channel."""

    channel: str


@dataclass(frozen=True, slots=True)
class Unlisten:
    """UNLISTEN; None is ``*``."""

    channel: str | None


@dataclass(frozen=True, slots=True)
class Notify:
    """NOTIFY channel, payload."""

    channel: str
    payload: str = ""


NotificationCommand: TypeAlias = Listen | Unlisten | Notify


@dataclass(frozen=True, slots=True)
class Notification:
    """What a listener hears; ``process_id`` is the session's that notified."""

    process_id: int
    channel: str
    payload: str


def parse_notification_command(sql: str) -> NotificationCommand:
    """Return the command; raises SyntaxFault (42601) or InvalidValue (22023).

    >>> parse_notification_command("NOTIFY jobs, 'one'")
    Notify(channel='jobs', payload='one')
    """
    with placed_at_end(sql):
        tokens = [token for token in lexemes(sql) if token.text != ";"]
        verb = tokens.pop(0).text.lower()
        if verb == "unlisten" and tokens and tokens[0].text == "*":
            tokens.pop(0)
            command: NotificationCommand = Unlisten(None)
        else:
            channel = unquote_identifier(_take(tokens, "word", "quoted"))
            command = Listen(channel) if verb == "listen" else Unlisten(channel)
            if verb == "notify":
                command = checked_notify(channel, _take_payload(tokens))
        if tokens:
            raise syntax_error_at(tokens[0])
        return command


def _take_payload(tokens: list[Token]) -> str:
    if not tokens or tokens[0].text != ",":
        return ""
    tokens.pop(0)
    return unquote_string(_take(tokens, "string"))


def _take(tokens: list[Token], *kinds: str) -> Token:
    if not tokens:
        raise syntax_error_at(None)
    if tokens[0].kind not in kinds:
        raise syntax_error_at(tokens[0])
    return tokens.pop(0)


def checked_notify(channel: str, payload: str) -> Notify:
    """Return the command; raises InvalidValue (22023) for what PostgreSQL's queue does not take."""
    if not channel:
        raise InvalidValue("channel name cannot be empty")
    if len(channel.encode()) >= NAME_LIMIT_BYTES:
        raise InvalidValue("channel name too long")
    if len(payload.encode()) >= PAYLOAD_LIMIT_BYTES:
        raise InvalidValue("payload string too long")
    return Notify(channel, payload)


class Inbox:
    """One session's channels and the notifications it has not been told; ``wake`` is called when one comes."""

    def __init__(self) -> None:
        self.channels: dict[str, None] = {}
        self.wake: Callable[[], None] = lambda: None
        self._waiting: deque[Notification] = deque()

    def put(self, notification: Notification) -> None:
        """Take a notification. From any thread."""
        self._waiting.append(notification)
        self.wake()

    def take(self) -> list[Notification]:
        """Return what has come, and forget it."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))] if self._waiting else []


class Channels:
    """Who listens to what among all sessions. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, dict[int, Inbox]] = {}

    def listen(self, channel: str, inbox: Inbox) -> None:
        """Send what comes on a channel to an inbox."""
        with self._lock:
            self._listeners.setdefault(channel, {})[id(inbox)] = inbox
            inbox.channels[channel] = None

    def unlisten(self, channel: str | None, inbox: Inbox) -> None:
        """Stop that; None is for all channels."""
        with self._lock:
            for name in tuple(inbox.channels) if channel is None else (channel,):
                self._listeners.get(name, {}).pop(id(inbox), None)
                if not self._listeners.get(name, True):
                    del self._listeners[name]
                inbox.channels.pop(name, None)

    def publish(self, notifications: Iterable[Notification]) -> None:
        """Hand notifications to who listens, in one order for all."""
        with self._lock:
            for notification in notifications:
                for inbox in self._listeners.get(notification.channel, {}).values():
                    inbox.put(notification)


@dataclass(slots=True)
class SessionNotifications:
    """What one session listens to, and what its transaction has yet to do."""

    channels: Channels
    process_id: int
    inbox: Inbox = field(default_factory=Inbox)
    pending: list[NotificationCommand] = field(default_factory=list)

    def add(self, command: NotificationCommand) -> None:
        """Do it at the end of the transaction; the same notification twice is one."""
        if not isinstance(command, Notify) or command not in self.pending:
            self.pending.append(command)

    def end_transaction(self, committed: bool) -> None:
        """Do what the transaction asked for, or forget it."""
        if not self.pending:
            return
        commands, self.pending = self.pending, []
        if not committed:
            return
        for command in commands:
            if isinstance(command, Listen):
                self.channels.listen(command.channel, self.inbox)
            elif isinstance(command, Unlisten):
                self.channels.unlisten(command.channel, self.inbox)
        self.channels.publish(
            Notification(self.process_id, command.channel, command.payload)
            for command in commands
            if isinstance(command, Notify)
        )

    def forget(self, count: int) -> None:
        """Return to so many pending commands: a savepoint is undone."""
        del self.pending[count:]

    def close(self) -> None:
        """Listen no more."""
        self.pending.clear()
        self.channels.unlisten(None, self.inbox)
