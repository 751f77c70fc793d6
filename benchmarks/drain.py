"""How quickly a queued backlog of QoS 1 readings drains from Mosquitto: mosquitto_sub, decoding, pipeline."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import mqtt5

from config.sources import SourceSettings
from devices.registry import Registry
from ingest.decode import Router
from ingest.log import Record
from ingest.message import DecodedBatch
from ingest.mqtt5_source import Mqtt5Source
from ingest.pipeline import Deliver, Pipeline
from ingest.sqlite_log import SqliteLog
from tests.support.mosquitto import Mosquitto

READINGS = 300_000
SENSORS = 10_000
FILTER = "jingqiao/v1/+/readings"


def run(
    readings: int = READINGS,
    consumer: Callable[[Registry], Deliver] | None = None,
    consumer_name: str = "+ log + consumer",
    repeat: int = 3,
) -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit): messages a second of each way, and their ratios to mosquitto_sub.

    consumer : makes what `Pipeline` delivers to (rules, archive), measured as a further way.
    repeat : int  Rounds; each way's best counts. Ways take turns, so that a slow moment hits all.
    """
    registry = Registry.of([], [{"sensor_id": f"cover-{i:06d}"} for i in range(SENSORS)])
    ways: list[tuple[str, Callable[[str, str, Path], Awaitable[float]]]] = [
        ("mosquitto_sub -q 1 > /dev/null", lambda url, name, _: _mosquitto_sub(url, name, readings)),
        ("codec + decode", lambda url, name, _: _decode_only(url, name, registry, readings)),
        (
            "codec + decode + log",
            lambda url, name, folder: _pipeline(url, name, registry, readings, folder, _nothing),
        ),
    ]
    if consumer is not None:
        ways.append(
            (
                f"codec + decode {consumer_name}",
                lambda url, name, folder: _pipeline(
                    url, name, registry, readings, folder, consumer(registry)
                ),
            )
        )
    best = dict.fromkeys((name for name, _ in ways), 0.0)
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "broker") as broker:
            for i in range(len(ways)):
                _open_session(broker.port, f"way-{i}")
            asyncio.run(_publish(broker.port, readings))
            for i, (name, way) in enumerate(ways):
                best[name] = max(best[name], asyncio.run(way(broker.url, f"way-{i}", Path(folder))))
    reference = best[ways[0][0]]
    rows = [(f"drain, {name}", rate, "msg/s") for name, rate in best.items()]
    return rows + [
        (f"drain, {name}: ratio to mosquitto_sub", best[name] / reference, "") for name, _ in ways[1:]
    ]


async def _nothing(seq: int, records: Sequence[Record], batch: DecodedBatch) -> None:
    """A consumer that does nothing."""


def _subscriber(port: int, session: str, *options: str) -> list[str]:
    return [
        "mosquitto_sub", "-p", str(port), "-V", "mqttv5", "-i", session, "-c", "-x", "3600",
        "-q", "1", "-t", FILTER, "-D", "connect", "receive-maximum", "65535", *options,
    ]  # fmt: skip


def _open_session(port: int, session: str) -> None:
    subprocess.run(_subscriber(port, session, "-E"), check=True, capture_output=True)


def payload(i: int) -> bytes:
    """A reading of some 100 bytes, as devices send them."""
    return (
        b'{"t":%d,"seq":%d,"tilt_deg":%.2f,"displacement_mm":%.1f,"temperature_c":%.1f,"battery_v":3.61}'
        % (time.time_ns() // 1_000_000, i, i % 300 / 100, i % 50 / 10, 15 + i % 100 / 10)
    )


async def _publish(port: int, readings: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(mqtt5.ConnectPacket("publisher", clean_start=True).write())
    await reader.read(1000)
    asked = acknowledged = answered = 0
    while acknowledged < readings:
        while asked < readings and asked - acknowledged < 20_000:
            topic = f"jingqiao/v1/cover-{asked % SENSORS:06d}/readings"
            qos = mqtt5.QoS.AT_LEAST_ONCE
            packet = mqtt5.PublishPacket(topic, payload(asked), qos=qos, packet_id=asked % 65_000 + 1)
            writer.write(packet.write())
            asked += 1
        await writer.drain()
        answered += len(await reader.read(1 << 20))
        acknowledged = answered // 4  # bytes of a PUBACK that says nothing but success
    writer.close()


async def _mosquitto_sub(url: str, session: str, readings: int) -> float:
    port = int(url.rpartition(":")[2])
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *_subscriber(port, session, "-C", str(readings)), stdout=asyncio.subprocess.DEVNULL
    )
    await process.wait()
    return readings / (time.perf_counter() - start)


def _source(url: str, session: str) -> Mqtt5Source:
    settings = SourceSettings(url=url, client_id=session, topics=(FILTER,), session_expiry_s=3600)
    return Mqtt5Source(settings, lambda: time.time_ns() // 1000)


async def _decode_only(url: str, session: str, registry: Registry, readings: int) -> float:
    source, router, count = _source(url, session), Router({}), 0
    start = time.perf_counter()
    async for batch in source.batches():
        decoded = router(batch.messages, registry)
        assert not decoded.dead_letters, decoded.dead_letters[0]
        batch.ack()
        count += len(decoded.frame)
        if count >= readings:
            break
    rate = count / (time.perf_counter() - start)
    await source.close()
    return rate


async def _pipeline(
    url: str, session: str, registry: Registry, readings: int, folder: Path, deliver: Deliver
) -> float:
    source, log, count, finished = _source(url, session), SqliteLog(folder / f"{session}.sqlite"), 0, 0.0

    async def counting(seq: int, records: Sequence[Record], batch: DecodedBatch) -> None:
        nonlocal count, finished
        await deliver(seq, records, batch)
        count += len(batch.frame)
        if count >= readings:
            finished = time.perf_counter()
            pipeline.stop()

    pipeline = Pipeline(source, log, lambda: registry, Router({}), counting, lambda: time.time_ns() // 1000)
    start = time.perf_counter()
    await pipeline.run()
    log.close()
    return readings / (finished - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=READINGS)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    os.nice(5)
    for name, figure, unit in run(options.readings, repeat=options.repeat):
        sys.stdout.write(f"{name:60} {figure:12,.2f} {unit}\n")


if __name__ == "__main__":
    main()
