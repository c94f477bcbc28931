"""Who may connect: everyone from this machine, or users with SCRAM-SHA-256 verifiers from a file.

Not here: the exchange itself (``wire.scram``).
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rvbbit_proxy.errors import ConfigurationFault, InvalidValue, ProtocolError
from rvbbit_proxy.wire import backend
from rvbbit_proxy.wire.framing import Frame
from rvbbit_proxy.wire.frontend import SASLInitialResponse, SASLResponse, decode_authentication
from rvbbit_proxy.wire.scram import ScramServer, Verifier, mechanisms, parse_verifier

_USER_LINE = re.compile(r'\s*"((?:[^"]|"")+)"\s+"([^"]+)"\s*')


@dataclass(frozen=True, slots=True)
class Authentication:
    """``users`` None trusts everyone; it is for loopback only."""

    users: Mapping[str, Verifier] | None = None
    mock_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


def load_users(path: Path) -> dict[str, Verifier]:
    """Read ``"name" "SCRAM-SHA-256$…"`` lines, as PgBouncer's auth_file has them; ``;`` or ``#`` begins a comment.

    Raises ConfigurationFault (F0000) with file:line.
    """
    users: dict[str, Verifier] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationFault(f"{path}: users do not load: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith((";", "#")):
            continue
        match = _USER_LINE.fullmatch(line)
        if match is None:
            raise ConfigurationFault(f'{path}:{number}: expected "name" "SCRAM-SHA-256$..."')
        try:
            users[match[1].replace('""', '"')] = parse_verifier(match[2])
        except InvalidValue as error:
            raise ConfigurationFault(f"{path}:{number}: {error}", hint=error.hint) from error
    return users


def check_exposure(address: str, authentication: Authentication) -> None:
    """Raise ConfigurationFault (F0000) for a listener that strangers reach without a password."""
    if authentication.users is None and not ipaddress.ip_address(address.split("%")[0]).is_loopback:
        raise ConfigurationFault(
            f"refusing to listen on {address} without passwords",
            hint="Name a file of users, or listen on 127.0.0.1.",
        )


def authenticate(
    user: str,
    authentication: Authentication,
    send: Callable[[bytes], None],
    receive: Callable[[], Frame],
    end_point: bytes | None = None,
) -> None:
    """Let the client prove who it is; ``send`` must leave at once, ``end_point`` is what it may bind its proof to.

    Raises AuthenticationFailed (28P01, 28000) or ProtocolError (08P01).
    """
    if authentication.users is not None:
        scram = ScramServer(
            user,
            authentication.users.get(user),
            mock_secret=authentication.mock_secret,
            end_point=end_point,
        )
        send(backend.encode_authentication_sasl(mechanisms(end_point)))
        initial = decode_authentication(receive(), "sasl_initial")
        if not isinstance(initial, SASLInitialResponse):
            raise ProtocolError("expected SASLInitialResponse")
        send(backend.encode_authentication_sasl_continue(scram.first(initial.mechanism, initial.data)))
        final = decode_authentication(receive(), "sasl")
        if not isinstance(final, SASLResponse):
            raise ProtocolError("expected SASLResponse")
        send(backend.encode_authentication_sasl_final(scram.final(final.data)))
    send(backend.encode_authentication_ok())
