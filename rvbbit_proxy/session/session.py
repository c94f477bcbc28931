"""The session: messages of one client in, answers out through its :class:`Client`.

It knows no socket. One thread works on it, except for :meth:`Session.cancel`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType

from rvbbit_proxy.engine.upstream import Upstream, UpstreamSession
from rvbbit_proxy.errors import NotSupported, RvbbitError
from rvbbit_proxy.session import extended, simple
from rvbbit_proxy.session.backends import Backend
from rvbbit_proxy.session.client import Client
from rvbbit_proxy.session.forwarding import adopt_postgres, follow_parameters, report_parameters
from rvbbit_proxy.session.function_call import call_function
from rvbbit_proxy.session.notifications import Notification
from rvbbit_proxy.session.output import Attempt, tell_failure
from rvbbit_proxy.session.parameters import parse_startup_options
from rvbbit_proxy.session.state import Identity, Services, SessionState
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.frontend import (
    Bind,
    Close,
    CopyData,
    CopyDone,
    CopyFail,
    Describe,
    Execute,
    Flush,
    FrontendMessage,
    FunctionCall,
    Parse,
    Query,
    Sync,
)

log = logging.getLogger(__name__)

_NO_PARAMETERS = frozenset({"user", "database", "options", "replication"})


class IdleSessionTimeout(RvbbitError, sqlstate="57P05"):
    """The client was silent longer than idle_session_timeout."""


class IdleInTransactionTimeout(RvbbitError, sqlstate="25P03"):
    """The client was silent in a transaction longer than idle_in_transaction_session_timeout."""


class TransactionTimeout(RvbbitError, sqlstate="25P04"):
    """The transaction took longer than transaction_timeout."""


class Session:
    """The SQL state of one connection; see :func:`open_session`."""

    def __init__(self, client: Client, upstream: UpstreamSession, services: Services, identity: Identity) -> None:
        self.state = SessionState(client, upstream, services, identity)
        self._skipping = False
        self.terminate: Callable[[], None] = lambda: None
        services.backends.add(
            Backend(
                self.process_id,
                identity.user,
                self.cancel,
                lambda: self.terminate(),
                lambda: self.state.running_caller,
            )
        )

    def start(self, startup: Mapping[str, str] = MappingProxyType({})) -> None:
        """Take the startup packet's parameters; tell the client the parameters it must know.

        Raises UnknownSetting (42704) or InvalidValue (22023), which end the connection.
        """
        if startup.get("replication", "").lower() not in ("", "0", "off", "false", "no"):
            raise NotSupported("replication connections are not supported")
        given = parse_startup_options(startup.get("options", "")) | {
            name: value
            for name, value in startup.items()
            if name not in _NO_PARAMETERS and not name.startswith("_pq_.")
        }
        if self.state.upstream.dialect == "postgres":
            adopt_postgres(self.state, given)
        self.state.parameters.start(given)
        follow_parameters(self.state)
        report_parameters(self.state)

    def ready(self) -> None:
        """Tell the client that the next query may come."""
        if self.state.parameters.changed:
            follow_parameters(self.state)
        if self.state.parameters.unreported:
            report_parameters(self.state)
        if self.state.block.state == "idle":
            self._send_notifications()
        status = self.state.block.status
        if (activity := self.state.upstream.activity) is not None:
            activity.rests(status)
        self.state.client.send(backend.encode_ready_for_query(status))
        self.state.client.flush()

    def deliver(self, *, idle: bool) -> None:
        """Take what the client is to be notified of; tell it at once if it is idle, else before ReadyForQuery."""
        self._take_notifications()
        if idle and self.state.block.state == "idle":
            self._send_notifications()
            self.state.client.flush()

    def _take_notifications(self) -> None:
        if self.state.listens_upstream:
            for process_id, channel, payload in self.state.upstream.take_notifications():
                self.state.notifications.inbox.put(Notification(process_id, channel, payload))

    def _send_notifications(self) -> None:
        self._take_notifications()
        for note in self.state.notifications.inbox.take():
            said = backend.encode_notification_response(note.process_id, note.channel, note.payload)
            self.state.client.send(said)

    @property
    def watched(self) -> int | None:
        """The file descriptor that becomes readable when the upstream has notifications, if it may."""
        return self.state.upstream.fileno() if self.state.listens_upstream else None

    @property
    def process_id(self) -> int:
        """The number that cancels and notifications know the session by: the upstream's own where it has one."""
        return self.state.upstream.process_id or self.state.identity.process_id

    @property
    def checks_client(self) -> bool:
        """Whether a statement stops when its client has gone."""
        return self.state.parameters.get("client_connection_check_interval") != "0"

    @property
    def idle_limit_ms(self) -> int:
        """How long the client may stay silent now; 0 is for ever."""
        if self.state.block.state == "idle":
            return self.state.parameters.ms("idle_session_timeout")
        idle_ms = self.state.parameters.ms("idle_in_transaction_session_timeout")
        transaction_ms = self.state.transaction_left_ms()
        return min(idle_ms, transaction_ms) if idle_ms and transaction_ms else idle_ms or transaction_ms

    def silence(self) -> RvbbitError:
        """Return the error that ends the session of a client that was silent for longer."""
        if self.state.block.state == "idle":
            return IdleSessionTimeout("terminating connection due to idle-session timeout")
        if self.state.transaction_left_ms() == 1:
            return TransactionTimeout("terminating connection due to transaction timeout")
        return IdleInTransactionTimeout("terminating connection due to idle-in-transaction timeout")

    def handle(self, message: FrontendMessage) -> None:
        """Answer one message. Whatever goes wrong in it is told to the client, except ClientLost."""
        match message:
            case Sync():
                self._sync()
            case _ if self._skipping:
                pass
            case Query(sql):
                self._query(sql)
            case Flush():
                self.state.client.flush()
            case CopyData() | CopyDone() | CopyFail():
                pass  # left over from a COPY that failed
            case FunctionCall():
                with Attempt(self.state) as tried:
                    call_function(message, self.state, tried.cancel)
                self.ready()
            case _:
                self._extended(message)

    def _query(self, sql: str) -> None:
        simple.run_query(sql, self.state)
        self.ready()

    def _sync(self) -> None:
        self._skipping = False
        with Attempt(self.state, lasting=self.state.block.state != "idle"):
            extended.sync(self.state)
        self.ready()

    def _extended(self, message: FrontendMessage) -> None:
        with Attempt(self.state, lasting=not isinstance(message, Bind | Close)) as tried:
            match message:
                case Parse():
                    extended.parse(message, self.state)
                case Bind():
                    extended.bind(message, self.state)
                case Describe():
                    extended.describe(message, self.state)
                case Execute():
                    extended.execute(message, self.state, tried.cancel)
                case Close():
                    extended.close(message, self.state)
        if not tried.succeeded:
            self._skip()

    def _skip(self) -> None:
        """Ignore what comes before Sync; the client may wait for the error before it sends that."""
        self._skipping = True
        self.state.client.flush()

    def refuse(self, error: RvbbitError, *, simple_query: bool) -> None:
        """Answer a message that was framed well and malformed inside."""
        if self._skipping:
            return
        tell_failure(error, self.state)
        if simple_query:
            self.ready()
        else:
            self._skip()

    def cancel(self, reason: str | None = None) -> None:
        """Stop the running statement; without one, do nothing. From any thread."""
        self.state.cancel(reason)

    def close(self) -> None:
        """Roll back what is open and leave the upstream."""
        self.state.services.backends.remove(self.process_id)
        try:
            self.state.portals.clear()
            self.state.cursors.close(None)
            self.state.notifications.close()
            self.state.block.abandon()
        except RvbbitError as error:
            log.debug("the upstream did not roll back at the end: %s", error)  # it ended the session itself
        finally:
            self.state.locks.close()
            self.state.upstream.close()


def open_session(
    client: Client,
    upstream: Upstream,
    services: Services,
    identity: Identity,
    startup: Mapping[str, str] = MappingProxyType({}),
) -> Session:
    """Open a session on the upstream for one client; it has told its parameters, not yet that it is ready.

    Raises UnknownSetting (42704) or InvalidValue (22023) for the startup packet's parameters.
    """
    upstream_session = upstream.open_session(
        user=identity.user,
        database=identity.database,
        application_name=startup.get("application_name", ""),
        process_id=identity.process_id,
    )
    session = Session(client, upstream_session, services, identity)
    if upstream_session.activity is not None:
        upstream_session.activity.client_address = identity.client_address
        upstream_session.activity.settings = session.state.parameters.shown
        upstream_session.activity.locks = services.locks.rows
    try:
        session.start(startup)
    except RvbbitError:
        services.backends.remove(session.process_id)
        upstream_session.close()
        raise
    return session
