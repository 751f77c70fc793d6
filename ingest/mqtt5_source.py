"""The lossless hot path: MQTT 5 on the sans-I/O codec, acknowledged only after the log is durable."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import mqtt5
import numpy as np
import structlog

from config.messages import Language
from config.sources import SourceSettings
from ingest.message import Message
from ingest.reconnect import ConnectionLostError, report, stay_connected
from ingest.source import Batch, SourceStatus, Trouble
from ingest.tls import client_context

_log = structlog.get_logger()
_T = TypeVar("_T")

_FIRST_ERROR: Final = 128
_GOOD_BYE_S: Final = 2.0
_MAX_BATCH_MESSAGES: Final = 20_000
_PAUSE_UNACKED: Final = 60_000
"""Stop reading the socket while so many messages wait for the log: kernel and broker hold the rest."""

_CONNACK_TROUBLE: Final = {
    int(mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD): "bad_password",
    int(mqtt5.ConnAckReasonCode.BAD_AUTHENTICATION_METHOD): "bad_password",
    int(mqtt5.ConnAckReasonCode.NOT_AUTHORIZED): "login_refused",
    int(mqtt5.ConnAckReasonCode.CLIENT_ID_NOT_VALID): "client_id",
    int(mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION): "protocol_version",
    int(mqtt5.ConnAckReasonCode.SERVER_UNAVAILABLE): "busy",
    int(mqtt5.ConnAckReasonCode.SERVER_BUSY): "busy",
    int(mqtt5.ConnAckReasonCode.CONNECTION_RATE_EXCEEDED): "busy",
    int(mqtt5.ConnAckReasonCode.BANNED): "banned",
}
_DISCONNECT_TROUBLE: Final = {
    int(mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER): "taken_over",
    int(mqtt5.DisconnectReasonCode.NOT_AUTHORIZED): "not_authorised",
    int(mqtt5.DisconnectReasonCode.SERVER_BUSY): "busy",
    int(mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN): "busy",
}
"""Reason codes by number: the codec's own enumerations cannot be looked up."""


@dataclass(slots=True)
class _Pending:
    """Messages read and not yet handed over, with the packet ids that their acknowledgement needs."""

    messages: list[Message] = field(default_factory=list)
    packet_ids: list[int] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One connection, from CONNECT to its end. Packet ids mean something only here."""

    def __init__(self, source: Mqtt5Source, settings: SourceSettings) -> None:
        self._source = source
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._keep_alive_s = float(settings.keep_alive_s)
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self.transport: asyncio.Transport | None = None
        self.ready: asyncio.Future[mqtt5.ConnAckPacket] = self._loop.create_future()
        self.subscribed: asyncio.Future[mqtt5.SubAckPacket] = self._loop.create_future()
        self.ended: asyncio.Future[Trouble] = self._loop.create_future()
        self.last_heard = self._loop.time()
        self.last_sent = self._loop.time()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        settings = self._settings
        password = None if settings.password is None else settings.password.get_secret_value().encode()
        self.write(
            mqtt5.ConnectPacket(
                settings.client_id,
                username=settings.username,
                password=password,
                clean_start=False,
                keep_alive=settings.keep_alive_s,
                session_expiry_interval=settings.session_expiry_s,
                receive_max=settings.receive_maximum,
                max_packet_size=settings.max_packet_bytes,
            ).write()
        )

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self.last_heard = self._loop.time()
        if self._rest:
            data = self._rest + data
        source = self._source
        received = source.now()
        pending = source.pending
        put, put_id = pending.messages.append, pending.packet_ids.append
        publish, read, new = mqtt5.PublishPacket, mqtt5.read, tuple.__new__
        view, offset, end = memoryview(data), 0, len(data)
        try:
            while offset < end:
                packet, size = read(view[offset:])
                offset += size
                if type(packet) is publish:
                    packet_id = packet.packet_id
                    if packet_id is not None:
                        put_id(packet_id)
                    put(new(Message, (packet.topic, packet.payload, received)))
                else:
                    self._handle(packet)
        except IndexError:  # the codec's word for: the rest of this packet is still to come
            pass
        except ValueError as error:
            self.end("protocol_error", str(error))
        self._rest = data[offset:]
        source.arrived()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end("lost", "" if exc is None else str(exc))

    # -- what the source asks

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.last_sent = self._loop.time()
            self.transport.write(data)

    def end(self, reason: str, detail: str = "") -> None:
        """Let go of the connection; only the first reason counts."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.ended.done():
            self.ended.set_result(self._source.trouble(reason, detail))
        if self.transport is not None:
            self.transport.abort()

    def pause(self, wanted: bool) -> None:
        if self.transport is None or wanted == self._paused or self.transport.is_closing():
            return
        self._paused = wanted
        if wanted:
            self.transport.pause_reading()
        else:
            self.last_heard = self._loop.time()  # what was not read could not be heard
            self.transport.resume_reading()

    def watch(self, keep_alive_s: float) -> None:
        """Begin to ping, and to listen for whether the other side still lives."""
        self._keep_alive_s = keep_alive_s
        self._check_alive()

    # -- within

    def _check_alive(self) -> None:
        now = self._loop.time()
        silent_s = now - self.last_heard
        if not self._paused and silent_s > 1.5 * self._keep_alive_s:
            self.end("keep_alive", f"{silent_s:.0f} s")
            return
        half = self._keep_alive_s / 2
        if now - self.last_sent >= half or silent_s >= half:
            self.write(mqtt5.PingReqPacket().write())
        self._timer = self._loop.call_later(self._keep_alive_s / 4, self._check_alive)

    def _handle(self, packet: Any) -> None:
        match packet:
            case mqtt5.ConnAckPacket():
                if not self.ready.done():
                    self.ready.set_result(packet)
            case mqtt5.SubAckPacket():
                if not self.subscribed.done():
                    self.subscribed.set_result(packet)
            case mqtt5.PingRespPacket():
                pass
            case mqtt5.DisconnectPacket():
                detail = packet.reason_str or _name(packet.reason_code)
                self.end(_DISCONNECT_TROUBLE.get(int(packet.reason_code), "lost"), detail)
            case _:
                self.end("protocol_error", type(packet).__name__)


