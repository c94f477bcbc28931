"""One connection, in a thread of its own: startup, authentication, then messages to the session until the end.

Source: https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-START-UP
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from rvbbit_proxy.caller import uuid7
from rvbbit_proxy.errors import AuthenticationFailed, ProtocolError, RvbbitError, TooManyConnections
from rvbbit_proxy.server.auth import Authentication, authenticate
from rvbbit_proxy.server.cancel import CancelRegistry
from rvbbit_proxy.server.client_socket import ClientSocket
from rvbbit_proxy.server.tls import ALPN_PROTOCOL, ServerTls
from rvbbit_proxy.session.client import Client, ClientLost
from rvbbit_proxy.session.session import Session
from rvbbit_proxy.session.state import Identity
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.framing import AnyFrame, Frame, StartupFrame
from rvbbit_proxy.wire.frontend import (
    LATEST_MINOR,
    CancelRequest,
    GssEncRequest,
    SslRequest,
    Startup,
    Terminate,
    decode_message,
    decode_startup,
)

log = logging.getLogger(__name__)

SessionFactory = Callable[[Client, Identity, Startup], Session]
"""Opens a session for a client that has proved who it is."""

GONE_MESSAGE = "canceling statement because the client has gone"
SHUTDOWN_MESSAGE = "terminating connection due to administrator command"


_ANSWERED = frozenset((b"Q", b"S", b"F"))
"""Types of the messages that are answered with ReadyForQuery."""


class AdminShutdown(RvbbitError, sqlstate="57P01"):
    """The server shuts down."""


class UnknownUser(AuthenticationFailed, sqlstate="28000"):
    """The startup packet names no user."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What all connections share."""

    session_factory: SessionFactory
    cancels: CancelRegistry
    authentication: Authentication
    admit: Callable[[], bool]
    tls: ServerTls | None = None
    startup_timeout_s: float = 60.0


