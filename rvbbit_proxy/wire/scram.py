"""SCRAM-SHA-256, the server's side, as data: client bytes in, server bytes out.

Where the connection has an end point to bind to, ``SCRAM-SHA-256-PLUS`` is offered too, and a client that supports
binding but saw no such offer (``y,,``) tells that somebody between took it away.
Differs from PostgreSQL: passwords are not normalised by SASLprep, but by NFKC, which is the same for all text
without exotic code points.
Source: RFC 5802, RFC 5929 (tls-server-end-point), RFC 7677;
PostgreSQL's src/backend/libpq/auth-scram.c for wording and order of checks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from enum import Enum

from rvbbit_proxy.errors import AuthenticationFailed, InvalidValue, ProtocolError

MECHANISM = "SCRAM-SHA-256"
MECHANISM_PLUS = "SCRAM-SHA-256-PLUS"
CHANNEL_TYPE = "tls-server-end-point"
DEFAULT_ITERATIONS = 4096
SALT_BYTES = 16
NONCE_BYTES = 18
KEY_BYTES = 32

_VERIFIER = re.compile(r"SCRAM-SHA-256\$([0-9]+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
_CLIENT_FIRST = re.compile(rb"([^,]*),([^,]*),((?:n=[^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)", re.DOTALL)
_CLIENT_FINAL = re.compile(rb"(c=([^,]*),r=([^,]*)(?:,.*)?),p=([^,]*)", re.DOTALL)


class ChannelBindingFault(AuthenticationFailed, sqlstate="28000"):
    """The two sides do not see the same TLS connection."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is stored of a password: enough to check a client, not enough to be one."""

    iterations: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    def __str__(self) -> str:
        salt, stored, server = map(_base64, (self.salt, self.stored_key, self.server_key))
        return f"{MECHANISM}${self.iterations}:{salt}${stored}:{server}"


def make_verifier(password: str, *, salt: bytes | None = None, iterations: int = DEFAULT_ITERATIONS) -> Verifier:
    """Return the verifier of a password, with a random salt unless one is given.

    >>> str(make_verifier("pencil", salt=b"0123456789abcdef"))[:44]
    'SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$'
    """
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    prepared = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, iterations)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    return Verifier(iterations, salt, stored, _hmac(salted, b"Server Key"))


def parse_verifier(text: str) -> Verifier:
    """Read ``SCRAM-SHA-256$4096:salt$stored:server``; raises InvalidValue (22023) for anything else."""
    match = _VERIFIER.fullmatch(text)
    if match is None:
        raise InvalidValue("invalid SCRAM verifier", hint="It reads SCRAM-SHA-256$4096:salt$stored:server.")
    try:
        salt, stored, server = (base64.b64decode(part, validate=True) for part in match.groups()[1:])
    except binascii.Error as exc:
        raise InvalidValue("invalid base64 in SCRAM verifier") from exc
    iterations = int(match[1])
    if len(stored) != KEY_BYTES or len(server) != KEY_BYTES or iterations < 1 or not salt:
        raise InvalidValue("invalid SCRAM verifier", hint="Keys have 32 bytes; iterations are positive.")
    return Verifier(iterations, salt, stored, server)


def mock_verifier(user: str, secret: bytes) -> Verifier:
    """Return a verifier nobody's password fits, the same each time for a user.

    So that a stranger cannot tell which users exist. ``secret`` is the server's own and stays the same while it
    runs.
    """
    salt = _hmac(secret, b"salt:" + user.encode())[:SALT_BYTES]
    stored = _hmac(secret, b"stored:" + user.encode())
    return Verifier(DEFAULT_ITERATIONS, salt, stored, _hmac(secret, b"server:" + user.encode()))


class ScramState(Enum):
    """Where the exchange stands."""

    FIRST = "first"
    FINAL = "final"
    DONE = "done"
    FAILED = "failed"


def mechanisms(end_point: bytes | None) -> tuple[str, ...]:
    """Return what to offer, the better first; ``end_point`` is what a channel can be bound to."""
    return (MECHANISM,) if end_point is None else (MECHANISM_PLUS, MECHANISM)


