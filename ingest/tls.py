"""The TLS context of a connection to a broker."""

from __future__ import annotations

import ssl

from config.sources import SourceSettings


def client_context(settings: SourceSettings) -> ssl.SSLContext | None:
    """The context the settings ask for; None without TLS.

    Raises OSError (ssl.SSLError among them) when a certificate file is missing or damaged.
    """
    if not settings.tls:
        return None
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.cert_file is not None:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context
