"""The door to the client at the other end: bytes out, messages in. ``server`` has the one with a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rvbbit_proxy.wire.frontend import FrontendMessage


class ClientLost(Exception):
    """The connection to the client broke: nothing more can be told, the session ends."""


class Client(Protocol):
    """What a session may do with its client. ``send`` may be called from any thread."""

    def send(self, data: bytes) -> None:
        """Take whole messages; they leave when enough has gathered, blocking while the client does not read.

        Raises ClientLost.
        """

    def flush(self) -> None:
        """Make everything sent leave now."""

    def wakeable(self) -> Callable[[], None]:
        """Return what makes an idle session's ``deliver`` be called, from any thread."""

    def receive(self) -> FrontendMessage:
        """Return the next message; raises ClientLost, or ProtocolError (08P01)."""

    def sync_follows(self) -> bool:
        """Tell whether the next message is here already and is a Sync."""
