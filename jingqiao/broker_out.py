"""The way out to a source's broker: commands and requests for rebirths, published with QoS 1.

Seldom used, so it connects for it and leaves again: no second session that has to be kept alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from config.sources import SourceSettings
from ingest.tls import client_context

Publish = Callable[[str, bytes], Awaitable[bool]]
"""(topic, payload) → returns when the broker has taken it; False = nobody listens there, it was dropped (only
MQTT 5 brokers say so). Raises PublishRefusedError."""

_NOBODY_LISTENS: Final = 16
_WILD: Final = ("+", "#")


class BrokerAwayError(RuntimeError):
    """The broker cannot be reached, or went away: what was not confirmed may or may not have been taken."""


class PublishRefusedError(RuntimeError):
    """The broker does not let us publish this, mostly by its access list."""


class _Client(aiomqtt.Client):
    """aiomqtt's client drops what the broker said to a publication; this one keeps it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.said: list[ReasonCode] = []

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any
    ) -> None:
        self.said.append(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)


class BrokerOut:
    """Publishes to the broker of one source, under the client id `<client_id>-downlink`."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._one_at_a_time = asyncio.Lock()

    @property
    def url(self) -> str:
        """Address of the broker."""
        return self._settings.url

    def serves(self, topic: str) -> bool:
        """Whether a topic's devices speak through this broker: it is heard on the same first level."""
        first = topic.partition("/")[0]
        return any(filter_.partition("/")[0] in (first, *_WILD) for filter_ in self._settings.topics)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Publish]:
        """Publish within. Raises BrokerAwayError."""
        settings = self._settings
        async with self._one_at_a_time:
            try:
                context = await asyncio.to_thread(client_context, settings)
                five = settings.protocol == "5"
                async with _Client(
                    settings.host,
                    settings.port,
                    username=settings.username,
                    password=settings.password.get_secret_value() if settings.password else None,
                    identifier=f"{settings.client_id}-downlink",
                    protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
                    keepalive=settings.keep_alive_s,
                    timeout=settings.connect_timeout_s,
                    tls_context=context,
                ) as client:

                    async def publish(topic: str, payload: bytes) -> bool:
                        client.said.clear()
                        await client.publish(topic, payload, qos=1)
                        for word in client.said:
                            if word.is_failure:
                                raise PublishRefusedError(str(word))
                        return all(word.value != _NOBODY_LISTENS for word in client.said)

                    yield publish
            except (aiomqtt.MqttError, OSError) as error:
                lines = str(error).splitlines()
                raise BrokerAwayError(lines[0] if lines else type(error).__name__) from None