class ScramServer:
    """One exchange: :meth:`first` then :meth:`final`.

    ``verifier`` None is a user who does not exist: the exchange runs on a mock and fails at its end, so both
    failures look alike. ``end_point`` is the hash of the server's certificate where TLS is spoken. ``nonce`` is for
    tests.
    """

    def __init__(
        self,
        user: str,
        verifier: Verifier | None,
        *,
        mock_secret: bytes,
        end_point: bytes | None = None,
        nonce: str | None = None,
    ) -> None:
        self._user = user
        self._end_point = end_point
        self._bound = False
        self._known = verifier is not None
        self._verifier = verifier or mock_verifier(user, mock_secret)
        self._nonce = nonce or _base64(secrets.token_bytes(NONCE_BYTES))
        self._gs2_header = b""
        self._client_first_bare = b""
        self._server_first = b""
        self._combined_nonce = b""
        self.state = ScramState.FIRST

    def first(self, mechanism: str, data: bytes | None) -> bytes:
        """Take client-first-message, return server-first-message (for AuthenticationSASLContinue).

        Raises ChannelBindingFault (28000) when the offer of a binding got lost on its way to the client.
        """
        self._expect(ScramState.FIRST)
        if mechanism not in mechanisms(self._end_point):
            raise ProtocolError("client selected an invalid SASL authentication mechanism")
        self._bound = mechanism == MECHANISM_PLUS
        match = _CLIENT_FIRST.fullmatch(data or b"")
        if match is None:
            raise self._malformed("The client-first-message does not parse.")
        self._check_channel_flag(match[1])
        if match[2]:
            raise self._malformed("An authorization identity is not supported.")
        self._gs2_header = match[1] + b"," + match[2] + b","
        self._client_first_bare = match[3]
        self._combined_nonce = match[4] + self._nonce.encode()
        salt, iterations = _base64(self._verifier.salt).encode(), self._verifier.iterations
        self._server_first = b"r=%b,s=%b,i=%d" % (self._combined_nonce, salt, iterations)
        self.state = ScramState.FINAL
        return self._server_first

    def final(self, data: bytes) -> bytes:
        """Take client-final-message, return server-final-message (for AuthenticationSASLFinal).

        Raises AuthenticationFailed (28P01) when the proof does not fit the verifier, ChannelBindingFault (28000) when
        the client is at the other end of another TLS connection than this one.
        """
        self._expect(ScramState.FINAL)
        self.state = ScramState.FAILED
        match = _CLIENT_FINAL.fullmatch(data)
        if match is None:
            raise self._malformed("The client-final-message does not parse.")
        without_proof, channel, nonce, proof_text = match.groups()
        if _decode_base64(channel) != self._gs2_header + (self._end_point or b"" if self._bound else b""):
            if self._bound:
                raise ChannelBindingFault("SCRAM channel binding check failed")
            raise ProtocolError("unexpected SCRAM channel-binding attribute in client-final-message")
        if not hmac.compare_digest(nonce, self._combined_nonce):
            raise ProtocolError("invalid SCRAM response", detail="Nonce does not match.")
        proof = _decode_base64(proof_text)
        if proof is None or len(proof) != KEY_BYTES:
            raise self._malformed("Malformed proof in client-final-message.")
        message = b",".join((self._client_first_bare, self._server_first, without_proof))
        if not self._proves(proof, message) or not self._known:
            raise AuthenticationFailed(f'password authentication failed for user "{self._user}"')
        self.state = ScramState.DONE
        return b"v=" + base64.b64encode(_hmac(self._verifier.server_key, message))

    def _proves(self, proof: bytes, message: bytes) -> bool:
        signature = _hmac(self._verifier.stored_key, message)
        client_key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
        return hmac.compare_digest(hashlib.sha256(client_key).digest(), self._verifier.stored_key)

    def _check_channel_flag(self, flag: bytes) -> None:
        name, _, channel_type = flag.decode("latin-1").partition("=")
        if self._bound and name in ("n", "y"):
            raise self._malformed(
                "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data."
            )
        if name == "y" and self._end_point is not None:
            self.state = ScramState.FAILED
            raise ChannelBindingFault(
                "SCRAM channel binding negotiation error",
                detail="The client supports SCRAM channel binding but thinks the server does not.  However, this"
                " server does support channel binding.",
            )
        if name == "p" and not self._bound:
            raise self._malformed(
                "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel"
                " binding data."
            )
        if name == "p" and channel_type != CHANNEL_TYPE:
            self.state = ScramState.FAILED
            raise ProtocolError(f'unsupported SCRAM channel-binding type "{channel_type}"')
        if name not in ("n", "y", "p"):
            raise self._malformed(f'Unexpected channel-binding flag "{flag.decode("latin-1")}".')

    def _expect(self, state: ScramState) -> None:
        if self.state is not state:
            raise ProtocolError("unexpected SASL message")

    def _malformed(self, detail: str) -> ProtocolError:
        self.state = ScramState.FAILED
        return ProtocolError("malformed SCRAM message", detail=detail)


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode_base64(data: bytes) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
