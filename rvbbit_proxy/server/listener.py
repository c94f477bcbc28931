"""The listener: sockets that accept, one thread per connection, and the way all of it ends."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence

from rvbbit_proxy.server.auth import Authentication, check_exposure
from rvbbit_proxy.server.cancel import CancelRegistry
from rvbbit_proxy.server.client_socket import ClientSocket
from rvbbit_proxy.server.connection import Connection, ConnectionSettings, SessionFactory
from rvbbit_proxy.server.tls import ServerTls
from rvbbit_proxy.wire.framing import LARGE_LIMIT_BYTES

log = logging.getLogger(__name__)

BACKLOG = 256
EXTRA_SOCKETS = 64
"""Sockets allowed beyond max_connections: those that still start up, or came to cancel."""
ABORT_GRACE_S = 5.0
CHECK_CLIENTS_S = 1.0
"""How often the server looks for clients that have gone while their statement runs.

Differs from PostgreSQL: it looks at all (client_connection_check_interval is 1s, not 0), because statements may cost.
"""


class Server:
    """Listens for PostgreSQL clients. It prints nothing.

    ``session_factory`` opens a session for each client that has proved who it is. Where ``authentication`` has no
    users, only loopback addresses are allowed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        session_factory: SessionFactory,
        *,
        authentication: Authentication | None = None,
        tls: ServerTls | None = None,
        max_connections: int = 100,
        startup_timeout_s: float = 60.0,
        max_message_bytes: int = LARGE_LIMIT_BYTES,
    ) -> None:
        self._host = host
        self._port = port
        self._authentication = authentication or Authentication()
        self._max_connections = max_connections
        self._max_message_bytes = max_message_bytes
        self._settings = ConnectionSettings(
            session_factory,
            CancelRegistry(),
            self._authentication,
            admit=self._admit,
            tls=tls,
            startup_timeout_s=startup_timeout_s,
        )
        self._sockets: list[socket.socket] = []
        self._acceptors: list[threading.Thread] = []
        self._connections: dict[threading.Thread, Connection] = {}
        self._admitted: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> tuple[str, int]:
        """Bind, begin to accept, and return the address in use; the port is a free one if 0 was asked.

        Raises ConfigurationFault (F0000) for an address that needs passwords, OSError if it cannot be bound.
        """
        self._sockets = self._bind()
        for listening in self._sockets:
            acceptor = threading.Thread(
                target=self._accept, args=(listening,), name="rvbbit-listener", daemon=True
            )
            acceptor.start()
            self._acceptors.append(acceptor)
        watcher = threading.Thread(target=self._watch, name="rvbbit-watcher", daemon=True)
        watcher.start()
        self._acceptors.append(watcher)
        address = self._sockets[0].getsockname()
        return str(address[0]), int(address[1])

    def _bind(self) -> list[socket.socket]:
        host = None if self._host in ("", "*") else self._host
        found = socket.getaddrinfo(host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for *_, address in found:
            check_exposure(str(address[0]), self._authentication)
        bound: list[socket.socket] = []
        port = self._port
        for family, _, _, _, address in found:
            try:
                bound.append(_listen(family, (address[0], port, *address[2:])))
            except OSError:
                if not bound:
                    raise
                log.info("not listening on %s", address[0])
            port = bound[0].getsockname()[1]
        return bound

    def _accept(self, listening: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                sock, address = listening.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                log.warning("accept failed: %s", error)
                self._stopping.wait(0.1)  # out of descriptors: trying at once would only spin
                continue
            self._take(sock, address)

    def _watch(self) -> None:
        while not self._stopping.wait(CHECK_CLIENTS_S):
            self._each(Connection.check_client)

    def _take(self, sock: socket.socket, address: Sequence[object]) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = Connection(
            ClientSocket(sock, self._max_message_bytes), f"{address[0]}:{address[1]}", self._settings
        )
        thread = threading.Thread(target=self._run, args=(connection,), name="rvbbit-connection", daemon=True)
        with self._lock:
            if self._stopping.is_set() or len(self._connections) >= self._max_connections + EXTRA_SOCKETS:
                sock.close()
                return
            self._connections[thread] = connection
        thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            with self._lock:
                self._connections.pop(threading.current_thread(), None)
                self._admitted.discard(threading.current_thread())

    def _admit(self) -> bool:
        """Count the calling connection in, if there is room."""
        with self._lock:
            if len(self._admitted) >= self._max_connections:
                return False
            self._admitted.add(threading.current_thread())
            return True

    def shutdown(self, drain_s: float = 10.0) -> None:
        """Accept nobody, end idle connections (57P01), let statements finish for so long, then cancel them."""
        with self._lock:
            self._stopping.set()
        for listening in self._sockets:
            _stop_listening(listening)
        self._each(Connection.terminate)
        self._join(drain_s)
        self._each(Connection.abort)
        self._join(ABORT_GRACE_S)
        for acceptor in self._acceptors:
            acceptor.join(ABORT_GRACE_S)

    def _each(self, act: Callable[[Connection], None]) -> None:
        with self._lock:
            connections = tuple(self._connections.values())
        for connection in connections:
            act(connection)

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self._lock:
            threads = tuple(self._connections)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _listen(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _stop_listening(listening: socket.socket) -> None:
    try:
        listening.shutdown(socket.SHUT_RDWR)  # wakes the accept, which close alone does not
    except OSError:
        log.debug("the listener was closed already")
    listening.close()
