"""The SQL state of one connection, and what it works with. No behaviour beyond keeping it together."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import cast

from rvbbit_proxy.caller import CancelToken
from rvbbit_proxy.engine.upstream import Notice, UpstreamSession
from rvbbit_proxy.ledger.ledger import Ledger
from rvbbit_proxy.session.advisory_locks import AdvisoryLocks, SessionLocks
from rvbbit_proxy.session.backends import Backends
from rvbbit_proxy.session.client import Client
from rvbbit_proxy.session.cursors import Cursors, Declare
from rvbbit_proxy.session.notifications import Channels, Listen, NotificationCommand, SessionNotifications
from rvbbit_proxy.session.parameters import Parameters
from rvbbit_proxy.session.portals import Portals
from rvbbit_proxy.session.semantics import Semantics
from rvbbit_proxy.session.statements import PreparedStatements
from rvbbit_proxy.session.transaction import TransactionBlock
from rvbbit_proxy.settings import RunOptions
from rvbbit_proxy.wire import backend

CANCEL_AGAIN_S = 0.05
"""How long after a cancel that did not end the statement the upstream is told again."""

_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error")


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions share, made once by the app. Without a ledger or semantics, plain SQL still runs.

    ``ledger_relations``: lower-case names whose mention in a statement means that it reads the ledger.
    """

    options: RunOptions
    ledger: Ledger | None = None
    semantics: Semantics | None = None
    ledger_relations: frozenset[str] = frozenset()
    channels: Channels = field(default_factory=Channels)
    backends: Backends = field(default_factory=Backends)
    locks: AdvisoryLocks = field(default_factory=AdvisoryLocks)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is connected, and over what."""

    user: str
    database: str
    connection_id: str
    process_id: int = 0
    client_address: str | None = None


class SessionState:
    """Everything a command of the session may look at or change."""

    def __init__(
        self,
        client: Client,
        upstream: UpstreamSession,
        services: Services,
        identity: Identity,
    ) -> None:
        self.client = client
        self.upstream = upstream
        self.services = services
        self.identity = identity
        self.parameters = Parameters(
            services.options, {"session_authorization": identity.user, "is_superuser": "on"}
        )
        self.statements = PreparedStatements()
        self.portals = Portals()
        self.cursors = Cursors()
        self.upstream_cursors: dict[str, Declare] = {}
        self.notifications = SessionNotifications(services.channels, identity.process_id)
        self.listens_upstream = False
        self.locks = SessionLocks(services.locks, identity.process_id)
        self.block = TransactionBlock(
            upstream, self.parameters, self.notify, self._end_transaction, self.notifications, self.locks
        )
        self.duckdb_knows: dict[str, str] = {}
        self.postgres_startup: dict[str, str] = {}
        self.running_caller: str | None = None
        self._running: CancelToken | None = None
        self._running_lock = threading.Lock()
        self._timeout: threading.Timer | None = None
        upstream.on_notice = self.notify

    def notify(self, notice: Notice) -> None:
        """Send a notice, unless client_min_messages is above it. From any thread."""
        least = self.parameters.get("client_min_messages")
        if notice.severity != "INFO" and _level(notice.severity) < _LEVELS.index(least):
            return
        fields = backend.notice_fields(
            notice.message,
            severity=cast(backend.Severity, notice.severity),
            sqlstate=notice.sqlstate,
            detail=notice.detail,
            hint=notice.hint,
        )
        self.client.send(backend.encode_notice_response(fields | notice.fields))
        if self._running is not None:
            self.client.flush()  # of use only while the statement still runs

    def take_notification_command(self, command: NotificationCommand) -> None:
        """Take a command, which is done when its transaction commits; without one, now."""
        if isinstance(command, Listen):
            self.notifications.inbox.wake = self.client.wakeable()
        self.notifications.add(command)
        if self.block.state == "idle":
            self.notifications.end_transaction(True)

    def start_running(self) -> CancelToken:
        """Mark that a statement runs: only then can it be cancelled; ``statement_timeout`` begins."""
        token = CancelToken()
        with self._running_lock:
            self._running = token
        statement_ms, transaction_ms = self.parameters.ms("statement_timeout"), self.transaction_left_ms()
        if transaction_ms and (not statement_ms or transaction_ms < statement_ms):
            self._start_timeout(transaction_ms, token, "canceling statement due to transaction timeout")
        elif statement_ms:
            self._start_timeout(statement_ms, token, "canceling statement due to statement timeout")
        return token

    def _start_timeout(self, timeout_ms: int, token: CancelToken, message: str) -> None:
        self._timeout = threading.Timer(timeout_ms / 1000, self._cancel, (token, message))
        self._timeout.daemon = True
        self._timeout.start()

    def transaction_left_ms(self) -> int:
        """Return how long the transaction, or one that begins now, may still take, at least 1; 0 is for ever."""
        limit_ms = self.parameters.ms("transaction_timeout")
        if not limit_ms or self.block.state == "idle":
            return limit_ms
        return max(1, limit_ms - int((time.monotonic() - self.block.began_s) * 1000))

    def stop_running(self) -> None:
        """Mark that the statement is over."""
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        with self._running_lock:
            self._running = None
        self.running_caller = None

    def cancel(self, reason: str | None = None) -> None:
        """Stop the running statement; without one, do nothing. From any thread."""
        self._cancel(self._running, reason)

    def _cancel(self, token: CancelToken | None, reason: str | None) -> None:
        with self._running_lock:
            if token is None or token is not self._running:
                return
            token.cancel(reason)
            self.upstream.cancel()
        # the upstream may not have begun yet, and then knows nothing to stop
        again = threading.Timer(CANCEL_AGAIN_S, self._cancel, (token, reason))
        again.daemon = True
        again.start()

    def _end_transaction(self, commit: bool) -> None:
        self.portals.clear()
        self.cursors.end_transaction(commit)
        self.upstream_cursors = {
            name: replace(declared, kept=True)
            for name, declared in self.upstream_cursors.items()
            if declared.hold and (commit or declared.kept)
        }


def _level(severity: str) -> int:
    name = severity.lower()
    return _LEVELS.index(name) if name in _LEVELS else _LEVELS.index("debug1")
