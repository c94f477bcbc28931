"""The TLS context of the listener."""

from __future__ import annotations

import ssl
from pathlib import Path

from rvbbit_proxy.errors import ConfigurationFault

ALPN_PROTOCOL = "postgresql"


def load_tls(certificate: Path, key: Path | None = None, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return a context with this certificate chain (PEM); ``client_ca`` makes client certificates compulsory.

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
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationFault(f"{certificate}: TLS certificate does not load: {error}") from error
    return context