class Connection:
    """One socket and its session. :meth:`run` is its thread; the other public methods are for others."""

    def __init__(self, client: ClientSocket, address: str | None, settings: ConnectionSettings) -> None:
        self._client = client
        self._address = address
        self._settings = settings
        self._session: Session | None = None
        self._turn = threading.Lock()
        self._busy = False
        self._terminating = False

    def run(self) -> None:
        """Serve the client until it leaves."""
        try:
            self._client.limit_silence(self._settings.startup_timeout_s)
            startup = self._negotiate()
            if startup is not None:
                self._serve(startup)
        except (ClientLost, TimeoutError) as gone:
            log.debug("connection ended: %s", gone)
        except RvbbitError as error:
            self._end_with(error)
        finally:
            self._client.close()

    def terminate(self) -> None:
        """End the connection now if it waits for its client, else when its statement is done."""
        with self._turn:
            self._terminating = True
            if self._busy:
                return
            if self._session is not None and self._client.can_wake:
                self._client.wakeable()()
                return
            if not self._client.encrypted:
                self._end_with(AdminShutdown(SHUTDOWN_MESSAGE))
            self._client.shut_down()

    def cancel(self) -> None:
        """Stop the running statement; without one, do nothing."""
        if self._session is not None:
            self._session.cancel()

    def check_client(self) -> None:
        """Stop what runs for a client that has gone."""
        session = self._session
        if session is None or not self._busy or not session.checks_client:
            return
        if self._client.has_hung_up():
            log.debug("the client has gone while its statement ran")
            session.cancel(GONE_MESSAGE)
            self._client.shut_down()

    def abort(self) -> None:
        """End the connection whatever it does."""
        if self._session is not None:
            self._session.cancel(SHUTDOWN_MESSAGE)
        self._client.shut_down()

    # startup

    def _negotiate(self) -> Startup | None:
        """Answer requests until the startup packet comes; None after a CancelRequest."""
        encrypted = self._settings.tls is not None and self._client.begins_with_tls()
        if encrypted:
            self._start_direct_tls()
        while True:
            frame = self._client.receive_frame()
            if not isinstance(frame, StartupFrame):
                raise ProtocolError("expected a startup packet")
            match decode_startup(frame):
                case SslRequest() if self._settings.tls is not None and not encrypted:
                    self._client.send_now(backend.encode_ssl_response(True))
                    self._client.start_tls(self._settings.tls.context)
                    encrypted = True
                case SslRequest():
                    self._client.send_now(backend.encode_ssl_response(False))
                case GssEncRequest():
                    self._client.send_now(backend.encode_gssenc_response())
                case CancelRequest(process_id, secret_key):
                    self._settings.cancels.cancel(process_id, secret_key)
                    return None
                case Startup() as startup:
                    return startup

    def _start_direct_tls(self) -> None:
        """Speak TLS from the first byte; such a client must name the protocol (ALPN), which no other sends."""
        assert self._settings.tls is not None  # _negotiate looked
        self._client.start_tls(self._settings.tls.context)
        if self._client.protocol != ALPN_PROTOCOL:
            raise ProtocolError(
                "received direct SSL connection request without ALPN protocol negotiation extension"
            )

    def _serve(self, startup: Startup) -> None:
        if startup.needs_negotiation:
            self._client.send(
                backend.encode_negotiate_protocol_version(startup.accepted_minor, startup.unknown_options)
            )
        if not self._settings.admit():
            raise TooManyConnections("sorry, too many clients already")
        user = startup.parameters.get("user", "")
        if not user:
            raise UnknownUser("no PostgreSQL user name specified in startup packet")
        end_point = self._settings.tls.end_point if self._settings.tls and self._client.encrypted else None
        authenticate(user, self._settings.authentication, self._client.send_now, self._receive_typed, end_point)
        key = self._settings.cancels.register(self.cancel, long_key=startup.accepted_minor >= LATEST_MINOR)
        try:
            identity = Identity(
                user=user,
                database=startup.parameters.get("database") or user,
                connection_id=f"con_{uuid7().hex}",
                process_id=key.process_id,
                client_address=self._address,
            )
            self._session = self._settings.session_factory(self._client, identity, startup)
            self._session.terminate = self.terminate
            try:
                key = self._settings.cancels.rename(key, self._session.process_id)
                self._client.send(backend.encode_backend_key_data(key.process_id, key.secret_key))
                self._client.limit_silence(None)
                self._session.ready()
                self._converse(self._session)
            finally:
                self._session.close()
        finally:
            self._settings.cancels.release(key)

    def _receive_typed(self) -> Frame:
        return _typed(self._client.receive_frame())

    # messages

    def _converse(self, session: Session) -> None:
        while (frame := self._next_frame(session)) is not None:
            answered = frame.type in _ANSWERED
            try:
                message = decode_message(frame)
            except RvbbitError as error:
                answered = frame.type == b"Q"
                session.refuse(error, simple_query=answered)
            else:
                if isinstance(message, Terminate):
                    return
                session.handle(message)
            if answered:  # from here on, the connection only waits
                with self._turn:
                    self._busy = False

    def _next_frame(self, session: Session) -> Frame | None:
        """Return the next frame; None when the server shuts down."""
        frame = self._client.take_frame() if self._busy else None
        if frame is None:
            frame = self._await_frame(session)
        if frame is None:
            return None
        if not self._busy:
            with self._turn:
                self._busy = True
        return _typed(frame)

    def _await_frame(self, session: Session) -> AnyFrame | None:
        limit_ms = session.idle_limit_ms
        self._client.limit_silence(limit_ms / 1000 if limit_ms else None)
        frame = None
        while frame is None:
            with self._turn:
                if self._terminating and not self._busy:
                    self._end_with(AdminShutdown(SHUTDOWN_MESSAGE))
                    return None
            try:
                frame = self._client.await_frame(session.watched)
            except TimeoutError:
                raise session.silence() from None
            if frame is None:
                session.deliver(idle=not self._busy)
        if limit_ms:
            self._client.limit_silence(None)
        return frame

    def _end_with(self, error: RvbbitError) -> None:
        """Send a last word, if it can still be heard."""
        try:
            self._client.send_now(backend.encode_error_response(error, "FATAL"))
        except ClientLost:
            log.debug("the client had gone before it heard: %s", error)


def _typed(frame: AnyFrame) -> Frame:
    if not isinstance(frame, Frame):
        raise ProtocolError("unexpected startup packet")
    return frame
