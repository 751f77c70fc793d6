"""Pushed messages: durable before they are answered, once however often they are pushed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from devices.frame import Frame
from devices.registry import Registry
from ingest.decode import Router
from ingest.envelopes.catalogue import STATELESS
from ingest.envelopes.ctwing import decode_push, retry_key
from ingest.log import DeadLetter, LogUnavailableError, Record
from ingest.message import DecodedBatch, Message
from ingest.sqlite_log import SqliteLog
from jingqiao import intake as module
from jingqiao.intake import Intake, IntakeFullError

T0 = 1_700_000_000_000_000
REGISTRY = Registry.of([], [{"sensor_id": "lid"}])


class SlowLog(SqliteLog):
    """A log whose commit waits for the test, or fails."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.go = asyncio.Event()
        self.go.set()
        self.broken = False

    async def append(self, records: Sequence[Record], dead_letters: Sequence[DeadLetter] = ()) -> int:
        await self.go.wait()
        if self.broken:
            raise LogUnavailableError("disk full")
        return await super().append(records, dead_letters)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SlowLog]:
    log = SlowLog(tmp_path / "log.sqlite")
    yield log
    log.close()


class Delivered:
    def __init__(self) -> None:
        self.seqs: list[int] = []

    async def __call__(self, seq: int, records: Sequence[Record], batch: DecodedBatch) -> None:
        self.seqs.append(seq)


@pytest.fixture
def delivered() -> Delivered:
    return Delivered()


@pytest.fixture
def intake(log: SlowLog, delivered: Delivered) -> Intake:
    return Intake(log, lambda: REGISTRY, Router(STATELESS), retry_key, delivered)


def push(number: int, tilt: float = 1.0, received: int = T0, **fields: Any) -> list[Message]:
    body = {
        "deviceId": "lid",
        "timestamp": T0 // 1000 - 5000,
        "upPacketSN": number,
        "payload": {"serviceData": {"tilt_deg": tilt}},
        **fields,
    }
    return decode_push(json.dumps(body).encode(), received)


def stored(log: SqliteLog) -> list[float]:
    return [
        float(value)
        for _, record in log.read(0)
        if isinstance(record, Frame)
        for value in record.columns["tilt_deg"]
    ]


async def test_what_is_pushed_again_is_stored_once(log: SlowLog, intake: Intake) -> None:
    for _ in range(3):
        await intake.take(push(7))
    await intake.take(push(8, 2.0))
    assert stored(log) == [1.0, 2.0]
    assert (intake.counters.messages, intake.counters.readings, intake.repeated) == (2, 2, 2)


async def test_other_content_under_the_same_number_is_no_retry(log: SlowLog, intake: Intake) -> None:
    await intake.take(push(-1, 1.0))
    await intake.take(push(-1, 2.0))
    assert stored(log) == [1.0, 2.0]


async def test_a_message_without_a_time_cannot_be_told_from_a_new_one(log: SlowLog, intake: Intake) -> None:
    for _ in range(2):
        await intake.take(push(-1, timestamp=None))
    assert stored(log) == [1.0, 1.0]


async def test_a_retry_that_overtakes_the_commit_waits_for_it(log: SlowLog, intake: Intake) -> None:
    log.go.clear()
    first = asyncio.create_task(intake.take(push(7)))
    await asyncio.sleep(0)
    second = asyncio.create_task(intake.take(push(7)))
    await asyncio.sleep(0)
    assert not second.done()
    log.go.set()
    await asyncio.gather(first, second)
    assert stored(log) == [1.0]


async def test_a_log_that_cannot_store_is_told_to_both_and_the_next_push_counts(
    log: SlowLog, intake: Intake
) -> None:
    log.go.clear()
    log.broken = True
    first = asyncio.create_task(intake.take(push(7)))
    await asyncio.sleep(0)
    second = asyncio.create_task(intake.take(push(7)))
    await asyncio.sleep(0)
    log.go.set()
    ends = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(end) for end in ends] == [LogUnavailableError, IntakeFullError]
    log.broken = False
    await intake.take(push(7))
    assert stored(log) == [1.0]


async def test_what_cannot_be_read_is_kept_and_confirmed(log: SlowLog, intake: Intake) -> None:
    await intake.take(decode_push(b"{no json", T0))
    assert intake.counters.dead_letters == {"json": 1}


async def test_batches_are_delivered_in_the_order_of_the_log(
    log: SlowLog, intake: Intake, delivered: Delivered
) -> None:
    running = asyncio.create_task(intake.run())
    for number in range(5):
        await intake.take(push(number))
    await intake.settled()
    running.cancel()
    assert delivered.seqs == [1, 2, 3, 4, 5]


async def test_no_more_is_taken_while_the_rules_are_far_behind(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 2)
    await intake.take(push(1))
    await intake.take(push(2))
    with pytest.raises(IntakeFullError):
        await intake.take(push(3))


async def test_old_pushes_are_forgotten(
    log: SlowLog, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    await intake.take(push(1))
    await intake.take(push(2, 2.0, received=T0 + module.WINDOW_US))
    await intake.take(push(1, received=T0 + module.WINDOW_US + 1))
    assert stored(log) == [1.0, 2.0, 1.0]
    monkeypatch.setattr(module, "KEPT", 1)
    await intake.take(push(3, 3.0, received=T0 + module.WINDOW_US + 2))
    await intake.take(push(2, 2.0, received=T0 + module.WINDOW_US + 3))
    assert stored(log) == [1.0, 2.0, 1.0, 3.0, 2.0]