class Mqtt5Source:
    """`ingest.source.Source` for a broker that speaks MQTT 5.

    settings : What to hear where.
    now : The clock's present [µs since 1970 UTC]; stamps messages when they come off the socket.
    language : Of the sentences in the log.
    """

    def __init__(self, settings: SourceSettings, now: Callable[[], int], language: Language = "zh") -> None:
        self.status = SourceStatus()
        self.now = now
        self.pending = _Pending()
        self._settings = settings
        self._language = language
        self._connection: _Connection | None = None
        self._more = asyncio.Event()
        self._stopped = False
        self._task: asyncio.Task[None] | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """See `Source.batches`."""
        self._task = asyncio.create_task(
            stay_connected(self._session, self.status, self._language, self._settings.reconnect_max_s),
            name="mqtt5-source",
        )
        while True:
            await self._more.wait()
            if self._stopped:
                return
            yield self._take()

    def stop(self) -> None:
        """See `Source.stop`."""
        self._stopped = True
        if self._connection is not None:
            self._connection.pause(True)
        self.pending = _Pending()
        self._more.set()

    async def close(self) -> None:
        """See `Source.close`."""
        self.stop()
        connection = self._connection
        if connection is not None and connection.transport is not None and not connection.ended.done():
            connection.write(mqtt5.DisconnectPacket().write())
            connection.pause(False)
            # The broker closes after it has read everything, the last acknowledgements among it. Closing from
            # here would let it find a dead socket first, and throw away what it has not read.
            await asyncio.wait([connection.ended], timeout=_GOOD_BYE_S)
            connection.transport.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._connection = None
        self.status.connected = False

    def trouble(self, reason: str, detail: str = "") -> Trouble:
        """A trouble with this source's broker."""
        return Trouble(reason, f"{self._settings.host}:{self._settings.port}", detail)

    def arrived(self) -> None:
        """Called by the connection after it read from its socket."""
        if self.pending.messages and not self._stopped:
            self._more.set()
            self._regulate()

    def _take(self) -> Batch:
        pending = self.pending
        count = len(pending.messages)
        if count > _MAX_BATCH_MESSAGES and len(pending.packet_ids) == count:
            # A part of it: the rest keeps its place in the order.
            messages, packet_ids = pending.messages[:_MAX_BATCH_MESSAGES], pending.packet_ids
            packet_ids = packet_ids[:_MAX_BATCH_MESSAGES]
            del pending.messages[:_MAX_BATCH_MESSAGES], pending.packet_ids[:_MAX_BATCH_MESSAGES]
        else:
            messages, packet_ids = pending.messages, pending.packet_ids
            self.pending = _Pending()
            self._more.clear()
        connection = self._connection
        self.status.unacknowledged += len(messages)

        def ack() -> None:
            self.status.unacknowledged -= len(messages)
            if connection is not None and connection is self._connection and packet_ids:
                connection.write(_pubacks(packet_ids))
            self._regulate()

        return Batch(messages, ack)

    def _regulate(self) -> None:
        if self._connection is not None and not self._stopped:
            waiting = self.status.unacknowledged + len(self.pending.messages)
            self._connection.pause(waiting >= _PAUSE_UNACKED)

    async def _session(self) -> None:
        try:
            connection = await self._connect()
            trouble = await connection.ended
            if self._stopped:
                return  # we said good-bye
            raise ConnectionLostError(trouble)
        finally:
            self._forget()

    def _forget(self) -> None:
        """What the old connection brought and nobody took is dropped: the broker sends it again."""
        if self._connection is not None:
            self._connection.end("lost")
            self._connection = None
        self.pending = _Pending()
        self._more.clear()
        if self._stopped:
            self._more.set()

    async def _connect(self) -> _Connection:
        settings = self._settings
        loop = asyncio.get_running_loop()
        connection = _Connection(self, settings)
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                context = await asyncio.to_thread(client_context, settings)
                await loop.create_connection(
                    lambda: connection,
                    settings.host,
                    settings.port,
                    ssl=context,
                    server_hostname=settings.host if context else None,
                )
                self._connection = connection
                connack = await self._first(connection.ready, connection)
                if connack.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                    reason = _CONNACK_TROUBLE.get(int(connack.reason_code), "refused")
                    self._lose(reason, connack.reason_str or _name(connack.reason_code))
                await self._subscribe(connection)
        except TimeoutError:
            connection.end("timeout")
            self._lose("timeout", f"{settings.connect_timeout_s:g} s")
        except ssl.SSLError as error:
            self._lose("tls", str(error))
        except OSError as error:
            self._lose("unreachable", error.strerror or str(error))
        connection.watch(connack.server_keep_alive or settings.keep_alive_s)
        self.status.connected = True
        self.status.connections += 1
        self.status.session_resumed = connack.session_present
        _log.info(
            "mqtt.connected", broker=f"{settings.host}:{settings.port}", resumed=connack.session_present
        )
        return connection

    async def _subscribe(self, connection: _Connection) -> None:
        filters = [mqtt5.TopicFilter(f, max_qos=mqtt5.QoS.AT_LEAST_ONCE) for f in self._settings.filters]
        connection.write(mqtt5.SubscribePacket(1, filters).write())
        suback = await self._first(connection.subscribed, connection)
        self.status.trouble = None
        refused = [
            f"{topic} ({_name(code)})"
            for topic, code in zip(self._settings.filters, suback.reason_codes, strict=False)
            if int(code) >= _FIRST_ERROR
        ]
        if refused:
            trouble = self.trouble("subscription_refused", ", ".join(refused))
            if len(refused) == len(self._settings.filters):
                raise ConnectionLostError(trouble)
            report(self.status, trouble, self._language)

    async def _first(self, wanted: asyncio.Future[_T], connection: _Connection) -> _T:
        either: set[asyncio.Future[Any]] = {wanted, connection.ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        raise ConnectionLostError(connection.ended.result())

    def _lose(self, reason: str, detail: str) -> None:
        raise ConnectionLostError(self.trouble(reason, detail))


def _pubacks(packet_ids: list[int]) -> bytes:
    """PUBACK packets, reason success, in order, as one piece to write."""
    packets = np.empty((len(packet_ids), 4), np.uint8)
    packets[:, 0], packets[:, 1] = 0x40, 2
    packets[:, 2:] = np.array(packet_ids, ">u2").view(np.uint8).reshape(-1, 2)
    return packets.tobytes()


def _name(code: object) -> str:
    """A reason code in words: NOT_AUTHORIZED → not authorized."""
    return str(getattr(code, "name", code)).rpartition(".")[2].replace("_", " ").lower()
