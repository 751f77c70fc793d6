"""Publishes to a real broker, for tests: as many messages as one likes, all taken before it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import mqtt5


async def publish(
    port: int,
    messages: Iterable[tuple[str, bytes]],
    *,
    qos: mqtt5.QoS = mqtt5.QoS.AT_LEAST_ONCE,
    retain: bool = False,
    username: str | None = None,
    password: bytes | None = None,
) -> None:
    """Publish and wait for every acknowledgement (or, with QoS 0, until a ping comes back)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    login = mqtt5.ConnectPacket(f"publisher-{id(writer)}", username=username, password=password)
    writer.write(login.write())
    buffer = await reader.read(4096)
    assert buffer[0] == 0x20, buffer
    assert buffer[3] == 0, buffer
    count = 0
    for topic, payload in messages:
        count += 1
        packet_id = count % 65_000 + 1 if int(qos) else None
        packet = mqtt5.PublishPacket(topic, payload, qos=qos, retain=retain, packet_id=packet_id)
        writer.write(packet.write())
        if count % 5000 == 0:
            await writer.drain()
    writer.write(mqtt5.PingReqPacket().write())
    rest, answered, pong = b"", 0, False
    while not pong or (int(qos) and answered < count):
        data = await reader.read(1 << 16)
        assert data, "the broker closed the connection"
        rest += data
        while len(rest) >= 2 and len(rest) >= rest[1] + 2:
            answered += rest[0] == 0x40
            pong = pong or rest[0] == 0xD0
            rest = rest[rest[1] + 2 :]
    writer.write(mqtt5.DisconnectPacket().write())
    writer.close()
    await writer.wait_closed()
