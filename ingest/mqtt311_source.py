"""MQTT 3.1.1, for brokers and platforms that speak nothing newer: aiomqtt, acknowledged after the log.

aiomqtt acknowledges on arrival. The paho client under it can leave that to its user (`manual_ack`), and
that is what happens here, so this way is as lossless as the MQTT 5 one. What 3.1.1 itself cannot do: ask
the broker to hold back (no receive maximum: set max_inflight_messages at the broker), say why it ends a
connection (a session that is taken over looks like a lost connection), and set how long a session is
kept (that, too, is the broker's). Each message is an object of Python's making: some 20,000 a second.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError

from config.messages import Language
from config.sources import SourceSettings
from ingest.message import Message
from ingest.reconnect import ConnectionLostError, report, stay_connected
from ingest.source import Batch, SourceStatus, Trouble
from ingest.tls import client_context

_log = structlog.get_logger()

_MAX_BATCH_MESSAGES: Final = 20_000
_REFUSED: Final = 128
_NEVER_SUBSCRIBED: Final = "jingqiao/v1/-/closing"
_GOOD_BYE_S: Final = 2.0

_CONNACK_TROUBLE: Final = {
    132: "protocol_version",
    133: "client_id",
    134: "bad_password",
    135: "login_refused",
    136: "busy",
}
"""paho gives the five codes of 3.1.1 as the MQTT 5 codes of the same meaning."""


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """Where aiomqtt puts what came; hands out everything at once. `get` waits for ever."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self.arrived: list[tuple[aiomqtt.Message, int]] = []
        self.more: Callable[[], None] = lambda: None
        self.now: Callable[[], int] = lambda: 0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self.arrived.append((item, self.now()))
        self.more()


class Mqtt311Source:
    """`ingest.source.Source` for a broker that speaks MQTT 3.1.1.

    settings : What to hear where; session_expiry_s 0 asks for a session that ends with the connection.
    now : The clock's present [µs since 1970 UTC]; stamps messages when they are handed over.
    language : Of the sentences in the log.
    """

    def __init__(self, settings: SourceSettings, now: Callable[[], int], language: Language = "zh") -> None:
        self.status = SourceStatus()
        self._settings = settings
        self._now = now
        self._language = language
        self._client: aiomqtt.Client | None = None
        self._inbox: _Inbox | None = None
        self._more = asyncio.Event()
        self._stopped = False
        self._task: asyncio.Task[None] | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """See `Source.batches`."""
        self._task = asyncio.create_task(
            stay_connected(self._session, self.status, self._language, self._settings.reconnect_max_s),
            name="mqtt311-source",
        )
        while True:
            await self._more.wait()
            if self._stopped:
                return
            yield self._take()

    def stop(self) -> None:
        """See `Source.stop`."""
        self._stopped = True
        self._more.set()

    async def close(self) -> None:
        """See `Source.close`."""
        self.stop()
        if self._client is not None and self.status.connected:
            # The broker answers in the order in which it reads: with this answer it has read the last
            # acknowledgements. Without it, the next connection of the same name could overtake them.
            with contextlib.suppress(aiomqtt.MqttError):
                await self._client.unsubscribe(_NEVER_SUBSCRIBED, timeout=_GOOD_BYE_S)
        if self._task is not None:
            self._task.cancel()  # leaving the client's context says good-bye to the broker
            await asyncio.gather(self._task, return_exceptions=True)

    def _take(self) -> Batch:
        inbox, client = self._inbox, self._client
        assert inbox is not None
        assert client is not None
        taken = inbox.arrived[:_MAX_BATCH_MESSAGES]
        del inbox.arrived[:_MAX_BATCH_MESSAGES]
        if not inbox.arrived:
            self._more.clear()
        messages = [Message(item.topic.value, bytes(item.payload), received) for item, received in taken]
        acks = [(item.mid, item.qos) for item, _ in taken if item.qos]
        self.status.unacknowledged += len(messages)

        def ack() -> None:
            self.status.unacknowledged -= len(messages)
            if client is self._client:
                paho = client._client  # aiomqtt 2 has no other way to acknowledge later
                for mid, qos in acks:
                    paho.ack(mid, qos)

        return Batch(messages, ack)

    async def _session(self) -> None:
        settings = self._settings
        try:
            context = await asyncio.to_thread(client_context, settings)
        except OSError as error:
            raise ConnectionLostError(self._trouble("tls", str(error))) from None
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=None if settings.password is None else settings.password.get_secret_value(),
            identifier=settings.client_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=settings.session_expiry_s == 0,
            keepalive=settings.keep_alive_s,
            timeout=settings.connect_timeout_s,
            tls_context=context,
            queue_type=_Inbox,
        )
        client._client.manual_ack_set(True)  # before the first message can arrive
        inbox = client._queue  # ours, made from queue_type
        assert isinstance(inbox, _Inbox)
        inbox.now, inbox.more = self._now, self._more.set
        self._client, self._inbox = client, inbox  # a resumed session speaks before the subscription is made
        try:
            async with client:
                await self._subscribe(client)
                self.status.connected = True
                self.status.connections += 1
                _log.info("mqtt.connected", broker=f"{settings.host}:{settings.port}")
                async for _ in client.messages:  # waits until the connection ends: the inbox gives nothing
                    pass
        except aiomqtt.MqttError as error:
            raise ConnectionLostError(self._explain(error)) from None
        finally:
            # What nobody took is dropped, and nothing of this connection is acknowledged: it comes again.
            self._client = self._inbox = None
            if not self._stopped:
                self._more.clear()

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        filters = self._settings.filters
        codes = await client.subscribe([(topic, 1) for topic in filters])
        self.status.trouble = None
        refused = [topic for topic, code in zip(filters, codes, strict=False) if _value(code) >= _REFUSED]
        if refused:
            trouble = self._trouble("subscription_refused", ", ".join(refused))
            if len(refused) == len(filters):
                raise ConnectionLostError(trouble)
            report(self.status, trouble, self._language)

    def _explain(self, error: aiomqtt.MqttError) -> Trouble:
        if isinstance(error, MqttConnectError):
            return self._trouble(_CONNACK_TROUBLE.get(_value(error.rc), "refused"), str(error))
        if self.status.connected:
            cause = error.__cause__
            return self._trouble("lost", str(cause or error))
        if "timed out" in str(error):
            return self._trouble("timeout", str(error))
        return self._trouble("tls" if "SSL" in str(error) else "unreachable", str(error))

    def _trouble(self, reason: str, detail: str) -> Trouble:
        return Trouble(reason, f"{self._settings.host}:{self._settings.port}", detail)


def _value(code: object) -> int:
    return int(getattr(code, "value", code))  # type: ignore[call-overload,no-any-return]
