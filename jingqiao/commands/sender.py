"""Carries commands to one broker and their answers back, beside the lossless way of readings.

Answers are heard on a connection of its own: losing one costs a time-out, never a reading.
"""

from __future__ import annotations

import asyncio
from typing import Final

import aiomqtt
import sqlalchemy as sa
import structlog

from config.sources import SourceSettings
from ingest.tls import client_context
from jingqiao.clock import Clock
from jingqiao.commands.queue import due_commands, mark_sent, take_answers

_log = structlog.get_logger()

ANSWERS: Final = ("jingqiao/v1/+/status", "application/+/device/+/event/ack")


class CommandSender:
    """Run `run()` as a task of the service, one for each broker that devices hang on.

    poll_s, retry_s : Seconds between two looks at the queue, and before a lost broker is tried again.
    """

    def __init__(
        self,
        database: sa.Engine,
        settings: SourceSettings,
        clock: Clock,
        *,
        poll_s: float = 1.0,
        retry_s: float = 5.0,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._poll_s = poll_s
        self._retry_s = retry_s

    async def run(self) -> None:
        """Send and listen until cancelled; a broker that is away is waited for."""
        told = False
        while True:
            try:
                await self._session()
            except (aiomqtt.MqttError, OSError) as error:
                if not told:
                    _log.warning("commands wait: the broker cannot be reached", reason=str(error))
                told = True
                await self._clock.sleep(self._retry_s)

    async def _session(self) -> None:
        settings = self._settings
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=None if settings.password is None else settings.password.get_secret_value(),
            identifier=f"{settings.client_id}-commands",
            protocol=aiomqtt.ProtocolVersion.V5 if settings.protocol == "5" else aiomqtt.ProtocolVersion.V311,
            keepalive=settings.keep_alive_s,
            timeout=settings.connect_timeout_s,
            tls_context=await asyncio.to_thread(client_context, settings),
        )
        async with client:
            for topic in ANSWERS:
                await client.subscribe(topic, qos=1)
            sending = asyncio.create_task(self._send(client), name="send-commands")
            hearing = asyncio.create_task(self._hear(client), name="hear-answers")
            try:
                done, _ = await asyncio.wait((sending, hearing), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in (sending, hearing):
                    task.cancel()
                await asyncio.gather(sending, hearing, return_exceptions=True)

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            for due in await asyncio.to_thread(due_commands, self._database, self._clock.now()):
                # Sent, then noted: after a crash between the two a device hears a command twice, by one id.
                await client.publish(due.topic, due.payload, qos=1)
                await asyncio.to_thread(mark_sent, self._database, due.command_id, self._clock.now())
            await self._clock.sleep(self._poll_s)

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if isinstance(message.payload, bytes | bytearray):
                said = [(message.topic.value, bytes(message.payload))]
                await asyncio.to_thread(take_answers, self._database, said, self._clock.now())
