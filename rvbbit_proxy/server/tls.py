"""The TLS context of the listener, and the hash of its certificate that SCRAM binds to (``tls-server-end-point``).

Source: RFC 5929, section 4.1; RFC 5280 for the certificate's form.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from rvbbit_proxy.errors import ConfigurationFault

ALPN_PROTOCOL = "postgresql"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_OBJECT_IDENTIFIER = 0x06
_LONG_FORM = 0x80
_RSA = bytes.fromhex("2a864886f70d0101")
_ECDSA = bytes.fromhex("2a8648ce3d04")
_SIGNATURE_HASHES = {
    _RSA + b"\x04": "sha256",  # MD5, for which RFC 5929 takes SHA-256
    _RSA + b"\x05": "sha256",  # SHA-1, likewise
    _RSA + b"\x0b": "sha256",
    _RSA + b"\x0c": "sha384",
    _RSA + b"\x0d": "sha512",
    _RSA + b"\x0e": "sha224",
    _ECDSA + b"\x01": "sha256",  # SHA-1
    _ECDSA + b"\x03\x01": "sha224",
    _ECDSA + b"\x03\x02": "sha256",
    _ECDSA + b"\x03\x03": "sha384",
    _ECDSA + b"\x03\x04": "sha512",
}
"""The hash of each signature algorithm; others (Ed25519, RSA-PSS) name none by themselves."""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How TLS is spoken; ``end_point`` is None for a certificate that nothing can be bound to."""

    context: ssl.SSLContext
    end_point: bytes | None


def load_tls(certificate: Path, key: Path | None = None, client_ca: Path | None = None) -> ServerTls:
    """Return TLS with this certificate chain (PEM); ``client_ca`` makes client certificates compulsory.

    Raises ConfigurationFault (F0000) when a file does not load.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ALPN_PROTOCOL])
    try:
        context.load_cert_chain(certificate, key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        text = certificate.read_text(encoding="ascii", errors="replace")
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationFault(f"{certificate}: TLS certificate does not load: {error}") from error
    found = _CERTIFICATE.search(text)
    return ServerTls(context, None if found is None else end_point(ssl.PEM_cert_to_DER_cert(found[0])))


def end_point(certificate: bytes) -> bytes | None:
    """Return the hash of a certificate (DER) by the hash it is signed with, None where it names none."""
    body, _ = _element(certificate, 0)
    _, signed_end = _element(certificate, body)
    algorithm, _ = _element(certificate, signed_end)
    name, name_end = _element(certificate, algorithm)
    if certificate[algorithm] != _OBJECT_IDENTIFIER:
        return None
    hashed = _SIGNATURE_HASHES.get(certificate[name:name_end])
    return None if hashed is None else hashlib.new(hashed, certificate).digest()


def _element(der: bytes, position: int) -> tuple[int, int]:
    """Return where the contents of a DER element begin and end."""
    size, start = der[position + 1], position + 2
    if size & _LONG_FORM:
        count = size & ~_LONG_FORM
        size, start = int.from_bytes(der[start : start + count]), start + count
    return start, start + size
