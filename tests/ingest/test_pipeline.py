"""The pipeline: durable before acknowledged, in order, through a failing log, every message accounted for."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from config.sources import SourceSettings
from devices.registry import Registry
from ingest.dead_letters import newest
from ingest.decode import Router
from ingest.log import LogUnavailableError
from ingest.message import DecodedBatch, Message
from ingest.mqtt5_source import Mqtt5Source
from ingest.pipeline import Pipeline
from ingest.source import Batch, SourceStatus
from ingest.sqlite_log import SqliteLog
from tests.support.eventually import eventually
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish

NOW = 1_760_000_000_000_000
REGISTRY = Registry.of([], [{"sensor_id": f"s{i}"} for i in range(10)])


def batch_of(values, done):
    messages = [
        Message(f"jingqiao/v1/s{v % 10}/readings", b'{"seq":%d,"tilt_deg":1}' % v, NOW) for v in values
    ]
    return Batch(messages, lambda: done.append(values))


class ListSource:
    """Hands over given batches and then waits to be stopped."""

    def __init__(self, batches):
        self.status, self._batches, self._stop = SourceStatus(), batches, asyncio.Event()
        self.closed = False

    async def batches(self):
        for batch in self._batches:
            if self._stop.is_set():
                return
            yield batch
        await self._stop.wait()

    def stop(self):
        self._stop.set()

    async def close(self):
        self.closed = True


class MemoryLog:
    """Keeps what it is given; refuses the appends whose turns are named."""

    def __init__(self, refuse=()):
        self.turn, self.refuse, self.records, self.letters = 0, set(refuse), [], []

    async def append(self, records, dead_letters=()):
        self.turn += 1
        await asyncio.sleep(0)
        if self.turn in self.refuse:
            raise LogUnavailableError("the disk is full")
        self.records += records
        self.letters += dead_letters
        return len(self.records)


def pipeline_of(source, log, deliver):
    return Pipeline(source, log, lambda: REGISTRY, Router({}), deliver, lambda: NOW + 5)


async def test_a_failing_log_stops_acknowledging_and_then_goes_on_in_order(monkeypatch):
    monkeypatch.setattr("ingest.pipeline._FIRST_RETRY_S", 0.001)
    acknowledged, delivered = [], []
    log = MemoryLog(refuse=[2, 3, 4, 6])
    source = ListSource([batch_of([i, i + 1], acknowledged) for i in range(0, 20, 2)])

    async def deliver(seq, records, batch):
        assert len(acknowledged) == len(delivered) + 1
        delivered.append((seq, records[0].seq.tolist()))

    pipeline = pipeline_of(source, log, deliver)
    running = asyncio.create_task(pipeline.run())
    await eventually(lambda: len(delivered) == 10)
    assert [(i + 1, [2 * i, 2 * i + 1]) for i in range(10)] == delivered
    assert [[i, i + 1] for i in range(0, 20, 2)] == acknowledged
    assert pipeline.counters.log_failures == 4
    assert not pipeline.counters.log_unavailable
    assert pipeline.counters.messages == pipeline.counters.readings == 20
    pipeline.stop()
    await running
    assert source.closed


async def test_nothing_is_acknowledged_while_the_log_refuses_and_a_stop_still_works():
    acknowledged = []
    source = ListSource([batch_of([1], acknowledged), batch_of([2], acknowledged)])
    pipeline = pipeline_of(source, MemoryLog(refuse=range(1000)), None)
    running = asyncio.create_task(pipeline.run())
    await eventually(lambda: pipeline.counters.log_unavailable)
    pipeline.stop()
    await asyncio.wait_for(running, 5)
    assert acknowledged == []


async def test_a_consumer_that_fails_ends_the_pipeline_at_once():
    async def deliver(seq, records, batch):
        raise ZeroDivisionError

    source = ListSource([batch_of([1], [])])
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(pipeline_of(source, MemoryLog(), deliver).run(), 5)
    assert source.closed


def fuzzed(count, seed=1):
    """Payloads from a good one to noise."""
    generator = random.Random(seed)
    good = b'{"t":%d,"seq":5,"tilt_deg":1.5,"open":false}' % (time.time_ns() // 1_000_000)
    for _ in range(count):
        payload = bytearray(
            generator.choice([good, b"[" + good + b"," + good + b"]", b'{"state":"online"}', b""])
        )
        for _ in range(generator.choice([0, 0, 1, 2, 10])):
            place = generator.randrange(len(payload) + 1)
            payload[place : place + generator.choice([0, 1, 5])] = generator.randbytes(
                generator.choice([0, 1, 3])
            )
        topic = generator.choice(
            ["jingqiao/v1/s1/readings"] * 8
            + [
                "jingqiao/v1/s2/strain",
                "jingqiao/v1/s3/status",
                "jingqiao/v1/zz/readings",
                "jingqiao/v1/s1/what",
            ]
            + ["application/1/device/0102030405060708/event/up", "v3/a@t/devices/d/up", "strange"]
        )
        yield topic, bytes(payload)


@pytest.mark.mosquitto
async def test_of_ten_thousand_fuzzed_messages_each_ends_somewhere_and_nothing_else_is_harmed(tmp_path):
    from ingest.envelopes.catalogue import STATELESS

    sent = list(fuzzed(10_000))
    good = ("jingqiao/v1/s9/readings", b'{"tilt_deg":42}')
    mixed = [x for i, m in enumerate(sent) for x in ((m, good) if i % 100 == 0 else (m,))]
    decoded: list[tuple[int, DecodedBatch]] = []
    with Mosquitto(tmp_path / "broker") as broker:
        source = Mqtt5Source(SourceSettings(url=broker.url, topics=("#",)), lambda: time.time_ns() // 1000)
        log = SqliteLog(tmp_path / "log.sqlite")

        async def deliver(seq, records, batch):
            decoded.append((seq, batch))

        pipeline = Pipeline(
            source, log, lambda: REGISTRY, Router(STATELESS), deliver, lambda: time.time_ns() // 1000
        )
        running = asyncio.create_task(pipeline.run())
        await eventually(lambda: source.status.connected)
        await publish(broker.port, mixed)
        await eventually(lambda: pipeline.counters.messages == len(mixed), within_s=30)
        pipeline.stop()
        await running
        rows = sum(len(record) for _, record in log.read(0, 10**6))
        log.close()
    letters = newest(tmp_path / "log.sqlite", limit=10**6)
    assert len(letters) == sum(pipeline.counters.dead_letters.values())
    assert "defect" not in pipeline.counters.dead_letters
    assert rows == pipeline.counters.readings
    kept = {(x.topic, x.payload) for x in letters}
    assert kept <= set(mixed)
    assert good not in kept
    nines = sum(int((batch.frame.sensor == 9).sum()) for _, batch in decoded)
    assert nines == 100
    alone = [Router(STATELESS)([Message(*message, time.time_ns() // 1000)], REGISTRY) for message in mixed]
    ends = [len(x.frame) + len(x.dead_letters) + len(x.presence) + x.notices for x in alone]
    assert min(ends) >= 1
    assert len(letters) == sum(len(x.dead_letters) for x in alone)
    assert rows == sum(len(x.frame) for x in alone)
    assert pipeline.counters.notices == sum(x.notices for x in alone)


@pytest.mark.mosquitto
async def test_a_full_disk_leaves_the_messages_with_the_broker_until_there_is_room(tmp_path):
    with Mosquitto(tmp_path / "broker") as broker:
        # room for the record that is kept and the greatest batch (20,000 rows, some 50 pages), not for all
        log = SqliteLog(tmp_path / "log.sqlite", max_pages=160)
        source = Mqtt5Source(
            SourceSettings(url=broker.url, topics=("jingqiao/v1/+/readings",)), lambda: time.time_ns() // 1000
        )
        seen = []

        async def deliver(seq, records, batch):
            seen.extend(records[0].seq.tolist())

        pipeline = Pipeline(
            source, log, lambda: REGISTRY, Router({}), deliver, lambda: time.time_ns() // 1000
        )
        running = asyncio.create_task(pipeline.run())
        await eventually(lambda: source.status.connected)
        everything = [("jingqiao/v1/s1/readings", b'{"seq":%d,"tilt_deg":1}' % i) for i in range(120_000)]
        sending = asyncio.create_task(publish(broker.port, everything))
        while len(seen) < len(everything):
            await eventually(
                lambda: pipeline.counters.log_unavailable or len(seen) == len(everything), within_s=30
            )
            await log.truncate(log.last_seq())
            await eventually(lambda: not pipeline.counters.log_unavailable, within_s=30)
        await sending
        assert list(range(120_000)) == seen
        assert pipeline.counters.log_failures > 0
        pipeline.stop()
        await running
        log.close()
