"""Can a broker be spoken to with the settings of a source? Connects under another name and leaves."""

from __future__ import annotations

import ssl

import aiomqtt

from config.sources import SourceSettings

_TIMEOUT_S = 5.0


async def try_broker(source: SourceSettings) -> str:
    """What stands in the way, in one line; "" when the broker takes us."""
    context = None
    if source.tls:
        try:
            context = ssl.create_default_context(cafile=str(source.ca_file) if source.ca_file else None)
            if source.cert_file and source.key_file:
                context.load_cert_chain(source.cert_file, source.key_file)
        except (OSError, ssl.SSLError) as error:
            return f"certificate files: {error}"
    five = source.protocol == "5"
    try:
        async with aiomqtt.Client(
            source.host,
            source.port,
            username=source.username,
            password=source.password.get_secret_value() if source.password else None,
            identifier=f"{source.client_id}-doctor",
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            timeout=_TIMEOUT_S,
            tls_context=context,
        ):
            return ""
    except (aiomqtt.MqttError, OSError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
